"""The inner loop of training: replayed steps give the derivatives of plain ones, whatever came before."""

import copy

import pytest
import torch
from reference.calls import network
from reference.cases import PATTERNS, random_tensor, relative, strokes, worst
from reference.judges import curvature_by_loops
from reference.torch_networks import first_derivatives as by_autograd
from reference.torch_networks import map_loss, mse

from lenet_helpers.losses import MAPLoss, MSELoss, one_hot
from lenet_helpers.propagation import Propagation, first_derivatives, second_derivatives

X, Y = torch.tensor(strokes(150, seed=2)), torch.arange(150) % 10  # more than two chunks of a thread, one of two
LOSSES = {"MSE": (MSELoss(), mse), "MAP": (MAPLoss(), map_loss(10.0))}
both_losses = pytest.mark.parametrize(("loss", "summed"), LOSSES.values(), ids=LOSSES.keys())


def gradients_of(inner, x, target):
    """({name: .grad} after one call, the penalties it filled in)."""
    penalties = torch.full((len(x), 10), float("nan"), dtype=x.dtype)
    inner.gradient(x, target, penalties)
    return {name: p.grad.clone() for name, p in inner.model.named_parameters()}, penalties


def gradients(inner, x, y):
    return gradients_of(inner, x, one_hot(y, 10, x.dtype))


def agrees(inner, summed, x, y):
    """Gradients of the mean loss within 1e-9 of autograd's, and the penalties those of the model."""
    found, penalties = gradients(inner, x, y)
    _, expected = by_autograd(inner.model, summed, x, y)
    for name, value in expected.items():
        assert relative(found[name], value / len(x)) < 1e-9, name
    with torch.no_grad():
        assert (penalties - inner.model(x)).abs().max() < 1e-10


@both_losses
def test_gradients_of_every_batch_size_in_any_order_are_autograds_of_the_mean_loss(loss, summed):
    inner = Propagation(network(), loss)
    for start, size in [(0, 1), (1, 1), (2, 7), (0, 150), (9, 16), (3, 17), (0, 150), (49, 1), (10, 65)]:
        agrees(inner, summed, X[start : start + size], Y[start : start + size])


@both_losses
def test_gradients_follow_the_weights_wherever_they_go(loss, summed):
    """In place, by load_state_dict, in new storage, after .grad was dropped, after a change of precision."""
    model = network()
    inner = Propagation(model, loss)
    agrees(inner, summed, X[:3], Y[:3])
    for change in (
        lambda: [p.data.mul_(0.9) for p in model.parameters()],
        lambda: model.load_state_dict(network(seed=4).state_dict()),
        lambda: [setattr(p, "data", p.data * 1.1) for p in model.parameters()],
        lambda: model.zero_grad(set_to_none=True),
        lambda: model.float().double(),
        lambda: [setattr(p, "grad", torch.ones_like(p)) for p in model.parameters()],
    ):
        change()
        agrees(inner, summed, X[:3], Y[:3])
        agrees(inner, summed, X[:20], Y[:20])


def test_gradients_follow_the_j_of_the_loss_and_the_scale_of_the_penalty():
    model, loss = network(), MAPLoss()
    inner, target = Propagation(model, loss), one_hot(Y[:3], 10, X.dtype)
    for loss.j, model.rbf.scale in [(10.0, 0.5), (1.0, 0.5), (1.0, 1.0), (10.0, 0.5)]:
        found, _ = gradients_of(inner, X[:3], target)
        expected, _ = gradients_of(Propagation(model, loss), X[:3], target)
        assert all(torch.equal(found[name], expected[name]) for name in expected)


@both_losses
@pytest.mark.parametrize("size", [1, 2, 7, 8, 16, 64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_replayed_step_gives_the_bits_of_a_plain_one(loss, summed, size, dtype):
    """Whatever the patterns and the weights are, at first and second order, with the exact seed and without."""
    model = network(dtype=dtype)
    inner = Propagation(model, loss)
    for turn in range(3):
        x, target = X[turn : turn + size].to(dtype), one_hot(Y[turn : turn + size], 10, dtype)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1 - 0.1 * turn)
            answers, found = first_derivatives(model, loss, x, target)
            gradients, penalties = gradients_of(inner, x, target)
            assert torch.equal(penalties, answers)
            assert all(torch.equal(gradients[name], found[name]) for name in found)
            for exact in (False, True):
                h = second_derivatives(model, loss, x, target, exact)
                replayed = inner.curvature(x, target, exact)
                assert all(torch.equal(replayed[name], h[name]) for name in h)


def test_the_models_own_forward_and_backprop_see_nothing_of_the_inner_loop():
    model, loss = network(), MAPLoss()
    inner, signal = Propagation(model, loss), random_tensor(4, 10, seed=1)
    with torch.no_grad():
        model.zero_grad()
        y = model(X[:4])
        expected, kept = model.backprop(signal), y.clone()
        model(X[:4])
        gradients(inner, X[4:8], Y[4:8])
        states = model.states(X[:4])
        gradients(inner, X[8:12], Y[8:12])
        assert torch.equal(model.backprop(signal), expected)
    assert torch.equal(y, kept) and torch.equal(states["penalties"], kept)


def test_two_inner_loops_on_two_models_do_not_see_each_other():
    models = [network(seed=1), network(seed=2)]
    alone = [gradients(Propagation(copy.deepcopy(model), MAPLoss()), X[:5], Y[:5])[0] for model in models]
    both = [Propagation(model, MAPLoss()) for model in models]
    for _ in range(2):
        together = [gradients(inner, X[:5], Y[:5])[0] for inner in both]
        for one, other in zip(alone, together, strict=True):
            assert all(torch.equal(one[name], other[name]) for name in one)


def test_curvature_of_the_inner_loop_equals_the_loops_before_and_after_gradients():
    model, patterns = network(), torch.tensor(PATTERNS)
    inner = Propagation(model, MAPLoss())
    for _ in range(2):
        h = inner.curvature(patterns[:2], one_hot(Y[:2], 10, X.dtype))
        for name, value in h.items():
            assert worst(value, curvature_by_loops()[name]) < 1e-9, name
        gradients(inner, patterns[:2], Y[:2])


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("size", [65, 129, 150])
def test_curvature_of_many_patterns_chunk_by_chunk_is_that_of_all_at_once(size, exact):
    model, loss = network(), MAPLoss()
    x, target = X[:size], one_hot(Y[:size], 10, X.dtype)
    found = Propagation(model, loss).curvature(x, target, exact)
    with torch.no_grad():
        for name, value in second_derivatives(model, loss, x, target, exact).items():
            assert relative(found[name], value) < 1e-9, name
