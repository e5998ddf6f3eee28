"""The networks in the package are those of the study, and their facts say what its records say."""


import pytest
import torch
from scripts import script

from lenet_helpers.study.read import RESULTS, load_study
from lenet_helpers.weights import load_weights

packaging = script("studies/package.py")


@pytest.mark.parametrize(("name", "experiment"), packaging.EXPERIMENTS.items())
def test_a_packaged_network_is_that_of_the_studys_seed_0(name, experiment):
    packaged = load_weights(name)
    kept = load_weights(RESULTS / "weights" / f"{experiment}-0.safetensors")
    assert all(torch.equal(weight, kept.state_dict()[key]) for key, weight in packaged.state_dict().items())
    assert packaged.seed == 0


@pytest.mark.parametrize(("name", "experiment"), packaging.EXPERIMENTS.items())
def test_a_packaged_network_says_its_error_and_the_mean_of_its_seeds(name, experiment):
    facts, study = load_weights(name).facts, load_study()
    errors = study.errors(experiment)
    assert facts == facts | packaging.facts_of(study, experiment), f"run python studies/package.py {name}"
    assert facts["error"] == errors[0] and facts["mean error"] == pytest.approx(errors.mean(), abs=1e-3)
