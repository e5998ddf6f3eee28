"""What two passes over MNIST reach, one pattern an update, over several seeds: the committed runs of the study.

`python -m lenet_helpers study --plan studies/paper.toml --only "two-pass-*"` makes them. One run of the same kind is
made anew, and held to 1.75%, wherever notebook 09 is run.
"""

import statistics

import pytest

from lenet_helpers.study.read import load_study


@pytest.fixture(scope="module")
def study():
    return load_study()


def test_at_the_papers_eta_the_mean_of_five_seeds_reads_97_percent(study):
    runs = study.runs("two-pass-paper")
    assert len(runs) == 5 and all(run["evaluated_patterns"] == 10_000 for run in runs)
    assert statistics.mean(run["error"] for run in runs) <= 3.0
    assert statistics.mean(run["macro_f1"] for run in runs) >= 0.970


def test_with_a_falling_eta_every_seed_reads_more_than_98_percent(study):
    runs = study.runs("two-pass-falling")
    assert len(runs) == 3
    assert all(run["error"] <= 1.75 and run["macro_f1"] >= 0.982 for run in runs)


def test_the_published_initialisation_trains_at_the_papers_eta_with_the_running_average(study):
    (run,) = study.runs("two-pass-appendix-a")
    assert run["error"] < 8.0
    assert max(done["train_error"] for done in run["passes"]) < 15, "no pass went astray"
