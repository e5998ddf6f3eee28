"""Files written whole or not at all, and tensors as safetensors: numbers and text only, nothing that could run as code."""

import json
import os
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

FORMAT = "lenet_helpers 1"


class CheckpointError(ValueError):
    """A file of weights or a checkpoint that does not fit what it is asked for."""


def save_tensors(path, tensors, facts):
    """Write named tensors and a dict of facts (JSON) as one safetensors file, whole or not at all."""
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    metadata = {"format": FORMAT, "facts": json.dumps(facts)}
    write_whole(path, lambda temporary: save_file(tensors, temporary, metadata))


def load_tensors(path):
    """Read what `save_tensors` wrote: (tensors by name, facts). Raises CheckpointError for any other file."""
    if not Path(path).is_file():
        raise CheckpointError(
            f"{path} does not exist; expected a .safetensors file written by lenet_helpers."
        )
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
    return tensors, json.loads(metadata["facts"])


def write_whole(path, write):
    """Write a file under a temporary name beside `path`, then rename it: `path` is the old file or the new one whole.

    write: called with the temporary path. Raises OSError with the reason; an earlier file stays as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        if temporary.parent.is_dir():
            temporary.unlink(missing_ok=True)
        raise OSError(
            f"{path} could not be written ({error}). What was saved before is unharmed; free some space or give "
            "another folder, then run the same again."
        ) from error
