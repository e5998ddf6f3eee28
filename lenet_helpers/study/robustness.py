"""What networks withstand (Section III-E, Fig. 13): the counts of studies/robustness.py read back, and what they say.

A table has a row for each network, task, variation and amount: of so many `patterns` so many `wrong`, and of those so
many `blank`: no digit was read at all.
"""

import torch
from pandas import concat, read_csv

from ..data.digits import to_input
from ..data.strings import BLANK
from ..files import checksum
from ..weights import PACKAGED
from .compare import error_interval
from .read import RESULTS

COLUMNS = ("task", "variation", "amount", "patterns", "wrong", "blank")
BATCH = 500


def measured():
    """Names of the packaged networks that have been measured; those without a table wait for the study."""
    return [name for name in PACKAGED if (RESULTS / "robustness" / f"{name}.csv").is_file()]


def robustness():
    """The table of every measured network, with error in percent and the ends of its interval (Wilson)."""
    return concat([counts(name).assign(network=name) for name in measured()], ignore_index=True)


def counts(name):
    """The table that a step of the study has written, such as "regular" or "trained_on_noise", with its errors."""
    return with_errors(read_csv(RESULTS / "robustness" / f"{name}.csv", comment="#"))


def measured_with(name):
    """The checksum of the weights that a network's table was measured with, as its heading gives it."""
    heading = (RESULTS / "robustness" / f"{name}.csv").read_text(encoding="utf-8").splitlines()[1]
    return heading.removeprefix("# weights ")


def weights_checksum(model):
    return checksum(model.state_dict(), "")


def with_errors(table):
    """A table with columns error, low and high, in percent."""
    intervals = [error_interval(wrong, patterns) for wrong, patterns in zip(table["wrong"], table["patterns"])]
    low, high = zip(*intervals)
    return table.assign(error=100 * table["wrong"] / table["patterns"], low=low, high=high)


def answers(model, fields):
    """The class of each field (N, 32, 32), or digit (N, 28, 28), of 0 to 255: int64 (N,), on the CPU.

    With eleven classes 10 is the blank.
    """
    like = next(model.parameters())
    return torch.cat([model.predict(to_input(part).to(like)).cpu() for part in fields.split(BATCH)])


@torch.no_grad()
def best_of_windows(model, fields):
    """The digit of the least penalty in any window of fields (N, rows, 32), rows 32 or more: int64 (N,).

    There is a window every 4 rows. The blank is no answer here: some window has a digit in its middle.
    """
    like, best = next(model.parameters()), []
    for part in fields.split(BATCH):
        penalties = model(to_input(part.mT).mT.to(like))  # to_input's wide field, upright
        best.append(penalties[:, :BLANK].flatten(2).amin(2).argmin(1).cpu())
    return torch.cat(best)


def counted(task, variation, amount, wrong, blank):
    """One row of a table, of masks (patterns,): which patterns were read wrongly, and as nothing."""
    row = (task, variation, amount, len(wrong), int(wrong.sum()), int(blank.sum()))
    return dict(zip(COLUMNS, row, strict=True))


def withstood(amounts, errors, neutral, limit):
    """The least and the greatest amount up to which, from the neutral one on, no error is above the limit.

    amounts: in rising order, the neutral one among them; errors: as many. (nan, nan) where the neutral one itself is
    above the limit.
    """
    fits = [error <= limit for error in errors]
    low = high = list(amounts).index(neutral)
    if not fits[low]:
        return float("nan"), float("nan")
    while low > 0 and fits[low - 1]:
        low -= 1
    while high < len(fits) - 1 and fits[high + 1]:
        high += 1
    return amounts[low], amounts[high]


def curve(table, network, variation, task="digit"):
    """The rows of one network under one variation, in rising order of the amount."""
    chosen = (table["network"] == network) & (table["variation"] == variation) & (table["task"] == task)
    return table[chosen].sort_values("amount", ignore_index=True)
