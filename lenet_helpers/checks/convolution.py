"""Exercises of 02_convolution."""

import torch

from lenet_helpers.checks._judge import Check, Mistake, NotAnswered, on_cases


def _responses(kernel):
    """What a 5x5 kernel says (-1, 0 or 1) to a flat field and to a step from dark to light, left to right and
    top to bottom."""
    if callable(kernel):
        raise NotAnswered
    kernel = torch.as_tensor(kernel, dtype=torch.float64)
    if kernel.shape != (5, 5):
        raise ValueError(f"the kernel has shape {tuple(kernel.shape)}, expected (5, 5).")
    flat = torch.ones(5, 5, dtype=torch.float64)
    step = torch.where(torch.arange(5) < 2, -0.1, 1.175).double().expand(5, 5)
    found = torch.stack([(kernel * patch).sum() for patch in (flat, step, step.T)])
    return torch.where(found.abs() < 1e-6 * kernel.abs().sum().clamp(min=1e-12), torch.zeros(3), found.sign())


_LEFT_TO_RIGHT = torch.tensor([-1.0, -1.0, 0.0, 1.0, 1.0]).repeat(5, 1)

vertical_edge = Check(
    "a kernel for vertical edges",
    right=_LEFT_TO_RIGHT,
    measure=_responses,
    mistakes=[
        Mistake(
            "horizontal edges",
            _LEFT_TO_RIGHT.T,
            "Your kernel answers a step from top to bottom; turn it by a quarter.",
        ),
        Mistake(
            "the other direction",
            -_LEFT_TO_RIGHT,
            "Light on the right must give a positive sum: change the signs.",
        ),
        Mistake(
            "answers to brightness",
            torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0]).repeat(5, 1),
            "It answers to a flat field too: positive and negative weights must sum to 0.",
        ),
        Mistake(
            "both directions at once",
            _LEFT_TO_RIGHT + _LEFT_TO_RIGHT.T,
            "It answers to a step from top to bottom as well: make all rows of the kernel the same.",
        ),
    ],
)


def _windows(field, kernel, stride, turn=lambda k: k, dilation=1):
    """Cross-correlation of (rows, columns) with a square kernel, written with windows."""
    kernel = turn(kernel)
    reach = dilation * (len(kernel) - 1) + 1
    windows = field.unfold(0, reach, stride).unfold(1, reach, stride)[..., ::dilation, ::dilation]
    return (windows * kernel).sum((-2, -1))


def _strided_cases(generator):
    for size, width, stride in ((9, 3, 2), (12, 5, 1), (11, 2, 3)):
        yield (
            torch.randn(size, size, generator=generator),
            torch.randn(width, width, generator=generator),
            stride,
        )


def _every(field, kernel, stride):
    return _windows(field, kernel, 1)


strided = Check(
    "convolution with a stride",
    right=_windows,
    measure=on_cases(_strided_cases),
    mistakes=[
        Mistake(
            "kernel turned round",
            lambda f, k, s: _windows(f, k, s, lambda k: k.flip(0, 1)),
            "The paper's layer lays the kernel on the field as it is, without turning it by 180 degrees.",
        ),
        Mistake(
            "rows and columns of the kernel swapped",
            lambda f, k, s: _windows(f, k, s, lambda k: k.T),
            "kernel[i, j] meets field[row + i, column + j].",
        ),
        Mistake("stride ignored", _every, "Move the window by `stride` rows and columns at a time."),
        Mistake(
            "the stride inside the window",
            lambda f, k, s: _windows(f, k, 1, dilation=s),
            "The window itself has no gaps; only its starting places are `stride` apart.",
        ),
        Mistake(
            "average instead of sum",
            lambda f, k, s: _windows(f, k, s) / k.numel(),
            "Add the products; do not divide.",
        ),
    ],
)


output_size = Check(
    "size of a feature map",
    right=lambda size, kernel, stride: (size - kernel) // stride + 1,
    measure=on_cases(lambda generator: [(32, 5, 1), (28, 2, 2), (14, 5, 1), (15, 4, 3), (29, 2, 2)]),
    mistakes=[
        Mistake(
            "one place too few",
            lambda n, k, s: (n - k) // s,
            "A kernel as wide as the field fits once, not zero times: add 1.",
        ),
        Mistake("stride ignored", lambda n, k, s: n - k + 1, "Only every stride-th place is used."),
        Mistake("padding assumed", lambda n, k, s: -(-n // s), "The kernel never leaves the field here."),
        Mistake(
            "1 added before dividing",
            lambda n, k, s: (n - k + 1) // s,
            "Count the steps first, (size - kernel) // stride, then add the starting place.",
        ),
        Mistake(
            "rounded up",
            lambda n, k, s: -(-(n - k) // s) + 1,
            "A step that would leave the field is not made.",
        ),
    ],
)


def _counts(in_maps, out_maps, kernel, size, bias=1, shared=True):
    weights = out_maps * (in_maps * kernel**2 + bias)
    places = (size - kernel + 1) ** 2
    return weights if shared else weights * places, weights * places


count_convolution = Check(
    "parameters and connections of a convolution",
    right=_counts,
    measure=on_cases(lambda generator: [(1, 6, 5, 32), (6, 16, 5, 14), (3, 4, 3, 10)]),
    mistakes=[
        Mistake(
            "no bias",
            lambda *a: _counts(*a, bias=0),
            "Every output map has one bias, and every unit one connection to it.",
        ),
        Mistake(
            "one bias for each kernel",
            lambda i, o, k, n: _counts(i, o, k, n, bias=i),
            "One bias for each output map.",
        ),
        Mistake(
            "no sharing",
            lambda *a: _counts(*a, shared=False),
            "All units of a map use the same weights: count those once.",
        ),
        Mistake(
            "one input map",
            lambda i, o, k, n: _counts(1, o, k, n),
            "A unit sees a window of every input map.",
        ),
    ],
)
