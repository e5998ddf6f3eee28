"""Keep the notebooks alike: stamp their badges and set-up cell, run them cleanly.

    python tools/notebooks.py badges --repo owner/name     stamp them all (default: the git remote on GitHub)
    python tools/notebooks.py run notebooks/01_data.ipynb  execute in place, top to bottom, in a new kernel

The set-up cell and the badges have their one source here. Conventions: notebooks/README.md.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
START, END = "<!-- badges -->", "<!-- /badges -->"
NO_REPOSITORY = "*To run it: `make lab` in a clone.*"
SETUP_NOTE = "# On Colab: install lenet_helpers beside Colab's own torch and numpy. Elsewhere: nothing to do."
SETUP = """\
{note}
import sys

if "google.colab" in sys.modules:
    from importlib.metadata import version

    kept = " ".join(f"{{name}}=={{version(name)}}" for name in ("torch", "torchvision", "numpy"))
    %pip install -q "lenet_helpers @ git+https://github.com/{repo}@{branch}" anywidget resvg-py {{kept}}"""
SETUP_WITHOUT_REPOSITORY = """\
{note}
import sys

if "google.colab" in sys.modules:
    from importlib.metadata import version
    from pathlib import Path

    here = Path.cwd()
    clone = next((path for path in (here, here.parent, *here.iterdir()) if (path / "lenet_helpers").is_dir()), None)
    kept = " ".join(f"{{name}}=={{version(name)}}" for name in ("torch", "torchvision", "numpy"))
    if clone:
        %pip install -q "{{clone}}" anywidget resvg-py {{kept}}
    else:
        print("lenet_helpers is not here: run `!git clone ADDRESS` of its repository, then this cell again.")"""


def paths() -> list[Path]:
    """Every notebook of the series, in the order in which it is read."""
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def repository() -> str | None:
    """owner/name of the repository this copy belongs to: as GitHub's workflows name it, else as the git remote does."""
    return os.environ.get("GITHUB_REPOSITORY") or repository_of_remote()


def repository_of_remote() -> str | None:
    """owner/name of the GitHub repository that the git remote `origin` points to, or None."""
    remote = subprocess.run(["git", "remote", "get-url", "origin"], cwd=ROOT, capture_output=True, text=True)
    return repository_of_url(remote.stdout.strip())


def repository_of_url(url: str) -> str | None:
    """owner/name out of an https or ssh address on GitHub, or None for any other address."""
    found = re.fullmatch(
        r"(?:https://(?:[^@/]+@)?|ssh://git@|git@)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?", url
    )
    return found and found[1]


def badges(name: str, repo: str | None, branch: str) -> str:
    """Markdown of the two badges of notebook `name`, or a line that says how to get them."""
    if repo is None:
        return NO_REPOSITORY
    colab = f"https://colab.research.google.com/github/{repo}/blob/{branch}/notebooks/{name}"
    binder = f"https://mybinder.org/v2/gh/{repo}/{branch}?labpath=notebooks/{name}"
    return (
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})\n"
        f"[![Open in Binder](https://mybinder.org/badge_logo.svg)]({binder})"
    )


def setup(repo: str | None, branch: str) -> str:
    """Source of the set-up cell."""
    template = SETUP if repo else SETUP_WITHOUT_REPOSITORY
    return template.format(note=SETUP_NOTE, repo=repo, branch=branch)


def stamp(notebook: nbformat.NotebookNode, name: str, repo: str | None, branch: str = "main") -> None:
    """Put the badges and the set-up cell into a notebook; stamping twice changes nothing.

    Raises ValueError if the first cell lacks the badge markers or the second the tag `setup`.
    """
    opening, guard = notebook.cells[:2]
    if START not in opening.source or END not in opening.source:
        raise ValueError(f"{name}: the first cell needs a line {START} and a line {END}.")
    if "setup" not in guard.metadata.get("tags", []):
        raise ValueError(f"{name}: the second cell must be the code cell tagged `setup`.")
    before, after = opening.source.split(START)[0], opening.source.split(END)[1]
    opening.source = f"{before}{START}\n{badges(name, repo, branch)}\n{END}{after}"
    guard.source = setup(repo, branch)


def run(path: Path) -> float:
    """Execute a notebook in place, from its own folder; return the seconds taken.

    A failing cell raises CellExecutionError and leaves the file as it was.
    """
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    started = time.perf_counter()
    NotebookClient(
        notebook,
        timeout=600,
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        coalesce_streams=True,  # one output, however often a slow cell has printed
    ).execute()
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, path)
    return time.perf_counter() - started


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    stamping = commands.add_parser("badges", help="stamp badges and set-up cell into every notebook")
    stamping.add_argument(
        "--repo", default="", metavar="owner/name", help="default: the git remote on GitHub"
    )
    stamping.add_argument("--branch", default="main")
    running = commands.add_parser("run", help="execute notebooks in place")
    running.add_argument("paths", nargs="*", type=Path, help="default: all of them")
    options = parser.parse_args(arguments)
    if options.command == "badges":
        repo = options.repo or repository()
        if repo and not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
            parser.error(f"--repo is {repo!r}, expected owner/name, e.g. --repo ada/lenet.")
        for path in paths():
            notebook = nbformat.read(path, as_version=4)
            stamp(notebook, path.name, repo, options.branch)
            nbformat.write(notebook, path)
        print(f"Stamped for {repo}." if repo else "No GitHub remote and no --repo: links left out.")
    else:
        os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
        for path in options.paths or paths():
            print(f"{path.name}: {run(path.resolve()):.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
