"""A checkpoint that is damaged, foreign or of another run is refused by name, and nothing is changed then."""

import pickle
import random

import psutil
import pytest
import torch
from safetensors.torch import save_file
from training_runs import at_block, digits, same_bits, trained

from lenet_helpers import files
from lenet_helpers.data.distort import Distortion
from lenet_helpers.files import CheckpointError
from lenet_helpers.losses import MAPLoss
from lenet_helpers.model import LeNet5
from lenet_helpers.schedules import LinearDecay
from lenet_helpers.sdlm import SDLM
from lenet_helpers.training import loop as training
from lenet_helpers.training.loop import StopTraining, fit
from lenet_helpers.weights import save_weights


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 50 patterns, so that a short run has several."""
    monkeypatch.setattr(training, "BLOCK", 50)


@pytest.fixture
def path(tmp_path):
    """The checkpoint of a run stopped after its first block."""
    path = tmp_path / "checkpoint.safetensors"
    trained(120, checkpoint=path, callback=at_block(1, StopTraining))
    return path


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
    spoil(path)
    content, model = path.read_bytes(), LeNet5(seed=1)
    with pytest.raises(CheckpointError, match="checkpoint.safetensors .*(write it again|give fit|another program)"):
        trained(120, model=model, checkpoint=path)
    assert same_bits(model, LeNet5(seed=1))
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path], "nothing is run or written"


def test_every_flipped_bit_of_the_header_is_refused_or_harmless(path):
    """The header holds names, shapes, places and facts: no damage may pass for a good checkpoint."""
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


def rewritten(change):
    """The checkpoint with its tensors and facts changed, under a checksum that fits."""

    def write(path):
        tensors, facts = files.load_tensors(path)
        change(tensors, facts)
        files.save_tensors(path, tensors, facts)

    return write


def fact(value, *place):
    """The checkpoint with one of its facts changed."""

    def change(tensors, facts):
        for name in place[:-1]:
            facts = facts[name]
        facts[place[-1]] = value

    return rewritten(change)


def tensor(name, change):
    return rewritten(lambda tensors, facts: tensors.update({name: change(tensors[name])}))


def curvature(value):
    """The checkpoint with one number of each of the optimizer's tensors changed."""

    def change(tensors, facts):
        for name in tensors:
            if name.startswith("optimizer."):
                tensors[name].view(-1)[0] = value

    return rewritten(change)


NO_PLACE = {
    "NaN among the weights": tensor("model.f6.weight", lambda t: t * float("nan")),
    "other codes": tensor("model.rbf.codes", torch.zeros_like),
    "weights of int32": tensor("model.f6.weight", lambda t: t.int()),
    "NaN in the curvature": curvature(float("nan")),
    "a generator's state of another kind": tensor("distortions", lambda t: t[:100]),
    "no generator's state": rewritten(lambda tensors, facts: tensors.pop("distortions")),
    "no history": rewritten(lambda tensors, facts: facts.pop("history")),
    "an empty history": fact({}, "history"),
    "a history that is a list": fact([], "history"),
    "a history without versions": fact({}, "history", "versions"),
    "a place that is a list": fact([], "place"),
    "a place past the end": fact(7, "place", "passes_done"),
    "a place before the start": fact(-50, "place", "patterns_done"),
    "a place between two patterns": fact(0.5, "place", "patterns_done"),
    "a place that is a string": fact("50", "place", "patterns_done"),
    "an infinite loss": fact(float("inf"), "place", "loss_sum"),
    "a pass that left no record": fact(1, "place", "passes_done"),
    "no groups": fact(None, "groups"),
    "another number of groups": fact([], "groups"),
    "numbers that are a list": fact([], "numbers"),
    "numbers of no parameter": fact({"x": 1}, "numbers"),
}


@pytest.mark.parametrize("spoil", NO_PLACE.values(), ids=NO_PLACE.keys())
def test_a_checkpoint_that_holds_no_place_of_this_run_is_refused_and_the_model_stays(spoil, path):
    spoil(path)
    content, model = path.read_bytes(), LeNet5(seed=1)
    with pytest.raises(CheckpointError, match="checkpoint.safetensors "):
        trained(120, model=model, checkpoint=path)
    assert same_bits(model, LeNet5(seed=1)) and path.read_bytes() == content


@pytest.mark.skipif(not hasattr(psutil.Process, "memory_maps"), reason="what a process has mapped is not told here")
def test_a_run_that_went_on_with_another_optimizer_does_not_keep_its_checkpoint_mapped(tmp_path):
    """Windows replaces no file that is mapped, and Adam keeps the tensors it is given."""
    path = tmp_path / "adam.safetensors"
    mapped = []

    def look(progress):
        mapped.append(str(path) in {region.path for region in psutil.Process().memory_maps()})
        raise StopTraining

    for _ in ("from the start", "from the checkpoint"):
        model = LeNet5(seed=1)
        trained(120, model=model, optimizer=torch.optim.Adam(model.parameters()), checkpoint=path, callback=look)
    assert mapped == [False, False]


def other_version(path):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("lenet_helpers.training.history.__version__", "0.0.1")
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
    "init": {"model": LeNet5(init="appendix_a", seed=1)},
    "rbf_scale": {"model": LeNet5(rbf_scale=1.0, seed=1)},
    "model_seed": {"model": LeNet5(seed=2)},
    "dtype": {"model": LeNet5(seed=1).double()},
    "train_patterns": {"patterns": 119},
    "test_patterns": {"test": digits(10, "test")},
}


@pytest.mark.parametrize("name", OTHER_RUNS)
def test_a_checkpoint_of_other_arguments_is_refused_by_the_first_that_differs(name, path):
    arguments = {"patterns": 120, **OTHER_RUNS[name]}
    with pytest.raises(CheckpointError, match=f"is of another run: its {name.split()[0]} is .*, here it is"):
        trained(checkpoint=path, **arguments)


def test_a_checkpoint_of_another_optimizer_other_digits_or_version_is_refused(path):
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
