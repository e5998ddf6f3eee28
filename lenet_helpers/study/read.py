"""What a study found: its committed runs read back, averaged over seeds and judged beside the paper.

Everything here is computed from results/: one JSON a run, and for some runs the network's penalties on the
test set. No digits are loaded and nothing is trained. Error rates are percentages after the last pass.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..files import load_tensors
from ..paper import FIG5_TEST, FIG5_TRAIN, FIG6, FIG9
from .plan import check_type

CHECKOUT = Path(__file__).resolve().parents[2] / "results"
INSTALLED = Path(sys.prefix) / "share" / "lenet_helpers" / "results"
RESULTS = CHECKOUT if (CHECKOUT / "runs").is_dir() else INSTALLED
RECORD = {  # what every record has; one of a run that ended has "passes" too
    "name": str,
    "experiment": str,
    "configuration": dict,
    "configuration_hash": str,
    "error": float | None,
}
FIRST_COMPARED_PASS = 3  # of Fig. 5
RIVAL = "boosted LeNet-4 (distorted)"


@dataclass(frozen=True)
class Study:
    """The runs in one results folder: `records`, their JSON in order of name and seed."""

    folder: Path
    records: tuple

    def runs(self, experiment):
        """Records of one experiment's finished runs, by seed; those that diverged have no numbers and are left out."""
        return [run for run in self.records if run["experiment"] == experiment and run["error"] is not None]

    def diverged(self, experiment):
        """Records of one experiment's runs that diverged."""
        return [run for run in self.records if run["experiment"] == experiment and run["error"] is None]

    def experiments(self):
        """Names of the experiments that have a run."""
        return list(dict.fromkeys(record["experiment"] for record in self.records))

    def errors(self, experiment):
        """Error rate after the last pass of each run."""
        return np.array([record["error"] for record in self.runs(experiment)])

    def curves(self, experiment, key="error"):
        """One row a run, one column a pass: "error" after each pass, or "train_error" measured during it."""
        return np.array([[row[key] for row in record["passes"]] for record in self.runs(experiment)])

    def outputs(self, record):
        """Tensors kept of a run: penalties (N, 10), labels (N,), and where its weights were kept the pictures of its
        wrong patterns, wrong_images (wrong, 28, 28). The penalties were rounded to float16.

        Raises FileNotFoundError for a run whose outputs were not kept, CheckpointError for a damaged file.
        """
        path = self.folder / "outputs" / f"{record['name']}.safetensors"
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist: the outputs of {record['name']} were not kept.")
        tensors = load_tensors(path)[0]
        return tensors | {"penalties": tensors["penalties"].float()}

    def committee(self, experiment):
        """Error rate of the experiment's networks together."""
        return 100 * self.wrong_together(experiment).double().mean().item()

    def wrong_together(self, experiment):
        """Which patterns the experiment's networks together get wrong, by the smallest mean penalty: a mask (N,)."""
        outputs = [self.outputs(record) for record in self.runs(experiment)]
        mean = sum(output["penalties"].double() for output in outputs) / len(outputs)
        return mean.argmin(1) != outputs[0]["labels"]


def load_study(folder=RESULTS):
    """Read every run under folder/runs.

    Raises FileNotFoundError where there is none, ValueError for a file that is not a run's.
    """
    paths = sorted((Path(folder) / "runs").glob("*.json"))
    if not paths:
        raise FileNotFoundError(f"no runs in {Path(folder) / 'runs'}; `make study` trains them.")
    records = map(read_record, paths)
    order = sorted(records, key=lambda record: (record["experiment"], record["configuration"]["seed"]))
    return Study(Path(folder), tuple(order))


def read_record(path):
    """The record of one run, a dict as `lenet_helpers.study.run` wrote it.

    Raises ValueError, with the file, the key, what it is and what was expected, for anything else.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        check_type("the record", record, dict)
        missing = RECORD.keys() - record.keys()
        if missing:
            raise ValueError(f"got no {', '.join(sorted(missing))}, expected {', '.join(RECORD)}.")
        for key, hint in RECORD.items():
            check_type(key, record[key], hint)
        check_type("configuration: seed", record["configuration"].get("seed"), int)
        if record["name"] != path.stem:
            raise ValueError(f"name: got {record['name']!r}, expected the file's, {path.stem!r}.")
        if record["error"] is not None:
            check_type("passes", record.get("passes"), list)
            for number, row in enumerate(record["passes"], start=1):
                check_type(f"passes: {number}", row, dict)
                for key in ("error", "train_error"):
                    check_type(f"passes: {number}: {key}", row.get(key), float)
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{path} is not a run's record ({error}); delete it and run `make study`.") from error
    return record


def distance_to_fig5(curves, published):
    """Root-mean-square difference, in percentage points, of the mean curve and Fig. 5's from pass 3 on."""
    ours = curves.mean(0)
    passes = [n for n in published if FIRST_COMPARED_PASS <= n <= len(ours)]
    return float(np.sqrt(np.mean([(ours[n - 1] - published[n]) ** 2 for n in passes])))


@dataclass(frozen=True)
class Recipe:
    """A way of training that the bars are held to: its experiments without and with distortions, where there is one,
    how it came about, and how many seeds the plan has of each."""

    text: str
    regular: str | None
    distorted: str | None
    origin: str
    regular_seeds: int = 5
    distorted_seeds: int = 3


RECIPES = (
    Recipe("h once a pass, j = 10", "regular", "distorted", "settled before any run"),
    Recipe(
        "h once a pass, j = 5",
        "regular-j-5",
        "distorted-j-5",
        "fourth, after misses: j inferred from Fig. 5 on two test runs, held to the bars on other seeds",
    ),
    Recipe(
        "h every 1,000 patterns, j = 10",
        "renewed",
        "distorted-renewed",
        "second, after misses: how often was chosen on held-out patterns",
    ),
    Recipe(
        "h every 1,000 patterns, j = 7",
        "renewed-j-7",
        "distorted-renewed-j-7",
        "third, after misses: j and stronger distortions chosen on held-out patterns",
    ),
    Recipe(
        "h every 1,000 patterns, j = 5",
        "renewed-j-5",
        None,
        "fifth, for lower bars: the lowest j on held-out patterns; left for the sixth after two seeds",
    ),
    Recipe(
        "h every 1,000 patterns, j = 5, no eta above 0.0002",
        "gentle",
        "distorted-longer",
        "sixth, for lower bars: the largest eta chosen on held-out patterns; distorted, 30 passes",
        distorted_seeds=5,
    ),
    Recipe(
        "h every 1,000 patterns, j = 5, no eta above 0.0002, 60 passes",
        None,
        "distorted-sixty",
        "seventh, for the committee's lower bar: each eta of the sixth held twice as long",
        distorted_seeds=5,
    ),
    Recipe(
        "h every 1,000 patterns, j = 5, no eta above 0.0002, 60 passes, elastic",
        None,
        "distorted-elastic-sixty",
        "eighth: the seventh with elastic distortions, the lowest of three strengths on held-out patterns",
        distorted_seeds=5,
    ),
)


@dataclass(frozen=True)
class Claim:
    """One figure for one recipe to reach; `measured` is None until `seeds` runs of the experiment are finished."""

    text: str
    paper: str
    bar: float
    recipe: str
    experiment: str
    seeds: int
    finished: int
    measured: float | None

    @property
    def verdict(self):
        if self.measured is None:
            return f"open: {self.finished} of {self.seeds} runs finished"
        over = round(self.measured - self.bar, 9)  # a mean equal to the bar meets it, whatever its last bit
        return "met" if over <= 0 else f"missed by {over:.3f}"


def claims(study):
    """The bars of the study, each with what every recipe reached that has the experiment for it.

    Where a claim has a second bar, lower than the first, it is that of the study's second part.
    """

    def mean(name):
        return study.errors(name).mean()

    def fig5(key, published):
        return lambda name: distance_to_fig5(study.curves(name, key), published)

    def fig6(patterns):
        return lambda name: abs(study.errors(name).mean() - FIG6["test"][patterns])

    boosted = f"{FIG9[RIVAL]:.1f} (boosted LeNet-4)"
    of_regular = [
        ("regular, mean test error", f"{FIG9['LeNet-5']:.2f}", (1.10, 0.95), mean),
        ("Fig. 5, test error: distance of the mean curve from pass 3 on", "0", (0.12, 0.10), fig5("error", FIG5_TEST)),
        ("Fig. 5, training error: the same", "0", (0.25, 0.15), fig5("train_error", FIG5_TRAIN)),
        ("committee of the regular networks", boosted, (0.85,), study.committee),
    ]
    of_distorted = [
        ("distorted, mean test error", f"{FIG9['LeNet-5 (distorted)']:.1f}", (0.78, 0.65), mean),
        ("committee of the distorted networks", boosted, (0.70, 0.45), study.committee),
    ]
    found = []

    def judge(recipe, experiment, seeds, text, paper, bars, measure):
        finished = len(study.runs(experiment))
        measured = float(measure(experiment)) if finished >= seeds else None
        for bar in bars:
            found.append(Claim(text, paper, bar, recipe.text, experiment, seeds, finished, measured))

    for recipe in RECIPES:
        for claim in of_regular if recipe.regular else ():
            judge(recipe, recipe.regular, recipe.regular_seeds, *claim)
        for claim in of_distorted if recipe.distorted else ():
            judge(recipe, recipe.distorted, recipe.distorted_seeds, *claim)
    for size in (15000, 30000):
        text = f"{size:,} patterns, mean test error: distance from Fig. 6"
        judge(RECIPES[0], f"size-{size}", 3, text, "0", (0.25,), fig6(size))
    return found
