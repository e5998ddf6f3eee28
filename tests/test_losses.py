"""Eq. 8 and Eq. 9 against fifty-digit arithmetic, finite differences and autograd."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference.cases import CODES, random_tensor, relative
from reference.torch_networks import map_loss, mse

from lenet_helpers.layers import RBF
from lenet_helpers.losses import MAPLoss, MSELoss

penalty_rows = st.builds(  # close together or far apart, anywhere from 0 to 10,000
    lambda low, spread, shares: [low + share * min(spread, 10_000 - low) for share in shares],
    st.floats(0, 10_000),
    st.sampled_from([0.0, 1.0, 100.0, 10_000.0]),
    st.lists(st.floats(0, 1), min_size=10, max_size=10),
)
margins = st.one_of(st.floats(1e-6, 1.0), st.floats(1.0, 100.0), st.floats(100.0, 20_000.0))


def decimal_map(row, label, j):
    """Eq. 9 of one pattern and its derivatives dE/dy, to fifty digits: lists of floats."""
    with localcontext() as context:
        context.prec, context.Emin = 50, -(10**9)
        y = [Decimal(value) for value in row]
        weights = [(-value).exp() for value in y]
        total = (-Decimal(j)).exp() + sum(weights)
        energy = y[label] + total.ln()
        slopes = [(1 if i == label else 0) - weight / total for i, weight in enumerate(weights)]
        return float(energy), [float(slope) for slope in slopes]


def pattern_losses():
    """Every loss with the same loss, summed over patterns, in autograd's terms."""
    cases = [(MSELoss(), mse), *[(MAPLoss(j=j), map_loss(j)) for j in (0.1, 10.0, 300.0)]]
    return [pytest.param(*case, id=repr(case[0])) for case in cases]


@given(penalty_rows, st.integers(0, 9), margins)
def test_map_equals_eq_9_from_0_to_10_000_at_every_margin(row, label, j):
    y, labels = torch.tensor([row], dtype=torch.float64), torch.tensor([label])
    energy, slopes = decimal_map(row, label, j)
    loss = MAPLoss(j=j)
    assert loss(y, labels).item() == pytest.approx(energy, rel=1e-12, abs=1e-11)
    np.testing.assert_allclose(loss.derivative(y, labels)[0], slopes, rtol=1e-9, atol=1e-11)


@given(penalty_rows, st.integers(0, 9), margins)
def test_map_stays_finite_and_right_in_single_precision(row, label, j):
    y, labels = torch.tensor([row], dtype=torch.float32), torch.tensor([label])
    energy, slopes = decimal_map(y[0].tolist(), label, j)
    loss = MAPLoss(j=j)
    assert loss(y, labels).dtype == torch.float32
    assert loss(y, labels).item() == pytest.approx(energy, rel=1e-5, abs=1e-5 * max(1, min(j, max(row))))
    np.testing.assert_allclose(loss.derivative(y, labels)[0], slopes, atol=5e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("value", "j", "energy", "slope"),
    [
        (0.0, 10.0, math.log(10 + math.exp(-10)), 0.9),
        (10_000.0, 10.0, 10_000 - 10, 1.0),
        (10_000.0, 20_000.0, math.log(10), 0.9),
        (10_000.0, 10_000.0, math.log(11), 10 / 11),
        (1_000.0, 5_000.0, math.log(10), 0.9),
        (10_000.0, 1e-6, 10_000 - 1e-6, 1.0),
    ],
)
def test_map_at_equal_penalties_neither_overflows_nor_vanishes(value, j, energy, slope, dtype):
    y, labels = torch.full((1, 10), value, dtype=dtype), torch.tensor([4])
    assert MAPLoss(j)(y, labels).item() == pytest.approx(energy, rel=1e-5, abs=2e-3)
    assert MAPLoss(j).derivative(y, labels)[0, 4].item() == pytest.approx(slope, rel=1e-4)


def test_map_never_pushes_up_a_penalty_far_beyond_the_margin():
    y = torch.tensor([[1.0, 5.0, 200.0]], dtype=torch.float64)
    slopes = MAPLoss(j=10.0).derivative(y, torch.tensor([0]))[0]
    assert slopes[0] > 0 > slopes[1]
    assert abs(slopes[2]) < 1e-12


@pytest.mark.parametrize(("loss", "summed"), pattern_losses())
def test_a_loss_is_the_mean_over_patterns_and_its_derivative_is_autograds(loss, summed):
    y, labels = 20 * random_tensor(7, 10, seed=1).abs(), torch.arange(7)
    y.requires_grad_()
    assert loss(y, labels).shape == ()
    assert relative(loss(y, labels).detach(), summed(y, labels).detach() / 7) < 1e-13
    expected = torch.autograd.grad(summed(y, labels), y)[0]
    assert relative(loss.derivative(y.detach(), labels), expected) < 1e-12
    own = torch.autograd.grad(loss(y, labels), y)[0]
    assert relative(own, expected / 7) < 1e-12


@pytest.mark.parametrize(("loss", "_"), pattern_losses())
def test_the_derivative_equals_finite_differences(loss, _):
    y, labels, step = 5 * random_tensor(3, 10, seed=2).abs(), torch.tensor([0, 9, 5]), 1e-5
    slopes = loss.derivative(y, labels)
    for n in range(3):
        for i in range(10):
            shift = torch.zeros_like(y)
            shift[n, i] = step
            difference = 3 * (loss(y + shift, labels) - loss(y - shift, labels)) / (2 * step)
            assert difference.item() == pytest.approx(slopes[n, i].item(), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("scale", [0.5, 1.0])
@pytest.mark.parametrize("loss", [MSELoss(), MAPLoss()], ids=repr)
def test_curvature_starts_from_twice_the_scale_at_every_unit_of_f6_whatever_the_loss(loss, scale):
    layer, x, labels = RBF(torch.tensor(CODES), scale), random_tensor(4, 84, seed=3), torch.arange(4)
    seed = loss.second_derivative(layer.forward(x), labels)
    assert (layer.backprop(seed, order=2) == 2 * scale).all()


@pytest.mark.parametrize("j", [0, -1.0, math.nan, math.inf])
def test_a_margin_that_is_not_positive_and_finite_is_refused(j):
    with pytest.raises(ValueError, match="j"):
        MAPLoss(j=j)


BAD_LABELS = {
    "too large": torch.tensor([0, 10, 2]),
    "negative": torch.tensor([0, -1, 2]),
    "one too few": torch.tensor([0, 1]),
    "not whole numbers": torch.tensor([0.0, 1.0, 2.0]),
}


@pytest.mark.parametrize("loss", [MSELoss(), MAPLoss()], ids=repr)
@pytest.mark.parametrize("labels", BAD_LABELS.values(), ids=BAD_LABELS.keys())
def test_labels_that_name_no_class_are_refused(loss, labels):
    with pytest.raises(ValueError, match="label"):
        loss(torch.ones(3, 10), labels)


@pytest.mark.parametrize("loss", [MSELoss(), MAPLoss()], ids=repr)
def test_an_empty_set_is_refused(loss):
    with pytest.raises(ValueError):
        loss(torch.ones(0, 10), torch.zeros(0, dtype=torch.int64))
