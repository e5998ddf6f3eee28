"""Walk a digit through the network, unit by unit."""

import ipywidgets

from ..plots import PALETTE
from .base import Touchable
from .live_picture import LivePicture
from .receptive_fields import LAYERS, MAPS, account, receptive_field, state_maps, states_of
from .svg import Svg, bar, field, frame, text, tile

# layer -> left edge, pixels a unit, maps side by side, title
LAYOUT = {
    "input": (0, 4, 1, "input 32×32"),
    "c1": (146, 2, 2, "C1 6@28×28"),
    "s2": (280, 3, 2, "S2 6@14×14"),
    "c3": (386, 4, 4, "C3 16@10×10"),
    "s4": (580, 6, 4, "S4 16@5×5"),
    "c5": (734, 8, 1, "C5 120"),
    "f6": (832, 8, 1, "F6 84"),
    "output": (906, 17, 1, "penalties"),
}
TOP, SPACE = 22, 5  # where the maps begin, and pixels between them
PANEL = 222  # where the account of the chosen unit begins
WIDTH, HEIGHT = 1000, 402
SEEN, CHOSEN = PALETTE["green"], PALETTE["red"]


def corner(layer, place):
    """The top left corner of a map in the picture."""
    left, pixel, across, _ = LAYOUT[layer]
    _, rows, columns = MAPS[layer]
    return left + place % across * (columns * pixel + SPACE), TOP + place // across * (rows * pixel + SPACE)


def draw_walk(model, states, layer="c3", place=0, row=4, column=4):
    """Every layer's maps, what one unit sees outlined on those below it, and how its state comes about."""
    maps = state_maps(states)
    told = account(model, maps, layer, place, row, column)
    answer = maps["output"].argmin().item()
    picture = Svg(
        WIDTH, HEIGHT,
        f"The feature maps of every layer from the input to the penalties; the answer is {answer}. "
        f"Chosen: {told.name}. {told.words}",
    )  # fmt: skip
    for name in LAYERS:
        picture.add(text(LAYOUT[name][0], 12, LAYOUT[name][3]))
        if name == "output":
            picture.add(*_penalties(maps[name].flatten(), answer))
        for at, values in enumerate(maps[name] if name != "output" else ()):
            x, y = corner(name, at)
            picture.add(field(values, x, y, 4) if name == "input" else tile(values, x, y, LAYOUT[name][1]))
    for name, (feeding, *extent) in receptive_field(layer, place, row, column).items():
        for at in feeding:
            picture.add(_outline(name, at, extent, SEEN))
    picture.add(_outline(layer, place, (row, row, column, column), CHOSEN))
    for name in LAYERS:
        start = (place, row, column) if name == layer else (0, 0, 0)
        for at in range(len(maps[name])):
            _touch(picture, name, at, len(maps[name]), start[1:] if at == start[0] else None)
    return picture.place(draw_account(told), 0, PANEL)


def _penalties(values, answer):
    left, step = LAYOUT["output"][:2]
    for digit, value in enumerate(values.tolist()):
        y = TOP + digit * step
        best = digit == answer
        if best:
            yield bar(left - 4, y, 92, step, PALETTE["green"], fill_opacity=0.2, rx=3)
        yield text(left, y + 13, digit, weight="bold" if best else "normal")
        long = max(3.0, 46 * value / values.max().item())
        yield bar(left + 12, y + 3, long, step - 6, PALETTE["green"] if best else None, rx=2)
        yield text(left + 16 + long, y + 13, f"{value:.0f}", 11)


def _outline(layer, place, extent, colour):
    top, bottom, left, right = extent
    pixel = LAYOUT[layer][1]
    x, y = corner(layer, place)
    wide = 92 if layer == "output" else (right - left + 1) * pixel
    return frame(x + left * pixel - 1, y + top * pixel - 1, wide + 2, (bottom - top + 1) * pixel + 2, colour, 1.6)


def _touch(picture, layer, place, count, chosen):
    (_, rows, columns), pixel = MAPS[layer], LAYOUT[layer][1]
    name = LAYOUT[layer][3] if count == 1 else f"{layer.upper()} map {place}"
    more = "" if count == 1 else ", page keys another map"
    wide = 92 if layer == "output" else columns * pixel
    label = f"{name}; arrow keys choose a unit{more}"
    picture.touch(f"{layer} {place}", *corner(layer, place), wide, rows * pixel, (rows, columns), chosen, label, layer)


def draw_account(told):
    """The patches that feed a unit above the weights they are multiplied with."""
    picture = Svg(WIDTH, HEIGHT - PANEL, "")
    picture.add(text(0, 12, told.name, 14, weight="bold"), text(0, 32, told.words, 13))
    if not told.sources:
        return picture
    rows, columns = told.sources[0].patch.shape
    pixel = min(52 / max(rows, columns), 14.0)
    strongest = max(source.weight.abs().max().item() for source in told.sources) or 1.0
    picture.add(text(0, 80, "states"), text(0, 138, "code" if told.name.startswith("Output") else "× weights"))
    picture.add(text(0, 178, "sum" if len(told.sources) > 1 else ""))
    for at, source in enumerate(told.sources):
        x = 66 + at * 58
        shown = field if source.name == "INPUT" else tile
        picture.add(text(x, 48, source.name.replace(" map ", "·"), 11), shown(source.patch, x, 54, pixel))
        picture.add(tile(source.weight, x, 112, pixel, limit=strongest))
        if len(told.sources) > 1:
            picture.add(text(x + columns * pixel / 2, 178, f"{source.amount:+z.2f}", 11, "middle"))
    return picture


class LayerExplorer(Touchable, ipywidgets.VBox):
    """Pick a digit and walk it through C1 to F6; click any unit to see how its state comes about.

    model: a trained LeNet5. digits: Digits to pick from. pad: a DrawPad whose drawing can be taken instead.
    """

    def __init__(self, model, digits, pad=None):
        self.model, self.digits, self.pad = model, digits, pad
        self.chosen = {"layer": "c3", "place": 0, "row": 4, "column": 4}
        self.index = ipywidgets.BoundedIntText(0, min=0, max=len(digits) - 1, description="Digit no.")
        self.index.observe(lambda _: self.show(digits.images[self.index.value]), "value")
        controls = [self.index]
        if pad is not None:
            take = ipywidgets.Button(
                description="Take my drawing", tooltip="Walk the digit drawn on the pad through the net"
            )
            take.on_click(lambda _: self.take_drawing())
            controls.append(take)
        self.view = LivePicture(self._choose)
        super().__init__([ipywidgets.HBox(controls), self.view])
        self.show(digits.images[0])

    def show(self, digit):
        """Walk another digit, uint8 (28, 28), through the network."""
        self.states = states_of(self.model, digit)
        self.view.show(self.picture())

    def take_drawing(self):
        """Show the pad's drawing, or say on the page that there is none."""
        with self.view.reporting(self.view.answered):
            if self.pad.digit is None:
                raise ValueError("There is no drawing on the pad yet: draw a digit first.")
            self.show(self.pad.digit)

    def picture(self, **chosen):
        """The static twin: the digit shown now, at the chosen unit (layer, place, row, column)."""
        return draw_walk(self.model, self.states, **{**self.chosen, **chosen})

    def _choose(self, touched):
        layer, place = touched["key"].split()
        self.chosen = {
            "layer": layer,
            "place": int(place),
            "row": touched["row"],
            "column": touched["column"],
        }
        self.view.show(self.picture())
