"""Exercises of 10_evaluation."""

import torch

from lenet_helpers.checks._judge import Check, Mistake, on_cases
from lenet_helpers.evaluation import rejection_curve, rejection_for


def _table(rows, columns):
    return torch.bincount(10 * rows + columns, minlength=100).view(10, 10)


def _classified(generator):
    """(labels, predictions): three answers in four are right, every digit occurs."""
    for patterns in (60, 300):
        labels = torch.randint(10, (patterns,), generator=generator)
        labels[:10] = torch.arange(10)
        wrong = torch.rand(patterns, generator=generator) < 0.25
        predictions = torch.where(wrong, torch.randint(10, (patterns,), generator=generator), labels)
        predictions[:10] = torch.arange(10)
        yield labels, predictions


confusion = Check(
    "the confusion matrix",
    right=_table,
    measure=on_cases(_classified),
    mistakes=[
        Mistake(
            "rows and columns swapped",
            lambda labels, predictions: _table(predictions, labels),
            "A row is a true digit, a column an answer.",
        ),
        Mistake(
            "shares instead of counts",
            lambda labels, predictions: (
                _table(labels, predictions) / _table(labels, predictions).sum(1, keepdim=True)
            ),
            "Count; do not divide by the row.",
        ),
        Mistake(
            "each pair counted once",
            lambda labels, predictions: _table(labels, predictions).clamp(max=1),
            "table[rows, columns] += 1 adds once for a pair that occurs often. Use bincount, or index_put_ "
            "with accumulate=True, or a loop.",
        ),
        Mistake(
            "only the errors",
            lambda labels, predictions: _table(labels, predictions).fill_diagonal_(0),
            "The right answers stand on the diagonal.",
        ),
    ],
)


def _tables(generator):
    for labels, predictions in _classified(generator):
        yield (_table(labels, predictions),)


def _f1(table):
    right = table.diagonal()
    return 2 * right / (table.sum(0) + table.sum(1))


f1_scores = Check(
    "F1 of each digit",
    right=_f1,
    measure=on_cases(_tables),
    mistakes=[
        Mistake(
            "recall alone",
            lambda table: table.diagonal() / table.sum(1),
            "That is the part of the true digits that was found. F1 also asks how many answers were right.",
        ),
        Mistake(
            "precision alone",
            lambda table: table.diagonal() / table.sum(0),
            "That is the part of the answers that was right. F1 also asks how many digits were found.",
        ),
        Mistake(
            "the plain mean of precision and recall",
            lambda table: (table.diagonal() / table.sum(0) + table.diagonal() / table.sum(1)) / 2,
            "F1 is the harmonic mean: 2 P R / (P + R).",
        ),
        Mistake(
            "the product of precision and recall",
            lambda table: table.diagonal() ** 2 / (table.sum(0) * table.sum(1)),
            "Divide by the sum: 2 P R / (P + R).",
        ),
        Mistake("the factor 2 forgotten", lambda table: _f1(table) / 2, "F1 is 1 where all is right."),
        Mistake(
            "one number for all digits", lambda table: _f1(table).mean(), "Ten scores: one for each digit."
        ),
        Mistake(
            "accuracy",
            lambda table: (table.sum() - table.sum(0) - table.sum(1) + 2 * table.diagonal()) / table.sum(),
            "That also counts the nine other digits, which are easy to get right.",
        ),
    ],
)


def _scored(generator):
    """(penalties, labels, target): a right answer tends to have a wide gap, and penalties differ in level."""
    for patterns, target in ((200, 0.5), (400, 3.0)):
        labels = torch.randint(10, (patterns,), generator=generator)
        penalties = 20 + 20 * torch.rand(patterns, 10, generator=generator)
        penalties[torch.arange(patterns), labels] -= 25 * torch.rand(patterns, generator=generator)
        yield penalties + 30 * torch.rand(patterns, 1, generator=generator), labels, target


def _rejected(sureness, wrong, target):
    """Percent to reject, least sure first, for at most `target` percent error among the kept."""
    wrong = wrong[sureness.argsort()].double()
    error = 100 * wrong.flip(0).cumsum(0).flip(0) / torch.arange(len(wrong), 0, -1)
    met = (error <= target).nonzero().ravel()
    return 100.0 * met[0].item() / len(wrong) if len(met) else 100.0


def _wrong(penalties, labels):
    return penalties.argmin(1) != labels


def _gap(penalties):
    best = penalties.topk(2, largest=False).values
    return best[:, 1] - best[:, 0]


def _over_all(penalties, labels, target):
    """As _rejected, but the errors left are divided by all patterns."""
    wrong = _wrong(penalties, labels)[_gap(penalties).argsort()].double()
    error = 100 * wrong.flip(0).cumsum(0).flip(0) / len(wrong)
    return 100.0 * (error <= target).nonzero()[0].item() / len(wrong)


rejection = Check(
    "the rejection rate",
    right=lambda penalties, labels, target: rejection_for(rejection_curve(penalties, labels), target),
    measure=on_cases(_scored),
    mistakes=[
        Mistake(
            "by the best penalty",
            lambda p, d, target: _rejected(-p.amin(1), _wrong(p, d), target),
            "Fig. 10's rule is the gap between the two best: one candidate may be far away and yet sure.",
        ),
        Mistake(
            "the sure ones rejected",
            lambda p, d, target: _rejected(-_gap(p), _wrong(p, d), target),
            "Reject where the two best are close.",
        ),
        Mistake(
            "the two largest penalties",
            lambda p, d, target: _rejected(_gap(-p), _wrong(p, d), target),
            "The best classes are those with the smallest penalties.",
        ),
        Mistake(
            "the errors left, divided by all patterns",
            _over_all,
            "The error rate is that of the patterns that are kept: divide by their number.",
        ),
        Mistake(
            "a fraction",
            lambda p, d, target: _rejected(_gap(p), _wrong(p, d), target) / 100,
            "Give percent.",
        ),
    ],
)
