"""Draw a digit and see it read."""

import numpy as np
import torch
import traitlets
from PIL import Image

from ..data.digit_pieces import SPECK, Pieces, not_one_digit
from ..data.normalise import centre_digit, fit_box
from ..plots import INK
from .digit_reading import GAP, draw_reading, read
from .pad import Pad
from .svg import Svg, frame, text, tile

SIDE = 112  # pixels a side of the drawing as the kernel gets it, 4 x 28
EMPTY = "Draw a digit."
EMPTY_REMARK = "One digit, as large as you like: it is centred the MNIST way before it is read."


class DrawPad(Pad):
    """A sheet to draw a digit on with mouse, pen, finger or keyboard; as the pen lifts, the network answers.

    model: a trained LeNet5. samples: Digits the "Sample digit" button takes in turn. name: two pads on one
    page need two names, under which the browser keeps their drawings, so that a restarted kernel or a
    reloaded page loses none. least_gap: an answer whose two best penalties are closer is rejected; rubbish:
    so is one with no penalty below it. That is MAPLoss's own j, whatever j the network was trained with: at the 5 of
    "regular" three times as many training digits would be rejected, 1 in 100 (results/likeness.json).

    `digit` is the drawing as uint8 (28, 28), or None while the sheet is empty; `reading` what the network
    made of it.
    """

    thing = traitlets.Unicode("digit").tag(sync=True)
    shape = traitlets.List([SIDE, SIDE]).tag(sync=True)
    verdict = traitlets.Unicode(EMPTY).tag(sync=True)
    remark = traitlets.Unicode(EMPTY_REMARK).tag(sync=True)

    def __init__(self, model, samples=None, name="pad", least_gap=GAP, rubbish=10.0):
        super().__init__(name)
        self.model, self.samples = model, samples
        self.least_gap, self.rubbish = least_gap, rubbish
        self.digit = self.reading = None
        self._next_sample = 0

    def answer(self):
        """Read the drawing in `image`; an empty one asks for a digit."""
        ink = self.drawn()
        self.digit = torch.from_numpy(fit_box(ink)) if ink.any() else None
        self.reading = None if self.digit is None else self._read(self.digit)
        with self.hold_sync():
            self.verdict = _verdict(ink, self.reading) if self.reading else EMPTY
            self.remark = self.reading.remark if self.reading else EMPTY_REMARK
            self.markup = draw_reading(self.reading).markup() if self.reading else ""

    def picture(self, digit=None):
        """The static twin: sheet and answer, of `digit`, uint8 (28, 28), or of what is drawn now."""
        digit = self.digit if digit is None else digit
        if digit is None:
            return Svg(560, 30, EMPTY).add(text(0, 20, EMPTY, 15))
        reading = self._read(digit)
        answer = draw_reading(reading)
        twin = Svg(860, 390, f"A drawing pad with a digit on it and the network's answer. {answer.alt}")
        twin.add(tile(255 - torch.as_tensor(digit).int(), 0, 10, 9, signed=False, limit=255))
        twin.add(frame(0, 10, 252, 252, INK, 1, rx=4))
        twin.add(text(290, 24, reading.verdict, 18, weight="bold"), text(290, 44, reading.remark, 12))
        return twin.place(answer, 290, 56)

    def _read(self, digit):
        return read(self.model, digit, self.rubbish, self.least_gap)

    def _sample(self):
        if self.samples is None:
            raise ValueError("This pad has no samples: make it as DrawPad(model, samples=load_digits('test')).")
        self._next_sample += 1
        return _enlarged(self.samples.images[(self._next_sample - 1) % len(self.samples)])

    def _opened(self, picture):
        return _enlarged(centre_digit(picture))


def _enlarged(digit):
    """A digit (28, 28) as large as the sheet."""
    return np.asarray(Image.fromarray(digit.numpy()).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _verdict(ink, reading):
    """What the drawing is read as, unless it looks like something else than one digit."""
    pieces = Pieces(ink > 0, ink)
    other = not_one_digit(pieces, pieces.mass >= SPECK * pieces.mass.sum())
    return f"I'd reject this: {other}." if other else reading.verdict
