"""What it costs to spread a study over a Dask cluster, and what the death of a worker and of the scheduler undoes.

    python studies/cluster.py

starts schedulers and workers on this machine, each worker a process with one thread, trains small runs on
scikit-learn's digits on them, and writes results/cluster.json. A few minutes; other work on the machine shows in it.
"""

import contextlib
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATTERNS, PASSES, RUNS = 1400, 12, 8
PATIENCE = 180  # seconds for a study that has lost its scheduler
WORKERS = (1, 2, 4)
THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}


def plan_of(runs, patterns, passes):
    """The text of a plan: as many runs, by seeds 0, 1, ..."""
    settings = f'dataset = "sklearn"\npatterns = {patterns}\npasses = {passes}\nsave_penalties = true\n'
    return f'[[experiment]]\nname = "run"\nseeds = {list(range(runs))}\n{settings}'


class Cluster:
    """A Dask scheduler and workers on this machine, each a process with one thread, that a caller may kill."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"

    def begin(self, workers):
        """Start a scheduler and so many workers, and wait until they have joined."""
        from dask.distributed import Client

        self.scheduler = self.start("scheduler", "--port", str(self.port))
        self.workers = [self.start_worker() for _ in range(workers)]
        with Client(self.address, timeout=PATIENCE) as client:
            client.wait_for_workers(workers, timeout=PATIENCE)

    def start(self, *words):
        command = [sys.executable, "-m", "dask", *words, "--host", "127.0.0.1", "--no-dashboard"]
        log = open(self.folder / f"log-{len(self.processes)}.txt", "w", encoding="utf-8")
        environment = os.environ | THREADS | {"PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def start_worker(self):
        return self.start("worker", self.address, "--nthreads", "1", "--no-nanny")

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


def study(folder, *options):
    """The process of a study of folder/plan.toml, whose lines go to folder/study.txt."""
    command = [sys.executable, "-m", "lenet_helpers", "study", "--plan", "plan.toml", *options]
    output = open(folder / "study.txt", "w", encoding="utf-8")
    environment = os.environ | THREADS | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)


def records(folder):
    """The records of a study's runs, by name."""
    paths = (folder / "results" / "runs").glob("*.json")
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def numbers(folder):
    """What must not depend on where a run was trained: the errors of each run's passes and its losses."""
    keys = ("error", "train_error", "train_loss")
    return {name: [[row[key] for key in keys] for row in run["passes"]] for name, run in records(folder).items()}


def timed(folder, plan, workers):
    """Seconds of a whole study, its start included, on this many Dask workers, or on none: one run after another."""
    folder.mkdir()
    (folder / "plan.toml").write_text(plan, encoding="utf-8")
    with contextlib.closing(Cluster(folder)) as cluster:
        options = ["--jobs", "1"]
        if workers:
            cluster.begin(workers)
            options = ["--scheduler", cluster.address]
        start = time.perf_counter()
        if study(folder, *options).wait():
            raise RuntimeError((folder / "study.txt").read_text(encoding="utf-8"))
        return time.perf_counter() - start


def begun(folder):
    """Wait until a run of the study has two passes behind it and none has ended."""
    checkpoints = folder / "build" / "study"
    while len(list(checkpoints.glob("*/*.safetensors"))) < 2:
        time.sleep(0.1)
    time.sleep(3)


def killed(folder, plan, victim, alone):
    """Kill "worker" or "scheduler" in the middle of a study on two workers, and see what comes of it.

    Another worker joins where one was killed; where the scheduler was, all is started again, the study too. alone:
    `numbers` of the same plan without a cluster. Returns a dict of what happened, and in how many seconds.
    """
    folder.mkdir()
    (folder / "plan.toml").write_text(plan, encoding="utf-8")
    with contextlib.closing(Cluster(folder)) as cluster:
        cluster.begin(2)
        options = "--scheduler", cluster.address
        start = time.perf_counter()
        process = study(folder, *options)
        begun(folder)
        if victim == "worker":
            cluster.workers[0].kill()
            cluster.start_worker()
        else:
            cluster.scheduler.kill()
        try:
            ended = f"exit status {process.wait(PATIENCE)}"
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            ended = f"still waiting after {PATIENCE} s, ended by hand"
        finished = len(records(folder))
        if finished < RUNS:
            cluster.close()  # workers that have lost their scheduler
            cluster.begin(2)
            if study(folder, *options).wait():
                raise RuntimeError((folder / "study.txt").read_text(encoding="utf-8"))
        seconds = time.perf_counter() - start
    same = numbers(folder) == alone
    return {"study": ended, "runs finished by it": finished, "seconds in all": seconds, "numbers as without": same}


def main():
    found = {"machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores", "runs": RUNS}
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        small, plan = plan_of(4 * RUNS, 100, 1), plan_of(RUNS, PATTERNS, PASSES)
        for name, text in (("small", small), ("plan", plan)):
            for workers in (0, *WORKERS):
                found[f"{name}, {workers} workers, s"] = timed(here / f"{name}-{workers}", text, workers)
                print(f"{name}, {workers} workers: {found[f'{name}, {workers} workers, s']:.1f} s", flush=True)
        alone = numbers(here / "plan-0")
        for workers in WORKERS:
            if numbers(here / f"plan-{workers}") != alone:
                raise RuntimeError(f"{workers} workers give other numbers than none.")
        for victim in ("worker", "scheduler"):
            found[f"{victim} killed"] = killed(here / f"killed-{victim}", plan, victim, alone)
            print(victim, found[f"{victim} killed"], flush=True)
    path = ROOT / "results" / "cluster.json"
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
