"""What a training run did, pass by pass, and with what: written as JSON."""

import json
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from .. import __version__
from ..files import regular, write_whole

MEASURED = ("pass", "eta", "train_error", "train_loss", "test_error", "seconds")  # of every pass
KINDS = {
    "configuration": dict,
    "source": str,
    "seed": int,
    "versions": dict,
    "threads": int,
    "passes": list,
    "finished": bool,
    "command": str | None,
}


def versions():
    """Versions of what a run depends on, and the kind of machine."""
    return {
        "lenet_helpers": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


@dataclass
class History:
    """One training run. `passes` holds a dict for each pass: pass (from 1), eta at its start, train_error and
    train_loss measured on the fly, test_error (None without a test set; errors in percent), seconds."""

    configuration: dict
    source: str  # Digits.source of the training patterns
    seed: int
    versions: dict = field(default_factory=versions)
    threads: int = field(default_factory=torch.get_num_threads)
    passes: list = field(default_factory=list)
    finished: bool = False
    command: str | None = None

    @property
    def seconds(self):
        """Wall-clock seconds of all the passes."""
        return sum(record["seconds"] for record in self.passes)

    def series(self, name):
        """One quantity of every pass, such as history.series("test_error")."""
        return [record[name] for record in self.passes]

    def save(self, path):
        """Write the history as JSON."""
        write_whole(path, lambda file: file.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8"))

    @classmethod
    def load(cls, path):
        """Read a history. Raises ValueError for a file that is not one, OSError for one that cannot be read."""
        try:
            there = regular(path)
        except OSError as error:
            raise OSError(f"{path} cannot be read ({error}); expected a training history.") from error
        if not there:
            raise FileNotFoundError(f"{path} does not exist; expected a training history, JSON by History.save.")
        try:
            history = cls(**json.loads(Path(path).read_text(encoding="utf-8")))
            history.check()
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a training history ({error}); expected JSON by History.save.") from error
        return history

    def check(self):
        """Raise TypeError or KeyError where a field is not of its type, or a pass lacks one of its numbers."""
        for name, kind in KINDS.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} is {getattr(self, name)!r}, expected {kind}")
        for record in self.passes:
            for name in MEASURED:
                may_lack = name == "test_error" and record[name] is None
                if not (may_lack or isinstance(record[name], int | float)):
                    raise TypeError(f"{name} of a pass is {record[name]!r}, expected a number")
