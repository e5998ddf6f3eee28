"""Weights in files: what was saved comes back, and any other file is refused by name."""

import json

import pytest
import torch
from reference.calls import network
from reference.judges import X
from safetensors import safe_open
from safetensors.torch import save_file

from lenet_helpers.losses import MAPLoss
from lenet_helpers.model import LeNet5
from lenet_helpers.sdlm import SDLM
from lenet_helpers.weights import load_weights, save_weights


def test_saved_weights_come_back_with_what_made_them(tmp_path):
    path, model = tmp_path / "weights.safetensors", LeNet5(init="appendix_a", rbf_scale=1.0, seed=11)
    save_weights(model, path, source="MNIST", command="train --seed 11")
    back = load_weights(path)
    assert all(torch.equal(t, model.state_dict()[name]) for name, t in back.state_dict().items())
    assert torch.equal(back(X.float()), model(X.float()))
    assert (back.init, back.rbf_scale, back.seed) == ("appendix_a", 1.0, 11)
    assert back.facts == {
        "init": "appendix_a",
        "rbf_scale": 1.0,
        "seed": 11,
        "source": "MNIST",
        "command": "train --seed 11",
    }


def test_double_precision_comes_back_bit_for_bit(tmp_path):
    model = network()
    save_weights(model, tmp_path / "weights.safetensors")
    back = load_weights(tmp_path / "weights.safetensors")
    assert all(torch.equal(t, model.state_dict()[name]) for name, t in back.state_dict().items())


def test_the_weights_of_a_model_in_training_are_saved_each_by_itself(tmp_path):
    """The optimizer keeps all weights in one piece of storage; the file must not hold it twelve times."""
    model = LeNet5()
    rule = SDLM(model.named_parameters())
    MAPLoss()(model(X.float()), torch.tensor([0, 1, 2, 3])).backward()
    rule.set_curvature({name: torch.ones_like(p) for name, p in model.named_parameters()})
    rule.step()
    path = tmp_path / "weights.safetensors"
    save_weights(model, path)
    assert path.stat().st_size < 4 * 60_840 + 4096
    assert all(
        torch.equal(t, model.state_dict()[name]) for name, t in load_weights(path).state_dict().items()
    )


def test_the_file_is_plain_safetensors_under_the_published_names(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(LeNet5(), path)
    with safe_open(path, framework="pt") as file:
        assert set(file.keys()) == set(LeNet5().state_dict())


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html></html>", bytes(64)])
def test_a_file_that_holds_no_weights_is_refused_by_name(tmp_path, content):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="weights.safetensors"):
        load_weights(path)


def test_a_missing_or_truncated_file_is_refused_by_name(tmp_path):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(ValueError, match="weights.safetensors"):
        load_weights(path)
    save_weights(LeNet5(), path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match="weights.safetensors"):
        load_weights(path)


def spoiled(change):
    """A file by save_weights with its tensors and facts changed."""

    def write(path):
        save_weights(LeNet5(), path)
        with safe_open(path, framework="pt") as file:
            metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
        facts = json.loads(metadata["facts"])
        change(tensors, facts, metadata)
        del metadata["crc32"]  # what is refused is the change, not a checksum that no longer fits
        save_file(tensors, path, {**metadata, "facts": json.dumps(facts)})

    return write


OTHER_NETWORKS = {
    "a parameter missing": spoiled(lambda t, f, m: t.pop("s4.bias")),
    "a parameter too many": spoiled(lambda t, f, m: t.update({"c7.weight": torch.zeros(3)})),
    "a dense C3": spoiled(lambda t, f, m: t.update({"c3.weight": torch.zeros(16, 6, 5, 5)})),
    "no seed": spoiled(lambda t, f, m: f.pop("seed")),
    "another program": spoiled(lambda t, f, m: m.update(format="pt")),
}


@pytest.mark.parametrize("write", OTHER_NETWORKS.values(), ids=OTHER_NETWORKS.keys())
def test_the_weights_of_another_network_are_refused_by_name(tmp_path, write):
    path = tmp_path / "weights.safetensors"
    write(path)
    with pytest.raises(ValueError, match="weights.safetensors"):
        load_weights(path)


def test_an_unwritable_path_is_refused_and_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(LeNet5(seed=1), path)
    before = path.read_bytes()
    with pytest.raises(OSError, match="weights.safetensors"):
        save_weights(LeNet5(seed=2), path / "weights.safetensors")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["weights.safetensors"]
