"""A training history is written whole as JSON, comes back the same, and nothing else passes for one."""

import json
from dataclasses import asdict

import pytest
import torch
from training_runs import digits, trained

import lenet_helpers
from lenet_helpers.schedules import LinearDecay
from lenet_helpers.training.history import History


@pytest.fixture(scope="module")
def history():
    return trained(60, test=digits(20, "test"), seed=3, schedule=LinearDecay(), command="train --seed 3")[1]


def test_a_saved_history_comes_back_the_same(history, tmp_path):
    path = tmp_path / "new folder" / "history.json"
    history.save(path)
    assert History.load(path) == history
    assert [file.name for file in path.parent.iterdir()] == ["history.json"]


def test_a_history_says_what_was_run_on_what_with_what(history):
    assert (history.seed, history.source, history.command) == (3, "scikit-learn digits", "train --seed 3")
    assert history.finished and history.threads == 1
    assert history.versions["lenet_helpers"] == lenet_helpers.__version__
    assert history.versions["torch"] == torch.__version__
    assert {"python", "machine"} < history.versions.keys()
    said = history.configuration
    assert said["loss"] == "MAPLoss(j=10)" and said["optimizer"] == "SDLM" and said["init"] == "lush"
    assert said["schedule"] == {"start": 5e-4, "end": 1e-5, "passes": 2}
    assert said["optimizer_options"] == [{"mu": 0.02}]
    assert (said["train_patterns"], said["test_patterns"]) == (60, 20)


def test_each_pass_has_its_errors_loss_eta_and_seconds(history):
    assert history.series("pass") == [1, 2]
    assert history.series("eta") == [5e-4, pytest.approx(2.55e-4)]
    for record in history.passes:
        assert set(record) == {"pass", "eta", "train_error", "train_loss", "test_error", "seconds"}
        assert 0 <= record["test_error"] <= 100 and 0 <= record["train_error"] <= 100
    assert history.seconds == sum(history.series("seconds")) > 0


def test_the_file_is_plain_json(history, tmp_path):
    history.save(tmp_path / "history.json")
    assert json.loads((tmp_path / "history.json").read_text(encoding="utf-8")) == asdict(history)


def test_a_pass_without_a_test_set_is_saved_too(tmp_path):
    history = trained(30)[1]
    history.save(tmp_path / "history.json")
    assert History.load(tmp_path / "history.json").series("test_error") == [None, None]


OTHER_FILES = {
    "empty": b"",
    "cut off": b'{"configuration": {}, "source": "MNI',
    "no JSON": b"<!DOCTYPE html>",
    "a list": b"[1, 2]",
    "no history": b'{"error": 1.0}',
    "no text": bytes(range(256)),
    "nested without end": b"[" * 200_000,
    "null": b"null",
    **{f"{name} is {value}": json.dumps({"configuration": {}, "source": "MNIST", "seed": 0, name: value}).encode()
       for name, value in (
           ("source", 3), ("seed", "0"), ("passes", 3), ("passes", [3]), ("passes", [{"pass": 1}]), ("finished", "x"),
           ("passes", [dict.fromkeys(("pass", "eta", "train_error", "train_loss", "test_error", "seconds"), "x")]),
    )},
}  # fmt: skip


@pytest.mark.parametrize("content", OTHER_FILES.values(), ids=OTHER_FILES.keys())
def test_a_file_that_is_no_history_is_refused_by_name(content, tmp_path):
    path = tmp_path / "history.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="history.json is not a training history .*expected JSON by History.save"):
        History.load(path)


def test_a_missing_history_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        History.load(tmp_path / "history.json")


def test_a_history_that_cannot_be_written_leaves_the_earlier_one(history, tmp_path):
    path = tmp_path / "history.json"
    history.save(path)
    with pytest.raises(OSError, match="history.json.* could not be written"):
        history.save(path / "history.json")
    assert History.load(path) == history
    assert [file.name for file in tmp_path.iterdir()] == ["history.json"]
