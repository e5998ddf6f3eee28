"""Weights in files: what was saved comes back, and any other file is refused by name."""

import json
import math
import re

import pytest
import torch
from reference.calls import network
from reference.judges import X
from safetensors import safe_open
from safetensors.torch import save_file

from lenet_helpers.cli.parser import main
from lenet_helpers.codes import ASCII_CODES
from lenet_helpers.files import CheckpointError, checksum
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


def with_value(value, name="f6.weight"):
    """A file with one number of one tensor changed."""

    def change(tensors, facts, metadata):
        tensors[name].view(-1)[-1] = value

    return spoiled(change)


def of_dtype(dtype, *names):
    """A file with some tensors, or all, in another dtype."""

    def change(tensors, facts, metadata):
        for name in names or tensors:
            tensors[name] = tensors[name].to(dtype)

    return spoiled(change)


def with_facts(text):
    """A file with valid weights and this text, of whatever kind, in the facts' place."""

    def write(path):
        save_weights(LeNet5(), path)
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        metadata = {"format": "lenet_helpers 1", "facts": text, "crc32": checksum(tensors, text)}
        save_file(tensors, path, metadata)

    return write


OTHER_NETWORKS = {
    "a parameter missing": spoiled(lambda t, f, m: t.pop("s4.bias")),
    "C1's kernels missing": spoiled(lambda t, f, m: t.pop("c1.weight")),
    "a parameter too many": spoiled(lambda t, f, m: t.update({"c7.weight": torch.zeros(3)})),
    "a dense C3": spoiled(lambda t, f, m: t.update({"c3.weight": torch.zeros(16, 6, 5, 5)})),
    "another program": spoiled(lambda t, f, m: m.update(format="pt")),
    **{f"no {name}": spoiled(lambda t, f, m, name=name: f.pop(name)) for name in ("init", "rbf_scale", "seed")},
}
NO_NUMBERS = {
    "NaN in a weight": with_value(math.nan),
    "inf in a bias": with_value(math.inf, "c1.bias"),
    "-inf in a coefficient": with_value(-math.inf, "s2.coefficient"),
    "NaN in a code": with_value(math.nan, "rbf.codes"),
    "two codes the same": spoiled(lambda t, f, m: t["rbf.codes"][3].copy_(t["rbf.codes"][4])),
    "no codes at all": spoiled(lambda t, f, m: t.update({"rbf.codes": torch.zeros(0, 84)})),
    "codes of another shape": spoiled(lambda t, f, m: t.update({"rbf.codes": torch.ones(84)})),
    "codes of zeros": spoiled(lambda t, f, m: t["rbf.codes"].zero_()),
    "one code turned": spoiled(lambda t, f, m: t["rbf.codes"][3, 7].neg_()),
    **{f"{kind} throughout": of_dtype(kind) for kind in (
        torch.int32, torch.int64, torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn, torch.float8_e5m2,
    )},
    "one layer of int32": of_dtype(torch.int32, "f6.weight"),
    "one layer of float64": of_dtype(torch.float64, "f6.weight"),
    "one layer of float8": of_dtype(torch.float8_e5m2, "c3.bias"),
}  # fmt: skip
ODD_FACTS = {
    **{f"facts are {text}": with_facts(text) for text in ("[]", "null", '"text"', "3", "", "{", "NaN", "{}")},
    "facts nested without end": with_facts("[" * 200_000 + "]" * 200_000),
    "a number without end": with_facts('{"seed": ' + "1" * 10_000 + "}"),
    **{f"{name} is {value!r}": spoiled(lambda t, f, m, name=name, value=value: f.update({name: value}))
       for name, value in (
           ("seed", "0"), ("seed", 1.5), ("seed", None), ("seed", True), ("seed", [0]), ("seed", 2**70),
           ("rbf_scale", "0.5"), ("rbf_scale", math.inf), ("rbf_scale", math.nan), ("rbf_scale", 0),
           ("rbf_scale", -1), ("rbf_scale", None), ("rbf_scale", True), ("rbf_scale", 10**400), ("rbf_scale", 1e308),
           ("init", 3), ("init", []), ("init", None), ("init", "random"),
           ("passes", []), ("passes", "2"), ("passes", True), ("source", 3), ("source", {}), ("command", []),
    )},
}  # fmt: skip
REFUSED = {**OTHER_NETWORKS, **NO_NUMBERS, **ODD_FACTS}


@pytest.mark.parametrize("write", REFUSED.values(), ids=REFUSED.keys())
def test_weights_that_are_not_such_a_networks_are_refused_by_name(tmp_path, write):
    path = tmp_path / "weights.safetensors"
    write(path)
    with pytest.raises(CheckpointError, match="weights.safetensors"):
        load_weights(path)


def test_a_network_of_more_classes_comes_back_and_one_of_other_codes_is_not_written(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(LeNet5(codes=ASCII_CODES), path)
    assert torch.equal(load_weights(path).rbf.codes, ASCII_CODES)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match="expected codes of Fig. 3"):
        save_weights(LeNet5(codes=-ASCII_CODES[:3]), path)
    assert path.read_bytes() == before


def spoiled_model():
    model = LeNet5()
    model.c3.weight.data[7, 0, 0] = math.nan
    return model


@pytest.mark.parametrize(
    "model, facts, words",
    [
        (spoiled_model(), {}, "has NaN or inf in c3.weight"),
        (LeNet5(), {"passes": "two"}, "says passes 'two'; expected int"),
        (LeNet5(), {"source": 3}, "says source 3; expected str"),
        (LeNet5(), {"seed": None}, "says seed None"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path, model, facts, words):
    path = tmp_path / "weights.safetensors"
    with pytest.raises(CheckpointError, match=words):
        save_weights(model, path, **facts)
    assert not path.exists()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_in_another_floating_dtype_are_read_in_it(tmp_path, dtype):
    path = tmp_path / "weights.safetensors"
    of_dtype(dtype)(path)
    assert {tensor.dtype for tensor in load_weights(path).state_dict().values()} == {dtype}


def test_refused_weights_are_one_line_of_the_command_line(tmp_path, capsys):
    path = tmp_path / "weights.safetensors"
    with_value(math.nan)(path)
    for command in (["evaluate", str(path)], ["predict", "--weights", str(path), "x.png"]):
        assert main(command) == 1
        said = capsys.readouterr()
        assert said.out == "" and re.fullmatch("error: .*weights.safetensors has NaN or inf in f6.weight.*\n", said.err)


def test_an_unwritable_path_is_refused_and_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(LeNet5(seed=1), path)
    before = path.read_bytes()
    with pytest.raises(OSError, match="weights.safetensors"):
        save_weights(LeNet5(seed=2), path / "weights.safetensors")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["weights.safetensors"]


def test_scripts_of_the_first_edition_find_load_weights_where_it_was():
    with pytest.warns(DeprecationWarning, match="imported from lenet_helpers now"):
        from lenet_helpers.model import load_weights as found
    assert found is load_weights
    with pytest.raises(ImportError, match="load_nothing"):
        from lenet_helpers.model import load_nothing  # noqa: F401
