"""Global training sends the criterion's derivative down through the whole map, and strings teach the network."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import ctc_loss

from lenet_helpers import DIGIT_CODES, LeNet5, MAPLoss, estimate_curvature, to_input
from lenet_helpers.codes import code_of
from lenet_helpers.data.strings import BLANK, PixelInversion, make_strings
from lenet_helpers.strings import Grammar, discriminative_forward, fit_strings
from lenet_helpers.strings.global_training import string_curvature
from lenet_helpers.strings.graph import READING

CODES = torch.cat([DIGIT_CODES, code_of(" ")[None]])


@pytest.fixture
def strings(digits):
    return make_strings(digits, 30, (2, 3), seed=1)


def test_derivatives_of_all_weights_are_those_of_autograd_through_torchs_ctc_loss(strings):
    model = LeNet5(codes=CODES, seed=2).double().train()
    x, texts = to_input(strings.fields[:2]).double(), strings.texts[:2]
    penalties = model(x)
    theirs = ctc_loss(
        (-penalties[:, :, 0]).log_softmax(1).permute(2, 0, 1),
        torch.tensor([int(digit) for text in texts for digit in text]),
        input_lengths=torch.full((2,), penalties.shape[-1]),
        target_lengths=torch.tensor([len(text) for text in texts]),
        blank=BLANK,
        reduction="sum",
    )
    expected = torch.autograd.grad(theirs, list(model.parameters()))
    _, derivative = discriminative_forward(penalties.detach()[:, :, 0], texts, Grammar(touching=0.0))
    for parameter in model.parameters():
        parameter.grad = None
    model(x)
    model.backprop(derivative[:, :, None])
    for parameter, by_autograd in zip(model.parameters(), expected):
        assert torch.allclose(parameter.grad, by_autograd, atol=1e-9 * by_autograd.abs().max().item())


def test_curvature_of_a_field_of_one_window_is_that_of_single_patterns(digits):
    model = LeNet5(codes=CODES, seed=3)
    x = to_input(digits.images[:20])
    expected = estimate_curvature(model, MAPLoss(), x, digits.labels[:20])
    for name, h in string_curvature(model, x).items():
        assert torch.allclose(h, expected[name], rtol=1e-4), name


class TestFitStrings:
    def test_lowers_the_criterion(self, strings):
        model = LeNet5(codes=CODES, seed=4)
        errors = fit_strings(model, strings, passes=4, schedule=[2e-4], curvature_strings=10, progress=False)
        assert errors.shape == (120,) and (errors >= 0).all()
        assert errors[-30:].mean() < 0.8 * errors[:30].mean()

    def test_first_update_is_the_mean_of_its_strings_at_the_temperature(self, strings):
        model, temperature = LeNet5(codes=CODES, seed=7).double(), 3.0
        x = to_input(strings.fields).double()
        h = string_curvature(model, x)
        penalties = model(x)[:, :, 0]
        error, derivative = discriminative_forward(penalties.detach() / temperature, strings.texts, READING)
        expected = torch.autograd.grad((derivative * penalties).sum() / len(strings), list(model.parameters()))
        before = [weight.detach().clone() for weight in model.parameters()]
        errors = fit_strings(
            model, strings, schedule=[1e-3], temperature=temperature, batch_size=30, curvature_strings=30
        )
        assert torch.allclose(errors.sum(), temperature * error.sum())
        for (name, weight), old, gradient in zip(model.named_parameters(), before, expected):
            assert torch.allclose(old - weight, 1e-3 / (0.02 + h[name]) * gradient, rtol=1e-6, atol=1e-12), name

    def test_knows_nothing_of_places(self, strings):
        misplaced = replace(strings, centres=torch.full_like(strings.centres, torch.nan))
        told, untold = LeNet5(codes=CODES, seed=5), LeNet5(codes=CODES, seed=5)
        options = {"curvature_strings": 5, "distort": PixelInversion(0.1), "seed": 6, "progress": False}
        assert torch.equal(fit_strings(told, strings, **options), fit_strings(untold, misplaced, **options))
        for one, other in zip(told.parameters(), untold.parameters()):
            assert torch.equal(one, other)

    def test_refuses_a_string_that_its_field_cannot_hold(self, strings):
        narrow = replace(strings, fields=strings.fields[:, :, :32])
        with pytest.raises(ValueError, match="has no path through the 1 windows"):
            fit_strings(LeNet5(codes=CODES), narrow, progress=False)

    @pytest.mark.parametrize(
        ("wrong", "named"),
        [
            ({"passes": 0}, "passes"),
            ({"schedule": [-1.0]}, "eta"),
            ({"batch_size": 0}, "batch_size"),
            ({"curvature_every": 0}, "curvature_every"),
            ({"temperature": 0.0}, "temperature"),
        ],
    )
    def test_refuses_counts_and_rates_that_are_none(self, strings, wrong, named):
        with pytest.raises(ValueError, match=named):
            fit_strings(LeNet5(codes=CODES), strings, **wrong)
