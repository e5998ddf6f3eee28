"""The convolution of C1, C3 and C5, with or without a table of connections (Section II-A, Table I)."""

import torch
from torch.nn import Parameter

from .layer import Layer, add, add_product, derivative, raised


class Convolution(Layer):
    """Each output map adds up one kernel for each input map that the table connects to it, and a bias.

    table: bool (out_maps, in_maps), True where connected; None connects all. Only connected kernels are stored:
    with a table weight is (connections, kernel, kernel), output map by output map, without one (out_maps,
    in_maps, kernel, kernel). Input (N, in_maps, rows, columns), output (N, out_maps, rows - kernel + 1, columns -
    kernel + 1). Raises ValueError for a table of another shape or with an output map left out.

    The input is copied once for each kernel column, shifted by that column; each kernel row is then one matrix
    product on a view of that copy, shifted by that row: five products and five shifted copies for the 25 places
    of the kernel. Where the kernel covers the whole field, as in C5, nothing is shifted: one product.
    The kernels' derivatives are one batch of five products of the same views with the signal, states on the left: for
    C3 that takes 0.6 of the time of signal times states.
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
        self.register_buffer("place", places(connected, kernel), persistent=False)
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
        if memory.windows is not None:
            memory.states.copy_(memory.windows)
        if memory.zeros is not None:
            memory.dense = torch.scatter(memory.zeros, 0, self.place, self.weight.view(-1), out=memory.dense)
        if memory.slabs is None:
            memory.slabs = self.slabs(memory.states, memory).unbind()
            memory.kernel_rows = self.by_row(self.weight if memory.zeros is None else memory.dense, memory)
        memory.total = torch.addmm(memory.bias, memory.kernel_rows[0], memory.slabs[0], out=memory.total)
        for kernel_row, slab in zip(memory.kernel_rows[1:], memory.slabs[1:]):
            memory.total.addmm_(kernel_row, slab)
        if memory.y is None:
            memory.y = memory.total.view(memory.shape)
        return memory.y

    def wire(self, x, memory):
        """Lay out what is needed for inputs (in_maps, rows, columns, patterns) of this size."""
        rows, columns = x.shape[1:3]
        memory.shape = (self.out_maps, *self.output_size(rows, columns), x.shape[3])
        memory.bias = self.bias.view(-1, 1)
        if self.table is None and rows == columns == self.kernel:
            memory.states = x
            return
        memory.windows = x.unfold(2, self.kernel, 1).permute(0, 4, 1, 2, 3)  # maps, kernel columns, rows, ...
        memory.states = x.new_empty(memory.windows.shape)
        if self.in_maps > 1:
            memory.zeros = x.new_zeros(self.kernel * self.in_maps * self.kernel * self.out_maps)

    def slabs(self, states, memory):
        """What each kernel row multiplies: a view (kernel, in_maps x kernel, places x patterns) of shifted copies."""
        if memory.windows is None:
            return states.view(1, self.in_maps * self.kernel**2, -1)
        row = memory.shape[2] * memory.shape[3]
        return states.view(self.in_maps * self.kernel, -1).unfold(1, memory.shape[1] * row, row).movedim(1, 0)

    def by_row(self, kernels, memory):
        """Kernels as one (out_maps, in_maps x kernel) view for each kernel row."""
        if memory.windows is None:
            return [kernels.view(self.out_maps, -1)]
        if memory.zeros is None:
            return list(kernels.view(self.out_maps, self.kernel, self.kernel).unbind(1))
        return list(kernels.view(self.kernel, -1, self.out_maps).mT.unbind(0))

    def bprop(self, signal, memory, order=1, to_input=True):
        weight = derivative(self.weight, order)
        if memory.target is not weight or memory.signal is not signal:
            self.wire_back(weight, signal, memory, order)
        if order == 2:
            torch.mul(memory.states, memory.states, out=memory.raised)
        if memory.windows is None:
            add_product(memory.flat_target, memory.flat_signal, memory.turned, memory)
        else:
            memory.gathered = torch.bmm(memory.turned, memory.signals, out=memory.gathered)
            memory.picked = torch.index_select(memory.gathered.view(-1), 0, self.place, out=memory.picked)
            add(memory.flat_target, memory.picked, memory)
        add_product(derivative(self.bias, order), memory.flat_signal, memory.ones, memory)
        return self.down(memory.flat_signal, memory, order) if to_input else None

    def wire_back(self, weight, signal, memory, order):
        """Lay out the sums of `signal` times states into `weight`, the derivatives of this order."""
        memory.target, memory.signal = weight, signal
        memory.flat_signal = signal.view(self.out_maps, -1)
        memory.ones = signal.new_ones(memory.flat_signal.shape[1])
        memory.raised = memory.states if order == 1 else torch.empty_like(memory.states)
        slabs = self.slabs(memory.raised, memory)
        if memory.windows is None:
            memory.flat_target, memory.turned = weight.view(self.out_maps, -1), slabs[0].t()
        else:
            memory.flat_target, memory.turned = weight.view(-1), slabs
            memory.signals = memory.flat_signal.t().expand(self.kernel, -1, -1)

    def down(self, signal, memory, order):
        """Derivatives with respect to the input: the products in reverse, then the shifted copies added up."""
        kernel_rows = [raised(kernel_row, order).t() for kernel_row in memory.kernel_rows]
        if memory.windows is None:
            memory.dx = torch.mm(kernel_rows[0], signal, out=memory.dx)
            return memory.dx.view(memory.x.shape)
        if memory.dx is None:
            memory.dx, memory.dstates = torch.empty_like(memory.x), torch.empty_like(memory.states)
            memory.dslabs = self.slabs(memory.dstates, memory).unbind()
            shifts = zip(memory.dx.unfold(2, memory.shape[2], 1).unbind(2), memory.dstates.unbind(1))
            memory.shifts = [(place.movedim(-1, 2), shifted) for place, shifted in shifts]
        memory.dstates.zero_()
        for kernel_row, dslab in zip(kernel_rows, memory.dslabs):
            dslab.addmm_(kernel_row, signal)
        memory.dx.zero_()
        for place, shifted in memory.shifts:
            place.add_(shifted)
        return memory.dx


def places(connected, kernel):
    """Where each stored weight stands in the dense (kernel row, in map, kernel column, out map) array, flat."""
    out_maps, in_maps = connected.shape
    dense = torch.arange(kernel * in_maps * kernel * out_maps).view(kernel, in_maps, kernel, out_maps)
    return dense.permute(3, 1, 0, 2)[connected].reshape(-1)
