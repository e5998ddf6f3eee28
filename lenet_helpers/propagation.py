"""One step of learning, up and down the network: plain functions, and the same recorded and replayed."""

import torch

from .layout import fields_last, matrix, places_of
from .model import CHUNK, chunk_size
from .replay import Replay


def first_derivatives(model, loss, x, target):
    """(penalties, {name: dE/dw}), E being the mean loss over the patterns (Eq. 19).

    x: (N, 1, 32, 32); target: (N, classes), 1 at the label; penalties: (N, classes).
    """
    penalties, kept = model.fprop(fields_last(x))
    penalties = matrix(penalties)
    signal = loss.signal(penalties, target.t().contiguous())
    signal = signal / len(x) if len(x) > 1 else signal
    _, found = model.bprop(signal[None, :, None], kept)
    return penalties.t(), found


def second_derivatives(model, loss, x, target, exact=False):
    """{name: h}: summed over the connections that share a parameter (Eq. 23), mean over the patterns (Eq. 24).

    x, target: as in `first_derivatives`. The signal that seeds F6 is the constant 2 scale; with exact=True it is the
    exact diagonal of the loss's second derivative with respect to F6's states.
    """
    penalties, kept = model.fprop(fields_last(x))
    penalties, signal, hessian = matrix(penalties), target.t().contiguous(), None
    if exact:
        signal, hessian = loss.signal(penalties, signal), loss.hessian(penalties) / len(x)
    return model.bbprop((signal / len(x))[None, :, None], kept, hessian)[1]


class Propagation:
    """The derivatives of a model's loss for one batch after another, replayed; a step allocates next to nothing.

    A batch larger than a chunk runs chunk by chunk, each small enough for the processor's cache. For one thread at a
    time, under torch.no_grad(); the model's own forward, predict and states share nothing with it.
    """

    def __init__(self, model, loss):
        self.model, self.parameters = model, list(model.named_parameters())
        places, rbf = [weight.data_ptr for weight in model.parameters()], model.rbf

        def given():  # in every step
            return [place() for place in places], places_of([rbf._buffers["codes"]]), rbf.scale, *vars(loss).values()

        self.first = Replay(lambda *batch: first_derivatives(model, loss, *batch), given)
        self.second = Replay(lambda *batch: second_derivatives(model, loss, *batch), given)
        self.exact = Replay(lambda *batch: second_derivatives(model, loss, *batch, exact=True), given)

    def gradient(self, x, target, penalties):
        """Set every parameter's .grad to dE/dw, E being the mean loss over the batch.

        x: (N, 1, 32, 32); target: (N, classes), 1 at the label; penalties: (N, classes), filled with the answers.
        """
        total = None
        for chunk, wanted, place, share in chunks(x, target, penalties):
            answers, found = self.first(chunk, wanted)
            place.copy_(answers)
            total = added(total, found, share)
        for name, parameter in self.parameters:
            if parameter.grad is not total[name]:
                parameter.grad = total[name]

    def curvature(self, x, target, exact=False):
        """h of every parameter on the batch, name -> tensor (Eq. 23 and 24); x and target as in `gradient`."""
        total, replay = None, self.exact if exact else self.second
        for chunk, wanted, share in chunks(x, target):
            total = added(total, replay(chunk, wanted), share)
        return total


def chunks(*batch):
    """(its part of each tensor, its share of the patterns) of every chunk of a batch.

    On more than two threads a chunk is smaller than the forward's: what is kept for the way down takes memory.
    """
    patterns, size = batch[0].shape[0], min(chunk_size(), 2 * CHUNK)
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
