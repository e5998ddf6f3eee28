"""Batches sent up and down a network over memories that are kept: the inner loop of training."""

import torch

from .layers import Memory, prepare_derivative
from .model import CHUNK


class Propagation:
    """Sets the derivatives of a model's parameters for one batch after another; a step allocates nothing.

    A batch larger than a chunk runs chunk by chunk, each small enough for the processor's cache, and adds up. For one
    thread at a time; the model's own forward, predict and states share nothing with it.
    """

    def __init__(self, model, loss):
        self.model, self.loss = model, loss
        self.parameters = list(model.parameters())
        self.memories = {}
        self.storage = None

    @torch.no_grad()
    def gradient(self, x, target, penalties):
        """Set every parameter's .grad to dE/dw, E being the mean loss over the batch.

        x: (N, 1, 32, 32); target: (N, 10), 1 at the label; penalties: (N, 10), filled with the model's answers.
        """
        self.check_storage(1)
        patterns = len(x)
        if patterns <= CHUNK:
            return self.chunk_gradient(x, target, penalties, patterns, True)
        for start in range(0, patterns, CHUNK):
            part = slice(start, start + CHUNK)
            self.chunk_gradient(x[part], target[part], penalties[part], patterns, start == 0)

    def chunk_gradient(self, x, target, penalties, patterns, overwrite):
        memory, y = self.up(x, overwrite)
        penalties.copy_(memory.answers)
        signal = self.loss.signal(y, target.t().view_as(y), memory.loss)
        self.model.bprop(signal if patterns == 1 else signal / patterns, memory, 1, to_input=False)

    @torch.no_grad()
    def curvature(self, x, target, exact=False):
        """Set every parameter's .curvature to h: summed over shared connections (Eq. 23), mean over patterns (Eq. 24).

        x: (N, 1, 32, 32); target: (N, 10), 1 at the label. The signal that seeds F6 is the constant 2 scale; with
        exact=True it is the exact diagonal of the loss's second derivative with respect to F6's states.
        """
        self.check_storage(2)
        for start in range(0, len(x), CHUNK):
            memory, y = self.up(x[start : start + CHUNK], start == 0)
            signal = target[start : start + CHUNK].t().view_as(y)
            if exact:
                signal = self.loss.signal(y, signal, memory.loss)
                memory.steps[-1].hessian = self.loss.hessian(y, memory.loss) / len(x)
            self.model.bprop(signal / len(x), memory, 2, to_input=False)
            memory.steps[-1].hessian = None

    def up(self, x, overwrite):
        """Run a chunk to its penalties over the memory for chunks of its size."""
        memory = self.memories.get(x.shape)
        if memory is None:
            memory = self.memories[x.shape] = Memory()
            memory.field = torch.empty_like(x.movedim(0, -1), memory_format=torch.contiguous_format)
            memory.loss = Memory()
        memory.field.copy_(x.movedim(0, -1))
        y = self.model.fprop(memory.field, memory)
        if memory.answers is None:
            memory.answers = y.view(y.shape[0], -1).t()
        if memory.overwrite is not overwrite:
            for kept in (memory, *memory.steps):
                kept.overwrite = overwrite
        return memory, y

    def check_storage(self, order):
        """Lay the views out anew where a parameter has moved to other storage; give each a place for derivatives."""
        storage = [parameter.data_ptr() for parameter in self.parameters]
        if storage != self.storage:
            self.memories.clear()
            self.storage = storage
        for parameter in self.parameters:
            prepare_derivative(parameter, order)
