"""Where digits come from, and the 32 x 32 field in which the network sees them (Section II-B, III-A)."""

import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from . import _mnist
from ._mnist import DataError, DownloadError
from .centring import centre_digit, fit_box

__all__ = ["DataError", "Digits", "DownloadError", "centre_digit", "load_digits", "to_input"]

BACKGROUND, FOREGROUND = -0.1, 1.175  # input values of pixel 0 and pixel 255, which give mean 0 and variance 1
SIZE, FIELD = 28, 32
SPLITS = ("train", "test")
SKLEARN_TEST, SKLEARN_SEED = 360, 0  # of 1,797 digits


@dataclass(frozen=True, eq=False)
class Digits:
    """A set of labelled digits: images uint8 (N, 28, 28), labels int64 (N,) of 0 to 9, and the name of their source.

    Raises DataError if a shape, dtype or label is not that, or the set is empty.
    """

    images: torch.Tensor
    labels: torch.Tensor
    source: str

    def __post_init__(self):
        images, labels = self.images, self.labels
        if images.dtype != torch.uint8 or images.ndim != 3 or images.shape[1:] != (SIZE, SIZE):
            raise DataError(
                f"Digits: got images of dtype {images.dtype} and shape {tuple(images.shape)}, expected torch.uint8 "
                "and (N, 28, 28); centre_digit turns any other picture of a digit into that."
            )
        if labels.dtype != torch.int64 or labels.ndim != 1 or len(labels) != len(images):
            raise DataError(
                f"Digits: got labels of dtype {labels.dtype} and shape {tuple(labels.shape)} for {len(images)} images, "
                "expected torch.int64 and one label an image; convert with torch.as_tensor(labels, dtype=torch.int64)."
            )
        if len(images) == 0:
            raise DataError("Digits: got an empty set, expected at least one digit; check the selection made from it.")
        low, high = labels.min().item(), labels.max().item()
        if low < 0 or high > 9:
            raise DataError(f"Digits: got labels from {low} to {high}, expected 0 to 9; drop or relabel the others.")

    def __len__(self):
        return len(self.images)

    def subset(self, chosen):
        """The digits that `chosen` picks: a slice, a sequence or tensor of indices, or a mask."""
        if not isinstance(chosen, slice):
            chosen = torch.as_tensor(chosen, device=self.labels.device)
        return Digits(self.images[chosen], self.labels[chosen], self.source)


def load_digits(split="train", dataset="auto", root=None):
    """The "train" or "test" digits: of MNIST, 60,000 and 10,000, or the offline 1,437 and 360 of scikit-learn.

    MNIST is read from `root`, else the folder $LENET_DATA, else `data/` in the repository when the package runs from
    its checkout, else ~/.cache/lenet_helpers; the files lie in MNIST/raw under that folder, are downloaded when
    absent, and the MD5 of all four is checked on every load.

    dataset="mnist" takes nothing else. dataset="sklearn" takes scikit-learn's bundled digits (8 x 8, enlarged to
    the 20 x 20 box and centred by mass), for work without a network. dataset="auto" is MNIST, and scikit-learn's
    digits only when MNIST is neither present nor downloadable and neither `root` nor $LENET_DATA names a folder; it
    says so in one line on stderr. Digits.source names what was loaded.

    Raises DataError: MNIST is missing, truncated or not the published files; ValueError: unknown split or dataset.
    """
    if split not in SPLITS:
        raise ValueError(f"load_digits: got split {split!r}, expected one of {SPLITS}.")
    if dataset not in ("auto", "mnist", "sklearn"):
        raise ValueError(f"load_digits: got dataset {dataset!r}, expected 'auto', 'mnist' or 'sklearn'.")
    if dataset == "sklearn":
        return _sklearn_digits(split)
    named = root or os.environ.get("LENET_DATA")
    if named or dataset == "mnist":
        folder = Path(named).expanduser() if named else _mnist.default_folder()
        return Digits(*_mnist.read(split, folder), "MNIST")
    if _mnist_unavailable(_mnist.default_folder()):
        return _sklearn_digits(split)
    return Digits(*_mnist.read(split, _mnist.default_folder()), "MNIST")


@cache
def _mnist_unavailable(folder):
    """Whether MNIST is absent and cannot be downloaded; decided, and announced, once in a process.

    Once, so that the two splits always come from the same source and the line shows once.
    """
    try:
        _mnist.ensure(folder)
    except DownloadError as error:
        print(
            f"lenet_helpers: {error} Until then scikit-learn's 1,797 digits stand in: no score from them is an MNIST score.",
            file=sys.stderr,
            flush=True,
        )
        return True
    return False


def _sklearn_digits(split):
    from sklearn.datasets import load_digits as bundled
    from sklearn.model_selection import train_test_split

    digits = bundled()
    chosen = train_test_split(
        np.arange(len(digits.target)), test_size=SKLEARN_TEST, random_state=SKLEARN_SEED, stratify=digits.target
    )[SPLITS.index(split)]
    ink = (digits.images[chosen] * (255 / 16)).round().astype(np.uint8)
    images = torch.from_numpy(np.stack([fit_box(image) for image in ink]))
    return Digits(images, torch.from_numpy(digits.target[chosen].astype(np.int64)), "scikit-learn digits")


def to_input(images):
    """The network's input, float32 (N, 1, 32, 32): the digits in the middle of a field of background.

    `images` is (N, 28, 28), or (28, 28) for one digit, of pixels 0 (background) to 255 (foreground), uint8 or floating
    point. Pixel 0 becomes -0.1 and pixel 255 becomes 1.175, linearly (Section II-B).

    Raises ValueError for another shape or dtype, NaN, and values outside 0 to 255.
    """
    images = torch.as_tensor(images)
    if images.ndim == 2:
        images = images[None]
    if images.ndim != 3 or images.shape[1:] != (SIZE, SIZE) or len(images) == 0:
        raise ValueError(
            f"to_input: got images of shape {tuple(images.shape)}, expected (N, 28, 28) with N >= 1; centre_digit "
            "turns a picture of another size into (28, 28)."
        )
    if images.dtype == torch.uint8:
        levels = torch.linspace(BACKGROUND, FOREGROUND, 256, dtype=torch.float64).to(images.device, torch.float32)
        values = levels[images.int()]
    elif images.is_floating_point():
        low, high = (bound.item() for bound in images.aminmax())
        if not (low >= 0 and high <= 255):
            raise ValueError(
                f"to_input: got pixels from {low:g} to {high:g}, expected finite values from 0 to 255; clamp them, or "
                "find where the NaN or infinity comes from."
            )
        if 0 < high <= 1:
            raise ValueError(
                f"to_input: got pixels from {low:g} to {high:g}, expected 0 to 255; multiply images of 0 to 1 by 255."
            )
        values = torch.lerp(*torch.tensor([BACKGROUND, FOREGROUND], device=images.device), images.float() / 255)
    else:
        raise ValueError(f"to_input: got dtype {images.dtype}, expected torch.uint8 or floating point of 0 to 255.")
    field = values.new_full((len(values), 1, FIELD, FIELD), BACKGROUND)
    edge = (FIELD - SIZE) // 2
    field[:, 0, edge:-edge, edge:-edge] = values
    return field
