"""Trained weights as files: how they are written, read and checked, and those that come with the package."""

from pathlib import Path

import torch

from .files import CheckpointError, load_tensors, save_tensors
from .model import LeNet5

PACKAGED = ("regular",)  # trained weights that come with the package


def save_weights(model, path, **facts):
    """Write the weights with how they were made: init, rbf_scale, seed, and the facts given (source, command...)."""
    facts = {"init": model.init, "rbf_scale": model.rbf_scale, "seed": model.seed, **facts}
    save_tensors(path, model.state_dict(), facts)


def load_weights(path="regular"):
    """LeNet5 with weights that `save_weights` wrote, in eval mode; how they were made is in its `.facts`.

    path: a file, or the name of weights that come with the package (`PACKAGED`): "regular" was trained on MNIST, rule
    and command in its facts. Raises CheckpointError for a file of another network or program.
    """
    if path in PACKAGED:
        path = Path(__file__).with_name("trained") / f"{path}.safetensors"
    tensors, facts = load_tensors(path)
    try:
        model = LeNet5(facts["init"], facts["rbf_scale"], facts["seed"])
    except KeyError as error:
        raise CheckpointError(
            f"{path} does not say its {error}; expected weights by save_weights."
        ) from error
    model = model.to(tensors["c1.weight"].dtype) if "c1.weight" in tensors else model
    fill(model, tensors, path)
    model.facts = facts
    return model.eval()


def fill(model, tensors, path):
    """Copy tensors into the model's state. Raises CheckpointError where a name or a shape differs."""
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if expected != found:
        differing = sorted(
            name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
        )
        raise CheckpointError(
            f"{path} is of another network: {differing[0]} is {found.get(differing[0], 'missing')}, expected "
            f"{expected.get(differing[0], 'nothing of that name')}."
        )
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(tensors[name])
