"""The ONNX file computes what the package computes, for any batch, and says where it comes from."""

import json
import sys

import numpy as np
import pytest
import torch

from lenet_helpers import LeNet5, evaluate, load_digits, load_weights, to_input
from lenet_helpers.cli.parser import main
from lenet_helpers.export import MissingPackageError, export_onnx

onnx = pytest.importorskip("onnx", reason="the extra `export` is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")


def run(path, field):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["penalties", "class"], {"field": field.numpy()})


def card(path):
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


@pytest.mark.parametrize("patterns", [1, 7])
@pytest.mark.parametrize("rbf_scale", [0.5, 1.0])
def test_penalties_are_the_packages_for_any_batch(tmp_path, generator, patterns, rbf_scale):
    model = LeNet5(seed=3, rbf_scale=rbf_scale).eval()
    field = torch.rand(patterns, 1, 32, 32, generator=generator) * 1.275 - 0.1
    export_onnx(model, tmp_path / "lenet5.onnx")
    penalties, classes = run(tmp_path / "lenet5.onnx", field)
    with torch.no_grad():
        expected = model(field)
    np.testing.assert_allclose(penalties, expected.numpy(), rtol=1e-4)
    np.testing.assert_array_equal(classes, expected.argmin(1).numpy())


def test_all_test_digits_get_the_same_classes(tmp_path, mnist):
    model = load_weights()
    export_onnx(model, tmp_path / "lenet5.onnx")
    field = to_input(mnist.test.images)
    _, classes = run(tmp_path / "lenet5.onnx", field)
    np.testing.assert_array_equal(classes, model.predict(field).numpy())


def test_the_network_of_strings_keeps_its_eleventh_class(tmp_path):
    model = load_weights("strings")
    export_onnx(model, tmp_path / "strings.onnx")
    empty = to_input(torch.zeros(1, 32, 32))
    penalties, classes = run(tmp_path / "strings.onnx", empty)
    assert penalties.shape == (1, 11) and classes == model.predict(empty).numpy() == [10]


def test_the_command_writes_the_card(tmp_path, mnist, capsys):
    path = tmp_path / "lenet5.onnx"
    assert main(["export", "--onnx", str(path)]) == 0
    assert f"{path} is written" in capsys.readouterr().out
    written = card(path)
    assert written["trained on"] == "MNIST" and written["licence"] == "MIT"
    assert written["error rate"] == f"{evaluate(load_weights(), mnist.test).error_rate:.2f}% of the test digits"
    assert json.loads(written["facts"])["command"].startswith("python -m lenet_helpers study")


def test_without_test_digits_the_card_claims_no_error_rate(tmp_path):
    path = tmp_path / "lenet5.onnx"
    assert main(["export", "--onnx", str(path), "--unscored"]) == 0
    assert card(path)["error rate"] == "not measured"


def test_a_failed_export_leaves_the_old_file(tmp_path, monkeypatch, capsys):
    path = tmp_path / "lenet5.onnx"
    path.write_bytes(b"old")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackageError, match=r"pip install lenet_helpers\[export\]"):
        export_onnx(LeNet5(), path)
    assert main(["export", "--onnx", str(path), "--unscored"]) == 1
    assert "needs the package onnx" in capsys.readouterr().err
    assert path.read_bytes() == b"old"


def test_scanned_digits_get_the_same_classes(tmp_path):
    digits = load_digits("test", "sklearn").images[:50]
    export_onnx(load_weights(), tmp_path / "lenet5.onnx")
    _, classes = run(tmp_path / "lenet5.onnx", to_input(digits))
    assert classes.tolist() == load_weights().predict(to_input(digits)).tolist()
