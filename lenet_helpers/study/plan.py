"""The plan of a study, a TOML file of experiments: a configuration of `fit` and the seeds to run it with."""

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch

from ..data.digits import load_digits

HELD_OUT_SEED = 1998
CHOICES = {"loss": ("map", "mse"), "optimizer": ("sdlm", "sgd"), "schedule": ("paper", "two-pass")}
EXPERIMENT_KEYS = {"name", "seeds", "save_penalties", "save_weights"}


@dataclass(frozen=True)
class Run:
    """One training run: everything that decides its numbers, and what is kept of it.

    Raises ValueError for an unknown loss, optimizer or schedule.

    patterns: training patterns drawn by the run's seed, all of them when None. held_out: how many training
    patterns are set aside, by one fixed split, and evaluated on in place of the test set. schedule: "paper",
    "two-pass" or one eta a pass. rate: the one learning rate of optimizer = "sgd" in the first pass; from
    then on the schedule scales it.
    """

    name: str
    experiment: str
    seed: int
    dataset: str = "mnist"
    passes: int = 20
    loss: str = "map"
    j: float = 10.0
    rbf_scale: float = 0.5
    init: str = "authors"
    optimizer: str = "sdlm"
    rate: float | None = None
    mu: float = 0.02
    curvature: str = "estimate"
    gamma: float = 0.1
    curvature_every: int | None = None
    schedule: str | tuple = "paper"
    patterns: int | None = None
    held_out: int = 0
    distortion: dict | None = None
    save_penalties: bool = False
    save_weights: bool = False

    def __post_init__(self):
        for name, known in CHOICES.items():
            value = getattr(self, name)
            if isinstance(value, str) and value not in known:
                raise ValueError(f"{self.name}: got {name} {value!r}, expected one of {', '.join(known)}.")
        if (self.optimizer == "sgd") != (self.rate is not None):
            raise ValueError(f"{self.name}: got optimizer {self.optimizer!r} and rate {self.rate}; sgd needs a rate.")

    def configuration(self):
        """What decides the numbers: every field but the names and what is kept."""
        kept = asdict(self)
        for key in ("name", "experiment", "save_penalties", "save_weights"):
            del kept[key]
        return kept

    def digest(self):
        """Twelve hexadecimal digits of the settings that differ from their defaults.

        A setting added to Run later, with a default that does as before, leaves finished runs finished.
        """
        defaults = {field.name: field.default for field in fields(self)}
        chosen = {key: value for key, value in self.configuration().items() if value != defaults[key]}
        text = json.dumps(chosen, sort_keys=True)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def load_plan(path):
    """Runs of a plan file, in its order: experiment by experiment, seed by seed.

    Raises ValueError for an experiment without name or seeds, a setting no run has, or a run listed twice.
    """
    plan = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    settings = {field.name for field in fields(Run)} - {"name", "experiment", "seed"}
    runs = []
    for experiment in plan.get("experiment", []):
        merged = plan.get("defaults", {}) | experiment
        if "name" not in merged or not merged.get("seeds"):
            raise ValueError(f"{path}: an experiment needs a name and a list of seeds, got {experiment}.")
        unknown = set(merged) - settings - EXPERIMENT_KEYS
        if unknown:
            raise ValueError(
                f"{path}, experiment {merged['name']!r}: unknown setting {', '.join(sorted(unknown))}; "
                f"a run has {', '.join(sorted(settings))}."
            )
        name, seeds, weights = merged.pop("name"), merged.pop("seeds"), merged.pop("save_weights", [])
        if isinstance(merged.get("schedule"), list):
            merged["schedule"] = tuple(merged["schedule"])
        runs += [Run(f"{name}-{seed}", name, seed, save_weights=seed in weights, **merged) for seed in seeds]
    names = [run.name for run in runs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not runs:
        raise ValueError(
            f"{path}: expected runs with different names, got "
            f"{'twice ' + ', '.join(twice) if twice else 'no [[experiment]] at all'}."
        )
    return runs


def split(run):
    """(training digits, digits to evaluate on) of a run.

    With `held_out`, both come from the training set and the test set is not even loaded: the split is one for
    all runs, so that choices compare like with like.
    """
    train = load_digits("train", dataset=run.dataset)
    if run.held_out:
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(HELD_OUT_SEED))
        judge, train = train.subset(order[: run.held_out]), train.subset(order[run.held_out :])
    else:
        judge = load_digits("test", dataset=run.dataset)
    if run.patterns is not None:
        if not 0 < run.patterns <= len(train):
            raise ValueError(f"{run.name}: {run.patterns} training patterns asked for, there are {len(train)}.")
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(run.seed))
        train = train.subset(order[: run.patterns])
    return train, judge
