"""What a network makes of one digit, in numbers, in words and as a picture."""

from dataclasses import dataclass

import torch

from ..codes import DIGIT_CODES
from ..data.digits import BACKGROUND, FOREGROUND
from ..plots import PALETTE
from .receptive_fields import states_of
from .svg import Svg, bar, field, frame, line, text, tile

MOST_INK = 0.4  # of 28 x 28; the fullest of MNIST's 60,000 training digits has 0.398
GAP = 8.0  # of the two best penalties: rejecting what is closer leaves about 0.5% error on MNIST (Fig. 10)


@dataclass(frozen=True)
class Reading:
    """One digit as the network sees it and as it answers, and whether the answer is to be trusted."""

    field: torch.Tensor  # (32, 32), the input
    f6: torch.Tensor  # (84,)
    penalties: torch.Tensor  # (10,)
    rubbish: float  # j of Eq. 9: where every penalty is above it, the rubbish class is the nearest
    least_gap: float

    @property
    def ranking(self):
        """The ten classes, the nearest first."""
        return self.penalties.argsort().tolist()

    @property
    def gap(self):
        """The difference between the second best penalty and the best."""
        best, second = self.penalties.topk(2, largest=False).values.tolist()
        return second - best

    @property
    def ink(self):
        """The share of the 28 x 28 pixels that is ink."""
        return ((self.field - BACKGROUND) / (FOREGROUND - BACKGROUND)).sum().item() / 28**2

    @property
    def rejected(self):
        """Why the answer is not to be trusted: "a blot", "none is near" or "two are close"; "" if it is."""
        if self.ink > MOST_INK:
            return "a blot"
        if self.penalties.min().item() > self.rubbish:
            return "none is near"
        return "two are close" if self.gap < self.least_gap else ""

    @property
    def verdict(self):
        best, second, *_ = self.ranking
        if self.rejected == "a blot":
            return "I'd reject this: more ink than any digit I learned from."
        if self.rejected == "none is near":
            return f"I'd reject this: no digit's code is near. At best {named(best)}."
        if self.rejected:
            return f"I'd reject this: {best} or {second}?"
        return f"I read {named(best)}."

    @property
    def remark(self):
        best, second, *_ = self.ranking
        return (
            f"Penalty of {best}: {self.penalties[best]:.1f}; next comes {second} with "
            f"{self.penalties[second]:.1f}."
            + (f" No penalty is below {self.rubbish:g}." if self.rejected == "none is near" else "")
        )


def named(digit):
    """A digit and its article: a 7, an 8."""
    return f"{'an' if digit == 8 else 'a'} {digit}"


def read(model, digit, rubbish=10.0, least_gap=GAP):
    """The Reading of one digit, uint8 (28, 28), by a trained LeNet5."""
    states = states_of(model, digit)
    seen, f6, penalties = states["input"].reshape(32, 32), states["f6"].flatten(), states["penalties"].flatten()
    return Reading(seen, f6, penalties, rubbish, least_gap)


def draw_reading(reading):
    """The field the network sees, its F6 state beside the nearest codes, and the ten penalties as bars."""
    ranking = reading.ranking
    nearest = ", ".join(str(digit) for digit in ranking[:3])
    picture = Svg(560, 336, f"{reading.verdict} {reading.remark} Codes nearest to the F6 state: {nearest}.")
    picture.add(text(0, 12, "what the network sees"), field(reading.field, 0, 22, 4))
    picture.add(text(168, 12, "F6 state"), tile(reading.f6.reshape(12, 7), 168, 22, 10.5))
    picture.add(text(278, 12, "nearest codes, with their penalties"))
    for place, digit in enumerate(ranking[:3]):
        x = 278 + 97 * place
        picture.add(tile(DIGIT_CODES[digit].reshape(12, 7), x, 22, 10.5, limit=1.0))
        if place == 0 and not reading.rejected:
            picture.add(frame(x - 2, 20, 77.5, 130))
        picture.add(text(x + 36, 166, f"{digit}: {reading.penalties[digit]:.1f}", anchor="middle"))
    return picture.place(_penalty_bars(reading), 0, 184)


def _penalty_bars(reading, width=560, height=150):
    """Ten bars; the smallest, which is the answer, in green, or in orange where it is not to be trusted."""
    picture = Svg(width, height, "")
    best = reading.ranking[0]
    colour = PALETTE["orange"] if reading.rejected else PALETTE["green"]
    base, step = height - 24, width / 10
    tallest = max(reading.penalties.max().item(), 1e-6)
    title = "penalty of each class (½ squared distance): the smallest is the answer"
    picture.add(text(0, 12, title), line(0, base, width, base))
    for digit, penalty in enumerate(reading.penalties.tolist()):
        tall = max(3.0, (base - 36) * penalty / tallest)
        middle = (digit + 0.5) * step
        if digit == best:
            picture.add(bar(middle - step * 0.45, 22, step * 0.9, height - 24, colour, fill_opacity=0.16, rx=5))
        picture.add(
            bar(middle - step * 0.3, base - tall, step * 0.6, tall, colour if digit == best else None, rx=3),
            text(middle, base - tall - 4, f"{penalty:.1f}", 11, "middle"),
            text(middle, base + 17, digit, 14, "middle", weight="bold" if digit == best else "normal"),
        )
    return picture
