"""Exercises of 05_rbf_output."""

import torch

from lenet_helpers.checks._judge import Check, Mistake, on_cases
from lenet_helpers.codes import DIGIT_CODES


def _f6_states(generator):
    """(states, codes) with noisy codes as states."""
    for patterns, classes in ((4, 10), (12, 7)):
        codes = DIGIT_CODES[:classes]
        labels = torch.randint(classes, (patterns,), generator=generator)
        yield codes[labels] + 0.5 * torch.randn(patterns, 84, generator=generator), codes


def _apart(states, codes):
    return states[:, None] - codes


rbf_penalties = Check(
    "the ten penalties of Eq. 7",
    right=lambda states, codes: _apart(states, codes).square().sum(-1),
    measure=on_cases(_f6_states),
    mistakes=[
        Mistake(
            "distance instead of its square",
            lambda x, w: _apart(x, w).square().sum(-1).sqrt(),
            "Eq. 7 takes no root.",
        ),
        Mistake(
            "absolute differences",
            lambda x, w: _apart(x, w).abs().sum(-1),
            "Square the differences before you add them.",
        ),
        Mistake(
            "dot product",
            lambda x, w: x @ w.T,
            "That is large where x and w agree; a penalty is small there.",
        ),
        Mistake(
            "mean instead of sum", lambda x, w: _apart(x, w).square().mean(-1), "Eq. 7 adds the 84 squares."
        ),
        Mistake(
            "the authors' one half",
            lambda x, w: _apart(x, w).square().sum(-1) / 2,
            "Half of Eq. 7: the authors' code has that factor, the equation has not.",
        ),
        Mistake(
            "classes along the rows",
            lambda x, w: _apart(x, w).square().sum(-1).T,
            "One row for each pattern, one column for each class.",
        ),
    ],
)


def _penalties(generator):
    for patterns in (6, 30):
        yield (100 * torch.rand(patterns, 10, generator=generator),)


classify = Check(
    "from penalties to classes",
    right=lambda penalties: penalties.argmin(1),
    measure=on_cases(_penalties),
    mistakes=[
        Mistake(
            "the largest penalty",
            lambda p: p.argmax(1),
            "A penalty is a distance: the class is the nearest code.",
        ),
        Mistake(
            "the penalty instead of the class",
            lambda p: p.min(1).values,
            "Give its place, 0 to 9, not its value.",
        ),
        Mistake(
            "the wrong direction",
            lambda p: p.argmin(0),
            "One answer for each pattern: look along the row, dim=1.",
        ),
    ],
)


def _bitmaps(generator):
    for _ in range(3):
        ink = torch.rand(12, 7, generator=generator) < 0.5
        yield (["".join("#" if black else "." for black in row) for row in ink.tolist()],)


def _black(rows):
    return torch.tensor([[character == "#" for character in row] for row in rows])


code_from_rows = Check(
    "from a bitmap to a code",
    right=lambda rows: 2.0 * _black(rows).flatten() - 1,
    measure=on_cases(_bitmaps),
    mistakes=[
        Mistake(
            "column by column",
            lambda rows: 2.0 * _black(rows).T.flatten() - 1,
            "A code reads the 7 wide, 12 high bitmap row by row, top row first.",
        ),
        Mistake(
            "white as 0",
            lambda rows: _black(rows).flatten().double(),
            "White is -1, so that black and white pull equally hard.",
        ),
        Mistake(
            "black and white swapped", lambda rows: 1 - 2.0 * _black(rows).flatten(), "Black, '#', is +1."
        ),
        Mistake("still a picture", lambda rows: 2.0 * _black(rows) - 1, "Flatten it to 84 numbers."),
    ],
)
