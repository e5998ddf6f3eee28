"""Files written whole or not at all, and tensors as safetensors: numbers and text, nothing that could run as code."""

import glob
import itertools
import json
import os
import platform
import stat
import tempfile
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

FORMAT = "lenet_helpers 1"
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}
writes = itertools.count()  # of this process, so that two of its threads never share a temporary file


class CheckpointError(ValueError):
    """A file of weights or a checkpoint that does not fit what it is asked for."""


def save_tensors(path, tensors, facts):
    """Write named tensors, a dict of facts (JSON) and a checksum as one safetensors file, whole or not at all."""
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    facts = json.dumps(facts)
    metadata = {"format": FORMAT, "facts": facts, "crc32": checksum(tensors, facts)}
    write_whole(path, lambda temporary: temporary.write_bytes(save(tensors, metadata)))


def load_tensors(path):
    """Read what `save_tensors` wrote: (tensors by name, facts, a dict). Raises CheckpointError for any other file.

    The tensors are copies: the file is closed, and may be replaced while they are in use.
    """
    try:
        if not regular(path):
            raise CheckpointError(f"{path} does not exist; expected a .safetensors file written by lenet_helpers.")
        open(path, "rb").close()  # safe_open says the same of a file that may not be read and of one that is damaged
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror or error}); expected a .safetensors file written by lenet_helpers."
        ) from error
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} is not a whole safetensors file ({error}); write it again or delete it."
        ) from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} has format {metadata.get('format')!r}; expected {FORMAT!r}. It is of another program or version."
        )
    facts = metadata.get("facts", "{}")
    found = checksum(tensors, facts)
    if metadata.get("crc32", found) != found:
        raise CheckpointError(
            f"{path} is damaged: its content has the checksum {found}, expected {metadata['crc32']}; "
            "write it again or delete it."
        )
    return tensors, json_object(facts, path)


def json_object(text, path):
    """The dict that a file's facts are in JSON. Raises CheckpointError for anything else."""
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} has facts that are not JSON ({error}); expected a JSON object.") from error
    if not isinstance(facts, dict):
        raise CheckpointError(f"{path} has facts of type {type(facts).__name__}; expected a JSON object.")
    return facts


def checksum(tensors, facts):
    """CRC-32 of the facts and the named tensors, as text."""
    value = zlib.crc32(facts.encode("utf-8"))
    for name in sorted(tensors):
        numbers = tensors[name].reshape(-1).view(torch.uint8).numpy()
        value = zlib.crc32(numbers, zlib.crc32(name.encode("utf-8"), value))
    return f"{value:08x}"


def regular(path):
    """Whether `path` is a file, itself or through symbolic links; False where there is nothing.

    Raises OSError, naming its kind, for anything else: a folder, a device, a named pipe, a socket.
    """
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)
    except FileNotFoundError:
        return False
    if kind != stat.S_IFREG:
        raise OSError(f"it is {KINDS.get(kind, 'something else')}, not a file")
    return True


def same_file(one, other):
    """Whether two names are of one file: through links, or where a disk takes "a" and "A" for one."""
    if os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other)):
        return True
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


def write_whole(path, write):
    """Write a file under a temporary name beside `path`, then rename it: `path` is the old file or the new, whole.

    write: called with the temporary path. A symbolic link stays, and the file it leads to is written; an earlier
    file's mode and owner stay. Raises OSError with the reason, also for what is there and is not a file; an earlier
    file stays as it was.
    """
    with explained(path):
        earlier = regular(path)
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f"{temporary_prefix(target)}{os.getpid()}.{next(writes)}.tmp")
        try:
            write(temporary)
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            if earlier:
                keep_mode_and_owner(target, temporary)
            os.replace(temporary, target)
        finally:
            with suppress(OSError):
                temporary.unlink()


def keep_mode_and_owner(earlier, new):
    """Give the file `new` the mode of `earlier`, and its owner and group where this process may."""
    status = earlier.stat()
    if hasattr(os, "chown"):
        with suppress(PermissionError):
            os.chown(new, status.st_uid, status.st_gid)
    new.chmod(stat.S_IMODE(status.st_mode))


def check_writable(path):
    """Raise OSError with the reason where `path` could not be written; an earlier file stays as it was."""
    with explained(path):
        regular(path)
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=target.parent).close()


@contextmanager
def explained(path):
    """Turn a failure to write `path` into an OSError that says what to do."""
    try:
        yield
    except OSError as error:
        raise OSError(
            f"{path} could not be written ({error}). What was saved before is unharmed; free some space or give "
            "another place, then run the same again."
        ) from error


def temporary_prefix(target):
    """How the names of this machine's temporary files for `target` begin; the writing process's id follows."""
    return f".{target.name}.{platform.node()}."


def remove_leftovers(path):
    """Delete the temporary files that processes killed in the middle of `write_whole` have left beside `path`.

    Only those of processes of this machine that no longer run: another's may be half written just now.
    """
    target = Path(os.path.realpath(path))
    prefix = temporary_prefix(target)
    for temporary in target.parent.glob(f"{glob.escape(prefix)}*.tmp"):
        owner = temporary.name.removeprefix(prefix).partition(".")[0]
        if owner.isdecimal() and len(owner) < 10 and not psutil.pid_exists(int(owner)):
            temporary.unlink(missing_ok=True)
