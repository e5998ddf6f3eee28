"""What the widgets share: assets, and the line to the reader's page."""

from contextlib import contextmanager
from importlib.resources import files

import anywidget
import traitlets

LOST = (
    "No answer from the kernel: it is busy, or it was restarted. What you see here is kept; "
    "if the kernel was restarted, run this cell again."
)


def asset(*names):
    """The text of package assets, one after the other."""
    return "\n".join((files(__package__) / "assets" / name).read_text(encoding="utf-8") for name in names)


class Touchable:
    """A widget that says what it is where it cannot live, as on a page without a kernel."""

    def __repr__(self):
        return f"{type(self).__name__}: live where a kernel runs; its still picture follows."


class Answering(Touchable, anywidget.AnyWidget):
    """A widget whose page asks by `asked` and is answered by `answered`, so that it notices a silent kernel.

    A subclass defines `answer()`. A ValueError is the reader's to mend and shows on the page as it is; any
    other exception shows there too and goes on to the log.
    """

    _css = asset("style.css")
    asked = traitlets.Int(0).tag(sync=True)
    answered = traitlets.Int(0).tag(sync=True)
    problem = traitlets.Unicode("").tag(sync=True)
    lost = traitlets.Unicode(LOST).tag(sync=True)
    markup = traitlets.Unicode("").tag(sync=True)

    @traitlets.observe("asked")
    def _on_asked(self, change):
        with self.reporting(self.asked):
            self.answer()

    @contextmanager
    def reporting(self, serial):
        """Answer question `serial` when the block ends, and put what went wrong in it on the page."""
        problem = ""
        try:
            yield
        except ValueError as error:
            problem = str(error)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            raise
        finally:
            self.problem = problem
            self.answered = serial

    def answer(self):
        raise NotImplementedError(f"{type(self).__name__} defines no answer.")
