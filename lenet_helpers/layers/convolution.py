"""The convolution of C1, C3 and C5, with or without a table of connections (Section II-A, Table I)."""

import torch
from torch.nn import Parameter

from .base import Layer, summed

MANY = 8  # patterns from which a band for each row of outputs is faster than one band for all


class Convolution(Layer):
    """Each output map adds up one kernel for each input map that the table connects to it, and a bias.

    table: bool (out_maps, in_maps), True where connected; None connects all. Only connected kernels are stored:
    with a table weight is (connections, kernel, kernel), output map by output map, without one (out_maps,
    in_maps, kernel, kernel). Input (N, in_maps, rows, columns), output (N, out_maps, rows - kernel + 1, columns -
    kernel + 1). Raises ValueError for a table of another shape or with an output map left out.
    """

    def __init__(self, in_maps, out_maps, kernel=5, table=None):
        super().__init__()
        self.in_maps, self.out_maps, self.kernel, self.table = in_maps, out_maps, kernel, table
        connected = torch.ones(out_maps, in_maps, dtype=torch.bool) if table is None else table.bool()
        check_table(connected, out_maps, in_maps)
        shape = (out_maps, in_maps) if table is None else (int(connected.sum()),)
        innermost = torch.channels_last if table is None else torch.contiguous_format  # maps, as in a window
        self.weight = Parameter(torch.empty(*shape, kernel, kernel).contiguous(memory_format=innermost))
        self.bias = Parameter(torch.empty(out_maps))
        self.register_buffer("connected", connected, persistent=False)
        self.register_buffer("places", places(connected, kernel), persistent=False)
        self.reset()

    def fprop(self, x):
        """a_i = b_i + sum of w x over places of the kernel and connected maps: kernels times windows."""
        kernels, windows = self.kernels(), unfold(x, self.kernel)
        bands, columns = len(windows), x.shape[2] - self.kernel + 1
        a = products(kernels.expand(bands, -1, -1), windows, self.bias.unsqueeze(1))
        a = a.view(bands, self.out_maps, -1, columns, x.shape[3]).transpose(1, 2).flatten(0, 1)
        return a, (windows, kernels)

    def bprop(self, signal, kept):  # Eq. 19
        return self.down(signal, *kept)

    def bbprop(self, signal, kept):  # Eq. 25 and 27: everything squared
        return self.down(signal, *(factor.square() for factor in kept))

    def kernels(self):
        """A row for each output map, (out_maps, kernel x kernel x in_maps); zeros where the table does not connect."""
        if self.table is None:
            return self.weight.permute(0, 2, 3, 1).reshape(self.out_maps, -1)
        dense = self.weight.new_zeros(self.out_maps * self.in_maps * self.kernel**2)
        return dense.scatter_(0, self.places, self.weight.flatten()).view(self.out_maps, -1)

    def down(self, signal, windows, kernels):
        """Each kernel finds the sum of signal times state; each state is sent what all windows that hold it send."""
        bands, window, (columns, patterns) = len(windows), (self.kernel, self.kernel, self.in_maps), signal.shape[2:]
        signals = signal.unflatten(0, (bands, -1)).transpose(1, 2).flatten(2)
        weight = total(products(signals, windows.mT))
        bias = total(summed(signals.flatten(0, 1)).view(bands, -1))
        pieces = products(kernels.t().expand(bands, -1, -1), signals).view(bands, *window, -1, columns, patterns)
        pieces = pieces.permute(2, 1, 0, 4, 3, 5, 6).flatten(2, 3)  # of the window's columns, its rows, then as x
        if self.table is None:
            weight = weight.view(-1, *window).movedim(3, 1)
        else:
            weight = weight.flatten().index_select(0, self.places).view_as(self.weight)
        return overlapped(overlapped(pieces, 3), 0), {"weight": weight, "bias": bias}

    def fan_in(self):
        per_map = self.connected.sum(1) * self.kernel**2
        maps = self.connected.nonzero()[:, 0]  # the output map each stored kernel belongs to
        return {"weight": per_map[maps].view(*self.weight.shape[:-2], 1, 1), "bias": per_map}

    def output_size(self, rows, columns):
        return rows - self.kernel + 1, columns - self.kernel + 1

    def check_input(self, x):
        fits = x.dim() == 4 and x.shape[1] == self.in_maps and min(x.shape[2:]) >= self.kernel
        self.expect(fits, x, f"(patterns, {self.in_maps}, rows, columns), {self.kernel} rows and columns at least")


def check_table(table, out_maps, in_maps):
    if table.shape != (out_maps, in_maps) or not table.any(1).all():
        raise ValueError(
            f"table has shape {tuple(table.shape)}, inputs an output map {table.sum(-1).tolist()}; "
            f"expected shape ({out_maps}, {in_maps}) and no output map left out."
        )


def unfold(x, size):
    """Windows of x (rows, maps, columns, patterns) as columns: (bands of rows, size x size x maps, places x patterns).

    For few patterns one band, copied together; for many one a row of outputs, which overlap in memory: what a row is
    made from lies in one piece, so only columns are copied.
    """
    shifted, a_row = x.unfold(2, size, 1), size * x.shape[1]  # rows, maps, columns, patterns, kernel columns
    if x.shape[3] < MANY:
        return shifted.unfold(0, size, 1).permute(5, 4, 1, 0, 2, 3).reshape(1, size * a_row, -1)
    return shifted.permute(0, 4, 1, 2, 3).flatten(3).flatten(0, 2).unfold(0, size * a_row, a_row).mT


def places(connected, kernel):
    """Where each stored weight of a table stands in the dense kernels, flat: out map, kernel row, column, in map."""
    out_maps, in_maps = connected.shape
    every = torch.arange(out_maps * kernel * kernel * in_maps).view(out_maps, kernel, kernel, in_maps)
    return every.permute(0, 3, 1, 2)[connected].flatten()


def products(a, b, bias=None):
    """The matrix product of every band, plus a bias; of a single band without batching, which starts sooner."""
    if len(b) > 1:
        return torch.bmm(a, b) if bias is None else torch.baddbmm(bias, a, b)
    product = torch.mm(a[0], b[0]) if bias is None else torch.addmm(bias, a[0], b[0])
    return product.unsqueeze(0)


def total(of_bands):
    """The sum over bands."""
    return of_bands[0] if len(of_bands) == 1 else of_bands.sum(0)


def overlapped(pieces, axis):
    """pieces[0] + pieces[1] moved one place along the axis + pieces[2] moved two places..., as windows overlap."""
    if pieces.shape[axis + 1] == 1:  # as in C5: nothing overlaps
        return pieces.squeeze(axis + 1).movedim(0, axis)
    size, *shape = pieces.shape
    length, shape[axis] = shape[axis], shape[axis] + size - 1
    together = pieces.new_zeros(shape)
    for place, piece in enumerate(pieces):
        together.narrow(axis, place, length).add_(piece)
    return together
