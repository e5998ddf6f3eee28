"""Exercises of 03_subsampling_and_squashing."""

import math

import torch

from lenet_helpers.checks._judge import Check, Mistake, on_cases


def _squares(x):
    """The 2x2 squares of (N, maps, rows, columns), as (N, maps, rows/2, columns/2, 2, 2)."""
    return x.unfold(2, 2, 2).unfold(3, 2, 2)


def _per_map(values):
    return values.view(-1, 1, 1)


def _subsample(x, coefficient, bias):
    return _squares(x).sum((-2, -1)) * _per_map(coefficient) + _per_map(bias)


def _layers(generator):
    for patterns, maps, size in ((2, 4, 4), (3, 5, 10)):
        yield (
            torch.randn(patterns, maps, size, size, generator=generator),
            torch.randn(maps, generator=generator),
            torch.randn(maps, generator=generator),
        )


subsample = Check(
    "subsampling",
    right=_subsample,
    measure=on_cases(_layers),
    mistakes=[
        Mistake(
            "average instead of sum",
            lambda x, c, b: _squares(x).mean((-2, -1)) * _per_map(c) + _per_map(b),
            "The paper adds the four inputs: the average is four times smaller.",
        ),
        Mistake(
            "maximum instead of sum",
            lambda x, c, b: _squares(x).amax((-2, -1)) * _per_map(c) + _per_map(b),
            "Taking the largest input came later; in 1998 the four are added.",
        ),
        Mistake(
            "overlapping squares",
            lambda x, c, b: x.unfold(2, 2, 1).unfold(3, 2, 1).sum((-2, -1)) * _per_map(c) + _per_map(b),
            "Neighbouring squares share no input: move by two.",
        ),
        Mistake(
            "bias inside the bracket",
            lambda x, c, b: (_squares(x).sum((-2, -1)) + _per_map(b)) * _per_map(c),
            "Multiply the sum by the coefficient first, then add the bias.",
        ),
        Mistake(
            "one coefficient for all maps",
            lambda x, c, b: _squares(x).sum((-2, -1)) * c[0] + b[0],
            "Each map has its own coefficient and bias: give them the shape (maps, 1, 1).",
        ),
        Mistake(
            "squash already applied",
            lambda x, c, b: 1.7159 * (2 / 3 * _subsample(x, c, b)).tanh(),
            "Squashing is the next step; hand back the sum before it.",
        ),
    ],
)


def _states(generator):
    yield (1.7 * (2 * torch.rand(50, generator=generator, dtype=torch.float64) - 1),)


slope_from_state = Check(
    "the slope of the squash from its output",
    right=lambda y: 2 / 3 / 1.7159 * (1.7159**2 - y**2),
    measure=on_cases(_states),
    mistakes=[
        Mistake(
            "the slope of plain tanh",
            lambda y: 1 - y**2,
            "That is for A = S = 1. Write y = A t, then f' = A S (1 - t^2).",
        ),
        Mistake(
            "the output not divided by A", lambda y: 1.7159 * 2 / 3 * (1 - y**2), "tanh(S a) is y / A, not y."
        ),
        Mistake(
            "S forgotten", lambda y: (1.7159**2 - y**2) / 1.7159, "The chain rule brings out a factor S."
        ),
        Mistake(
            "A forgotten",
            lambda y: 2 / 3 * (1 - (y / 1.7159) ** 2),
            "f is A times tanh: so is its derivative.",
        ),
        Mistake(
            "the state taken for the sum",
            lambda y: 1.7159 * 2 / 3 * (1 - (2 / 3 * y).tanh() ** 2),
            "y is already f(a): do not squash it a second time.",
        ),
    ],
)


amplitude = Check(
    "the amplitude that makes f(1) = 1",
    right=lambda slope: 1 / math.tanh(slope),
    measure=on_cases(lambda generator: [(2 / 3,), (0.5,), (1.0,)]),
    mistakes=[
        Mistake("turned upside down", lambda s: math.tanh(s), "A tanh(S) = 1: solve for A."),
        Mistake(
            "one over the slope", lambda s: 1 / s, "That makes the slope at 0 equal to 1, not the value at 1."
        ),
        Mistake(
            "a fixed 1.7159", lambda s: 1.7159, "That is right for S = 2/3 alone; compute it from `slope`."
        ),
    ],
)
