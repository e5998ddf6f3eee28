"""One step of learning, up and down the network: plain functions, and the same recorded and replayed."""

import torch

from .layout import matrix
from .model import chunk_size
from .replay import Replay


def first_derivatives(model, loss, x, target, field):
    """(penalties, {name: dE/dw}), E being the mean loss over the patterns (Eq. 19).

    x: (pixels, N), fields of the shape `field`; target: (classes, N), 1 at the label; penalties: (N, classes).
    """
    penalties, kept = model.fprop(x.unflatten(0, field).transpose(0, 1))
    penalties = matrix(penalties)
    signal = loss.signal(penalties, target)
    signal = signal / x.shape[-1] if x.shape[-1] > 1 else signal
    _, found = model.bprop(signal[None, :, None], kept)
    return penalties.t(), found


def second_derivatives(model, loss, x, target, field, exact=False):
    """{name: h}: summed over the connections that share a parameter (Eq. 23), mean over the patterns (Eq. 24).

    The signal that seeds F6 is the constant 2 scale; with exact=True it is the exact diagonal of the loss's second
    derivative with respect to F6's states.
    """
    penalties, kept = model.fprop(x.unflatten(0, field).transpose(0, 1))
    penalties, signal, hessian = matrix(penalties), target, None
    if exact:
        signal, hessian = loss.signal(penalties, target), loss.hessian(penalties) / x.shape[-1]
    return model.bbprop((signal / x.shape[-1])[None, :, None], kept, hessian)[1]


class Propagation:
    """The derivatives of a model's loss for one batch after another, replayed; a step allocates next to nothing.

    A batch larger than a chunk runs chunk by chunk, each small enough for the processor's cache. For one thread at a
    time, under torch.no_grad(); the model's own forward, predict and states share nothing with it.
    """

    def __init__(self, model, loss):
        self.model, self.parameters, rbf = model, list(model.named_parameters()), model.rbf

        def given():
            places = [parameter.data_ptr() for _, parameter in self.parameters]
            return [*places, rbf.codes.data_ptr(), rbf.scale, *vars(loss).values()]

        self.first = Replay(lambda *batch: first_derivatives(model, loss, *batch), given)
        self.second = Replay(lambda *batch: second_derivatives(model, loss, *batch), given)
        self.exact = Replay(lambda *batch: second_derivatives(model, loss, *batch, exact=True), given)

    def gradient(self, x, target, penalties):
        """Set every parameter's .grad to dE/dw, E being the mean loss over the batch.

        x: (N, 1, 32, 32); target: (N, classes), 1 at the label; penalties: (N, classes), filled with the answers.
        """
        total, field = None, x.shape[1:]
        for chunk, wanted, place, share in chunks(x, target, penalties):
            answers, found = self.first(chunk.flatten(1).t(), wanted.t(), field)
            place.copy_(answers)
            total = added(total, found, share)
        for name, parameter in self.parameters:
            if parameter.grad is not total[name]:
                parameter.grad = total[name]

    def curvature(self, x, target, exact=False):
        """h of every parameter on the batch, name -> tensor (Eq. 23 and 24); x and target as in `gradient`."""
        total, field, replay = None, x.shape[1:], self.exact if exact else self.second
        for chunk, wanted, share in chunks(x, target):
            total = added(total, replay(chunk.flatten(1).t(), wanted.t(), field), share)
        return total


def chunks(*batch):
    """(its part of each tensor, its share of the patterns) of every chunk of a batch."""
    patterns, size = len(batch[0]), chunk_size()
    if patterns <= size:
        return [(*batch, 1)]
    return [(*parts, len(parts[0]) / patterns) for parts in zip(*(tensor.split(size) for tensor in batch))]


def added(total, found, share):
    """total + share x found, by name; what was found itself where it is all there is."""
    if share == 1:
        return found
    if total is None:
        return dict(zip(found, torch._foreach_mul(list(found.values()), share)))
    torch._foreach_add_(list(total.values()), list(found.values()), alpha=share)
    return total
