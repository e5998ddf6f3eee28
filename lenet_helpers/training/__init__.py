"""Training: the loop, what it reports, and where it goes on after an interruption."""

from .history import History
from .loop import DivergenceError, Progress, StopTraining, fit

__all__ = ["DivergenceError", "History", "Progress", "StopTraining", "fit"]
