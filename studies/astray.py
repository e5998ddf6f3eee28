"""Why does a run go astray? The first passes of one run of the plan again, with a look into the network as it learns.

    python studies/astray.py distorted-j-5-7                       as it was
    python studies/astray.py distorted-j-5-7 --change renewed      h every 1,000 patterns
    python studies/astray.py distorted-j-5-7 --change slower       eta 2e-4 from pass 2 on
    python studies/astray.py distorted-j-5-7 --change kept         goes on with its first h
    python studies/astray.py scale-1-0 --change kept-c5            goes on with its first h in one layer

Writes results/astray/<run>-<change>.json: a row every 1,000 patterns in the first 5,000 of a pass, every 5,000 after.
Of each row: the training error since the row before, and on 500 patterns how far an update reaches, eta h / (mu + h
used), where h is that of the moment and "h used" the optimizer's (1 is Newton's step along that weight; from 2 on a
step makes the error larger, if the diagonal is all); the share of each layer's states that are saturated; the two
classes confused most; the median h of each kind of weight.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import torch

from lenet_helpers.data.digits import to_input
from lenet_helpers.data.distort import Distortion
from lenet_helpers.files import write_whole
from lenet_helpers.model import LeNet5
from lenet_helpers.schedules import SCHEDULES
from lenet_helpers.sdlm import estimate_curvature
from lenet_helpers.study.plan import load_plan, split
from lenet_helpers.study.read import RESULTS
from lenet_helpers.training.choices import loss_named, optimizer_named
from lenet_helpers.training.loop import fit, threads

ROOT = Path(__file__).resolve().parents[1]
EVERY, FIRST = 1000, 5000  # patterns between two rows, up to so many of a pass; then as many as these
LAYERS = ("c1", "s2", "c3", "s4", "c5", "f6")
CHANGES = ("none", "renewed", "slower", "kept", *(f"kept-{layer}" for layer in LAYERS))
SATURATED = 1.5  # a state beyond it: there the squash is less than a quarter as steep as in the middle
SHARE = 0.99  # of a layer's weights whose reach is at most the one shown


class Watch:
    """A callback of `fit` that writes down how the network stands, row by row."""

    def __init__(self, model, loss, optimizer, sample):
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.x, self.labels = to_input(sample.images), sample.labels
        self.rows, self.wrong, self.patterns = [], 0, 0

    def __call__(self, now):
        if now.patterns % (EVERY if now.patterns <= FIRST else FIRST):
            return
        wrong = round(now.train_error * now.patterns / 100)
        h = estimate_curvature(self.model, self.loss, self.x, self.labels)
        rates = self.optimizer.rates()
        reach = {name: (rates[name] * value).quantile(SHARE).item() for name, value in h.items()}
        states = self.model.states(self.x)
        squashed = {name: state.abs() > SATURATED for name, state in states.items() if name in LAYERS}
        before, since = (self.wrong, self.patterns) if now.patterns > EVERY else (0, 0)
        self.rows.append(
            {
                "patterns": now.pass_index * now.total + now.patterns,
                "training error": 100 * (wrong - before) / (now.patterns - since),
                "reach": reach,
                "saturated": {name: 100 * share.double().mean().item() for name, share in squashed.items()},
                "confused": confused(states["penalties"].argmin(1), self.labels),
                "h": {name: value.median().item() for name, value in h.items()},
            }
        )
        self.wrong, self.patterns = wrong, now.patterns


def confused(answers, labels):
    """The two classes that are taken for each other most: a class, the answer, percent of the class answered so."""
    table = torch.bincount(10 * labels + answers, minlength=100).view(10, 10).double()
    shares = 100 * (table / table.sum(1, keepdim=True)).fill_diagonal_(0)
    share, place = shares.flatten().max(0)
    return [*divmod(place.item(), 10), share.item()]


def keep_first(optimizer, layers):
    """Let an SDLM go on with its first h in these layers, whatever is estimated later."""
    first, set_curvature = {}, optimizer.set_curvature

    def set_some(h):
        first.update(first or {name: value.clone() for name, value in h.items() if name.partition(".")[0] in layers})
        set_curvature(h | first)

    optimizer.set_curvature = set_some


def watch(name, passes, change):
    """The rows of a run's first passes under a change, and its training error in each. The test set stays out."""
    (run,) = [run for run in load_plan(ROOT / "studies" / "paper.toml") if run.name == name]
    if change == "renewed":
        run = replace(run, curvature_every=EVERY)
    schedule = SCHEDULES[run.schedule] if isinstance(run.schedule, str) else run.schedule
    if change == "slower":
        schedule = (schedule[0], *(min(eta, 2e-4) for eta in schedule[1:]))
    train = split(run)[0]
    model, loss = LeNet5(run.init, run.rbf_scale, run.seed), loss_named(run.loss, run.j)
    optimizer = optimizer_named(run.optimizer, model, run.rate, run.momentum, run.mu)
    if change.startswith("kept"):
        keep_first(optimizer, LAYERS if change == "kept" else [change.removeprefix("kept-")])
    looks = Watch(model, loss, optimizer, train.subset(slice(0, 500)))
    distort = Distortion(**run.distortion) if run.distortion else None
    with threads(1):
        history = fit(
            model, train, loss=loss, passes=passes, schedule=schedule, seed=run.seed, optimizer=optimizer,
            curvature=run.curvature, gamma=run.gamma, curvature_every=run.curvature_every, distort=distort,
            progress=False, callback=looks,
        )  # fmt: skip
    errors = [row["train_error"] for row in history.passes]
    return {"run": name, "change": change, "training error of each pass": errors, "rows": looks.rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a run of studies/paper.toml")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--change", choices=CHANGES, default="none")
    options = parser.parse_args()
    found = watch(options.run, options.passes, options.change)
    path = RESULTS / "astray" / f"{options.run}-{options.change}.json"
    path.parent.mkdir(exist_ok=True)
    short = json.loads(json.dumps(found), parse_float=lambda digits: float(f"{float(digits):.4g}"))
    text = json.dumps(short).replace('{"patterns"', '\n{"patterns"') + "\n"
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    print(f"{options.run}, {options.change}: training error of each pass {found['training error of each pass']}")


if __name__ == "__main__":
    main()
