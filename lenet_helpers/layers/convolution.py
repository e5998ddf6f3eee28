"""The convolution of C1, C3 and C5, with or without a table of connections (Section II-A, Table I)."""

import torch
from torch.nn import Parameter

from .base import Layer

MANY = 8  # patterns from which a band for each row of outputs is faster than one band for all


class Convolution(Layer):
    """Each output map adds up one kernel for each input map that the table connects to it, and a bias.

    table: bool (out_maps, in_maps), True where connected; None connects all. weight: (out_maps, in_maps, kernel,
    kernel), with a table the connected kernels only: (connections, kernel, kernel), output map by output map. Input
    (N, in_maps, rows, columns), output (N, out_maps, rows - kernel + 1, columns - kernel + 1). Raises ValueError for a
    table of another shape or with an output map left out.
    """

    def __init__(self, in_maps, out_maps, kernel=5, table=None):
        super().__init__()
        self.in_maps, self.out_maps, self.kernel, self.table = in_maps, out_maps, kernel, table
        connected = torch.ones(out_maps, in_maps, dtype=torch.bool) if table is None else table.bool()
        if connected.shape != (out_maps, in_maps) or not connected.any(1).all():
            raise ValueError(
                f"table has shape {tuple(connected.shape)}, inputs an output map {connected.sum(-1).tolist()}; "
                f"expected shape ({out_maps}, {in_maps}) and no output map left out."
            )
        shape = (out_maps, in_maps) if table is None else (int(connected.sum()),)
        innermost = torch.channels_last if table is None else torch.contiguous_format  # maps, as in a window
        self.weight = Parameter(torch.empty(*shape, kernel, kernel).contiguous(memory_format=innermost))
        self.bias = Parameter(torch.empty(out_maps))
        every = torch.arange(connected.numel() * kernel**2).view(out_maps, kernel, kernel, in_maps).permute(0, 3, 1, 2)
        self.register_buffer("connected", connected, persistent=False)
        self.register_buffer("places", every[connected].flatten(), persistent=False)  # of weights among all kernels
        self.reset()

    def fprop(self, x):
        """a_i = b_i + sum of w x over places of the kernel and connected maps: kernels times windows."""
        if self.table is None:
            kernels = self.weight.permute(0, 2, 3, 1).flatten(1)
        else:  # zeros where the table connects nothing
            zeros = self.weight.new_zeros(self.out_maps * self.in_maps * self.kernel**2)
            kernels = zeros.scatter(0, self.places, self.weight.flatten()).view(self.out_maps, -1)
        windows, columns = unfold(x, self.kernel), x.shape[2] - self.kernel + 1
        a = torch.baddbmm(self.bias.unsqueeze(1), kernels.expand(len(windows), -1, -1), windows)
        a = a.view(len(windows), self.out_maps, -1, columns, x.shape[3]).transpose(1, 2).flatten(0, 1)
        return a, (x, windows, kernels)

    def bprop(self, signal, kept):
        """Eq. 19: a kernel finds the sum of signal times state; a state is sent what all windows that hold it send."""
        _, windows, kernels = kept
        bands = len(windows)
        signals = signal.unflatten(0, (bands, -1)).transpose(1, 2).flatten(2)
        weight, bias = signals @ windows.mT, signals.sum(2)
        weight, bias = (found[0] if bands == 1 else found.sum(0) for found in (weight, bias))
        if self.table is None:
            weight = weight.view(-1, self.kernel, self.kernel, self.in_maps).movedim(3, 1)
        else:
            weight = weight.flatten().index_select(0, self.places).view_as(self.weight)
        return fold(kernels, signals, self.kernel, signal.shape), {"weight": weight, "bias": bias}

    def bbprop(self, signal, kept):
        """Eq. 25 and 27: the same with kernels and states squared."""
        states, kernels = kept[0].square(), kept[2].square()
        return self.bprop(signal, (states, unfold(states, self.kernel), kernels))

    def fan_in(self):
        per_map = self.connected.sum(1) * self.kernel**2
        maps = self.connected.nonzero()[:, 0]  # the output map each stored kernel belongs to
        return {"weight": per_map[maps].view(*self.weight.shape[:-2], 1, 1), "bias": per_map}

    def output_size(self, rows, columns):
        return rows - self.kernel + 1, columns - self.kernel + 1

    def check_input(self, x):
        fits = x.dim() == 4 and x.shape[1] == self.in_maps and min(x.shape[2:]) >= self.kernel
        self.expect(fits, x, f"(patterns, {self.in_maps}, rows, columns), {self.kernel} rows and columns at least")


def unfold(x, size):
    """Windows of x (rows, maps, columns, patterns) as columns: (bands of rows, size x size x maps, places x patterns).

    For few patterns one band, copied together; for many, or one window a row, a band for each row of outputs. These
    overlap in memory: what a row is made from lies in one piece, so only columns are copied.
    """
    shifted, a_row = x.unfold(2, size, 1), size * x.shape[1]  # rows, maps, columns, patterns, kernel columns
    if x.shape[3] < MANY and x.shape[2] > size:
        columns = shifted.permute(4, 1, 0, 2, 3).contiguous()  # first, so that rows lie in longer pieces
        return columns.unfold(2, size, 1).movedim(5, 0).reshape(1, size * a_row, -1)
    return shifted.permute(0, 4, 1, 2, 3).flatten(3).flatten(0, 2).unfold(0, size * a_row, a_row).mT


def fold(kernels, signals, size, shape):
    """What all windows send down, kernels times signals, added up where they overlap: (rows, maps, columns, patterns).

    A row of the kernels is moved by its place as its product is added, a column after that. shape: of the signal.
    """
    rows, _, columns, patterns = shape
    if rows == columns == 1:  # one window, as in C5: nothing overlaps
        return (kernels.t() @ signals[0]).view(size, size, -1, patterns).transpose(1, 2)
    high, row, by_row = rows + size - 1, columns * patterns, kernels.unflatten(1, (size, -1)).permute(1, 2, 0)
    if len(signals) == 1:
        pieces = kernels.new_zeros(by_row.shape[1], high * row)
        for place, kernel in enumerate(by_row):
            pieces.narrow(1, place * row, rows * row).addmm_(kernel, signals[0])
        pieces = pieces.unflatten(1, (high, row)).transpose(0, 1)
    else:
        pieces = kernels.new_zeros(high, by_row.shape[1], row)
        for place, kernel in enumerate(by_row):
            pieces.narrow(0, place, rows).baddbmm_(kernel.expand(rows, -1, -1), signals)
    together = kernels.new_zeros(high, by_row.shape[1] // size, columns + size - 1, patterns)
    for place, piece in enumerate(pieces.view(high, size, -1, columns, patterns).unbind(1)):
        together.narrow(2, place, columns).add_(piece)
    return together
