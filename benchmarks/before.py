"""The package as it was at an earlier commit, imported beside today's, to be timed against it in one process."""

import importlib
import subprocess
import sys
import tarfile
import tempfile
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

COMMIT = "dc23dea"  # before the layers were written plainly and their steps replayed
ROOT = Path(__file__).resolve().parents[1]


class Before:
    """The modules of the earlier package by name, `Before()["model"].LeNet5`. Raises CalledProcessError without git."""

    def __init__(self, commit=COMMIT):
        archive = subprocess.run(
            ["git", "-C", ROOT, "archive", commit, "lenet_helpers"], capture_output=True, check=True
        ).stdout
        self.folder = tempfile.TemporaryDirectory()
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            files.extractall(self.folder.name, filter="data")
        with self.alone():
            names = ("model", "losses", "sdlm", "propagation")
            self.modules = {name: importlib.import_module(f"lenet_helpers.{name}") for name in names}

    def __getitem__(self, name):
        return self.modules[name]

    @contextmanager
    def alone(self):
        """Import from the earlier package; today's modules come back afterwards."""
        today = taken("lenet_helpers")
        sys.path.insert(0, self.folder.name)
        try:
            yield
        finally:
            sys.path.remove(self.folder.name)
            taken("lenet_helpers")
            sys.modules.update(today)


def taken(package):
    """The imported modules of a package, taken out of sys.modules."""
    names = [name for name in sys.modules if name.partition(".")[0] == package]
    return {name: sys.modules.pop(name) for name in names}
