"""Exercises of 07_backprop_and_curvature."""

import torch

from lenet_helpers.checks._judge import Check, Mistake, on_cases

A, S = 1.7159, 2 / 3


def _slope(state):
    return S / A * (A**2 - state**2)


def _squashed(generator):
    """(signal, state, order) for both orders; the signal is positive, as second derivatives are."""
    for order in (1, 2):
        state = A * torch.tanh(torch.randn(4, 6, generator=generator))
        yield torch.rand(4, 6, generator=generator) + 0.5, state, order


squash_backprop = Check(
    "the squash, going down",
    right=lambda signal, state, order: signal * _slope(state) ** order,
    measure=on_cases(_squashed),
    mistakes=[
        Mistake(
            "the slope never squared",
            lambda signal, state, order: signal * _slope(state),
            "For order 2 the slope is squared (Eq. 27).",
        ),
        Mistake(
            "the slope always squared",
            lambda signal, state, order: signal * _slope(state) ** 2,
            "For order 1 the slope is taken once.",
        ),
        Mistake(
            "the signal squared as well",
            lambda signal, state, order: (signal * _slope(state)) ** order,
            "The order-2 signal is a second derivative already; only the slope is squared.",
        ),
        Mistake(
            "the state taken for the sum",
            lambda signal, state, order: signal * _slope(A * torch.tanh(S * state)) ** order,
            "The state is f(a) already: do not squash it a second time.",
        ),
        Mistake(
            "the slope of plain tanh",
            lambda signal, state, order: signal * (1 - state**2) ** order,
            "With A and S the slope is S/A (A^2 - y^2).",
        ),
    ],
)


def _full(generator):
    for patterns, inputs, units in ((3, 4, 2), (7, 5, 6)):
        yield (
            torch.randn(patterns, inputs, generator=generator),
            torch.rand(patterns, units, generator=generator),
        )


full_curvature = Check(
    "the curvature of a full connection",
    right=lambda x, signal: signal.T @ x**2 / len(x),
    measure=on_cases(_full),
    mistakes=[
        Mistake(
            "summed over the patterns, not averaged",
            lambda x, signal: signal.T @ x**2,
            "Eq. 24 is a mean over patterns: divide by their number.",
        ),
        Mistake(
            "the states not squared",
            lambda x, signal: signal.T @ x / len(x),
            "That is the rule for first derivatives; Eq. 25 has x squared.",
        ),
        Mistake(
            "the square of the mean gradient",
            lambda x, signal: (signal.T @ x / len(x)) ** 2,
            "A squared gradient is no curvature: square the states alone.",
        ),
        Mistake(
            "the mean of the squared gradients",
            lambda x, signal: (signal**2).T @ x**2 / len(x),
            "The signal is a second derivative already: square the states alone.",
        ),
        Mistake(
            "inputs along the rows",
            lambda x, signal: (x**2).T @ signal / len(x),
            "The weights are (units, inputs), and so is h.",
        ),
    ],
)


def _shared(generator):
    for positions, kernel in ((6, 3), (9, 5)):
        yield (
            torch.randn(positions + kernel - 1, generator=generator),
            torch.rand(positions, generator=generator),
        )


def _windows(x, signal):
    """One row a position: the states under the kernel there."""
    return x.unfold(0, len(x) - len(signal) + 1, 1)


shared_curvature = Check(
    "the curvature of shared weights",
    right=lambda x, signal: signal @ _windows(x, signal) ** 2,
    measure=on_cases(_shared),
    mistakes=[
        Mistake(
            "the sum squared",
            lambda x, signal: (signal @ _windows(x, signal)) ** 2,
            "Eq. 23 sums squares: square each connection's state first, then add.",
        ),
        Mistake(
            "the sum of the states squared",
            lambda x, signal: signal.mean() * _windows(x, signal).sum(0) ** 2,
            "Each position has a signal of its own and a state of its own: multiply before you add.",
        ),
        Mistake(
            "averaged over the positions",
            lambda x, signal: signal @ _windows(x, signal) ** 2 / len(signal),
            "Sharing adds up: Eq. 23 is a sum over the connections. The mean of Eq. 24 is over patterns.",
        ),
        Mistake(
            "the states not squared",
            lambda x, signal: signal @ _windows(x, signal),
            "That is Eq. 19, the first derivative.",
        ),
        Mistake(
            "the signal squared",
            lambda x, signal: signal**2 @ _windows(x, signal) ** 2,
            "The signal is a second derivative already: square the states alone.",
        ),
    ],
)
