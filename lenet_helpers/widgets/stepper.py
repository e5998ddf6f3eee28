"""Slide a kernel over the field and see the sum at each place."""

import math

import ipywidgets
import torch

from ..data.digits import FOREGROUND, to_input
from ..layers import Convolution, Squash
from ..plots import PALETTE
from .base import Touchable
from .live_picture import LivePicture
from .slider import Slider
from .svg import Svg, field, frame, mark, paragraph, text, tile

SIDE, OUT = 32, 28  # rows and columns of the field and of the map
PIXEL = 9
LARGEST = 1000  # weight that can be typed
KERNELS = {
    "vertical edge": torch.tensor([[-1.0, -1, 0, 1, 1]]).repeat(5, 1) / 5,
    "horizontal edge": torch.tensor([[-1.0, -1, 0, 1, 1]]).T.repeat(1, 5) / 5,
    "blur": torch.full((5, 5), 1 / 25),
    "centre alone": torch.zeros(5, 5).index_put((torch.tensor(2), torch.tensor(2)), torch.tensor(1.0)),
}


def convolve(image, kernel, bias):
    """The weighted sums plus bias (28, 28) of one 5x5 kernel over a field (32, 32)."""
    layer = Convolution(1, 1)
    with torch.no_grad():
        layer.weight.copy_(kernel)
        layer.bias.fill_(bias)
        return layer(image.reshape(1, 1, SIDE, SIDE)).reshape(OUT, OUT)


def draw_step(image, kernel, bias=0.0, place=0):
    """The field with the kernel's window on it, the map made so far, and the 25 products of this place."""
    row, column = divmod(place, OUT)
    sums = convolve(image, kernel, bias)
    strongest = max(sums.abs().max().item(), 1e-6)
    patch = image[row : row + 5, column : column + 5]
    products = patch * kernel
    total, squashed = sums[row, column].item(), Squash()(sums[row, column].reshape(1)).item()
    told = (
        f"Row {row}, column {column}: the 25 products add up to {total - bias:z.2f}; with the bias {bias:z.2f} "
        f"that is {total:z.2f}, and squashed {squashed:z.2f}."
    )
    picture = Svg(640, 572, f"A 5 by 5 kernel on a 32 by 32 field, and the 28 by 28 map it makes. {told}")
    x = 350
    picture.add(text(0, 12, "field, 32×32"), field(image, 0, 22, PIXEL))
    picture.add(frame(column * PIXEL, 22 + row * PIXEL, 5 * PIXEL, 5 * PIXEL, PALETTE["orange"]))
    picture.add(text(x, 12, "map made so far, 28×28"), frame(x, 22, OUT * PIXEL, OUT * PIXEL, PALETTE["teal"], 1))
    if row:
        picture.add(tile(sums[:row], x, 22, PIXEL, limit=strongest))
    picture.add(tile(sums[row : row + 1, : column + 1], x, 22 + row * PIXEL, PIXEL, limit=strongest))
    picture.add(frame(x + column * PIXEL - 1, 21 + row * PIXEL, PIXEL + 2, PIXEL + 2, PALETTE["orange"]))
    picture.add(*paragraph(0, 336, told, 640, 13))
    limit = max(products.abs().max().item(), 1e-6)
    for at, (title, values, scale) in enumerate((
        ("field under the kernel", patch, FOREGROUND), ("kernel", kernel, max(kernel.abs().max().item(), 1e-6)),
        ("products", products, limit),
    )):  # fmt: skip
        left = at * 218.0
        picture.add(text(left, 388, title), *_numbers(values, left, 398, 33, scale))
        if at:
            picture.add(text(left - 27, 488, "×" if at == 1 else "=", 22, "middle"))
    window = (SIDE * PIXEL, SIDE * PIXEL)
    label = "Field: arrow keys slide the kernel"
    picture.touch("field", 0, 22, *window, (SIDE, SIDE), (row + 2, column + 2), label)
    whole = (OUT * PIXEL, OUT * PIXEL)
    return picture.touch("map", x, 22, *whole, (OUT, OUT), (row, column), "Map: arrow keys choose a unit")


def _numbers(values, x, y, cell, limit):
    """A small map with its values written in it."""
    yield tile(values, x, y, cell, limit=limit)
    for row, numbers in enumerate(values.tolist()):
        for column, value in enumerate(numbers):
            colour = "#fff" if abs(value) > 0.55 * limit else "#222"
            yield text(x + (column + 0.5) * cell, y + (row + 0.62) * cell, f"{value:z.2f}", 11, "middle", colour)


def kernel_table(kernel):
    """The kernel as a table of number fields."""
    rows = []
    for row, numbers in enumerate(kernel.tolist()):
        cells = (
            mark("td", f'<input type="number" step="any" value="{value:.3g}" data-key="{row} {column}" '
                 f'data-row="{row}" data-column="{column}" aria-label="kernel, row {row}, column {column}">')
            for column, value in enumerate(numbers)
        )  # fmt: skip
        rows.append(mark("tr", "".join(cells)))
    return mark("table", mark("caption", "The kernel: type to change it") + "".join(rows), class_="kernel")


class ConvolutionStepper(Touchable, ipywidgets.VBox):
    """Slide a 5x5 kernel over the field, by hand or by itself; see the 25 products; edit the kernel.

    digit: uint8 (28, 28). model: a trained LeNet5 whose six C1 kernels can be chosen too.
    """

    def __init__(self, digit, model=None):
        self.image = to_input(digit)[0, 0]
        self.kernels = dict(KERNELS)
        self.biases = dict.fromkeys(KERNELS, 0.0)
        for place in range(6 if model is not None else 0):
            self.kernels[f"C1, map {place}"] = model.c1.weight[place, 0].detach().cpu().float().clone()
            self.biases[f"C1, map {place}"] = model.c1.bias[place].item()
        self.kernel, self.bias = self.kernels["vertical edge"].clone(), 0.0
        self.choice = ipywidgets.Dropdown(options=list(self.kernels), description="Kernel")
        self.place = Slider("Place", range(OUT * OUT), 300, running=True)
        self.choice.observe(self._choose, "value")
        self.place.observe(lambda _: self._show(), "index")
        self.view = LivePicture(self._point)
        self.editor = LivePicture(self._edit, markup=kernel_table(self.kernel))
        row = {"flex_flow": "row wrap", "align_items": "flex-start"}
        controls = ipywidgets.HBox([self.choice, self.place], layout=row)
        super().__init__([controls, ipywidgets.HBox([self.view, self.editor], layout={**row, "grid_gap": "24px"})])
        self._show()

    def picture(self):
        """The static twin: the stepper as it stands."""
        return draw_step(self.image, self.kernel, self.bias, self.place.value)

    def _show(self):
        self.view.show(self.picture())

    def _choose(self, change):
        self.kernel, self.bias = self.kernels[change.new].clone(), self.biases[change.new]
        self.editor.markup = kernel_table(self.kernel)
        self._show()

    def _point(self, touched):
        inset = 2 if touched["key"] == "field" else 0  # on the field a reader points at the window's middle
        row, column = (min(max(touched[name] - inset, 0), OUT - 1) for name in ("row", "column"))
        self.place.value = row * OUT + column
        self._show()

    def _edit(self, touched):
        row, column = touched["row"], touched["column"]
        try:
            weight = float(touched["value"])
        except ValueError:
            weight = math.nan
        if not abs(weight) <= LARGEST:
            raise ValueError(
                f"Row {row}, column {column} of the kernel: got {touched['value']!r}, expected a number such as -0.5; "
                "the kernel is unchanged."
            )
        self.kernel[row, column] = weight
        self._show()
