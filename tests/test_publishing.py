"""What the publishing workflow and the hosted environments are made from."""

import json
import re
import sys
from pathlib import Path

import pytest
import yaml

import lenet_helpers

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "pages.yml").read_text(encoding="utf-8"))

sys.path.append(str(ROOT / "tools"))
import colab  # noqa: E402


def steps():
    return [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def test_every_action_of_the_publishing_workflow_is_pinned_by_commit():
    used = [step["uses"] for step in steps() if "uses" in step]
    assert len(used) > 4
    assert [action for action in used if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action)] == []


def test_each_job_has_the_permissions_it_needs_and_no_others():
    assert WORKFLOW["permissions"] == {}
    assert {name: job["permissions"] for name, job in WORKFLOW["jobs"].items()} == {
        "stamp": {"contents": "write"},
        "build": {"contents": "read"},
        "publish": {"pages": "write", "id-token": "write"},
        "colab": {"contents": "read"},
    }


def test_what_the_workflow_runs_is_there():
    text = " ".join(step.get("run", "") for step in steps())
    named = set(re.findall(r"python3? ((?:tools|site)/\w+\.py)", text))
    assert named == {"tools/notebooks.py", "tools/colab.py"}
    assert [name for name in named if not (ROOT / name).is_file()] == []
    assert re.findall(r"\bmake ([a-z-]+)", text) == ["site"]
    assert "\nsite: " in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_dev_container_opens_and_sets_up_what_is_there():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    files = [container["postCreateCommand"].split()[-1], *container["customizations"]["codespaces"]["openFiles"]]
    assert [name for name in files if not (ROOT / name).is_file()] == []


def test_the_list_of_what_colab_ships_is_renewed_by_name():
    listed = "# a note\njupyter-client==7.4.9\nnumpy==2.1.3\n"
    shipped = "jupyter_client==8.0.0\nNumPy==2.2.0\ntorch @ https://example.org/torch.whl\nother==1\n"
    assert colab.renew(listed, shipped) == "# a note\njupyter-client==8.0.0\nnumpy==2.2.0\n"
    with pytest.raises(ValueError, match="no longer ships numpy"):
        colab.renew(listed, "jupyter_client==8.0.0\n")


def test_the_readmes_lines_train_and_read_a_digit(monkeypatch, capsys):
    (lines,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert lines.count("\n") <= 8
    digits = {split: lenet_helpers.load_digits(split, "sklearn").subset(slice(0, 200)) for split in ("train", "test")}
    monkeypatch.setattr(lenet_helpers, "load_digits", digits.get)
    exec(lines, {})
    assert re.search(r"200 digits: error rate .*\nThe first test digit is a \d\n$", capsys.readouterr().out, re.S)
