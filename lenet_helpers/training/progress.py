"""What a run shows and watches at the end of a block: where it stands, its bar, and whether it has gone astray."""

from dataclasses import dataclass

import torch
from tqdm import tqdm

from .history import History

WINDOW = 100  # patterns whose mean loss tells whether training has diverged


class DivergenceError(RuntimeError):
    """The loss is no longer a number, or is far above that of a network that answers nothing."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands, for a callback: errors in percent and loss over the patterns of this pass so far."""

    pass_index: int  # from 0
    passes: int
    patterns: int  # done in this pass
    total: int  # in a pass
    train_error: float
    loss: float
    patterns_per_second: float
    history: History


class Bar(tqdm):
    """The progress bar over all the patterns of all the passes."""

    def __init__(self, now, shown):
        super().__init__(
            total=now.passes * now.total,
            initial=now.pass_index * now.total + now.patterns,
            unit=" patterns",
            unit_scale=True,
            disable=not shown,
        )
        self.show(now)

    def show(self, now):
        self.set_description(f"pass {min(now.pass_index + 1, now.passes)} of {now.passes}", refresh=False)
        self.set_postfix_str(f"error {now.train_error:.2f}%, loss {now.loss:.3f}", refresh=False)
        self.update(now.pass_index * now.total + now.patterns - self.n)


def check_divergence(losses, loss, model, first, number):
    """Raise DivergenceError where the mean of a window of losses is above twice that of a network whose F6 is all zero.

    losses: of the patterns from `first` on in pass `number`, (n,); loss: their function; model: gives codes and scale.
    """
    classes, units = model.rbf.codes.shape
    ignorant = torch.full((1, classes), float(model.rbf_scale * units), dtype=losses.dtype)
    limit = 2 * float(loss(ignorant, torch.zeros(1, dtype=torch.int64)))
    for window, mean in enumerate(part.mean().item() for part in losses.split(WINDOW)):
        if not mean <= limit:
            raise DivergenceError(
                f"From pattern {first + window * WINDOW:,} of pass {number} on the mean loss is {mean:.3g}; expected "
                f"at most {limit:.3g}, twice that of a network whose F6 is all zero. Training has diverged: "
                'lower eta, raise mu, use init="lush", or curvature="running".'
            )
