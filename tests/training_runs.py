"""What the tests of training share: digits, small runs, and when two runs count as the same."""

from dataclasses import asdict

import torch

from lenet_helpers.data.digits import load_digits
from lenet_helpers.model import LeNet5
from lenet_helpers.training.loop import fit


def digits(patterns, split="train"):
    """The first of scikit-learn's digits: real ones, present on every machine."""
    return load_digits(split, "sklearn").subset(slice(0, patterns))


def trained(patterns=120, test=None, model=None, **arguments):
    """(model, history) of a short quiet run."""
    model = model or LeNet5(seed=1)
    arguments = {"passes": 2, "progress": False, "curvature_patterns": 50, **arguments}
    return model, fit(model, digits(patterns), test, **arguments)


def bits(model):
    """A copy of every number of the model, by name."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same_bits(model, other):
    mine, theirs = bits(model), bits(other)
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def without_timings(history):
    """All that a history says, save how long it took."""
    facts = asdict(history)
    for record in facts["passes"]:
        assert record.pop("seconds") >= 0
    return facts


def same_run(run, other):
    """Whether two (model, history) hold the same bits and the same history."""
    return same_bits(run[0], other[0]) and without_timings(run[1]) == without_timings(other[1])


def at_block(number, exception):
    """A callback that raises the exception at the end of a block, counted from 1."""
    calls = []

    def callback(progress):
        calls.append(progress)
        if len(calls) == number:
            raise exception

    return callback
