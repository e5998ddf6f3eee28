"""The table of a run that goes astray, in results/README.md, is what studies/astray.py wrote."""

import json
import re
from pathlib import Path

import pytest

RESULTS = Path(__file__).parents[2] / "results"
ROW = r"^\| `(none|kept|renewed|slower)` \|.*\| ([0-9.]+) \| ([0-9.]+) \|$"
ROWS = re.findall(ROW, (RESULTS / "README.md").read_text(encoding="utf-8"), re.MULTILINE)


def found(change):
    return json.loads((RESULTS / "astray" / f"distorted-j-5-7-{change}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("change", "first", "second"), ROWS)
def test_each_change_stands_in_the_table_with_its_errors(change, first, second):
    assert [f"{error:.2f}" for error in found(change)["training error of each pass"]] == [first, second]


def test_the_table_has_every_change():
    assert {row[0] for row in ROWS} == {path.stem.rpartition("-")[2] for path in (RESULTS / "astray").iterdir()}


def test_as_it_was_the_run_is_the_committed_one_but_for_rounding():
    record = json.loads((RESULTS / "runs" / "distorted-j-5-7.json").read_text(encoding="utf-8"))
    errors = found("none")["training error of each pass"]
    assert errors == pytest.approx([row["train_error"] for row in record["passes"][:2]], abs=0.1)
    assert max(row["error"] for row in record["passes"][:3]) == record["passes"][1]["error"]
