"""Draw a whole number and see it read."""

import numpy as np
import traitlets
from PIL import Image

from ..data.string_field import find_ink
from ..data.strings import make_strings
from ..likeness import LEAST_CONFIDENCE, MOST_PENALTY
from ..plots import INK
from .number_reading import GUTTER, HEIGHT, SHEET, draw_number, read_number
from .pad import Pad
from .svg import Svg, frame, text, tile

ROWS, COLUMNS = 140, 420  # of the drawing as the kernel gets it
LENGTHS = (3, 6)  # digits of a sample number
FILLED = 0.8  # of the sheet's width, and three quarters of it of its height, for what is placed on it
EMPTY = "Draw a number."
EMPTY_REMARK = "All its digits, side by side in one line: it is read as a whole, without being cut up."


class NumberPad(Pad):
    """A wide sheet to draw a whole number on; as the pen lifts, the map and the path read appear under the ink.

    model: LeNet5 with eleven classes, the last the blank: load_weights("strings"). samples: Digits that the "Sample
    number" button makes numbers of. name: as of DrawPad. least_confidence: an answer with less is rejected;
    most_penalty: so is one with a digit whose penalty is above it at every window.

    `number` is what the network made of the drawing, a NumberReading, or None where there was nothing to read.
    """

    thing = traitlets.Unicode("number").tag(sync=True)
    shape = traitlets.List([ROWS, COLUMNS]).tag(sync=True)
    verdict = traitlets.Unicode(EMPTY).tag(sync=True)
    remark = traitlets.Unicode(EMPTY_REMARK).tag(sync=True)
    markup = traitlets.Unicode(draw_number(None).markup()).tag(sync=True)

    def __init__(
        self, model, samples=None, name="number", least_confidence=LEAST_CONFIDENCE, most_penalty=MOST_PENALTY
    ):
        super().__init__(name)
        self.model, self.samples = model, samples
        self.least_confidence, self.most_penalty = least_confidence, most_penalty
        self.number = None
        self._next_sample = 0

    def answer(self):
        """Read the drawing in `image`; an empty one asks for a number."""
        ink = self.drawn()
        self.number, verdict, remark = None, EMPTY, EMPTY_REMARK
        if ink.any():
            try:
                self.number = read_number(self.model, ink, self.most_penalty, self.least_confidence)
                verdict, remark = self.number.verdict, self.number.remark
            except ValueError as error:
                verdict, remark = "I'd reject this: it is no line of digits.", f"Seen: {error}"
        with self.hold_sync():
            self.verdict, self.remark, self.markup = verdict, remark, draw_number(self.number).markup()

    def picture(self, field=None):
        """The static twin: the sheet, and under it the answer, of the field uint8 (32, columns) of a string.

        Without a field, of what is drawn now.
        """
        ink = self.drawn() if field is None else on_the_sheet(np.asarray(field))
        if not ink.any():
            return Svg(560, 30, EMPTY).add(text(0, 20, EMPTY, 15))
        number = read_number(self.model, ink, self.most_penalty, self.least_confidence)
        under, tall = draw_number(number), SHEET * ROWS // COLUMNS
        twin = Svg(GUTTER + SHEET, tall + HEIGHT + 66, f"A wide sheet with a number on it. {under.alt}")
        twin.add(tile(255 - ink.astype(int), GUTTER, 1, SHEET / COLUMNS, signed=False, limit=255))
        twin.add(frame(GUTTER, 1, SHEET, tall, INK, 1, rx=4)).place(under, 0, tall + 4)
        return twin.add(
            text(GUTTER, tall + HEIGHT + 34, number.verdict, 22, weight="bold"),
            text(GUTTER, tall + HEIGHT + 56, number.remark, 12),
        )

    def _sample(self):
        if self.samples is None:
            raise ValueError("This pad has no samples: make it as NumberPad(model, samples=load_digits('test')).")
        self._next_sample += 1
        return on_the_sheet(make_strings(self.samples, 1, LENGTHS, seed=self._next_sample).fields[0].numpy())

    def _opened(self, picture):
        return on_the_sheet(find_ink(picture))


def on_the_sheet(ink):
    """Ink uint8 (rows, columns), not all 0, in the middle of the sheet, uint8 (ROWS, COLUMNS)."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = min(FILLED * COLUMNS / crop.shape[1], 0.75 * FILLED * ROWS / crop.shape[0])
    height, width = (max(1, round(side * scale)) for side in crop.shape)
    sheet = np.zeros((ROWS, COLUMNS), np.uint8)
    top, left = (ROWS - height) // 2, (COLUMNS - width) // 2
    crop = Image.fromarray(crop).resize((width, height), Image.Resampling.BICUBIC)
    sheet[top : top + height, left : left + width] = np.asarray(crop)
    return sheet
