"""Every number in the prose of a notebook is shown by one of its cells (tools/prose.py says how that is judged).

Mend a line that `python tools/prose.py` lists by printing or asserting the number in a cell, or by saying it without
one.
"""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from scripts import script

ROOT = Path(__file__).parents[2]
tools = script("tools/prose.py")


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_number_in_the_prose_is_shown_by_a_cell(path):
    assert tools.unproven(nbformat.read(path, as_version=4)) == []


def notebook(prose, code="", said="", alt="", tags=()):
    outputs = [new_output("stream", text=said), new_output("display_data", data={"text/plain": alt})]
    return new_notebook(cells=[new_markdown_cell(prose), new_code_cell(code, outputs=outputs, metadata={"tags": tags})])


PROVEN = {
    "printed": dict(prose="The error is 1.17%.", said="error rate 1.17%"),
    "rounded": dict(prose="About 12% are wrong.", said="error rate 11.704%"),
    "asserted": dict(prose="It has 1,234 parts.", code="assert parts == 1_234"),
    "a parameter": dict(prose="After 600 steps", code="steps = 600", tags=["parameters"]),
    "in an alternative text": dict(prose="It peaks at 0.66.", alt="A curve with its peak at 0.66."),
    "the paper's": dict(prose="The paper has 0.95% and 340,908 connections, in 1998, by Eq. 27 and Fig. 14."),
    "the name of a notebook": dict(prose="**Next** [77 · Results](77_results.ipynb) and [78](78_more.ipynb)."),
    "the name of a class": dict(prose="A 3 is not an 8."),
    "in a formula or in code": dict(prose="$x = 77$, `y = 78` and\n```python\nz = 79\n```"),
}


@pytest.mark.parametrize("case", PROVEN.values(), ids=PROVEN.keys())
def test_a_number_that_is_shown_passes(case):
    assert tools.unproven(notebook(**case)) == []


NOT_PROVEN = {
    "under a heading": (dict(prose="# 12 parts\n\n**Time** 30 minutes\n\nIt has 345."), "345"),
    "nowhere": (dict(prose="The error is 1.17%.", said="error rate 1.34%"), "1.17%"),
    "rounded the wrong way": (dict(prose="About 13% are wrong.", said="error rate 11.704%"), "13%"),
    "more exact than shown": (dict(prose="It is 11.74.", said="it is 11.7"), "11.74"),
    "a small percentage": (dict(prose="Only 7% are left.", said="nothing"), "7%"),
    "in code that asserts nothing": (dict(prose="Some 345 digits", code="digits = 345"), "345"),
}


@pytest.mark.parametrize(("case", "written"), NOT_PROVEN.values(), ids=NOT_PROVEN.keys())
def test_a_number_that_is_not_shown_is_reported_with_its_cell(case, written):
    assert tools.unproven(notebook(**case)) == [(0, written)]


def test_numbers_are_read_with_separators_signs_and_powers():
    read = [(str(value), percent) for value, percent, _ in tools.numbers("60,000 or -0.1, 1.4e-4, 97.1%; v2 is none")]
    assert read == [("60000", False), ("0.1", False), ("0.00014", False), ("97.1", True)]
