"""What it costs to spread a study over a Dask cluster, and what the death of a worker and of the scheduler undoes.

    python studies/cluster.py

starts schedulers and workers on this machine, each worker a process with one thread, trains small runs on
scikit-learn's digits on them, and writes results/cluster.json, of which `make results` makes tables. Some six minutes
on two idle cores. Seconds are those of the clock, in which other work on the machine shows; CPU seconds count what the
processes themselves did. Linux and macOS.
"""

import contextlib
import json
import math
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from dask.distributed import Client

from lenet_helpers.files import write_whole
from lenet_helpers.study.read import RESULTS

ROOT = Path(__file__).resolve().parents[1]
RUNS, PATTERNS, PASSES = 8, 1400, 10
SMALL = 16  # runs of 100 patterns, which leave little but what spreading them costs
WORKERS = (1, 2, 4)
PATIENCE = 180  # seconds for a cluster to come up, or for a study that has lost its scheduler
THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
ENVIRONMENT = os.environ | THREADS | {"PYTHONPATH": str(ROOT)}


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
        self.scheduler = self.start("scheduler", "--port", str(self.port))
        self.workers = [self.start_worker() for _ in range(workers)]
        with Client(self.address, timeout=PATIENCE) as client:
            client.wait_for_workers(workers, timeout=PATIENCE)

    def start_worker(self):
        return self.start("worker", self.address, "--nthreads", "1", "--no-nanny")

    def start(self, *words):
        command = [sys.executable, "-m", "dask", *words, "--host", "127.0.0.1", "--no-dashboard"]
        with open(self.folder / f"log-{len(self.processes)}.txt", "w", encoding="utf-8") as log:
            self.processes.append(subprocess.Popen(command, cwd=self.folder, env=ENVIRONMENT, stdout=log, stderr=log))
        return self.processes[-1]

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


class Study:
    """One study in its own folder: its plan, its process, and the records it leaves."""

    def __init__(self, folder, runs, patterns, passes):
        self.folder = folder
        folder.mkdir()
        settings = f'dataset = "sklearn"\npatterns = {patterns}\npasses = {passes}\n'
        text = f'[[experiment]]\nname = "run"\nseeds = {list(range(runs))}\n{settings}'
        (folder / "plan.toml").write_text(text, encoding="utf-8")

    def start(self, *options):
        command = [sys.executable, "-m", "lenet_helpers", "study", "--plan", "plan.toml", *options]
        with open(self.folder / "study.txt", "w", encoding="utf-8") as output:
            return subprocess.Popen(command, cwd=self.folder, env=ENVIRONMENT, stdout=output, stderr=output)

    def train(self, *options):
        """Train to the end; CPU seconds of the study's own process. RuntimeError, with its words, where it fails."""
        process = self.start(*options)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError((self.folder / "study.txt").read_text(encoding="utf-8"))
        return usage.ru_utime + usage.ru_stime

    def begun(self):
        """Wait until two runs have begun, and some seconds more."""
        while len(list((self.folder / "build" / "study").glob("*/*.safetensors"))) < 2:
            time.sleep(0.1)
        time.sleep(3)

    def records(self):
        paths = sorted((self.folder / "results" / "runs").glob("*.json"))
        return [json.loads(path.read_text(encoding="utf-8")) for path in paths]

    def numbers(self):
        """What must not depend on where a run was trained: errors and losses of its passes, by name."""
        keys = ("error", "train_error", "train_loss")
        return {run["name"]: [[row[key] for key in keys] for row in run["passes"]] for run in self.records()}


def measured(study, workers, presentations):
    """Seconds and CPU seconds of a whole study on this many Dask workers, or on none: one run after another.

    presentations: of patterns, in all its runs together; so many a second and a worker is the throughput.
    """
    with contextlib.closing(Cluster(study.folder)) as cluster:
        options = ("--jobs", "1")
        if workers:
            cluster.begin(workers)
            options = ("--scheduler", cluster.address)
        watched = [psutil.Process(process.pid) for process in cluster.processes]
        before = [cpu_seconds(process) for process in watched]
        start = time.perf_counter()
        own = study.train(*options)
        seconds = time.perf_counter() - start
        spent = [cpu_seconds(process) - earlier for process, earlier in zip(watched, before, strict=True)]
    found = {
        "seconds": seconds,
        "patterns a second and worker": presentations / seconds / max(workers, 1),
        "CPU seconds of the study": own,
    }
    if workers:
        found |= {"CPU seconds of the scheduler": spent[0], "CPU seconds of the workers": sum(spent[1:])}
    return {name: round(value, 2) for name, value in found.items()}


def cpu_seconds(process):
    times = process.cpu_times()
    return times.user + times.system


def killed(study, victim):
    """Kill "worker" or "scheduler" in the middle of a study on two workers; a dict of what comes of it.

    Another worker joins where one was killed; where the scheduler was, all is started again, the study too.
    """
    with contextlib.closing(Cluster(study.folder)) as cluster:
        cluster.begin(2)
        options = ("--scheduler", cluster.address)
        start = time.perf_counter()
        process = study.start(*options)
        study.begun()
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
        finished = len(study.records())
        if finished < RUNS:
            cluster.close()  # workers that have lost their scheduler
            cluster.begin(2)
            study.train(*options)
        seconds = round(time.perf_counter() - start, 2)
    return {"study": ended, "runs finished by it": finished, "seconds in all": seconds}


def main():
    found = {"machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"}
    found["other work"] = f"{os.getloadavg()[0]:.1f} processes waiting or running when it began"
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        for name, size in (("small", (SMALL, 100, 1)), ("real", (RUNS, PATTERNS, PASSES))):
            found[name] = {"runs": size[0], "patterns": size[1], "passes": size[2]}
            for workers in (0, *WORKERS):
                study = Study(here / f"{name}-{workers}", *size)
                found[name][f"{workers} workers"] = measured(study, workers, math.prod(size))
                write(found)
                print(name, workers, found[name][f"{workers} workers"], flush=True)
                if not workers:
                    alone = study.numbers()
                elif study.numbers() != alone:
                    raise RuntimeError(f"{workers} workers give other numbers than none.")
        for victim in ("worker", "scheduler"):
            study = Study(here / f"killed-{victim}", RUNS, PATTERNS, PASSES)
            found[f"{victim} killed"] = killed(study, victim) | {"numbers as without": study.numbers() == alone}
            write(found)
            print(victim, found[f"{victim} killed"], flush=True)


def write(found):
    """results/cluster.json, as far as it goes."""
    text = json.dumps(found, indent=1) + "\n"
    write_whole(RESULTS / "cluster.json", lambda path: path.write_text(text, encoding="utf-8"))


if __name__ == "__main__":
    main()
