"""What a recording notes, and how its notes are thinned: what no result needs goes, and memory is shared."""

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass
class Note:
    """An operation. made: it makes the tensor that it fills, instead of changing one. pointwise: it goes number by
    number, so that it may write over what it reads."""

    call: Callable
    fills: torch.Tensor
    reads: list
    made: bool
    pointwise: bool

    def touched(self):
        return {lies(x) for x in (self.fills, *self.reads)}


def lies(x):
    """Where a tensor lies: views of one storage lie at the same place."""
    return x.untyped_storage().data_ptr()


def needed(notes, outputs):
    """The notes that the outputs depend on, and those that change what was there before; constants stay as they are."""
    made = {lies(note.fills) for note in notes if note.made}
    changed = {lies(note.fills) for note in notes if not note.made}
    wanted, kept = set(outputs), []
    for note in reversed(notes):
        at = lies(note.fills)
        if (at in wanted or at not in made) and (note.reads or at in changed):
            wanted |= note.touched()
            kept.insert(0, note)
    return kept


def share_memory(notes, outputs):
    """Let tensors of one size that are never needed at the same time lie in the same storage.

    Of one size, so that threads which share an operation write where they wrote before: lines of memory that the other
    core wrote last are several times slower to write.
    """
    last = {at: index for index, note in enumerate(notes) for at in note.touched()}
    homes, free = {}, []
    for index, note in enumerate(notes):
        own, home = note.fills.untyped_storage(), None
        ending = {at for at in note.touched() if last[at] == index and at in homes}
        if note.made and own.data_ptr() not in outputs:
            shifted = {lies(x) for x in note.reads if not (note.pointwise and same_numbers(x, note.fills))}
            over = {lies(x) for x in note.reads} - shifted  # read at the very place that is written
            fitting = [homes[at] for at in ending & over] or [s for s in free if s.nbytes() == own.nbytes()]
            homes[own.data_ptr()] = home = fitting[0] if fitting else own
        free = [storage for storage in (*free, *(homes[at] for at in ending)) if storage is not home]
    moves = {id(x): (x, homes[lies(x)]) for note in notes for x in (note.fills, *note.reads) if lies(x) in homes}
    for x, home in moves.values():
        x.set_(home, x.storage_offset(), x.shape, x.stride())


def same_numbers(x, y):
    """Whether the numbers of two tensors stand at the same places of their storages."""
    return (x.shape, x.stride(), x.storage_offset(), x.dtype) == (y.shape, y.stride(), y.storage_offset(), y.dtype)
