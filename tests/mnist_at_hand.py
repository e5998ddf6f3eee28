"""MNIST for the tests, or the reason to do without it."""

import os
from typing import NamedTuple

import pytest

from lenet_helpers.data.digits import Digits, DownloadError, load_digits


class MNIST(NamedTuple):
    train: Digits  # 60,000
    test: Digits  # 10,000


def mnist_or_skip():
    try:
        return MNIST(load_digits("train", dataset="mnist"), load_digits("test", dataset="mnist"))
    except DownloadError as error:
        if os.environ.get("LENET_DATA"):
            raise
        pytest.skip(f"needs MNIST: {error}")
