"""How activations lie inside the layers: (rows, maps, columns, patterns), or (units, patterns) as a matrix.

What one row of outputs is made from lies in one piece then, and the same place of all patterns side by side. Whoever
calls a layer sees PyTorch's (patterns, maps, rows, columns).
"""

from torch import Tensor

GRAIN = 2**15  # numbers from which PyTorch spreads an operation over threads, its grain size


def patterns_last(x):
    """PyTorch's (patterns, maps, rows, columns) as (rows, maps, columns, patterns); (patterns, ...) turned around."""
    return x.permute(2, 1, 3, 0) if x.dim() == 4 else x.movedim(0, -1)


def fields_last(x):
    """`patterns_last` of fields (patterns, 1, rows, columns), copied as a matrix: for many, a fraction of the time."""
    rows, columns = x.shape[2:]
    return x.flatten(1).t().contiguous().view(rows, 1, columns, -1)


def patterns_first(x):
    """The other way round."""
    return x.permute(3, 1, 0, 2) if x.dim() == 4 else x.movedim(-1, 0)


def matrix(x):
    """(rows, maps, columns, patterns) as a matrix (maps, rows x columns x patterns); a matrix as it is."""
    return x.transpose(0, 1).flatten(1) if x.dim() == 4 else x


def laid_out(units, x):
    """A matrix of as many columns as `matrix(x)` in the layout of x."""
    return units.view(-1, x.shape[0], *x.shape[2:]).transpose(0, 1) if x.dim() == 4 else units


def summed(x):
    """Each map's sum over (rows, maps, ...): of many row by row, of few as a product with ones, the fastest way."""
    if x.numel() >= GRAIN:
        return x.flatten(2).sum(2).sum(0)
    maps = x.transpose(0, 1).flatten(1)
    return maps.mv(maps.new_ones(maps.shape[1])) if maps.shape[1] > 1 else maps[:, 0]


def has_numbers(x):
    """Whether a tensor has memory with numbers; none on the meta device and under torch.func.vmap."""
    try:
        return x.data_ptr() != 0
    except RuntimeError:
        return False


def places_of(tensors):
    """Where tensors lie and how, on which what was recorded with them depends: addresses, counts, strides."""
    return [*map(Tensor.data_ptr, tensors), *map(Tensor.numel, tensors), *map(Tensor.stride, tensors)]
