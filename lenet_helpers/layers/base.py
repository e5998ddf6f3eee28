"""What every layer has in common: how it looks from outside, and where its findings go.

Inside, a layer is three functions of tensors laid out (rows, maps, columns, patterns), see `layout`:

    fprop(x)             -> (state, kept)   what it sends up, and what its bprop will need of it
    bprop(signal, kept)  -> (down, found)   dE/dx, and dE/dw of each parameter by name (Eq. 19)
    bbprop(signal, kept) -> (down, found)   the same with everything squared: d2E/dx2, and Eq. 23's sums (Eq. 27)

They change nothing. From outside a layer is a torch.nn.Module that takes patterns first, as PyTorch does.
"""

import threading

import torch
from torch.nn import Module

from ..initialisation import draw, init_name
from ..layout import patterns_first, patterns_last


class Seen(threading.local):
    """The input of a layer's last forward, and a network's recording of it, for each thread apart; a copied or pickled
    layer starts without."""

    x = replay = None

    def __reduce__(self):
        return Seen, ()


class Layer(Module):
    """A layer from outside: patterns first, derivatives added to its parameters' .grad and .curvature."""

    def __init__(self):
        super().__init__()
        self.seen = Seen()

    def forward(self, x):
        """State of the layer for the input `x`, patterns first. Raises ValueError for another shape."""
        self.check_input(x)
        self.seen.x = x
        return self.outward(self.fprop(patterns_last(x))[0])

    def expect(self, fits, x, expected):
        """Raise ValueError, saying what was expected, unless the input `x` fits."""
        if not fits:
            raise ValueError(f"{type(self).__name__} got an input of shape {tuple(x.shape)}; expected {expected}.")

    def outward(self, state):
        """What the layer is seen to answer: its state, patterns first."""
        return patterns_first(state)

    @torch.no_grad()
    def backprop(self, signal, order=1):
        """Send derivatives of the error down through this thread's last forward, at the present parameters.

        signal: derivatives with respect to the layer's output, in its shape; first derivatives for order=1,
            Gauss-Newton second derivatives (Eq. 27) for order=2.
        Returns the derivatives with respect to the layer's input, in its shape. Adds those of each parameter,
        summed over patterns and over the connections that share it, to its `.grad` (order 1, Eq. 19) or to its
        `.curvature` (order 2, Eq. 23).
        Raises RuntimeError where no forward went before, ValueError for another order or a signal of another shape.
        """
        if order not in (1, 2):
            raise ValueError(f"order is {order!r}; expected 1 (first derivatives) or 2 (second derivatives).")
        if self.seen.x is None:
            raise RuntimeError(f"{type(self).__name__}.backprop has no states to use; call forward(x) first.")
        state, kept = self.fprop(patterns_last(self.seen.x))
        output = self.outward(state).shape
        if signal.shape != output:
            raise ValueError(
                f"{type(self).__name__}.backprop got a signal of shape {tuple(signal.shape)}; expected the shape of "
                f"the last forward's output, {tuple(output)}."
            )
        send = self.bprop if order == 1 else self.bbprop
        down, found = send(patterns_last(signal).reshape(state.shape), kept)
        add_up(dict(self.named_parameters()), found, "grad" if order == 1 else "curvature")
        return patterns_first(down)

    def fan_in(self):
        """Parameter name -> connections into one of its units."""
        return {}

    def output_size(self, rows, columns):
        """Rows and columns of the output for an input of this size."""
        return rows, columns

    def connections(self, rows, columns):
        """Connections into output maps of this size, the biases' included."""
        return sum(parameter.numel() for parameter in self.parameters()) * rows * columns

    def reset(self, init="lush", generator=None):
        """Draw the parameters anew by a rule of `initialisation`: "lush" or "appendix_a"."""
        draw(self, init_name(init), generator or torch.Generator().manual_seed(0))


def add_up(parameters, found, attribute):
    """Add what was found for the parameters, by name, to their .grad or .curvature."""
    for name, value in found.items():
        before = getattr(parameters[name], attribute, None)
        total = value.reshape(parameters[name].shape)
        setattr(parameters[name], attribute, total.clone() if before is None else before.add_(total))
