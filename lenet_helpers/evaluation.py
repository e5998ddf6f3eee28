"""How well a network reads: error rate, F1, confusion and rejection, always over the whole set."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from sklearn.metrics import confusion_matrix, f1_score

from .data.digits import to_input
from .data.strings import BLANK
from .paper import EARLIER, FIG5_TEST, FIG9

TARGET_ERROR = 0.5  # percent, the error on the patterns kept in Fig. 10


class NotFiniteError(ValueError):
    """A network's penalties are NaN or infinite."""


class RejectionCurve(NamedTuple):
    """Point i: the percentage rejected to be rid of the i least sure patterns, and the error of the rest."""

    rejected: torch.Tensor  # (N,) percent
    error_rate: torch.Tensor  # (N,) percent of the patterns kept


@dataclass(frozen=True, eq=False)
class Report:
    """The scores of a network on a set of N digits; all tensors are on the CPU."""

    source: str  # Digits.source
    error_rate: float  # percent
    macro_f1: float  # mean of the ten
    per_digit_f1: tuple  # 10 numbers; NaN for a digit neither in the set nor predicted, left out of the mean
    confusion: torch.Tensor  # int64 (10, 10): row the true digit, column the predicted
    wrong: torch.Tensor  # int64, indices into the set
    rejection: float  # percent to reject for TARGET_ERROR on the rest: 0 if met as it is, 100 if never met
    penalties: torch.Tensor  # (N, 10)
    predictions: torch.Tensor  # int64 (N,)

    def __len__(self):
        return len(self.predictions)

    def __str__(self):
        f1 = "  ".join(f"{digit}: {score:.3f}" for digit, score in enumerate(self.per_digit_f1))
        rejection = "never met" if self.rejection == 100 else f"{self.rejection:.2f}% rejected"
        return (
            f"{self.source}, {len(self)} digits: error rate {self.error_rate:.2f}% "
            f"({len(self.wrong)} wrong), macro F1 {self.macro_f1:.4f}\n"
            f"F1 by digit  {f1}\n"
            f"{TARGET_ERROR}% error on the patterns kept: {rejection}"
        )


def evaluate(model, digits, batch_size=500):
    """The Report of `model` on every pattern of `digits` (Digits).

    `model` maps inputs (N, 1, 32, 32) to penalties (N, 10); the smallest penalty is the class. Of a network that reads
    strings, penalties (N, 11), the last is the blank's: no answer here, where every pattern is a digit. A Module gets
    its inputs on the device and in the dtype of its first parameter and runs in eval mode. No gradient is recorded.

    Raises NotFiniteError for NaN or infinite penalties, ValueError for penalties of another shape, for digits of more
    than ten classes, as windows of strings are, and for a batch_size below 1.
    """
    if batch_size < 1:
        raise ValueError(f"evaluate: got batch_size {batch_size}, expected 1 or more.")
    module = isinstance(model, torch.nn.Module)
    like = next(model.parameters(), torch.empty(0)) if module else torch.empty(0)
    training = module and model.training
    if training:
        model.eval()
    try:
        with torch.no_grad():
            batches = digits.images.split(batch_size)
            penalties = [_penalties(model, to_input(images).to(like)) for images in batches]
    finally:
        if training:
            model.train()
    return score(torch.cat(penalties), digits)


def _penalties(model, inputs):
    penalties = model(inputs)
    if penalties.shape not in ((len(inputs), BLANK), (len(inputs), BLANK + 1)):
        raise ValueError(
            f"evaluate: got penalties of shape {tuple(penalties.shape)} for inputs of shape "
            f"{tuple(inputs.shape)}, expected ({len(inputs)}, 10): ten for each pattern, or eleven with the blank."
        )
    return penalties[:, :BLANK].to("cpu", copy=True)  # a model may use its output's memory again


def score(penalties, digits):
    """The Report of penalties (N, 10) worked out before for all N `digits`; raises as `evaluate` does."""
    if digits.classes > BLANK:
        raise ValueError(f"evaluate: got digits of {digits.classes} classes, expected {BLANK}: a blank is no digit.")
    penalties, labels = penalties.detach().cpu(), digits.labels.cpu()
    curve = rejection_curve(penalties, labels)
    predictions = penalties.argmin(1)
    f1 = f1_score(labels, predictions, labels=range(10), average=None, zero_division=float("nan"))
    wrong = (predictions != labels).nonzero().ravel()
    return Report(
        source=digits.source,
        error_rate=100 * len(wrong) / len(labels),
        macro_f1=torch.from_numpy(f1).nanmean().item(),
        per_digit_f1=tuple(f1.tolist()),
        confusion=torch.from_numpy(confusion_matrix(labels, predictions, labels=range(10))),
        wrong=wrong,
        rejection=rejection_for(curve),
        penalties=penalties,
        predictions=predictions,
    )


def rejection_curve(penalties, labels):
    """The RejectionCurve of penalties (N, 10) and labels (N,), by Fig. 10's rule.

    The least sure pattern is the one whose two smallest penalties differ least. Patterns of equal difference
    go together, as by a threshold on it: inside such a group the curve stays where the group begins.

    Raises NotFiniteError for NaN or infinite penalties, ValueError for shapes that do not match.
    """
    if len(labels) == 0 or labels.ndim != 1 or penalties.shape != (len(labels), 10):
        raise ValueError(
            f"got penalties of shape {tuple(penalties.shape)} and labels of shape {tuple(labels.shape)}, "
            "expected (N, 10) and (N,): one row of ten for every digit of the set."
        )
    odd = (~penalties.isfinite()).any(1).nonzero().ravel()
    if len(odd):
        raise NotFiniteError(
            f"got NaN or infinite penalties for {len(odd)} of {len(penalties)} patterns, pattern {odd[0]} "
            "first, expected finite ones: training diverged or the weights are damaged; lower eta, or load "
            "other weights."
        )
    count = len(labels)
    smallest, second = penalties.topk(2, largest=False).values.unbind(1)
    sureness, order = (second - smallest).sort(stable=True)
    wrong = (penalties.argmin(1) != labels)[order]
    kept = torch.arange(count, 0, -1)
    error_rate = 100 * wrong.flip(0).cumsum(0).flip(0).double() / kept
    begins = torch.ones(count, dtype=torch.bool)
    begins[1:] = sureness[1:] > sureness[:-1]
    group = torch.where(begins, torch.arange(count), 0).cummax(0).values
    return RejectionCurve(100 * group.double() / count, error_rate[group])


def rejection_for(curve, target=TARGET_ERROR):
    """The least percentage to reject for at most `target` percent error on the rest; 100 if never met."""
    met = (curve.error_rate <= target).nonzero().ravel()
    return curve.rejected[met[0]].item() if len(met) else 100.0


def score_table(report, passes=None):
    """A report beside an earlier implementation's and the paper's scores, as a Markdown table.

    `passes` is how many passes the network was trained for; with it, Fig. 5's error after as many stands in
    the paper's column too. A report on other digits than MNIST's is followed by a line that says so.
    """
    published = f"{FIG9['LeNet-5']:.2f} in the end"
    if passes in FIG5_TEST:
        published = f"{FIG5_TEST[passes]:.2f} after {_passes(passes)}, {published}"
    ours = report.source if passes is None else f"{report.source}, {_passes(passes)}"
    rows = [
        ("", f"ours ({ours})", f"{EARLIER['name']} ({_passes(EARLIER['passes'])})", "paper"),
        ("error rate, %", f"{report.error_rate:.2f}", "not known", published),
        ("macro F1", f"{report.macro_f1:.3f}", f"{EARLIER['macro_f1']:.3f}", "not given"),
    ]
    for digit, (here, earlier) in enumerate(zip(report.per_digit_f1, EARLIER["per_digit_f1"], strict=True)):
        rows.append((f"F1 of {digit}", f"{here:.3f}", f"{earlier:.3f}", "not given"))
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    if report.source != "MNIST":
        lines += ["", f"Ours is measured on {report.source}, the others on MNIST: they do not compare."]
    return "\n".join(lines)


def _passes(count):
    return f"{count} pass" if count == 1 else f"{count} passes"
