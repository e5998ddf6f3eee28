"""Every "Your turn": its solution passes, its stub is unanswered, its classic mistakes are named."""

import re
from pathlib import Path

import nbformat
import pytest
import torch

from lenet_helpers import checks
from lenet_helpers.checks import Check, Mistake, on_cases

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
CHECKS = {name: check for name, check in vars(checks).items() if isinstance(check, Check)}
CALL = re.compile(r"checks\.(\w+)\((.*)\)\s*$")
SOLUTION = re.compile(r"<summary>Solution</summary>\s*```python\n(.*?)```", re.DOTALL)


def tagged(cell, tag):
    return tag in cell.metadata.get("tags", [])


def exercises():
    """(name, the notebook's imports, the stub cell's source, the markdown after it) of every exercise."""
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        imports = next((cell.source for cell in cells if tagged(cell, "imports")), "")
        for cell, after in zip(cells, cells[1:], strict=False):
            if tagged(cell, "exercise"):
                name = CALL.search(cell.source)
                yield pytest.param(imports, cell.source, after.source, id=f"{path.stem}-{name and name[1]}")


def last_line_verdict(namespace, stub):
    """What the stub cell's check says about the answers in the namespace."""
    return eval(stub.strip().splitlines()[-1], namespace)


@pytest.mark.parametrize("imports, stub, after", list(exercises()))
def test_solution_is_right(imports, stub, after):
    namespace = {}
    exec(imports, namespace)
    solution = SOLUTION.search(after)
    assert solution, "no folded solution with one python block after the exercise"
    exec(solution[1], namespace)
    verdict = last_line_verdict(namespace, stub)
    assert verdict.passed is True, verdict


@pytest.mark.parametrize("imports, stub, after", list(exercises()))
def test_stub_counts_as_not_answered_and_has_a_hint(imports, stub, after):
    namespace = {}
    exec(imports, namespace)
    *lines, _ = stub.rstrip().splitlines()
    exec("\n".join(lines), namespace)
    verdict = last_line_verdict(namespace, stub)
    assert verdict.passed is None and "not answered yet" in repr(verdict)
    assert "<summary>Hint</summary>" in after


def test_every_check_is_asked_for_in_exactly_one_exercise():
    asked = [CALL.search(parameters.values[1])[1] for parameters in exercises()]
    assert sorted(asked) == sorted(CHECKS)


@pytest.mark.parametrize("name", CHECKS)
def test_check_accepts_its_right_answer_and_knows_several_mistakes(name):
    assert CHECKS[name](CHECKS[name].right).passed is True
    assert len(CHECKS[name].mistakes) >= 2


@pytest.mark.parametrize(
    "check, mistake",
    [pytest.param(check, m, id=f"{name}-{m.name}") for name, check in CHECKS.items() for m in check.mistakes],
)
def test_classic_mistake_is_rejected_by_name(check, mistake):
    verdict = check(mistake.answer)
    assert verdict.passed is False
    assert verdict.mistake == mistake.name and mistake.advice in verdict.message


DOUBLE = Check(
    "double",
    right=lambda x: 2 * x,
    measure=on_cases(lambda generator: [(torch.randn(3, generator=generator),), (torch.ones(2, 2),)]),
    mistakes=[Mistake("squared", lambda x: x * x, "Multiply by two.")],
)


def raises(error):
    def answer(x):
        raise error

    return answer


@pytest.mark.parametrize(
    "answer, passed, words",
    [
        (lambda x: x + x, True, "right"),
        (lambda x: (x + x).numpy(), True, "right"),
        (lambda x: x.mul_(2), True, "right"),
        (lambda x: x**2, False, 'this looks like "squared". Multiply by two.'),
        (lambda x: 3 * x, False, "3 of 3 values differ"),
        (lambda x: x.sum(), False, "the shape is (), expected (3,)"),
        (lambda x: x * float("nan"), False, "values differ"),
        (lambda x: "two", False, "expected numbers, got str"),
        (lambda: 0, False, "it stopped with TypeError"),
        (raises(KeyError("x")), False, "it stopped with KeyError"),
        (raises(NotImplementedError()), None, "not answered yet"),
        (lambda x: ..., None, "not answered yet"),
        (lambda x: None, None, "not answered yet"),
        (..., None, "not answered yet"),
        (7, False, "it stopped with TypeError"),
    ],
)
def test_verdict_on_a_function(answer, passed, words):
    verdict = DOUBLE(answer)
    assert verdict.passed is passed and words in repr(verdict)


@pytest.mark.parametrize(
    "answer, passed",
    [
        (60_000, True),
        (60_000.0, True),
        (torch.tensor(60_000), True),
        (61_706, False),
        ("many", False),
        ([60_000, 1], False),
        (..., None),
        ((1, ...), None),
    ],
)
def test_verdict_on_a_value(answer, passed):
    assert Check("parameters", right=60_000)(answer).passed is passed


@pytest.mark.parametrize(
    "answer, passed",
    [
        ({"c1": 156, "s2": "sum"}, True),
        ({"c1": 156}, False),
        ({"c1": 156, "s2": "mean"}, False),
        (156, False),
    ],
)
def test_verdict_on_a_mapping(answer, passed):
    assert Check("layers", right={"c1": 156, "s2": "sum"})(answer).passed is passed


@pytest.mark.parametrize(
    "undone",
    [
        lambda field: (field[:, 0, 2:30, 2:30] + 0.1) / 1.275 * 255,
        lambda field: (field[:, 0, 2:30, 2:30] + 0.1) * 200,
        lambda field: field[:, 0, 2:30, 2:30] * 200 + 20,
    ],
)
def test_grey_levels_cut_off_instead_of_rounded_are_named_however_they_were_found(undone):
    assert checks.field_to_pixels(lambda field: undone(field).to(torch.uint8)).mistake == "cut off instead of rounded"
    assert checks.field_to_pixels(lambda field: undone(field).round().to(torch.uint8)).passed


def test_a_fan_in_with_the_bias_counted_is_named_and_a_whole_percentage_of_c5_is_right():
    assert checks.fan_in(lambda table, kernel: table.sum(1) * kernel**2 + 1).mistake == "the bias counted"
    assert checks.share_of_c5(80).passed and checks.share_of_c5(80.2).passed and not checks.share_of_c5(81).passed


def test_a_prediction_is_put_beside_what_was_found():
    assert repr(checks.prediction(20, 53.04, "% wrong")) == "You predicted 20; measured: 53.0 % wrong."
    assert repr(checks.prediction(..., 0.5, "of it", ".2f")) == "No prediction was made; measured: 0.50 of it."
    assert checks.prediction(20, 53.04, "% wrong").passed is None
    with pytest.raises(TypeError, match="expected a number"):
        checks.prediction("many", 53.04, "% wrong")
