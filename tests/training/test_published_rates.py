"""The rates of the first pass lie where the paper saw them."""

import pytest
import torch

from lenet_helpers.losses import MAPLoss
from lenet_helpers.model import LeNet5
from lenet_helpers.paper import PUBLISHED_RATES
from lenet_helpers.sdlm import SDLM, sampled_curvature


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_first_pass_rates_lie_near_the_published_ones(mnist, seed):
    model = LeNet5(seed=seed)
    rule = SDLM(model.named_parameters())
    rule.set_curvature(sampled_curvature(model, MAPLoss(), mnist.train, 500, seed))
    rates = torch.cat([rate.flatten() for rate in rule.rates().values()])
    print(f"effective rates {rates.min():.1e} to {rates.max():.1e}; published %.1e to %.1e" % PUBLISHED_RATES)
    assert PUBLISHED_RATES[0] < rates.min() < 5 * PUBLISHED_RATES[0]
    assert PUBLISHED_RATES[1] / 1.5 < rates.max() < 1.5 * PUBLISHED_RATES[1]
