"""The paper's layers, each with the three things a layer knows.

A layer sends a state up (`forward`), a derivative down (`backprop(signal, order=1)`) and a second derivative down
(`backprop(signal, order=2)`). The third is the second with everything squared: the weights, the states and the slope
of the squashing function (Eq. 27, the Gauss-Newton rule). Only tensor methods, views, matrix products and reductions
are used.

Inside, a layer works on tensors laid out (maps, rows, columns, patterns), patterns innermost, through `fprop` and
`bprop`; `Layer.forward` and `Layer.backprop` turn PyTorch's (patterns, maps, rows, columns) around at the edge. What
`fprop` leaves for `bprop` goes into a `Memory`. With a fresh memory every operation allocates its result, which
autograd can follow. With a memory that is kept, the same operations write into the results of the last time and use
the same views, so that a training step allocates nothing.
"""

import threading

import torch
from torch.nn import Module, Parameter

AMPLITUDE = 1.7159  # A and S of Eq. 6, chosen so that f(1) = 1 and f(-1) = -1 (Appendix A)
STEEPNESS = 2 / 3
AUTHORS_COEFFICIENT = 0.5


class Memory:
    """What one layer keeps from its fprop for its bprop; a name never set reads as None."""

    overwrite = False  # True: the next bprop replaces the parameters' derivatives instead of adding to them

    def __getattr__(self, name):
        return None

    def serve(self, x):
        """Whether the views on the input `x` are still to be laid out. A memory serves one tensor, refilled in place."""
        if self.x is not None and self.x is not x:
            raise RuntimeError(
                "A kept memory got another input tensor; refill the first one in place, or start afresh."
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


class Kept(threading.local):
    """The memory of a layer's last forward, one for each thread; a copied or pickled layer starts without one."""

    memory = None

    def __reduce__(self):
        return Kept, ()


class Layer(Module):
    """A layer seen from outside: patterns first, the last forward kept for the backprops that follow.

    A subclass defines `fprop(x, memory)` and `bprop(signal, memory, order, to_input)` on patterns-last tensors.
    """

    def __init__(self):
        super().__init__()
        self.kept = Kept()

    def forward(self, x):
        """State of the layer for the input `x`, patterns first. Raises ValueError for an input of another shape."""
        self.check_input(x)
        self.kept.memory = Memory()
        return self.fprop(x.movedim(0, -1).contiguous(), self.kept.memory).movedim(-1, 0)

    def backprop(self, signal, order=1):
        """Send derivatives of the error down through this thread's last forward.

        signal: derivatives with respect to the layer's output, in its shape; first derivatives for order=1,
            Gauss-Newton second derivatives (Eq. 27) for order=2.
        Returns the derivatives with respect to the layer's input, in its shape. Adds those of each parameter, summed
        over patterns and over the connections that share it, to its `.grad` (order 1, Eq. 19) or to its
        `.curvature` (order 2, Eq. 23).
        Raises RuntimeError where no forward went before, ValueError for another order.
        """
        if order not in (1, 2):
            raise ValueError(f"order is {order!r}; expected 1 (first derivatives) or 2 (second derivatives).")
        if self.kept.memory is None:
            raise RuntimeError(f"{type(self).__name__}.backprop has no states to use; call forward(x) first.")
        with torch.no_grad():
            for parameter in self.parameters():
                prepare_derivative(parameter, order)
            signal = signal.movedim(0, -1).contiguous()
            return self.bprop(signal, self.kept.memory.branch(), order).movedim(-1, 0)

    def reset(self, init="authors", generator=None):
        """Draw the parameters anew. "authors": weights U(+-1/sqrt(F)), biases 0, coefficients 0.5, as in the authors'
        library; "paper": everything U(+-2.4/F) (Appendix A). F is the fan-in of the unit a connection belongs to.
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


def raised(tensors, order):
    """The tensors themselves for first derivatives, their squares for second ones (Eq. 25 and 27)."""
    return tensors if order == 1 else [tensor * tensor for tensor in tensors]


def add(target, amount, memory):
    """target += amount, or target = amount where the memory says overwrite."""
    if memory.overwrite:
        target.copy_(amount)
    else:
        target.add_(amount)


def add_products(target, signal, states, memory):
    """target += signal @ states, or target = signal @ states where the memory says overwrite."""
    beta = 0 if memory.overwrite else 1
    if states.dim() == 2:
        target.addmm_(signal, states, beta=beta)
    else:
        target.addmv_(signal, states, beta=beta)


class Convolution(Layer):
    """Convolution (Section II-A): each output map adds one kernel for each input map that the table connects to it.

    table: bool (out_maps, in_maps), True where connected; None connects all. Only connected kernels are stored:
    weight is (connections, kernel, kernel), output map by output map, with a table, and (out_maps, in_maps, kernel,
    kernel) without. Input (N, in_maps, rows, columns), output (N, out_maps, rows - kernel + 1, columns - kernel + 1).

    The input is copied once for each kernel column, shifted by that column; each kernel row is then one matrix
    product on a view of that copy, shifted by that row. Five products and five shifted copies do the work of 25.
    Where the kernel covers the whole field, as in C5, there is nothing to shift: one product.
    """

    def __init__(self, in_maps, out_maps, kernel=5, table=None):
        super().__init__()
        self.in_maps, self.out_maps, self.kernel, self.table = in_maps, out_maps, kernel, table
        if table is not None and tuple(table.shape) != (out_maps, in_maps):
            raise ValueError(
                f"table has shape {tuple(table.shape)}; expected (out_maps, in_maps) = {out_maps, in_maps}."
            )
        connected = torch.ones(out_maps, in_maps, dtype=torch.bool) if table is None else table.bool()
        if not connected.any(1).all():
            raise ValueError("The table leaves an output map unconnected; expected an input map for each.")
        shape = (out_maps, in_maps) if table is None else (int(connected.sum()),)
        self.weight = Parameter(torch.empty(*shape, kernel, kernel))
        self.bias = Parameter(torch.empty(out_maps))
        self.register_buffer("connected", connected, persistent=False)
        self.register_buffer("place", places(connected, kernel), persistent=False)
        self.reset()

    def fan_in(self):
        per_map = self.connected.sum(1) * self.kernel**2
        maps = self.connected.nonzero()[:, 0]  # the output map each stored kernel belongs to
        return {"weight": per_map[maps].view(*self.weight.shape[:-2], 1, 1), "bias": per_map}

    def check_input(self, x):
        if x.dim() != 4 or x.shape[1] != self.in_maps or min(x.shape[2:]) < self.kernel:
            raise ValueError(
                f"Convolution got an input of shape {tuple(x.shape)}; expected (patterns, {self.in_maps}, rows, columns) "
                f"with at least {self.kernel} rows and columns."
            )

    def output_size(self, rows, columns):
        return rows - self.kernel + 1, columns - self.kernel + 1

    def connections(self, rows, columns):
        """Connections into output maps of this size, the bias's included."""
        return (self.weight.numel() + self.bias.numel()) * rows * columns

    def fprop(self, x, memory):
        if memory.x is not x and memory.serve(x):
            self.wire(x, memory)
        if memory.windows is not None:
            memory.shifted.copy_(memory.windows)
        if memory.zeros is not None:
            memory.dense = torch.scatter(memory.zeros, 0, self.place, self.weight.view(-1), out=memory.dense)
        if memory.kernel_rows is None:
            self.wire_rows(memory)
        memory.total = torch.addmm(memory.bias, memory.kernel_rows[0], memory.slabs[0], out=memory.total)
        for kernel_row, slab in zip(memory.kernel_rows[1:], memory.slabs[1:]):
            memory.total.addmm_(kernel_row, slab)
        if memory.y is None:
            memory.y = memory.total.view(memory.shape)
        return memory.y

    def wire(self, x, memory):
        """Lay out views and buffers for inputs in `x`: (in_maps, rows, columns, patterns)."""
        maps, rows, columns, patterns = x.shape
        memory.shape = (self.out_maps, *self.output_size(rows, columns), patterns)
        memory.bias = self.bias.view(-1, 1)
        if not self.covers(rows, columns):
            memory.windows = x.unfold(2, self.kernel, 1).permute(
                0, 4, 1, 2, 3
            )  # maps, kernel columns, rows, ...
            memory.shifted = x.new_empty(memory.windows.shape)
            if self.in_maps > 1:
                memory.zeros = x.new_zeros(self.kernel * self.out_maps * self.in_maps * self.kernel)

    def covers(self, rows, columns):
        return self.table is None and rows == columns == self.kernel

    def wire_rows(self, memory):
        """The kernel rows and the slabs of the input that they multiply, as views."""
        if memory.windows is None:
            memory.slabs = [memory.x.view(self.in_maps * self.kernel**2, -1)]
        else:
            memory.slabs = self.row_shifted(memory.shifted, memory.shape)
        memory.kernel_rows = self.by_row(self.weight if memory.zeros is None else memory.dense, memory)

    def row_shifted(self, shifted, shape):
        """For each kernel row, the rows of the column-shifted copy under it: (in_maps x kernel, positions x patterns)."""
        stride = shape[2] * shape[3]
        flat = shifted.view(self.in_maps * self.kernel, -1)
        return [flat[:, row * stride : (row + shape[1]) * stride] for row in range(self.kernel)]

    def by_row(self, kernels, memory):
        """Kernels, or their derivatives, as one (out_maps, in_maps x kernel) matrix for each kernel row."""
        if memory.windows is None:
            return [kernels.view(self.out_maps, -1)]
        if memory.zeros is None:
            return list(kernels.view(self.out_maps, self.kernel, self.kernel).unbind(1))
        return list(kernels.view(self.kernel, self.out_maps, -1).unbind(0))

    def bprop(self, signal, memory, order=1, to_input=True):
        signal = signal.view(self.out_maps, -1)
        weight, bias = derivative(self.weight, order), derivative(self.bias, order)
        if memory.target is not weight:
            memory.target = weight
            memory.spread = None if memory.zeros is None else torch.empty_like(memory.zeros)
            memory.targets = self.by_row(weight if memory.zeros is None else memory.spread, memory)
            memory.ones = signal.new_ones(signal.shape[1])
        beta = 0 if memory.overwrite or memory.zeros is not None else 1
        for target, slab in zip(memory.targets, raised(memory.slabs, order)):
            target.addmm_(signal, slab.t(), beta=beta)
        if memory.zeros is not None:
            memory.picked = torch.index_select(memory.spread, 0, self.place, out=memory.picked)
            add(weight.view(-1), memory.picked, memory)
        add_products(bias, signal, memory.ones, memory)
        return self.down(signal, memory, order) if to_input else None

    def down(self, signal, memory, order):
        """Derivatives with respect to the input: the products of fprop in reverse, then the shifted copies added."""
        kernel_rows = raised(memory.kernel_rows, order)
        if memory.windows is None:
            memory.dx = torch.mm(kernel_rows[0].t(), signal, out=memory.dx)
            return memory.dx.view(memory.x.shape)
        if memory.dx is None:
            memory.dx, memory.dshifted = torch.empty_like(memory.x), torch.empty_like(memory.shifted)
            memory.dslabs = self.row_shifted(memory.dshifted, memory.shape)
            columns = memory.shape[2]
            memory.dcolumns = [
                (memory.dx[:, :, shift : shift + columns], memory.dshifted[:, shift])
                for shift in range(self.kernel)
            ]
        memory.dshifted.zero_()
        for kernel_row, dslab in zip(kernel_rows, memory.dslabs):
            dslab.addmm_(kernel_row.t(), signal)
        memory.dx.zero_()
        for dx, dshifted in memory.dcolumns:
            dx.add_(dshifted)
        return memory.dx


def places(connected, kernel):
    """Where each number of the stored kernels stands in the dense (kernel row, out_map, in_map, kernel column) array."""
    out_maps, in_maps = connected.shape
    dense = torch.arange(kernel * out_maps * in_maps * kernel).view(kernel, out_maps, in_maps, kernel)
    return dense.permute(1, 2, 0, 3)[connected].reshape(-1)


class Subsampling(Layer):
    """Subsampling (Section II-A): the SUM of each 2x2 square times a coefficient plus a bias, one of each a map.

    Input (N, maps, rows, columns), output (N, maps, rows // 2, columns // 2); an odd last row or column is left out.
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
        rows = x.shape[1] // 2 * 2
        memory.even_rows, memory.odd_rows = x[:, 0:rows:2], x[:, 1:rows:2]
        memory.coefficient, memory.bias = self.coefficient.view(-1, 1, 1, 1), self.bias.view(-1, 1, 1, 1)

    def bprop(self, signal, memory, order=1, to_input=True):
        (total,), (coefficient,) = raised([memory.sum], order), raised([memory.coefficient], order)
        if memory.dx is None:
            memory.ones = signal.new_ones(signal[0].numel())
            self.wire_down(memory)
        memory.product = torch.mul(signal, total, out=memory.product)
        add_products(
            derivative(self.coefficient, order), memory.product.view(self.maps, -1), memory.ones, memory
        )
        add_products(derivative(self.bias, order), signal.view(self.maps, -1), memory.ones, memory)
        if not to_input:
            return None
        memory.scaled = torch.mul(signal, coefficient, out=memory.scaled)
        memory.squares.copy_(memory.scaled.view(memory.small))
        return memory.dx

    def wire_down(self, memory):
        """The derivatives of the input, seen as 2x2 squares: (maps, rows/2, 2, columns/2, 2, patterns)."""
        maps, rows, columns, patterns = memory.x.shape
        memory.dx = torch.zeros_like(memory.x)
        rows, columns = rows // 2, columns // 2
        even = memory.dx[:, : 2 * rows, : 2 * columns]
        memory.squares = even.unflatten(2, (columns, 2)).unflatten(1, (rows, 2))
        memory.small = (maps, rows, 1, columns, 1, patterns)


class Squash(Layer):
    """The squashing function f(a) = A tanh(S a), A = 1.7159, S = 2/3 (Eq. 6 and Appendix A), of any shape.

    Computed as 2A sigmoid(2S a) - A, the same function: torch's sigmoid takes a tenth of the time of its tanh.
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
        memory.scaled = torch.mul(x, memory.double_steepness, out=memory.scaled)
        memory.sigmoid = torch.sigmoid(memory.scaled, out=memory.sigmoid)
        memory.y = torch.add(memory.minus_amplitude, memory.sigmoid, alpha=2 * AMPLITUDE, out=memory.y)
        return memory.y

    def bprop(self, signal, memory, order=1, to_input=True):
        """f'(a) = S/A (A^2 - f(a)^2), from the state itself."""
        y = memory.y
        memory.slope = torch.addcmul(
            memory.slope_at_zero, y, y, value=-STEEPNESS / AMPLITUDE, out=memory.slope
        )
        (slope,) = raised([memory.slope], order)
        memory.dx = torch.mul(signal, slope, out=memory.dx)
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
            memory.states, memory.bias = x.view(self.inputs, -1), self.bias.view(-1, 1)
        memory.total = torch.addmm(memory.bias, self.weight, memory.states, out=memory.total)
        if memory.y is None:
            memory.y = memory.total.view(self.units, *x.shape[1:])
        return memory.y

    def bprop(self, signal, memory, order=1, to_input=True):
        signal = signal.view(self.units, -1)
        (states,), (weight,) = raised([memory.states], order), raised([self.weight], order)
        if memory.ones is None:
            memory.ones = signal.new_ones(signal.shape[1])
        add_products(derivative(self.weight, order), signal, states.t(), memory)
        add_products(derivative(self.bias, order), signal, memory.ones, memory)
        if not to_input:
            return None
        memory.dx = torch.mm(weight.t(), signal, out=memory.dx)
        return memory.dx.view(memory.x.shape)


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
            memory.state = x.view(1, x.shape[0], -1)
            memory.codes = self.codes.unsqueeze(2)
            memory.factor = x.new_tensor(self.scale)
        memory.difference = torch.sub(memory.state, memory.codes, out=memory.difference)
        memory.square = torch.mul(memory.difference, memory.difference, out=memory.square)
        memory.distance = torch.sum(memory.square, 1, out=memory.distance)
        memory.penalty = torch.mul(memory.distance, memory.factor, out=memory.penalty)
        if memory.y is None:
            memory.y = memory.penalty.view(-1, *x.shape[1:])
        return memory.y

    def bprop(self, signal, memory, order=1, to_input=True):
        """dE/dx_j = 2 scale sum_i (x_j - w_ij) dE/dy_i. Order 2 passes on the curvature of the squared distance
        itself, 2 scale for every unit, times the signal: with a signal of 1 for the right class and 0 for the others
        this seeds F6 with the constant 2 scale, as the authors' code does whatever the loss."""
        memory.signal = torch.mul(signal.reshape(len(self.codes), 1, -1), 2 * self.scale, out=memory.signal)
        if order == 2:
            return self.seed(memory).contiguous().view(memory.x.shape)
        memory.product = torch.mul(memory.difference, memory.signal, out=memory.product)
        memory.dx = torch.sum(memory.product, 0, out=memory.dx)
        return memory.dx.view(memory.x.shape)

    def seed(self, memory):
        """d2E/dx_j^2 = 2 scale sum_i dE/dy_i, plus (2 scale)^2 sum_ik (x_j - w_ij) (x_j - w_kj) d2E/dy_i dy_k where
        the memory holds the loss's second derivatives, `hessian`."""
        seed = memory.signal.sum(0).expand_as(memory.state[0])
        if memory.hessian is not None:
            hessian = memory.hessian.reshape(*memory.hessian.shape[:2], -1)
            difference = 2 * self.scale * memory.difference
            seed = seed + torch.einsum("iup,ikp,kup->up", difference, hessian, difference)
        return seed
