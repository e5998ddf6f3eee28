"""LeNet-5 as one would write it with torch.nn, autograd and torch.optim: what `lenet_helpers` is timed against."""

import torch
from torch import nn

from lenet_helpers.codes import DIGIT_CODES
from lenet_helpers.model import TABLE_I

NAMES = {  # its parameters' names -> LeNet5's
    "c1.weight": "c1.weight",
    "c1.bias": "c1.bias",
    "s2.coefficient": "s2.coefficient",
    "s2.bias": "s2.bias",
    "c3.bias": "c3.bias",
    "s4.coefficient": "s4.coefficient",
    "s4.bias": "s4.bias",
    "c5.weight": "c5.weight",
    "c5.bias": "c5.bias",
    "f6.weight": "f6.weight",
    "f6.bias": "f6.bias",
}


class Subsampling(nn.Module):
    """Average pooling, times a coefficient (four times it: the paper adds the four inputs), plus a bias."""

    def __init__(self, maps):
        super().__init__()
        self.pool = nn.AvgPool2d(2)
        self.coefficient = nn.Parameter(torch.full((maps,), 0.5))
        self.bias = nn.Parameter(torch.zeros(maps))

    def forward(self, x):
        return self.pool(x) * (4 * self.coefficient[:, None, None]) + self.bias[:, None, None]


class TorchLeNet5(nn.Module):
    """The same network: Conv2d with Table I's mask on C3, average pooling, Linear, RBF."""

    def __init__(self):
        super().__init__()
        self.c1, self.s2 = nn.Conv2d(1, 6, 5), Subsampling(6)
        self.c3, self.s4 = nn.Conv2d(6, 16, 5), Subsampling(16)
        self.c5, self.f6 = nn.Conv2d(16, 120, 5), nn.Linear(120, 84)
        self.register_buffer("mask", TABLE_I.float()[:, :, None, None])
        self.register_buffer("codes", DIGIT_CODES.clone())

    def forward(self, x):
        x = squash(self.s2(squash(self.c1(x))))
        x = squash(nn.functional.conv2d(x, self.c3.weight * self.mask, self.c3.bias))
        x = squash(self.c5(squash(self.s4(x)))).flatten(1)
        x = squash(self.f6(x))
        return 0.5 * ((x[:, None] - self.codes) ** 2).sum(2)

    @torch.no_grad()
    def take(self, model):
        """Take the weights of a LeNet5."""
        theirs, ours = dict(self.named_parameters()), dict(model.named_parameters())
        for name, same in NAMES.items():
            theirs[name].copy_(ours[same])
        self.c3.weight.zero_()
        self.c3.weight[TABLE_I] = ours["c3.weight"]
        return self


def squash(a):
    return 1.7159 * torch.tanh(2 / 3 * a)


def map_loss(penalties, labels, j=10.0):
    """Eq. 9, mean over patterns."""
    right = penalties.gather(1, labels[:, None])[:, 0]
    rubbish = penalties.new_full((len(penalties), 1), -j)
    return (right + torch.cat([-penalties, rubbish], 1).logsumexp(1)).mean()
