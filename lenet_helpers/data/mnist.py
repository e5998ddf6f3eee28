"""Where MNIST lies, whether it is the real one, and how it gets there: four uncompressed IDX files.

The files lie in `<folder>/MNIST/raw`, where torchvision.datasets.MNIST keeps them. The MD5 of each is
compared on every load, so a score can never come from a damaged or a different set.
"""

import hashlib
import http.client
import os
import socket
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import torch

from .torchvision_import import import_torchvision

# file: (MD5, bytes)
FILES = {
    "train-images-idx3-ubyte": ("6bbc9ace898e44ae57da46a324031adb", 47_040_016),
    "train-labels-idx1-ubyte": ("a25bea736e30d166cdddb491f175f624", 60_008),
    "t10k-images-idx3-ubyte": ("2646ac647ad5339dbf082846283269ea", 7_840_016),
    "t10k-labels-idx1-ubyte": ("27ae3e4e09519cfbb04c329615203637", 10_008),
}
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
            f"or put the four uncompressed files {', '.join(FILES)} there, or name another folder with "
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
    raw = ensure(folder)
    content = {name: read_verified(raw / name) for name in FILES}
    prefix = "train" if split == "train" else "t10k"
    # the MD5 vouches for every byte, so the 16 and 8 bytes of IDX header have nothing left to tell
    images = torch.frombuffer(content[f"{prefix}-images-idx3-ubyte"], dtype=torch.uint8, offset=16)
    labels = torch.frombuffer(content[f"{prefix}-labels-idx1-ubyte"], dtype=torch.uint8, offset=8)
    return images.view(-1, 28, 28), labels.long()


def ensure(folder):
    """The place of the four files under `folder`; downloads them if it holds none. Raises DownloadError."""
    raw = Path(folder) / "MNIST" / "raw"
    if not any((raw / name).exists() for name in FILES):
        download(raw)
    return raw


def read_verified(path):
    """The content of an MNIST file as a bytearray; DataError, saying what is wrong, if it is another's."""
    md5, size = FILES[path.name]
    try:
        content = bytearray(path.read_bytes())
    except FileNotFoundError as error:
        raise _wrong(path, "is missing") from error
    except OSError as error:
        raise _wrong(path, f"cannot be read ({error.strerror})") from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found == md5:
        return content
    if content[:64].lstrip().startswith(b"<"):
        raise _wrong(path, f"is a web page (HTML, {len(content)} bytes), not data")
    if content.startswith(b"\x1f\x8b"):
        raise _wrong(path, "is still compressed (gzip)")
    if len(content) < size:
        raise _wrong(path, f"is truncated: {len(content)} of {size} bytes")
    raise _wrong(path, f"is not the published file: {len(content)} bytes with MD5 {found}")


def _wrong(path, what):
    md5, size = FILES[path.name]
    return DataError(
        f"MNIST file {path} {what}; expected {size} bytes with MD5 {md5}. Put the uncompressed file there, "
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
            read_verified(fetched / name)
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
