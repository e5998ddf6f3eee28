"""Batches sent up and down a network over memories that are kept: the inner loop of training."""

import torch

from .layers.base import Memories, prepare_derivative
from .model import chunk_size


class Propagation:
    """Sets the derivatives of a model's parameters for one batch after another; a step allocates next to nothing.

    A batch larger than a chunk runs chunk by chunk, each small enough for the processor's cache, and adds up. For one
    thread at a time; the model's own forward, predict and states share nothing with it.
    """

    def __init__(self, model, loss):
        self.model, self.loss = model, loss
        self.parameters = list(model.parameters())
        self.memories = Memories(model)

    @torch.no_grad()
    def gradient(self, x, target, penalties):
        """Set every parameter's .grad to dE/dw, E being the mean loss over the batch.

        x: (N, 1, 32, 32); target: (N, 10), 1 at the label; penalties: (N, 10), filled with the model's answers.
        """
        self.prepare(1)
        patterns, size = len(x), chunk_size()
        if patterns <= size:
            return self.add_gradient(x, target, penalties, patterns, overwrite=True)
        chunks = zip(x.split(size), target.split(size), penalties.split(size))
        for index, chunk in enumerate(chunks):
            self.add_gradient(*chunk, patterns, overwrite=index == 0)

    def add_gradient(self, x, target, penalties, patterns, overwrite):
        """One chunk of a batch of `patterns`."""
        memory = self.up(x, overwrite)
        penalties.copy_(memory.answers)
        signal = self.loss.signal(memory.penalties, target.t(), memory.loss)
        self.model.bprop(signal if patterns == 1 else signal / patterns, memory, 1, to_input=False)

    @torch.no_grad()
    def curvature(self, x, target, exact=False):
        """Set every parameter's .curvature to h: summed over shared connections (Eq. 23), mean over patterns (Eq. 24).

        x: (N, 1, 32, 32); target: (N, 10), 1 at the label. The signal that seeds F6 is the constant 2 scale; with
        exact=True it is the exact diagonal of the loss's second derivative with respect to F6's states.
        """
        self.prepare(2)
        patterns, size = len(x), chunk_size()
        for index, (chunk, chunk_target) in enumerate(zip(x.split(size), target.split(size))):
            memory = self.up(chunk, index == 0)
            signal = chunk_target.t()
            if exact:
                signal = self.loss.signal(memory.penalties, signal, memory.loss)
                memory.steps[-1].hessian = self.loss.hessian(memory.penalties, memory.loss) / patterns
            self.model.bprop(signal / patterns, memory, 2, to_input=False)
            memory.steps[-1].hessian = None

    def up(self, x, overwrite):
        """Run a chunk to its penalties; the first of a batch overwrites derivatives, the others add to them."""
        memory = self.memories.serve(x)
        y = self.model.fprop(memory.field, memory)
        if memory.penalties is None:
            memory.penalties = y.view(y.shape[1], -1)  # classes, patterns
            memory.answers = memory.penalties.t()
        if memory.overwrite is not overwrite:
            for kept in (memory, *memory.steps):
                kept.overwrite = overwrite
        return memory

    def prepare(self, order):
        """Give every parameter a place for its derivatives."""
        for parameter in self.parameters:
            if parameter.grad is None or order == 2:
                prepare_derivative(parameter, order)
