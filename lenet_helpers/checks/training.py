"""Exercises of 09_training."""

import torch

from lenet_helpers.checks._judge import Check, Mistake, on_cases

STAIRS = ((2, 5e-4), (5, 2e-4), (8, 1e-4), (12, 5e-5))  # up to and including this pass


def _eta(number, stairs=STAIRS, after=1e-5):
    return next((eta for last, eta in stairs if number <= last), after)


eta_of_pass = Check(
    "the paper's schedule",
    right=_eta,
    measure=on_cases(lambda generator: [(number,) for number in range(1, 26)]),
    relative=1e-6,
    absolute=1e-9,
    mistakes=[
        Mistake(
            "passes counted from 0",
            lambda number: _eta(number + 1),
            "The first pass is number 1: 0.0005 holds for passes 1 and 2.",
        ),
        Mistake(
            "one pass too long on each stair",
            lambda number: _eta(number - 1),
            "Passes 1 and 2 have 0.0005; pass 3 is on the next stair.",
        ),
        Mistake(
            "a stair too many",
            lambda number: _eta(number, after=5e-5 if number <= 20 else 1e-5),
            "After pass 12 eta is 0.00001.",
        ),
        Mistake(
            "over after 20 passes",
            lambda number: _eta(number) if number <= 20 else 0.0,
            "0.00001 holds for every pass after the twelfth.",
        ),
    ],
)


def _updates(generator):
    for update, updates in ((0, 10), (3, 10), (9, 10), (60000, 120000), (119999, 120000)):
        yield update, updates, 5e-4, 1e-5


falling_eta = Check(
    "eta falling update by update",
    right=lambda update, updates, start, end: start + (end - start) * update / updates,
    measure=on_cases(_updates),
    relative=1e-3,
    absolute=1e-9,
    mistakes=[
        Mistake(
            "rising",
            lambda update, updates, start, end: end + (start - end) * update / updates,
            "It begins at start and comes down to end.",
        ),
        Mistake(
            "at the end one update early",
            lambda update, updates, start, end: start + (end - start) * update / (updates - 1),
            "`end` is for after the last update, when all `updates` are done: divide by `updates`.",
        ),
        Mistake(
            "falling to zero",
            lambda update, updates, start, end: start * (1 - update / updates),
            "After the last update eta is `end`, not 0.",
        ),
        Mistake(
            "falling by factors",
            lambda update, updates, start, end: start * (end / start) ** (update / updates),
            "Linear: each update takes the same amount off.",
        ),
        Mistake(
            "falling in stairs",
            lambda update, updates, start, end: start if 2 * update < updates else end,
            "It falls a little with every update.",
        ),
    ],
)


def _answers(generator):
    for patterns in (5, 40):
        labels = torch.randint(10, (patterns,), generator=generator)
        penalties = 50 * torch.rand(patterns, 10, generator=generator)
        half = torch.arange(0, patterns, 2)
        penalties[half, labels[half]] = 0.0  # half of the answers are right
        yield penalties, labels


def _wrong(penalties, labels):
    return (penalties.argmin(1) != labels).double()


def _so_far(wrong):
    return wrong.cumsum(0) / torch.arange(1, len(wrong) + 1)


on_the_fly = Check(
    "the error so far",
    right=lambda penalties, labels: 100 * _so_far(_wrong(penalties, labels)),
    measure=on_cases(_answers),
    mistakes=[
        Mistake(
            "the largest penalty taken for the answer",
            lambda penalties, labels: 100 * _so_far((penalties.argmax(1) != labels).double()),
            "A penalty is a distance: the class is the smallest one.",
        ),
        Mistake(
            "a fraction",
            lambda penalties, labels: _so_far(_wrong(penalties, labels)),
            "Error rates are in percent here and in the paper.",
        ),
        Mistake(
            "the share of right answers",
            lambda penalties, labels: 100 * (1 - _so_far(_wrong(penalties, labels))),
            "Count the wrong answers.",
        ),
        Mistake(
            "one number for the whole pass",
            lambda penalties, labels: 100 * _wrong(penalties, labels).mean(),
            "One value after each pattern: what has been met so far.",
        ),
        Mistake(
            "a count",
            lambda penalties, labels: _wrong(penalties, labels).cumsum(0),
            "Divide by the number of patterns met so far.",
        ),
        Mistake(
            "divided by all patterns",
            lambda penalties, labels: 100 * _wrong(penalties, labels).cumsum(0) / len(labels),
            "After the first pattern only one has been met: divide by 1, 2, 3, ...",
        ),
    ],
)
