"""Exercises of 13_distortions."""

import torch

from lenet_helpers.checks._judge import Check, Mistake, on_cases


def _maps(generator, count):
    matrices = torch.eye(2) + 0.3 * torch.randn(count, 2, 2, generator=generator)
    return zip(matrices, 3 * torch.randn(count, 2, generator=generator))


def _pairs(generator):
    """(matrix, shift, then_matrix, then_shift)."""
    for first, second in zip(_maps(generator, 3), _maps(generator, 3)):
        yield *first, *second


def _singles(generator):
    """(matrix, shift)."""
    yield from _maps(generator, 3)


compose = Check(
    "two affine maps in one",
    right=lambda m, t, n, u: (n @ m, n @ t + u),
    measure=on_cases(_pairs),
    absolute=1e-5,
    mistakes=[
        Mistake(
            "the other order",
            lambda m, t, n, u: (m @ n, m @ u + t),
            "The first map acts on the point first, so its matrix stands nearest to the point: on the right.",
        ),
        Mistake(
            "shifts added",
            lambda m, t, n, u: (n @ m, t + u),
            "The point already carries the first shift when the second map comes: that shift goes through its matrix.",
        ),
        Mistake(
            "the second shift mapped too",
            lambda m, t, n, u: (n @ m, n @ (t + u)),
            "The second shift is added after the second matrix.",
        ),
        Mistake(
            "matrices multiplied place by place",
            lambda m, t, n, u: (n * m, n @ t + u),
            "A map after a map is a matrix product, `@`.",
        ),
        Mistake(
            "matrices added",
            lambda m, t, n, u: (n + m, n @ t + u),
            "One map acts on what the other made: multiply.",
        ),
        Mistake(
            "matrices right, shift through the first matrix",
            lambda m, t, n, u: (n @ m, m @ t + u),
            "The first shift has to go through the second matrix, not through its own.",
        ),
    ],
)

source = Check(
    "where a pixel comes from",
    right=lambda m, t: (torch.linalg.inv(m), -torch.linalg.inv(m) @ t),
    measure=on_cases(_singles),
    relative=1e-3,
    absolute=1e-5,
    mistakes=[
        Mistake(
            "the shift only turned round",
            lambda m, t: (torch.linalg.inv(m), -t),
            "Solve q = M p + t for p: the shift is taken off first, and then the inverse matrix acts on it too.",
        ),
        Mistake(
            "the shift's sign",
            lambda m, t: (torch.linalg.inv(m), torch.linalg.inv(m) @ t),
            "The shift is taken off, not put on again.",
        ),
        Mistake(
            "transposed instead of inverted",
            lambda m, t: (m.T, -m.T @ t),
            "Only a rotation's transpose is its inverse. These maps scale and shear.",
        ),
        Mistake(
            "one over each entry",
            lambda m, t: (1 / m, -(1 / m) @ t),
            "The inverse of a matrix: `torch.linalg.inv`.",
        ),
        Mistake(
            "the map itself", lambda m, t: (m, t), "That says where a pixel goes to. Asked for is where it comes from."
        ),
    ],
)
