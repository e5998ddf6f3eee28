"""A file is written whole, in place of a file and of nothing else, and what other processes write is left alone."""

import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
import torch

from lenet_helpers.cli.parser import main
from lenet_helpers.files import (
    CheckpointError,
    check_writable,
    load_tensors,
    remove_leftovers,
    save_tensors,
    temporary_prefix,
    write_whole,
)
from lenet_helpers.model import LeNet5
from lenet_helpers.training.history import History
from lenet_helpers.weights import load_weights, save_weights

unix = pytest.mark.skipif(os.name == "nt", reason="devices, named pipes and modes are Unix's")


def device(path):
    """A private null device: never try any of this on a real one."""
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("mknod is not permitted here")


def listening(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))  # an absolute one may be too long


NO_FILES = {"a folder": Path.mkdir, "a device": device, "a named pipe": os.mkfifo, "a socket": listening} if (
    os.name != "nt"
) else {"a folder": Path.mkdir}  # fmt: skip
WRITERS = {
    "text": lambda path: write_whole(path, lambda temporary: temporary.write_text("x", encoding="utf-8")),
    "tensors": lambda path: save_tensors(path, {"a": torch.zeros(3)}, {}),
    "weights": lambda path: save_weights(LeNet5(), path),
    "a history": lambda path: History({}, "MNIST", 0).save(path),
    "the check before a training": check_writable,
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())
@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_there_and_is_not_a_file_is_refused_by_its_kind_and_stays(kind, write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "n"
    NO_FILES[kind](path)
    before = path.lstat()
    with pytest.raises(OSError, match=f"n could not be written .*it is {kind}, not a file"):
        write(path)
    after = path.lstat()
    assert (after.st_ino, after.st_mode, after.st_rdev) == (before.st_ino, before.st_mode, before.st_rdev)
    assert list(tmp_path.iterdir()) == [path]


@unix
def test_a_device_given_to_train_is_refused_before_training(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("lenet_helpers.cli.commands.fit", None)
    device(tmp_path / "n")
    for option in ("--out", "--history"):
        assert main(["train", "--dataset", "sklearn", option, str(tmp_path / "n")]) == 1
        assert "it is a device, not a file" in capsys.readouterr().err
    assert stat.S_ISCHR((tmp_path / "n").stat().st_mode)


@unix
@pytest.mark.parametrize("write", list(WRITERS.values())[:4], ids=list(WRITERS)[:4])
def test_a_symbolic_link_stays_and_its_target_is_written(write, tmp_path):
    there, link = tmp_path / "elsewhere" / "target", tmp_path / "link"
    there.parent.mkdir()
    link.symlink_to(there)
    for _ in ("a new target", "an earlier one"):
        write(link)
        assert link.is_symlink() and there.is_file() and not there.is_symlink()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["elsewhere", "link", "target"]


@unix
def test_a_symbolic_link_to_a_device_and_one_to_itself_are_refused(tmp_path):
    device(tmp_path / "n")
    (tmp_path / "link").symlink_to(tmp_path / "n")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("link", "loop"):
        with pytest.raises(OSError, match="could not be written"):
            save_weights(LeNet5(), tmp_path / name)
    assert stat.S_ISCHR((tmp_path / "n").stat().st_mode) and (tmp_path / "loop").is_symlink()


@unix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_the_mode_of_an_earlier_file_stays(mode, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(LeNet5(seed=1), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask()
    path.chmod(mode)
    save_weights(LeNet5(seed=2), path)
    assert stat.S_IMODE(path.stat().st_mode) == mode and load_weights(path).seed == 2


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@unix
def test_the_owner_of_an_earlier_file_stays_when_root_writes_it(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(LeNet5(), path)
    try:
        os.chown(path, 12345, 54321)
    except PermissionError:
        pytest.skip("only root gives a file away")
    save_weights(LeNet5(), path)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)


WRITING = """
import sys
from pathlib import Path
from lenet_helpers.files import write_whole
for count in range(int(sys.argv[2])):
    write_whole(sys.argv[1], lambda temporary: temporary.write_bytes(bytes(100)))
"""


def test_the_temporary_files_of_a_living_process_are_left_alone(tmp_path):
    """A writer and one who clears up, at once: every write ends well."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITING, tmp_path / "file", "1000"], stderr=subprocess.PIPE, encoding="utf-8"
    )
    seen = 0
    while process.poll() is None:
        seen += any(path.suffix == ".tmp" for path in tmp_path.iterdir())
        remove_leftovers(tmp_path / "file")
    assert process.returncode == 0, process.stderr.read()
    assert seen > 10, "they never met"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_only_what_dead_processes_of_this_machine_left_is_cleared_up(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    path = tmp_path / "file.safetensors"
    prefix = temporary_prefix(path)
    dead, alive = f"{prefix}{ended.pid}.0.tmp", f"{prefix}{psutil.Process().ppid()}.0.tmp"
    others = [alive, f".file.safetensors.elsewhere.{ended.pid}.0.tmp", f".other{dead}", f"{prefix}{9 * '9' * 9}.0.tmp"]
    for name in (dead, *others):
        (tmp_path / name).touch()
    remove_leftovers(path)
    assert {left.name for left in tmp_path.iterdir()} == set(others)


def test_threads_that_write_the_same_file_at_once_each_write_a_whole_one(tmp_path):
    path, failures = tmp_path / "file", []

    def write(letter):
        try:
            for _ in range(100):
                write_whole(path, lambda temporary: temporary.write_bytes(letter * 1000))
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and path.read_bytes() in (b"a" * 1000, b"b" * 1000, b"c" * 1000)
    assert list(tmp_path.iterdir()) == [path]


def unreadable(path):
    path.write_bytes(b"x")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root reads every file")


CANNOT = {
    "there is none": (lambda path: None, "does not exist"),
    "a folder": (Path.mkdir, "cannot be read .it is a folder, not a file"),
    **({} if os.name == "nt" else {
        "a named pipe": (os.mkfifo, "cannot be read .it is a named pipe, not a file"),
        "no permission": (unreadable, "cannot be read .Permission denied"),
    }),
}  # fmt: skip


@pytest.mark.parametrize("make, said", CANNOT.values(), ids=CANNOT.keys())
def test_a_place_that_cannot_be_read_is_told_apart_from_a_damaged_file(make, said, tmp_path):
    path = tmp_path / "w.safetensors"
    make(path)
    for load in (load_tensors, load_weights):
        with pytest.raises(CheckpointError, match=f"w.safetensors {said}.*expected a .safetensors file") as caught:
            load(path)
        assert "delete" not in str(caught.value)


@pytest.mark.skipif(not hasattr(psutil.Process, "memory_maps"), reason="what a process has mapped is not told here")
def test_what_is_loaded_does_not_keep_the_file_mapped(tmp_path):
    """Windows replaces no file that is mapped."""
    path = tmp_path / "w.safetensors"
    save_weights(LeNet5(), path)
    tensors, _ = load_tensors(path)
    assert tensors and str(path) not in {region.path for region in psutil.Process().memory_maps()}
