"""The network that ours is timed against is the same network, and the comparison is of the same work."""

import shutil

import pytest
import torch

from benchmarks.__main__ import multiply_adds, row
from benchmarks.before import Before
from benchmarks.plain_c import c_step, compiled
from benchmarks.reference import TorchLeNet5, map_loss
from benchmarks.subjects import our_step, patterns, prepared, torch_step
from benchmarks.timing import Comparison, compare
from lenet_helpers.losses import MAPLoss
from lenet_helpers.model import LeNet5


def test_the_torch_nn_network_gives_the_same_penalties_and_loss():
    model = LeNet5(seed=3).double()
    twin = TorchLeNet5().double().take(model)
    x, labels = patterns(4)
    assert torch.allclose(model(x.double()), twin(x.double()), atol=1e-10)
    assert torch.isclose(MAPLoss()(model(x.double()), labels), map_loss(twin(x.double()), labels), atol=1e-10)


@pytest.mark.parametrize("step", [our_step, torch_step])
def test_a_step_runs_again_and_again(step):
    update = step(3)
    update()
    update()


def test_a_comparison_is_the_median_of_the_ratios_of_turns():
    result = Comparison([1.0, 2.0, 9.0], [2.0, 2.0, 3.0])
    assert result.ratio == 1.0
    assert result.seconds == (2.0, 2.0)
    assert "<= 0.70 | **1.00**" in row("something", 0.7, result)


def test_the_two_are_called_by_turns():
    calls = []
    compare(lambda: calls.append("a"), lambda: calls.append("b"), 2, turns=2)
    assert calls == ["a", "a", "b", "b"] * 3


def test_multiply_adds_of_a_step_are_three_times_the_connections_less_c1s():
    assert multiply_adds() == 3 * 340_908 - 122_304


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler `cc`")
def test_the_c_loops_make_the_same_updates():
    model, loss, optimizer = prepared()
    optimizer.param_groups[0]["eta"] = 1e-3
    x, labels = patterns(1)
    update, weights, penalties = c_step(compiled(), model, optimizer, x, int(labels))
    first = weights.clone()
    for _ in range(4):
        optimizer.zero_grad()
        answers = model(x)
        loss(answers, labels).backward()
        optimizer.step()
        update()
    assert torch.allclose(penalties, answers[0], rtol=1e-5)
    ours = torch.cat([parameter.detach().reshape(-1) for parameter in model.parameters()])
    assert (ours - first).abs().max() > 1e-3 and (ours - weights).abs().max() < 1e-6


def test_an_earlier_version_stands_beside_this_one_without_mixing():
    before = Before()
    assert before["model"].LeNet5 is not LeNet5
    with torch.no_grad():
        x, _ = patterns(3)
        assert torch.allclose(before["model"].LeNet5(seed=2)(x), LeNet5(seed=2)(x), rtol=1e-5)
    import lenet_helpers.model

    assert lenet_helpers.model.LeNet5 is LeNet5
