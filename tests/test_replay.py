"""Recording and replaying: the same bits as the function itself, nothing allocated, and refusals instead of silence."""

import weakref
from contextlib import contextmanager

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from lenet_helpers.cuda_graph import captured
from lenet_helpers.replay import KINDS, Replay, ReplayError

WEIGHT = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))


def in_place(x):
    y = x * 2
    y.add_(1).mul_(x)
    y[:, 1:].copy_(x[:, :-1])
    return y


def overwritten_constant(x):
    total = x.new_zeros(4)
    for row in x.unbind():
        total.add_(row)
    return total, x.new_full((2,), 3.0), x.new_ones(3)


def shared_memory(x):
    """Long chains of temporaries, kept and not kept, of one size and of several."""
    a = x * 3
    b = (a + x).sigmoid() * a
    c = b @ WEIGHT.t().to(x)
    d = (c - 1).square() + c
    e = torch.cat([d, c], 1).softmax(1)
    return {"b": b, "parts": [e[:, :2], d.sum(0)], "a view": a.t()}


def turned(x):
    """A sum of a temporary with its own transpose: it must not be written over what it reads."""
    a = x * 2
    return (a + a.t()).sum(0)


def let_go(x):
    """Temporaries that come and go, so that one lies where another lay, and a constant that stays."""
    total, half = x.new_zeros(x.shape), x.new_full((1,), 0.5)
    for factor in range(6):
        total = total * half + (x * factor).sigmoid()
    return total, half


FUNCTIONS = {
    "pointwise": lambda x: (x * 0.3 - 1).tanh() / 2,
    "products": lambda x: (torch.addmm(WEIGHT[:, :1], WEIGHT, x.t()), x @ WEIGHT.t()),
    "views only": lambda x: x.t()[1:],
    "in place": in_place,
    "constants": overwritten_constant,
    "no out variant": lambda x: torch.constant_pad_nd(x.flip(0), (1, 2), 0.5) + 1,
    "a copy": lambda x: x.clone().add_(1),
    "another precision": lambda x: x.double().sum(0),
    "integers": lambda x: WEIGHT.index_select(1, x.argmin(1)),
    "shared memory": shared_memory,
    "let go": let_go,
    "read twice, turned once": lambda x: turned(x @ x.t()),
    "an input itself": lambda x: (x, x + 1),
}


def flat(results):
    if torch.is_tensor(results):
        return [results]
    values = results.values() if isinstance(results, dict) else results
    return [tensor for value in values for tensor in flat(value)]


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_a_replay_gives_the_bits_of_the_function(function):
    replay, draw = Replay(function), torch.Generator().manual_seed(1)
    for rows in (3, 1, 3, 3, 4, 1):
        x = torch.randn(rows, 4, generator=draw)
        with torch.no_grad():
            expected = flat(function(x.clone()))
        found = flat(replay(x))
        assert [tensor.shape for tensor in found] == [tensor.shape for tensor in expected]
        assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


class Allocations(TorchDispatchMode):
    """Counts operations that give a tensor with memory of its own."""

    count = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        given = [x for x in (*args, *(kwargs or {}).values()) if torch.is_tensor(x)]
        own = torch.is_tensor(result) and result.untyped_storage().data_ptr()
        self.count += own not in {x.untyped_storage().data_ptr() for x in given}
        return result


def test_a_replay_allocates_nothing_and_leaves_out_what_no_result_needs():
    calls = []

    def function(x):
        calls.append(x)
        unused = x @ WEIGHT.t()
        return (x * 2).sigmoid() + 1, (unused + 1).sum(0)[:0].shape

    def without(x):
        return (x * 2).sigmoid() + 1

    replay, shorter = Replay(lambda x: function(x)[0]), Replay(without)
    x = torch.randn(3, 4)
    replay(x), shorter(x)
    with Allocations() as seen:
        replay(x)
    assert seen.count == 0 and len(calls) == 1
    (_, notes, _), (_, fewer, _) = next(iter(replay.recordings.values())), next(iter(shorter.recordings.values()))
    assert len(notes) == len(fewer) == 3


def test_what_a_function_lets_go_of_while_it_is_recorded_is_freed():
    alive = []

    def function(x):
        for _ in range(5):
            x = (x * 2).sigmoid()
            alive.append(weakref.ref(x.untyped_storage()))
        assert [storage() is not None for storage in alive] == [False] * 4 + [True]
        return x + 1

    Replay(function)(torch.randn(3, 4))
    assert not any(storage() for storage in alive)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + torch.rand(3),
        lambda x: x * x.sum().item(),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: torch.randn_like(x),
        lambda x: x if x.sum() > 0 else -x,
        lambda x: x.max(0).values,
        lambda x: torch.complex(x, x).conj() * 2,
        lambda x: torch.complex(x, x).conj().imag,
    ],
    ids=["random", "a number", "a mask", "nonzero", "random like", "a branch", "two results", "conjugate", "negative"],
)
def test_what_a_recording_could_not_repeat_is_refused(function):
    replay = Replay(function)
    with pytest.raises(ReplayError, match="expected|argument"):
        replay(torch.randn(3))
    assert replay.recordings == {}


def test_recordings_are_made_anew_where_what_they_depend_on_moves():
    weight = torch.nn.Parameter(torch.ones(4))
    replay = Replay(lambda x: x * weight, lambda: [weight.data_ptr()])
    x = torch.ones(4)
    assert replay(x).tolist() == [1, 1, 1, 1]
    with torch.no_grad():
        weight.mul_(2)
    assert replay(x).tolist() == [2, 2, 2, 2]
    weight.data = torch.full((4,), 5.0)
    assert replay(x).tolist() == [5, 5, 5, 5]


def test_shape_precision_and_further_arguments_each_have_a_recording_and_few_are_kept():
    replay = Replay(lambda x, power=1: x**power)
    assert replay(torch.full((2,), 3.0), 2).tolist() == [9, 9]
    assert replay(torch.full((2,), 3.0), 1).tolist() == [3, 3]
    assert replay(torch.full((2,), 3.0, dtype=torch.float64)).dtype == torch.float64
    for size in range(1, 20):
        assert replay(torch.full((size,), 2.0)).tolist() == [2.0] * size
    assert len(replay.recordings) == KINDS


def test_a_recording_serves_in_and_out_of_inference_mode_and_with_gradients_on():
    replay = Replay(lambda x: x * 2 + 1)
    x = torch.randn(3)
    for mode in (torch.inference_mode, torch.no_grad, torch.enable_grad, torch.inference_mode):
        with mode():
            assert torch.equal(replay(x), x * 2 + 1)
    assert len(replay.recordings) == 1


def test_a_recording_made_in_autocast_has_the_precision_of_its_tensors():
    replay, x = Replay(lambda x: x @ WEIGHT.t()), torch.randn(3, 4)
    with torch.autocast("cpu"):
        assert not torch.equal((x @ WEIGHT.t()).float(), replay(x))
        within = replay(x).clone()
    assert torch.equal(within, x @ WEIGHT.t()) and torch.equal(replay(x), within)


def test_what_a_function_changes_outside_is_changed_once_a_call():
    total = torch.zeros(3)
    replay = Replay(lambda x: total.add_(x) * 1)
    assert [replay(torch.ones(3)).tolist() for _ in range(3)] == [[1.0] * 3, [2.0] * 3, [3.0] * 3]


class PretendedGpu:
    """What `captured` asks of torch.cuda, done on the CPU: a graph runs the function it was captured from again."""

    def __init__(self, monkeypatch, function):
        self.log, self.function = [], function
        for name in ("device", "current_stream", "Stream", "stream", "CUDAGraph", "graph"):
            monkeypatch.setattr(torch.cuda, name, getattr(self, name))

    @contextmanager
    def device(self, device):
        self.log.append(device.type)
        yield

    def current_stream(self):
        return self

    Stream = current_stream

    def wait_stream(self, other):
        self.log.append("wait")

    @contextmanager
    def stream(self, other):
        self.log.append("aside")
        yield

    def CUDAGraph(self):  # noqa: N802
        return self

    @contextmanager
    def graph(self, graph):
        self.log.append("capture")
        yield

    def replay(self):
        self.log.append("replay")
        self.function()


def test_a_cuda_graph_is_warmed_up_captured_and_replayed_once_before_its_results_are_read(monkeypatch):
    held, result = [torch.ones(3)], torch.empty(3)
    gpu = PretendedGpu(monkeypatch, lambda: torch.mul(held[0], 2, out=result))
    calls, found = captured(lambda x: result, held)
    assert gpu.log == ["cpu", "wait", "aside", "wait", "capture", "replay"] and found.tolist() == [2, 2, 2]
    held[0].fill_(5)
    for call in calls:
        call()
    assert found.tolist() == [10, 10, 10]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("function", [shared_memory, in_place], ids=["shared memory", "in place"])
def test_on_a_gpu_a_replay_gives_what_the_function_gives(function):
    replay = Replay(lambda x: function(x[:, :4]))
    for _ in range(3):
        x = torch.randn(3, 4, device="cuda")
        assert all(torch.equal(a, b) for a, b in zip(flat(replay(x)), flat(function(x.clone())), strict=True))
