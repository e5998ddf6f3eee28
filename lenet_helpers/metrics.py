"""How well a network reads: error rate, F1, confusion, and rejection by Fig. 10's rule, always over the whole set."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from sklearn.metrics import confusion_matrix, f1_score

from .data import to_input

TARGET_ERROR = 0.5  # percent, Fig. 10


class NotFiniteError(ValueError):
    """A network's penalties are NaN or infinite."""


class RejectionCurve(NamedTuple):
    """For 0, 1, ... N - 1 rejected patterns: the percentage rejected, and the error rate of the rest in percent."""

    rejected: torch.Tensor
    error_rate: torch.Tensor


@dataclass(frozen=True, eq=False)
class Report:
    """Scores of one network on one whole set of N digits."""

    source: str  # Digits.source
    error_rate: float  # percent
    macro_f1: float
    per_digit_f1: tuple  # 10 floats; NaN for a digit that is neither in the set nor predicted
    confusion: torch.Tensor  # int64 (10, 10): rows the true digit, columns the predicted
    wrong: torch.Tensor  # int64, indices of the wrong patterns in the set
    rejection: float  # percent to reject for TARGET_ERROR on the rest; 0 if already met, 100 if no rejection meets it
    penalties: torch.Tensor  # (N, 10), on the CPU
    predictions: torch.Tensor  # int64 (N,)

    def __len__(self):
        return len(self.predictions)

    def __str__(self):
        digits = "  ".join(f"{digit}: {score:.3f}" for digit, score in enumerate(self.per_digit_f1))
        return (
            f"{self.source}, {len(self)} digits: error rate {self.error_rate:.2f}% ({len(self.wrong)} wrong), "
            f"macro F1 {self.macro_f1:.4f}\n"
            f"F1 per digit  {digits}\n"
            f"rejection for {TARGET_ERROR}% error on the rest: {self._rejection()}"
        )

    def _rejection(self):
        if self.rejection == 100:
            return "not reached, however many are rejected"
        return f"{self.rejection:.2f}%"


def evaluate(model, digits, batch_size=500):
    """Score `model` on every pattern of `digits` (Digits) and return a Report.

    `model` maps inputs (N, 1, 32, 32) to penalties (N, 10); the smallest penalty is the class. It is given batches on
    the device and in the dtype of its first parameter, if it has any, and no gradient is recorded.

    Raises NotFiniteError for NaN or infinite penalties, ValueError for penalties of another shape or batch_size < 1.
    """
    if batch_size < 1:
        raise ValueError(f"evaluate: got batch_size {batch_size}, expected at least 1.")
    like = next(iter(model.parameters()), torch.empty(0)) if isinstance(model, torch.nn.Module) else torch.empty(0)
    batches = []
    with torch.no_grad():
        for images in digits.images.split(batch_size):
            penalties = model(to_input(images).to(like))
            if penalties.shape != (len(images), 10):
                raise ValueError(
                    f"evaluate: got penalties of shape {tuple(penalties.shape)} for {len(images)} patterns, expected "
                    f"({len(images)}, 10); give a model that maps (N, 1, 32, 32) to (N, 10)."
                )
            batches.append(penalties.cpu().clone())  # a model may reuse its output
    return score(torch.cat(batches), digits)


def score(penalties, digits):
    """The Report of penalties (N, 10) already computed for all N `digits`; raises as `evaluate` does."""
    if penalties.shape != (len(digits), 10):
        raise ValueError(
            f"score: got penalties of shape {tuple(penalties.shape)} for {len(digits)} digits, expected "
            f"({len(digits)}, 10): one row for every digit of the set."
        )
    curve = rejection_curve(penalties, digits.labels)
    labels, predictions = digits.labels.cpu(), penalties.argmin(1)
    f1 = f1_score(labels, predictions, labels=range(10), average=None, zero_division=float("nan"))
    wrong = (predictions != labels).nonzero().ravel()
    return Report(
        source=digits.source,
        error_rate=100 * len(wrong) / len(labels),
        macro_f1=float(torch.tensor(f1).nanmean()),
        per_digit_f1=tuple(f1.tolist()),
        confusion=torch.from_numpy(confusion_matrix(labels, predictions, labels=range(10))),
        wrong=wrong,
        rejection=rejection_for(curve),
        penalties=penalties,
        predictions=predictions,
    )


def rejection_curve(penalties, labels):
    """The RejectionCurve of penalties (N, 10) and labels (N,): least sure first, by the gap between the two best (Fig. 10).

    Patterns of equal gap are rejected together, as a threshold on the gap would: inside such a group the curve keeps
    the value it had before the group. Raises NotFiniteError for NaN or infinite penalties.
    """
    bad = (~penalties.isfinite()).any(1).nonzero().ravel()
    if len(bad):
        raise NotFiniteError(
            f"got NaN or infinite penalties for {len(bad)} of {len(penalties)} patterns (first: pattern {bad[0]}), "
            "expected finite ones; training has diverged or the weights are damaged: lower eta, or load other weights."
        )
    best, second = penalties.topk(2, largest=False).values.unbind(1)
    gap, order = (second - best).sort(stable=True)
    wrong = (penalties.argmin(1) != labels.to(penalties.device))[order]
    kept = torch.arange(len(gap), 0, -1, device=gap.device)
    error_rate = 100 * wrong.flip(0).cumsum(0).flip(0) / kept
    starts = torch.ones_like(wrong)
    starts[1:] = gap[1:] > gap[:-1]
    start = torch.where(starts, torch.arange(len(gap), device=gap.device), 0).cummax(0).values
    return RejectionCurve(rejected=(100 * start / len(gap)).cpu(), error_rate=error_rate[start].cpu())


def rejection_for(curve, target=TARGET_ERROR):
    """The least percentage to reject for at most `target` percent error on the rest; 100 where nothing short of it does."""
    met = (curve.error_rate <= target).nonzero().ravel()
    return float(curve.rejected[met[0]]) if len(met) else 100.0
