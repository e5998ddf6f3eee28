"""A study ends complete and with the same bits however it is run, stopped, spread or killed."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

from lenet_helpers.data.digits import load_digits
from lenet_helpers.evaluation import evaluate
from lenet_helpers.files import load_tensors
from lenet_helpers.study.plan import Run, load_plan, split
from lenet_helpers.study.run import StudyError, is_finished, on_cluster, run_study
from lenet_helpers.weights import load_weights

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "studies" / "tiny.toml"
TIMES = {"finished", "seconds", "command", "git_commit"}


def record_of(results, name):
    """A run's record without what differs from one execution to the next: times, and the code's commit."""
    record = json.loads((results / "runs" / f"{name}.json").read_text(encoding="utf-8"))
    for row in record["passes"]:
        del row["seconds"]
    return {key: value for key, value in record.items() if key not in TIMES}


def same_bits(one, other, names):
    """Whether two results folders hold the same numbers, outputs and weights for these runs."""
    for name in names:
        assert record_of(one, name) == record_of(other, name)
        for folder in ("outputs", "weights"):
            paths = [results / folder / f"{name}.safetensors" for results in (one, other)]
            assert paths[0].exists() == paths[1].exists()
            if paths[0].exists():
                mine, theirs = (load_tensors(path)[0] for path in paths)
                assert mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)
    return True


def wait_for(condition, seconds=300):
    """Poll until the condition holds; fail after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def command_line(plan, results, build, **options):
    """A study as a program of its own, in the folder where its checkpoints go."""
    code = (
        "import sys, json; from lenet_helpers.study.run import run_study; "
        "run_study(sys.argv[1], results=sys.argv[2], build=sys.argv[3], **json.loads(sys.argv[4]))"
    )
    return [sys.executable, "-c", code, str(plan), str(results), str(build), json.dumps(options)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Results of the tiny plan, trained run by run in this process."""
    folder = tmp_path_factory.mktemp("tiny")
    run_study(TINY, jobs=1, results=folder / "results", build=folder / "build")
    return folder / "results"


@pytest.fixture(scope="module")
def longer(tmp_path_factory):
    """(plan, results) of the tiny plan with runs long enough to be caught in the middle of, trained in peace."""
    folder = tmp_path_factory.mktemp("longer")
    plan = folder / "longer.toml"
    plan.write_text(TINY.read_text(encoding="utf-8").replace("passes = 2", "passes = 8"), encoding="utf-8")
    run_study(plan, jobs=1, results=folder / "results", build=folder / "build")
    return plan, folder / "results"


def names_of(plan):
    return [run.name for run in load_plan(plan)]


def test_a_plan_lists_its_runs_in_order_with_the_defaults_filled_in():
    runs = load_plan(TINY)
    assert [run.name for run in runs] == ["regular-0", "regular-1", "distorted-0", "choose-j-0"]
    assert runs[0] == Run(
        "regular-0", "regular", 0, "sklearn", passes=2, patterns=600, save_penalties=True, save_weights=True
    )
    assert not runs[1].save_weights
    assert runs[3].j == 5.0 and runs[3].held_out == 300


def test_the_papers_plan_judges_choices_on_held_out_patterns_and_figures_on_the_test_set():
    runs = load_plan(ROOT / "studies" / "paper.toml")
    chosen = {run.experiment for run in runs if run.held_out}
    assert chosen and all(name.startswith(("renew-", "margin-", "strength-", "rate-")) for name in chosen)
    assert all(run.dataset == "mnist" for run in runs)
    strengths = {run.experiment: run.distortion for run in runs if run.experiment.startswith("strength-")}
    distorted = [run.distortion for run in runs if run.experiment.startswith(("distorted", "elastic"))]
    assert all(distortion in strengths.values() for distortion in distorted)
    seeds = {name: [run.seed for run in runs if run.experiment == name] for name in ("regular", "distorted")}
    assert seeds == {"regular": [0, 1, 2, 3, 4], "distorted": [0, 1, 2]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no \\[\\[experiment\\]\\]"),
        ("name = ", "is not TOML"),
        ("x = " + "[" * 100_000, "is not TOML"),
        ('experiment = "x"', "experiment: got 'x', expected tables, each headed"),
        ("experiment = [3]", r"experiment: got \[3\], expected tables"),
        ('[experiment]\nname = "a"', "experiment: got {'name': 'a'}, expected tables"),
        ('defaults = "x"', "defaults: got 'x', expected a table"),
        ("default = {}", "unknown key default; expected"),
        ("[[experiment]]\nseeds = [0]", "an experiment needs a name"),
        ('[[experiment]]\nname = "a"', "experiment 'a': seeds: got none"),
        *((f'[[experiment]]\nname = "a"\nseeds = {seeds}', "'a': seeds: got .*, expected a list of seeds")
          for seeds in ("3", '"0"', '["0"]', "[0.5]", "[true]")),
        ('[[experiment]]\nname = "a"\nseeds = [-1]', "'a': seeds: got .-1., expected a list of seeds"),
        (f'[[experiment]]\nname = "a"\nseeds = [{2**32}]', "a-4294967296: got seed 4294967296, expected"),
        ('[[experiment]]\nname = "a"\nseeds = [0]\nspeed = 3', "experiment 'a': unknown setting speed"),
        ('[[experiment]]\nname = "a"\nseeds = [0, 0]', "twice a-0"),
        ('[[experiment]]\nname = "a"\nseeds = [0]\n[[experiment]]\nname = "a"\nseeds = [0]', "twice a-0"),
        ('[[experiment]]\nname = "a"\nseeds = [0]\nsave_weights = 3', "save_weights: got 3, expected a list of seeds"),
        *((f'[[experiment]]\nname = "a"\nseeds = [0]\n{setting}', message) for setting, message in (
            ('loss = "hinge"', "a-0: got loss 'hinge'"),
            ('schedule = "slow"', "schedule 'slow'"),
            ('schedule = ["fast"]', "a-0: schedule: got .*, expected a text or a list of finite numbers"),
            ("schedule = 3", "a-0: schedule: got 3"),
            ('optimizer = "sgd"', "rate"),
            ('dataset = "letters"', "a-0: got dataset 'letters'"),
            ('passes = "many"', "a-0: passes: got 'many', expected a whole number"),
            ("passes = 1.5", "a-0: passes: got 1.5, expected a whole number"),
            ("passes = true", "a-0: passes: got True, expected a whole number"),
            ('j = "ten"', "a-0: j: got 'ten', expected a finite number"),
            ("j = inf", "a-0: j: got inf, expected a finite number"),
            ("distortion = 3", "a-0: distortion: got 3, expected a table or nothing"),
            ("distortion = { sheer = 0.1 }", "a-0: got distortion .*sheer"),
            ('distortion = { shear = "much" }', "a-0: got distortion .*much"),
            ("held_out = -10", "a-0: got held_out -10, expected a number of patterns"),
            ('save_penalties = "yes"', "a-0: save_penalties: got 'yes', expected true or false"),
        )),
        *((f"[[experiment]]\nname = {name}\nseeds = [0]", "name: got .*, expected a name of small") for name in (
            '"../../escaped"', '"/tmp/x"', '"a/b"', "'a\\b'", '"A"', '""', '"."', '".."', '"a-"', '"a--b"', '".a"',
            '"a."', '"con.x"', f'"{"a" * 101}"', '"caf\u00e9"', '"a b"', '"a\\n"', "3", '["a"]',
        )),
    ],
)  # fmt: skip
def test_a_wrong_plan_is_refused_with_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"plan.toml.*{message}"):
        load_plan(path)


@pytest.mark.parametrize("name", ["regular", "h-renewed", "margin-2.5-renewed", "rate-0.0001", "0"])
def test_names_that_are_a_files_on_every_disk_are_taken(name):
    assert Run(f"{name}-0", name, 0).name == f"{name}-0"


def test_a_run_made_by_hand_has_such_a_name_too():
    with pytest.raises(ValueError, match="got '../../escaped-0', expected a name"):
        Run("../../escaped-0", "escaped", 0)


def test_the_digest_changes_with_the_configuration_and_only_with_it():
    run = load_plan(TINY)[0]
    assert replace(run, name="other", save_weights=False).digest() == run.digest()
    others = [replace(run, seed=1), replace(run, j=5.0), replace(run, distortion={"shear": 0.1}), replace(run, mu=0.1)]
    assert len({run.digest(), *(other.digest() for other in others)}) == 5


def test_a_held_out_run_never_loads_the_test_set(monkeypatch):
    loaded = []
    spy = lambda name, dataset: loaded.append(name) or load_digits(name, dataset)  # noqa: E731
    monkeypatch.setattr("lenet_helpers.study.plan.load_digits", spy)
    run = load_plan(TINY)[3]
    train, judge = split(run)
    assert loaded == ["train"] and (len(train), len(judge)) == (600, 300)
    everything = split(replace(run, patterns=None))[0]
    assert len(everything) + len(judge) == len(load_digits("train", "sklearn"))
    pictures = {image.numpy().tobytes() for image in judge.images}
    assert sum(image.numpy().tobytes() in pictures for image in everything.images) <= 2  # twins in the set itself
    assert torch.equal(split(replace(run, seed=7))[1].images, judge.images)
    with pytest.raises(ValueError, match="1437 patterns to hold out, there are 1437 in all"):
        split(replace(run, held_out=1437))


def test_a_record_says_what_the_run_was_and_its_outputs_agree_with_it(tiny):
    record = json.loads((tiny / "runs" / "regular-0.json").read_text(encoding="utf-8"))
    assert record["data"] == "scikit-learn digits" and record["evaluated_on"] == "test" and record["threads"] == 1
    assert record["command"].endswith("tiny.toml --only regular-0")
    assert [row["pass"] for row in record["passes"]] == [1, 2]
    assert record["error"] == record["passes"][-1]["error"] == pytest.approx(100 * len(record["wrong"]) / 360)
    outputs, facts = load_tensors(tiny / "outputs" / "regular-0.safetensors")
    test = load_digits("test", "sklearn")
    assert torch.equal(outputs["labels"].long(), test.labels)
    wrong = (outputs["penalties"].argmin(1) != test.labels).nonzero().ravel()
    assert wrong.tolist() == record["wrong"] and torch.equal(outputs["wrong_images"], test.images[wrong])
    model = load_weights(tiny / "weights" / "regular-0.safetensors")
    assert model.facts["source"] == facts["source"] == "scikit-learn digits"
    train, _ = split(load_plan(TINY)[0])
    assert record["train_error_after"] == pytest.approx(evaluate(model, train).error_rate)
    held_out = json.loads((tiny / "runs" / "choose-j-0.json").read_text(encoding="utf-8"))
    assert held_out["evaluated_on"] == "held-out" and held_out["evaluated_patterns"] == 300


def test_finished_runs_are_not_run_again_and_changed_ones_are(tiny, tmp_path, capsys):
    assert run_study(TINY, jobs=1, results=tiny, build=tmp_path) == []
    assert "4 finished, 0 to train" in capsys.readouterr().out
    run = load_plan(TINY)[0]
    assert is_finished(run, tiny) and not is_finished(replace(run, passes=3), tiny)


@pytest.mark.parametrize("text", ["[]", "null", "{", '"x"', "{}", "[" * 100_000, "\x00"])
def test_a_file_that_is_no_record_is_named_before_anything_is_trained(text, tmp_path, monkeypatch):
    monkeypatch.setattr("lenet_helpers.study.run.train_run", None)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "regular-0.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="regular-0.json is not a run's record"):
        run_study(TINY, jobs=1, results=tmp_path, build=tmp_path)


def test_two_processes_give_the_bits_of_one(tiny, tmp_path):
    assert run_study(TINY, jobs=2, results=tmp_path / "results", build=tmp_path / "build") == names_of(TINY)
    assert same_bits(tiny, tmp_path / "results", names_of(TINY))


def test_one_run_that_fails_is_named_and_the_others_are_kept(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(
        '[defaults]\ndataset = "sklearn"\npasses = 1\npatterns = 100\n'
        '[[experiment]]\nname = "too-many"\nseeds = [0]\npatterns = 2000\n'
        '[[experiment]]\nname = "good"\nseeds = [0]\n'
        '[[experiment]]\nname = "diverging"\nseeds = [0]\noptimizer = "sgd"\nrate = 10.0\n',
        encoding="utf-8",
    )
    with pytest.raises(StudyError, match="1 of 3 runs failed(.|\n)*too-many-0: ValueError: .*2000 training patterns"):
        run_study(plan, jobs=1, results=tmp_path / "results", build=tmp_path / "build")
    paths = (tmp_path / "results" / "runs").iterdir()
    read = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
    assert read.keys() == {"good-0", "diverging-0"}
    assert read["good-0"]["error"] is not None
    assert read["diverging-0"]["error"] is None and "diverged" in read["diverging-0"]["diverged"]


def test_a_pattern_that_fits_no_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no run is called 'irregular-"):
        run_study(TINY, only="irregular-*", results=tmp_path, build=tmp_path)


def test_a_study_that_is_ended_takes_its_processes_along_and_goes_on_to_the_same_bits(longer, tmp_path):
    plan, whole = longer
    ended, output = tmp_path / "ended", tmp_path / "output.txt"
    study = command_line(plan, ended, tmp_path / "build", jobs=2, only="regular-*")
    for end, reached in ((subprocess.Popen.terminate, "2"), (subprocess.Popen.kill, "3")):
        with open(output, "w", encoding="utf-8") as file:
            process = subprocess.Popen(study, stdout=file, cwd=ROOT)
            passed = re.compile(f"regular-[01]: pass [{reached}-8]/8")  # whichever process is ahead
            wait_for(lambda passed=passed: passed.search(output.read_text(encoding="utf-8")))
            children = psutil.Process(process.pid).children(recursive=True)
            end(process)
            assert len(children) >= 2
            _, alive = psutil.wait_procs(children, timeout=60)  # while the study itself is not yet waited for
            assert not alive
            process.wait()
    again = subprocess.run(study, capture_output=True, text=True, cwd=ROOT, check=True).stdout
    ahead = passed.search(output.read_text(encoding="utf-8"))[0].split(":")[0]
    assert not re.search(f"{ahead}: pass [12]/8", again)  # goes on from its checkpoint, or had finished meanwhile
    assert same_bits(whole, ended, ["regular-0", "regular-1"])


HOLDING = """
import sys, time
from lenet_helpers.study.processes import alone
with alone(sys.argv[1]):
    print("locked", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holder(folder, seconds):
    """A process that trains the run of this folder for so long; back when it has begun."""
    command = [sys.executable, "-c", HOLDING, str(folder), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, encoding="utf-8")
    assert process.stdout.readline() == "locked\n"
    return process


def test_a_run_that_another_process_trains_is_waited_for_then_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("lenet_helpers.study.processes.PATIENCE", 0.2)
    arguments = {"jobs": 1, "only": "regular-0", "results": tmp_path / "results", "build": tmp_path / "build"}
    process = holder(tmp_path / "build" / "regular-0", 600)
    try:
        with pytest.raises(StudyError, match="regular-0: RunInUseError: another process .*wait for its study"):
            run_study(TINY, **arguments)
        monkeypatch.setattr("lenet_helpers.study.processes.PATIENCE", 60)
        threading.Timer(0.5, process.kill).start()
        assert run_study(TINY, **arguments) == ["regular-0"]
    finally:
        process.kill()
        process.wait()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def cluster(tmp_path):
    """A Dask scheduler and two workers, each a process of its own with its own current folder, on 127.0.0.1."""
    pytest.importorskip("distributed", reason="needs the study extra: pip install 'lenet_helpers[study]'")
    address = f"tcp://127.0.0.1:{free_port()}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    started = []

    def start(name, *words):
        folder = tmp_path / name
        folder.mkdir()
        program = [sys.executable, "-m", "dask", *words, "--no-dashboard"]
        with open(folder / "log.txt", "w", encoding="utf-8") as log:
            started.append(subprocess.Popen(program, cwd=folder, env=environment, stdout=log, stderr=log))
        return started[-1], folder

    start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", address.rsplit(":", 1)[1])
    workers = [start(name, "worker", address, "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1") for name in "ab"]
    yield address, workers
    for process in started:
        process.kill()
        process.wait()


def test_a_cluster_that_loses_a_worker_ends_complete_with_the_bits_of_one_machine(longer, cluster, tmp_path):
    plan, local = longer
    address, workers = cluster
    spread, output = tmp_path / "spread", tmp_path / "output.txt"
    with open(output, "w", encoding="utf-8") as file:
        study = subprocess.Popen(command_line(plan, spread, "build", scheduler=address), stdout=file, cwd=tmp_path)
        try:
            logs = [folder / "log.txt" for _, folder in workers]
            wait_for(lambda: all("pass 2/8" in log.read_text(encoding="utf-8") for log in logs))
            workers[0][0].kill()
            interrupted = [path.name for path in (workers[0][1] / "build").iterdir()]
            assert study.wait(300) == 0
        finally:
            study.kill()
    assert any((workers[1][1] / "build" / name).exists() for name in interrupted)  # the other worker took it over
    assert "4 of 4 done" in output.read_text(encoding="utf-8")
    assert same_bits(local, spread, names_of(plan))


def test_one_worker_that_joins_late_does_a_clusters_work(monkeypatch):
    distributed = pytest.importorskip("distributed", reason="needs the study extra: pip install 'lenet_helpers[study]'")
    monkeypatch.setattr("lenet_helpers.study.run.train_run", lambda name: (name, threading.current_thread().name))
    with distributed.LocalCluster(n_workers=0, threads_per_worker=1, processes=False, dashboard_address=None) as one:
        late = threading.Timer(0.5, one.scale, [1])
        late.start()
        done = dict(on_cluster([("a",), ("b",)], one.scheduler_address))
        late.join()
    assert done.keys() == {"a", "b"}
    assert all("Dask" in thread for thread in done.values())


def test_a_scheduler_that_goes_away_is_said_in_one_line():
    distributed = pytest.importorskip("distributed", reason="needs the study extra: pip install 'lenet_helpers[study]'")
    cluster = distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None)
    address = cluster.scheduler_address

    def works():
        yield ("a",)
        cluster.close()  # with the work handed over and no worker to do it

    with pytest.importorskip("dask").config.set({"distributed.comm.timeouts.connect": "1s"}):
        with pytest.raises(StudyError, match=f"scheduler at {re.escape(address)} is gone. Start it and its workers"):
            list(on_cluster(works(), address))
