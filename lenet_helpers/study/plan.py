"""The plan of a study, a TOML file of experiments: a configuration of `fit` and the seeds to run it with."""

import hashlib
import json
import math
import re
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import UnionType
from typing import get_args, get_type_hints

import torch

from ..data.digits import load_digits
from ..data.distort import Distortion
from ..schedules import SCHEDULES
from ..training.choices import LOSSES, OPTIMIZERS

HELD_OUT_SEED = 1998
# Of experiments and runs, whose files are called so: in one folder, and apart on disks that take "a" and "A" for one.
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+|(?<=[0-9])\.[0-9]+)*")
NAMED = "small letters a-z and digits, with single hyphens between them; a number may have a point, as in j-2.5"
LONGEST = 100  # letters of a name
CHOICES = {
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "schedule": tuple(SCHEDULES),
    "init": ("lush", "appendix_a"),
    "dataset": ("mnist", "sklearn", "auto"),
}


@dataclass(frozen=True)
class Run:
    """One training run: everything that decides its numbers, and what is kept of it.

    Raises ValueError for a name that is none (`NAME`), a setting of another type, a seed or held_out out of range,
    and an unknown loss, optimizer, schedule, initialisation, dataset or distortion.

    patterns: training patterns drawn by the run's seed, all of them when None. held_out: how many training
    patterns are set aside, by one fixed split, and evaluated on in place of the test set. schedule: "paper",
    "two-pass" or one eta a pass. rate: the one learning rate of optimizer = "sgd" or "adam" in the first pass; from
    then on the schedule scales it. momentum: of sgd. save_penalties: keep the penalties of the patterns it is judged
    on, in 16 bits. save_weights: keep the network, and with the penalties pictures of the patterns it gets wrong.
    """

    name: str
    experiment: str
    seed: int
    dataset: str = "mnist"
    passes: int = 20
    loss: str = "map"
    j: float = 10.0
    rbf_scale: float = 0.5
    init: str = "lush"
    optimizer: str = "sdlm"
    rate: float | None = None
    momentum: float = 0.0
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
        for name in ("name", "experiment"):
            check_name(name, getattr(self, name))
        for name, hint in get_type_hints(Run).items():
            check_type(f"{self.name}: {name}", getattr(self, name), hint)
        for name, known in CHOICES.items():
            value = getattr(self, name)
            if isinstance(value, str) and value not in known:
                raise ValueError(f"{self.name}: got {name} {value!r}, expected one of {', '.join(known)}.")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"{self.name}: got seed {self.seed}, expected a whole number from 0 to 2**32 - 1.")
        if self.held_out < 0:
            raise ValueError(f"{self.name}: got held_out {self.held_out}, expected a number of patterns, 0 for none.")
        if (self.optimizer == "sdlm") == (self.rate is not None):
            raise ValueError(
                f"{self.name}: got optimizer {self.optimizer!r} and rate {self.rate}; expected a rate for sgd and adam "
                "alone."
            )
        try:
            Distortion(**self.distortion or {})
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.name}: got distortion {self.distortion}: {error}") from error

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


def check_name(key, value):
    """Raise ValueError for what is no name of an experiment or a run."""
    if not (isinstance(value, str) and len(value) <= LONGEST and NAME.fullmatch(value)):
        raise ValueError(f"{key}: got {value!r}, expected a name of {NAMED}, {LONGEST} letters at most.")


def check_type(key, value, hint):
    """Raise ValueError for a value that is not of the type that `hint` gives, or a number that is not finite."""
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    fits = type(value) in kinds or (float in kinds and type(value) is int)
    numbers = value if isinstance(value, tuple) else (value,) if float in kinds and value is not None else ()
    if not fits or not all(type(number) in (int, float) and math.isfinite(number) for number in numbers):
        names = [TYPES.get(kind, kind.__name__) for kind in kinds]
        raise ValueError(f"{key}: got {value!r}, expected {' or '.join(names)}.")


TYPES = {
    str: "a text",
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    dict: "a table",
    list: "a list",
    tuple: "a list of finite numbers",
    type(None): "nothing",
}


def load_plan(path):
    """Runs of a plan file, in its order: experiment by experiment, seed by seed.

    Raises ValueError, with the file, the experiment, the key, what it is and what was expected, for a file that is
    not TOML, an experiment without name or seeds, a setting no run has or of another type, or a run listed twice.
    """
    try:
        plan = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not TOML: {error}.") from error
    try:
        unknown = set(plan) - {"defaults", "experiment"}
        if unknown:
            raise ValueError(f"unknown key {', '.join(sorted(unknown))}; expected [defaults] and [[experiment]].")
        defaults, experiments = plan.get("defaults", {}), plan.get("experiment", [])
        check_type("defaults", defaults, dict)
        if not (isinstance(experiments, list) and all(isinstance(experiment, dict) for experiment in experiments)):
            raise ValueError(f"experiment: got {experiments!r}, expected tables, each headed [[experiment]].")
        runs = [run for experiment in experiments for run in runs_of(defaults | experiment)]
        names = [run.name for run in runs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice or not runs:
            raise ValueError(
                "expected runs with different names, got "
                f"{'twice ' + ', '.join(twice) if twice else 'no [[experiment]] at all'}."
            )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return runs


def runs_of(experiment):
    """The runs of one experiment, a dict of its keys. Raises ValueError as `load_plan`."""
    settings = {field.name for field in fields(Run)} - {"name", "experiment", "seed"}
    if "name" not in experiment:
        raise ValueError(f"an experiment needs a name, got {experiment}.")
    name = experiment["name"]
    check_name("name", name)
    unknown = set(experiment) - settings - {"name", "seeds"}
    if unknown:
        raise ValueError(
            f"experiment {name!r}: unknown setting {', '.join(sorted(unknown))}; a run has "
            f"{', '.join(sorted(settings))}."
        )
    chosen = {key: value for key, value in experiment.items() if key in settings}
    seeds, weights = experiment.get("seeds", []), chosen.pop("save_weights", [])
    for key, value in (("seeds", seeds), ("save_weights", weights)):
        if not (isinstance(value, list) and all(type(seed) is int and seed >= 0 for seed in value)):
            raise ValueError(
                f"experiment {name!r}: {key}: got {value!r}, expected a list of seeds, whole numbers from 0 on."
            )
    if not seeds:
        raise ValueError(f"experiment {name!r}: seeds: got none, expected a list of seeds with at least one.")
    if isinstance(chosen.get("schedule"), list):
        chosen["schedule"] = tuple(chosen["schedule"])
    return [Run(f"{name}-{seed}", name, seed, save_weights=seed in weights, **chosen) for seed in seeds]


def split(run):
    """(training digits, digits to evaluate on) of a run.

    With `held_out`, both come from the training set and the test set is not even loaded: the split is one for
    all runs, so that choices compare like with like.
    """
    train = load_digits("train", dataset=run.dataset)
    if run.held_out:
        if run.held_out >= len(train):
            raise ValueError(f"{run.name}: {run.held_out} patterns to hold out, there are {len(train)} in all.")
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
