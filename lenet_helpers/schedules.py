"""How the global rate eta falls during training (Section III-B)."""

import math
from dataclasses import dataclass

PAPER_SCHEDULE = (
    (5e-4,) * 2 + (2e-4,) * 3 + (1e-4,) * 3 + (5e-5,) * 4 + (1e-5,) * 8
)  # eta for pass 1..20 (III-B)


@dataclass(frozen=True)
class LinearDecay:
    """eta falling linearly, update by update, from `start` at the first update to `end` after the last of `passes`."""

    start: float = 5e-4
    end: float = 1e-5
    passes: int = 2

    def __post_init__(self):
        if not (0 <= self.end <= self.start < math.inf and self.passes >= 1):
            raise ValueError(f"{self} does not fall; expected 0 <= end <= start, finite, and at least 1 pass.")

    def eta(self, passes_done):
        """eta after `passes_done` passes, a fraction included."""
        return self.start + (self.end - self.start) * min(passes_done / self.passes, 1.0)


TWO_PASS_SCHEDULE = LinearDecay()
SCHEDULES = {"paper": PAPER_SCHEDULE, "two-pass": TWO_PASS_SCHEDULE}  # by name, for the command line and for plans


def eta_at(schedule, passes_done):
    """eta after `passes_done` passes of a LinearDecay, or of one eta for each pass (the last one holds on)."""
    if isinstance(schedule, LinearDecay):
        return schedule.eta(passes_done)
    return schedule[min(int(passes_done), len(schedule) - 1)]
