"""What a network makes of a whole number, in words and as a picture under the ink it was read from."""

from dataclasses import dataclass

import numpy as np

from ..data.digits import FIELD
from ..data.string_field import fit_line
from ..data.strings import BLANK, MARGIN, STEP
from ..likeness import LEAST_CONFIDENCE, MOST_PENALTY, worst_penalty
from ..plots import FAR, INK, PALETTE
from ..strings import Reading, read_string
from ..strings.reading import runs_along
from .svg import Svg, curve, dot, frame, heat, text

GUTTER, SHEET = 40, 720  # of the picture: the names of the classes, then what lies under the sheet
TOP, ROW = 40, 14  # of the map: below the digits at their places; height of a class
CLASSES = [*map(str, range(BLANK)), "blank"]
HEIGHT = TOP + ROW * len(CLASSES) + 38
UNDER = "the map of penalties, a column for each window, a row for each class"


@dataclass(frozen=True)
class NumberReading:
    """One number as the network reads it, whether that is to be trusted, and where on the sheet its digits stand.

    reading: see strings.Reading. left, scale: of `fit_line`; columns: of the sheet that the ink was drawn on.
    """

    reading: Reading
    left: int
    scale: float
    columns: int
    most_penalty: float
    least_confidence: float

    @property
    def text(self):
        return self.reading.text

    @property
    def worst(self):
        """The largest, over the digits read, of the least penalty along a digit's run."""
        return worst_penalty(self.reading)

    @property
    def rejected(self):
        """Why the answer is not to be trusted: "nothing", "none is near" or "unsure"; "" if it is."""
        if not self.text:
            return "nothing"
        if self.worst > self.most_penalty:
            return "none is near"
        return "unsure" if self.reading.confidence < self.least_confidence else ""

    @property
    def verdict(self):
        return {
            "": f"I read {self.text}.",
            "nothing": "I'd reject this: no digit was read in it.",
            "none is near": f"I'd reject this: not all of it is like digits. At best {self.text}.",
            "unsure": f"I'd reject this: I am not sure enough. At best {self.text}.",
        }[self.rejected]

    @property
    def remark(self):
        share = f"Confidence {self.reading.confidence:.3f}: the share of {self.text or 'no digit'} among all readings."
        if self.rejected == "none is near":
            return f"{share} The penalty of one of its digits is {self.worst:.1f} at best, above {self.most_penalty:g}."
        return f"{share} It should be {self.least_confidence:g}." if self.rejected == "unsure" else share

    @property
    def described(self):
        """All of it in words, for those who do not see the picture."""
        path = ", ".join(
            CLASSES[kind] + (f" at {last - first + 1} windows" if last > first else "")
            for kind, first, last in runs_along(self.reading.path)
        )
        return f"{self.verdict} {self.remark} Under the sheet {UNDER}; the path read: {path}."

    def place(self, column):
        """The place in the picture under the sheet of a column of the field."""
        return GUTTER + SHEET / self.columns * (self.left + (column - MARGIN) / self.scale)


def read_number(model, ink, most_penalty=MOST_PENALTY, least_confidence=LEAST_CONFIDENCE):
    """The NumberReading of a sheet of ink, uint8 (rows, columns), by a LeNet5 with the blank class.

    Raises ValueError where there is no ink, and for what is far longer or taller than a line of digits.
    """
    field, left, scale = fit_line(ink)
    reading = read_string(model, field)
    return NumberReading(reading, left, scale, np.shape(ink)[1], most_penalty, least_confidence)


def draw_number(number):
    """The digits at their places, and under them the map and the path; None for an empty map."""
    if number is None:
        return _frame_of_map(f"Under the sheet, still empty: {UNDER}.")
    picture = _frame_of_map(number.described)
    colour = PALETTE["orange"] if number.rejected else PALETTE["green"]
    penalties = number.reading.penalties
    cell = number.place(STEP) - number.place(0)
    begin = number.place(FIELD / 2) - cell / 2
    begin = min(begin, GUTTER + SHEET - cell * penalties.shape[1])  # a 1 at the edge: its window's middle lies beyond
    middles = [begin + cell * (window + 0.5) for window in range(penalties.shape[1])]
    picture.add(heat(penalties, begin, TOP, cell * len(middles), ROW * len(CLASSES)))
    points = [(x, TOP + ROW * (kind + 0.5)) for x, kind in zip(middles, number.reading.path.tolist())]
    picture.add(curve(points, PALETTE["blue"], 2), *(dot(x, y, 3.5, PALETTE["blue"]) for x, y in points))
    size = min(30, max(12, 5 * cell))
    for digit, column in zip(number.text, number.reading.places):
        place = min(max(number.place(column), GUTTER + size / 3), GUTTER + SHEET - size / 3)
        picture.add(text(place, TOP - 10, digit, size, "middle", colour, "bold"))
    return picture


def _frame_of_map(alt):
    picture = Svg(GUTTER + SHEET, HEIGHT, alt)
    bottom = TOP + ROW * len(CLASSES)
    for row, name in enumerate(CLASSES):
        picture.add(text(GUTTER - 6, TOP + ROW * row + 11, name, 11, "end"))
    picture.add(frame(GUTTER + 0.5, TOP, SHEET - 1, ROW * len(CLASSES), INK, 0.5))
    picture.add(text(GUTTER, bottom + 24, "penalty: 0", 11))
    picture.add(heat([range(64)], GUTTER + 58, bottom + 14, 128, 12, limit=63))
    return picture.add(text(GUTTER + 192, bottom + 24, f"{FAR} and more; the blue line is the path read", 11))
