"""What a study found on single questions, as Markdown tables: optimizers, Fig. 5, runs that went astray, a cluster."""

import json

import numpy as np

from ..paper import FIG5_TEST, FIG5_TRAIN
from .compare import compare_runs
from .optimizers import CONTENDERS, PUBLISHED, raced
from .read import distance_to_fig5
from .tables import by_seed, estimate, table

CURVES = {  # experiments whose curves stand beside those of Fig. 5, and what each changes
    "regular": "h once a pass, j = 10",
    "regular-j-5": "j = 5",
    "j-2.5": "j = 2.5",
    "j-20": "j = 20",
    "mse": "MSE (Eq. 8)",
    "scale-1": "penalty scale 1, j = 20",
    "paper-init": "first weights of App. A, h a running average in pass 1",
    "renewed": "h every 1,000 patterns",
    "renewed-j-5": "h every 1,000 patterns, j = 5",
    "gentle": "the same, no eta above 0.0002",
    "sgd": "plain SGD, rate 0.0003",
    "best-sgd": "plain SGD, rate 0.001",
    "curve-mu-0.005": "j = 5, mu = 0.005",
    "curve-mu-0.08": "j = 5, mu = 0.08",
    "curve-noise": "j = 5, distorted by a quarter of strength 1",
    "curve-noise-longer": "the same, twenty passes",
}
AFTER, SHORT = (3, 4, 6, 8, 12, 20), 8  # passes at which they are compared, and passes of the short ones
MILESTONES = (2, 5, 10, 20)  # passes after which optimizers are compared
WENT_ASTRAY = {  # experiments of which runs went astray, and these runs
    "scale-1": ("scale-1-0",),
    "distorted-j-5": ("distorted-j-5-7",),
    "strength-4-renewed": ("strength-4-renewed-11",),
    "margin-20-scale-1-renewed": ("margin-20-scale-1-renewed-11", "margin-20-scale-1-renewed-12"),
}
CHANGED = {  # by studies/astray.py
    "none": "nothing",
    "renewed": "h every 1,000 patterns",
    "slower": "eta 0.0002 from pass 2 on",
    "kept": "the first h kept",
} | {f"kept-{layer}": f"the first h kept in {layer.upper()}" for layer in ("c1", "s2", "c3", "s4", "c5", "f6")}


def rates_table(study):
    """A row an optimizer: the held-out error of the short run of each rate, the lowest in bold."""
    rows = []
    for each in raced(study):
        errors = {rate: study.errors(each.experiment(rate)).min(initial=np.inf) for rate in each.rates}
        cells = []
        for rate, error in errors.items():
            said = f"{rate}: " + (f"{error:.2f}" if np.isfinite(error) else "diverged")
            cells.append(f"**{said}**" if error == min(errors.values()) else said)
        rows.append((each.text, "; ".join(cells), each.rate))
    return table(["optimizer", "held-out error by rate", "rate of the twenty passes"], rows)


def optimizers_table(study):
    """A row an optimizer: test error on the way through twenty passes and at their end, beside both ways of SDLM."""
    rows = []
    for each in (each for each in CONTENDERS if study.runs(each.long)):
        curves = study.curves(each.long)
        cells = [f"{curves[:, after - 1].mean():.2f}" for after in MILESTONES[:-1]]
        cells += [estimate(curves[:, -1]), by_seed(curves[:, -1])]
        for rival in (rival for rival in CONTENDERS if rival.rate == PUBLISHED):
            alone = rival == each or not study.runs(rival.long)
            cells.append("-" if alone else compare_runs(study, each.long, rival.long))
        rows.append((f"{each.text}, {each.rate}", len(curves), *cells))
    header = ["optimizer, first rate", "n", *(f"after {after}" for after in MILESTONES), "by seed"]
    return table([*header, "minus SDLM, h once a pass", "minus SDLM, h every 1,000"], rows)


def curves_table(study, key):
    """A row an experiment of CURVES: how far its mean curve lies above that of Fig. 5, below where negative.

    key: "train_error" or "error", as in `Study.curves`. The last columns are root mean squares from pass 3 on, over the
    passes that every experiment has and over all of its own.
    """
    published, rows = {"train_error": FIG5_TRAIN, "error": FIG5_TEST}[key], []
    for name, change in CURVES.items():
        curves = study.curves(name, key)
        passes = curves.shape[1] if len(curves) else 0
        if passes >= SHORT:
            mean = curves.mean(0)
            gaps = [f"{mean[after - 1] - published[after]:+.2f}" if after <= passes else "-" for after in AFTER]
            distances = [f"{distance_to_fig5(part, published):.3f}" for part in (curves[:, :SHORT], curves)]
            rows.append((f"`{name}`", change, len(curves), *gaps, *distances))
    header = ["experiment", "what is changed", "n", *(f"pass {after}" for after in AFTER)]
    return table([*header, f"rms to pass {SHORT}", "rms to the last"], rows)


def looks(study):
    """What studies/astray.py wrote of the first passes of runs, by run and change."""
    paths = sorted((study.folder / "astray").glob("*.json"))
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return {(look["run"], look["change"]): look for look in found}


def saturation_table(study):
    """A row a look: where in it the share of C5's saturated states rose most, C3's beside it, and C5's in the end. Runs
    that went astray in bold."""
    rows = []
    for (run, change), look in looks(study).items():
        steps = look["rows"]
        saturated = {layer: np.array([step["saturated"][layer] for step in steps]) for layer in ("c3", "c5")}
        at = int(np.diff(saturated["c5"]).argmax())
        shares = [f"{share[at]:.0f} to {share[at + 1]:.0f}" for share in saturated.values()]
        errors = ", ".join(f"{error:.1f}" for error in look["training error of each pass"])
        when = f"{steps[at]['patterns']:,} to {steps[at + 1]['patterns']:,}"
        name = f"**{run}**" if change == "none" and run in sum(WENT_ASTRAY.values(), ()) else run
        rows.append((name, CHANGED[change], errors, when, *shares, f"{saturated['c5'][-1]:.0f}"))
    header = ["run", "changed", "training error by pass", "largest rise in C5, patterns", "C3", "C5", "C5 in the end"]
    return table(header, rows)


def cluster_tables(found):
    """What studies/cluster.py measured, as it wrote it: a row for each size of run and number of workers, and what
    becomes of a study whose worker or scheduler is killed."""
    rows = []
    for name in ("small", "real"):
        size = found.get(name, {})
        for workers, cost in ((key, cost) for key, cost in size.items() if key.endswith(" workers")):
            runs = f"{size['runs']} of {size['patterns']:,} patterns, {size['passes']} passes"
            scheduler = cost.get("CPU seconds of the scheduler")
            each = "-" if scheduler is None else f"{scheduler / size['runs']:.2f}"
            cells = cost["CPU seconds of the study"], cost.get("CPU seconds of the workers", "-")
            rows.append((runs, workers, cost["seconds"], cost["patterns a second and worker"], each, *cells))
    header = ["runs", "on", "seconds", "patterns a second and worker", "scheduler, CPU s a run", "study, CPU s"]
    killed = {victim: found[f"{victim} killed"] for victim in ("worker", "scheduler") if f"{victim} killed" in found}
    ends = [(victim, *outcome.values()) for victim, outcome in killed.items()]
    names = list(next(iter(killed.values()), {}))
    machine = f"{found['machine']}; {found['other work']}. On 0 workers: one run after another, without Dask."
    tables = [table([*header, "workers, CPU s"], rows), table(["killed on two workers", *names], ends) if ends else ""]
    return [machine, *tables]
