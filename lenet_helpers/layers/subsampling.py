"""The subsampling of S2 and S4, with a trainable coefficient and bias for each map (Section II-A)."""

import torch
from torch.nn import Parameter

from ..layout import summed
from .base import Layer


class Subsampling(Layer):
    """The SUM of each 2x2 square times a coefficient plus a bias, one of each a map (Section II-A).

    Input (N, maps, rows, columns), output (N, maps, rows // 2, columns // 2); an odd last row or column is left out.
    The inputs are added first, so a coefficient belongs to one connection, from the sum: Eq. 25's state is the sum.
    (The authors' code reads it so; with the four inputs squared one by one, two passes end at 5.5% instead of 2.7%.)
    """

    def __init__(self, maps):
        super().__init__()
        self.maps = maps
        self.coefficient = Parameter(torch.empty(maps))
        self.bias = Parameter(torch.empty(maps))
        self.reset()

    def fprop(self, x):
        """a_i = coefficient x (sum of the square) + bias."""
        rows, columns = x.shape[0] // 2 * 2, x.shape[2] // 2 * 2
        pairs = x[0:rows:2] + x[1:rows:2]
        sums = pairs[:, :, 0:columns:2] + pairs[:, :, 1:columns:2]
        coefficient, bias = self.coefficient.view(-1, 1, 1), self.bias.view(-1, 1, 1)  # one of each a map
        return (coefficient * sums).add_(bias), ((coefficient, sums), x.shape)

    def bprop(self, signal, kept):
        """Eq. 19: all four inputs of a square are sent the same."""
        (coefficient, sums), shape = kept
        found = {"coefficient": summed(signal * sums), "bias": summed(signal)}
        down = (signal * coefficient).repeat_interleave(2, 2).repeat_interleave(2, 0)  # both columns, both rows
        if down.shape != shape:  # an odd last row or column is sent nothing
            even, down = down, signal.new_zeros(shape)
            down[: even.shape[0], :, : even.shape[2]].copy_(even)
        return down, found

    def bbprop(self, signal, kept):
        """Eq. 25 and 27: the same with coefficients and sums squared."""
        factors, shape = kept
        return self.bprop(signal, ([factor.square() for factor in factors], shape))

    def fan_in(self):
        return {"coefficient": 4, "bias": 4}

    def output_size(self, rows, columns):
        return rows // 2, columns // 2

    def connections(self, rows, columns):
        """Connections into output maps of this size: four inputs and a bias for each unit."""
        return self.maps * rows * columns * 5

    def check_input(self, x):
        fits = x.dim() == 4 and x.shape[1] == self.maps and min(x.shape[2:]) >= 2
        self.expect(fits, x, f"(patterns, {self.maps}, rows, columns) with at least 2 rows and columns")
