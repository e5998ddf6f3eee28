"""Why does a run go astray? The first passes of one run of the plan again, with a look into the network as it learns.

    python studies/astray.py distorted-j-5-7 --passes 2                         as it was
    python studies/astray.py distorted-j-5-7 --passes 2 --change renewed        h every 1,000 patterns
    python studies/astray.py distorted-j-5-7 --passes 2 --change kept           pass 2 goes on with the h of pass 1
    python studies/astray.py distorted-j-5-7 --passes 2 --change slower         eta 2e-4 from pass 2 on

Writes results/astray/<run>-<change>.json: a row every 1,000 patterns, with the training error since the row before, and
for each layer how far an update reaches, eta h / (mu + h used), where h is estimated at that moment and "h used" is the
optimizer's. 1 is Newton's step along that weight; from 2 on a step makes the error larger, if the diagonal is all.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

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
EVERY = 1000  # patterns between two rows
SHARE = 0.99  # of a layer's weights whose reach is at most the one shown


class Watch:
    """A callback of `fit` that writes down how the network stands every 1,000 patterns."""

    def __init__(self, model, loss, optimizer, sample, keep):
        self.model, self.loss, self.optimizer, self.keep = model, loss, optimizer, keep
        self.x, self.labels = to_input(sample.images), sample.labels
        self.rows, self.wrong, self.first = [], 0, None

    def __call__(self, now):
        state = self.optimizer.state
        named = dict(zip(self.optimizer.names(), self.optimizer.param_groups[0]["params"], strict=True))
        if self.first is None:
            self.first = {name: state[parameter]["h"].clone() for name, parameter in named.items()}
        if self.keep and now.pass_index == 1 and now.patterns <= EVERY:
            self.optimizer.set_curvature(self.first)
        if now.patterns % EVERY:
            return
        wrong = round(now.train_error * now.patterns / 100)
        h = estimate_curvature(self.model, self.loss, self.x, self.labels)
        rates = self.optimizer.rates()
        reach = {name: (rates[name] * h[name]).quantile(SHARE).item() for name in named}
        spread = {name: value.std().item() for name, value in self.model.states(self.x).items()}
        before = self.wrong if now.patterns > EVERY else 0
        self.rows.append(
            {
                "patterns": now.pass_index * now.total + now.patterns,
                "training error": 100 * (wrong - before) / EVERY,
                "reach": reach,
                "spread": spread,
                "h": {name: value.median().item() for name, value in h.items()},
            }
        )
        self.wrong = wrong


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
    looks = Watch(model, loss, optimizer, train.subset(slice(0, 500)), change == "kept")
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
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--change", choices=("none", "renewed", "kept", "slower"), default="none")
    options = parser.parse_args()
    found = watch(options.run, options.passes, options.change)
    path = RESULTS / "astray" / f"{options.run}-{options.change}.json"
    path.parent.mkdir(exist_ok=True)
    short = json.loads(json.dumps(found), parse_float=lambda digits: float(f"{float(digits):.6g}"))
    text = json.dumps(short).replace('{"patterns"', '\n{"patterns"') + "\n"
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    print(f"{options.run}, {options.change}: training error of each pass {found['training error of each pass']}")


if __name__ == "__main__":
    main()
