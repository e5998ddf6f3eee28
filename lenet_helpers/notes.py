"""What a recording notes of an operation, before any memory is given to what it fills: how to do it once more."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch

FILLS = {f"{new}{value}{like}" for new in ("", "new_") for value in ("zeros", "ones", "full") for like in ("", "_like")}


class Storage(NamedTuple):
    """Memory that a recording will have: the number of the note that makes it, and its size."""

    number: int
    nbytes: int


@dataclass(frozen=True)
class Part:
    """A tensor to be: the storage that it is part of, and how it lies there."""

    storage: Storage
    dtype: torch.dtype
    shape: tuple
    stride: tuple
    offset: int


@dataclass
class Note:
    """A call, with Parts for tensors made while recording, and the tensors that it fills and reads. made: it makes the
    tensor that it fills, instead of changing one. pointwise: it goes number by number, so that it may write over what
    it reads."""

    call: Callable
    args: list
    kwargs: dict
    fills: Part | torch.Tensor
    reads: list
    made: bool
    pointwise: bool

    def touched(self):
        return {lies(x) for x in (self.fills, *self.reads)}


def lies(x):
    """Where a tensor lies: views of one storage lie at the same place."""
    return x.storage if isinstance(x, Part) else x.untyped_storage().data_ptr()


def refill(operation, name, args, kwargs, result):
    """(call, args, kwargs) that do an operation once more, into its result."""
    if name in FILLS:
        value = result.flatten()[0].item()
        return (torch.Tensor.fill_, (result, value), {}) if value else (torch.Tensor.zero_, (result,), {})
    if name in ("clone", "_to_copy"):
        return torch.Tensor.copy_, (result, args[0]), {}
    if operation._overloadname == "Tensor":  # a number among tensors is made one here, not in every call
        args = [result.new_tensor(x) if isinstance(x, int | float) else x for x in args]
    for call in (getattr(torch, name, None), operation.overloadpacket):
        try:
            call(*args, **kwargs, out=result)  # the same numbers once more
        except (TypeError, RuntimeError):  # no such function, or no `out`
            continue
        return call, args, {**kwargs, "out": result}
    return partial(copied, operation), args, {**kwargs, "out": result}  # flip, constant_pad_nd


def copied(operation, *args, out, **kwargs):
    """For an operation that always makes a tensor of its own."""
    out.copy_(operation(*args, **kwargs))
