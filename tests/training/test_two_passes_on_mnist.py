"""What two passes over the whole of MNIST reach, one pattern an update, on the whole test set: one run, made anew.

The other seeds, the paper's own eta and its initialisation: tests/study/test_two_passes.py, from committed runs.
"""

import pytest
import torch

from lenet_helpers.evaluation import evaluate
from lenet_helpers.losses import MAPLoss
from lenet_helpers.model import LeNet5
from lenet_helpers.paper import PUBLISHED_RATES
from lenet_helpers.schedules import TWO_PASS_SCHEDULE
from lenet_helpers.sdlm import SDLM, sampled_curvature
from lenet_helpers.training.loop import fit

pytestmark = pytest.mark.timeout(1800)  # a pass takes 20 seconds on a core of its own, minutes on a busy machine


def test_two_passes_with_a_falling_eta_read_more_than_98_percent(mnist):
    model = LeNet5()
    history = fit(model, mnist.train, mnist.test, passes=2, schedule=TWO_PASS_SCHEDULE, progress=False)
    report = evaluate(model, mnist.test)
    assert (history.source, history.configuration["train_patterns"], len(report)) == ("MNIST", 60_000, 10_000)
    assert report.error_rate == history.passes[-1]["test_error"]
    assert report.error_rate <= 1.75 and report.macro_f1 >= 0.982


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_first_pass_rates_lie_near_the_published_ones(mnist, seed):
    model = LeNet5(seed=seed)
    rule = SDLM(model.named_parameters())
    rule.set_curvature(sampled_curvature(model, MAPLoss(), mnist.train, 500, seed))
    rates = torch.cat([rate.flatten() for rate in rule.rates().values()])
    print(f"effective rates {rates.min():.1e} to {rates.max():.1e}; published %.1e to %.1e" % PUBLISHED_RATES)
    assert PUBLISHED_RATES[0] < rates.min() < 5 * PUBLISHED_RATES[0]
    assert PUBLISHED_RATES[1] / 1.5 < rates.max() < 1.5 * PUBLISHED_RATES[1]
