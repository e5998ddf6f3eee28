"""The tables of runs that go astray, in results/README.md, are what studies/astray.py wrote."""

import re
from pathlib import Path

import pytest

from lenet_helpers.study.questions import looks
from lenet_helpers.study.read import load_study

RESULTS = Path(__file__).parents[2] / "results"
LOOKS = looks(load_study(RESULTS))
README = (RESULTS / "README.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z0-9-]+)` \|[^|]*\| (.+) \|$", re.MULTILINE)  # the change, then what was found
TABLES = {
    run: ROW.findall(README.partition(f"| `{run}` | |")[2].partition("\n\n")[0])
    for run in ("scale-1-0", "distorted-j-5-7")
}


@pytest.mark.parametrize("run", TABLES)
def test_the_table_has_every_change_with_its_errors_and_saturation(run):
    assert {change for change, _ in TABLES[run]} == {change for looked, change in LOOKS if looked == run}
    for change, cells in TABLES[run]:
        look, passes = LOOKS[run, change], len(cells.split(" | ")) - 1
        errors = [f"{error:.2f}" for error in look["training error of each pass"][:passes]]
        (end,) = [row for row in look["rows"] if row["patterns"] == passes * 60_000]
        assert cells.split(" | ") == [*errors, f"{end['saturated']['c5']:.0f}"], change


def test_the_second_estimate_of_h_saturates_c5_and_the_first_kept_does_not():
    saturated = {
        change: {row["patterns"]: row["saturated"]["c5"] for row in look["rows"]}
        for (run, change), look in LOOKS.items()
        if run == "scale-1-0"
    }
    assert saturated["none"][60_000] < 35 and saturated["none"][61_000] > 90
    assert saturated["kept-c5"][120_000] < 35 < min(
        after[120_000] for change, after in saturated.items() if change not in ("kept-c5", "slower")
    )
