"""How a command fails: in a sentence that names what is to blame, and with an exit status."""

import sys
from contextlib import contextmanager

from .streams import shown


class CommandError(Exception):
    """A command could not do what it was asked to."""


def complain(error, status):
    """Print an error, safe for a terminal, on stderr; returns the status."""
    lines = [shown(line) for line in str(error).splitlines()]
    print("error: " + "\n".join(lines), file=sys.stderr)
    return status


@contextmanager
def blaming(weights):
    """Name the weights where the network that they make has no answer: its penalties are not finite."""
    try:
        yield
    except ValueError as error:
        raise CommandError(f"{weights}: {error}") from error
