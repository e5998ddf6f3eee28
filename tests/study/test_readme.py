"""The figures in the READMEs of the project and of results/ are those of the runs."""

import json
import re
from pathlib import Path

import pytest

from lenet_helpers.paper import FIG9
from lenet_helpers.study.compare import compare_means, errors_by_seed
from lenet_helpers.study.read import load_study

ROOT = Path(__file__).parents[2]
STUDY = load_study(ROOT / "results")
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS_README = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
TWENTY_PASSES = {
    "h once a pass, j = 10": "regular",
    "h once a pass, j = 5": "regular-j-5",
    "h every 1,000 patterns, j = 10": "renewed",
    "h every 1,000 patterns, j = 7": "renewed-j-7",
    "with distortions, h once a pass, j = 10": "distorted",
    "with distortions, h once a pass, j = 5": "distorted-j-5",
    "with distortions, h every 1,000 patterns, j = 10": "distorted-renewed",
    "with distortions, h every 1,000 patterns, j = 7": "distorted-renewed-j-7",
    "h every 1,000 patterns, j = 5": "renewed-j-5",
    "h every 1,000 patterns, j = 5, no eta above 0.0002": "gentle",
    "thirty passes with distortions, the same": "distorted-longer",
    "sixty passes with distortions, the same": "distorted-sixty",
    "sixty passes with elastic distortions, the same": "distorted-elastic-sixty",
}
RIVALS = {
    "SGD, 0.001": "best-sgd",
    "SGD with momentum 0.9, 0.0001": "best-momentum",
    "Adam, 0.0003": "best-adam",
}
FRONT = ("regular", "gentle", "distorted-longer", "distorted-sixty", "distorted-elastic-sixty")  # in their order


def rows(heading, columns):
    """Label -> cells of the first table after a heading of results/README.md."""
    table = RESULTS_README.partition(f"\n## {heading}\n")[2].partition("\n|---")[2].partition("\n\n")[0]
    split = [re.split(r" \| ", line.strip("| ")) for line in table.splitlines()[1:]]
    return {label: (cells + [""] * columns)[:columns] for label, *cells in split}


def by_seed(experiment):
    return " ".join(f"{error:.2f}" for error in STUDY.errors(experiment))


def mean(experiment):
    return f"{STUDY.errors(experiment).mean():.2f}"


def test_every_recipe_is_in_the_table_of_twenty_passes():
    assert list(rows("Twenty passes", 3)) == list(TWENTY_PASSES)


@pytest.mark.parametrize("label", TWENTY_PASSES)
def test_the_table_of_twenty_passes_says_what_the_runs_say(label):
    experiment, (seeds, average, together) = TWENTY_PASSES[label], rows("Twenty passes", 3)[label]
    assert (seeds, average) == (by_seed(experiment), mean(experiment))
    if together != "-":
        assert together == f"{STUDY.committee(experiment):.2f}"


@pytest.mark.parametrize("label", RIVALS)
def test_the_table_of_optimizers_says_what_the_runs_say(label):
    experiment, (seeds, average, *against) = RIVALS[label], rows("Is SDLM worth it?", 4)[label]
    assert (seeds, average) == (by_seed(experiment), mean(experiment))
    for cell, sdlm in zip(against, ("regular", "renewed"), strict=True):
        found = compare_means(errors_by_seed(STUDY, experiment), errors_by_seed(STUDY, sdlm))
        difference, p, verdict = re.fullmatch(r"([+-]\d\.\d\d) \(p = ([\d.]+)\): (\w+)", cell).groups()
        decimals = len(p.partition(".")[2])
        assert (difference, p) == (f"{found.difference:+.2f}", f"{found.p:.{decimals}f}")
        assert (verdict == "equal") == found.equal and str(found).endswith(verdict)


def test_the_front_page_says_what_the_runs_say():
    *single, together = re.findall(r"^\| [^|]+ \| (\d\.\d\d) \| ", README, re.MULTILINE)
    assert single == [mean(experiment) for experiment in FRONT]
    assert together == f"{STUDY.committee('distorted-sixty'):.2f}"
    assert f"(elastic: {STUDY.committee('distorted-elastic-sixty'):.2f})" in README
    assert all(len(STUDY.errors(experiment)) == 5 for experiment in FRONT)
    for published in ("LeNet-5", "LeNet-5 (distorted)", "boosted LeNet-4 (distorted)"):
        assert re.search(rf"\| \d\.\d\d \| {FIG9[published]}[ ,]", README), published


def test_the_front_page_says_how_many_numbers_are_read_right():
    measured = json.loads((ROOT / "results" / "strings" / "measured.json").read_text(encoding="utf-8"))
    right, strings = re.search(r"whole and right in ([\d.]+)% of ([\d,]+)", README).groups()
    clean = measured["clean"]
    assert (float(right), int(strings.replace(",", ""))) == (clean["whole right, %"], clean["strings"])


def test_the_hours_of_all_runs():
    (hours,) = re.findall(r"all runs recorded here\s+took (\d+) hours", RESULTS_README)
    assert int(hours) == round(sum(record.get("seconds") or 0 for record in STUDY.records) / 3600)
