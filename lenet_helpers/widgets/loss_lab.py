"""Two competing classes under the two losses of Section II-C."""

import math

import ipywidgets
import torch

from ..losses import MAPLoss, MSELoss
from ..plots import PALETTE
from .base import Touchable
from .live_picture import LivePicture
from .slider import Slider, round_numbers
from .svg import Svg, bar, curve, dot, line, mark, paragraph, text

MOST = 40  # the largest penalty on the axes
PENALTIES = range(MOST + 1)
SIZE = 330  # pixels of the plane
LEFT, TOP = 46, 14
RIGHT_CLASS = torch.tensor([0])
STEP, STEPS = 0.5, 600  # of the path that the penalties take downhill


def pushes(loss, penalties):
    """dE/dy of the right class and of its rival, (N, 2), for penalties (N, 2)."""
    return loss.derivative(penalties, RIGHT_CLASS.expand(len(penalties)))


def downhill(loss, start):
    """The path of the two penalties, (steps, 2), when each follows its own derivative, never below 0."""
    path = [torch.tensor([start], dtype=torch.float32)]
    for _ in range(STEPS):
        path.append((path[-1] - STEP * pushes(loss, path[-1])).clamp(0, 2 * MOST))
    return torch.cat(path)


def draw_losses(loss, right, rival):
    """The plane of two penalties with the way down everywhere, the chosen point's path, and the shares."""
    point = torch.tensor([[float(right), float(rival)]])
    energy = loss(point, RIGHT_CLASS).item()
    pull, push = pushes(loss, point)[0].tolist()
    told = (
        f"E = {energy:.2f}.",
        f"dE/dy of the right class: {pull:+z.2f}, so it is {'pulled down' if pull > 5e-3 else 'left alone'}.",
        f"dE/dy of its rival: {push:+z.2f}, so it is {'pushed up' if push < -5e-3 else 'left alone'}.",
    )
    picture = Svg(780, 396, f"{loss}, right class at penalty {right:g}, rival at {rival:g}. {' '.join(told)}")
    picture.add(*_plane(), *_arrows(loss))
    path = [(_x(x), _y(y)) for x, y in downhill(loss, (right, rival)).tolist() if y <= MOST]
    picture.add(curve(path, PALETTE["orange"], 2.5))
    picture.add(dot(_x(right), _y(rival), 7, PALETTE["orange"], stroke="#fff", stroke_width=2))
    beside = LEFT + SIZE + 44
    for at, words in enumerate(told):
        picture.add(text(beside, TOP + 14 + 20 * at, words, 12 if at else 14, weight="normal" if at else "bold"))
    picture.place(_shares(loss, right, rival), beside, TOP + 86)
    places = len(PENALTIES)
    chosen = (MOST - rival, right)
    label = "Plane of the two penalties; arrow keys move the point"
    return picture.touch("plane", LEFT, TOP, SIZE, SIZE, (places, places), chosen, label)


def _x(penalty):
    return LEFT + SIZE * penalty / MOST


def _y(penalty):
    return TOP + SIZE * (1 - penalty / MOST)


def _plane():
    for at in PENALTIES[::10]:
        yield line(_x(at), TOP, _x(at), TOP + SIZE, width=0.5)
        yield line(LEFT, _y(at), LEFT + SIZE, _y(at), width=0.5)
        yield text(_x(at), TOP + SIZE + 17, at, 11, "middle")
        yield text(LEFT - 8, _y(at) + 4, at, 11, "end")
    yield text(LEFT + SIZE / 2, TOP + SIZE + 38, "penalty of the right class (½ squared distance)", 12, "middle")
    turned = f"translate(12 {TOP + SIZE / 2}) rotate(-90)"
    yield mark("g", text(0, 0, "penalty of its rival (½ squared distance)", 12, "middle"), transform=turned)


def _arrows(loss):
    """The way down, as long as it is steep, at the places of a grid."""
    at = torch.arange(2.0, MOST, 4.0)
    places = torch.cartesian_prod(at, at)
    for (x, y), (right, rival) in zip(places.tolist(), pushes(loss, places).tolist(), strict=True):
        long = SIZE / MOST * 3.2
        if abs(right) + abs(rival) > 0.05:
            yield _arrow(_x(x), _y(y), max(_x(x) - right * long, _x(0)), _y(y) + rival * long)


def _arrow(x, y, to_x, to_y):
    long = max(math.hypot(to_x - x, to_y - y), 1e-6)
    across, down = 5 * (to_x - x) / long, 5 * (to_y - y) / long
    barbs = [
        (to_x - across - down * 0.6, to_y - down + across * 0.6),
        (to_x - across + down * 0.6, to_y - down - across * 0.6),
    ]
    return curve([(x, y), (to_x, to_y), barbs[0], (to_x, to_y), barbs[1]], PALETTE["blue"], 1.5, stroke_opacity=0.8)


def _shares(loss, right, rival):
    """Bars of exp(-penalty), each against the sum of all three: what Eq. 9 compares."""
    picture = Svg(360, SIZE, "")
    if isinstance(loss, MSELoss):
        words = (
            "Eq. 8 looks at the right class alone: it pulls that penalty down with a constant 1 and never "
            "pushes a rival up."
        )
        return picture.add(*paragraph(0, 14, words, 340))
    rates = torch.tensor([right, rival, loss.j]).neg().softmax(0).tolist()
    names = ("right class", "rival", f"rubbish class, at j = {loss.j:.3g}")
    colours = (PALETTE["green"], PALETTE["red"], None)
    picture.add(text(0, 14, "share of exp(−penalty)", 13, weight="bold"))
    for at, (name, share, colour) in enumerate(zip(names, rates, colours, strict=True)):
        y, wide = 26 + 50 * at, max(1.0, 260 * share)
        picture.add(
            text(0, y + 12, name),
            bar(0, y + 20, wide, 18, colour, rx=3),
            text(wide + 8, y + 34, f"{100 * share:.1f}%"),
        )
    words = (
        "The rival is pushed up by its share, the right class pulled down by all that is not its own. Rivals "
        f"far above j = {loss.j:.3g} get no push: the rubbish class has taken their share."
    )
    return picture.add(*paragraph(0, 202, words, 340))


class LossLab(Touchable, ipywidgets.VBox):
    """j, the two losses, and what the gradient does to two competing classes; all other classes are far away.

    Penalties are those of the network: with the penalty scale 1/2, half the squared distance to the code.
    """

    def __init__(self):
        self.loss = ipywidgets.Dropdown(options={"MAP, Eq. 9": "MAP", "MSE, Eq. 8": "MSE"}, description="Loss")
        self.j = Slider("j", round_numbers(0.1, 70), 10)
        self.right = Slider("Right class", PENALTIES, 12)
        self.rival = Slider("Rival", PENALTIES, 8)
        self.view = LivePicture(self._point)
        self.loss.observe(self._show, "value")
        for slider in (self.j, self.right, self.rival):
            slider.observe(self._show, "index")
        row = {"flex_flow": "row wrap"}
        super().__init__([
            ipywidgets.HBox([self.loss, self.j], layout=row),
            ipywidgets.HBox([self.right, self.rival], layout=row),
            self.view,
        ])  # fmt: skip
        self._show()

    def picture(self):
        """The static twin: the lab as it stands."""
        loss = MAPLoss(self.j.value) if self.loss.value == "MAP" else MSELoss()
        return draw_losses(loss, self.right.value, self.rival.value)

    def _show(self, _=None):
        self.j.disabled = self.loss.value == "MSE"
        self.view.show(self.picture())

    def _point(self, touched):
        self.right.value, self.rival.value = touched["column"], MOST - touched["row"]
