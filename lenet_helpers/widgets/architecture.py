"""LeNet-5 as Fig. 2 draws it, with a real digit in the field, its states in the maps and its ten answers at the end."""

import ipywidgets

from ..codes import DIGIT_CODES
from ..plots import INK, PALETTE
from .base import Touchable
from .digit_reading import named
from .live_picture import LivePicture
from .receptive_fields import state_maps, states_of
from .svg import Svg, bar, field, frame, line, text, tile

# layer -> left edge, pixels a unit, steps right and down from one map to the next, what it is
STACKS = {
    "input": (0, 4.0, 0, 0, "32×32 pixels"),
    "c1": (156, 2.6, 16, 33, "6 maps of 28×28"),
    "s2": (342, 3.4, 15, 37, "6 maps of 14×14"),
    "c3": (498, 4.4, 9.2, 13.5, "16 maps of 10×10"),
    "s4": (712, 5.6, 7.4, 14.5, "16 maps of 5×5"),
    "c5": (884, 8.0, 0, 0, "120 units"),
    "f6": (1008, 9.0, 0, 0, "84 units"),
}
STEPS = ("convolution", "subsampling", "convolution", "subsampling", "convolution", "full connection")
# The windows that Fig. 2 joins to one unit of the layer above: layer, first row and column, size, unit above
WINDOWS = (("input", 13, 15, 5, (13, 15)), ("c1", 12, 14, 2, (6, 7)), ("s2", 4, 5, 5, (4, 5)), ("c3", 4, 4, 2, (2, 2)))
MIDDLE = 170  # the height at which the stacks are centred
ANSWERS, ROW = 1138, 24  # left edge of the ten answers, pixels of each
WIDTH, HEIGHT = 1276, 348
C5 = (20, 6)  # rows and columns in which its 120 units are drawn


def places(layer, maps):
    """The corners (x, y) of a layer's maps, each a step right and down from the one before."""
    left, pixel, right, down, _ = STACKS[layer]
    height = maps.shape[1] * pixel + (len(maps) - 1) * down
    return [(left + at * right, MIDDLE - height / 2 + at * down) for at in range(len(maps))]


def draw_architecture(model, digit):
    """Fig. 2 as an Svg: every state of `model` for a digit, uint8 (28, 28), and the ten penalties at the end.

    Each stack shows all maps of its layer, blue below zero and orange above; a window of the lowest map and the unit
    it feeds stand for all of them. C5 is drawn as 20 rows of 6 units, F6 as the 7 x 12 picture that it is.
    """
    maps = state_maps(states_of(model, digit))
    maps["c5"] = maps["c5"].reshape(1, *C5)
    penalties = maps.pop("output").flatten()
    answer = int(penalties.argmin())
    picture = Svg(
        WIDTH, HEIGHT,
        "LeNet-5 from left to right: a digit in the input field, its states in C1, S2, C3, S4, C5 and F6, and the ten "
        f"penalties. The smallest is that of {answer}, {penalties.min():.1f}; next comes "
        f"{int(penalties.argsort()[1])} with {penalties.sort().values[1]:.1f}.",
    )  # fmt: skip
    for layer, stack in maps.items():
        left, pixel, *_, what = STACKS[layer]
        picture.add(text(left, 14, layer.upper() if layer != "input" else "input", 14, weight="bold"))
        picture.add(text(left, 31, what))
        for values, (x, y) in zip(stack, places(layer, stack), strict=True):
            picture.add(field(values, x, y, pixel) if layer == "input" else tile(values, x, y, pixel))
            rows, columns = values.shape
            picture.add(frame(x, y, columns * pixel, rows * pixel, INK, 0.7))
    for (layer, row, column, size, unit), above in zip(WINDOWS, ("c1", "s2", "c3", "s4"), strict=True):
        picture.add(*_window(maps, layer, row, column, size, above, unit))
    picture.add(*_whole(maps, "s4", "c5"), *_whole(maps, "c5", "f6"))
    picture.add(*_answers(penalties, answer))
    counts = list(model.counts().values())
    ends = [STACKS[layer][0] for layer in ("c1", "s2", "c3", "s4", "c5", "f6")] + [ANSWERS]
    steps = (*STEPS, f"{model.rbf.scale:g} × distance²")
    for left, step, (parameters, _) in zip(ends, steps, counts, strict=True):
        trained = f"{parameters:,} parameters" if parameters else "fixed codes"
        picture.add(text(left, HEIGHT - 20, step), text(left, HEIGHT - 4, trained))
    return picture


def _corner(maps, layer, row, column):
    """Where the unit (row, column) of a layer's last and foremost map begins."""
    x, y = places(layer, maps[layer])[-1]
    pixel = STACKS[layer][1]
    return x + column * pixel, y + row * pixel


def _window(maps, layer, row, column, size, above, unit):
    """The frame of a window and the four lines that join it to the unit it feeds."""
    x, y = _corner(maps, layer, row, column)
    side = size * STACKS[layer][1]
    left, top = _corner(maps, above, *unit)
    pixel = STACKS[above][1]
    for right, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
        yield line(x + right * side, y + down * side, left + right * pixel, top + down * pixel, PALETTE["green"])
    yield frame(x, y, side, side, PALETTE["green"], 1.6)
    yield frame(left, top, pixel, pixel, PALETTE["green"], 1.6)


def _whole(maps, layer, above):
    """The two lines that join all of a layer to all of the next."""
    rows, columns = maps[layer].shape[1:]
    for row, end in ((0, 0), (rows, maps[above].shape[1])):
        yield line(*_corner(maps, layer, row, columns), *_corner(maps, above, end, 0), PALETTE["green"])


def _answers(penalties, answer):
    """For each class its code, its name and its penalty as a bar: the smallest, the answer, in green."""
    top = MIDDLE - 5 * ROW
    yield text(ANSWERS, 14, "output", 14, weight="bold")
    yield text(ANSWERS, 31, f"10 penalties: {named(answer)}")
    for digit, value in enumerate(penalties.tolist()):
        y, best = top + digit * ROW, digit == answer
        if best:
            yield bar(ANSWERS - 4, y, WIDTH - ANSWERS, ROW, PALETTE["green"], fill_opacity=0.2, rx=3)
        yield tile(DIGIT_CODES[digit].reshape(12, 7), ANSWERS, y + 2, 1.6, limit=1.0)
        yield text(ANSWERS + 18, y + 16, digit, 14, weight="bold" if best else "normal")
        long = max(3.0, 66 * value / penalties.max().item())
        yield bar(ANSWERS + 32, y + 4, long, ROW - 8, PALETTE["green"] if best else None, rx=2)
        yield text(ANSWERS + 36 + long, y + 16, f"{value:.1f}", 11)


class NetworkView(Touchable, ipywidgets.VBox):
    """Fig. 2, alive: choose a digit and see what every layer makes of it.

    model: a trained LeNet5. digits: Digits to choose from.
    """

    def __init__(self, model, digits):
        self.model, self.digits = model, digits
        self.index = ipywidgets.IntSlider(0, 0, len(digits) - 1, description="Digit no.", continuous_update=True)
        self.index.observe(lambda _: self.view.show(self.picture()), "value")
        self.view = LivePicture()
        super().__init__([self.index, self.view])
        self.view.show(self.picture())

    def picture(self):
        """The static twin: the digit that is chosen now."""
        return draw_architecture(self.model, self.digits.images[self.index.value])
