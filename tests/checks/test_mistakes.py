"""The classic mistakes, each made on purpose and sent through the very comparison that the engine passes."""

import pytest
import torch
from reference import loops as reference
from reference.calls import network, optimizer
from reference.cases import CODES, PATTERNS
from reference.judges import (
    FAN_IN,
    KERNEL_FAN_IN,
    X,
    Y,
    curvature_by_loops,
    judge_classes,
    judge_codes,
    judge_curvature,
    judge_initialisation,
    judge_penalties,
    judge_step,
    weights_of,
    wrong_curvatures,
)
from reference.torch_networks import gauss_newton_diagonal, hessian_row_sums, mean_squared_gradient, mse

from lenet_helpers.codes import DIGIT_CODES
from lenet_helpers.layers import Convolution
from lenet_helpers.losses import MSELoss
from lenet_helpers.model import TABLE_I, LeNet5
from lenet_helpers.sdlm import estimate_curvature


def rejected(judge, *mistaken, where):
    """The comparison must fail where the mistake is: at the parameter or the quantity that `where` names."""
    with pytest.raises(AssertionError, match=where):
        judge(*mistaken)


# Forward


def with_mean():
    """2x2 means where Sec. II-B says sums."""
    model = network()
    with torch.no_grad():
        model.s2.coefficient /= 4
        model.s4.coefficient /= 4
    return model


def with_table(table):
    """C3 wired by another table of 60 connections, the 60 kernels unchanged."""
    model, kernels = network(), network().c3.state_dict()
    model.c3 = Convolution(6, 16, 5, table=table).double()
    model.c3.load_state_dict(kernels)
    return model


def with_kernels_by_input_map():
    """Table I itself, with the 60 kernels read S2 map by S2 map."""
    model = network()
    order = TABLE_I.nonzero().tolist()
    by_input = sorted(range(60), key=lambda i: (order[i][1], order[i][0]))
    with torch.no_grad():
        model.c3.weight.copy_(model.c3.weight[by_input])
    return model


def swapped_entry():
    """Map 0 sees S2 map 3 for map 2, and map 3 sees 2 for 5: still 60, still three a map."""
    table = TABLE_I.clone()
    table[0, 2], table[0, 3], table[3, 5], table[3, 2] = False, True, False, True
    return table


FORWARD_MISTAKES = {
    "mean for sum in S2 and S4": with_mean,
    "Table I turned by one map": lambda: with_table(TABLE_I.roll(1, 1)),
    "Table I with two entries swapped": lambda: with_table(swapped_entry()),
    "Table I upside down": lambda: with_table(TABLE_I.flip(0)),
    "kernels stored input map by input map": with_kernels_by_input_map,
}


def test_the_engines_forward_is_accepted():
    with torch.no_grad():
        judge_penalties(network().forward)
        judge_penalties(with_table(TABLE_I).forward)


@pytest.mark.parametrize("mistake", FORWARD_MISTAKES.values(), ids=FORWARD_MISTAKES.keys())
def test_a_mistaken_forward_is_rejected(mistake):
    model = mistake()
    assert sum(p.numel() for p in model.parameters()) == 60_000
    with torch.no_grad():
        rejected(judge_penalties, model.forward, where="penalties")


def test_the_engines_class_is_accepted_and_the_largest_penalty_rejected():
    model = network()
    with torch.no_grad():
        judge_classes(model.predict)
        rejected(judge_classes, lambda x: model(x).argmax(1), where="classes")


def test_the_engines_codes_are_accepted_and_transposed_ones_rejected():
    judge_codes(DIGIT_CODES)
    judge_codes(LeNet5().rbf.codes)
    for mistaken in (
        DIGIT_CODES.view(10, 12, 7).transpose(1, 2).reshape(10, 84),
        DIGIT_CODES.view(10, 7, 12).transpose(1, 2).reshape(10, 84),
        -DIGIT_CODES,
        DIGIT_CODES.roll(1, 0),
    ):
        rejected(judge_codes, mistaken, where="bitmap")


# Curvature


class SumSquared(reference.Stage):
    """Squares the sum over the connections that share a weight, where Eq. 23 sums the squares."""

    def second(self, x, signal):
        ddx, _ = super().second(x, signal)
        total, x = [0.0] * len(self.w), [*x, 1.0]
        for dd, unit in zip(signal, self.units, strict=True):
            for j, k in unit:
                total[k] += dd**0.5 * x[j]
        return ddx, [value**2 for value in total]


class UnitSquaresAdded(reference.Stage):
    """Four connections from a subsampling unit's inputs to its coefficient, where there is one, from their sum."""

    def second(self, x, signal):
        ddx, ddw = super().second(x, signal)
        if "coefficient" in self.shapes:
            x, ddw = [*x, 1.0], [0.0] * len(self.w)
            for dd, unit in zip(signal, self.units, strict=True):
                for j, k in unit:
                    ddw[k] += dd * x[j] ** 2
        return ddx, ddw


class NotSquared(reference.Stage):
    """Sends the second derivatives down through the weights instead of their squares."""

    def second(self, x, signal):
        return self.first(x, signal)[0], super().second(x, signal)[1]


def by_stage(kind):
    """{name: h} by the loops, every stage of the mistaken kind."""
    made = reference.lenet5(CODES)
    made.stages = [kind(s.name, s.units, s.shapes, s.out_shape) for s in made.stages]
    return as_tensors(made.load(weights_of(network())).curvature(PATTERNS[:2]))


def as_tensors(h):
    return {name: torch.as_tensor(value) for name, value in h.items()}


def estimated():
    """{name: h} by the engine."""
    return estimate_curvature(network(), MSELoss(), X[:2], Y[:2])


EVERYWHERE = set(curvature_by_loops())
SHARED = {
    name for name in EVERYWHERE if name[:2] in ("c1", "s2", "c3", "s4")
}  # C5 and F6 have one unit a weight
CURVATURE_MISTAKES = {  # what is taken for h, and the parameters at which that shows
    "squared gradient": (lambda: mean_squared_gradient(network(), mse, X[:2], Y[:2]), EVERYWHERE),
    "row sums of the Hessian": (lambda: hessian_row_sums(network(), mse, X[:2], Y[:2]), EVERYWHERE),
    "exact Gauss-Newton diagonal": (lambda: gauss_newton_diagonal(network(), X[:2]), SHARED),
    "square of the sum over shared connections": (lambda: by_stage(SumSquared), SHARED),
    "a subsampling unit's inputs squared one by one": (
        lambda: by_stage(UnitSquaresAdded),
        {"s2.coefficient", "s4.coefficient"},
    ),
    "weights not squared on the way down": (
        lambda: by_stage(NotSquared),
        EVERYWHERE - {"f6.weight", "f6.bias"},
    ),
    "half of it": (lambda: {name: value / 2 for name, value in estimated().items()}, EVERYWHERE),
}


def test_the_engines_curvature_is_accepted():
    judge_curvature(estimated())
    judge_curvature(by_stage(reference.Stage))


@pytest.mark.parametrize(("mistake", "shows"), CURVATURE_MISTAKES.values(), ids=CURVATURE_MISTAKES.keys())
def test_a_mistaken_curvature_is_rejected(mistake, shows):
    h = mistake()
    assert wrong_curvatures(h) == shows
    rejected(judge_curvature, h, where=min(shows))


# Initialisation


def build(init):
    """seed -> {name: tensor} by the engine."""
    return lambda seed: dict(LeNet5(init=init, seed=seed).named_parameters())


def rescaled(init, factors):
    """The engine's initial values, those of the named parameters multiplied along their first axis."""

    def made(seed):
        state = build(init)(seed)
        for name, factor in factors.items():
            value = torch.as_tensor(factor, dtype=torch.float32).view(-1, *[1] * (state[name].ndim - 1))
            state[name] = state[name].detach() * value
        return state

    return made


def root_fan_in(layer):
    """2.4/F -> 2.4/sqrt(F)."""
    names = [f"{layer}.coefficient" if layer in ("s2", "s4") else f"{layer}.weight", f"{layer}.bias"]
    return {
        name: [f**0.5 for f in (KERNEL_FAN_IN if name == "c3.weight" else FAN_IN[layer])] for name in names
    }


def one_c3_fan_in(fan_in, power=1.0):
    """The same fan-in for the 16 maps of C3."""
    return {"c3.weight": [(f / fan_in) ** power for f in KERNEL_FAN_IN]}


INITIAL_MISTAKES = {
    **{f"2.4/sqrt(F) in {layer}": ("appendix_a", root_fan_in(layer)) for layer in FAN_IN},
    **{f"C3 fan-in {f} for all, Appendix A": ("appendix_a", one_c3_fan_in(f)) for f in (75, 100, 150)},
    **{f"C3 fan-in {f} for all, Lush": ("lush", one_c3_fan_in(f, 0.5)) for f in (75, 100, 150)},
    "biases 0 in Appendix A": ("appendix_a", {"c1.bias": 0.0}),
    "S2's fan-in taken as 1": ("appendix_a", {"s2.coefficient": 4.0}),
    "the bias counted in the fan-in": ("appendix_a", {"f6.weight": 120 / 121}),
    "1/F in Lush": ("lush", {"c5.weight": 0.05}),
    "coefficients 1 in Lush": ("lush", {"s4.coefficient": 2.0}),
}


@pytest.mark.parametrize("init", ["lush", "appendix_a"])
def test_the_engines_initialisation_is_accepted(init):
    judge_initialisation(build(init), init)


@pytest.mark.parametrize(("init", "factors"), INITIAL_MISTAKES.values(), ids=INITIAL_MISTAKES.keys())
def test_a_mistaken_initialisation_is_rejected(init, factors):
    rejected(judge_initialisation, rescaled(init, factors), init, where=next(iter(factors)))


# Update


def engine_step(model, h, eta, mu):
    rule = optimizer(model, eta=eta, mu=mu)
    rule.set_curvature(h)
    rule.step()


def step_by(rate, moves=lambda name: True):
    """A step whose effective rate is rate(h, eta, mu), on the parameters that it moves."""

    def step(model, h, eta, mu):
        with torch.no_grad():
            for name, p in model.named_parameters():
                if moves(name):
                    p -= rate(h[name], eta, mu) * p.grad

    return step


def paper_rate(h, eta, mu):
    return eta / (mu + h)


STEP_MISTAKES = {  # the step, and the first parameter at which the mistake shows
    "biases left out": (step_by(paper_rate, lambda name: not name.endswith("bias")), "c1.bias"),
    "one bias left out": (step_by(paper_rate, lambda name: name != "s4.bias"), "s4.bias"),
    "coefficients left out": (
        step_by(paper_rate, lambda name: not name.endswith("coefficient")),
        "s2.coefficient",
    ),
    "no mu": (step_by(lambda h, eta, mu: eta / h), "c1.weight"),
    "no curvature": (step_by(lambda h, eta, mu: eta / mu), "c1.weight"),
    "square root of the curvature": (step_by(lambda h, eta, mu: eta / (mu + h).sqrt()), "c1.weight"),
    "uphill": (step_by(lambda h, eta, mu: -eta / (mu + h)), "c1.weight"),
}


def test_the_engines_step_is_accepted():
    judge_step(engine_step)
    judge_step(step_by(paper_rate))


@pytest.mark.parametrize(("mistake", "shows"), STEP_MISTAKES.values(), ids=STEP_MISTAKES.keys())
def test_a_mistaken_step_is_rejected(mistake, shows):
    rejected(judge_step, mistake, where=shows)
