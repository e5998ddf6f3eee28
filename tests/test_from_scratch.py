"""The network is made of tensor operations: no layer, loss or optimizer of a library is called."""

import ast
from pathlib import Path

import pytest

import lenet_helpers

BORROWED = ("torch.nn.functional", "torch.optim", "torch.nn.modules", "torchvision")
CONTAINERS = {"Module", "ModuleList", "ModuleDict", "Parameter", "Buffer", "Optimizer"}


def borrowed_names(source):
    """What a module takes from torch.nn, torch.optim and their like beyond the containers."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.startswith(BORROWED)]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in (
            "torch",
            "torchvision",
        ):
            names = {a.name for a in node.names}
            if node.module.startswith(("torch.nn", "torch.optim", "torchvision")):
                found += [f"{node.module}.{n}" for n in names - CONTAINERS]
            found += [f"torch.{n}" for n in names & {"functional", "conv2d", "optim"}]
        elif isinstance(node, ast.Attribute):
            path = ast.unparse(node)
            if path.startswith(("torch.nn.", "nn.", "torch.optim.", "optim.", "F.", "functional.")):
                if not any(
                    path == f"{root}.{n}" for n in CONTAINERS for root in ("torch.nn", "nn", "torch.optim")
                ):
                    found += [] if path in ("torch.nn", "torch.optim") else [path]
            found += [path] if node.attr in ("conv2d", "unfold_copy", "avg_pool2d", "cdist", "linear") else []
    return found


@pytest.mark.parametrize("module", ["layers", "losses", "model", "sdlm"])
def test_the_network_borrows_no_layer_loss_or_optimizer(module):
    path = Path(lenet_helpers.__file__).parent / f"{module}.py"
    assert borrowed_names(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import torch.nn.functional as F\ny = F.relu(x)",
        "from torch.nn import functional",
        "from torch import conv2d",
        "import torch\ny = torch.nn.functional.conv2d(x, w)",
        "from torch.optim import SGD",
        "import torch\noptimizer = torch.optim.Adam(p)",
        "from torch import nn\nlayer = nn.Linear(2, 3)",
        "import torch\ny = torch.conv2d(x, w)",
    ],
)
def test_borrowing_would_be_seen(source):
    assert borrowed_names(source)
