"""The paper's layers, one a file, each with the three things a layer knows.

A layer sends a state up, a derivative down and a second derivative down: the same as the derivative with everything
squared, weights, states and the squashing function's slope (Eq. 27). How a layer looks from outside: see `base`.
"""

from .base import Layer
from .convolution import Convolution
from .full_connection import FullConnection
from .rbf import RBF
from .squash import AMPLITUDE, STEEPNESS, Squash
from .subsampling import Subsampling

__all__ = ["AMPLITUDE", "RBF", "STEEPNESS", "Convolution", "FullConnection", "Layer", "Squash", "Subsampling"]
