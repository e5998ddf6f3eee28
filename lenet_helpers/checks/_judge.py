"""How an exercise is judged: right, wrong in a way we know, wrong in another way, or not answered yet."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch


class NotAnswered(Exception):
    """The answer is still the stub's `...`."""


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that many people give.

    name: what it is, in a few words. answer: what its author would hand in. advice: what to think about next.
    """

    name: str
    answer: Any
    advice: str


@dataclass(frozen=True)
class Verdict:
    """What a check found. passed is None while the exercise is unanswered; mistake names a known error."""

    passed: bool | None
    message: str
    mistake: str | None = None

    def __repr__(self) -> str:
        return self.message


def on_cases(cases: Callable[[torch.Generator], Iterable[tuple]]) -> Callable[[Callable], list]:
    """A measure for functions: the results on `cases(generator)`, argument tuples, the same in every run.

    Each call gets its own copy of the tensors, so that an answer may write into its arguments.
    """

    def measure(function: Callable) -> list:
        results = []
        for arguments in cases(torch.Generator().manual_seed(1998)):
            result = function(*(a.clone() if isinstance(a, torch.Tensor) else a for a in arguments))
            if _is_blank(result):
                raise NotAnswered
            results.append(result)
        return results

    return measure


class Check:
    """Judge of one exercise: call it with the reader's answer.

    title: what the exercise asks for. right: a right answer. measure: maps an answer to what is compared:
    numbers, tensors, strings, or sequences and mappings of them; by default the answer itself. mistakes: the
    classic ones, most specific first. relative, absolute: how far numbers may differ.
    """

    def __init__(
        self,
        title: str,
        right: Any,
        mistakes: Sequence[Mistake] = (),
        measure: Callable[[Any], Any] = lambda answer: answer,
        relative: float = 1e-4,
        absolute: float = 1e-6,
    ):
        self.title, self.right, self.mistakes, self.measure = title, right, tuple(mistakes), measure
        self.tolerances = relative, absolute

    def __call__(self, answer: Any) -> Verdict:
        """Judge an answer. Never raises for a wrong one: the verdict says what is wrong."""
        if _is_blank(answer):
            return self._unanswered()
        try:
            found = self.measure(answer)
        except (NotAnswered, NotImplementedError):
            return self._unanswered()
        except Exception as error:
            return self._wrong(f"it stopped with {type(error).__name__}: {error}")
        difference = self._difference(found, self.right)
        if difference is None:
            return Verdict(True, f"{self.title}: right.")
        for mistake in self.mistakes:
            if self._difference(found, mistake.answer) is None:
                return self._wrong(f'this looks like "{mistake.name}". {mistake.advice}', mistake.name)
        return self._wrong(difference)

    def _unanswered(self) -> Verdict:
        return Verdict(
            None, f"{self.title}: not answered yet. Replace the `...` above and run the cell again."
        )

    def _wrong(self, reason: str, mistake: str | None = None) -> Verdict:
        return Verdict(False, f"{self.title}: not yet; {reason}", mistake)

    def _difference(self, found: Any, reference: Any) -> str | None:
        """None if `found` is what `reference` measures, else where they differ."""
        return _difference(found, self.measure(reference), *self.tolerances)


def _is_blank(answer: Any) -> bool:
    """`...` or None, alone or anywhere inside a list or tuple."""
    if isinstance(answer, (list, tuple)):
        return any(_is_blank(part) for part in answer)
    return answer is None or answer is ...


def _difference(found: Any, expected: Any, relative: float, absolute: float) -> str | None:
    """None if equal, else one sentence that does not give the answer away beyond its shape."""
    if isinstance(expected, (str, Mapping)) or _is_sequence(expected):
        return _structural_difference(found, expected, relative, absolute)
    try:
        found = torch.as_tensor(found).detach().to(torch.float64)
    except (TypeError, ValueError, RuntimeError):
        return f"expected numbers, got {type(found).__name__}."
    expected = torch.as_tensor(expected).detach().to(torch.float64)
    if found.shape != expected.shape:
        return f"the shape is {tuple(found.shape)}, expected {tuple(expected.shape)}."
    wrong = ~torch.isclose(found, expected, relative, absolute, equal_nan=False)
    if not wrong.any():
        return None
    if not found.dim():
        return f"{found.item():.6g} is not the value."
    return (
        f"{int(wrong.sum())} of {wrong.numel()} values differ, by up to {(found - expected).abs().max():.3g}."
    )


def _is_sequence(value: Any) -> bool:
    """A list or tuple that is more than a row of numbers, which a tensor would do as well."""
    return isinstance(value, (list, tuple)) and not all(isinstance(v, (bool, int, float)) for v in value)


def _structural_difference(found: Any, expected: Any, relative: float, absolute: float) -> str | None:
    if isinstance(expected, str):
        return None if found == expected else f"got {found!r}."
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping) or set(found) != set(expected):
            given = sorted(found) if isinstance(found, Mapping) else type(found).__name__
            return f"expected the keys {sorted(expected)}, got {given}."
        pairs = [(found[key], expected[key]) for key in expected]
    else:
        if not isinstance(found, (list, tuple)) or len(found) != len(expected):
            given = len(found) if hasattr(found, "__len__") else type(found).__name__
            return f"expected {len(expected)} results, got {given}."
        pairs = zip(found, expected, strict=True)
    differences = (_difference(*pair, relative, absolute) for pair in pairs)
    return next((difference for difference in differences if difference), None)
