"""What every layer has in common: the memory between its fprop and its bprop, and how it looks from outside.

Inside, a layer works on tensors laid out (rows, maps, columns, patterns) through `fprop` and `bprop`, patterns
innermost; `Layer.forward` and `Layer.backprop` turn PyTorch's (patterns, maps, rows, columns) around at the edge.
Rows come first so that all that one row of outputs is made from lies in one piece (see `convolution`).
What `fprop` leaves for `bprop` goes into a `Memory`. With a fresh memory every operation allocates its result,
which autograd can follow. With a memory that is kept, the same operations write into the results of the last
time, through the same views, so that a training step allocates nothing.
"""

import threading

import torch
from torch.nn import Module

AUTHORS_COEFFICIENT = 0.5


class Memory:
    """What one layer keeps from its fprop for its bprop; a name never set reads as None."""

    overwrite = False  # True: the next bprop replaces the parameters' derivatives instead of adding to them

    def __getattr__(self, name):
        return None

    def serve(self, x):
        """Whether the views on the input `x` are still to be laid out: a memory serves one tensor, refilled."""
        if self.x is not None and self.x is not x:
            raise RuntimeError(
                "A kept memory got another input tensor; refill the first one, or start afresh."
            )
        first, self.x = self.x is None, x
        return first

    def branch(self):
        """A copy that shares what is stored, so that what is stored from now on stays out of the original."""
        copy = Memory()
        copy.__dict__.update(self.__dict__)
        if self.steps is not None:
            copy.steps = [step.branch() for step in self.steps]
        return copy


class Memories:
    """The kept memories of a network, one for each of the last few shapes of input, filled by `serve`."""

    LIMIT = 4

    def __init__(self, network):
        self.owners = [module._parameters for module in network.modules() if module._parameters]
        self.by_shape, self.storage = {}, None

    def serve(self, x):
        """The memory for inputs of this shape, its `field` a copy of `x` with patterns last.

        Views on the parameters are laid out anew where a parameter has been given other storage.
        """
        storage = [parameter.data_ptr() for owner in self.owners for parameter in owner.values()]
        storage.append(torch.is_inference_mode_enabled())  # its tensors cannot be written to outside of it
        if storage != self.storage:
            self.by_shape, self.storage = {}, storage
        memory = self.by_shape.get(x.shape)
        if memory is None:
            while len(self.by_shape) >= self.LIMIT:
                del self.by_shape[next(iter(self.by_shape))]
            memory = self.by_shape[x.shape] = Memory()
            memory.field = torch.empty_like(inward(x), memory_format=torch.contiguous_format)
            memory.columns = memory.field.flatten(0, -2)  # a pattern each, of the one map of the input field
            memory.loss = Memory()
        memory.columns.copy_(x.flatten(1).t())  # a transposed matrix: copied far faster than as four dimensions
        return memory


class Kept(threading.local):
    """What a layer keeps for each thread apart; a copied or pickled layer starts without."""

    memory = None  # of the last forward
    memories = None  # of inference

    def __reduce__(self):
        return Kept, ()


def inward(x):
    """PyTorch's (patterns, maps, rows, columns) as (rows, maps, columns, patterns); (patterns, units) turned around."""
    return x.permute(2, 1, 3, 0) if x.dim() == 4 else x.movedim(0, -1)


def outward(y):
    """The other way round."""
    return y.permute(3, 1, 0, 2) if y.dim() == 4 else y.movedim(-1, 0)


def rows_of_matrices(x):
    """(rows, units, columns, patterns) as (rows, units, columns x patterns); (units, patterns) as a single row."""
    return x.flatten(2) if x.dim() == 4 else x.unsqueeze(0)


def laid_out(x, units):
    """The shape of `units` outputs for each place and pattern of `x`."""
    return (x.shape[0], units, *x.shape[2:]) if x.dim() == 4 else (units, x.shape[1])


class Layer(Module):
    """A layer seen from outside: patterns first, the last forward kept for the backprops that follow.

    A subclass defines `fprop(x, memory)` and `bprop(signal, memory, order, to_input)` on tensors as laid out inside.
    """

    def __init__(self):
        super().__init__()
        self.kept = Kept()

    def forward(self, x):
        """State of the layer for the input `x`, patterns first. Raises ValueError for another shape."""
        self.check_input(x)
        memory = self.kept.memory = Memory()
        y = outward(self.fprop(inward(x).contiguous(), memory))
        memory.output = y.shape
        return y

    def backprop(self, signal, order=1):
        """Send derivatives of the error down through this thread's last forward.

        signal: derivatives with respect to the layer's output, in its shape; first derivatives for order=1,
            Gauss-Newton second derivatives (Eq. 27) for order=2.
        Returns the derivatives with respect to the layer's input, in its shape. Adds those of each parameter,
        summed over patterns and over the connections that share it, to its `.grad` (order 1, Eq. 19) or to its
        `.curvature` (order 2, Eq. 23).
        Raises RuntimeError where no forward went before, ValueError for another order or a signal of another shape.
        """
        if order not in (1, 2):
            raise ValueError(f"order is {order!r}; expected 1 (first derivatives) or 2 (second derivatives).")
        if self.kept.memory is None:
            raise RuntimeError(f"{type(self).__name__}.backprop has no states to use; call forward(x) first.")
        if signal.shape != self.kept.memory.output:
            raise ValueError(
                f"{type(self).__name__}.backprop got a signal of shape {tuple(signal.shape)}; expected the shape of "
                f"the last forward's output, {tuple(self.kept.memory.output)}."
            )
        with torch.no_grad():
            for parameter in self.parameters():
                prepare_derivative(parameter, order)
            signal = inward(signal).contiguous()
            return outward(self.bprop(signal, self.kept.memory.branch(), order))

    def reset(self, init="authors", generator=None):
        """Draw the parameters anew; F is the fan-in of the unit that a connection belongs to.

        "authors": weights U(+-1/sqrt(F)), biases 0, coefficients 0.5, as in the authors' library.
        "paper": everything U(+-2.4/F) (Appendix A).
        """
        if init not in ("authors", "paper"):
            raise ValueError(f'init is {init!r}; expected "authors" or "paper".')
        generator = generator or torch.Generator().manual_seed(0)
        fan_in = self.fan_in()
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if init == "authors" and name != "weight":
                    parameter.fill_(AUTHORS_COEFFICIENT if name == "coefficient" else 0.0)
                    continue
                bound = 2.4 / fan_in[name] if init == "paper" else fan_in[name] ** -0.5
                parameter.copy_((2 * torch.rand(parameter.shape, generator=generator) - 1) * bound)


def prepare_derivative(parameter, order):
    """Give the parameter a `.grad` (order 1) or a `.curvature` (order 2) of zeros where it has none."""
    name = "grad" if order == 1 else "curvature"
    if getattr(parameter, name, None) is None:
        setattr(parameter, name, torch.zeros_like(parameter))


def derivative(parameter, order):
    """The tensor into which derivatives of this order are added up."""
    return parameter.grad if order == 1 else parameter.curvature


def raised(tensor, order):
    """The tensor itself for first derivatives, its square for second ones (Eq. 25 and 27)."""
    return tensor if order == 1 else tensor * tensor


def add(target, amount, memory):
    """target += amount, or target = amount where the memory says overwrite."""
    if memory.overwrite:
        target.copy_(amount)
    else:
        target.add_(amount)


def add_sum(target, amount, memory):
    """Add up (rows, maps, ...) map by map: target += the sums, or target = the sums where the memory says overwrite."""
    dims = (0, 2, 3)[: amount.dim() - 1]
    if memory.overwrite:
        torch.sum(amount, dims, out=target)
    else:
        target.add_(torch.sum(amount, dims))


def add_products(target, first, second, memory):
    """Add up the products of two batches of matrices: target += the sum of all first[i] @ second[i], or target = it
    where the memory says overwrite."""
    target.addbmm_(first, second, beta=0 if memory.overwrite else 1)
