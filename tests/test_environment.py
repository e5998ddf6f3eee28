"""environment.yml holds what pyproject.toml declares; an activated environment is used instead of another of 1.9 GB."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from scripts import script

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# conda-forge's names of the same packages
NAMES = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib", "seaborn-base": "seaborn"}
TESTING = {"nbval", "papermill", "pytest"}
DEVELOPING = TESTING | {Requirement(line).name for line in PROJECT["optional-dependencies"]["dev"]}


def environment():
    """(python, the requirements) of environment.yml, in PyPI's names."""
    lines = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    conda, (pip,) = [line for line in lines if isinstance(line, str)], [line["pip"] for line in lines[-1:]]
    assert pip[-1] == "-e ."
    python, installer, *rest = conda
    assert installer == "pip"
    requirements = [Requirement(line) for line in (*rest, *pip[:-1])]
    return python, {NAMES.get(each.name, each.name): each.specifier for each in requirements}


def declared(*extras):
    groups = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    requirements = [Requirement(line) for group in groups for line in group]
    return {each.name: each.specifier for each in requirements if each.name != "lenet_helpers"}


def test_every_line_of_environment_yml_has_the_range_that_pyproject_gives():
    python, requirements = environment()
    ranges = declared(*PROJECT["optional-dependencies"])
    assert {name: ranges.get(name) for name in requirements} == requirements
    assert f"Programming Language :: Python :: {python.removeprefix('python=')}" in PROJECT["classifiers"]


def test_environment_yml_has_all_that_notebooks_need_and_no_other_tool_for_testing():
    requirements = set(environment()[1])
    assert requirements >= set(declared("notebooks", "widgets")) - {"voila"}  # voila serves `make demo` alone
    assert requirements & (DEVELOPING) == TESTING


@pytest.fixture
def setup_script():
    return script("tools/setup_venv.py")


def activated(folder, has_torch):
    """An environment whose Python finds torch, or not."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (python,) = [path for path in (folder / "bin" / "python", folder / "Scripts" / "python.exe") if path.exists()]
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    if has_torch:
        (Path(packages) / "torch.py").touch()
    return python


def test_an_activated_environment_with_torch_is_used(setup_script, tmp_path):
    python = activated(tmp_path / "lenet", has_torch=True)
    for name in ("CONDA_PREFIX", "VIRTUAL_ENV"):
        assert setup_script.activated({name: str(tmp_path / "lenet")}) == python


def test_no_other_environment_is_used(setup_script, tmp_path):
    activated(tmp_path / "bare", has_torch=False)
    for prefix in (tmp_path / "bare", tmp_path / "gone", setup_script.VENV):
        assert setup_script.activated({"CONDA_PREFIX": str(prefix)}) is None
    assert setup_script.activated({}) is None
