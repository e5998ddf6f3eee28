"""What feeds a unit, and how its state comes about."""

from dataclasses import dataclass

import torch

from ..codes import DIGIT_CODES
from ..data.digits import BACKGROUND, FOREGROUND, to_input
from ..model import TABLE_I

# layer -> (maps, rows, columns) to look at: C5's 120 units as one map of 12 x 10, F6's 84 as the 12 x 7 of the codes
MAPS = {
    "input": (1, 32, 32), "c1": (6, 28, 28), "s2": (6, 14, 14), "c3": (16, 10, 10), "s4": (16, 5, 5),
    "c5": (1, 12, 10), "f6": (1, 12, 7), "output": (1, 10, 1),
}  # fmt: skip
LAYERS = tuple(MAPS)


@dataclass(frozen=True)
class Source:
    """One patch of the layer below and what it is weighted with, of one shape."""

    name: str
    patch: torch.Tensor
    weight: torch.Tensor

    @property
    def amount(self):
        """What the patch adds to the unit's weighted sum."""
        return (self.patch * self.weight).sum().item()


@dataclass(frozen=True)
class Account:
    """How the state of one unit comes about: what feeds it, and the sum in words."""

    name: str
    sources: list
    state: float
    words: str


def fed_by(layer, place, row, column):
    """What feeds one unit directly: (layer below, its maps, first row, last row, first column, last column).

    `place` is the unit's map; C5, F6 and the output are one map each, whose (row, column) is the unit.
    """
    if layer not in LAYERS[1:]:
        raise ValueError(f"fed_by: got layer {layer!r}, expected one of {LAYERS[1:]}; nothing feeds the input.")
    below = LAYERS[LAYERS.index(layer) - 1]
    match layer:
        case "c1":
            return below, [0], row, row + 4, column, column + 4
        case "c3":
            return below, TABLE_I[place].nonzero().flatten().tolist(), row, row + 4, column, column + 4
        case "s2" | "s4":
            return below, [place], 2 * row, 2 * row + 1, 2 * column, 2 * column + 1
    maps, rows, columns = MAPS[below]
    return below, list(range(maps)), 0, rows - 1, 0, columns - 1


def receptive_field(layer, place, row, column):
    """All that one unit can see: layer -> (maps, first row, last row, first column, last column)."""
    seen = {}
    maps, top, bottom, left, right = [place], row, row, column, column
    while layer != "input":
        below, _, top, _, left, _ = fed_by(layer, maps[0], top, left)
        _, _, _, bottom, _, right = fed_by(layer, maps[0], bottom, right)
        maps = sorted({source for at in maps for source in fed_by(layer, at, 0, 0)[1]})
        seen[below] = (maps, top, bottom, left, right)
        layer = below
    return seen


def states_of(model, digit):
    """The states of one digit, uint8 (28, 28), by name as `LeNet5.states` gives them, on the CPU."""
    states = model.states(to_input(digit).to(next(model.parameters())))
    return {name: state.cpu() for name, state in states.items()}


def state_maps(states):
    """The states of one pattern (`LeNet5.states`) as maps to look at: layer -> tensor of MAPS' shape."""
    named = {**states, "output": states["penalties"]}
    return {layer: named[layer][0].reshape(shape) for layer, shape in MAPS.items()}


def account(model, maps, layer, place, row, column):
    """The Account of one unit of `model` for the pattern whose `state_maps` are given."""
    state = maps[layer][place, row, column].item()
    if layer == "input":
        grounds = f"background is {BACKGROUND} and ink {FOREGROUND}"
        words = f"Pixel in row {row}, column {column}: {state:z.2f}, where {grounds}."
        return Account("Input", [], state, words)
    below, feeding, top, bottom, left, right = fed_by(layer, place, row, column)
    patches = [maps[below][source, top : bottom + 1, left : right + 1] for source in feeding]
    if layer == "output":
        code = DIGIT_CODES[row].reshape(12, 7)
        words = (
            f"The squared distance between F6's state and the code of {row} is "
            f"{state / model.rbf.scale:.2f}; times {model.rbf.scale:g} it is the penalty {state:.2f}."
        )
        return Account(f"Output unit {row}", [Source("F6", patches[0], code)], state, words)
    weights, bias = _incoming(model, layer, place, row, column)
    sources = [
        Source(
            below.upper() + (f" map {source}" if len(maps[below]) > 1 else ""),
            patch,
            weight.reshape(patch.shape),
        )
        for source, patch, weight in zip(feeding, patches, weights.cpu(), strict=True)
    ]
    total = sum(source.amount for source in sources)
    products = sum(source.patch.numel() for source in sources)
    words = (
        f"{products} products add up to {total:z.2f}; with the bias {bias:z.2f} that is {total + bias:z.2f}, "
        f"and squashed {state:z.2f}."
    )
    unit = row * maps[layer].shape[2] + column
    where = f" map {place}, row {row}, column {column}" if len(maps[layer]) > 1 else f" unit {unit}"
    return Account(layer.upper() + where, sources, state, words)


def _incoming(model, layer, place, row, column):
    """The weights of a unit's sources, one tensor each, and its bias."""
    own = getattr(model, layer)
    match layer:
        case "s2" | "s4":
            return own.coefficient[place].detach().expand(1, 2, 2), own.bias[place].item()
        case "c1":
            return own.weight[place].detach(), own.bias[place].item()
        case "c3":
            first = int(TABLE_I[:place].sum())
            return own.weight[first : first + int(TABLE_I[place].sum())].detach(), own.bias[place].item()
    unit = row * MAPS[layer][2] + column
    weight = own.weight[unit].detach()
    return weight if layer == "c5" else weight[None], own.bias[unit].item()
