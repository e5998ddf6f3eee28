"""What is timed: the steps of the networks on the same random patterns."""

import torch

from lenet_helpers import losses, model, propagation, sdlm

from .plain_c import c_step
from .reference import TorchLeNet5, map_loss

ETA = 1e-6  # small, so that hundreds of steps on the same patterns leave the numbers ordinary
TODAY = {"model": model, "losses": losses, "propagation": propagation, "sdlm": sdlm}


def patterns(count, device="cpu"):
    """Inputs and labels from a fixed seed: noise with the range of digits."""
    generator = torch.Generator().manual_seed(count)
    x = torch.rand(count, 1, 32, 32, generator=generator) * 1.275 - 0.1
    return x.to(device), torch.randint(0, 10, (count,), generator=generator).to(device)


def prepared(package=TODAY, device="cpu"):
    """(LeNet5, MAPLoss, SDLM with a curvature) of this package, or of the one `before`."""
    network, loss = package["model"].LeNet5().to(device), package["losses"].MAPLoss()
    optimizer = package["sdlm"].SDLM(network.named_parameters(), eta=ETA)
    optimizer.set_curvature(package["sdlm"].estimate_curvature(network, loss, *patterns(16, device)))
    return network, loss, optimizer


def our_step(count, package=TODAY, device="cpu"):
    """One update as fit does it: derivatives by hand, replayed, SDLM."""
    network, loss, optimizer = prepared(package, device)
    x, labels = patterns(count, device)
    inner, target = package["propagation"].Propagation(network, loss), torch.eye(10, device=device)[labels]
    penalties = torch.empty(count, 10, device=device)

    @torch.no_grad()
    def step():
        inner.gradient(x, target, penalties)
        optimizer.update()

    return step


def compiled_step(count):
    """The same plain step through torch.compile, the update eager."""
    network, loss, optimizer = prepared()
    x, labels = patterns(count)
    target = torch.eye(10)[labels]
    derivatives = torch.compile(propagation.first_derivatives, fullgraph=True)

    @torch.no_grad()
    def step():
        _, found = derivatives(network, loss, x, target)
        for name, parameter in network.named_parameters():
            parameter.grad = found[name]
        optimizer.update()

    return step


def plain_c_step(function):
    """The same update of one pattern as plain loops in C."""
    network, _, optimizer = prepared()
    x, labels = patterns(1)
    return c_step(function, network, optimizer, x, int(labels))[0]


def torch_step(count, device="cpu"):
    """One update of torch.nn's: autograd, torch.optim.SGD."""
    network, (x, labels) = TorchLeNet5().take(model.LeNet5()).to(device), patterns(count, device)
    optimizer = torch.optim.SGD(network.parameters(), lr=ETA)

    def step():
        optimizer.zero_grad()
        map_loss(network(x), labels).backward()
        optimizer.step()

    return step


def inference(network, count, mode=torch.no_grad):
    """A forward without gradients, the network in whatever mode it is."""
    x, _ = patterns(count)

    def forward():
        with mode():
            return network(x)

    return forward


def our_curvature(count, package=TODAY):
    """The estimate of h on `count` patterns, again and again as in fit."""
    network, loss, _ = prepared(package)
    x, labels = patterns(count)
    inner = package["propagation"].Propagation(network, loss)
    return lambda: package["sdlm"].estimate_curvature(network, loss, x, labels, propagation=inner)
