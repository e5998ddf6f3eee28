"""Judges of the notebooks' "Your turn" exercises: `checks.<exercise>(answer)` says right, not yet and why, or not answered."""

from lenet_helpers.checks._judge import Check, Mistake, NotAnswered, Verdict, on_cases

__all__ = ["Check", "Mistake", "NotAnswered", "Verdict", "on_cases"]
