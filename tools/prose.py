"""Numbers in the prose of a notebook that nothing in the notebook proves.

    python tools/prose.py notebooks/08_sdlm.ipynb      list them, cell by cell (default: every notebook)

A number in a markdown cell is proven if the same notebook shows it: in the text of a stored output (what a cell
printed, or a figure's alternative text), in an assertion, or in its parameters. It may be rounded: an output of
11.704 proves 11.7 and 12. It is exempt if it is one of the paper's (`lenet_helpers.paper` and EXEMPT below), a year,
or a digit 0 to 9 without a unit, which is mostly the name of a class. Sections, equations, figures, tables, notebooks,
formulas, code, minutes of reading and links are not looked at.
"""

import ast
import re
import sys
from decimal import Decimal
from pathlib import Path

import nbformat

from lenet_helpers import paper

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
NUMBER = re.compile(r"(?<![\w.,])[-+±−]?(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(?:[eE]([-+]?\d+))?(?![\w]|\.\d)(\s?%)?")
NOT_PROSE = [
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"(?s:```.*?```)",  # solutions
        r"`[^`\n]*`",
        r"(?s:\$\$.*?\$\$)",
        r"\$[^$]*\$",
        r"(?s:<!-- badges -->.*?<!-- /badges -->)",
        r"^\|[^|\n]*\]\([^|\n]*\|[^|\n]*\|[^|\n]*\|$",  # a line of the map of the series
        r"\[\d\d[^\]]*\]",  # the name of a notebook as a link
        r"\]\([^)]*\)",  # where a link leads
        r"<[^>]+>",
        r"^\*\*Time\*\*.*$",
        r"^\*(?:easy|medium|hard),.*$",
        r"^#.*$",  # headings
        r"^(?:\*\*)?\d+\.(?:\*\*)?\s",  # numbered lists and questions
        r"<summary>\d\.",
        r"\b(?:Eqs?|Figs?)\.\s[\d, and to]+",
        r"\b(?:[Nn]otebooks?|[Ll]ayers?|[Pp]asses|pass|Questions?|map|maps|class|classes|code|unit|C|S|F)\s\d+"
        r"(?:(?:, | and | to | or )\d+)*",
        r"\b[CSF][1-6]\b",
        r"\d+\s?[x×]\s?\d+(?:\s?[x×]\s?\d+)*",  # sizes: those of the layers are asserted where they are built
        r"\b(?:19|20)\d\d\b",
        r"\b\d+-bit\b",
        r"\b\d+\(\d+\)",  # volume and number of a journal
        r"\b0\d\b",  # a notebook
    )
]
# Numbers of the paper that `lenet_helpers.paper` does not hold: sizes of Section II-B, the levels of III-A, Eq. 6,
# Appendix A and C, the schedule of III-B, the sizes of MNIST.
EXEMPT = {
    Decimal(number)
    for number in (
        "32 28 20 14 10 5 84 120 16 25 150 75 100 60 70000 60000 30000 15000 10000 -0.1 0.1 1.175 255 1.7159 2.4 0.02 "
        "0.0005 0.0002 0.0001 0.00005 0.00001 500 540000"
    ).split()
}


def of_the_paper() -> set[Decimal]:
    """Every number that `lenet_helpers.paper` holds."""
    found, left = set(), [paper.TABLE, paper.FIG5_TEST, paper.FIG5_TRAIN, paper.FIG6, paper.FIG9, paper.FIG10]
    left += [paper.FIG11, paper.FIG12, paper.FIG8_ERRORS, paper.PUBLISHED_RATES]
    left += [paper.TOTAL_PARAMETERS, paper.TOTAL_CONNECTIONS]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += value.values()
        elif isinstance(value, (tuple, list)):
            left += value
        elif isinstance(value, (int, float)):
            found.add(Decimal(str(value)))
    return found


def numbers(text: str) -> list[tuple[Decimal, bool, str]]:
    """(value without its sign, is it a percentage, as written) of each number in a text."""
    found = []
    for match in NUMBER.finditer(text):
        whole, fraction, power, percent = match.groups()
        value = Decimal(whole.replace(",", "") + (fraction or "")).scaleb(int(power or 0))
        found.append((value, bool(percent), match[0].strip()))
    return found


def prose(cell) -> str:
    """The words of a markdown cell, without what the lint does not look at."""
    text = cell.source
    for pattern in NOT_PROSE:
        text = pattern.sub(" ", text)
    return text


def evidence(notebook) -> set[Decimal]:
    """The numbers that outputs, assertions and parameters of a notebook hold."""
    found = set()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            said = output.get("text", "") + output.get("data", {}).get("text/plain", "")
            said = re.sub(r"(?<=\d)[x×](?=\d)|[\[\]():;=/]", " ", said)
            found |= {value for value, _, _ in numbers(said)}
        if "setup" in cell.metadata.get("tags", []):
            continue
        parameters = "parameters" in cell.metadata.get("tags", [])
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Assert) or parameters and isinstance(node, ast.Assign):
                found |= {
                    abs(Decimal(str(part.value)))
                    for part in ast.walk(node)
                    if isinstance(part, ast.Constant) and type(part.value) in (int, float)
                }
    return found


def proven(value: Decimal, shown: set[Decimal]) -> bool:
    """Is a number among those shown, or one of them rounded to its decimals?"""
    if value in shown:
        return True
    step = Decimal(1).scaleb(value.as_tuple().exponent)
    return any(abs(number - value) <= step / 2 for number in shown if number.as_tuple().exponent < step.adjusted())


def unproven(notebook) -> list[tuple[int, str]]:
    """(cell, number as written) of every number in the prose that neither the notebook nor the paper shows."""
    shown, exempt = evidence(notebook), EXEMPT | of_the_paper()
    return [
        (index, written)
        for index, cell in enumerate(notebook.cells)
        if cell.cell_type == "markdown"
        for value, percent, written in numbers(prose(cell))
        if not (value < 10 and value == int(value) and not percent) and value not in exempt and not proven(value, shown)
    ]


def main(arguments: list[str]) -> int:
    paths = [Path(argument) for argument in arguments] or sorted(NOTEBOOKS.glob("*.ipynb"))
    left = 0
    for path in paths:
        for index, written in unproven(nbformat.read(path, as_version=4)):
            print(f"{path.name}, cell {index}: nothing in the notebook shows {written}")
            left += 1
    return min(left, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
