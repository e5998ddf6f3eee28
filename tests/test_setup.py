"""The set-up: one command from a fresh clone, done once, and red when something is broken."""

import itertools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from mnist_at_hand import mnist_or_skip
from packaging.requirements import Requirement
from scripts import script

import lenet_helpers
from lenet_helpers.data.digits import DataError

ROOT = Path(__file__).resolve().parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def commands():
    """The names of the Makefile's commands."""
    return set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.M)[1].split())


def setup_script():
    return script("tools/setup_venv.py")


def run(*command, cwd=ROOT, **variables):
    """The finished process, started as from a reader's shell: without what pytest and make leave behind."""
    ours = ("PYTEST", "MAKE", "MFLAGS", "LENET")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**inherited, **{name: str(value) for name, value in variables.items()}},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=300,
    )


def pinned():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def declared():
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return [Requirement(line) for group in groups for line in group if not line.startswith("lenet_helpers")]


def test_every_declared_requirement_has_a_pin_inside_its_range():
    pins = {}
    for pin in pinned():
        assert str(pin.specifier).startswith("=="), f"{pin} is not an exact version"
        pins.setdefault(pin.name, []).append(str(pin.specifier).removeprefix("=="))
    for requirement in declared():
        versions = pins.get(requirement.name)
        assert versions, f"constraints.txt does not pin {requirement.name}"
        outside = [version for version in versions if not requirement.specifier.contains(version)]
        assert not outside, f"{requirement} excludes the pin {outside}"


@pytest.mark.parametrize("python", ["3.11.0", "3.11.7", "3.12.0", "3.13.0"])
@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_no_package_has_two_pins_on_one_machine(python, platform):
    machine = {
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "sys_platform": platform,
        "os_name": "nt" if platform == "win32" else "posix",
        "platform_machine": "x86_64",
        "implementation_name": "cpython",
    }
    names = [pin.name for pin in pinned() if pin.marker is None or pin.marker.evaluate(machine)]
    assert len(names) == len(set(names))
    assert len(names) > 100


def test_the_readme_names_files_and_commands_that_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = [target for target in re.findall(r"\]\(([^)]+)\)", readme) if "://" not in target]
    assert len(linked) > 10
    assert [target for target in linked if not (ROOT / target).is_file()] == []
    named = set(re.findall(r"\bmake ([a-z][a-z-]+)\b(?=[` ])", readme))
    assert named >= {"reproduce", "test", "lab"}
    assert named <= commands()


def test_the_citation_file_names_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {lenet_helpers.__version__}\n" in citation


def test_a_python_that_is_too_old_is_told_so():
    complaint = setup_script().complaint
    assert complaint((3, 11, 0), True) is None
    assert complaint((3, 13, 1), True) is None
    assert "3.11 or newer is needed" in complaint((3, 10, 13), True)
    assert "apt install python3-venv" in complaint((3, 12, 0), False)


def test_torch_alone_comes_from_the_index_that_is_named_and_nothing_else_does():
    """A package of another name on that index is never asked for, nor is torch of another index taken."""
    installations = setup_script().installations
    torch, *rest = installations(None)
    first, *others = installations("https://index.example/cpu")
    assert others == rest and not any("index" in word for command in (torch, *rest) for word in command)
    assert first[-5:] == ["--index-url", "https://index.example/cpu", "--no-deps", "torch", "torchvision"]
    hashed, project = rest
    for command in (first, hashed, project):
        assert command[1:4] == ["-m", "pip", "install"]
        if command is not hashed:
            assert command[command.index("--constraint") + 1] == "constraints.txt"
    assert hashed[-4:] == ["--no-deps", "--require-hashes", "--requirement", "hashes.txt"]
    assert project[-3:] == ["--no-build-isolation", "--editable", ".[dev]"]


def test_every_pinned_file_but_torchs_has_its_hash():
    text = (ROOT / "hashes.txt").read_text(encoding="utf-8")
    entries = [entry.replace(" \\", "").split() for entry in re.split(r"\n(?=[\w#])", text) if "--hash" in entry]
    hashed = {}
    for entry in entries:
        pin, hashes = " ".join(entry).split(" --hash", 1)
        assert all(re.fullmatch(r"=sha256:[0-9a-f]{64} ?", each) for each in hashes.split("--hash"))
        hashed[pin] = hashes
    pinned = {line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line}
    of_torch = r"(torch|torchvision|triton|(nvidia|cuda)-[a-z0-9-]+)=="
    assert len(hashed) == len(entries) and hashed.keys() == {pin for pin in pinned if not re.match(of_torch, pin)}


def test_nothing_that_is_run_for_others_takes_packages_from_a_second_index():
    for path in [*(ROOT / ".github").rglob("*.yml"), *(ROOT / ".devcontainer").iterdir(), ROOT / "Makefile"]:
        assert "extra-index-url" not in path.read_text(encoding="utf-8"), path


def test_the_workflow_may_only_read_and_runs_actions_of_one_commit_each():
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"} and workflow["concurrency"]["cancel-in-progress"]
    assert not any("permissions" in job for job in workflow["jobs"].values())
    used = re.findall(r"uses: *(\S+)(.*)", text)
    assert used and all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action, _ in used)
    assert all(re.fullmatch(r" # v\d+\.\d+\.\d+", version) for _, version in used)
    assert any("pip_audit" in step.get("run", "") for step in workflow["jobs"]["audit"]["steps"])


def test_the_set_up_reports_large_downloads_and_little_else():
    milestone = setup_script().milestone
    torch = "  Downloading torch-2.13.0-cp312-none-macosx_11_0_arm64.whl (80.5 MB)"
    assert milestone(torch) == "downloading torch 2.13.0 (80 MB)"
    assert milestone("Downloading https://host/a/scipy-1.17.1-cp311-x.whl.metadata (62 kB)") is None
    assert milestone("Collecting numpy==2.4.6") is None
    assert milestone("Installing collected packages: a, b, c") == "installing 3 packages"
    cuda = "  Downloading torch-2.13.0-cp312-cp312-manylinux_2_28_x86_64.whl (526.6 MB)"
    assert "without a GPU, stop here" in milestone(cuda) and "TORCH_INDEX=" in milestone(cuda)


@pytest.fixture
def clone(tmp_path):
    """`make` in a folder whose python3 notes its calls, and succeeds in setting up unless FAIL is set."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in setup_script().MADE_OF:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / ".venv").mkdir()
    for name in ("python3", "venv_python"):
        script = (
            '#!/bin/sh\n[ "$1" = -c ] && echo Python && exit\n'
            f'echo {name} "$@" >> calls\ntest -z "$FAIL" && touch .venv/.ready\n'
        )
        (tmp_path / name).write_text(script, encoding="utf-8")
        (tmp_path / name).chmod(0o755)

    def make(*words, **variables):
        (tmp_path / "calls").write_text("", encoding="utf-8")
        words = (*words, "PYTHON=./python3", "VENV_PYTHON=./venv_python")
        process = run("make", *words, cwd=tmp_path, **variables)
        calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
        return process.returncode, calls, process.stdout

    make.folder = tmp_path
    return make


ODD_SIGNS = ["$(shell touch touched)", "`touch touched`", "$$x ${y} $(z)", "a#b", "it's \"so\"", "% \\ & ; | *", "五 é"]
FOREIGN = (
    "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONINSPECT", "PYTHONOPTIMIZE", "PYTHONSAFEPATH",
    "PYTHONWARNINGS", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH", "JUPYTER_PREFER_ENV_PATH", "PYTEST_ADDOPTS",
    "PYTEST_PLUGINS", "MPLBACKEND", "MATPLOTLIBRC",
)  # fmt: skip
SET_UP, LINT = "python3 tools/setup_venv.py", "venv_python -m ruff check ."


@needs_make
@pytest.mark.skipif(os.name == "nt", reason="the stand-in for python3 is a shell script")
class TestMake:
    def test_the_first_command_sets_up_and_the_second_does_not(self, clone):
        assert clone("lint")[:2] == (0, [SET_UP, LINT])
        assert clone("lint")[:2] == (0, [LINT])

    @pytest.mark.parametrize("name", setup_script().MADE_OF)
    def test_a_change_of_what_is_installed_sets_up_again(self, clone, name):
        clone("lint")
        os.utime(clone.folder / ".venv" / ".ready", (2, 2))
        os.utime(clone.folder / name, (3, 3))
        assert clone("lint")[:2] == (0, [SET_UP, LINT])

    def test_a_set_up_that_fails_stops_the_command_and_is_tried_again(self, clone):
        code, calls, _ = clone("lint", FAIL="1")
        assert code != 0 and calls == [SET_UP]
        assert clone("lint")[:2] == (0, [SET_UP, LINT])

    def test_a_machine_without_python3_is_told_so(self, clone):
        shutil.rmtree(clone.folder / ".venv")
        process = run("make", "lint", "PYTHON=no-such-python", cwd=clone.folder)
        assert process.returncode != 0 and "no no-such-python on this machine" in process.stdout

    @pytest.mark.parametrize("python", ["/bin/false", "/bin/true", "/bin/echo", "Makefile"])
    def test_what_is_no_python_is_told_apart_from_one_that_fails(self, clone, python):
        shutil.rmtree(clone.folder / ".venv")
        process = run("make", "lint", f"PYTHON={python}", cwd=clone.folder)
        assert process.returncode != 0
        assert f"set-up: {'no ' if python == 'Makefile' else ''}{python}" in process.stdout
        assert "3.11 or newer" in process.stdout

    @pytest.mark.parametrize("sign", ODD_SIGNS)
    @pytest.mark.parametrize("by", ["the environment", "the command line"])
    def test_what_a_reader_sets_is_data_whatever_signs_it_has(self, clone, sign, by):
        script = '#!/bin/sh\n[ "$1" = -c ] && echo Python && exit\ntouch .venv/.ready\n'
        script += 'printf "%s\\n" "$LENET_DATA" "$@" >> calls\n'
        for name in ("python3", "venv_python"):
            (clone.folder / (odd := f"{name} {sign}")).write_text(script, encoding="utf-8")
            (clone.folder / odd).chmod(0o755)
        chosen = {
            "PYTHON": f"./python3 {sign}", "VENV_PYTHON": f"./venv_python {sign}", "LENET_DATA": f"/a {sign} b",
            "NOTEBOOKS": f"note {sign} books", "TORCH_INDEX": sign, "REPO": sign, "JOBS": "3",
        }  # fmt: skip
        (clone.folder / ".venv" / ".ready").unlink(missing_ok=True)
        (clone.folder / "calls").write_text("", encoding="utf-8")
        words = [f"{name}={value}" for name, value in chosen.items()] if by == "the command line" else []
        process = run("make", "test-notebooks", "badges", *words, cwd=clone.folder, **({} if words else chosen))
        assert process.returncode == 0, process.stdout
        calls = (clone.folder / "calls").read_text(encoding="utf-8").splitlines()
        assert calls[:2] == [f"/a {sign} b", "tools/setup_venv.py"]
        assert calls[2:6] == [f"/a {sign} b", "-m", "pytest", f"note {sign} books"]
        assert calls[-5:] == [f"/a {sign} b", "tools/notebooks.py", "badges", "--repo", sign]
        assert not (clone.folder / "touched").exists()

    @pytest.mark.parametrize("sign", ODD_SIGNS)
    def test_the_folder_may_be_called_anything(self, clone, sign):
        folder = clone.folder / f"le net {sign}"
        folder.mkdir()
        for path in list(clone.folder.iterdir()):
            if path != folder:
                path.rename(folder / path.name)
        script = '#!/bin/sh\n[ "$1" = -c ] && echo Python && exit\ntouch .venv/.ready\n'
        script += 'printf "%s\\n" "$LENET_DATA" "$JUPYTER_DATA_DIR" >> calls\n'
        (folder / "python3").write_text(script, encoding="utf-8")
        words = ("PYTHON=./python3", "VENV_PYTHON=./python3", "LENET_DATA=some data")
        assert run("make", "test-unit", *words, cwd=folder).returncode == 0
        calls = (folder / "calls").read_text(encoding="utf-8").splitlines()
        assert calls[-2:] == [f"{folder}/some data", f"{folder}/build/jupyter"]
        assert not list(clone.folder.rglob("touched"))

    def test_a_readers_python_and_jupyter_stay_out_of_every_command(self, clone):
        script = '#!/bin/sh\n[ "$1" = -c ] && echo Python && exit\ntouch .venv/.ready\n'
        script += 'env | grep -E "^(PYTHON|PYTEST|JUPYTER|MPL|MATPLOTLIB)" >> calls\n'
        (clone.folder / "venv_python").write_text(script, encoding="utf-8")
        chosen = dict.fromkeys(FOREIGN, "/foreign")
        for command in sorted(commands() - {"help", "clean"}):
            _, calls, output = clone(command, **chosen)
            assert "JUPYTER_PREFER_ENV_PATH=1" in calls, output
            assert not [line for line in calls if "/foreign" in line], command

    def test_the_test_command_is_lint_then_unit_tests_then_notebooks(self, clone):
        ran = [" ".join(call.split()[2:4]) for call in clone("test")[1][1:]]
        assert ran == ["ruff check", "pytest tests", "pytest notebooks"]

    def test_a_relative_lenet_data_is_made_absolute(self, clone):
        script = '#!/bin/sh\necho "$LENET_DATA" >> calls\n'
        (clone.folder / "venv_python").write_text(script, encoding="utf-8")
        assert clone("lint", LENET_DATA="../some data")[1][-1] == f"{clone.folder}/../some data"
        assert clone("lint", "LENET_DATA=/some data")[1][-1] == "/some data"
        assert clone("lint")[1][-1] == ""

    def test_help_lists_every_command_with_a_line(self, clone):
        listed = re.findall(r"^  ([a-z-]+) +\S", clone("help")[2], re.M)
        assert set(listed) == commands() and len(listed) == len(commands())
        assert set(listed) >= set(
            "reproduce test test-notebooks lint lab bench study results demo badges clean help".split()
        )


def write_notebook(path, *cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


@needs_make
def test_a_broken_notebook_turns_test_notebooks_red_and_is_named(tmp_path):
    in_own_folder = f"assert Path.cwd().name == {tmp_path.name!r}"
    write_notebook(tmp_path / "00_sound.ipynb", "from pathlib import Path", in_own_folder)
    write_notebook(tmp_path / "01_broken.ipynb", "a = 1", "a += 1", "assert a == 3, 'two and one'", "a = 4")
    words = ("make", "-o", ".venv/.ready", "test-notebooks", f"NOTEBOOKS={tmp_path}", "JOBS=0")
    broken = run(*words, f"VENV_PYTHON={sys.executable}")
    assert broken.returncode != 0 and "1 failed, 5 passed" in broken.stdout, broken.stdout
    assert "01_broken.ipynb::Cell 2" in broken.stdout and "two and one" in broken.stdout, broken.stdout


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A machine without a network that looks for MNIST in `tmp_path`, which is empty."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("LENET_DATA", raising=False)
    monkeypatch.setattr("lenet_helpers.data.mnist.default_folder", lambda: tmp_path)
    return tmp_path


def write_wrong_mnist(folder):
    (folder / "MNIST" / "raw").mkdir(parents=True)
    for split, kind in itertools.product(("train", "t10k"), ("images-idx3", "labels-idx1")):
        (folder / "MNIST" / "raw" / f"{split}-{kind}-ubyte").write_bytes(b"\0" * 100)


def test_tests_that_need_mnist_are_skipped_where_it_cannot_be_had(elsewhere):
    with pytest.raises(pytest.skip.Exception, match="needs MNIST: MNIST is not in"):
        mnist_or_skip()


def test_a_missing_mnist_is_a_failure_where_lenet_data_names_it(elsewhere, monkeypatch):
    monkeypatch.setenv("LENET_DATA", str(elsewhere / "named"))
    with pytest.raises(DataError, match="named"):
        mnist_or_skip()


@pytest.mark.parametrize("named", [True, False])
def test_a_wrong_mnist_is_a_failure_everywhere(elsewhere, monkeypatch, named):
    write_wrong_mnist(elsewhere)
    if named:
        monkeypatch.setenv("LENET_DATA", str(elsewhere))
    with pytest.raises(DataError, match="is truncated"):
        mnist_or_skip()
