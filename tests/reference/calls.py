"""The calls on the engine that the comparisons need, each in one place."""

import torch

from lenet_helpers.layers import RBF, Convolution, FullConnection, Squash, Subsampling
from lenet_helpers.model import LeNet5
from lenet_helpers.sdlm import SDLM


def first(layer, x, signal):
    """(dE/dx, {name: dE/dw}) by a layer's, or the whole network's, hand-written derivatives."""
    layer.zero_grad(set_to_none=True)
    with torch.no_grad():
        layer.forward(x)
        dx = layer.backprop(signal, order=1)
    return dx, {name: p.grad.clone() for name, p in layer.named_parameters()}


def second(layer, x, signal):
    """(d2E/dx2, {name: sum over patterns and V_k of d2E/du2}) by a layer's hand-written Eq. 23 to 27."""
    forget_curvature(layer)
    with torch.no_grad():
        layer.forward(x)
        ddx = layer.backprop(signal, order=2)
    return ddx, {name: p.curvature.clone() for name, p in layer.named_parameters()}


def forget_curvature(layer):
    """Start the sum of Eq. 23 afresh."""
    for p in layer.parameters():
        p.curvature = None


def network_first(model, loss, x, labels):
    """(dE/dinput, {name: dE/dw}) of the loss summed over the patterns."""
    with torch.no_grad():
        signal = loss.derivative(model.forward(x), labels)
    return first(model, x, signal)


def optimizer(model, **rates):
    """SDLM on the model's parameters."""
    return SDLM(model.named_parameters(), **rates)


def network(seed=0, dtype=torch.float64, bend=True, **options):
    """A LeNet5; `bend` makes its parameters large enough that every squash is well off its middle."""
    model = LeNet5(seed=seed, **options).to(dtype)
    if bend:
        draw = torch.Generator().manual_seed(100 + seed)
        with torch.no_grad():
            for name, p in model.named_parameters():
                noise = 0.3 * torch.randn(p.shape, generator=draw, dtype=dtype)
                p.mul_(1.5).add_(noise if name[3:] != "weight" else 0)
    return model


class SmallNetwork(torch.nn.Module):
    """The engine's layers put together as `reference.small_network` is."""

    def __init__(self, codes, table, scale=0.5):
        super().__init__()
        self.c1, self.s2 = Convolution(1, 2, kernel=3), Subsampling(2)
        self.c3, self.s4 = Convolution(2, 3, kernel=3, table=table), Subsampling(3)
        self.c5, self.f6 = Convolution(3, 4, kernel=2), FullConnection(4, 5)
        self.squashes = torch.nn.ModuleList([Squash() for _ in range(6)])
        self.rbf = RBF(codes, scale=scale)
        self.scale = scale

    @property
    def steps(self):
        return [self.c1, self.s2, self.c3, self.s4, self.c5, self.f6]

    def forward(self, x):
        for step, squash in zip(self.steps, self.squashes, strict=True):
            if step is self.f6:
                x = x.flatten(1)
            x = squash.forward(step.forward(x))
        return self.rbf.forward(x)

    def curvature(self, x):
        """{name: h}, mean over the patterns x, from the constant 2 scale at the last states."""
        forget_curvature(self)
        with torch.no_grad():
            self.forward(x)
            signal = torch.full((len(x), 5), 2.0 * self.scale, dtype=x.dtype)
            for step, squash in zip(reversed(self.steps), reversed(self.squashes), strict=True):
                signal = step.backprop(squash.backprop(signal, order=2), order=2)
                if step is self.f6:
                    signal = signal[:, :, None, None]
        return {name: p.curvature / len(x) for name, p in self.named_parameters()}
