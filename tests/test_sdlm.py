"""SDLM: the update against the rule written out, its rates, its state, the schedules, the running average."""

import copy
import io
import itertools
import math
import pickle

import numpy as np
import pytest
import torch
from reference.calls import network, optimizer
from reference.cases import random_tensor, relative, worst
from reference.judges import X, Y, curvature_by_loops, judge_step, weights_of
from reference.torch_networks import first_derivatives as by_autograd
from reference.torch_networks import map_loss, mse

from lenet_helpers.losses import MAPLoss, MSELoss
from lenet_helpers.model import LeNet5
from lenet_helpers.schedules import PAPER_SCHEDULE, TWO_PASS_SCHEDULE, LinearDecay
from lenet_helpers.sdlm import SDLM, estimate_curvature


def step(model, h, eta, mu):
    rule = optimizer(model, eta=eta, mu=mu)
    rule.set_curvature(h)
    rule.step()


@pytest.mark.parametrize(("eta", "mu"), [(5e-4, 0.02), (1e-5, 0.02), (0.1, 1.0), (0.0, 0.02)])
def test_a_step_moves_every_parameter_by_its_own_rate(eta, mu):
    if eta:
        judge_step(step, eta, mu)
        return
    model = network()
    before = weights_of(copy.deepcopy(model))
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    step(model, {name: torch.ones_like(p) for name, p in model.named_parameters()}, eta, mu)
    assert all(np.array_equal(weights_of(model)[name], value) for name, value in before.items())


def test_training_by_hand_and_by_the_optimizer_give_the_same_weights():
    """Ten updates on one pattern each: h from the loops, gradients from autograd, the rule written out."""
    model, loss, eta, mu = network(), MAPLoss(), 5e-4, 0.02
    h = {name: torch.tensor(value) for name, value in curvature_by_loops().items()}
    by_hand, rule = copy.deepcopy(model), optimizer(model, eta=eta, mu=mu)
    rule.set_curvature(estimate_curvature(model, loss, X[:2], Y[:2]))
    for i in [0, 1, 2, 3, 2, 1, 0, 3, 3, 1]:
        x, y = X[i : i + 1], Y[i : i + 1]
        _, grads = by_autograd(by_hand, map_loss(10.0), x, y)
        with torch.no_grad():
            for name, p in by_hand.named_parameters():
                p -= eta / (mu + h[name]) * grads[name]
        rule.zero_grad()
        loss(model(x), y).backward()
        rule.step()
    for (name, p), q in zip(model.named_parameters(), by_hand.parameters(), strict=True):
        assert relative(p.detach(), q.detach()) < 1e-9, name


@pytest.fixture
def prepared():
    """(model, h, optimizer) with some curvature set."""
    model = network()
    h = {name: random_tensor(*p.shape, seed=i).exp() for i, (name, p) in enumerate(model.named_parameters())}
    rule = optimizer(model, eta=3e-4, mu=0.05)
    rule.set_curvature(h)
    return model, h, rule


def test_rates_are_eta_over_mu_plus_h_by_name(prepared):
    _, h, rule = prepared
    rates = rule.rates()
    assert list(rates) == list(h)
    assert all(worst(rates[name], 3e-4 / (0.05 + h[name])) < 1e-12 for name in h)


def test_a_new_eta_changes_the_rates_and_the_step(prepared):
    model, h, rule = prepared
    rule.param_groups[0]["eta"] = 1e-4
    assert all(worst(rate, 1e-4 / (0.05 + h[name])) < 1e-12 for name, rate in rule.rates().items())
    before = weights_of(copy.deepcopy(model))
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    rule.step()
    for name, p in model.named_parameters():
        assert relative(p.detach() - torch.tensor(before[name]), -1e-4 / (0.05 + h[name])) < 1e-9


def test_curvature_is_matched_by_name_not_by_order(prepared):
    model, h, rule = prepared
    expected = rule.rates()
    rule.set_curvature(dict(reversed(h.items())))
    assert all(torch.equal(rule.rates()[name], expected[name]) for name in h)


def test_the_curvature_given_is_copied(prepared):
    _, h, rule = prepared
    before = {name: rate.clone() for name, rate in rule.rates().items()}
    for value in h.values():
        value.mul_(7)
    assert all(torch.equal(rule.rates()[name], before[name]) for name in h)


def without(name):
    return lambda h: {n: v for n, v in h.items() if n != name}


def with_one(name, change):
    return lambda h: {**h, name: change(h[name].clone())}


def first_entry(value):
    def change(h):
        h.view(-1)[0] = value
        return h

    return change


BAD_CURVATURES = {
    "a bias missing": without("c1.bias"),
    "a weight missing": without("c3.weight"),
    "none": lambda h: {},
    "a name too many": lambda h: {**h, "c7.weight": torch.ones(3)},
    "a name unknown": lambda h: {("c7" + n[2:] if n.startswith("c1") else n): v for n, v in h.items()},
    "a shape transposed": with_one("f6.weight", lambda h: h.t()),
    "a shape flattened": with_one("c5.weight", lambda h: h.view(-1)),
    "negative": with_one("s2.coefficient", first_entry(-1e-12)),
    "NaN": with_one("f6.bias", first_entry(math.nan)),
    "infinite": with_one("c5.weight", first_entry(math.inf)),
}


@pytest.mark.parametrize("spoil", BAD_CURVATURES.values(), ids=BAD_CURVATURES.keys())
def test_a_curvature_that_does_not_fit_is_refused_and_the_old_one_kept(spoil, prepared):
    _, h, rule = prepared
    before = rule.rates()
    with pytest.raises(ValueError, match="expected"):
        rule.set_curvature(spoil(h))
    assert all(torch.equal(rule.rates()[name], before[name]) for name in h)


@pytest.mark.parametrize("value", [-1e-9, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("name", ["eta", "mu"])
def test_eta_or_mu_below_zero_or_not_finite_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        SDLM(LeNet5().parameters(), **{name: value})


def test_sdlm_takes_plain_parameters_and_is_a_torch_optimizer():
    model = LeNet5()
    rule = SDLM(model.parameters())
    assert isinstance(rule, torch.optim.Optimizer)
    assert rule.param_groups[0]["eta"] == 5e-4 and rule.param_groups[0]["mu"] == 0.02
    rule.set_curvature(estimate_curvature(model, MAPLoss(), X.float(), Y))
    assert list(rule.rates()) == [name for name, _ in model.named_parameters()]


def test_a_step_without_any_curvature_is_refused():
    model = LeNet5()
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    with pytest.raises((RuntimeError, ValueError), match="set_curvature"):
        SDLM(model.parameters()).step()


def test_state_dict_brings_rates_back_bit_for_bit(prepared, tmp_path):
    model, h, rule = prepared
    twin = copy.deepcopy(model)
    other = optimizer(twin, eta=1.0, mu=1.0)
    torch.save(rule.state_dict(), tmp_path / "state.pt")
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert all(torch.equal(other.rates()[name], rate) for name, rate in rule.rates().items())
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        p.grad, q.grad = torch.ones_like(p), torch.ones_like(q)
    rule.step()
    other.step()
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), twin.parameters(), strict=True))


def test_the_optimizer_follows_parameters_that_are_moved_or_replaced(prepared):
    """load_state_dict, .double(), a new .data, a dropped .grad: none parts the optimizer from the model."""
    model, h, rule = prepared
    for change in (
        lambda: model.load_state_dict(network(seed=8).state_dict()),
        lambda: model.float().double(),
        lambda: [setattr(p, "data", p.data.clone() + 1) for p in model.parameters()],
        lambda: [setattr(p, "grad", None) for p in model.parameters()],
    ):
        change()
        before = weights_of(copy.deepcopy(model))
        for i, p in enumerate(model.parameters()):
            p.grad = random_tensor(*p.shape, seed=50 + i)
        grads = [p.grad.clone() for p in model.parameters()]
        rule.step()
        for (name, p), g in zip(model.named_parameters(), grads, strict=True):
            assert relative(p.detach() - torch.tensor(before[name]), -3e-4 / (0.05 + h[name]) * g) < 1e-9, (
                name
            )


def test_groups_keep_their_own_eta_and_mu():
    model = network()
    named = list(model.named_parameters())
    groups = [{"params": named[:4]}, {"params": named[4:], "eta": 1e-3, "mu": 0.5}]
    rule = SDLM(groups, eta=2e-4, mu=0.1)
    h = {name: random_tensor(*p.shape, seed=i).exp() for i, (name, p) in enumerate(named)}
    rule.set_curvature(h)
    before = weights_of(copy.deepcopy(model))
    for _, p in named:
        p.grad = torch.ones_like(p)
    rule.step()
    for i, (name, p) in enumerate(named):
        eta, mu = (2e-4, 0.1) if i < 4 else (1e-3, 0.5)
        assert worst(rule.rates()[name], eta / (mu + h[name])) < 1e-12
        assert relative(torch.tensor(before[name]) - p.detach(), eta / (mu + h[name])) < 1e-9, name


@pytest.mark.parametrize("group", [{"eta": -1.0}, {"mu": -0.1}])
def test_a_group_with_a_rate_below_zero_is_refused(group):
    with pytest.raises(ValueError, match="eta|mu"):
        SDLM([{"params": list(LeNet5().parameters()), **group}])


def test_a_parameter_without_gradient_stays_where_it_is(prepared):
    model, _, rule = prepared
    before = weights_of(copy.deepcopy(model))
    rule.zero_grad()
    model.c1.weight.grad = torch.ones_like(model.c1.weight)
    rule.step()
    moved = {name for name, value in before.items() if not np.array_equal(weights_of(model)[name], value)}
    assert moved == {"c1.weight"}


# Schedules


def test_the_papers_schedule_is_that_of_section_iii_b():
    expected = [5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 8
    assert list(PAPER_SCHEDULE) == expected and isinstance(PAPER_SCHEDULE, tuple)


def test_the_two_pass_schedule_falls_linearly_from_5e_4_to_1e_5():
    assert (TWO_PASS_SCHEDULE.start, TWO_PASS_SCHEDULE.end, TWO_PASS_SCHEDULE.passes) == (5e-4, 1e-5, 2)
    etas = [TWO_PASS_SCHEDULE.eta(2 * i / 100) for i in range(101)]
    assert etas[0] == 5e-4 and etas[-1] == pytest.approx(1e-5, rel=1e-12)
    steps = [a - b for a, b in itertools.pairwise(etas)]
    assert min(steps) > 0 and max(steps) == pytest.approx(min(steps), rel=1e-9)
    assert LinearDecay(1.0, 0.5, 4).eta(1) == pytest.approx(0.875)


@pytest.mark.parametrize(
    "options", [{"start": -1.0}, {"end": -1e-9}, {"passes": 0}, {"start": math.nan}, {"start": math.inf}]
)
def test_a_decay_that_means_nothing_is_refused(options):
    with pytest.raises(ValueError, match="expected 0 <= end <= start"):
        LinearDecay(**options)


# The running average


def test_the_running_average_is_the_recursion_written_out():
    """h <- (1 - gamma) h + gamma h_p, with h_p the curvature of one pattern."""
    model, gamma = network(), 0.1
    rule = optimizer(model, eta=1.0, mu=0.02)
    h = estimate_curvature(model, MAPLoss(), X[:1], Y[:1])
    rule.set_curvature(h)
    for i in (1, 2, 3, 1):
        one = estimate_curvature(model, MAPLoss(), X[i : i + 1], Y[i : i + 1])
        h = {name: (1 - gamma) * h[name] + gamma * one[name] for name in h}
        rule.average_curvature(one, gamma)
    for name, rate in rule.rates().items():
        assert worst(rate, 1 / (0.02 + h[name])) < 1e-12, name


def test_mse_of_the_reference_is_what_the_engine_minimises():
    model = network()
    with torch.no_grad():
        assert relative(MSELoss()(model(X), Y) * len(X), mse(model(X), Y)) < 1e-12


# As any torch optimizer


def saved_and_loaded(rule):
    content = io.BytesIO()
    torch.save(rule, content)
    content.seek(0)
    return torch.load(content, weights_only=False)


COPIES = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda rule: pickle.loads(pickle.dumps(rule)),
    "torch.save": saved_and_loaded,
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES.keys())
def test_a_copy_has_the_rates_and_steps_by_them(copied, prepared):
    _, h, rule = prepared
    other = copied(rule)
    assert repr(other) == repr(rule)
    assert all(torch.equal(rate, rule.rates()[name]) for name, rate in other.rates().items())
    weights = other.param_groups[0]["params"]
    before = [weight.detach().clone() for weight in weights]
    other.step()  # a copied parameter has no .grad
    assert all(torch.equal(weight, old) for weight, old in zip(weights, before, strict=True))
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    other.step()
    for weight, old, rate in zip(weights, before, rule.rates().values(), strict=True):
        assert relative(old - weight.detach(), rate) < 1e-9


def test_eta_and_lr_are_one_number_to_schedulers_and_readers(prepared):
    _, _, rule = prepared
    assert rule.param_groups[0]["eta"] == rule.param_groups[0]["lr"] == 3e-4
    scheduler = torch.optim.lr_scheduler.ExponentialLR(rule, 0.5)
    rule.step()
    scheduler.step()
    assert rule.param_groups[0]["eta"] == scheduler.get_last_lr()[0] == 1.5e-4
    group = rule.param_groups[0]
    group["eta"] = 1e-5
    assert group["lr"] == group.get("eta") == 1e-5 and "eta" in group
    group.update(eta=1e-6)
    assert group["lr"] == group.setdefault("eta", 1) == 1e-6 and "eta" not in list(group)


def test_a_state_without_names_leaves_the_names(prepared):
    model, h, rule = prepared
    state = rule.state_dict()
    for group in state["param_groups"]:
        group.pop("param_names", None)
    other = optimizer(model)
    other.load_state_dict(state)
    assert list(other.rates()) == list(h)


def test_a_group_added_with_names_takes_its_curvature_by_name(prepared):
    model, h, _ = prepared
    named = dict(model.named_parameters())
    rule = SDLM([pair for pair in named.items() if pair[0] != "f6.weight"], eta=3e-4, mu=0.05)
    rule.add_param_group({"params": [("f6.weight", named["f6.weight"])], "eta": 1e-4})
    rule.set_curvature(h)
    rates = rule.rates()
    assert worst(rates["f6.weight"], 1e-4 / (0.05 + h["f6.weight"])) < 1e-12
    assert worst(rates["c1.weight"], 3e-4 / (0.05 + h["c1.weight"])) < 1e-12


def test_gradients_of_each_pattern_by_torch_func_are_those_of_one_after_another():
    model = network()
    weights = {name: parameter.detach() for name, parameter in model.named_parameters()}

    def error(weights, x, target):
        penalties = torch.func.functional_call(model, weights, (x[None],))
        return (penalties[0] * target).sum()

    def by_the_loss(weights, x, label):
        return MSELoss()(torch.func.functional_call(model, weights, (x[None],)), label[None])

    each, other = (
        torch.func.vmap(torch.func.grad(each), in_dims=(None, 0, 0))(weights, X[:3], given)
        for each, given in ((error, torch.eye(10)[Y[:3]].to(X)), (by_the_loss, Y[:3]))
    )
    assert all(torch.equal(other[name], value) for name, value in each.items())
    for i in range(3):
        _, expected = by_autograd(model, mse, X[i : i + 1], Y[i : i + 1])
        assert all(relative(each[name][i], value) < 1e-9 for name, value in expected.items())
