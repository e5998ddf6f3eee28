"""Exercises of 11_playground."""

import torch

from lenet_helpers.checks._judge import Check, Mistake, on_cases


def _readings(generator):
    """(penalties, limit, gap): clear answers, close seconds, nothing near, and both at once, every digit in turn."""
    for limit, gap in ((10.0, 8.0), (25.0, 3.0)):
        penalties = 60 + 40 * torch.rand(60, 10, generator=generator)
        best = torch.arange(60) % 10
        rows = torch.arange(60)
        penalties[rows, best] = 2 * limit * torch.rand(60, generator=generator)
        close = rows[torch.rand(60, generator=generator) < 0.5]
        penalties[close, (best[close] + 3) % 10] = penalties[close, best[close]] + 2 * gap * torch.rand(
            len(close), generator=generator
        )
        yield penalties, limit, gap


def _answered(penalties, refused, answers=None):
    return torch.where(refused, -1, penalties.argmin(1) if answers is None else answers)


def _two_best(penalties):
    return penalties.topk(2, largest=False).values.unbind(1)


def _far(penalties, limit):
    return penalties.amin(1) > limit


def _close(penalties, gap):
    best, second = _two_best(penalties)
    return second - best < gap


def _refused(penalties, limit, gap):
    return _far(penalties, limit) | _close(penalties, gap)


answer_or_refuse = Check(
    "an answer, or none",
    right=lambda p, limit, gap: _answered(p, _refused(p, limit, gap)),
    measure=on_cases(_readings),
    mistakes=[
        Mistake(
            "the largest penalty taken for the answer",
            lambda p, limit, gap: _answered(p, _refused(p, limit, gap), p.argmax(1)),
            "A penalty is a distance: the class is the smallest one.",
        ),
        Mistake(
            "only refused where no penalty is small",
            lambda p, limit, gap: _answered(p, _far(p, limit)),
            "A 4 that is nearly a 9 has two small penalties. Ask for the gap as well.",
        ),
        Mistake(
            "only refused where two are close",
            lambda p, limit, gap: _answered(p, _close(p, gap)),
            "A scribble may be far from all codes and yet much nearer to one. Ask for the smallest penalty as well.",
        ),
        Mistake(
            "only refused where both is so",
            lambda p, limit, gap: _answered(p, _far(p, limit) & _close(p, gap)),
            "Either is a reason to refuse: `|`, not `&`.",
        ),
        Mistake(
            "refused and answered the wrong way round",
            lambda p, limit, gap: _answered(p, ~_refused(p, limit, gap)),
            "-1 stands where there is a reason to refuse.",
        ),
        Mistake(
            "the two largest penalties",
            lambda p, limit, gap: _answered(
                p, _far(p, limit) | (p.topk(2).values[:, 0] - p.topk(2).values[:, 1] < gap)
            ),
            "The two best classes have the smallest penalties: `topk(2, largest=False)`.",
        ),
    ],
)


def _bowls(generator):
    """(curvatures,): of two directions, or of several."""
    yield (torch.tensor([5.0, 0.05]),)
    yield (torch.tensor([10.0, 0.1]),)
    yield (0.1 + 3 * torch.rand(6, generator=generator),)


best_single_rate = Check(
    "the best single rate",
    right=lambda h: 2 / (h.max() + h.min()),
    measure=on_cases(_bowls),
    relative=1e-3,
    mistakes=[
        Mistake(
            "the rate at which it stops converging",
            lambda h: 2 / h.max(),
            "There the steep direction swings for ever between two walls: its factor is -1.",
        ),
        Mistake(
            "right for the steepest direction alone",
            lambda h: 1 / h.max(),
            "The steep direction is done in one step then, but the slowest is the flat one. A larger rate helps it "
            "more than it hurts.",
        ),
        Mistake(
            "right for the flattest direction alone",
            lambda h: 1 / h.min(),
            "The steep direction diverges: 1 - rate x curvature is far below -1.",
        ),
        Mistake(
            "one over the mean curvature",
            lambda h: 1 / h.mean(),
            "Only the flattest and the steepest count: all others shrink faster than one of these two.",
        ),
        Mistake(
            "one over their sum",
            lambda h: 1 / (h.max() + h.min()),
            "Set the two factors equal but for the sign: 1 - rate x least = rate x greatest - 1.",
        ),
    ],
)
