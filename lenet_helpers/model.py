"""LeNet-5 of Section II-B and Fig. 2: the layers in their order, initialised, counted, run up and down."""

import math
import warnings
from importlib import import_module

import torch

from .codes import DIGIT_CODES
from .initialisation import init_name
from .layers import RBF, Convolution, FullConnection, Layer, Squash, Subsampling
from .layout import fields_last, has_numbers, patterns_first, patterns_last, places_of
from .replay import Replay

FED_BY = (  # Table I: for each map of C3, the maps of S2 that feed it
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip
TABLE_I = torch.zeros(16, 6, dtype=torch.bool)
for c3_map, s2_maps in enumerate(FED_BY):
    TABLE_I[c3_map, list(s2_maps)] = True

FIELD = 32  # rows and columns of the input field
UNITS = 84  # of F6, and numbers of a code
CHUNK = 64  # patterns a thread runs at a time in a larger batch, so that their states stay in the processor's cache


class LeNet5(Layer):
    """LeNet-5: input (N, 1, 32, 32), output the penalties (N, classes); the class is the one with the smallest.

    init: "lush", U(+-1/sqrt(F)), biases 0, coefficients 0.5; or "appendix_a", U(+-2.4/F) throughout (Appendix A); the
    old names "authors" and "paper" are taken too. rbf_scale: 1/2 (the authors' code) or 1 (Eq. 7 as printed).
    seed: of the initialisation. codes: (classes, 84) of +-1, those of the ten digits unless given.
    A larger field gives a map of outputs, (N, classes, rows, columns), as in Section VII. Raises ValueError for another
    init, scale, or shape of codes.

    The network is a layer made of layers: `forward` and `backprop` are those of any layer; for order 2 the signal is
    the loss's second_derivative (see `RBF.bbprop`).
    """

    def __init__(self, init="lush", rbf_scale=0.5, seed=0, codes=DIGIT_CODES):
        super().__init__()
        if codes.shape[1:] != (UNITS,):
            raise ValueError(f"The codes have shape {tuple(codes.shape)}; expected (classes, {UNITS}).")
        self.init, self.seed = init_name(init), seed
        self.c1 = Convolution(1, 6)
        self.s2 = Subsampling(6)
        self.c3 = Convolution(6, 16, table=TABLE_I)
        self.s4 = Subsampling(16)
        self.c5 = Convolution(16, 120)
        self.f6 = FullConnection(120, UNITS)
        self.rbf = RBF(codes, rbf_scale)
        self.squash = Squash()
        self.reset(self.init)

    @property
    def rbf_scale(self):
        """The scale of the penalty."""
        return self.rbf.scale

    def trainable(self):
        """The layers with parameters by name, from the input up."""
        return {name: getattr(self, name) for name in ("c1", "s2", "c3", "s4", "c5", "f6")}

    def chain(self):
        """(name, layer) of every step from input to F6: the squashing function follows each trainable layer."""
        return [step for named in self.trainable().items() for step in (named, ("squash", self.squash))]

    def reset(self, init="lush", generator=None):
        generator = generator or torch.Generator().manual_seed(self.seed)
        for layer in self.trainable().values():
            layer.reset(init, generator)

    def fprop(self, x):
        kept = []
        for _, layer in self.chain():
            x, needed = layer.fprop(x)
            kept.append(needed)
        penalties, needed = self.rbf.fprop(x)
        return penalties, [*kept, needed]

    def bprop(self, signal, kept):
        return self.down("bprop", self.rbf.bprop(signal, kept[-1])[0], kept)

    def bbprop(self, signal, kept, hessian=None):
        """hessian: as in RBF.bbprop; with it the diagonal at F6 is the loss's exact one."""
        return self.down("bbprop", self.rbf.bbprop(signal, kept[-1], hessian)[0], kept)

    def down(self, send, signal, kept):
        """From F6 to the input, each layer by its bprop or bbprop; what they found, by the parameters' full names."""
        found = {}
        for (name, layer), needed in zip(reversed(self.chain()), reversed(kept[:-1])):
            signal, of_layer = getattr(layer, send)(signal, needed)
            found.update((f"{name}.{parameter}", value) for parameter, value in of_layer.items())
        return signal, found

    def forward(self, x):
        """Penalties of the patterns in `x`. Raises ValueError for another shape or dtype, and where numbers are NaN or
        infinite, of the input or of the penalties."""
        if not torch.is_grad_enabled() and has_numbers(x) and has_numbers(self._modules["c1"]._parameters["weight"]):
            return self.read(x)
        penalties = super().forward(x)
        check_finite("weights that give penalties", penalties)
        return penalties

    def read(self, x):
        """Penalties without anything to differentiate: replayed, a chunk of patterns at a time."""
        if x.dim() != 4:
            self.check_field(x.shape, x.dtype)
        replay = self.seen.replay = self.seen.replay or Replay(self.answer, self.storages)
        size, answers = chunk_size(), []
        for chunk in (x,) if x.shape[0] <= size else x.split(size):
            penalties, *sums = replay(chunk)
            if not all(map(math.isfinite, sums)):
                check_finite("an input", chunk)
                check_finite("weights that give penalties", penalties)
            answers.append(penalties.clone())
        self.seen.x = x
        return answers[0] if len(answers) == 1 else torch.cat(answers)

    def answer(self, x):
        """(penalties, two numbers that are finite if the input and the penalties are)."""
        self.check_field(x.shape, x.dtype)  # here: once for each kind of input
        penalties, _ = self.fprop(fields_last(x))
        return self.outward(penalties), x.flatten().sum(0), penalties.flatten().sum(0)

    def outward(self, state):
        """Patterns first, (N, classes) where there is one output a pattern."""
        maps = patterns_first(state)
        return maps[:, :, 0, 0] if maps.shape[2:] == (1, 1) else maps

    def storages(self):
        """All that a recording of the network depends on: how its parameters and codes lie, the penalty's scale."""
        layers = self._modules  # asked as dicts: a Module's attributes are slower to find
        parameters = [parameter for layer in layers.values() for parameter in layer._parameters.values()]
        return places_of([*parameters, layers["rbf"]._buffers["codes"]]), layers["rbf"].scale

    def check_input(self, x):
        self.check_field(x.shape, x.dtype)
        check_finite("an input", x)

    def check_field(self, shape, dtype):
        if len(shape) != 4 or shape[1] != 1 or min(shape[2:]) < FIELD or shape[0] == 0:
            raise ValueError(
                f"LeNet5 got an input of shape {tuple(shape)}; expected (N, 1, {FIELD}, {FIELD}) with N at least 1, "
                "or a larger field. lenet_helpers.to_input makes it from 28x28 images."
            )
        if dtype != self.c1.weight.dtype:
            wanted = self.c1.weight.dtype
            raise ValueError(f"LeNet5 got {dtype}; expected the dtype of its weights: use x.to({wanted}).")

    @torch.no_grad()
    def predict(self, x):
        """Classes of the patterns in `x`, int64 (N,): the RBF unit with the smallest penalty. Raises as forward."""
        return self.forward(x).argmin(1)

    @torch.no_grad()
    def states(self, x):
        """The state of every layer for `x`, by name: input, c1, s2, c3, s4, c5, f6 (each squashed, (N, maps, rows,
        columns)) and penalties (N, classes). Safe while another thread trains the model."""
        self.check_input(x)
        penalties, kept = self.fprop(patterns_last(x))
        squashed = [patterns_first(state) for state in kept[1:-1:2]]
        return {"input": x, **dict(zip(self.trainable(), squashed)), "penalties": self.outward(penalties)}

    def counts(self, rows=FIELD, columns=FIELD):
        """Layer name -> (trainable parameters, connections), counted from the layers for a field of this size."""
        counts = {}
        for name, layer in {**self.trainable(), "rbf": self.rbf}.items():
            rows, columns = layer.output_size(rows, columns)
            parameters = sum(parameter.numel() for parameter in layer.parameters())
            counts[name] = (parameters, layer.connections(rows, columns))
        return counts


def chunk_size():
    """Patterns of a larger batch that run at a time where nothing is kept for a way down."""
    return CHUNK * torch.get_num_threads()


def check_finite(what, values):
    """Raise ValueError where a value is NaN or infinite."""
    if has_numbers(values) and not torch.isfinite(values).all():
        raise ValueError(f"LeNet5 got {what} with NaN or inf; expected finite numbers.")


def __getattr__(name):
    """`load_weights` and `save_weights` were here in the first edition, and are found here by scripts made for it."""
    if name not in ("load_weights", "save_weights"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(f"{name} is imported from lenet_helpers now.", DeprecationWarning, stacklevel=2)
    return getattr(import_module("lenet_helpers"), name)
