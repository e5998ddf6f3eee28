"""Exercises of 14_strings."""

import itertools

import torch

from lenet_helpers.checks._judge import Check, Mistake, on_cases

FIELDS = (32, 36, 63, 64, 160)


def _window_counts(generator):
    for columns in FIELDS:
        yield (columns,)


windows_in_field = Check(
    "windows in a field",
    right=lambda columns: (columns - 32) // 4 + 1,
    measure=on_cases(_window_counts),
    mistakes=[
        Mistake("the last one forgotten", lambda c: (c - 32) // 4, "A field of 32 columns holds one window, not none."),
        Mistake(
            "a window every column",
            lambda c: c - 32 + 1,
            "Two subsamplings by 2: the output moves by one where the input moves by four.",
        ),
        Mistake("windows side by side", lambda c: c // 32, "Windows overlap: the next begins 4 columns on, not 32."),
        Mistake("windows beyond the edge", lambda c: c // 4, "The last window must still lie within the field."),
    ],
)


def _paths(generator):
    yield ([10, 4, 4, 10, 4, 10, 7],)
    yield ([2, 10, 10, 2, 2, 0],)
    yield ([10, 10],)
    for _ in range(4):
        yield (torch.randint(8, 11, (12,), generator=generator).tolist(),)


def _spell(path):
    return "".join(str(c) for c, _ in itertools.groupby(path) if c != 10)


spell = Check(
    "from a path to a string",
    right=_spell,
    measure=on_cases(_paths),
    mistakes=[
        Mistake(
            "blanks dropped first",
            lambda path: "".join(str(c) for c, _ in itertools.groupby(c for c in path if c != 10)),
            "Merge runs first: in 4, blank, 4 the blank parts two fours.",
        ),
        Mistake(
            "a digit for every window",
            lambda path: "".join(str(c) for c in path if c != 10),
            "Neighbouring windows that see the same digit are one run, and one digit.",
        ),
        Mistake(
            "blanks kept",
            lambda path: "".join(str(c) for c, _ in itertools.groupby(path)),
            "Class 10 is the blank, and spells nothing.",
        ),
    ],
)


def _lattices(generator):
    """(penalties (positions, classes), arcs (classes, classes)): the arcs matter in each."""
    for positions, classes in ((4, 3), (6, 4), (9, 3), (7, 5)):
        penalties = 5 * torch.rand(positions, classes, generator=generator)
        arcs = 4 * torch.rand(classes, classes, generator=generator)
        yield penalties, arcs


def _viterbi(penalties, arcs):
    best, before = penalties[0], []
    for own in penalties[1:]:
        least, source = (best[:, None] + arcs).min(0)
        best = least + own
        before.append(source)
    path = [int(best.argmin())]
    for source in reversed(before):
        path.append(int(source[path[-1]]))
    return path[::-1]


def _one_after_the_other(penalties, arcs):
    path = [int(penalties[0].argmin())]
    for own in penalties[1:]:
        path.append(int((arcs[path[-1]] + own).argmin()))
    return path


best_path = Check(
    "the path of least penalty",
    right=_viterbi,
    measure=on_cases(_lattices),
    mistakes=[
        Mistake(
            "each position by itself",
            lambda penalties, arcs: penalties.argmin(1).tolist(),
            "The arcs cost something too: a class that is best by itself may be dear to reach.",
        ),
        Mistake(
            "the cheapest next step",
            _one_after_the_other,
            "A dear step now may lead to a cheap rest: keep the best way to EVERY class, choose at the end.",
        ),
        Mistake(
            "arcs the wrong way round",
            lambda penalties, arcs: _viterbi(penalties, arcs.T),
            "arcs[before, after]: the row is where the arc comes from.",
        ),
    ],
)


def _forward(penalties, arcs):
    reached = penalties[0]
    for own in penalties[1:]:
        reached = own - (-(reached[:, None] + arcs)).logsumexp(0)
    return -(-reached).logsumexp(0)


def _least(penalties, arcs):
    reached = penalties[0]
    for own in penalties[1:]:
        reached = own + (reached[:, None] + arcs).amin(0)
    return reached.amin()


forward_score = Check(
    "the forward score",
    right=_forward,
    measure=on_cases(_lattices),
    mistakes=[
        Mistake(
            "the least penalty", _least, "That is Viterbi's. The forward score adds up exp(-penalty) over ALL paths."
        ),
        Mistake(
            "the minus forgotten",
            lambda penalties, arcs: -_forward(penalties, arcs),
            "A score of penalties is a penalty: -log of the sum.",
        ),
        Mistake(
            "penalties for likelihoods",
            lambda penalties, arcs: -_forward(-penalties, -arcs),
            "It is exp(-penalty) that adds up, the sign inside counts.",
        ),
    ],
)
