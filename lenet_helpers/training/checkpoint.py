"""Where a training run stands, in one file from which it goes on to the same bits."""

import json
import math
import os
import re
import zlib
from dataclasses import asdict

import torch

from ..files import CheckpointError, load_tensors, remove_leftovers, save_tensors
from ..schedules import LinearDecay
from ..weights import check, fill
from .history import History

PLACE = ("passes_done", "patterns_done", "errors", "loss_sum", "seconds")  # of a Training
CHANGING = ("params", "param_names", "eta", "lr", "initial_lr")  # of an optimizer's group, no options of the run


def configuration(run):
    """All that decides the bits of a run besides its seed, in JSON's types."""
    schedule = run.schedule
    chosen = {
        "init": run.model.init,
        "rbf_scale": run.model.rbf_scale,
        "model_seed": run.model.seed,
        "loss": repr(run.loss),
        "passes": run.passes,
        "schedule": asdict(schedule) if isinstance(schedule, LinearDecay) else list(schedule),
        "batch_size": run.batch_size,
        "optimizer": type(run.optimizer).__name__,
        "optimizer_options": [
            {name: value for name, value in group.items() if name not in CHANGING}
            for group in run.optimizer.param_groups
        ],
        "first_rates": run.first_rates,
        "curvature": run.curvature,
        "gamma": run.gamma,
        "curvature_patterns": run.curvature_patterns,
        "curvature_every": run.curvature_every,
        "distort": None if run.distort is None else re.sub(" at 0x[0-9A-Fa-f]+", "", repr(run.distort)),
        "dtype": str(run.like.dtype),
        "train_patterns": len(run.train),
        "train_crc32": crc32(run.train),
        "test_patterns": 0 if run.test is None else len(run.test),
        "test_crc32": None if run.test is None else crc32(run.test),
    }
    return json.loads(json.dumps(chosen))


def crc32(digits):
    """A number that tells one set of digits from another."""
    images, labels = (part.cpu().contiguous().numpy() for part in (digits.images, digits.labels))
    return zlib.crc32(labels, zlib.crc32(images))


def state(run):
    """Tensors by name and facts from which `restore` takes the run up again; copies, so they stay as they are."""
    optimizer = run.optimizer.state_dict()
    tensors = {f"model.{name}": tensor.clone() for name, tensor in run.model.state_dict().items()}
    tensors["distortions"] = run.distortions.get_state()
    numbers = {}
    for index, values in optimizer["state"].items():
        for name, value in values.items():
            if torch.is_tensor(value):
                tensors[f"optimizer.{index}.{name}"] = value.clone()
            elif value is not None:
                numbers[f"{index}.{name}"] = value
    return tensors, {
        "groups": optimizer["param_groups"],
        "numbers": numbers,
        "place": {name: getattr(run, name) for name in PLACE},
        "history": asdict(run.history),
    }


def save(path, snapshot):
    """Write what `state` returned, whole or not at all. Raises OSError with the reason."""
    save_tensors(path, *snapshot)


def restore(run, path):
    """Bring `run`, its model and its optimizer where the checkpoint stands, if there is one.

    Raises CheckpointError where it is damaged, or of another run, network or version; the model stays as it was then.
    """
    if not os.path.lexists(path):
        return
    remove_leftovers(path)
    tensors, facts = load_tensors(path)
    if "place" not in facts:
        raise CheckpointError(f"{path} holds weights, not a checkpoint; give fit another path.")
    try:
        history, place = History(**facts["history"]), {name: facts["place"][name] for name in PLACE}
        history.check()
        refuse_other(path, facts["history"], asdict(run.history))
        check(run.model, within("model.", tensors), path)
        check_place(run, history, place)
        distortions = torch.Generator()
        distortions.set_state(tensors["distortions"])
        run.optimizer.load_state_dict(optimizer_state(run, tensors, facts))
    except CheckpointError:
        raise
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not a checkpoint of this version ({type(error).__name__}: {error}); delete it to start anew."
        ) from error
    fill(run.model, within("model.", tensors), path)
    run.distortions.set_state(distortions.get_state())
    for name, value in place.items():
        setattr(run, name, value)
    run.history = history


def optimizer_state(run, tensors, facts):
    """What the optimizer's load_state_dict takes, from a checkpoint's tensors and facts."""
    optimizer = {"state": {}, "param_groups": facts["groups"]}
    for place, value in {**within("optimizer.", tensors), **facts["numbers"]}.items():
        index, name = place.split(".", 1)
        if torch.is_tensor(value) and not value.isfinite().all():
            raise ValueError(f"the optimizer's {name} holds NaN or inf")
        optimizer["state"].setdefault(int(index), {})[name] = value
    return optimizer


def check_place(run, history, place):
    """Raise ValueError for a place that no run of these patterns and passes can stand at."""
    counts = [place[name] for name in ("passes_done", "patterns_done", "errors")]
    passes, patterns, errors = counts
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        raise ValueError(f"it stands at {place}, expected whole numbers from 0 up")
    if not (passes <= run.passes and patterns <= len(run.train) and errors <= patterns):
        raise ValueError(f"it stands at {place}, past the end of {run.passes} passes of {len(run.train)} patterns")
    if not all(math.isfinite(place[name]) for name in ("loss_sum", "seconds")):
        raise ValueError(f"it stands at {place}, expected finite numbers")
    if len(history.passes) != passes:
        raise ValueError(f"it stands after {passes} passes and records {len(history.passes)}")


def within(prefix, tensors):
    """The tensors whose names start with the prefix, under what follows it."""
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def refuse_other(path, there, here):
    """Raise CheckpointError where the history of a saved run is that of another run than this one's."""
    there, here = (
        {"version": history["versions"]["lenet_helpers"], "seed": history["seed"], **history["configuration"]}
        for history in (there, here)
    )
    for name in {**here, **there}:
        if here.get(name) != there.get(name):
            raise CheckpointError(
                f"{path} is of another run: its {name} is {there.get(name)!r}, here it is {here.get(name)!r}. "
                "Call fit with the same arguments, or give another checkpoint path."
            )
