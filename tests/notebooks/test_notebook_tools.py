"""Badges and the set-up cell: stamped from one place, and on Colab torch and numpy stay as they are."""

import shutil
import subprocess
import sys
import tomllib
import types
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from packaging.requirements import Requirement
from scripts import script

ROOT = Path(__file__).parents[2]
tools = script("tools/notebooks.py")


def blank():
    opening = new_markdown_cell("# 02 · Title\n\n<!-- badges -->\n<!-- /badges -->\n\n**Time** long")
    return new_notebook(cells=[opening, new_code_cell("", metadata={"tags": ["setup"]})])


@pytest.mark.parametrize(
    "url, repository",
    [
        ("https://github.com/ada/lenet", "ada/lenet"),
        ("https://github.com/ada/le-net.5.git", "ada/le-net.5"),
        ("https://token@github.com/ada/lenet.git", "ada/lenet"),
        ("git@github.com:ada/lenet.git", "ada/lenet"),
        ("ssh://git@github.com/ada/lenet", "ada/lenet"),
        ("https://example.org/ada/lenet", None),
        ("../lenet.git", None),
        ("", None),
    ],
)
def test_repository_is_read_off_the_remote(url, repository):
    assert tools.repository_of_url(url) == repository


def test_stamp_puts_both_badges_and_keeps_the_rest():
    notebook = blank()
    tools.stamp(notebook, "02_title.ipynb", "ada/lenet")
    source = notebook.cells[0].source
    assert "colab.research.google.com/github/ada/lenet/blob/main/notebooks/02_title.ipynb" in source
    assert "mybinder.org/v2/gh/ada/lenet/main?labpath=notebooks/02_title.ipynb" in source
    assert source.startswith("# 02 · Title\n") and source.endswith("**Time** long")


@pytest.mark.parametrize("repositories", [("ada/lenet", "ada/lenet"), ("bob/other", "ada/lenet"), (None, "ada/lenet")])
def test_stamping_again_leaves_what_stamping_once_does(repositories):
    once, twice = blank(), blank()
    tools.stamp(once, "02_title.ipynb", repositories[-1])
    for repository in repositories:
        tools.stamp(twice, "02_title.ipynb", repository)
    assert [cell.source for cell in twice.cells] == [cell.source for cell in once.cells]


def test_without_a_repository_there_are_no_dead_links():
    notebook = blank()
    tools.stamp(notebook, "02_title.ipynb", None)
    assert "http" not in notebook.cells[0].source + notebook.cells[1].source
    assert "make lab" in notebook.cells[0].source


@pytest.mark.parametrize("source, tags, named", [("# no markers", ["setup"], "badges"), (None, [], "setup")])
def test_stamp_names_what_a_notebook_lacks(source, tags, named):
    notebook = blank()
    notebook.cells[0].source = source or notebook.cells[0].source
    notebook.cells[1].metadata.tags = tags
    with pytest.raises(ValueError, match=f"02_title.ipynb.*{named}"):
        tools.stamp(notebook, "02_title.ipynb", "ada/lenet")


def run_cell(source):
    """Execute a cell as IPython would; return the pip lines it asked for."""
    asked, namespace = [], {}

    def run_line_magic(name, line):
        asked.append(f"{name} {line.format(**namespace)}")

    namespace["get_ipython"] = lambda: types.SimpleNamespace(run_line_magic=run_line_magic)
    exec(TransformerManager().transform_cell(source), namespace)
    return asked


def test_set_up_does_nothing_outside_colab():
    assert run_cell(tools.setup("ada/lenet", "main")) == []
    assert run_cell(tools.setup(None, "main")) == []


def test_set_up_on_colab_pins_the_torch_and_numpy_that_are_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    (line,) = run_cell(tools.setup("ada/lenet", "main"))
    assert line.startswith("pip install") and "git+https://github.com/ada/lenet@main" in line
    for name in ("torch", "torchvision", "numpy"):
        assert f" {name}=={version(name)}" in line


def test_set_up_on_colab_brings_what_the_widgets_need(monkeypatch):
    """ipywidgets is Colab's own, and voila serves `make demo` alone."""
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    (line,) = run_cell(tools.setup("ada/lenet", "main"))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    needed = {Requirement(each).name for each in extras["widgets"]} - {"ipywidgets", "voila"}
    assert needed and needed <= set(line.split())


@pytest.mark.parametrize("place", [".", "..", "lenet"])
def test_set_up_on_colab_without_a_repository_installs_the_clone_beside_it(monkeypatch, tmp_path, place):
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    here = tmp_path / "content"
    (here / place / "lenet_helpers").mkdir(parents=True)
    monkeypatch.chdir(here)
    (line,) = run_cell(tools.setup(None, "main"))
    assert line.startswith(f'pip install -q "{(here / place).resolve()}" anywidget resvg-py torch=={version("torch")}')


def test_set_up_on_colab_without_repository_and_clone_says_how_to_get_one(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    monkeypatch.chdir(tmp_path)
    assert run_cell(tools.setup(None, "main")) == []
    assert "run `!git clone ADDRESS`" in capsys.readouterr().out


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_set_up_cell_of_every_notebook_is_the_one_of_the_tool(path):
    guard = nbformat.read(path, as_version=4).cells[1].source
    repository = guard.split("github.com/")[1].split("@")[0] if "github.com/" in guard else None
    branch = guard.split("@")[-1].split('"')[0] if repository else "main"
    assert guard == tools.setup(repository, branch)


def copy_of_the_tool(folder):
    """A repository of its own with the tool and one blank notebook, without a remote."""
    (folder / "tools").mkdir()
    (folder / "notebooks").mkdir()
    shutil.copy(ROOT / "tools" / "notebooks.py", folder / "tools")
    nbformat.write(blank(), folder / "notebooks" / "02_title.ipynb")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)


def command(folder, *arguments):
    return subprocess.run([sys.executable, folder / "tools" / "notebooks.py", *arguments], cwd=folder,
                          capture_output=True, text=True)  # fmt: skip


def test_badges_command_takes_the_remote_unless_told(tmp_path):
    copy_of_the_tool(tmp_path)
    notebook = tmp_path / "notebooks" / "02_title.ipynb"
    assert "No GitHub remote" in command(tmp_path, "badges").stdout
    subprocess.run(["git", "remote", "add", "origin", "git@github.com:ada/lenet.git"], cwd=tmp_path, check=True)
    assert "ada/lenet" in command(tmp_path, "badges").stdout
    assert "github/ada/lenet/" in notebook.read_text(encoding="utf-8")
    command(tmp_path, "badges", "--repo", "bob/other")
    assert "github/bob/other/" in notebook.read_text(encoding="utf-8")


def test_badges_command_refuses_what_is_no_repository(tmp_path):
    copy_of_the_tool(tmp_path)
    refused = command(tmp_path, "badges", "--repo", "https://github.com/ada/lenet")
    assert refused.returncode == 2 and "expected owner/name" in refused.stderr


def test_run_command_executes_in_place_and_keeps_a_failing_notebook_as_it_was(tmp_path):
    copy_of_the_tool(tmp_path)
    good, bad = tmp_path / "notebooks" / "02_title.ipynb", tmp_path / "notebooks" / "03_bad.ipynb"
    shutil.copy(good, bad)
    prints = "import time\n\nfor answer in (42, 43):\n    print(answer, flush=True)\n    time.sleep(0.5)"
    for path, source in ((good, prints), (bad, "1 / 0")):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells[1].source = source
        nbformat.write(notebook, path)
    before = bad.read_bytes()
    assert command(tmp_path, "run", str(good)).returncode == 0
    cell = nbformat.read(good, as_version=4).cells[1]
    assert (cell.execution_count, [output.text for output in cell.outputs]) == (1, ["42\n43\n"])
    failed = command(tmp_path, "run", str(bad))
    assert failed.returncode == 1 and "ZeroDivisionError" in failed.stderr
    assert bad.read_bytes() == before
