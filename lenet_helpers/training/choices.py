"""Losses and optimizers by the names that the command line and a study's plan know them by."""

import torch

from ..losses import MAPLoss, MSELoss
from ..sdlm import MU, SDLM

LOSSES = ("map", "mse")
OPTIMIZERS = ("sdlm", "sgd", "adam")


def loss_named(name, j=10.0):
    """ "map" (Eq. 9, with its j) or "mse" (Eq. 8)."""
    return MAPLoss(j) if name == "map" else MSELoss()


def optimizer_named(name, model, rate=None, momentum=0.0, mu=MU):
    """ "sdlm" with its mu, "sgd" with a rate and momentum, or "adam" with a rate: of the model's parameters.

    Raises ValueError where sgd or adam has no rate.
    """
    if name == "sdlm":
        return SDLM(model.named_parameters(), mu=mu)
    if rate is None:
        raise ValueError(f"optimizer {name} has no rate; give it one, such as 0.001 (--rate 0.001).")
    if name == "sgd":
        return torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum)
    return torch.optim.Adam(model.parameters(), lr=rate, foreach=True)  # the same bits, a fifth faster than one by one
