"""The paper's layers, each with the three things a layer knows.

A layer sends a state up (`forward`), a derivative down (`backprop(signal, order=1)`) and a second derivative down
(`backprop(signal, order=2)`). The third is the second with everything squared: the weights, the states and the
slope of the squashing function (Eq. 27, the Gauss-Newton rule). Only tensor methods, views, matrix products and
reductions are used. How states are laid out inside and kept from up to down: see `layer`.
"""

import torch
from torch.nn import Parameter

from .base import Layer, add_products, add_sum, derivative, laid_out, raised, rows_of_matrices
from .convolution import Convolution

__all__ = ["AMPLITUDE", "RBF", "STEEPNESS", "Convolution", "FullConnection", "Layer", "Squash", "Subsampling"]

AMPLITUDE = 1.7159  # A and S of Eq. 6, chosen so that f(1) = 1 and f(-1) = -1 (Appendix A)
STEEPNESS = 2 / 3


class Subsampling(Layer):
    """Subsampling (Section II-A): the SUM of each 2x2 square times a coefficient plus a bias, one of each a map.

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

    def fan_in(self):
        return {"coefficient": 4, "bias": 4}

    def check_input(self, x):
        if x.dim() != 4 or x.shape[1] != self.maps or min(x.shape[2:]) < 2:
            raise ValueError(
                f"Subsampling got an input of shape {tuple(x.shape)}; expected (patterns, {self.maps}, rows, columns) "
                "with at least 2 rows and columns."
            )

    def output_size(self, rows, columns):
        return rows // 2, columns // 2

    def connections(self, rows, columns):
        """Connections into output maps of this size: four inputs and a bias for each unit."""
        return self.maps * rows * columns * 5

    def fprop(self, x, memory):
        if memory.x is not x and memory.serve(x):
            self.wire(x, memory)
        memory.pairs = torch.add(memory.even_rows, memory.odd_rows, out=memory.pairs)
        if memory.even_columns is None:
            columns = x.shape[2] // 2 * 2
            memory.even_columns, memory.odd_columns = (
                memory.pairs[:, :, 0:columns:2],
                memory.pairs[:, :, 1:columns:2],
            )
        memory.sum = torch.add(memory.even_columns, memory.odd_columns, out=memory.sum)
        memory.y = torch.addcmul(memory.bias, memory.coefficient, memory.sum, out=memory.y)
        return memory.y

    def wire(self, x, memory):
        rows = x.shape[0] // 2 * 2
        memory.even_rows, memory.odd_rows = x[0:rows:2], x[1:rows:2]
        memory.coefficient, memory.bias = self.coefficient.view(-1, 1, 1), self.bias.view(-1, 1, 1)

    def bprop(self, signal, memory, order=1, to_input=True):
        coefficient = raised(memory.coefficient, order)
        total = raised(memory.sum, order)
        memory.product = torch.mul(signal, total, out=memory.product)
        add_sum(derivative(self.coefficient, order), memory.product, memory)
        add_sum(derivative(self.bias, order), signal, memory)
        if not to_input:
            return None
        memory.scaled = torch.mul(signal, coefficient, out=memory.scaled)
        if memory.dx is None:
            self.wire_down(memory)
        memory.squares.copy_(memory.each)
        return memory.dx

    def wire_down(self, memory):
        """The derivatives of the input, seen as 2x2 squares: (rows/2, 2, maps, columns/2, 2, patterns)."""
        memory.dx = torch.zeros_like(memory.x)
        rows, _, columns, _ = memory.scaled.shape
        even = memory.dx[: 2 * rows, :, : 2 * columns]
        memory.squares = even.unflatten(2, (columns, 2)).unflatten(0, (rows, 2))
        memory.each = memory.scaled.unsqueeze(3).unsqueeze(1)  # what all four inputs of a square are sent


class Squash(Layer):
    """The squashing function f(a) = A tanh(S a), A = 1.7159, S = 2/3 (Eq. 6 and Appendix A), of any shape.

    Computed as 2A sigmoid(2S a) - A, the same function: torch's sigmoid takes a tenth of the time of its tanh. In a
    kept memory each of its steps writes over the one before.
    """

    def fan_in(self):
        return {}

    def check_input(self, x):
        if x.dim() < 1:
            raise ValueError("Squash got a single number; expected a tensor with patterns first.")

    def fprop(self, x, memory):
        if memory.double_steepness is None:
            memory.double_steepness, memory.minus_amplitude = (
                x.new_tensor(2 * STEEPNESS),
                x.new_tensor(-AMPLITUDE),
            )
            memory.slope_at_zero = x.new_tensor(AMPLITUDE * STEEPNESS)
        scaled = torch.mul(x, memory.double_steepness, out=memory.y)
        sigmoid = torch.sigmoid(scaled, out=memory.y)
        memory.y = torch.add(memory.minus_amplitude, sigmoid, alpha=2 * AMPLITUDE, out=memory.y)
        return memory.y

    def bprop(self, signal, memory, order=1, to_input=True):
        """f'(a) = S/A (A^2 - f(a)^2), from the state itself."""
        y = memory.y
        slope = torch.addcmul(memory.slope_at_zero, y, y, value=-STEEPNESS / AMPLITUDE, out=memory.dx)
        memory.dx = torch.mul(signal, raised(slope, order), out=memory.dx)
        return memory.dx


class FullConnection(Layer):
    """Every unit connected to every input. Input (N, inputs) or (N, inputs, rows, columns), the same connections at
    every place; output (N, units) or (N, units, rows, columns)."""

    def __init__(self, inputs, units):
        super().__init__()
        self.inputs, self.units = inputs, units
        self.weight = Parameter(torch.empty(units, inputs))
        self.bias = Parameter(torch.empty(units))
        self.reset()

    def fan_in(self):
        return {"weight": self.inputs, "bias": self.inputs}

    def check_input(self, x):
        if x.dim() < 2 or x.shape[1] != self.inputs:
            raise ValueError(
                f"FullConnection got an input of shape {tuple(x.shape)}; expected (patterns, {self.inputs}, ...)."
            )

    def output_size(self, rows, columns):
        return rows, columns

    def connections(self, rows, columns):
        return (self.weight.numel() + self.bias.numel()) * rows * columns

    def fprop(self, x, memory):
        if memory.x is not x and memory.serve(x):
            memory.states, memory.bias = rows_of_matrices(x), self.bias.view(-1, 1)
            memory.weights = self.weight.expand(len(memory.states), -1, -1)
        memory.total = torch.baddbmm(memory.bias, memory.weights, memory.states, out=memory.total)
        if memory.y is None:
            memory.y = memory.total.view(laid_out(x, self.units))
        return memory.y

    def bprop(self, signal, memory, order=1, to_input=True):
        if memory.signal is not signal:
            memory.signal, memory.signals = signal, rows_of_matrices(signal)
            memory.turned_states, memory.turned_weights = memory.states.mT, memory.weights.mT
        add_products(derivative(self.weight, order), memory.signals, raised(memory.turned_states, order), memory)
        add_sum(derivative(self.bias, order), memory.signals, memory)
        if not to_input:
            return None
        memory.down = torch.bmm(raised(memory.turned_weights, order), memory.signals, out=memory.down)
        if memory.dx is None:
            memory.dx = memory.down.view(memory.x.shape)
        return memory.dx


class RBF(Layer):
    """Euclidean radial basis functions (Eq. 7): y_i = scale x sum_j (x_j - w_ij)^2, the penalty of class i.

    codes: (classes, units) of +-1, fixed (Fig. 3). scale: 1 is Eq. 7 to the letter; 1/2, the default, is the authors'
    code. Input (N, units) or (N, units, rows, columns), output (N, classes) or (N, classes, rows, columns), >= 0.
    """

    def __init__(self, codes, scale=0.5):
        super().__init__()
        if not scale > 0:
            raise ValueError(f"The scale of the penalty is {scale}; expected a positive number, 1/2 or 1.")
        self.scale = scale
        self.register_buffer("codes", codes.clone())

    def fan_in(self):
        return {}

    def check_input(self, x):
        if x.dim() < 2 or x.shape[1] != self.codes.shape[1]:
            raise ValueError(
                f"RBF got an input of shape {tuple(x.shape)}; expected (patterns, {self.codes.shape[1]}, ...)."
            )

    def output_size(self, rows, columns):
        return rows, columns

    def connections(self, rows, columns):
        return self.codes.numel() * rows * columns

    def fprop(self, x, memory):
        if memory.x is not x and memory.serve(x):
            memory.state = rows_of_matrices(x).unsqueeze(1)  # rows, 1, units, columns x patterns
            memory.codes = self.codes.unsqueeze(2)
            memory.factor, memory.twice_factor = x.new_tensor(self.scale), x.new_tensor(2 * self.scale)
        memory.difference = torch.sub(memory.state, memory.codes, out=memory.difference)
        memory.square = torch.mul(memory.difference, memory.difference, out=memory.square)
        memory.distance = torch.sum(memory.square, 2, out=memory.distance)
        memory.penalty = torch.mul(memory.distance, memory.factor, out=memory.penalty)
        if memory.y is None:
            memory.y = memory.penalty.view(laid_out(x, len(self.codes)))
        return memory.y

    def bprop(self, signal, memory, order=1, to_input=True):
        """dE/dx_j = 2 scale sum_i (x_j - w_ij) dE/dy_i. Order 2 passes on the curvature of the squared distance
        itself, 2 scale for every unit, times the signal: with a signal of 1 for the right class and 0 for the others
        this seeds F6 with the constant 2 scale, as the authors' code does whatever the loss."""
        if memory.given is not signal:
            memory.given, memory.broad = signal, rows_of_matrices(signal).unsqueeze(2)
        memory.signal = torch.mul(memory.broad, memory.twice_factor, out=memory.signal)
        if order == 2:
            return self.seed(memory).contiguous().view(memory.x.shape)
        memory.product = torch.mul(memory.difference, memory.signal, out=memory.product)
        memory.down = torch.sum(memory.product, 1, out=memory.down)
        if memory.dx is None:
            memory.dx = memory.down.view(memory.x.shape)
        return memory.dx

    def seed(self, memory):
        """d2E/dx_j^2 = 2 scale sum_i dE/dy_i, plus (2 scale)^2 sum_ik (x_j - w_ij) (x_j - w_kj) d2E/dy_i dy_k where
        the memory holds the loss's second derivatives, `hessian`."""
        seed = memory.signal.sum(1).expand_as(memory.state[:, 0])
        if memory.hessian is not None:
            hessian = memory.hessian.reshape(*memory.hessian.shape[:2], len(memory.state), -1)
            difference = 2 * self.scale * memory.difference
            seed = seed + torch.einsum("riup,ikrp,rkup->rup", difference, hessian, difference)
        return seed
