"""What the comparisons are run on, and the two measures of difference."""

from pathlib import Path

import numpy as np
import torch

FIGURE_3 = Path(__file__).parents[2] / "lenet_helpers" / "paper_data" / "fig3_ascii_codes.txt"

SEVEN = (  # Fig. 3, row by row, to tell a bitmap from its transpose without reading the file
    "#######",
    ".....##",
    ".....##",
    "....##.",
    "...##..",
    "...##..",
    "..##...",
    "..##...",
    "..##...",
    "..##...",
    ".......",
    ".......",
)


def figure_3(character):
    """The 84 values of a character's bitmap, row by row, top first: '#' is +1, '.' is -1."""
    lines = FIGURE_3.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.split()[:2] == ["@", str(ord(character))]) + 1
    return [1.0 if mark == "#" else -1.0 for line in lines[start : start + 12] for mark in line]


def relative(found, expected):
    """The largest difference over the largest expected magnitude."""
    found, expected = np.asarray(found, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    assert found.shape == expected.shape, f"shape {found.shape}, expected {expected.shape}"
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def worst(found, expected):
    """The largest relative difference, element by element: for sums of positive terms."""
    found, expected = np.asarray(found, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    assert found.shape == expected.shape, f"shape {found.shape}, expected {expected.shape}"
    assert (found[expected == 0] == 0).all(), "expected exactly zero"
    return float((np.abs(found - expected) / np.where(expected == 0, 1, np.abs(expected))).max())


def random_weights(network, seed):
    """{name: float64 array} of standard deviation 2/sqrt(fan-in): every squash is driven into its bend."""
    draw, weights = np.random.default_rng(seed), {}
    for stage in network.stages:
        fan_in = len(stage.units[0]) - 1
        for parameter, shape in stage.shapes.items():
            width = 0.5 if parameter == "bias" else 2 / fan_in**0.5
            weights[f"{stage.name}.{parameter}"] = draw.normal(0, width, shape)
    return weights


def random_tensor(*shape, seed, dtype=torch.float64):
    """Standard normal, from its own generator."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def strokes(n, seed=0):
    """n patterns (n, 1, 32, 32) on the paper's scale: background -0.1, two strokes of foreground 1.175."""
    draw, patterns = np.random.default_rng(seed), np.full((n, 1, 32, 32), -0.1)
    for pattern in patterns:
        row, column = draw.integers(6, 22, 2)
        pattern[0, row : row + 3, 6:26] = draw.uniform(0.5, 1.175, (3, 20))
        pattern[0, 6:26, column : column + 3] = draw.uniform(0.5, 1.175, (20, 3))
    return patterns


CODES = np.array([figure_3(digit) for digit in "0123456789"])
PATTERNS = strokes(4)
LABELS = np.array([3, 7, 0, 8])
