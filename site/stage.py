"""Bring the site's sources together in one folder, laid out as in the repository, so that its links hold."""

import inspect
import shutil
import sys
from importlib import import_module
from pathlib import Path

import nbformat
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import lenet_helpers  # noqa: E402
import notebooks as tools  # noqa: E402

COPIED = ("results/README.md", "results/RESULTS.md", "results/figures", "benchmarks/results.md")
LIVE = """\
<div class="lenet network" id="pad-{number}" data-weights="../_static/regular.safetensors">
<div class="pad"><div class="answer"></div></div><div class="layers"></div></div>
<script type="module" src="../_static/network.js"></script>"""
LIVE_NUMBERS = """\
<div class="lenet numbers" id="pad-{number}" data-weights="../_static/strings.safetensors">
<div class="pad"><div class="answer"></div></div></div>
<script type="module" src="../_static/number.js"></script>"""
STILL = "<p><em>{} lives where a kernel runs: the head of this page says how. As it looks there:</em></p>"
WIDGET = "application/vnd.jupyter.widget-view+json"


def stage(folder, repository):
    """Write the sources of every page into `folder`, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for page in sorted((ROOT / "site").glob("*.md")):
        shutil.copy(page, folder)
    for name in COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    (folder / "api.md").write_text(reference(), encoding="utf-8")
    (folder / "notebooks").mkdir()
    for path in tools.paths():
        notebook = nbformat.read(path, as_version=4)
        tools.stamp(notebook, path.name, repository)
        nbformat.write(for_the_page(notebook), folder / "notebooks" / path.name)


def for_the_page(notebook):
    """The notebook without its set-up cell, and with what can stand in a widget's place where no kernel runs."""
    for number, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags", [])
        if "setup" in tags:
            cell.metadata["tags"] = [*tags, "remove-cell"]
        for output in cell.get("outputs", []):
            if output.get("data", {}).pop(WIDGET, None):
                widget = output.data.pop("text/plain").split(":")[0]
                live = {"DrawPad": LIVE, "NumberPad": LIVE_NUMBERS}.get(widget)
                output.data["text/html"] = live.format(number=number) if live else STILL.format(widget)
    return notebook


def reference():
    """The page of the public names, module by module, from their docstrings."""
    parts = ["# Reference\n\nThe public names: `from lenet_helpers import ...`.\n"]
    for module, names in lenet_helpers.MODULES.items():
        doc = inspect.getdoc(import_module(f"lenet_helpers.{module}"))
        title, _, rest = doc.partition("\n\n")
        directives = "\n".join(directive(name) for name in names)
        parts.append(f"## {title.rstrip('.').replace(chr(10), ' ')}\n\n{rest}\n\n```{{eval-rst}}\n{directives}```\n")
    return "\n".join(parts)


def directive(name):
    value = getattr(lenet_helpers, name)
    if inspect.isclass(value):
        kind, options = "autoclass", "   :members:\n"
    elif callable(value):
        kind, options = "autofunction", ""
    else:
        kind, options = "py:data", f"\n   {described(value)}\n"
    return f".. {kind}:: lenet_helpers.{name}\n{options}"


def described(value):
    """A constant in a line: the shape and type of a tensor, anything else as it is."""
    if isinstance(value, torch.Tensor):
        return f"Tensor of shape {tuple(value.shape)}, {str(value.dtype).removeprefix('torch.')}."
    return f"``{value!r}``"


def repository():
    """owner/name where the site is published from: $GITHUB_REPOSITORY, or the git remote; None where neither says."""
    return tools.repository()

