"""The reference is judged first: by the paper's counts, autograd and the exact Gauss-Newton diagonal."""

import numpy as np
import pytest
import torch

from reference.cases import CODES, PATTERNS, random_weights, relative, worst
from reference.loops import TABLE_I, lenet5, small_network, squash, squash_slope
from reference.torch_networks import f6_states, map_loss, mse, penalties

PAPER_COUNTS = {  # Fig. 2 and Sec. II-B: (trainable parameters, connections)
    "c1": (156, 122_304), "s2": (12, 5_880), "c3": (1_516, 151_600),
    "s4": (32, 2_000), "c5": (48_120, 48_120), "f6": (10_164, 10_164),
}  # fmt: skip


def test_the_reference_has_the_papers_parameters_and_connections():
    network = lenet5(CODES)
    assert {stage.name: stage.counts() for stage in network.stages} == PAPER_COUNTS
    assert sum(len(maps) for maps in TABLE_I) == 60


def test_squash_is_one_at_one_and_its_slope_is_its_derivative():
    assert squash(1) == pytest.approx(1, abs=1e-4) and squash(-1) == -squash(1)
    for a in np.linspace(-4, 4, 9):
        step = 1e-6
        assert squash_slope(a) == pytest.approx((squash(a + step) - squash(a - step)) / (2 * step), rel=1e-8)


@pytest.mark.parametrize(("rows", "columns"), [(32, 32), (32, 36)])
def test_the_loops_and_torch_agree_on_penalties_and_first_derivatives(rows, columns):
    network = lenet5(CODES, rows=rows, columns=columns)
    weights = random_weights(network, seed=1)
    network.load(weights)
    x = torch.randn(1, 1, rows, columns, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in weights.items()}
    field = x.clone().requires_grad_()
    y = penalties(leaves, field, torch.tensor(CODES))
    assert relative(network.penalties(x[0]), y.detach().reshape(10, -1)) < 1e-12
    dy = torch.randn(y.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    expected = torch.autograd.grad((dy * y).sum(), [field, *leaves.values()])
    dx, found = network.first_derivatives(x[0], dy.reshape(10, -1).numpy())
    assert relative(dx, expected[0].reshape(-1)) < 1e-11
    for name, value in zip(leaves, expected[1:], strict=True):
        assert relative(found[name], value) < 1e-11, name


def test_the_losses_of_the_reference_are_eq_8_and_eq_9_to_the_letter():
    y = torch.tensor([[3.0, 1.0, 2.5], [0.5, 4.0, 0.25]], dtype=torch.float64)
    labels = torch.tensor([1, 0])
    assert mse(y, labels).item() == pytest.approx(1.5)
    by_hand = sum(
        float(row[d]) + np.log(np.exp(-2.0) + np.exp(-row.numpy()).sum())
        for row, d in zip(y, labels, strict=True)
    )
    assert map_loss(2.0)(y, labels).item() == pytest.approx(by_hand, rel=1e-14)


def test_the_loops_give_the_exact_gauss_newton_diagonal_at_the_last_two_stages_only():
    network = lenet5(CODES)
    weights = random_weights(network, seed=4)
    network.load(weights)
    w = {name: torch.tensor(value) for name, value in weights.items()}
    x = torch.tensor(PATTERNS[:1])
    jacobian = torch.func.jacrev(lambda w: f6_states(w, x).reshape(-1))(w)
    h = network.curvature(PATTERNS[:1])
    gap = {name: worst(h[name], (2 * 0.5 * j**2).sum(0)) for name, j in jacobian.items()}
    assert all(gap[name] < 1e-10 for name in gap if name[:2] in ("f6", "c5")), gap
    assert all(gap[name] > 0.01 for name in gap if name[:2] not in ("f6", "c5")), gap


def test_curvature_is_a_mean_over_patterns_and_never_negative():
    codes = np.sign(np.random.default_rng(5).standard_normal((3, 5)))
    network = small_network(codes)
    network.load(random_weights(network, seed=6))
    patterns = np.random.default_rng(7).standard_normal((3, 1, 14, 14))
    h = network.curvature(patterns)
    each = [network.curvature(patterns[i : i + 1]) for i in range(3)]
    for name in h:
        assert (h[name] >= 0).all()
        assert worst(h[name], sum(one[name] for one in each) / 3) < 1e-14
