"""Where MNIST lies, whether it is the real one, and how it gets there: four uncompressed IDX files.

The files are looked for in `<folder>/MNIST/raw`, the place torchvision.datasets.MNIST keeps them, and each file's
MD5 is compared on every load, so a score can never come from a damaged or a different set.
"""

import hashlib
import http.client
import os
import socket
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

import torch

from ._torchvision import import_torchvision

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
    """MNIST is absent and could not be downloaded."""


def default_folder():
    """`data/` of the repository when the package runs from its checkout (an editable install), else the user's cache."""
    repository = Path(__file__).resolve().parents[1]
    if (repository / "pyproject.toml").is_file():
        return repository / "data"
    return Path.home() / ".cache" / "lenet_helpers"


def read(split, folder):
    """Images uint8 (N, 28, 28) and labels int64 (N,) of the "train" or "test" split under `folder`.

    Absent files are downloaded first. Raises DownloadError if that fails and DataError if any of the four files is
    missing while others are there, or is not the published file.
    """
    raw = ensure(folder)
    content = {name: read_verified(raw / name) for name in FILES}
    prefix = "train" if split == "train" else "t10k"
    # the MD5 vouches for every byte, so the 16 and 8 bytes of IDX header have nothing left to tell
    images = torch.frombuffer(content[f"{prefix}-images-idx3-ubyte"], dtype=torch.uint8, offset=16)
    labels = torch.frombuffer(content[f"{prefix}-labels-idx1-ubyte"], dtype=torch.uint8, offset=8)
    return images.view(-1, 28, 28), labels.long()


def ensure(folder):
    """The folder of the four files under `folder`, downloaded if it holds none of them; DownloadError if that fails."""
    raw = Path(folder) / "MNIST" / "raw"
    if not any((raw / name).exists() for name in FILES):
        download(raw)
    return raw


def read_verified(path):
    """The bytes of `path`, as a bytearray; DataError, saying what is wrong, unless it is the MNIST file of its name."""
    md5, size = FILES[path.name]
    try:
        content = bytearray(path.read_bytes())
    except OSError as error:
        what = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise DataError(f"MNIST file {path} {what}; expected {size} bytes with MD5 {md5}. {_remedy(path)}") from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found == md5:
        return content
    if content[:64].lstrip().startswith(b"<"):
        what = f"is a web page (HTML, {len(content)} bytes), not data"
    elif content.startswith(b"\x1f\x8b"):
        what = "is still compressed (gzip)"
    elif len(content) < size:
        what = f"is truncated: {len(content)} of {size} bytes"
    else:
        what = f"is not the published file: {len(content)} bytes with MD5 {found}"
    raise DataError(f"MNIST file {path} {what}; expected {size} bytes with MD5 {md5}. {_remedy(path)}")


def _remedy(path):
    return (
        f"Put the uncompressed file there, or remove the folder {path.parent} to have all four downloaded again, "
        "or name another folder with root=... or LENET_DATA."
    )


def download(raw):
    """Download the four files into `raw` through torchvision, from whichever of its mirrors answers.

    They are unpacked in a temporary folder beside `raw`, checked, and moved in at the end, so that neither an
    interruption nor a second process downloading at the same time leaves a half-written file. Raises DownloadError.
    """
    mnist = import_torchvision("torchvision.datasets.mnist")
    mirrors, failures = answering(mnist.MNIST.mirrors, mnist.MNIST.resources[0][0])
    if not mirrors:
        raise DownloadError(_not_downloaded(raw, "no mirror answers: " + "; ".join(failures)))
    # torchvision names its folder after the class, and asks the mirrors of the class
    fetcher = type("MNIST", (mnist.MNIST,), {"mirrors": mirrors})
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL)
    try:
        raw.mkdir(parents=True, exist_ok=True)
        print(f"Downloading MNIST (11 MB) to {raw}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(dir=raw, prefix="download-") as folder:
            fetcher(folder, download=True)
            fetched = Path(folder) / "MNIST" / "raw"
            for name in FILES:
                read_verified(fetched / name)
            for name in FILES:
                os.replace(fetched / name, raw / name)
    except (OSError, RuntimeError, http.client.HTTPException, EOFError, DataError) as error:
        raise DownloadError(_not_downloaded(raw, " ".join(str(error).split()))) from error
    finally:
        socket.setdefaulttimeout(timeout)


def _not_downloaded(raw, reason):
    return (
        f"MNIST is not in {raw} and could not be downloaded ({reason}). Connect to the network, or put the four "
        f"uncompressed files {', '.join(FILES)} there, or name their folder with root=... or LENET_DATA."
    )


def answering(mirrors, filename):
    """Those of `mirrors` that answer a request for `filename` within PATIENCE seconds, and why the others do not.

    All are asked at once, each in a thread that is left behind when it does not return: a machine without a network
    can hang in a name look-up, which no socket timeout ends.
    """
    answers = {}

    def ask(mirror):
        try:
            request = urllib.request.Request(mirror + filename, method="HEAD", headers={"User-Agent": "lenet_helpers"})
            with urllib.request.urlopen(request, timeout=PATIENCE):
                answers[mirror] = None
        except (OSError, http.client.HTTPException, ValueError) as error:
            answers[mirror] = str(getattr(error, "reason", error)) or type(error).__name__

    threads = [threading.Thread(target=ask, args=(mirror,), daemon=True) for mirror in mirrors]
    for thread in threads:
        thread.start()
    waited = threading.Event()
    threading.Thread(target=lambda: ([thread.join() for thread in threads], waited.set()), daemon=True).start()
    waited.wait(PATIENCE)
    found = {mirror: answers.get(mirror, f"no answer in {PATIENCE:g} s") for mirror in mirrors}
    return (
        [mirror for mirror in mirrors if found[mirror] is None],
        [f"{mirror}: {reason}" for mirror, reason in found.items() if reason is not None],
    )
