"""Run a function of tensors once under a recorder, then replay its operations into the same tensors.

The recorder is a TorchDispatchMode (of torch.utils._python_dispatch, used across the PyTorch ecosystem): it sees every
operation below autograd and notes it with the tensor that it fills. Replaying the notes with `out=` fills tensors of
the recording's own: nothing is allocated, and none of the function's own Python runs. Views are part of these, and not
noted. What cannot be replayed is refused; what no result depends on is left out. On a GPU a CUDA graph does the same.
"""

from weakref import WeakKeyDictionary

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from .cuda_graph import captured
from .memory import laid_in_memory
from .notes import FILLS, Note, Part, Storage, lies, refill

KINDS = 4  # recordings kept of one function, each for one kind of arguments


class ReplayError(RuntimeError):
    """A function does something that a recording could not repeat."""


class Replay:
    """A function of tensors that runs as itself once for each kind of arguments, and as its recording from then on.

    function: takes tensors (and then what else, hashable, sets its calls apart), returns tensors in any structure; may
    read others too. depends_on: gives all that a recording depends on besides, such as where parameters lie; where it
    changes, recordings are made anew. What a call returns may be refilled by the next. Raises ReplayError.
    """

    def __init__(self, function, depends_on=tuple):
        self.function, self.depends_on, self.recordings, self.known = function, depends_on, {}, None

    def __call__(self, *inputs):
        known = self.depends_on()
        if known != self.known:
            self.recordings, self.known = {}, known
        kind = tuple([(x.shape, x.dtype, x.device) if isinstance(x, torch.Tensor) else x for x in inputs])
        if kind not in self.recordings:
            while len(self.recordings) >= KINDS:
                del self.recordings[next(iter(self.recordings))]
            self.recordings[kind], results = record(self.function, inputs)
            return results
        held, calls, results = self.recordings[kind]
        with torch.inference_mode():  # spares every call the look for autograd
            for place, x in zip(held, inputs):
                place.copy_(x)
            for call in calls:
                call()
        return results


def record(function, inputs):
    """((tensors that hold the inputs, calls that replay the function on them, its results), what it gives for these
    inputs), whatever mode is on."""
    with torch.inference_mode(False), torch.no_grad(), torch.autocast(inputs[0].device.type, enabled=False):
        held = [x.clone(memory_format=torch.contiguous_format) for x in inputs if torch.is_tensor(x)]
        if held[0].is_cuda:
            calls, results = captured(function, held, inputs[len(held) :])
            return (held, calls, results), results
        with Recorder() as recorder:
            results = function(*held, *inputs[len(held) :])
        parts = tree_map(recorder.part, results)
        return (held, *laid_in_memory(recorder.notes, parts, held[0])), results


class Recorder(TorchDispatchMode):
    """Notes every operation that runs while it is on, but keeps no tensor that it makes: they come and go as ever."""

    def __enter__(self):
        self.notes, self.storages = [], WeakKeyDictionary()  # what it is to be, as long as it is there
        return super().__enter__()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, operation._schema.name.removeprefix("aten::")
        result = operation(*args, **kwargs)
        if torch.Tag.nondeterministic_seeded in operation.tags:
            raise ReplayError(f"{name} draws random numbers; draw them before and give them as an argument.")
        made, reads = not operation._schema.is_mutable, [x for x in tree_leaves((args, kwargs)) if torch.is_tensor(x)]
        if made and all(torch.is_tensor(x) and lies(x) in map(lies, reads) for x in tree_leaves(result)):  # a view
            return result
        if torch.Tag.dynamic_output_shape in operation.tags or not torch.is_tensor(result):
            raise ReplayError(f"{name} gives what depends on numbers; expected one tensor of always the same shape.")
        if made:
            self.storages[result.untyped_storage()] = Storage(len(self.notes), result.untyped_storage().nbytes())
            call = refill(operation, name, args, kwargs, result)
        else:
            call = getattr(torch.Tensor, name, operation), args, kwargs
        reads = [] if name in FILLS else reads  # it reads no numbers
        parts = tree_map(self.part, (*call, result, reads))
        self.notes.append(Note(*parts, made, torch.Tag.pointwise in operation.tags))
        return result

    def part(self, x):
        """A tensor made while recording as a Part; anything else as it is."""
        storage = x.untyped_storage() if torch.is_tensor(x) else None
        if storage not in self.storages:
            return x
        if x.is_conj() or x.is_neg():
            raise ReplayError("Got a conjugate that is only a view; expected numbers of its own (conj_physical).")
        return Part(self.storages[storage], x.dtype, x.shape, x.stride(), x.storage_offset())
