"""Files written whole or not at all, and tensors as safetensors: numbers and text, nothing that could run as code."""

import glob
import json
import os
import tempfile
import zlib
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

FORMAT = "lenet_helpers 1"


class CheckpointError(ValueError):
    """A file of weights or a checkpoint that does not fit what it is asked for."""


def save_tensors(path, tensors, facts):
    """Write named tensors, a dict of facts (JSON) and a checksum as one safetensors file, whole or not at all."""
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    facts = json.dumps(facts)
    metadata = {"format": FORMAT, "facts": facts, "crc32": checksum(tensors, facts)}
    write_whole(path, lambda temporary: temporary.write_bytes(save(tensors, metadata)))


def load_tensors(path):
    """Read what `save_tensors` wrote: (tensors by name, facts). Raises CheckpointError for any other file."""
    if not Path(path).is_file():
        raise CheckpointError(f"{path} does not exist; expected a .safetensors file written by lenet_helpers.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
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
    return tensors, json.loads(facts)


def checksum(tensors, facts):
    """CRC-32 of the facts and the named tensors, as text."""
    value = zlib.crc32(facts.encode("utf-8"))
    for name in sorted(tensors):
        numbers = tensors[name].reshape(-1).view(torch.uint8).numpy()
        value = zlib.crc32(numbers, zlib.crc32(name.encode("utf-8"), value))
    return f"{value:08x}"


def write_whole(path, write):
    """Write a file under a temporary name beside `path`, then rename it: `path` is the old file or the new, whole.

    write: called with the temporary path. Raises OSError with the reason; an earlier file stays as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write(temporary)
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink()


def check_writable(path):
    """Raise OSError with the reason where `path` could not be written; an earlier file stays as it was."""
    path = Path(path)
    with explained(path):
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()


@contextmanager
def explained(path):
    """Turn a failure to write `path` into an OSError that says what to do."""
    try:
        yield
    except OSError as error:
        raise OSError(
            f"{path} could not be written ({error}). What was saved before is unharmed; free some space or give "
            "another folder, then run the same again."
        ) from error


def remove_leftovers(path):
    """Delete the temporary files that processes killed in the middle of `write_whole` have left beside `path`."""
    path = Path(path)
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        temporary.unlink(missing_ok=True)
