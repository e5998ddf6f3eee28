"""What eta, mu and h do: on a bowl of two parameters, and to the rates of a whole network (Eq. 21)."""

import ipywidgets
import torch

from ..data.digits import to_input
from ..losses import MAPLoss
from ..model import LeNet5
from ..paper import PUBLISHED_RATES
from ..plots import INK, PALETTE
from ..sdlm import estimate_curvature
from .base import Touchable
from .live_picture import LivePicture
from .slider import Slider, round_numbers
from .svg import Svg, bar, curve, dot, line, mark, paragraph, text

SIZE, REACH = 300, 1.2  # pixels of the bowl, and how far its axes reach from the minimum
SHOWN = 60  # points drawn of a path
LOWEST, HIGHEST = -6.0, 0.0  # powers of ten on the axis of rates
PATTERNS = 500  # of the estimate (Section III-B)
LAYERS = ("c1", "s2", "c3", "s4", "c5", "f6")
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def descent(start, curvature, rates, steps):
    """The path (steps + 1, 2) of gradient descent on E = 1/2 sum h w^2 with a rate for each parameter.

    Each step multiplies w by 1 - rate h, so that the path is a power. SDLM's rates are eta / (mu + h).
    """
    shrink = 1 - torch.as_tensor(rates, dtype=torch.float64) * torch.as_tensor(curvature, dtype=torch.float64)
    count = torch.arange(steps + 1, dtype=torch.float64)[:, None]
    return torch.as_tensor(start, dtype=torch.float64) * shrink**count


def draw_bowl(eta, mu, curvature, rate, start, steps):
    """SDLM's path down a bowl beside plain gradient descent's with one rate for both parameters."""
    rates = [eta / (mu + h) for h in curvature]
    ways = (("SDLM", rates, PALETTE["orange"]), ("gradient descent", [rate, rate], PALETTE["blue"]))
    picture = Svg(SIZE + 380, SIZE + 24, "")
    x, told, bowl = SIZE + 44, [], list(_contours(curvature))
    picture.add(text(x, 16, f"after {steps:,} steps", 14, weight="bold"))
    for at, (name, own_rates, colour) in enumerate(ways):
        path = descent(start, curvature, own_rates, steps)
        told.append(f"{name}: {_ending(path, curvature)}")
        bowl += _path(path, colour)
        picture.add(line(x, 40 + 44 * at, x + 22, 40 + 44 * at, colour, 3))
        picture.add(text(x + 30, 44 + 44 * at, name, 13, weight="bold"))
        picture.add(text(x + 30, 61 + 44 * at, _ending(path, curvature)))
    picture.add(mark("svg", "".join(bowl), x=0, y=0, width=SIZE, height=SIZE))  # a frame of its own: clips at its edge
    picture.add(dot(_at(start[0]), _at(-start[1]), 6, PALETTE["red"], stroke="#fff", stroke_width=2))
    picture.add(text(SIZE / 2, SIZE + 18, "w₁", 12, "middle"), text(SIZE + 8, SIZE / 2 + 4, "w₂"))
    steepest, flattest = max(curvature), min(curvature)
    notes = (
        f"SDLM's rates are η/(μ+h₁) = {rates[0]:.3g} and η/(μ+h₂) = {rates[1]:.3g}; plain gradient descent "
        f"has {rate:.3g} for both.",
        f"One rate must stay below 2/h = {2 / steepest:.3g} or the steep way diverges; just below it, the "
        f"flat way still needs {_patience(flattest, 2 / steepest)} steps to come to a hundredth.",
        "This bowl has no noise. With one pattern an update every step is noisy, and η a thousand times smaller.",
    )
    for at, words in enumerate(notes):
        picture.add(*paragraph(x, 130 + 62 * at, words, 330))
    picture.alt = (
        f"A bowl with curvature {curvature[0]:.3g} across and {curvature[1]:.3g} up, {steps} steps. {'; '.join(told)}."
    )
    chosen = round((1 - start[1] / REACH) * 12), round((1 + start[0] / REACH) * 12)
    return picture.touch("bowl", 0, 0, SIZE, SIZE, (25, 25), chosen, "Bowl: arrow keys move the start")


def _at(w):
    return SIZE * (1 + w / REACH) / 2


def _ending(path, curvature):
    height = 0.5 * (path**2 * torch.as_tensor(curvature, dtype=torch.float64)).sum(1)
    if height[0] == 0:
        return "starts at the minimum, and stays"
    if not height[-1] <= height[0]:
        return "diverges"
    return f"E falls to {100 * (height[-1] / height[0]).item():.2g}% of what it was"


def _patience(flattest, rate):
    """Steps that one rate needs to shrink a direction to a hundredth."""
    return f"{round(4.6 / min(rate * flattest, 4.6)):,}"


def _contours(curvature):
    """Lines of equal height, evenly spaced in the root of the height."""
    yield mark("rect", width=SIZE, height=SIZE, fill=INK, fill_opacity=0.07, rx=4)
    highest = sum(curvature) * REACH**2 / 2
    for level in range(1, 10):
        across, up = ((2 * highest / h) ** 0.5 * level / 9 * SIZE / REACH / 2 for h in curvature)
        yield mark(
            "ellipse", cx=SIZE / 2, cy=SIZE / 2, rx=across, ry=up,
            fill="none", stroke=INK, stroke_opacity=0.6, class_="rule",
        )  # fmt: skip
    yield line(0, SIZE / 2, SIZE, SIZE / 2, width=0.6)
    yield line(SIZE / 2, 0, SIZE / 2, SIZE, width=0.6)


def _path(path, colour):
    inside = (path.abs() <= REACH).all(1)
    until = len(path) if inside.all() else int(inside.int().argmin()) + 1  # the first point outside shows the way out
    chosen = path[:until] if until <= SHOWN else path[torch.linspace(0, until - 1, SHOWN).round().long()]
    points = [(_at(x), _at(-y)) for x, y in chosen.tolist()]
    yield curve(points, colour, 2.2)
    for x, y in points[1:]:
        yield dot(x, y, 2.4, colour)


def network_curvature(init, digits, seed=0):
    """h of a fresh LeNet5, layer by layer, estimated on 500 digits as before the first pass."""
    model = LeNet5(init=init, seed=seed)
    chosen = digits.subset(slice(0, PATTERNS))
    h = estimate_curvature(model, MAPLoss(), to_input(chosen.images), chosen.labels)
    return {layer: torch.cat([h[name].flatten() for name in h if name.startswith(layer)]) for layer in LAYERS}


def draw_rates(curvature, eta, mu, init):
    """How the effective rates eta / (mu + h) of each layer spread, beside the range the paper prints."""
    rates = {layer: eta / (mu + h) for layer, h in curvature.items()}
    everything = torch.cat(list(rates.values()))
    told = f"rates from {everything.min():.2g} to {everything.max():.2g}; the paper prints 7e-05 to 0.016"
    picture = Svg(680, 290, f"Effective learning rates by layer, init={init!r}, eta={eta:.3g}, mu={mu:.3g}: {told}.")
    left, wide, top, tall = 44, 610, 30, 35

    def place(power):
        return left + wide * (power - LOWEST) / (HIGHEST - LOWEST)

    low, high = (place(torch.tensor(rate).log10().item()) for rate in PUBLISHED_RATES)
    picture.add(text(0, 14, f"effective rates of the first pass: {told}", 12))
    picture.add(bar(low, top, high - low, tall * len(LAYERS), PALETTE["green"], fill_opacity=0.16))
    for power in range(int(LOWEST), int(HIGHEST) + 1):
        x = place(power)
        picture.add(line(x, top, x, top + tall * len(LAYERS), width=0.6))
        picture.add(text(x, top + tall * len(LAYERS) + 17, f"10{str(power).translate(SUPERSCRIPT)}", 11, "middle"))
    for at, (layer, values) in enumerate(rates.items()):
        base = top + tall * (at + 1) - 2
        counts = values.log10().clamp(LOWEST, HIGHEST).histc(120, LOWEST, HIGHEST)
        points = [
            (left + wide * (k + 0.5) / 120, base - (tall - 7) * n)
            for k, n in enumerate((counts / counts.max()).tolist())
        ]
        outline = " ".join(f"{x:.1f},{y:.1f}" for x, y in [(left, base), *points, (left + wide, base)])
        picture.add(mark("polygon", points=outline, fill=PALETTE["blue"], fill_opacity=0.75))
        picture.add(text(0, base - 8, layer.upper(), 13, weight="bold"), line(left, base, left + wide, base, width=0.5))
    words = "effective rate η/(μ+h); shaded: the range that the paper prints"
    return picture.add(text(left + wide / 2, 284, words, 12, "middle"))


class CurvatureLab(Touchable, ipywidgets.VBox):
    """eta, mu and h on a bowl of two parameters, SDLM beside gradient descent; below, the rates they
    give the layers of a fresh LeNet5, for either initialisation.

    digits: Digits on whose first 500 the network's h is estimated.
    """

    def __init__(self, digits):
        self.digits, self.curvatures = digits, {}
        self.start = (-1.0, 0.9)
        self.eta, self.mu = Slider("η", round_numbers(1e-3, 1), 0.3), Slider("μ", round_numbers(1e-4, 10), 0.02)
        self.h1, self.h2 = Slider("h₁", round_numbers(1e-3, 20), 5), Slider("h₂", round_numbers(1e-3, 20), 0.05)
        self.rate = Slider("Plain rate", round_numbers(1e-3, 10), 0.3)
        self.steps = Slider("Steps", round_numbers(1, 10_000), 20)
        self.network_eta = Slider("η", round_numbers(1e-5, 0.1), 5e-4)
        self.network_mu = Slider("μ", round_numbers(1e-4, 10), 0.02)
        self.init = ipywidgets.Dropdown(
            options={"Lush, U(±1/√F)": "lush", "Appendix A, U(±2.4/F)": "appendix_a"},
            description="Initialisation", style={"description_width": "90px"},
        )  # fmt: skip
        self.bowl, self.spread = LivePicture(self._point), LivePicture()
        bowl_controls = [(self.eta, self.mu), (self.h1, self.h2), (self.rate, self.steps)]
        network_controls = [(self.init,), (self.network_eta, self.network_mu)]
        for controls, show in ((bowl_controls, self._show_bowl), (network_controls, self._show_rates)):
            for control in (control for row in controls for control in row):
                control.observe(show, "value" if control is self.init else "index")
        rows = [[ipywidgets.HBox(row, layout={"flex_flow": "row wrap"}) for row in controls]
                for controls in (bowl_controls, network_controls)]  # fmt: skip
        super().__init__([*rows[0], self.bowl, *rows[1], self.spread])
        self._show_bowl()
        self._show_rates()

    def picture(self):
        """The static twin: bowl and rates as they stand."""
        bowl, rates = self._bowl(), self._rates()
        return Svg(680, 630, f"{bowl.alt} {rates.alt}").place(bowl, 0, 0).place(rates, 0, 340)

    def _bowl(self):
        curvature = (self.h1.value, self.h2.value)
        return draw_bowl(self.eta.value, self.mu.value, curvature, self.rate.value, self.start, int(self.steps.value))

    def _rates(self):
        init = self.init.value
        if init not in self.curvatures:
            self.curvatures[init] = network_curvature(init, self.digits)
        return draw_rates(self.curvatures[init], self.network_eta.value, self.network_mu.value, init)

    def _show_bowl(self, _=None):
        self.bowl.show(self._bowl())

    def _show_rates(self, _=None):
        self.spread.show(self._rates())

    def _point(self, touched):
        self.start = (REACH * (touched["column"] / 12 - 1), REACH * (1 - touched["row"] / 12))
        self._show_bowl()
