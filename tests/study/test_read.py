"""What RESULTS.md says follows from the runs, and says so where a bar is missed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from lenet_helpers.data.digits import to_input
from lenet_helpers.files import save_tensors
from lenet_helpers.paper import FIG5_TEST, FIG5_TRAIN, FIG6
from lenet_helpers.study import report, tables
from lenet_helpers.study.plan import Run, load_plan
from lenet_helpers.study.read import Claim, claims, distance_to_fig5, load_study
from lenet_helpers.weights import load_weights

ROOT = Path(__file__).resolve().parents[2]


def record(name, experiment, seed, curve, training, error=None):
    """A run's record as lenet_helpers.study.run writes it, with these error curves."""
    passes = [
        {"pass": n, "eta": 1e-4, "train_error": low, "train_loss": 1.0, "error": high, "seconds": 30.0}
        for n, (high, low) in enumerate(zip(curve, training), start=1)
    ]
    return {
        "name": name,
        "experiment": experiment,
        "configuration": Run(name, experiment, seed).configuration(),
        "configuration_hash": Run(name, experiment, seed).digest(),
        "evaluated_on": "test",
        "git_commit": "0123456789abcdef",
        "error": curve[-1] if error is None else error,
        "rejection": 1.5,
        "wrong": [*range(10 * seed, 10 * seed + 10), 99],
        "passes": passes,
        "seconds": 600.0,
    }


def outputs(generator, votes):
    """Penalties of one network on 100 patterns of class 3: the class with the smallest is `votes[pattern]`."""
    penalties = 20 + torch.rand(100, 10, generator=generator)
    penalties[torch.arange(100), votes] = 1.0
    penalties[torch.arange(100), 3] -= 10.0 * (votes != 3)  # the right class comes second where it is not first
    labels = torch.full((100,), 3)
    images = torch.zeros(int((votes != 3).sum()), 28, 28, dtype=torch.uint8)
    return {"penalties": penalties.half(), "labels": labels.to(torch.uint8), "wrong_images": images}


@pytest.fixture
def folder(tmp_path, generator):
    """Results of a study whose numbers are known: 5 regular runs on Fig. 5's own curve, 0.2 above it in test error."""
    fig5 = [FIG5_TEST[n] + 0.2 for n in range(1, 21)], [FIG5_TRAIN[n] for n in range(1, 21)]
    fig6 = {15000: FIG6["test"][15000] + 0.1, 30000: FIG6["test"][30000] - 0.3}
    records = [record(f"regular-{seed}", "regular", seed, *fig5) for seed in range(5)]
    for size, error in fig6.items():
        records += [record(f"size-{size}-{seed}", f"size-{size}", seed, [error], [0.3]) for seed in range(3)]
    records += [record(f"distorted-{seed}", "distorted", seed, [0.7 + 0.01 * seed], [1.5]) for seed in range(2)]
    records.append(record("distorted-longer-0", "distorted-longer", 0, [0.6], [1.2]))
    records.append(record("mse-0", "mse", 0, [3.0], [4.0]))
    records.append({**record("mse-1", "mse", 1, [0.0], [0.0]), "error": None, "diverged": "The loss is nan"})
    (tmp_path / "runs").mkdir()
    for run in records:
        (tmp_path / "runs" / f"{run['name']}.json").write_text(json.dumps(run), encoding="utf-8")
        if run["experiment"] in ("regular", "distorted", "distorted-longer"):
            votes = torch.full((100,), 3)
            votes[run["configuration"]["seed"] * 10 : run["configuration"]["seed"] * 10 + 10] = 5  # its own ten errors
            votes[-1] = 8  # and one that all of them make
            save_tensors(tmp_path / "outputs" / f"{run['name']}.safetensors", outputs(generator, votes), {})
    return tmp_path


def test_a_bar_is_met_missed_by_so_much_or_open(folder):
    def found(start, bar=None):
        of_all = [claim for claim in claims(load_study(folder)) if claim.text.startswith(start)]
        of_recipe = [claim for claim in of_all if claim.recipe == "h once a pass, j = 10"]
        (claim,) = [claim for claim in of_recipe if bar in (None, claim.bar)]
        return claim.measured, claim.verdict

    assert found("regular, mean", 1.10) == (pytest.approx(FIG5_TEST[20] + 0.2), "missed by 0.070")
    assert found("regular, mean", 0.95) == (pytest.approx(FIG5_TEST[20] + 0.2), "missed by 0.220")
    assert found("Fig. 5, test error", 0.12) == (pytest.approx(0.2), "missed by 0.080")
    assert found("Fig. 5, training error", 0.25) == (pytest.approx(0.0, abs=1e-9), "met")
    assert found("15,000") == (pytest.approx(0.1), "met")
    assert found("30,000") == (pytest.approx(0.3), "missed by 0.050")
    assert found("distorted, mean", 0.78) == (None, "open: 2 of 3 runs finished")


def test_the_distance_to_fig5_is_that_of_the_mean_curve_from_pass_3_on():
    curve = np.array([FIG5_TEST[n] for n in range(1, 21)])
    early = np.r_[9.0, 9.0, np.zeros(18)]
    assert distance_to_fig5(np.stack([curve + early]), FIG5_TEST) == 0
    assert distance_to_fig5(np.stack([curve + 0.3, curve - 0.1]), FIG5_TEST) == pytest.approx(0.1)
    half = np.r_[np.zeros(11), np.full(9, 0.2)]
    assert distance_to_fig5(np.stack([curve + half]), FIG5_TEST) == pytest.approx(0.2 / np.sqrt(2))


def test_a_bar_met_exactly_is_met_and_one_missed_by_a_hair_is_missed():
    assert Claim("", "", 0.3, "", "regular", 3, 3, 0.1 + 0.2).verdict == "met"
    assert Claim("", "", 1.1, "", "regular", 5, 5, 1.1).verdict == "met"
    assert Claim("", "", 1.1, "", "regular", 5, 5, 1.104).verdict == "missed by 0.004"


def test_a_committee_outvotes_the_errors_its_members_do_not_share(folder):
    study = load_study(folder)
    members = [study.outputs(run) for run in study.runs("regular")]
    assert [int((m["penalties"].argmin(1) != m["labels"]).sum()) for m in members] == [11] * 5
    assert study.committee("regular") == pytest.approx(1.0)


def test_a_run_that_diverged_is_reported_and_counted_in_no_mean(folder):
    study = load_study(folder)
    assert study.errors("mse").tolist() == [3.0] and len(study.diverged("mse")) == 1
    text = report.build_results(folder).read_text(encoding="utf-8")
    assert "3.00 (1 diverged)" in text and "| mse-1 | test | diverged | - | - |" in text


def test_the_report_is_built_from_the_records_alone(folder, monkeypatch):
    monkeypatch.setenv("LENET_DATA", str(folder / "no digits here"))
    path = report.build_results(folder)
    text = path.read_text(encoding="utf-8")
    assert "missed by 0.070" in text and "open: 2 of 3 runs finished" in text
    assert "| regular | 1.50, 1.50, 1.50, 1.50, 1.50 | 1.00 [0.18, 5.45] (5 networks) |" in text
    for figure in ("fig5", "fig6", "rejection", "wrong_regular", "wrong_distorted", "what_matters"):
        assert f"(figures/{figure}.png)" in text and (folder / "figures" / f"{figure}.png").stat().st_size > 1000
    before = path.read_bytes()
    assert report.build_results(folder).read_bytes() == before


def test_the_report_says_how_many_bars_each_recipe_meets(folder):
    said = tables.bars_met(load_study(folder))
    assert "h once a pass, j = 10: 3 of 13; h once a pass, j = 5: 0 of 11;" in said
    assert said.endswith("No recipe meets them all.")
    text = report.build_results(folder).read_text(encoding="utf-8")
    assert said in text and "to the letter" not in text


def test_a_departure_from_the_paper_stands_beside_the_run_that_undoes_it(folder):
    row = next(line for line in tables.departures_table(load_study(folder)).splitlines() if "`mse`" in line)
    regular = FIG5_TEST[1] + 0.2
    assert "`mse`: 3.00 after pass 1, n = 1, 1 more diverged" in row
    assert f"{3.0 - regular:+.3f} (Welch's t, 1 and 5 runs: no interval)" in row


def test_a_run_that_went_astray_stands_beside_its_siblings(folder):
    curve = [5.0, 6.0, 4.0, 2.0]
    for seed, errors in enumerate(([3.0, 2.0, 1.5, 1.0], curve, [3.1, 2.1, 1.6, 1.39])):
        run = record(f"uneven-{seed}", "uneven", seed, errors, errors)
        (folder / "runs" / f"uneven-{seed}.json").write_text(json.dumps(run), encoding="utf-8")
    rows = tables.astray_table(load_study(folder)).splitlines()[2:]
    assert rows == [
        "| uneven-0 | 3.00 | 2.00 | 1.50 | 1.00 |",
        "| **uneven-1** | 5.00 | 6.00 | 4.00 | 2.00 |",
        "| uneven-2 | 3.10 | 2.10 | 1.60 | 1.39 |",
    ]


def test_the_choice_that_was_taken_is_marked_and_compared_with_the_lowest():
    study = load_study(ROOT / "results")
    table = tables.choice_table(study, *tables.CHOICES["j, with h every 1,000 patterns"]).splitlines()
    assert table[2].startswith("| margin-5-renewed | j 5.0; h renewed every 1000 | 6 | 1.16 [")
    assert table[2].endswith("| lowest |")
    taken = next(line for line in table if line.startswith("| **margin-7-renewed** (taken) |"))
    assert taken.endswith("(paired t, 6 seeds): equal |")


def test_a_choice_lists_what_diverged_last(folder):
    for name, error in (("rate-a", 2.0), ("rate-b", None)):
        run = record(f"{name}-0", name, 0, [3.0], [4.0]) | {"error": error, "evaluated_on": "held-out"}
        (folder / "runs" / f"{name}-0.json").write_text(json.dumps(run), encoding="utf-8")
    *_, first, last = tables.choice_table(load_study(folder), ["rate-b", "rate-a"], "rate-a").splitlines()
    assert first.startswith("| **rate-a** (taken) |") and first.endswith("| lowest |")
    assert last == "| rate-b | main recipe | 1 | diverged | - | - |"


def test_a_run_is_far_beyond_the_median_or_not(folder):
    for seed, error in enumerate([1.0, 1.1, 1.2, 1.66]):
        run = record(f"even-{seed}", "even", seed, [error], [1.0])
        (folder / "runs" / f"even-{seed}.json").write_text(json.dumps(run), encoding="utf-8")
    found = tables.astray_share(load_study(folder), "even")
    assert found == "Of the 4 finished runs of `even` 0 ended at more than 1.5 times their median."
    run = record("even-4", "even", 4, [1.81], [1.0])
    (folder / "runs" / "even-4.json").write_text(json.dumps(run), encoding="utf-8")
    assert "5 finished runs of `even` 1 ended" in tables.astray_share(load_study(folder), "even")


def test_every_choice_that_the_study_made_is_in_the_report():
    study = load_study(ROOT / "results")
    named = {name for names, _ in tables.CHOICES.values() for name in names}
    held_out = {name for name in study.experiments() if study.runs(name)[:1] and judged_on(study, name) == "held-out"}
    assert held_out <= named
    assert all(taken is None or taken in names for names, taken in tables.CHOICES.values())


def judged_on(study, name):
    return study.runs(name)[0]["evaluated_on"]


def test_a_folder_without_runs_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="make study"):
        load_study(tmp_path)


SOUND = record("sound-0", "sound", 0, [1.0], [2.0])
NO_RECORDS = {
    "{": "Expecting property name",
    "[]": r"the record: got \[\], expected a table",
    "null": "the record: got None, expected a table",
    "{}": "got no configuration, configuration_hash, error, experiment, name",
    json.dumps({**SOUND, "name": "../../escaped-0"}): "name: got '../../escaped-0', expected the file's, 'sound-0'",
    json.dumps({**SOUND, "experiment": ["a"]}): r"experiment: got \['a'\], expected a text",
    json.dumps({**SOUND, "configuration": []}): r"configuration: got \[\], expected a table",
    json.dumps({**SOUND, "configuration": {"seed": "0"}}): "configuration: seed: got '0', expected a whole number",
    json.dumps({**SOUND, "error": "1.0"}): "error: got '1.0', expected a finite number",
    json.dumps({**SOUND, "error": float("nan")}): "error: got nan, expected a finite number",
    json.dumps({**SOUND, "passes": {}}): "passes: got {}, expected a list",
    json.dumps({**SOUND, "passes": [3]}): "passes: 1: got 3, expected a table",
    json.dumps({**SOUND, "passes": [{"error": 1.0}]}): "passes: 1: train_error: got None, expected a finite number",
}


@pytest.mark.parametrize("text, said", NO_RECORDS.items(), ids=range(len(NO_RECORDS)))
def test_a_file_that_is_no_record_is_named_with_its_key_and_what_was_expected(text, said, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "sound-0.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"sound-0.json is not a run's record .*{said}"):
        load_study(tmp_path)


def test_the_outputs_of_a_run_that_kept_none_are_said_to_be_missing(folder):
    study = load_study(folder)
    with pytest.raises(FileNotFoundError, match="the outputs of mse-0 were not kept"):
        study.outputs(study.runs("mse")[0])


def test_the_committed_report_is_what_the_committed_runs_say(tmp_path):
    committed = ROOT / "results"
    for part in ("runs", "outputs", "astray"):
        shutil.copytree(committed / part, tmp_path / part)
    if (committed / "cluster.json").exists():
        shutil.copy(committed / "cluster.json", tmp_path)
    text = report.build_results(tmp_path).read_text(encoding="utf-8")
    assert text == (committed / "RESULTS.md").read_text(encoding="utf-8"), "run `make results` and commit"


def test_the_committed_runs_are_those_of_the_plan():
    runs = {run.name: run for run in load_plan(ROOT / "studies" / "paper.toml")}
    for committed in load_study(ROOT / "results").records:
        run = runs[committed["name"]]
        assert committed["configuration_hash"] == run.digest(), committed["name"]
        now = json.loads(json.dumps(run.configuration()))
        assert now | committed["configuration"] == now  # a setting that came later has its default, says the hash
        assert committed["data"] == "MNIST"


KEPT = [run.name for run in load_plan(ROOT / "studies" / "paper.toml") if run.save_weights]


@pytest.mark.parametrize("name", KEPT)
def test_committed_weights_score_what_their_record_says(name, mnist):
    path = ROOT / "results" / "weights" / f"{name}.safetensors"
    if not path.exists():
        pytest.skip(f"{path.name} is not trained yet: make study")
    wrong = (load_weights(path).predict(to_input(mnist.test.images)) != mnist.test.labels).nonzero().ravel().tolist()
    committed = json.loads((ROOT / "results" / "runs" / f"{name}.json").read_text(encoding="utf-8"))
    assert len(set(wrong) ^ set(committed["wrong"])) <= 2  # another processor may round a tie the other way
