"""LeNet-5 of Section II-B and Fig. 2: the layers in their order, initialised, counted, run up and down."""

import math

import torch

from .codes import DIGIT_CODES
from .layers import RBF, Convolution, FullConnection, Squash, Subsampling
from .layers.base import Layer, Memories, Memory, inward, outward

FED_BY = (  # Table I: for each map of C3, the maps of S2 that feed it
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip
TABLE_I = torch.zeros(16, 6, dtype=torch.bool)
for c3_map, s2_maps in enumerate(FED_BY):
    TABLE_I[c3_map, list(s2_maps)] = True

FIELD = 32  # rows and columns of the input field
CHUNK = 64  # patterns run at a time in a larger batch, so that their states stay in the processor's cache


class LeNet5(Layer):
    """LeNet-5: input (N, 1, 32, 32), output the ten penalties (N, 10); the class is the one with the smallest.

    init: "authors", U(+-1/sqrt(F)), biases 0, coefficients 0.5; or "paper", U(+-2.4/F) throughout (Appendix A).
    rbf_scale: 1/2 (the authors' code) or 1 (Eq. 7 to the letter). seed: of the initialisation.
    A larger field gives a map of outputs, (N, 10, rows, columns), as in Section VII.

    The network is a layer made of layers: `forward` and `backprop` are those of any layer; for order 2 the signal is
    the loss's second_derivative (see `RBF.bprop`). In eval mode under
    torch.no_grad() a forward keeps nothing for a backprop and runs large batches in chunks.
    """

    def __init__(self, init="authors", rbf_scale=0.5, seed=0):
        super().__init__()
        if not rbf_scale > 0:
            raise ValueError(f"rbf_scale is {rbf_scale}; expected a positive number, 1/2 or 1.")
        self.init, self.rbf_scale, self.seed = init, rbf_scale, seed
        self.c1 = Convolution(1, 6)
        self.s2 = Subsampling(6)
        self.c3 = Convolution(6, 16, table=TABLE_I)
        self.s4 = Subsampling(16)
        self.c5 = Convolution(16, 120)
        self.f6 = FullConnection(120, 84)
        self.rbf = RBF(DIGIT_CODES, rbf_scale)
        self.squash = Squash()
        self.reset(init)

    def trainable(self):
        """The layers with parameters by name, from the input up."""
        return {name: getattr(self, name) for name in ("c1", "s2", "c3", "s4", "c5", "f6")}

    def chain(self):
        """Every step from input to penalties: the squashing function follows each trainable layer."""
        return [step for layer in self.trainable().values() for step in (layer, self.squash)] + [self.rbf]

    def reset(self, init="authors", generator=None):
        generator = generator or torch.Generator().manual_seed(self.seed)
        for layer in self.trainable().values():
            layer.reset(init, generator)

    def forward(self, x):
        """Penalties of the patterns in `x`. Raises ValueError for another shape or dtype, and for NaN or inf."""
        if self.training or torch.is_grad_enabled():
            penalties = drop_single(super().forward(x))
            self.kept.memory.output = penalties.shape
            return penalties
        self.check_input(x)
        self.kept.memory = None
        return drop_single(self.infer(x))

    def check_input(self, x):
        dtype = self.c1.weight.dtype
        if x.dim() != 4 or x.shape[1] != 1 or min(x.shape[2:]) < FIELD or len(x) == 0:
            raise ValueError(
                f"LeNet5 got an input of shape {tuple(x.shape)}; expected (N, 1, {FIELD}, {FIELD}) with N at least 1, "
                "or a larger field. lenet_helpers.data.digits.to_input makes it from 28x28 images."
            )
        if x.dtype != dtype:
            raise ValueError(f"LeNet5 got {x.dtype}; expected the dtype of its weights: use x.to({dtype}).")
        if x.device.type != "meta" and not math.isfinite(x.detach().sum()):
            raise ValueError(
                "LeNet5 got an input with NaN or inf; expected finite numbers, about -0.1 to 1.175."
            )

    def fprop(self, x, memory):
        if memory.steps is None:
            memory.chain = self.chain()
            memory.steps = [Memory() for _ in memory.chain]
        for step, kept in zip(memory.chain, memory.steps):
            x = step.fprop(x, kept)
        return x

    def bprop(self, signal, memory, order=1, to_input=True):
        for step, kept in zip(reversed(memory.chain), reversed(memory.steps)):
            signal = step.bprop(signal, kept, order, to_input or step is not self.c1)
        return signal

    def infer(self, x):
        """Penalties (N, 10, rows, columns), a chunk of patterns at a time over memories that this thread keeps."""
        if self.kept.memories is None:
            self.kept.memories = Memories(self)
        penalties = []
        for chunk in x.split(chunk_size()):
            memory = self.kept.memories.serve(chunk)
            penalties.append(outward(self.fprop(memory.field, memory)).clone())
        return penalties[0] if len(penalties) == 1 else torch.cat(penalties)

    @torch.no_grad()
    def predict(self, x):
        """Classes of the patterns in `x`, int64 (N,): the RBF unit with the smallest penalty."""
        self.check_input(x)
        return drop_single(self.infer(x)).argmin(1)

    @torch.no_grad()
    def states(self, x):
        """The state of every layer for `x`, by name: input, c1, s2, c3, s4, c5, f6 (each squashed, (N, maps, rows,
        columns)) and penalties (N, 10). Safe while another thread trains the model."""
        self.check_input(x)
        memory = Memory()
        penalties = outward(self.fprop(inward(x).contiguous(), memory))
        squashed = [outward(kept.y) for kept in memory.steps[1:-1:2]]
        return {"input": x, **dict(zip(self.trainable(), squashed)), "penalties": drop_single(penalties)}

    def counts(self, rows=FIELD, columns=FIELD):
        """Layer name -> (trainable parameters, connections), counted from the layers for a field of this size."""
        counts = {}
        for name, layer in {**self.trainable(), "rbf": self.rbf}.items():
            rows, columns = layer.output_size(rows, columns)
            parameters = sum(parameter.numel() for parameter in layer.parameters())
            counts[name] = (parameters, layer.connections(rows, columns))
        return counts


def chunk_size():
    """Patterns of a larger batch that run at a time: several threads wait for each other in every operation.

    A step of 256 in chunks of 256 instead of 128 takes 1.05 of the time on two threads of an idle machine, 0.75 where
    threads are slow to wake.
    """
    threads = torch.get_num_threads()
    return CHUNK if threads == 1 else 2 * CHUNK * threads


def drop_single(maps):
    """(N, classes, 1, 1) as (N, classes); a larger map of outputs as it is."""
    return maps[:, :, 0, 0] if maps.shape[2:] == (1, 1) else maps
