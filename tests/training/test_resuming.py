"""A run killed, interrupted or stopped at any moment goes on from its checkpoint and ends with the same bits."""

import errno
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from training_runs import at_block, digits, same_run, trained, without_timings

from lenet_helpers import files
from lenet_helpers.data.distort import Distortion
from lenet_helpers.files import CheckpointError
from lenet_helpers.losses import MSELoss
from lenet_helpers.model import LeNet5
from lenet_helpers.propagation import Propagation
from lenet_helpers.schedules import LinearDecay
from lenet_helpers.sdlm import SDLM
from lenet_helpers.training import loop as training
from lenet_helpers.training.history import History
from lenet_helpers.training.loop import DivergenceError, StopTraining, fit
from lenet_helpers.weights import load_weights


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 50 patterns, so that a short run has several."""
    monkeypatch.setattr(training, "BLOCK", 50)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.safetensors"


RECIPES = {
    "the paper's": lambda model: {},
    "running curvature": lambda model: {"curvature": "running"},
    "exact curvature": lambda model: {"curvature": "exact"},
    "curvature anew at a block's end": lambda model: {"curvature_every": 50},
    "curvature anew inside a block": lambda model: {"curvature_every": 70},
    "linear decay": lambda model: {"schedule": LinearDecay()},
    "distortions": lambda model: {"distort": Distortion()},
    "batches of 16": lambda model: {"batch_size": 16},
    "batches of 60": lambda model: {"batch_size": 60},
    "MSE": lambda model: {"loss": MSELoss()},
    "SGD with momentum": lambda model: {"optimizer": torch.optim.SGD(model.parameters(), lr=5e-4, momentum=0.9)},
    "Adam": lambda model: {"optimizer": torch.optim.Adam(model.parameters(), lr=1e-3)},
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_a_run_stopped_in_either_pass_goes_on_to_the_same_bits(recipe, path):
    def run(**more):
        model = LeNet5(seed=1)
        return trained(120, test=digits(20, "test"), model=model, **recipe(model), **more)

    whole = run()
    _, history = run(checkpoint=path, callback=at_block(2, StopTraining))
    assert (history.passes, history.finished) == ([], False)
    _, history = run(checkpoint=path, callback=at_block(2, StopTraining))  # goes on with the third block of pass 1
    assert (len(history.passes), history.finished) == (1, False)
    resumed = run(checkpoint=path)
    assert resumed[1].finished and same_run(resumed, whole)


def test_a_finished_run_is_returned_at_once(path, monkeypatch):
    whole = trained(checkpoint=path)
    monkeypatch.setattr(Propagation, "gradient", None)
    assert same_run(trained(checkpoint=path), whole)


@pytest.mark.parametrize("updates", [0, 1, 30, 50, 77, 120, 121, 239])
def test_ctrl_c_in_the_middle_of_an_update_saves_and_says_how_to_go_on(updates, path, monkeypatch, capsys):
    def gradient(self, *arguments, step=Propagation.gradient):
        if len(done) == updates:
            raise KeyboardInterrupt
        done.append(1)
        step(self, *arguments)

    done, whole = [], trained(120)
    monkeypatch.setattr(Propagation, "gradient", gradient)
    with pytest.raises(KeyboardInterrupt):
        trained(120, checkpoint=path)
    said = capsys.readouterr().err
    assert str(path) in said and "run the same again" in said
    monkeypatch.undo()
    monkeypatch.setattr(training, "BLOCK", 50)
    assert same_run(trained(120, checkpoint=path), whole)


def test_ctrl_c_before_the_first_checkpoint_leaves_nothing(path, monkeypatch, capsys):
    def configuration(run):
        raise KeyboardInterrupt

    monkeypatch.setattr("lenet_helpers.training.checkpoint.configuration", configuration)
    with pytest.raises(KeyboardInterrupt):
        trained(120, checkpoint=path)
    assert "run the same again" in capsys.readouterr().err
    assert list(path.parent.iterdir()) == []


def test_ctrl_c_while_the_test_set_is_read_loses_nothing(path, monkeypatch):
    def error_rate(*_):
        raise KeyboardInterrupt

    test, whole = digits(20, "test"), trained(120, test=digits(20, "test"))
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(training, "error_rate", error_rate)
        trained(120, test=test, checkpoint=path)
    calls = []
    assert same_run(trained(120, test=test, checkpoint=path, callback=calls.append), whole)
    assert [(p.pass_index, p.patterns) for p in calls] == [(1, 50), (1, 100), (1, 120)]


def test_ctrl_c_without_a_checkpoint_says_so(capsys):
    with pytest.raises(KeyboardInterrupt):
        trained(120, callback=at_block(1, KeyboardInterrupt))
    assert "give fit a checkpoint path" in capsys.readouterr().err


def test_calling_fit_again_with_the_same_model_and_optimizer_goes_on(path):
    """As a reader does who interrupts a notebook's cell and runs it again."""
    for make in (lambda m: SDLM(m.named_parameters()), lambda m: torch.optim.SGD(m.parameters(), 1e-3)):
        model = LeNet5(seed=1)
        rule, at = make(model), path.with_name(f"{make(model).__class__.__name__}.safetensors")
        trained(120, model=model, optimizer=rule, checkpoint=at, callback=at_block(4, StopTraining))
        again = trained(120, model=model, optimizer=rule, checkpoint=at)
        whole = LeNet5(seed=1)
        assert same_run(again, trained(120, model=whole, optimizer=make(whole)))


DRIVER = """
import sys
from training_runs import digits
from lenet_helpers.training import loop as training
from lenet_helpers.data.distort import Distortion
from lenet_helpers.model import LeNet5
from lenet_helpers.weights import save_weights
training.BLOCK, training.CHECKPOINT_SECONDS = 20, 0
folder = sys.argv[1]
model = LeNet5(seed=1)
history = training.fit(
    model, digits(200), digits(30, "test"), passes=2, progress=False, distort=Distortion(), curvature="running",
    checkpoint=folder + "/checkpoint.safetensors", callback=lambda progress: print("block", flush=True),
)
history.save(folder + "/history.json")
save_weights(model, folder + "/weights.safetensors")
"""


def driver(folder):
    """The run of DRIVER as a process of its own, which writes its checkpoint every 20 patterns."""
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    command = [sys.executable, "-c", DRIVER, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths})


def test_a_run_killed_at_random_moments_ends_with_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "BLOCK", 20)
    model = LeNet5(seed=1)
    whole = model, fit(
        model, digits(200), digits(30, "test"), passes=2, progress=False, distort=Distortion(), curvature="running"
    )  # fmt: skip
    chance = random.Random(0)
    for _ in range(3):
        process = driver(tmp_path)
        for _ in range(chance.randint(1, 5)):
            process.stdout.readline()
        time.sleep(chance.uniform(0, 0.03))  # about a block and the writing of its checkpoint
        process.kill()  # SIGKILL: nothing of the program runs any more
        process.communicate()
        assert process.returncode != 0
    process = driver(tmp_path)
    process.communicate()
    assert process.returncode == 0
    resumed = load_weights(tmp_path / "weights.safetensors"), History.load(tmp_path / "history.json")
    assert same_run(resumed, whole)
    names = {"checkpoint.safetensors", "history.json", "weights.safetensors"}
    assert {file.name for file in tmp_path.iterdir()} == names


def test_a_checkpoint_is_whole_at_every_moment_of_its_writing(path, monkeypatch):
    """Whatever a write has done so far, the file under the checkpoint's name is the last whole one or the new one."""
    seen = []

    def write_bytes(temporary, content, write=Path.write_bytes):
        write(temporary, content[: len(content) // 2])
        seen.append(path.exists() and files.load_tensors(path)[1]["place"]["patterns_done"])
        write(temporary, content)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0)
    trained(120, passes=1, checkpoint=path)
    assert seen == [False, 0, 50, 100, 120, 0]


def full_disk(monkeypatch):
    """From now on files end after 1,000 bytes, as on a full disk."""

    def write_bytes(path, content, write=Path.write_bytes):
        write(path, content[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


def test_a_full_disk_stops_the_run_with_the_reason_and_spares_the_checkpoint(path, monkeypatch):
    whole = trained(120)
    trained(120, checkpoint=path, callback=at_block(2, StopTraining))
    before = path.read_bytes()
    with monkeypatch.context() as patched:
        full_disk(patched)
        with pytest.raises(OSError, match="checkpoint.safetensors could not be written .*No space left on device"):
            trained(120, checkpoint=path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    assert same_run(trained(120, checkpoint=path), whole)


def test_a_file_too_large_for_its_disk_stops_the_run_with_the_reason(path):
    resource = pytest.importorskip("resource", reason="limits on the size of a file are Unix's")
    trained(120, checkpoint=path, callback=at_block(2, StopTraining))
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match="could not be written .*File too large"):
            trained(120, checkpoint=path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_an_unwritable_place_is_refused_before_the_first_update(tmp_path, monkeypatch):
    monkeypatch.setattr(Propagation, "gradient", None)
    (tmp_path / "a file").write_text("", encoding="utf-8")
    for place in (tmp_path / "a file" / "checkpoint.safetensors", tmp_path):
        with pytest.raises((OSError, CheckpointError), match="could not be written|it is a folder"):
            trained(checkpoint=place)
    assert [file.name for file in tmp_path.iterdir()] == ["a file"]


def test_what_killed_processes_left_is_removed_when_the_run_goes_on(path):
    trained(120, checkpoint=path, callback=at_block(1, StopTraining))
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    leftover = path.with_name(f"{files.temporary_prefix(path)}{killed.pid}.0.tmp")
    leftover.write_bytes(bytes(100))
    trained(120, checkpoint=path)
    assert list(path.parent.iterdir()) == [path]


def test_a_diverging_run_leaves_the_last_good_checkpoint(path):
    model = LeNet5(seed=1)
    trained(120, checkpoint=path, callback=at_block(1, StopTraining), schedule=(5e-4, 1e3))
    good = path.read_bytes()
    with pytest.raises(DivergenceError):
        trained(120, model=model, checkpoint=path, schedule=(5e-4, 1e3))
    assert all(t.isfinite().all() for t in files.load_tensors(path)[0].values() if t.is_floating_point())
    assert path.read_bytes() != good  # that of the end of pass 1


def test_a_plain_function_as_distort_is_the_same_in_another_process(path):
    """Its address, which changes from process to process, is no part of the run."""

    def make():
        return lambda images, generator: images

    trained(120, checkpoint=path, callback=at_block(1, StopTraining), distort=make())
    _, history = trained(120, checkpoint=path, distort=make())
    assert history.finished and "0x" not in history.configuration["distort"]


def test_the_history_of_a_resumed_run_keeps_who_started_it(path):
    trained(120, checkpoint=path, callback=at_block(1, StopTraining), command="first")
    _, history = trained(120, checkpoint=path, command="second")
    assert history.command == "first"
    assert without_timings(history)["versions"]["torch"] == torch.__version__
