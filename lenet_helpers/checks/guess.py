"""A prediction made before a run, and what the run says to it."""

from lenet_helpers.checks._judge import Verdict, _is_blank


def prediction(guess: float, found: float, what: str, form: str = ".1f") -> Verdict:
    """Put the reader's guess beside what was found; there is no right or wrong, so `passed` is None.

    guess: a number, or `...` where none was made. what: the unit and the thing, as "% of the digits read wrongly".
    form: how the number found is written. Raises TypeError for a guess that is no number.
    """
    measured = f"measured: {found:{form}} {what}."
    if _is_blank(guess):
        return Verdict(None, f"No prediction was made; {measured}")
    if isinstance(guess, bool) or not isinstance(guess, (int, float)):
        raise TypeError(f"the prediction is {guess!r}; expected a number, such as {found:{form}}.")
    return Verdict(None, f"You predicted {guess:g}; {measured}")
