"""The comparisons that the engine passes and that the classic mistakes (`test_mistakes.py`) do not.

Each takes an implementation of one thing and raises AssertionError unless it does what the paper says.
"""

from functools import cache

import numpy as np
import torch

from reference import loops as reference
from reference import torch_networks
from reference.calls import network
from reference.cases import CODES, LABELS, PATTERNS, SEVEN, random_tensor, relative, worst

X, Y = torch.tensor(PATTERNS), torch.tensor(LABELS)


def weights_of(model):
    """{name: float64 array} of a model's parameters."""
    return {name: p.detach().double().numpy() for name, p in model.named_parameters()}


@cache
def loops(scale=0.5):
    """The full-size network as loops, with the weights of `network(rbf_scale=scale)`."""
    return reference.lenet5(CODES, scale).load(weights_of(network(rbf_scale=scale)))


@cache
def curvature_by_loops(patterns=2, scale=0.5):
    """{name: h} of that network on the first patterns."""
    return loops(scale).curvature(PATTERNS[:patterns])


def judge_penalties(penalties):
    """penalties: x (N, 1, 32, 32) -> (N, 10), computed with the weights of `network()`."""
    weights = {name: torch.tensor(value) for name, value in weights_of(network()).items()}
    found, expected = penalties(X), torch_networks.penalties(weights, X, torch.tensor(CODES))
    assert found.shape == (len(X), 10)
    assert (found - expected).abs().max() < 1e-10, "penalties differ from torch's"
    assert relative(found[0], loops().penalties(PATTERNS[0])[:, 0]) < 1e-10, (
        "penalties differ from the loops'"
    )


def judge_classes(predict):
    """predict: x -> classes, with the weights of `network()`."""
    nearest = [int(np.argmin(loops().penalties(pattern)[:, 0])) for pattern in PATTERNS]
    assert list(map(int, predict(X))) == nearest, "classes"


def wrong_curvatures(h, patterns=2, scale=0.5):
    """The names at which h, {name: tensor} of `network(rbf_scale=scale)` on the patterns, is not Eq. 23's."""
    expected = curvature_by_loops(patterns, scale)
    assert list(h) == list(expected)
    return {name for name, value in expected.items() if not worst(h[name].detach(), value) < 1e-9}


def judge_curvature(h, patterns=2, scale=0.5):
    """The same as a verdict."""
    wrong = wrong_curvatures(h, patterns, scale)
    assert not wrong, sorted(wrong)


def judge_codes(codes):
    """codes: (10, 84), row by row of the 7 wide, 12 high bitmaps of Fig. 3."""
    assert codes.shape == (10, 84)
    assert np.array_equal(np.asarray(codes, dtype=np.float64), CODES), "bitmaps differ from the figure's"
    drawn = ["".join("#" if value > 0 else "." for value in row) for row in codes[7].reshape(12, 7)]
    assert tuple(drawn) == SEVEN, "bitmap of 7"
    different = [int((codes[a] != codes[b]).sum()) for a in range(10) for b in range(a)]
    assert min(different) == 12 == int((codes[6] != codes[8]).sum()) and max(different) == 50


FAN_IN = {"c1": [25] * 6, "s2": [4] * 6, "s4": [4] * 16, "c5": [400] * 120, "f6": [120] * 84}
FAN_IN["c3"] = [25 * len(sees) for sees in reference.TABLE_I]
KERNEL_FAN_IN = [25 * len(sees) for sees in reference.TABLE_I for _ in sees]


def initial_bounds(name, init):
    """The largest magnitude of an initial value, for each entry of the parameter's first axis (App. A)."""
    layer, kind = name.split(".")
    fan_in = KERNEL_FAN_IN if name == "c3.weight" else FAN_IN[layer]
    if init == "appendix_a":
        return [2.4 / f for f in fan_in]
    return [f**-0.5 if kind == "weight" else 0.0 for f in fan_in]


def judge_initialisation(build, init, seeds=60):
    """build: seed -> {name: tensor}.

    Over the seeds no value leaves the range of its own unit, and the range is filled evenly: the mean is 0,
    the variance a third of the bound's square, the largest value close to the bound.
    """
    states = [build(seed) for seed in range(seeds)]
    for name in states[0]:
        values = torch.stack([state[name] for state in states]).double()
        if init == "lush" and name.endswith("coefficient"):
            assert (values == 0.5).all(), name
            continue
        for unit, bound in enumerate(initial_bounds(name, init)):
            share = values[:, unit].flatten()
            if bound == 0:
                assert (share == 0).all(), name
                continue
            share, n = share / bound, share.numel()
            assert share.abs().max() <= 1 + 1e-6, (name, unit)
            assert share.abs().max() > 1 - 12 / n, (name, unit)
            assert share.mean().abs() < 5 * (1 / (3 * n)) ** 0.5, (name, unit)
            assert (share.square().mean() - 1 / 3).abs() < 5 * (4 / (45 * n)) ** 0.5, (name, unit)


def judge_step(step, eta=5e-4, mu=0.02):
    """step: (model, h, eta, mu) -> None, moves every parameter by its gradient as Eq. 18 and Eq. 21 say."""
    model = network()
    before, grads, h = {}, {}, {}
    for i, (name, p) in enumerate(model.named_parameters()):
        p.grad = random_tensor(*p.shape, seed=i)
        before[name], grads[name] = p.detach().clone(), p.grad.clone()
        h[name] = random_tensor(*p.shape, seed=100 + i).exp()
    step(model, h, eta, mu)
    for name, p in model.named_parameters():
        moved, expected = p.detach() - before[name], -eta / (mu + h[name]) * grads[name]
        assert torch.allclose(p.detach(), before[name] + expected, rtol=0, atol=1e-15), name
        assert relative(moved, expected) < 1e-9, name
