"""How a recording is laid in memory: what no result needs is left out, and what is never needed together shares."""

from dataclasses import replace
from functools import cache, partial

import torch
from torch.utils._pytree import tree_leaves, tree_map

from .notes import Part, lies

ROOM = 1.25  # times its size that a tensor may lie in


def laid_in_memory(notes, results, like):
    """(calls that replay the notes, the results), in memory given out here, on the device of the tensor `like`.

    notes, results: with Parts, whose place tensors take. What fills constants is done here, once.
    """
    outputs = {lies(x) for x in tree_leaves(results)}
    once, kept = needed(notes, outputs)
    homes = shared(kept, outputs)

    @cache
    def memory(storage):
        return like.new_empty(storage.nbytes, dtype=torch.uint8).untyped_storage()

    @cache
    def placed(part):
        home = memory(homes.get(part.storage, part.storage))
        return like.new_empty(0, dtype=part.dtype).set_(home, part.offset, part.shape, part.stride)

    def tensors(parts):
        return tree_map(lambda x: placed(x) if isinstance(x, Part) else x, parts)

    def call(note):
        args, kwargs = tensors((note.args, note.kwargs))
        return partial(note.call, *args, **kwargs)

    for note in once:
        call(note)()
    return [call(note) for note in kept], tensors(results)


def needed(notes, outputs):
    """(notes of constants, notes to replay): what outputs depend on, and all that changes tensors from outside."""
    made = {lies(note.fills) for note in notes if note.made}
    changed = {lies(note.fills) for note in notes if not note.made}
    wanted, once, kept = set(outputs), [], []
    for note in reversed(notes):
        at = lies(note.fills)
        if at in wanted or at not in made:
            wanted |= note.touched()
            (kept if note.reads or at in changed else once).insert(0, note)
    return once, kept


def shared(notes, outputs):
    """{storage: the one in whose memory it lies}: tensors of like size that are never needed at the same time share it.

    Of like size, so that threads which share an operation write where they wrote before: lines of memory that the other
    core wrote last are several times slower to write.
    """
    last = {at: index for index, note in enumerate(notes) for at in note.touched()}
    homes, free = {}, []
    for index, note in enumerate(notes):
        own, home = lies(note.fills), None
        ending = {at for at in note.touched() if last[at] == index and at in homes}
        if note.made and own not in outputs:
            shifted = {lies(x) for x in note.reads if not (note.pointwise and same_places(x, note.fills))}
            over = {lies(x) for x in note.reads} - shifted  # read at the very place that is written
            fitting = [s for s in free if own.nbytes <= s.nbytes <= ROOM * own.nbytes]
            homes[own] = home = [*(homes[at] for at in ending & over), *fitting, own][0]
        free = [storage for storage in (*free, *(homes[at] for at in ending)) if storage != home]
    return homes


def same_places(x, y):
    """Whether the numbers of two tensors stand at the same places of their storages."""
    return isinstance(x, Part) and replace(x, storage=y.storage) == y
