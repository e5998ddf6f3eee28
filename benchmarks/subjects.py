"""What is timed: the steps of both networks on the same random patterns."""

import torch

from lenet_helpers.losses import MAPLoss, one_hot
from lenet_helpers.model import LeNet5
from lenet_helpers.propagation import Propagation
from lenet_helpers.sdlm import SDLM, estimate_curvature

from .reference import TorchLeNet5, map_loss

ETA = 1e-6  # small, so that hundreds of steps on the same patterns leave the numbers ordinary


def patterns(count, device="cpu"):
    """Inputs and labels from a fixed seed: noise with the range of digits."""
    generator = torch.Generator().manual_seed(count)
    x = torch.rand(count, 1, 32, 32, generator=generator) * 1.275 - 0.1
    return x.to(device), torch.randint(0, 10, (count,), generator=generator).to(device)


def our_step(count, device="cpu"):
    """One update of ours: derivatives by hand, SDLM."""
    model, loss, (x, labels) = LeNet5().to(device), MAPLoss(), patterns(count, device)
    optimizer = SDLM(model.named_parameters(), eta=ETA)
    optimizer.set_curvature(estimate_curvature(model, loss, *patterns(100, device)))
    propagation, target, penalties = Propagation(model, loss), one_hot(labels, 10, x.dtype), torch.empty(count, 10)
    penalties = penalties.to(device)

    def step():
        propagation.gradient(x, target, penalties)
        optimizer.update()

    return step


def torch_step(count, device="cpu"):
    """One update of torch.nn's: autograd, torch.optim.SGD."""
    model, (x, labels) = TorchLeNet5().take(LeNet5()).to(device), patterns(count, device)
    optimizer = torch.optim.SGD(model.parameters(), lr=ETA)

    def step():
        optimizer.zero_grad()
        map_loss(model(x), labels).backward()
        optimizer.step()

    return step


def inference(model, count, device="cpu"):
    """A forward without gradients."""
    model, (x, _) = model.eval().to(device), patterns(count, device)

    def forward():
        with torch.no_grad():
            return model(x)

    return forward


def our_curvature(count):
    """The estimate of h on `count` patterns, in memories used again, as in fit."""
    model, loss, (x, labels) = LeNet5(), MAPLoss(), patterns(count)
    propagation = Propagation(model, loss)
    return lambda: estimate_curvature(model, loss, x, labels, propagation=propagation)
