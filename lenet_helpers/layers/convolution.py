"""The convolution of C1, C3 and C5, with or without a table of connections (Section II-A, Table I)."""

import torch
from torch.nn import Parameter

from .base import Layer, add, add_products, add_sum, derivative, raised


class Convolution(Layer):
    """Each output map adds up one kernel for each input map that the table connects to it, and a bias.

    table: bool (out_maps, in_maps), True where connected; None connects all. Only connected kernels are stored:
    with a table weight is (connections, kernel, kernel), output map by output map, without one (out_maps,
    in_maps, kernel, kernel). Input (N, in_maps, rows, columns), output (N, out_maps, rows - kernel + 1, columns -
    kernel + 1). Raises ValueError for a table of another shape or with an output map left out.

    The input is copied once for each kernel column, shifted by that column: 5 copies for the 25 places of a kernel.
    With rows outermost, all that one row of outputs is made from is then one matrix, a view of the copy, and the
    convolution is a batch of matrix products, one for each row of outputs. So are the kernels' derivatives, and those
    of the input, where the kernels, turned over, meet the signal between rows of zeros. Where the kernel covers the
    whole field, as in C5, there is one product. This takes a step of 256 patterns 0.8 of the time that one product a
    kernel row, with maps outermost, takes.
    """

    def __init__(self, in_maps, out_maps, kernel=5, table=None):
        super().__init__()
        self.in_maps, self.out_maps, self.kernel, self.table = in_maps, out_maps, kernel, table
        if table is not None and tuple(table.shape) != (out_maps, in_maps):
            raise ValueError(f"table has shape {tuple(table.shape)}; expected ({out_maps}, {in_maps}).")
        connected = torch.ones(out_maps, in_maps, dtype=torch.bool) if table is None else table.bool()
        if not connected.any(1).all():
            raise ValueError("The table leaves an output map unconnected; expected an input map for each.")
        shape = (out_maps, in_maps) if table is None else (int(connected.sum()),)
        self.weight = Parameter(torch.empty(*shape, kernel, kernel))
        self.bias = Parameter(torch.empty(out_maps))
        self.register_buffer("connected", connected, persistent=False)
        place, turned_place = places(connected, kernel)
        self.register_buffer("place", place, persistent=False)
        self.register_buffer("turned_place", turned_place, persistent=False)
        self.reset()

    def fan_in(self):
        per_map = self.connected.sum(1) * self.kernel**2
        maps = self.connected.nonzero()[:, 0]  # the output map each stored kernel belongs to
        return {"weight": per_map[maps].view(*self.weight.shape[:-2], 1, 1), "bias": per_map}

    def check_input(self, x):
        if x.dim() != 4 or x.shape[1] != self.in_maps or min(x.shape[2:]) < self.kernel:
            raise ValueError(
                f"Convolution got an input of shape {tuple(x.shape)}; expected (patterns, {self.in_maps}, rows, "
                f"columns) with at least {self.kernel} rows and columns."
            )

    def output_size(self, rows, columns):
        return rows - self.kernel + 1, columns - self.kernel + 1

    def connections(self, rows, columns):
        """Connections into output maps of this size, the biases' included."""
        return (self.weight.numel() + self.bias.numel()) * rows * columns

    def fprop(self, x, memory):
        if memory.x is not x and memory.serve(x):
            self.wire(x, memory)
        memory.states.copy_(memory.shifted)
        if not memory.as_stored:
            memory.dense = torch.scatter(memory.zeros, 0, self.place, memory.weight, out=memory.dense)
        if memory.kernels is None:
            stored = memory.as_stored
            kernels = memory.weight.view(self.out_maps, -1) if stored else memory.dense.view(-1, self.out_maps).t()
            memory.kernels = kernels.expand(len(memory.windows), -1, -1)
        memory.total = torch.baddbmm(memory.bias, memory.kernels, memory.windows, out=memory.total)
        if memory.y is None:
            memory.y = memory.total.view(memory.shape)
        return memory.y

    def wire(self, x, memory):
        """Lay out what is needed for inputs (rows, in_maps, columns, patterns) of this size."""
        rows, columns = self.output_size(x.shape[0], x.shape[2])
        memory.shape = (rows, self.out_maps, columns, x.shape[3])
        memory.weight, memory.bias = self.weight.view(-1), self.bias.view(-1, 1)
        memory.whole = self.table is None and rows == columns == 1
        memory.as_stored = self.table is None and (memory.whole or self.in_maps == 1)
        if memory.whole:
            memory.shifted = x.transpose(0, 1)  # in the order of the stored kernels
        else:
            memory.shifted = x.unfold(2, self.kernel, 1).permute(0, 4, 1, 2, 3)  # rows, kernel columns, maps, ...
            memory.zeros = x.new_zeros(self.connected.numel() * self.kernel**2)
        memory.states = x.new_empty(memory.shifted.shape)
        memory.windows = self.windows(memory.states, memory)

    def windows(self, states, memory):
        """What each row of outputs is made from: a view (rows, places of a kernel, columns x patterns)."""
        if memory.whole:
            return states.view(1, -1, memory.shape[3])
        return piled(states, self.kernel)

    def bprop(self, signal, memory, order=1, to_input=True):
        weight = derivative(self.weight, order)
        if memory.target is not weight or memory.signal is not signal:
            self.wire_back(weight, signal, memory, order)
        if order == 2:
            torch.mul(memory.states, memory.states, out=memory.raised)
        if memory.whole:
            add_products(memory.flat_target, *memory.factors, memory)
        else:
            self.add_connected(memory)
        add_sum(derivative(self.bias, order), memory.signals, memory)
        return self.down(memory, order) if to_input else None

    def wire_back(self, weight, signal, memory, order):
        """Lay out the sums of `signal` times states into `weight`, the derivatives of this order."""
        memory.target, memory.signal, memory.signals = weight, signal, signal.flatten(2)
        memory.raised = memory.states if order == 1 else torch.empty_like(memory.states)
        windows = self.windows(memory.raised, memory)
        memory.flat_target = weight.view(self.out_maps, -1) if memory.whole else weight.view(-1)
        memory.factors = (memory.signals, windows.mT) if memory.as_stored else (windows, memory.signals.mT)

    def add_connected(self, memory):
        """Add up the products of each row; where kernels are not stored as multiplied, pick out the connected ones."""
        memory.products = torch.bmm(*memory.factors, out=memory.products)
        if memory.flat_products is None:
            memory.flat_products = memory.products.flatten(1)
        memory.summed = torch.sum(memory.flat_products, 0, out=memory.summed)
        if memory.as_stored:
            add(memory.flat_target, memory.summed, memory)
        else:
            memory.picked = torch.index_select(memory.summed, 0, self.place, out=memory.picked)
            add(memory.flat_target, memory.picked, memory)

    def down(self, memory, order):
        """Derivatives with respect to the input."""
        if memory.dx is None:
            self.wire_down(memory)
        if memory.whole:
            torch.bmm(raised(memory.turned_kernels, order), memory.signals, out=memory.dwindows)
            return memory.dx
        memory.inside.copy_(memory.signal)
        torch.scatter(memory.zeros, 0, self.turned_place, memory.weight, out=memory.turned)
        torch.bmm(raised(memory.turned_kernels, order), memory.padded, out=memory.dwindows)
        memory.dx.zero_()
        for place, shifted in memory.shifts:
            place.add_(shifted)
        return memory.dx

    def wire_down(self, memory):
        """Lay out the signal between rows of zeros, and the shifted copies' derivatives beside the input's."""
        dstates = torch.empty_like(memory.states)
        if memory.whole:
            memory.turned_kernels = memory.kernels.mT
            memory.dwindows, memory.dx = self.windows(dstates, memory), dstates.transpose(0, 1)
            return
        edge, (rows, _, columns, _) = self.kernel - 1, memory.shape
        padded = memory.signal.new_zeros(rows + 2 * edge, *memory.shape[1:])
        memory.inside, memory.padded = padded[edge : edge + rows], piled(padded, self.kernel)
        memory.turned = torch.empty_like(memory.zeros)
        memory.turned_kernels = memory.turned.view(self.kernel * self.in_maps, -1).expand(len(memory.x), -1, -1)
        memory.dx, memory.dwindows = torch.empty_like(memory.x), dstates.flatten(3).flatten(1, 2)
        memory.shifts = [(memory.dx[:, :, c : c + columns], dstates[:, c]) for c in range(self.kernel)]


def piled(rows, kernel):
    """`kernel` rows on top of each other, starting at every row: a view (rows - kernel + 1, kernel x maps, columns x
    patterns) of (rows, maps, columns, patterns), contiguous; what stands between rows and columns counts as maps."""
    flat = rows.flatten(-2).flatten(0, -2)
    maps = len(flat) // len(rows)
    return flat.unfold(0, kernel * maps, maps).mT


def places(connected, kernel):
    """Where each stored weight stands in two dense arrays, flat: (kernel row, kernel column, in map, out map), and the
    one with the kernels upside down, (kernel column, in map, kernel row from below, out map)."""
    out_maps, in_maps = connected.shape
    every = torch.arange(kernel * kernel * in_maps * out_maps)
    upright = every.view(kernel, kernel, in_maps, out_maps).permute(3, 2, 0, 1)
    turned = every.view(kernel, in_maps, kernel, out_maps).flip(2).permute(3, 1, 2, 0)
    return upright[connected].reshape(-1), turned[connected].reshape(-1)
