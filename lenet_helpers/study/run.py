"""Many runs from one plan: each run a unit that is resumed, never repeated, and ends as one JSON file.

joblib spreads the runs over the cores of one machine, Dask over those of many, one thread each, in plan order.
What a run leaves behind is read by `lenet_helpers.study.read`; nothing here compares or draws.
"""

import fnmatch
import json
import os
import subprocess
import time
from concurrent.futures import CancelledError
from datetime import UTC, datetime
from pathlib import Path

import joblib
import torch

from ..data.distort import Distortion
from ..evaluation import evaluate
from ..files import save_tensors, write_whole
from ..model import LeNet5
from ..schedules import SCHEDULES
from ..training.choices import loss_named, optimizer_named
from ..training.history import versions
from ..training.loop import DivergenceError, error_rate, fit, threads
from ..weights import save_weights
from .plan import load_plan, split
from .processes import alone, end_with
from .read import read_record


class StudyError(RuntimeError):
    """Some runs of a study failed; those that finished are kept."""


def train_run(run, build, command, study=None):
    """Train one run, going on from its checkpoint under `build` if there is one.

    study: id of the process, on this machine, that this one is to end with.
    Returns a dict: "record" (what results/runs/<name>.json holds), and, where the run keeps them, "outputs"
    (tensors) and "weights" (a state dict). A failure of the run itself is returned as "failure", one line, so
    that one run cannot end the others'.
    """
    if study is not None:
        end_with(study)
    with threads(1):  # runs share the cores, and the bits depend on the thread count
        try:
            with alone(Path(build) / run.name):
                return _train(run, Path(build), command)
        except Exception as error:
            return {"failure": f"{run.name}: {type(error).__name__}: {error}"}


def git_commit():
    """Commit of the code in use, and "+changes" if the package's files differ from it; else "unknown"."""

    def git(*words):
        folder = Path(__file__).parents[1]
        return subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True).stdout

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".").strip()
        return git("rev-parse", "HEAD").strip() + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _train(run, build, command):
    """Train and judge one run, to the dict of `train_run`."""
    started = time.perf_counter()
    train, judge = split(run)
    model = LeNet5(init=run.init, rbf_scale=run.rbf_scale, seed=run.seed)
    try:
        history = fit(
            model,
            train,
            judge,
            loss=loss_named(run.loss, run.j),
            passes=run.passes,
            seed=run.seed,
            schedule=SCHEDULES[run.schedule] if isinstance(run.schedule, str) else run.schedule,
            optimizer=optimizer_named(run.optimizer, model, run.rate, run.momentum, run.mu),
            curvature=run.curvature,
            gamma=run.gamma,
            curvature_every=run.curvature_every,
            distort=Distortion(**run.distortion) if run.distortion else None,
            progress=False,
            command=command,
            checkpoint=Path(build) / run.name / f"{run.digest()}.safetensors",
            callback=PassLines(run.name),
        )
    except DivergenceError as error:
        return {"record": describe(run, train, judge, command) | {"error": None, "diverged": str(error)}}
    report = evaluate(model.eval(), judge)
    record = describe(run, train, judge, command) | {
        "error": report.error_rate,
        "macro_f1": report.macro_f1,
        "per_digit_f1": list(report.per_digit_f1),
        "rejection": report.rejection,
        "wrong": report.wrong.tolist(),
        "confusion": report.confusion.tolist(),
        "passes": [
            {"error" if key == "test_error" else key: value for key, value in row.items()} for row in history.passes
        ],
        "train_error_after": error_rate(model, train),
        "seconds": history.seconds,
    }
    print(
        f"{run.name}: {run.passes} passes, {record['evaluated_on']} error {report.error_rate:.2f}%, "
        f"{(time.perf_counter() - started) / 60:.1f} min",
        flush=True,
    )
    finished = {"record": record}
    if run.save_penalties:
        finished["outputs"] = {"penalties": report.penalties.half(), "labels": judge.labels.to(torch.uint8)}
        if run.save_weights:
            finished["outputs"]["wrong_images"] = judge.images[report.wrong]
    if run.save_weights:
        finished["weights"] = model.state_dict()
    return finished


def describe(run, train, judge, command):
    """The part of a run's record that is known whatever comes of it."""
    return {
        "name": run.name,
        "experiment": run.experiment,
        "configuration": run.configuration(),
        "configuration_hash": run.digest(),
        "data": train.source,
        "patterns": len(train),
        "evaluated_on": "held-out" if run.held_out else "test",
        "evaluated_patterns": len(judge),
        "versions": versions(),
        "threads": torch.get_num_threads(),
        "git_commit": git_commit(),
        "command": command,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


class PassLines:
    """A callback of `fit`: one line as each pass ends, with the time the run still needs."""

    def __init__(self, name):
        self.name, self.seen = name, 0

    def __call__(self, progress):
        passes = progress.history.passes
        if len(passes) > self.seen:
            self.seen, last = len(passes), passes[-1]
            left = last["seconds"] * (progress.passes - last["pass"]) / 60
            print(
                f"{self.name}: pass {last['pass']}/{progress.passes}, "
                f"training error {last['train_error']:.2f}%, "
                f"error {last['test_error']:.2f}%, {last['seconds']:.0f} s, about {left:.0f} min left",
                flush=True,
            )


def run_study(plan_path, scheduler=None, jobs=None, only=None, results="results", build="build/study"):
    """Train the runs of a plan that are not finished, several at a time; return the names of those trained.

    scheduler: address of a Dask scheduler (tcp://host:port) whose workers train the runs; each needs the
    digits ($LENET_DATA) and one thread (`dask worker ... --nthreads 1`). jobs: runs at a time on this
    machine, all its cores by default; their processes end when this one does, however it ends. only: a pattern
    such as "regular-*" for the names of the runs to train. results: where records go. build: where checkpoints
    go, seen from each worker's current folder.

    A run is finished when its record in `results` carries the plan's configuration. Raises ValueError for a
    plan or a record that cannot be read or a pattern that fits no run; StudyError, after all others have
    ended, for runs that failed.
    """
    runs = [run for run in load_plan(plan_path) if fnmatch.fnmatch(run.name, only or "*")]
    if not runs:
        raise ValueError(f"{plan_path}: no run is called {only!r}.")
    results = Path(results)
    pending = [run for run in runs if not is_finished(run, results)]
    print(
        f"{plan_path}: {len(runs)} runs, {len(runs) - len(pending)} finished, {len(pending)} to train",
        flush=True,
    )
    command = f"python -m lenet_helpers study --plan {Path(plan_path).as_posix()}"
    failures = []
    works = [(run, str(build), f"{command} --only {run.name}") for run in pending]
    trained = on_this_machine(works, jobs) if scheduler is None else on_cluster(works, scheduler)
    for count, outcome in enumerate(trained, start=1):
        if "failure" in outcome:
            failures.append(outcome["failure"])
        else:
            store(outcome, results)
        print(f"study: {count} of {len(pending)} done", flush=True)
    if failures:
        raise StudyError("\n".join([f"{len(failures)} of {len(pending)} runs failed; the others are kept.", *failures]))
    return [run.name for run in pending]


def is_finished(run, results):
    """Whether `results` holds the record of this run with this configuration."""
    path = results / "runs" / f"{run.name}.json"
    return path.is_file() and read_record(path)["configuration_hash"] == run.digest()


def on_this_machine(works, jobs):
    """What `train_run` returns for each of `works`, its arguments, as it comes: in processes that end with this one."""
    spread = joblib.Parallel(n_jobs=jobs or -1, batch_size=1, return_as="generator_unordered")
    return spread(joblib.delayed(train_run)(*work, os.getpid()) for work in works)


def on_cluster(works, scheduler):
    """The same, by the workers of the Dask scheduler at this address, however many there are and whenever they join.

    Raises StudyError where the scheduler goes away.
    """
    from dask.distributed import Client, as_completed

    with Client(scheduler) as client:
        futures = [client.submit(train_run, *work, pure=False) for work in works]
        for future in as_completed(futures):
            try:
                yield future.result()
            except CancelledError as error:
                raise StudyError(
                    f"the Dask scheduler at {scheduler} is gone. Start it and its workers again, then the same study: "
                    "finished runs are kept, the others go on from their checkpoints."
                ) from error


def store(outcome, results):
    """Write what a run left, the record last, so that a record means all is there."""
    record = outcome["record"]
    facts = {"source": record["data"], "command": record["command"], "git_commit": record["git_commit"]}
    if "outputs" in outcome:
        save_tensors(results / "outputs" / f"{record['name']}.safetensors", outcome["outputs"], facts)
    if "weights" in outcome:
        configuration = record["configuration"]
        model = LeNet5(configuration["init"], configuration["rbf_scale"], configuration["seed"])
        model.load_state_dict(outcome["weights"])
        save_weights(model, results / "weights" / f"{record['name']}.safetensors", **facts)
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items())
    text = f"{{\n{lines}\n}}\n"
    write_whole(results / "runs" / f"{record['name']}.json", lambda path: path.write_text(text, encoding="utf-8"))
