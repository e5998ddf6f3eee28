"""Exercises of 06_loss."""

import torch

from lenet_helpers.checks._judge import Check, Mistake, on_cases


def _right_penalty(penalties, labels):
    return penalties.gather(1, labels[:, None])[:, 0]


def _log_claims(penalties, j):
    rubbish = torch.full_like(penalties[:, :1], -float(j))
    return torch.logsumexp(torch.cat([-penalties, rubbish], 1), 1)


def _terms(penalties, labels, j):
    return _right_penalty(penalties, labels) + _log_claims(penalties, j)


def _naive_log(penalties, j):
    return torch.log(torch.exp(torch.tensor(-float(j))) + torch.exp(-penalties).sum(1))


def _is_right(penalties, labels):
    return torch.eye(penalties.shape[1])[labels]


def _shares(penalties, j):
    return torch.exp(-penalties - _log_claims(penalties, j)[:, None])


def _labelled(highest, margins):
    """Cases (penalties, labels, j) with penalties from 0 to each of the highest values."""

    def cases(generator):
        for high, j in zip(highest, margins, strict=True):
            labels = torch.randint(10, (6,), generator=generator)
            yield high * torch.rand(6, 10, generator=generator), labels, j

    return cases


map_loss = Check(
    "the MAP loss of Eq. 9",
    right=lambda y, d, j: _terms(y, d, j).mean(),
    # Penalties of 10,000 with j = 150: exp(-150) is zero in 32 bits.
    measure=on_cases(_labelled((4.0, 40.0, 10000.0), (1.0, 10.0, 150.0))),
    mistakes=[
        Mistake(
            "exponentials that vanish",
            lambda y, d, j: (_right_penalty(y, d) + _naive_log(y, j)).mean(),
            "Right for small penalties, minus infinity for large ones: use torch.logsumexp.",
        ),
        Mistake(
            "the rubbish class forgotten",
            lambda y, d, j: (_right_penalty(y, d) + torch.logsumexp(-y, 1)).mean(),
            "exp(-j) belongs into the sum, as an eleventh class with penalty j.",
        ),
        Mistake(
            "j instead of exp(-j)",
            lambda y, d, j: (_right_penalty(y, d) + torch.log(j + torch.exp(-y).sum(1))).mean(),
            "The rubbish class claims exp(-j).",
        ),
        Mistake(
            "a minus before y_D",
            lambda y, d, j: (_log_claims(y, j) - _right_penalty(y, d)).mean(),
            "y_D is to become small: it stands with a plus.",
        ),
        Mistake(
            "penalties taken for scores",
            lambda y, d, j: (torch.logsumexp(y, 1) - _right_penalty(y, d)).mean(),
            "Cross-entropy wants large numbers for good classes; a penalty is small for them.",
        ),
        Mistake(
            "the sum over patterns", lambda y, d, j: _terms(y, d, j).sum(), "Eq. 9 is a mean over patterns."
        ),
        Mistake("one value a pattern", _terms, "Eq. 9 is one number, the mean over patterns."),
        Mistake("Eq. 8", lambda y, d, j: _right_penalty(y, d).mean(), "Add the logarithm of all claims."),
    ],
)


map_derivative = Check(
    "the derivative of Eq. 9",
    right=lambda y, d, j: _is_right(y, d) - _shares(y, j),
    measure=on_cases(_labelled((4.0, 40.0, 200.0), (1.0, 10.0, 150.0))),
    mistakes=[
        Mistake(
            "the sign turned",
            lambda y, d, j: _shares(y, j) - _is_right(y, d),
            "That is the direction of the step. The derivative by y_D is positive: y_D up, E up.",
        ),
        Mistake(
            "the rubbish class forgotten",
            lambda y, d, j: _is_right(y, d) - torch.softmax(-y, 1),
            "The shares of the ten classes do not add up to 1: rubbish has one too.",
        ),
        Mistake(
            "penalties taken for scores",
            lambda y, d, j: torch.softmax(y, 1) - _is_right(y, d),
            "A small penalty claims much: exp(-y), and the signs turn with it.",
        ),
        Mistake(
            "divided by the number of patterns",
            lambda y, d, j: (_is_right(y, d) - _shares(y, j)) / len(y),
            "Asked for is the derivative of each pattern's own term.",
        ),
        Mistake(
            "only the shares", lambda y, d, j: -_shares(y, j), "The term y_D adds 1 to the derivative by y_D."
        ),
        Mistake("the derivative of Eq. 8", lambda y, d, j: _is_right(y, d), "Subtract each class's share."),
    ],
)


rubbish_share = Check(
    "the share of the rubbish class",
    right=lambda y, j: torch.exp(-j - _log_claims(y, j)),
    measure=on_cases(lambda g: [(y, j) for y, _, j in _labelled((4.0, 40.0, 200.0), (1.0, 10.0, 150.0))(g)]),
    mistakes=[
        Mistake(
            "what the best class leaves",
            lambda y, j: 1 - _shares(y, j).amax(1),
            "The other nine classes hold a share as well.",
        ),
        Mistake(
            "compared with the best class only",
            lambda y, j: torch.sigmoid(y.amin(1) - j),
            "The sum runs over all ten classes.",
        ),
        Mistake(
            "the claim instead of the share",
            lambda y, j: torch.full((len(y),), float(j)).neg().exp(),
            "Divide by the sum of all claims.",
        ),
        Mistake(
            "the ten classes' share", lambda y, j: _shares(y, j).sum(1), "That is everything but rubbish."
        ),
    ],
)
