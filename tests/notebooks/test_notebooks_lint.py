"""What every notebook keeps to (notebooks/README.md), and that each rule catches a notebook that breaks it."""

import ast
import copy
import json
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LONGEST_CELL = 40  # lines
LARGEST_FILE = 2_000_000  # bytes
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/-])(/(?:home|root|tmp|work|Users|usr|var|opt|mnt|content)/|[A-Z]:\\\\)")
LINK = re.compile(r"\]\(([\w./-]+\.ipynb)\)")
MARKDOWN_IMAGE = re.compile(r"!\[([^\]]*)\]\(")
WITH_EXERCISES = range(0, 16)
WITH_PREDICTIONS = range(0, 16)  # those that open with a question and ask for a prediction


def tagged(cell, tag):
    return tag in cell.metadata.get("tags", [])


def problems(notebook, name="00_start_here.ipynb"):
    """Everything a notebook does against the rules, one sentence each."""
    rules = (opening, setup, imports, parameters, closing, execution, cells, figures, sources, exercises)
    rules += (predictions, paths)
    return [problem for rule in rules for problem in rule(notebook, name)]


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs_of(notebook):
    return [output for cell in code_of(notebook) for output in cell.outputs]


def text_of(output):
    """What an output says in words."""
    return output.get("text", "") + "".join(output.get("data", {}).get("text/plain", ""))


def opening(notebook, name):
    cell = notebook.cells[0]
    if cell.cell_type != "markdown" or not tagged(cell, "opening"):
        yield "the first cell is not the markdown cell tagged opening"
    if not cell.source.startswith(f"# {name[:2]} · "):
        yield f"the title does not start with '# {name[:2]} · '"
    for part in ("<!-- badges -->", "<!-- /badges -->", "**You will build**", "**Paper**", "**You need**", "**Time**"):
        if part not in cell.source:
            yield f"the opening lacks {part}"


def setup(notebook, name):
    cell = notebook.cells[1]
    if cell.cell_type != "code" or not tagged(cell, "setup") or "google.colab" not in cell.source:
        yield "the second cell is not the set-up cell that make badges stamps"


def imports(notebook, name):
    cell = notebook.cells[2]
    if cell.cell_type != "code" or not tagged(cell, "imports"):
        yield "the third cell is not the code cell tagged imports"
    elif not all(isinstance(line, (ast.Import, ast.ImportFrom)) for line in ast.parse(cell.source).body):
        yield "the imports cell does more than import"


def parameters(notebook, name):
    found = [cell for cell in code_of(notebook) if tagged(cell, "parameters")]
    if len(found) != 1:
        yield f"{len(found)} cells are tagged parameters, expected one"
    elif not all(f"{name} = " in found[0].source for name in ("dataset", "seed")):
        yield "the parameters lack dataset or seed"


def closing(notebook, name):
    cell = notebook.cells[-1]
    if cell.cell_type != "markdown" or not tagged(cell, "closing"):
        yield "the last cell is not the markdown cell tagged closing"
    for part in ("## What we learned", "## Five questions", "**Next**"):
        if part not in cell.source:
            yield f"the closing lacks {part}"
    if cell.source.count("<details>") != 5:
        yield f"the closing folds {cell.source.count('<details>')} answers, expected five"


def execution(notebook, name):
    counts = [cell.execution_count for cell in code_of(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"not executed once from top to bottom: {counts}"
    for output in outputs_of(notebook):
        if output.output_type == "error":
            yield f"holds an error output: {output.ename}"
        elif "Warning" in text_of(output):
            yield f"an output warns: {text_of(output)[:60]!r}"


def cells(notebook, name):
    for cell in code_of(notebook):
        lines = len(cell.source.splitlines())
        if lines > LONGEST_CELL:
            yield f"a cell of {lines} lines, at most {LONGEST_CELL}: {cell.source.splitlines()[0]}"
        if not cell.source.strip():
            yield "an empty code cell"
    for cell, after in zip(notebook.cells, notebook.cells[1:], strict=False):
        if tagged(cell, "widget") and not tagged(after, "twin"):
            yield "a widget has no static twin after it"


def figures(notebook, name):
    for output in outputs_of(notebook):
        for kind in output.get("data", {}):
            alt = output.metadata.get(kind, {}).get("alt", "")
            if kind.startswith("image/") and len(alt) < 20:
                yield f"a figure without alternative text: {alt!r}"
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and not all(MARKDOWN_IMAGE.findall(cell.source)):
            yield "a picture in the prose without alternative text"


def sources(notebook, name):
    said = " ".join(text_of(output) for output in outputs_of(notebook))
    if "MNIST" not in said:
        yield "no stored output says MNIST"
    if "scikit-learn" in said:
        yield "stored outputs come from scikit-learn's digits"


def exercises(notebook, name):
    asked = [cell for cell in code_of(notebook) if tagged(cell, "exercise")]
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    titles = re.findall(r"^### Your turn (\d+):", prose, re.MULTILINE)
    if titles != [str(number) for number in range(1, len(asked) + 1)]:
        yield f"{len(asked)} exercise cells under the titles {titles}"
    if int(name[:2]) in WITH_EXERCISES and not 2 <= len(asked) <= 4:
        yield f"{len(asked)} exercises, expected two to four"


def predictions(notebook, name):
    if int(name[:2]) not in WITH_PREDICTIONS:
        return
    if "**A question first**" not in notebook.cells[0].source:
        yield "the opening asks no question"
    code = [cell.source for cell in code_of(notebook)]
    asked = next((at for at, source in enumerate(code) if source.startswith("guess = ...")), None)
    told = next((at for at, source in enumerate(code) if "checks.prediction(guess, " in source), None)
    if asked is None or told is None or asked >= told:
        yield "no prediction is asked for before it is compared"


def paths(notebook, name):
    for cell in notebook.cells:
        text = cell.source + json.dumps(cell.get("outputs", []))
        for found in ABSOLUTE_PATH.findall(text):
            yield f"an absolute path: {found}"
    size = len(nbformat.writes(notebook).encode("utf-8"))
    if size > LARGEST_FILE:
        yield f"{size:,} bytes, at most {LARGEST_FILE:,}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_to_the_rules(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert problems(notebook, path.name) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_between_notebooks_lead_somewhere(path):
    prose = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown")
    assert [link for link in LINK.findall(prose) if not (FOLDER / link).is_file()] == []


def test_the_map_of_the_series_leads_to_every_notebook():
    start = nbformat.read(NOTEBOOKS[0], as_version=4)
    linked = {link for cell in start.cells for link in LINK.findall(cell.source)}
    assert linked == {path.name for path in NOTEBOOKS[1:]}


def sound_notebook():
    """The smallest notebook that keeps to every rule."""
    answers = "<details><summary>Q</summary>A</details>\n" * 5
    title = "# 00 · Sound\n<!-- badges -->\n<!-- /badges -->\n**A question first** Why?\n"
    title += "**You will build** **Paper** **You need** **Time**"
    exercise = "answer = ...\n\nchecks.share_of_c5(answer)"
    picture = new_output(
        "display_data",
        data={"image/png": "AA==", "text/plain": "a digit"},
        metadata={"image/png": {"alt": "A handwritten seven, white on black."}},
    )
    shown = [
        new_markdown_cell(title, metadata={"tags": ["opening"]}),
        new_code_cell('"google.colab"', metadata={"tags": ["setup"]}),
        new_code_cell("import torch", metadata={"tags": ["imports"]}),
        new_code_cell('dataset = "auto"\nseed = 0', metadata={"tags": ["parameters"]}),
        new_code_cell("print(1)", outputs=[new_output("stream", text="source: MNIST"), picture]),
        new_code_cell("explorer", metadata={"tags": ["widget"]}),
        new_code_cell("twin", metadata={"tags": ["twin"]}),
        new_code_cell("guess = ...  # how many?"),
        new_code_cell("checks.prediction(guess, 3, 'digits')"),
        new_markdown_cell("### Your turn 1: one\n### Your turn 2: two\n![a picture](x.png)"),
        new_code_cell(exercise, metadata={"tags": ["exercise"]}),
        new_code_cell(exercise, metadata={"tags": ["exercise"]}),
        new_markdown_cell(f"## What we learned\n## Five questions\n{answers}**Next**", metadata={"tags": ["closing"]}),
    ]
    notebook = new_notebook(cells=shown)
    for count, cell in enumerate(code_of(notebook), 1):
        cell.execution_count = count
    return notebook


def test_a_sound_notebook_has_no_problems():
    assert problems(sound_notebook()) == []


LESSON = 4  # the cell with the outputs


def say(notebook, text, name="stdout"):
    notebook.cells[LESSON].outputs.append(new_output("stream", name=name, text=text))


BREAKAGES = {
    "tagged opening": lambda nb: nb.cells.insert(0, new_markdown_cell("hello")),
    "the title does not start": lambda nb: nb.cells[0].update(source=nb.cells[0].source.replace("00", "01")),
    "lacks **Time**": lambda nb: nb.cells[0].update(source=nb.cells[0].source.replace("**Time**", "")),
    "lacks <!-- badges -->": lambda nb: nb.cells[0].update(source=nb.cells[0].source.replace("<!-- badges", "")),
    "not the set-up cell": lambda nb: nb.cells[1].update(source="import torch"),
    "tagged imports": lambda nb: nb.cells[2].metadata.update(tags=[]),
    "does more than import": lambda nb: nb.cells[2].update(source="import torch\ntorch.manual_seed(0)"),
    "0 cells are tagged parameters": lambda nb: nb.cells[3].metadata.update(tags=[]),
    "parameters lack": lambda nb: nb.cells[3].update(source="seed = 0"),
    "tagged closing": lambda nb: nb.cells[-1].metadata.update(tags=[]),
    "folds 4 answers": lambda nb: nb.cells[-1].update(source=nb.cells[-1].source.replace("<details>", "", 1)),
    "lacks **Next**": lambda nb: nb.cells[-1].update(source=nb.cells[-1].source.replace("**Next**", "")),
    "not executed once": lambda nb: nb.cells[LESSON].update(execution_count=7),
    "top to bottom": lambda nb: nb.cells[LESSON].update(execution_count=None),
    "error output": lambda nb: nb.cells[LESSON].outputs.append(new_output("error", ename="KeyError", evalue="x")),
    "an output warns": lambda nb: say(nb, "UserWarning: deprecated", "stderr"),
    "a cell of 41 lines": lambda nb: nb.cells[LESSON].update(source="x = 1\n" * 41),
    "empty code cell": lambda nb: nb.cells[LESSON].update(source=" "),
    "no static twin": lambda nb: nb.cells[6].metadata.update(tags=[]),
    "figure without alternative text": lambda nb: nb.cells[LESSON].outputs[1].update(metadata={}),
    "in the prose without": lambda nb: nb.cells[9].update(source=nb.cells[9].source.replace("a picture", "")),
    "says MNIST": lambda nb: nb.cells[LESSON].outputs.pop(0),
    "scikit-learn": lambda nb: say(nb, "source: scikit-learn digits"),
    "expected two to four": lambda nb: nb.cells.pop(-2),
    "exercise cells under": lambda nb: nb.cells[9].update(source="### Your turn 1: one"),
    "asks no question": lambda nb: nb.cells[0].update(source=nb.cells[0].source.replace("**A question first**", "")),
    "no prediction is asked": lambda nb: nb.cells.pop(7),
    "before it is compared": lambda nb: nb.cells.insert(9, nb.cells.pop(7)),
    "an absolute path": lambda nb: say(nb, "read /home/ada/MNIST/raw"),
    "absolute path: C:": lambda nb: say(nb, "read C:\\data\\MNIST"),
    "bytes, at most": lambda nb: say(nb, "MNIST " * 400_000),
}


@pytest.mark.parametrize("found", BREAKAGES)
def test_a_broken_rule_is_reported(found):
    notebook = copy.deepcopy(sound_notebook())
    BREAKAGES[found](notebook)
    assert any(found in problem for problem in problems(notebook))
