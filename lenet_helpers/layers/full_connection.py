"""The full connection of F6 (Section II-B)."""

import torch
from torch.nn import Parameter

from ..layout import laid_out, matrix, summed
from .base import Layer


class FullConnection(Layer):
    """Every unit connected to every input. Input (N, inputs) or (N, inputs, rows, columns), the same connections at
    every place; output (N, units) or (N, units, rows, columns)."""

    def __init__(self, inputs, units):
        super().__init__()
        self.inputs, self.units = inputs, units
        self.weight = Parameter(torch.empty(units, inputs))
        self.bias = Parameter(torch.empty(units))
        self.reset()

    def fprop(self, x):
        """a_i = b_i + sum_j w_ij x_j (Eq. 5)."""
        a = torch.addmm(self.bias.unsqueeze(1), self.weight, matrix(x))
        return laid_out(a, x), (self.weight, x)

    def bprop(self, signal, kept):
        """Eq. 19: a weight finds the sum of signal times state; a state is sent what all units it feeds send."""
        weight, x = kept
        signals = matrix(signal)
        found = {"weight": signals @ matrix(x).t(), "bias": summed(signals.unsqueeze(0))}
        return laid_out(weight.t() @ signals, x), found

    def bbprop(self, signal, kept):
        """Eq. 25 and 27: the same with weights and states squared."""
        return self.bprop(signal, [factor.square() for factor in kept])

    def fan_in(self):
        return {"weight": self.inputs, "bias": self.inputs}

    def check_input(self, x):
        self.expect(x.dim() >= 2 and x.shape[1] == self.inputs, x, f"(patterns, {self.inputs}, ...)")
