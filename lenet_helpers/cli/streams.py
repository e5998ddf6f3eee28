"""What the command line prints: text that every stream can take, whoever has stopped reading it."""

import errno
import os
import sys
from contextlib import ExitStack, contextmanager

GONE = (errno.EPIPE, errno.EINVAL)  # of a write to a pipe that nobody reads: Unix's, and Windows'


class Patient:
    """A text stream whose reader may go away: a command writes its files whoever looks on."""

    def __init__(self, stream):
        self.stream = stream

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text):
        try:
            return self.stream.write(text)
        except OSError as error:
            self.let_go(error)
            return len(text)

    def flush(self):
        try:
            self.stream.flush()
        except OSError as error:
            self.let_go(error)

    def let_go(self, error):
        """Write to nowhere from now on, if the error is that nobody reads."""
        if error.errno not in GONE:
            raise error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.stream.fileno())
        os.close(nowhere)


@contextmanager
def patient_streams():
    """Standard output and standard error without errors of their own: what they cannot encode is escaped, a closed
    pipe is let go, and one that was closed from the beginning leads nowhere."""
    before = sys.stdout, sys.stderr
    for stream in before:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    with ExitStack() as opened:
        sys.stdout, sys.stderr = (
            Patient(stream or opened.enter_context(open(os.devnull, "w", encoding="utf-8"))) for stream in before
        )
        try:
            yield
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        finally:
            sys.stdout, sys.stderr = before


def shown(text):
    """Text with control characters escaped: a file's name must neither break a line nor steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text))
