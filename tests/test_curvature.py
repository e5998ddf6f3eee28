"""Curvature: h of the network against the loops over connections and the exact Gauss-Newton diagonal."""

import copy
import math

import numpy as np
import pytest
import torch
from reference import loops as reference
from reference.calls import SmallNetwork, network, second
from reference.cases import CODES, PATTERNS, random_tensor, random_weights, relative, strokes, worst
from reference.judges import X, Y, judge_curvature, loops, weights_of
from reference.torch_networks import exact_seeds, gauss_newton_diagonal, map_loss

from lenet_helpers.losses import MAPLoss, MSELoss, one_hot
from lenet_helpers.model import LeNet5
from lenet_helpers.propagation import Propagation
from lenet_helpers.sdlm import estimate_curvature


@pytest.mark.parametrize("scale", [0.5, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_curvature_of_a_small_network_equals_the_loops_over_connections(seed, scale):
    codes = np.sign(np.random.default_rng(seed).standard_normal((3, 5)))
    loops = reference.small_network(codes, scale)
    weights = random_weights(loops, seed)
    table = torch.tensor([[s in sees for s in range(2)] for sees in reference.SMALL_TABLE])
    engine = SmallNetwork(torch.tensor(codes), table, scale).double()
    engine.load_state_dict({name: torch.tensor(value) for name, value in weights.items()}, strict=False)
    patterns = random_tensor(3, 1, 14, 14, seed=seed)
    h, expected = engine.curvature(patterns), loops.load(weights).curvature(patterns.numpy())
    assert list(h) == list(expected)
    for name, value in expected.items():
        assert worst(h[name], value) < 1e-9, name


@pytest.mark.parametrize("scale", [0.5, 1.0])
@pytest.mark.parametrize("loss", [MSELoss(), MAPLoss()], ids=repr)
def test_curvature_of_the_full_network_equals_the_loops_over_connections(loss, scale):
    model = network(rbf_scale=scale)
    judge_curvature(estimate_curvature(model, loss, X[:2], Y[:2]), patterns=2, scale=scale)


@pytest.mark.parametrize("init", ["lush", "appendix_a"])
def test_curvature_at_the_start_equals_the_loops_over_connections(init):
    model = network(init=init, bend=False, seed=3)
    h = estimate_curvature(model, MAPLoss(), X[:2], Y[:2])
    for name, value in reference.lenet5(CODES).load(weights_of(model)).curvature(PATTERNS[:2]).items():
        assert worst(h[name], value) < 1e-9, name


@pytest.mark.parametrize(("rows", "columns"), [(32, 36), (36, 33)])
def test_curvature_over_a_larger_field_sums_over_the_places_that_share_a_weight(rows, columns):
    model, x = network(), random_tensor(2, 1, rows, columns, seed=4)
    expected = (
        reference.lenet5(CODES, rows=rows, columns=columns).load(weights_of(model)).curvature(x.numpy())
    )
    with torch.no_grad():
        signal = torch.zeros_like(model(x))
    signal[:, 4] = 1
    _, h = second(model, x, signal)
    for name, value in expected.items():
        assert worst(h[name] / 2, value) < 1e-9, name


def test_under_mse_curvature_is_the_exact_gauss_newton_diagonal_at_c5_and_f6_and_only_there():
    model = network()
    h, exact = estimate_curvature(model, MSELoss(), X[:2], Y[:2]), gauss_newton_diagonal(model, X[:2])
    gap = {name: worst(h[name], exact[name]) for name in h}
    assert all(gap[name] < 1e-9 for name in gap if name[:2] in ("c5", "f6")), gap
    assert all(gap[name] > 1e-2 for name in gap if name[:2] in ("c1", "s2", "c3", "s4")), gap


@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_the_exact_seed_of_the_map_loss_is_the_diagonal_of_its_hessian_at_f6(scale):
    """With a j as large as the penalties, so that it does not vanish."""
    model, j = network(rbf_scale=scale), 120.0 * scale
    seeds = exact_seeds(model, map_loss(j), X[:2], Y[:2], scale)
    assert (seeds >= 0).all() and worst(seeds, torch.full_like(seeds, 2 * scale)) > 0.1
    h = estimate_curvature(model, MAPLoss(j), X[:2], Y[:2], exact=True)
    for name, value in loops(scale).curvature(PATTERNS[:2], seeds.numpy()).items():
        assert worst(h[name], value) < 1e-8, name


def test_under_mse_the_exact_seed_is_the_constant_one():
    model = network()
    constant, exact = (estimate_curvature(model, MSELoss(), X, Y, exact=flag) for flag in (False, True))
    assert all(worst(exact[name], constant[name]) < 1e-12 for name in constant)


def test_curvature_is_a_mean_over_patterns_and_needs_no_particular_batch():
    model, n = network(), 37
    x, labels = torch.tensor(strokes(n, seed=5)), torch.arange(n) % 10
    whole = estimate_curvature(model, MAPLoss(), x, labels)
    each = [estimate_curvature(model, MAPLoss(), x[i : i + 1], labels[i : i + 1]) for i in range(n)]
    for name in whole:
        assert (whole[name] >= 0).all()
        assert worst(whole[name], sum(one[name] for one in each) / n) < 1e-12, name


def test_single_precision_curvature_is_close_to_double():
    model = network()
    double = estimate_curvature(model, MAPLoss(), X, Y)
    single = estimate_curvature(copy.deepcopy(model).float(), MAPLoss(), X.float(), Y)
    assert all(relative(single[name], double[name]) < 1e-4 for name in double)


def test_estimating_curvature_changes_nothing_else():
    model = network()
    for i, p in enumerate(model.parameters()):
        p.grad = random_tensor(*p.shape, seed=i)
    grads, weights = (
        {n: p.grad.clone() for n, p in model.named_parameters()},
        weights_of(copy.deepcopy(model)),
    )
    first = estimate_curvature(model, MAPLoss(), X[:2], Y[:2])
    kept = {name: value.clone() for name, value in first.items()}
    estimate_curvature(model, MAPLoss(), X[2:], Y[2:])
    assert all(torch.equal(first[name], kept[name]) for name in first)
    assert all(torch.equal(p.grad, grads[name]) for name, p in model.named_parameters())
    assert all(np.array_equal(weights_of(model)[name], value) for name, value in weights.items())


def test_curvature_on_patterns_the_network_cannot_read_is_refused():
    model = network()
    wide = torch.cat([X, X[..., :4]], 3)
    cases = [
        (wide, Y), (X[:0], Y[:0]), (X[:, :, :28, :28], Y), (X.float(), Y), (X * math.nan, Y),
        (X, Y[:2]), (X, Y + 10), (X, Y - 9), (X, Y.double()),
    ]  # fmt: skip
    for x, labels in cases:
        with pytest.raises(ValueError, match="expected"):
            estimate_curvature(model, MAPLoss(), x, labels)
    with pytest.raises(ValueError, match=r"\[12, 12.* the first; expected int64 .* from 0 to 9"):
        estimate_curvature(model, MAPLoss(), X, torch.full_like(Y, 12))


def test_an_estimate_replayed_again_has_the_same_bits_as_one_newly_recorded(generator):
    model, loss = LeNet5(seed=1), MAPLoss()
    x, labels = torch.rand(20, 1, 32, 32, generator=generator), torch.arange(20) % 10
    expected = estimate_curvature(model, loss, x, labels)
    propagation = Propagation(model, loss)
    for _ in range(2):
        propagation.gradient(x, one_hot(labels, 10, x.dtype), torch.empty(20, 10))  # a step on the same shape between
        again = estimate_curvature(model, loss, x, labels, propagation=propagation)
        assert all(torch.equal(again[name], h) for name, h in expected.items())
