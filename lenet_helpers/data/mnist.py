"""Where MNIST lies, whether it is the real one, and how it gets there: four IDX files.

The files lie in `<folder>/MNIST/raw`, where torchvision.datasets.MNIST keeps them; others' names and places for
them are known too, since the MD5 of each is compared on every load: a score can never come from a damaged or a
different set.
"""

import gzip
import hashlib
import http.client
import os
import re
import socket
import sys
import tempfile
import time
import urllib.request
import zlib
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import torch

from ..files import regular
from .torchvision_import import import_torchvision

# file: (MD5, bytes)
FILES = {
    "train-images-idx3-ubyte": ("6bbc9ace898e44ae57da46a324031adb", 47_040_016),
    "train-labels-idx1-ubyte": ("a25bea736e30d166cdddb491f175f624", 60_008),
    "t10k-images-idx3-ubyte": ("2646ac647ad5339dbf082846283269ea", 7_840_016),
    "t10k-labels-idx1-ubyte": ("27ae3e4e09519cfbb04c329615203637", 10_008),
}
GZIP = b"\x1f\x8b"
SHOWN = 8  # names of files in an error message
PATIENCE = 8.0  # seconds for a mirror to answer at all
STALL = 15.0  # seconds a download under way may stand still


class DataError(ValueError):
    """The digits asked for are not there, or are not what they should be."""


class DownloadError(DataError):
    """MNIST is absent and could not be downloaded: the folder it is not in, and the reason."""

    def __init__(self, raw, reason):
        super().__init__(raw, reason)
        self.raw, self.reason = raw, reason

    def __str__(self):
        return (
            f"MNIST is not in {self.raw} and could not be downloaded ({self.reason}). Connect to a network, "
            f"or put the four files {', '.join(FILES)} there, or name another folder with "
            "root=... or the environment variable LENET_DATA."
        )


def default_folder():
    """`data/` of the repository if the package runs from its checkout, else the user's cache folder."""
    repository = Path(__file__).resolve().parents[2]
    if (repository / "pyproject.toml").is_file():
        return repository / "data"
    return Path.home() / ".cache" / "lenet_helpers"


def read(split, folder):
    """Images uint8 (N, 28, 28) and labels int64 (N,) of the "train" or "test" split under `folder`.

    Absent files are downloaded first. Raises DownloadError if that fails, and DataError if any of the four
    files is missing while others are there, or is not the published file.
    """
    content = {name: read_one_of(paths, name) for name, paths in ensure(folder).items()}
    prefix = "train" if split == "train" else "t10k"
    # the MD5 vouches for every byte, so the 16 and 8 bytes of IDX header have nothing left to tell
    images = torch.frombuffer(content[f"{prefix}-images-idx3-ubyte"], dtype=torch.uint8, offset=16)
    labels = torch.frombuffer(content[f"{prefix}-labels-idx1-ubyte"], dtype=torch.uint8, offset=8)
    return images.view(-1, 28, 28), labels.long()


def ensure(folder):
    """Of each of the four files the paths under `folder` that may be it; downloads them if there is none.

    Raises DownloadError, with what the folder holds instead.
    """
    folder = Path(folder)
    raw = folder / "MNIST" / "raw"
    found = find(folder)
    if found is None:
        try:
            download(raw)
        except DownloadError as error:
            raise DownloadError(raw, error.reason + held(folder)) from error
        found = find(folder)
    return found


def find(folder):
    """Of each of the four files the paths that may be it, its own name first; None if there is none of any.

    They are looked for in `folder`/MNIST/raw, in the folder itself and in its raw/, as where it names MNIST or
    MNIST/raw; under their own names, with points (train-images.idx3-ubyte), and with an ending (.gz, .txt).
    """
    for place in (folder / "MNIST" / "raw", folder / "raw", folder):
        names = sorted(os.listdir(place)) if place.is_dir() else ()
        found = {name: [place / name] if name in names else [] for name in FILES}
        for name in FILES:
            guise = re.compile(name.replace("-", "[-.]") + r"(\.\w+)*")
            others = [place / other for other in names if other != name and guise.fullmatch(other)]
            found[name] += [other for other in others if other.is_file()]
        if any(found.values()):
            return {name: paths or [place / name] for name, paths in found.items()}
    return None


def held(folder):
    """What a folder without MNIST holds, its first few files, for an error message."""
    try:
        inside = sorted(folder.glob("MNIST/*/*")) or sorted(folder.iterdir())
    except OSError:
        return ""
    names = [path.relative_to(folder).as_posix() for path in inside]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"; {folder} holds {', '.join(names[:SHOWN])}{more}" if names else ""


def read_one_of(paths, name):
    """The content of the first of these files that is the one called `name`; DataError of the first if none is."""
    failures = []
    for path in paths:
        try:
            return read_verified(path, name)
        except DataError as error:
            failures.append(error)
    raise failures[0]


def read_verified(path, name):
    """The content of the MNIST file called `name` as a bytearray, unpacked if it is compressed.

    Raises DataError, saying what is wrong, if it is another's. No more is read than the file may hold: one of a
    wrong size is refused by its beginning.
    """
    md5, size = FILES[name]
    try:
        if not regular(path):
            raise _wrong(path, name, "is missing" + beside(path))
        with open(path, "rb") as file:
            beginning = file.read(64)
            if beginning.startswith(GZIP):
                file.seek(0)
                content = unpacked(file, size)
            else:
                length = os.fstat(file.fileno()).st_size
                if length != size:
                    raise _wrong(path, name, wrong_size(beginning, length, size))
                content = bytearray(size)
                file.seek(0)
                file.readinto(content)
    except (OSError, EOFError, zlib.error) as error:
        raise _wrong(path, name, f"cannot be read ({getattr(error, 'strerror', None) or error})") from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        raise _wrong(path, name, f"is not the published file: {len(content)} bytes with MD5 {found}")
    return content


def unpacked(file, size):
    """What a compressed file holds, or of more than `size` bytes the first `size` + 1."""
    with gzip.open(file) as packed:
        return bytearray(packed.read(size + 1))


def wrong_size(beginning, length, size):
    if beginning.lstrip().startswith(b"<"):
        return f"is a web page (HTML, {length} bytes), not data"
    if length < size:
        return f"is truncated: {length} of {size} bytes"
    return f"is not the published file: {length} bytes"


def beside(path):
    """What else is in a missing file's folder, for an error message."""
    names = sorted(os.listdir(path.parent))
    return f" among {', '.join(names[:SHOWN])}" if names else ""


def _wrong(path, name, what):
    md5, size = FILES[name]
    return DataError(
        f"MNIST file {path} {what}; expected {size} bytes with MD5 {md5}. Put the published file there, "
        f"or remove the folder {path.parent} to have all four files downloaded again, or name another folder "
        "with root=... or the environment variable LENET_DATA."
    )


def download(raw):
    """Download the four files into `raw` through torchvision, from the first of its mirrors that has them.

    They are unpacked in a temporary folder inside `raw`, checked, and moved into place at the end: neither an
    interruption nor a second process doing the same leaves a half-written file. Raises DownloadError.
    """
    mnist = import_torchvision("torchvision.datasets").MNIST
    mirrors, failures = answering(mnist.mirrors, mnist.resources[0][0])
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL)
    try:
        for mirror in mirrors:
            print(f"Downloading MNIST (11 MB) from {mirror} to {raw}", file=sys.stderr, flush=True)
            try:
                return _fetch(mnist, mirror, raw)
            except (OSError, RuntimeError, EOFError, http.client.HTTPException, DataError) as error:
                failures.append(_failure(mirror, error))
    finally:
        socket.setdefaulttimeout(timeout)
    raise DownloadError(raw, "; ".join(failures))


def _fetch(mnist, mirror, raw):
    raw.mkdir(parents=True, exist_ok=True)
    # torchvision names its folder after the class and asks the mirrors the class lists
    fetcher = type("MNIST", (mnist,), {"mirrors": [mirror]})
    with tempfile.TemporaryDirectory(dir=raw, prefix="download-") as folder:
        fetcher(folder, download=True)
        fetched = Path(folder) / "MNIST" / "raw"
        for name in FILES:
            read_verified(fetched / name, name)
        for name in FILES:
            os.replace(fetched / name, raw / name)


def _failure(mirror, error):
    """One line: which mirror, and what ails it."""
    reason = getattr(error, "reason", error)
    return f"{urlsplit(mirror).netloc}: {' '.join(str(reason).split()) or type(reason).__name__}"


def answering(mirrors, filename):
    """Those of `mirrors` that answer a request for `filename` within PATIENCE, and what ails the others.

    All are asked at once, each in a thread that is left behind if it does not return: on a machine without a
    network a name look-up can hang, and no socket timeout ends that.
    """
    answers = {}

    def ask(mirror):
        request = urllib.request.Request(mirror + filename, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE):
                answers[mirror] = None
        except (OSError, http.client.HTTPException) as error:
            answers[mirror] = _failure(mirror, error)

    threads = [Thread(target=ask, args=(mirror,), daemon=True) for mirror in mirrors]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    silence = TimeoutError(f"no answer in {PATIENCE:g} s")
    failures = {mirror: answers.get(mirror, _failure(mirror, silence)) for mirror in mirrors}
    return [mirror for mirror in mirrors if not failures[mirror]], list(filter(None, failures.values()))
