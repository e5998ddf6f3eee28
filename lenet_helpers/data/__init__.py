"""Digits: where they come from, how they come into the network's field, and how they are distorted."""

from .digits import Digits, load_digits, to_input
from .distort import Distortion
from .mnist import DataError, DownloadError
from .normalise import centre_digit

__all__ = ["DataError", "Digits", "Distortion", "DownloadError", "centre_digit", "load_digits", "to_input"]
