"""Bring the site's sources together in one folder, laid out as in the repository, so that its links hold."""

import inspect
import re
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
LIVE = {
    "DrawPad": """\
<div class="lenet network" id="pad-{number}" data-weights="../_static/regular.safetensors">
<div class="pad"><div class="answer"></div></div><div class="layers"></div></div>
<script type="module" src="../_static/network.js"></script>""",
    "NumberPad": """\
<div class="lenet numbers" id="pad-{number}" data-weights="../_static/strings.safetensors">
<div class="pad"><div class="answer"></div></div></div>
<script type="module" src="../_static/number.js"></script>""",
}
TWIN = """\
<div class="lenet twin" id="twin-{number}" data-twin="{twin}"{settings}></div>
<script type="module" src="../_static/twins/twins.js"></script>"""
TWINS = {
    "NetworkView": "architecture", "LayerExplorer": "explorer", "ConvolutionStepper": "stepper", "LossLab": "losses",
    "CurvatureLab": "bowl",
}  # fmt: skip
ROUNDS = 3  # from 0 to 9, of the digits that the twins have at hand: scikit-learn's, 28 x 28 bytes each
FRONTS = ROOT / "build" / "site-fronts"  # the widgets' own front ends, as anywidget hands them to a page
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
    stage_fronts(FRONTS)
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
                output.data["text/html"] = in_place_of(widget, number, cell.source)
    return notebook


def in_place_of(widget, number, source):
    """What stands where cell `number` shows a widget: its live twin, or that it needs a kernel."""
    if widget in LIVE:
        return LIVE[widget].format(number=number)
    if widget not in TWINS:
        return STILL.format(widget)
    settings = ""
    if "model" in source or widget == "LayerExplorer":
        settings += ' data-weights="../_static/regular.safetensors"'
    if chosen := re.search(r'choice\.value = "(.+)"', source):
        settings += f' data-kernel="{chosen[1]}"'
    return TWIN.format(number=number, twin=TWINS[widget], settings=settings)


def stage_fronts(folder):
    """The front ends that the pages' twins share with the widgets, and the digits they begin with."""
    assets = ROOT / "lenet_helpers" / "widgets" / "assets"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, parts in {"live_picture.js": ("kernel.js", "live_picture.js"), "slider.js": ("slider.js",)}.items():
        text = "\n".join((assets / part).read_text(encoding="utf-8") for part in parts)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "digits.bin").write_bytes(samples().numpy().tobytes())


def samples():
    """The digits that the twins have at hand, uint8 (30, 28, 28): 0 to 9, and so on."""
    digits = lenet_helpers.load_digits("test", "sklearn")
    found = [(digits.labels == digit).nonzero().flatten()[:ROUNDS] for digit in range(10)]
    return digits.images[torch.stack(found).T.flatten()]


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

