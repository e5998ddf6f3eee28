"""Trained weights as files: how they are written, read and checked, and those that come with the package."""

import os
from pathlib import Path

import torch

from .codes import ASCII_CODES, DIGIT_CODES
from .files import CheckpointError, load_tensors, save_tensors
from .initialisation import INITS
from .model import LeNet5

PACKAGED = ("regular", "distorted", "strings")  # trained weights that come with the package
OPTIONAL = {"source": str, "command": str, "passes": int}  # facts that the package itself writes and reads
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
LARGEST = torch.finfo(torch.float32).max  # of what a network in its default dtype can hold


def save_weights(model, path, **facts):
    """Write the weights with how they were made: init, rbf_scale, seed, and the facts given (source, command...).

    Raises CheckpointError for what `load_weights` would refuse, such as codes that are not of Fig. 3 and numbers that
    are not finite; OSError with the reason where it cannot be written.
    """
    facts = {"init": model.init, "rbf_scale": model.rbf_scale, "seed": model.seed, **facts}
    tensors = model.state_dict()
    check(network(facts, model.rbf.codes, path).to(model.c1.weight), tensors, path)
    save_tensors(path, tensors, facts)


def load_weights(path="regular"):
    """LeNet5 with weights that `save_weights` wrote, in eval mode; how they were made is in its `.facts`.

    path: a file, or the name of weights that come with the package (`PACKAGED`), trained on MNIST, rule and command in
    their facts: "regular" and "distorted" read single digits, the second trained with distortions, "strings" whole
    numbers. Raises CheckpointError for a file of another network or program, for numbers that are not finite or not of
    one of `DTYPES`, and for codes of the RBF layer that are not of Fig. 3.
    """
    if path in PACKAGED:
        path = packaged_path(path)
    elif not (os.path.dirname(path) or os.path.exists(path)):
        raise CheckpointError(
            f"{path} does not exist; expected a .safetensors file written by lenet_helpers, or the name of weights "
            f"that come with it: {', '.join(PACKAGED)}."
        )
    tensors, facts = load_tensors(path)
    model = network(facts, tensors.get("rbf.codes", DIGIT_CODES), path)
    dtype = tensors["c1.weight"].dtype if "c1.weight" in tensors else None
    model = model.to(dtype) if dtype in DTYPES else model
    fill(model, tensors, path)
    model.facts = facts
    return model.eval()


def packaged_path(name):
    """The file of weights that come with the package."""
    return Path(__file__).with_name("trained") / f"{name}.safetensors"


def network(facts, codes, path):
    """The untrained LeNet5 that a file's facts and codes describe. Raises CheckpointError where they describe none."""
    check_codes(codes, path)
    try:
        init, rbf_scale, seed = facts["init"], facts["rbf_scale"], facts["seed"]
    except KeyError as error:
        raise CheckpointError(f"{path} does not say its {error}; expected weights by save_weights.") from error
    if not (is_number(rbf_scale) and 0 < rbf_scale <= LARGEST):
        raise CheckpointError(f"{path} says rbf_scale {rbf_scale!r}; expected a positive, finite number, 1/2 or 1.")
    if not (is_number(seed, int) and -(2**63) <= seed < 2**63):
        raise CheckpointError(f"{path} says seed {seed!r}; expected a whole number of 64 bits.")
    for name, kind in OPTIONAL.items():
        if not isinstance(facts.get(name), kind | None) or isinstance(facts.get(name), bool):
            raise CheckpointError(f"{path} says {name} {facts[name]!r}; expected {kind.__name__} or nothing.")
    try:
        return LeNet5(INITS.get(init, init), rbf_scale, seed, codes.float())
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path} describes no LeNet5: {error}") from error


def check_codes(codes, path):
    """Raise CheckpointError where codes (classes, 84) are not such of Fig. 3, as different as those are."""
    known = {tuple(code) for code in ASCII_CODES.tolist()}
    found = {tuple(code) for code in codes.tolist()} if codes.dim() == 2 and codes.dtype in DTYPES else set()
    if not (found and found <= known and len(found) == min(len(codes), len(known))):
        raise CheckpointError(
            f"{path} has rbf.codes that are not the network's; expected codes of Fig. 3, fixed and a different one for "
            "each class."
        )


def is_number(value, kind=(int, float)):
    return isinstance(value, kind) and not isinstance(value, bool)


def fill(model, tensors, path):
    """Copy tensors into the model's state. Raises what `check` raises, before anything is copied."""
    check(model, tensors, path)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(tensors[name])


def check(model, tensors, path):
    """Raise CheckpointError where tensors are not a state of this model: another name, shape or dtype, a number that
    is not finite, a constant that is not the model's."""
    expected, constants = model.state_dict(), dict(model.named_buffers())
    for name in sorted(expected.keys() | tensors.keys()):
        ours, theirs = expected.get(name), tensors.get(name)
        if ours is None or theirs is None or ours.shape != theirs.shape:
            raise CheckpointError(
                f"{path} is of another network: {name} is {'missing' if theirs is None else tuple(theirs.shape)}, "
                f"expected {'nothing of that name' if ours is None else tuple(ours.shape)}."
            )
        if theirs.dtype != ours.dtype or theirs.dtype not in DTYPES:
            raise CheckpointError(f"{path} has {name} in {theirs.dtype}; expected {ours.dtype} throughout.")
        if not theirs.isfinite().all():
            raise CheckpointError(f"{path} has NaN or inf in {name}; expected finite numbers. Train it again.")
        if name in constants and not torch.equal(theirs, ours.to(theirs.device)):
            raise CheckpointError(f"{path} has a {name} that is not the network's; it is fixed and never trained.")
