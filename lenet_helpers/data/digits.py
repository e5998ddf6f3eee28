"""Where digits come from, and the 32 x 32 field in which the network sees them (Sections II-B and III-A)."""

import os
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from . import mnist
from .mnist import DataError, DownloadError
from .normalise import centre_digit, fit_box

__all__ = ["DataError", "Digits", "DownloadError", "centre_digit", "load_digits", "to_input"]

BACKGROUND, FOREGROUND = -0.1, 1.175  # input values of pixel 0 and pixel 255 (Section II-B)
SIZE, FIELD = 28, 32
SPLITS = ("train", "test")
SKLEARN_TEST, SKLEARN_SEED = 360, 0  # patterns set aside of 1,797, and the seed that picks them


@dataclass(frozen=True, eq=False)
class Digits:
    """Labelled digits: images uint8 (N, 28, 28), labels int64 (N,) from 0 to 9, and the name of their source.

    Images may also be (N, 32, 32): they fill the field of the network, as what surrounds a digit in a string does.
    classes: labels run from 0 to classes - 1; with 11 the last is the blank of Section VII.
    Raises DataError if a shape, dtype or label is not that, or the set is empty.
    """

    images: torch.Tensor
    labels: torch.Tensor
    source: str
    classes: int = 10

    def __post_init__(self):
        images, labels = self.images, self.labels
        if images.dtype != torch.uint8 or images.shape[1:] not in ((SIZE, SIZE), (FIELD, FIELD)):
            raise DataError(
                f"Digits: got images of dtype {images.dtype} and shape {tuple(images.shape)}, expected "
                "torch.uint8 and (N, 28, 28), or (N, 32, 32) for whole fields; centre_digit turns any other picture "
                "of a digit into (28, 28)."
            )
        if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
            raise DataError(
                f"Digits: got labels of dtype {labels.dtype} and shape {tuple(labels.shape)} for "
                f"{len(images)} images, expected torch.int64 and ({len(images)},): one label an image."
            )
        if len(images) == 0:
            raise DataError("Digits: got an empty set, expected at least one digit; check what chose them.")
        low, high = (bound.item() for bound in labels.aminmax())
        if low < 0 or high >= self.classes:
            raise DataError(
                f"Digits: got labels from {low} to {high}, expected 0 to {self.classes - 1}; leave out others."
            )

    def __len__(self):
        return self.images.shape[0]  # asked in every update; len of a tensor takes ten times as long

    def subset(self, chosen):
        """The digits that `chosen` picks: a slice, a sequence or tensor of indices, or a mask."""
        if not isinstance(chosen, slice):
            chosen = torch.as_tensor(chosen, device=self.labels.device)
            chosen = chosen if chosen.numel() else chosen.long()  # an empty list becomes a tensor of floats
        return replace(self, images=self.images[chosen], labels=self.labels[chosen])


def load_digits(split="train", dataset="auto", root=None):
    """The "train" or "test" digits: MNIST's 60,000 and 10,000, or scikit-learn's 1,437 and 360.

    MNIST lies in MNIST/raw under the folder `root`, else under $LENET_DATA, else under `data/` of the
    repository if the package runs from its checkout, else under ~/.cache/lenet_helpers. It is downloaded when
    absent, and the MD5 of its four files is checked on every load.

    dataset="mnist" takes nothing else. dataset="sklearn" takes the real digits that come with scikit-learn
    (8 x 8, enlarged to the 20 x 20 box and centred by mass), for work without a network. dataset="auto" takes
    MNIST; but where neither `root` nor $LENET_DATA names a folder and MNIST is neither present nor
    downloadable, it takes scikit-learn's and says so in one line on stderr. Digits.source names what it was.

    Raises DataError: MNIST is missing, truncated or not the published files; ValueError: unknown split or
    dataset.
    """
    if split not in SPLITS:
        raise ValueError(f"load_digits: got split {split!r}, expected 'train' or 'test'.")
    if dataset not in ("auto", "mnist", "sklearn"):
        raise ValueError(f"load_digits: got dataset {dataset!r}, expected 'auto', 'mnist' or 'sklearn'.")
    named = root or os.environ.get("LENET_DATA")
    folder = Path(named).expanduser() if named else mnist.default_folder()
    if dataset == "sklearn" or (dataset == "auto" and not named and _out_of_reach(folder)):
        return Digits(*_sklearn_digits(split), "scikit-learn digits")
    return Digits(*mnist.read(split, folder), "MNIST")


@cache
def _out_of_reach(folder):
    """Whether MNIST is absent and cannot be downloaded.

    Decided and announced once in a process, so that its training and test digits come from the same source.
    """
    try:
        mnist.ensure(folder)
    except DownloadError as error:
        print(
            f"No MNIST in {error.raw}, and none to download ({error.reason}): using scikit-learn's 1,797 "
            "digits instead, whose scores are not MNIST scores.",
            file=sys.stderr,
            flush=True,
        )
        return True
    return False


def _sklearn_digits(split):
    from sklearn import datasets, model_selection  # half a second to import, only needed here

    digits = datasets.load_digits()
    splits = model_selection.train_test_split(
        np.round(digits.images * (255 / 16)).astype(np.uint8),
        digits.target.astype(np.int64),
        test_size=SKLEARN_TEST,
        random_state=SKLEARN_SEED,
        stratify=digits.target,
    )
    images, labels = splits[SPLITS.index(split)], splits[len(SPLITS) + SPLITS.index(split)]
    return torch.from_numpy(np.stack([fit_box(image) for image in images])), torch.from_numpy(labels)


def to_input(images):
    """The network's input, float32 (N, 1, 32, 32): the digits in the middle of a field of background.

    `images` is (N, 28, 28), or (28, 28) for one digit, with pixels from 0 (background) to 255 (foreground),
    uint8 or floating point. Pixel 0 becomes -0.1 and pixel 255 becomes 1.175, linearly (Section II-B).
    Images of 32 rows and 32 columns or more are fields already: (N, 32, columns) becomes (N, 1, 32, columns).

    Raises ValueError for another shape or dtype, NaN, and values outside 0 to 255.
    """
    images = torch.as_tensor(images)
    if images.ndim == 2:
        images = images[None]
    rows, columns = images.shape[1:] if images.ndim == 3 and len(images) else (0, 0)
    if (rows, columns) != (SIZE, SIZE) and not (rows == FIELD <= columns):
        raise ValueError(
            f"to_input: got images of shape {tuple(images.shape)}, expected (N, 28, 28) with N at least 1, or fields "
            "(N, 32, columns) of 32 columns or more; centre_digit turns a picture of another size into (28, 28)."
        )
    if images.is_floating_point():
        low, high = (bound.item() for bound in images.aminmax())
        if not (low >= 0 and high <= 255) or 0 < high <= 1:
            raise ValueError(
                f"to_input: got pixels from {low:g} to {high:g}, expected finite values from 0 to 255; "
                "multiply by 255 if the scale is 0 to 1, look for the cause if they are NaN or infinite."
            )
    elif images.dtype != torch.uint8:
        raise ValueError(f"to_input: got pixels of {images.dtype}, expected torch.uint8 or floating point.")
    ends = torch.tensor([BACKGROUND, FOREGROUND], device=images.device)
    inputs = torch.lerp(*ends, images.float() / 255)[:, None]
    if rows == FIELD:
        return inputs
    field = ends[0].repeat(len(images), 1, FIELD, FIELD)
    edge = (FIELD - SIZE) // 2
    field[:, :, edge:-edge, edge:-edge] = inputs
    return field
