"""Exercises of 04_connections."""

import torch

from lenet_helpers.checks._judge import Check, Mistake, on_cases

_RING = [[(start + step) % 6 for step in range(3)] for start in range(6)]
_RING_OF_FOUR = [[(start + step) % 6 for step in range(4)] for start in range(6)]
_PAIRS = [[0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5]]


def _table(rows):
    table = torch.zeros(16, 6, dtype=torch.bool)
    for out, sources in enumerate(rows):
        table[out, sources] = True
    return table


_TABLE_I = _table([*_RING, *_RING_OF_FOUR, *_PAIRS, range(6)])
_CUT = [sorted(range(start, min(start + 3, 6))) for start in range(6)]

table_one = Check(
    "Table I from its rule",
    right=_TABLE_I,
    mistakes=[
        Mistake(
            "rows and columns swapped",
            _TABLE_I.T,
            "One row for each of the 16 C3 maps, one column for each of the 6 S2 maps.",
        ),
        Mistake(
            "no way round the end",
            _table([*_CUT, *[list(range(s, min(s + 4, 6))) for s in range(6)], *_PAIRS, range(6)]),
            "After map 5 comes map 0 again: take the map's number modulo 6.",
        ),
        Mistake(
            "four before three",
            _table([*_RING_OF_FOUR, *_RING, *_PAIRS, range(6)]),
            "The first six C3 maps take three neighbours, the next six take four.",
        ),
        Mistake(
            "the last maps missing",
            _table([*_RING, *_RING_OF_FOUR]),
            "Maps 12 to 14 take two pairs, map 15 takes all six.",
        ),
        Mistake(
            "all connected",
            torch.ones(16, 6, dtype=torch.bool),
            "That is the full table, with 96 kernels; Table I has 60.",
        ),
    ],
)


def _tables(generator):
    for shape in ((16, 6), (5, 3), (4, 8)):
        table = torch.rand(shape, generator=generator) < 0.6
        table[:, 0] = True
        yield table, 5


table_parameters = Check(
    "parameters of a convolution with a table",
    right=lambda table, kernel: table.sum() * kernel**2 + len(table),
    measure=on_cases(_tables),
    mistakes=[
        Mistake(
            "one bias for each kernel",
            lambda t, k: t.sum() * (k**2 + 1),
            "One bias for each output map: len(table) of them.",
        ),
        Mistake("no bias", lambda t, k: t.sum() * k**2, "Add one bias for each output map."),
        Mistake(
            "the full table",
            lambda t, k: t.numel() * k**2 + len(t),
            "Count the connected pairs alone: table.sum().",
        ),
        Mistake(
            "biases of the wrong side",
            lambda t, k: t.sum() * k**2 + t.shape[1],
            "The biases belong to the output maps, the rows.",
        ),
    ],
)

fan_in = Check(
    "fan-in of each output map",
    right=lambda table, kernel: table.sum(1) * kernel**2,
    measure=on_cases(_tables),
    mistakes=[
        Mistake(
            "one fan-in for all",
            lambda t, k: torch.full((len(t),), t.shape[1] * k**2),
            "An output map sees only the input maps of its row of the table.",
        ),
        Mistake(
            "the bias counted",
            lambda t, k: t.sum(1) * k**2 + 1,
            "The bias is left out: it is no input, and Appendix A scales by the inputs alone.",
        ),
        Mistake(
            "fan-out instead of fan-in",
            lambda t, k: t.sum(0) * k**2,
            "Sum along a row: the inputs of one output map.",
        ),
        Mistake(
            "maps instead of inputs", lambda t, k: t.sum(1), "From every map it sees kernel x kernel units."
        ),
    ],
)


def _grow(layers, widen):
    size = step = 1
    for kernel, stride in layers:
        size = widen(size, kernel, stride, step)
        step *= stride
    return size


_STACKS = [
    ([(5, 1)],),
    ([(5, 1), (2, 2)],),
    ([(5, 1), (2, 2), (5, 1)],),
    ([(5, 1), (2, 2), (5, 1), (2, 2), (5, 1)],),
    ([(3, 2), (3, 3), (2, 1)],),
]

receptive_field = Check(
    "size of a receptive field",
    right=lambda layers: _grow(layers, lambda size, kernel, stride, step: size + (kernel - 1) * step),
    measure=on_cases(lambda generator: _STACKS),
    mistakes=[
        Mistake(
            "strides ignored",
            lambda layers: _grow(layers, lambda size, k, s, step: size + k - 1),
            "One step on a map after subsampling is two pixels of the input: multiply by the strides below.",
        ),
        Mistake(
            "kernels added up",
            lambda layers: sum(kernel for kernel, _ in layers),
            "The first unit is counted in each kernel: a kernel adds (kernel - 1) steps.",
        ),
        Mistake(
            "the layer's own stride counted",
            lambda layers: _grow(layers, lambda size, k, s, step: size + (k - 1) * step * s),
            "A layer's stride spreads the layers above it, not its own kernel: use `step`, then multiply it.",
        ),
        Mistake(
            "sizes multiplied",
            lambda layers: _grow(layers, lambda size, k, s, step: size * k),
            "Neighbouring windows overlap, so sizes add up more slowly than they multiply.",
        ),
    ],
)
