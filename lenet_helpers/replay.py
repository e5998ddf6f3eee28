"""Run a function of tensors once under a recorder, then replay its operations into the same tensors.

The recorder is a TorchDispatchMode (of torch.utils._python_dispatch, used across the PyTorch ecosystem): it sees every
operation below autograd and notes it with the tensor that it fills. Replaying the notes with `out=` fills the same
tensors again: nothing is allocated, and none of the function's own Python runs. Views stay valid and are not noted.
What cannot be replayed is refused; what no result depends on is left out. On a GPU a CUDA graph does the same.
"""

from functools import partial

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .cuda_graph import captured
from .notes import Note, lies, needed, share_memory

KINDS = 4  # recordings kept of one function, each for one kind of arguments
FILLS = {f"{new}{value}{like}" for new in ("", "new_") for value in ("zeros", "ones", "full") for like in ("", "_like")}


class ReplayError(RuntimeError):
    """A function does something that a recording could not repeat."""


class Replay:
    """A function of tensors that runs as itself once for each kind of arguments, and as its recording from then on.

    function: takes tensors (and then what else, hashable, sets its calls apart), returns tensors in any structure; may
    read others too. depends_on: gives all that a recording depends on besides, such as where parameters lie; where it
    changes, recordings are made anew. What a call returns is refilled by the next call. Raises ReplayError.
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
            return self.recordings.setdefault(kind, record(self.function, inputs))[2]
        held, calls, results = self.recordings[kind]
        with torch.inference_mode():  # spares every call the look for autograd
            for place, x in zip(held, inputs):
                place.copy_(x)
            for call in calls:
                call()
        return results


def record(function, inputs):
    """(tensors that hold the inputs, calls that replay the function on them, its results), whatever mode is on."""
    with torch.inference_mode(False), torch.no_grad(), torch.autocast(inputs[0].device.type, enabled=False):
        held = [x.clone(memory_format=torch.contiguous_format) for x in inputs if torch.is_tensor(x)]
        if held[0].is_cuda:
            return held, *captured(function, held, inputs[len(held) :])
        with Recorder() as recorder:
            results = function(*held, *inputs[len(held) :])
        outputs = {lies(x) for x in tree_leaves(results)}
        notes = needed(recorder.notes, outputs)
        share_memory(notes, outputs)
    return held, [note.call for note in notes], results


class Recorder(TorchDispatchMode):
    """Notes every operation that runs while it is on."""

    def __enter__(self):
        self.notes = []
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
        change = getattr(torch.Tensor, name, operation)
        call = refill(operation, name, args, kwargs, result) if made else partial(change, *args, **kwargs)
        reads = [] if name in FILLS else reads  # it reads no numbers
        self.notes.append(Note(call, result, reads, made, torch.Tag.pointwise in operation.tags))
        return result


def refill(operation, name, args, kwargs, result):
    """A call that does the operation again, into its result."""
    if name in FILLS:
        value = result.flatten()[0].item()
        return partial(result.fill_, value) if value else result.zero_
    if name in ("clone", "_to_copy"):
        return partial(result.copy_, args[0])
    if operation._overloadname == "Tensor":  # a number among tensors is made one here, not in every call
        args = [result.new_tensor(x) if isinstance(x, int | float) else x for x in args]
    for call in (getattr(torch, name, None), operation.overloadpacket):
        try:
            call(*args, **kwargs, out=result)  # the same numbers once more
        except (TypeError, RuntimeError):  # no such function, or no `out`
            continue
        return partial(call, *args, **kwargs, out=result)
    return lambda: result.copy_(operation(*args, **kwargs))  # flip, constant_pad_nd: a fresh result, copied
