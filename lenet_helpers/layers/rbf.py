"""The Euclidean radial basis functions of the output layer (Eq. 7, Fig. 3)."""

import math

from ..layout import laid_out, matrix
from .base import Layer


class RBF(Layer):
    """y_i = scale x sum_j (x_j - w_ij)^2 (Eq. 7), the penalty of class i, >= 0.

    codes: (classes, units) of +-1, fixed (Fig. 3). scale: 1 is Eq. 7 as printed; 1/2, the default, is the authors'
    code. Input (N, units) or (N, units, rows, columns), output (N, classes) or (N, classes, rows, columns).
    Raises ValueError for codes of another shape, or for a scale that is not a positive, finite number.
    """

    def __init__(self, codes, scale=0.5):
        super().__init__()
        if not 0 < scale < math.inf:
            raise ValueError(f"The scale of the penalty is {scale}; expected a positive number, 1/2 or 1.")
        if codes.dim() != 2 or len(codes) == 0:
            raise ValueError(f"The codes have shape {tuple(codes.shape)}; expected (classes, units), such as (10, 84).")
        self.scale = scale
        self.register_buffer("codes", codes.clone())

    def fprop(self, x):
        difference = matrix(x) - self.codes.unsqueeze(2)  # classes, units, places x patterns
        scales = difference.new_full((len(difference), 1, difference.shape[1]), self.scale)  # a product adds up faster
        return laid_out(scales.bmm(difference * difference).squeeze(1), x), difference

    def bprop(self, signal, difference):
        """dE/dx_j = sum_i dE/dy_i 2 scale (x_j - w_ij)."""
        return laid_out((difference * (2 * self.scale * matrix(signal)).unsqueeze(1)).sum(0), signal), {}

    def bbprop(self, signal, difference, hessian=None):
        """d2E/dx_j^2 = 2 scale sum_i dE/dy_i: with a signal of 1 for the right class and 0 for the others, F6 is sent
        the constant 2 scale, as the authors' code does whatever the loss.

        hessian: the loss's second derivatives (classes, classes, places x patterns). They add the rest of the exact
        diagonal, (2 scale)^2 sum_ik (x_j - w_ij) (x_j - w_kj) d2E/dy_i dy_k.
        """
        down = (2 * self.scale * matrix(signal).sum(0)).expand(difference.shape[1:])
        if hessian is not None:
            slopes = 2 * self.scale * difference
            down = down + (slopes * (hessian.unsqueeze(2) * slopes).sum(1)).sum(0)
        return laid_out(down, signal), {}

    def connections(self, rows, columns):
        return self.codes.numel() * rows * columns

    def check_input(self, x):
        units = self.codes.shape[1]
        self.expect(x.dim() >= 2 and x.shape[1] == units, x, f"(patterns, {units}, ...)")
