"""torchvision is importable beside any torch, and what is declared for that is only what is missing."""

import subprocess
import sys
from textwrap import dedent

import pytest

from lenet_helpers.data import torchvision_import


def python(code, *path):
    """Run code in a new interpreter with `path` first on its module path; what it prints."""
    code = f"import sys; sys.path[:0] = {list(map(str, path))!r}\n" + dedent(code)
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=120)
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def stand_in(folder, *operators):
    """A torchvision that attaches code to these operators when it is imported, as the real one does."""
    (folder / "torchvision").mkdir()
    lines = ["import torch", "from . import part"]
    lines += [f"torch.library.register_fake('torchvision::{name}')(lambda *a: None)" for name in operators]
    (folder / "torchvision" / "__init__.py").write_text("\n".join(lines + ["done = True"]), encoding="utf-8")
    (folder / "torchvision" / "part.py").write_text("imported = True", encoding="utf-8")
    return folder


def test_datasets_transforms_and_utils_work():
    printed = python("""
        import torch
        from lenet_helpers.data.torchvision_import import import_torchvision
        assert import_torchvision("torchvision.datasets").MNIST.mirrors
        assert import_torchvision("torchvision.utils").make_grid(torch.zeros(4, 1, 3, 3)).shape == (3, 7, 22)
        import torchvision.transforms.functional as functional
        print(tuple(functional.affine(torch.zeros(1, 9, 9), 10, [1, 1], 1.1, [5, 0]).shape))
    """)
    assert printed == "(1, 9, 9)"


CODE = """
    from lenet_helpers.data import torchvision_import
    torchvision = torchvision_import.import_torchvision()
    print(torchvision.done, torchvision.part.imported, *torchvision_import._declared)
"""


def test_both_missing_operators_are_declared(tmp_path):
    assert python(CODE, stand_in(tmp_path, "nms", "qnms")) == "True True nms qnms"


def test_only_the_missing_operator_is_declared(tmp_path):
    assert python(CODE, stand_in(tmp_path, "nms")) == "True True nms"


def test_nothing_is_declared_where_the_import_works(tmp_path):
    assert python(CODE, stand_in(tmp_path)) == "True True"


@pytest.mark.parametrize(
    "message", ["operator torchvision::roi_align does not exist", "different CUDA major versions"]
)
def test_another_failure_is_an_import_error_that_says_what_to_do(monkeypatch, message):
    def fail(name):
        raise RuntimeError(message)

    monkeypatch.setattr(torchvision_import, "import_module", fail)
    with pytest.raises(ImportError, match=f"{message}.*Install the torchvision release"):
        torchvision_import.import_torchvision()


def test_an_operator_that_stays_missing_does_not_loop(monkeypatch):
    monkeypatch.setattr(torchvision_import, "_declared", {"nms": None})

    def fail(name):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(torchvision_import, "import_module", fail)
    with pytest.raises(ImportError, match="nms does not exist"):
        torchvision_import.import_torchvision()
