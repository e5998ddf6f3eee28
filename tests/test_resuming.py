"""A run killed, interrupted or stopped at any moment goes on from its checkpoint and ends with the same bits."""

import errno
import os
import pickle
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from training_runs import bits, digits, same_bits, same_run, trained, without_timings

from lenet_helpers import files, training
from lenet_helpers.distortions import Distortion
from lenet_helpers.files import CheckpointError
from lenet_helpers.history import History
from lenet_helpers.losses import MAPLoss, MSELoss
from lenet_helpers.model import LeNet5, load_weights, save_weights
from lenet_helpers.propagation import Propagation
from lenet_helpers.sdlm import SDLM, LinearDecay
from lenet_helpers.training import DivergenceError, StopTraining, fit


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 50 patterns, so that a short run has several."""
    monkeypatch.setattr(training, "BLOCK", 50)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.safetensors"


def at_block(number, exception):
    """A callback that raises the exception at the end of a block, counted from 1."""
    calls = []

    def callback(progress):
        calls.append(progress)
        if len(calls) == number:
            raise exception

    return callback


RECIPES = {
    "the paper's": lambda model: {},
    "running curvature": lambda model: {"curvature": "running"},
    "exact curvature": lambda model: {"curvature": "exact"},
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
from lenet_helpers import training
from lenet_helpers.distortions import Distortion
from lenet_helpers.model import LeNet5, save_weights
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
        with pytest.raises((OSError, CheckpointError), match="could not be written|does not exist"):
            trained(checkpoint=place)
    assert [file.name for file in tmp_path.iterdir()] == ["a file"]


def test_what_killed_processes_left_is_removed_when_the_run_goes_on(path):
    trained(120, checkpoint=path, callback=at_block(1, StopTraining))
    leftover, other = path.with_name(f".{path.name}.99999.tmp"), path.with_name(".other.safetensors.99999.tmp")
    leftover.write_bytes(bytes(100))
    other.write_bytes(bytes(100))
    trained(120, checkpoint=path)
    assert not leftover.exists() and other.exists()


def test_a_diverging_run_leaves_the_last_good_checkpoint(path):
    model = LeNet5(seed=1)
    trained(120, checkpoint=path, callback=at_block(1, StopTraining), schedule=(5e-4, 1e3))
    good = path.read_bytes()
    with pytest.raises(DivergenceError):
        trained(120, model=model, checkpoint=path, schedule=(5e-4, 1e3))
    assert all(t.isfinite().all() for t in files.load_tensors(path)[0].values() if t.is_floating_point())
    assert path.read_bytes() != good  # that of the end of pass 1


class Trap:
    """An object whose unpickling writes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def damaged(change):
    """The checkpoint with its bytes changed."""
    return lambda path: path.write_bytes(change(bytearray(path.read_bytes())))


def flipped(position):
    def change(content):
        content[position] ^= 0x10
        return content

    return damaged(change)


DAMAGE = {
    "empty": damaged(lambda content: b""),
    "cut in the header": damaged(lambda content: content[:100]),
    "cut in the numbers": damaged(lambda content: content[:-1000]),
    "longer": damaged(lambda content: content + b"more"),
    "a bit flipped among the weights": flipped(-100_000),
    "a bit flipped at the end": flipped(-1),
    "a web page": damaged(lambda content: b"<!DOCTYPE html><html></html>"),
    "a pickle": lambda path: path.write_bytes(pickle.dumps(Trap(path.with_name("trapped")))),
    "a torch.save file": lambda path: torch.save(Trap(path.with_name("trapped")), path),
    "weights": lambda path: save_weights(LeNet5(), path),
    "another program's safetensors": lambda path: save_file({"w": torch.zeros(3)}, path),
    "another format": lambda path: save_file({"w": torch.zeros(3)}, path, {"format": "lenet_helpers 0"}),
}


@pytest.mark.parametrize("spoil", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_or_foreign_checkpoint_is_refused_by_name_and_changes_nothing(spoil, path):
    trained(120, checkpoint=path, callback=at_block(1, StopTraining))
    spoil(path)
    content, model = path.read_bytes(), LeNet5(seed=1)
    with pytest.raises(CheckpointError, match="checkpoint.safetensors .*(write it again|give fit|another program)"):
        trained(120, model=model, checkpoint=path)
    assert same_bits(model, LeNet5(seed=1))
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path], "nothing is run or written"


def test_every_flipped_bit_of_the_header_is_refused_or_harmless(path):
    """The header holds names, shapes, places and facts: no damage may pass for a good checkpoint."""
    trained(120, checkpoint=path, callback=at_block(1, StopTraining))
    content, chance = path.read_bytes(), random.Random(0)
    tensors, facts = files.load_tensors(path)
    header = 8 + int.from_bytes(content[:8], "little")
    for _ in range(150):
        spoilt = bytearray(content)
        spoilt[chance.randrange(header)] ^= 1 << chance.randrange(8)
        path.write_bytes(spoilt)
        try:
            found, said = files.load_tensors(path)
        except CheckpointError:
            continue
        assert said == facts and all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


def other_version(path):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("lenet_helpers.history.__version__", "0.0.1")
        trained(120, checkpoint=path, callback=at_block(1, StopTraining))


OTHER_RUNS = {
    "seed": {"seed": 4},
    "passes": {"passes": 3},
    "schedule": {"schedule": (1e-4,)},
    "schedule of another kind": {"schedule": LinearDecay()},
    "batch_size": {"batch_size": 2},
    "loss": {"loss": MAPLoss(5.0)},
    "curvature": {"curvature": "running"},
    "gamma": {"gamma": 0.2},
    "curvature_patterns": {"curvature_patterns": 60},
    "distort": {"distort": Distortion(shear=0.3)},
    "init": {"model": LeNet5(init="paper", seed=1)},
    "rbf_scale": {"model": LeNet5(rbf_scale=1.0, seed=1)},
    "model_seed": {"model": LeNet5(seed=2)},
    "dtype": {"model": LeNet5(seed=1).double()},
    "train_patterns": {"patterns": 119},
    "test_patterns": {"test": digits(10, "test")},
}


@pytest.mark.parametrize("name", OTHER_RUNS)
def test_a_checkpoint_of_other_arguments_is_refused_by_the_first_that_differs(name, path):
    trained(120, checkpoint=path, callback=at_block(1, StopTraining))
    arguments = {"patterns": 120, **OTHER_RUNS[name]}
    with pytest.raises(CheckpointError, match=f"is of another run: its {name.split()[0]} is .*, here it is"):
        trained(checkpoint=path, **arguments)


def test_a_checkpoint_of_another_optimizer_other_digits_or_version_is_refused(path):
    trained(120, checkpoint=path, callback=at_block(1, StopTraining))
    model = LeNet5(seed=1)
    with pytest.raises(CheckpointError, match="its optimizer is 'SDLM', here it is 'Adam'"):
        trained(120, model=model, optimizer=torch.optim.Adam(model.parameters()), checkpoint=path)
    with pytest.raises(CheckpointError, match="its optimizer_options is .*0.02.*, here it is .*0.03"):
        trained(120, model=model, optimizer=SDLM(model.named_parameters(), mu=0.03), checkpoint=path)
    turned = digits(120)
    turned.images[0] = turned.images[0].flip(0)
    with pytest.raises(CheckpointError, match="its train_crc32"):
        fit(model, turned, passes=2, progress=False, curvature_patterns=50, checkpoint=path)
    assert same_bits(model, LeNet5(seed=1))
    path.unlink()
    other_version(path)
    with pytest.raises(CheckpointError, match="its version is '0.0.1'"):
        trained(120, checkpoint=path)


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
    assert bits(LeNet5())
