"""The tables on single questions say what the runs say: optimizers, curves beside Fig. 5, a cluster."""

from pathlib import Path

import pytest

from lenet_helpers.study import questions
from lenet_helpers.study.compare import choose, compare_runs, mcnemar
from lenet_helpers.study.optimizers import CONTENDERS, PUBLISHED
from lenet_helpers.study.plan import load_plan
from lenet_helpers.study.read import load_study
from lenet_helpers.study.tables import astray_table

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def study():
    return load_study(ROOT / "results")


def row(table, start):
    (line,) = [line for line in table.splitlines() if line.startswith(f"| {start} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_an_optimizer_goes_into_twenty_passes_with_the_rate_of_its_lowest_short_run(study):
    chosen = [each for each in CONTENDERS if each.rate != PUBLISHED]
    assert chosen
    for each in chosen:
        ended = [each.experiment(rate) for rate in each.rates if study.runs(each.experiment(rate))]
        assert choose(study, ended)[0].name == each.experiment(each.rate)
        planned = [run for run in load_plan(ROOT / "studies" / "paper.toml") if run.experiment == each.long]
        assert [run.seed for run in planned] == [0, 1, 2, 3, 4]
        assert {(run.rate, run.passes, run.schedule) for run in planned} == {(float(each.rate), 20, "paper")}


def test_the_lowest_rate_is_bold_and_what_diverged_is_said(study):
    _, errors, taken = row(questions.rates_table(study), "SDLM, h once a pass")
    assert errors.startswith("0.00005: 2.64; **0.00015: 2.23**") and errors.endswith("0.005: diverged")
    assert taken == PUBLISHED


def test_one_common_seed_is_compared_by_its_digits(study):
    if len(study.runs("best-sgd")) == 1:
        sgd, sdlm = (study.runs(name)[0]["wrong"] for name in ("best-sgd", "regular"))
        assert compare_runs(study, "best-sgd", "regular") == mcnemar(sgd, sdlm, 10_000)
    cells = row(questions.optimizers_table(study), "SGD, 0.001")
    assert cells[7] == str(compare_runs(study, "best-sgd", "regular"))
    assert row(questions.optimizers_table(study), "SDLM, h once a pass, 0.0005")[7] == "-"


def test_curves_beside_fig5_are_differences_of_means(study):
    cells = row(questions.curves_table(study, "error"), "`regular`")
    gap = study.curves("regular")[:, 19].mean() - 0.97
    assert cells[2] == "5" and cells[8] == f"{gap:+.2f}" and cells[10] == "0.164"
    assert row(questions.curves_table(study, "train_error"), "`mse`")[7:9] == ["-", "-"]


def test_runs_that_went_astray_are_those_of_the_table_and_end_saturated(study):
    looked = questions.looks(study)
    bold = {line.split("**")[1] for line in astray_table(study).splitlines() if "**" in line}
    assert bold == {run for runs in questions.WENT_ASTRAY.values() for run in runs}
    for experiment, gone in questions.WENT_ASTRAY.items():
        assert set(gone) < {run["name"] for run in study.runs(experiment)} == {
            run for run, change in looked if change == "none" and run.rpartition("-")[0] == experiment
        }
    cells = row(questions.saturation_table(study), "**scale-1-0**")
    steps = {step["patterns"]: step["saturated"] for step in looked["scale-1-0", "none"]["rows"]}
    assert cells[1:4] == ["nothing", "8.5, 11.6, 4.6", "60,000 to 61,000"]
    assert cells[5] == f"{steps[60000]['c5']:.0f} to {steps[61000]['c5']:.0f}"


def test_what_a_cluster_cost_is_read_from_its_file():
    cost = {"seconds": 8.0, "patterns a second and worker": 200.0, "CPU seconds of the study": 7.5}
    many = cost | {"CPU seconds of the scheduler": 1.6, "CPU seconds of the workers": 9.0}
    found = {
        "machine": "Linux, 2 cores",
        "other work": "none",
        "small": {"runs": 16, "patterns": 100, "passes": 1, "0 workers": cost, "2 workers": many},
        "worker killed": {"study": "exit status 0", "runs finished by it": 8},
    }
    said, costs, killed = questions.cluster_tables(found)
    assert said.startswith("Linux, 2 cores; none.")
    assert costs.splitlines()[2:] == [
        "| 16 of 100 patterns, 1 passes | 0 workers | 8.0 | 200.0 | - | 7.5 | - |",
        "| 16 of 100 patterns, 1 passes | 2 workers | 8.0 | 200.0 | 0.10 | 7.5 | 9.0 |",
    ]
    assert killed.splitlines()[2:] == ["| worker | exit status 0 | 8 |"]
