"""The network is made of tensor operations: no layer, loss or optimizer of a library is called."""

import ast
from pathlib import Path

import pytest

import lenet_helpers

CONTAINERS = {"Module", "ModuleList", "ModuleDict", "Parameter", "Buffer", "Optimizer"}
LIBRARIES = ("torch.nn.", "torch.optim.", "torch.ops.", "torchvision", "sklearn", "scipy", "nn.", "optim.", "F.")
OPERATORS = {"conv1d", "conv2d", "conv3d", "convolution", "avg_pool2d", "linear", "bilinear", "cdist", "pdist"}


def borrowed_names(source):
    """What a module takes from torch.nn, torch.optim and their like beyond the containers."""
    taken = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            taken += [alias.name + "." for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            taken += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute):
            taken.append(ast.unparse(node))
    return [path for path in taken if is_borrowed(path)]


def is_borrowed(path):
    """Whether a dotted name is a library's layer, loss, optimizer or operator, and no container."""
    *_, last = path.rstrip(".").split(".")
    return (path.startswith(LIBRARIES) and last not in CONTAINERS) or last in OPERATORS


PACKAGE = Path(lenet_helpers.__file__).parent
NETWORK = sorted((PACKAGE / "layers").glob("*.py")) + [PACKAGE / f"{name}.py" for name in ("losses", "model", "sdlm")]


@pytest.mark.parametrize("path", NETWORK, ids=lambda path: path.stem)
def test_the_network_borrows_no_layer_loss_or_optimizer(path):
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
        "import torch\ny = torch.ops.aten.convolution(x, w)",
        "import torch.nn as nn",
    ],
)
def test_borrowing_would_be_seen(source):
    assert borrowed_names(source)
