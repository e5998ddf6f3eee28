"""The whole network: what it is made of, what it computes, how it starts, and what it refuses to read."""

import math

import pytest
import torch
from reference import loops as reference
from reference import torch_networks
from reference.calls import first, network, network_first
from reference.cases import CODES, LABELS, PATTERNS, random_tensor, relative, strokes
from reference.judges import X, Y, judge_classes, judge_codes, judge_initialisation, judge_penalties
from reference.torch_networks import map_loss, mse

from lenet_helpers.codes import ASCII_CODES, DIGIT_CODES
from lenet_helpers.losses import MAPLoss, MSELoss
from lenet_helpers.model import TABLE_I, LeNet5, chunk_size
from lenet_helpers.sdlm import estimate_curvature

SHAPES = {
    "c1.weight": (6, 1, 5, 5), "c1.bias": (6,), "s2.coefficient": (6,), "s2.bias": (6,),
    "c3.weight": (60, 5, 5), "c3.bias": (16,), "s4.coefficient": (16,), "s4.bias": (16,),
    "c5.weight": (120, 16, 5, 5), "c5.bias": (120,), "f6.weight": (84, 120), "f6.bias": (84,),
}  # fmt: skip
PAPER_COUNTS = {  # Sec. II-B: (trainable parameters, connections)
    "c1": (156, 122_304), "s2": (12, 5_880), "c3": (1_516, 151_600), "s4": (32, 2_000),
    "c5": (48_120, 48_120), "f6": (10_164, 10_164), "rbf": (0, 840),
}  # fmt: skip
LOSSES = {"MSE": (MSELoss(), mse), "MAP": (MAPLoss(), map_loss(10.0))}
both_losses = pytest.mark.parametrize(("loss", "summed"), LOSSES.values(), ids=LOSSES.keys())


def test_the_layers_count_to_the_papers_parameters_and_connections():
    counts = LeNet5().counts()
    assert {name: tuple(counts[name]) for name in PAPER_COUNTS} == PAPER_COUNTS
    assert sum(parameters for parameters, _ in PAPER_COUNTS.values()) == 60_000
    assert sum(connections for _, connections in PAPER_COUNTS.values()) == 340_908
    assert sum(p.numel() for p in LeNet5().parameters()) == 60_000


@pytest.mark.parametrize(("rows", "columns"), [(32, 36), (45, 34)])
def test_a_larger_field_has_more_connections_and_the_same_parameters(rows, columns):
    counts = LeNet5().counts(rows, columns)
    for stage in reference.lenet5(CODES, rows=rows, columns=columns).stages:
        assert tuple(counts[stage.name]) == stage.counts(), stage.name


def test_state_dict_has_exactly_the_published_names_and_shapes():
    model = LeNet5()
    assert {name: tuple(p.shape) for name, p in model.named_parameters()} == SHAPES
    assert {name: tuple(t.shape) for name, t in model.state_dict().items()} == SHAPES | {"rbf.codes": (10, 84)}
    assert all(p.dtype == torch.float32 for p in model.state_dict().values())


def test_table_i_is_the_papers():
    assert TABLE_I.dtype == torch.bool and TABLE_I.shape == (16, 6)
    assert [set(row.nonzero().flatten().tolist()) for row in TABLE_I] == list(reference.TABLE_I)


@pytest.mark.parametrize("scale", [0.5, 1.0])
def test_every_state_equals_torchs_and_the_loops(scale):
    model = network(rbf_scale=scale)
    w = {name: p.detach() for name, p in model.named_parameters()}
    expected = torch_networks.penalties(w, X, torch.tensor(CODES), scale)
    with torch.no_grad():
        y, states = model(X), model.states(X)
    assert y.shape == (4, 10)
    assert (y - expected).abs().max() < 1e-10
    loops = reference.lenet5(CODES, scale).load({name: p.numpy() for name, p in w.items()})
    trace, last = loops.run(PATTERNS[0])
    assert relative(loops.penalties(PATTERNS[0])[:, 0], y[0]) < 1e-12
    by_loops = dict(zip(states, [*[x for x, _ in trace], last], strict=False))
    assert list(states) == ["input", "c1", "s2", "c3", "s4", "c5", "f6", "penalties"]
    for name, values in by_loops.items():
        assert relative(states[name][0].reshape(-1), values) < 1e-12, name
    assert torch.equal(states["penalties"], y)


@pytest.mark.parametrize("mode", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("graph", [True, False], ids=["autograd", "no_grad"])
def test_penalties_are_the_same_however_they_are_asked_for(mode, graph):
    model = network().train(mode)
    with torch.set_grad_enabled(graph):
        judge_penalties(lambda x: model(x).detach())
        batch = torch.tensor(strokes(chunk_size() + 22, seed=6))  # more than are run at a time, no two alike
        alone = torch.cat([model(pattern[None]) for pattern in batch])
        assert relative(model(batch).detach(), alone.detach()) < 1e-12
        assert torch.equal(model.predict(batch), alone.argmin(1))


def test_the_class_is_the_unit_with_the_smallest_penalty():
    judge_classes(network().predict)


def test_the_output_units_hold_the_codes_of_figure_3():
    judge_codes(LeNet5().rbf.codes)


@pytest.mark.parametrize(("rows", "columns"), [(32, 36), (36, 32), (40, 48), (37, 38)])
def test_a_larger_field_gives_a_map_of_outputs(rows, columns):
    """Sec. VII: a step of 4 in the field is a step of 1 in the output."""
    model, x = network(), random_tensor(2, 1, rows, columns, seed=1)
    w = {name: p.detach() for name, p in model.named_parameters()}
    with torch.no_grad():
        y = model(x)
        assert y.shape == (2, 10, (rows - 32) // 4 + 1, (columns - 32) // 4 + 1)
        assert (y - torch_networks.penalties(w, x, torch.tensor(CODES))).abs().max() < 1e-9
        for r in range(y.shape[2]):
            for c in range(y.shape[3]):
                window = x[:, :, 4 * r : 4 * r + 32, 4 * c : 4 * c + 32]
                assert (y[:, :, r, c] - model(window)).abs().max() < 1e-9


def test_larger_fields_of_one_size_are_read_one_after_the_other():
    """The second replay must not meet what is left of the first."""
    model = network()
    fields = [random_tensor(2, 1, 40, 36, seed=seed) for seed in (1, 2, 1)]
    with torch.no_grad():
        expected = [model.train()(x).clone() for x in fields]
        for x, y in zip(fields, expected, strict=True):
            assert torch.equal(model.eval()(x), y)


def test_a_field_larger_by_less_than_a_step_gives_one_output():
    model, x = network(), random_tensor(2, 1, 33, 35, seed=1)
    with torch.no_grad():
        assert model(x).shape == (2, 10)
        assert (model(x) - model(x[:, :, :32, :32])).abs().max() < 1e-10


@pytest.mark.parametrize(("rows", "columns"), [(32, 36), (40, 32), (33, 35)])
def test_first_derivatives_over_a_larger_field_equal_autograds(rows, columns):
    model, x = network(), random_tensor(2, 1, rows, columns, seed=1)
    w, field = torch_networks.leaves(model), x.clone().requires_grad_()
    y = torch_networks.penalties(w, field, torch.tensor(CODES))
    signal = random_tensor(*y.shape, seed=2)
    expected = torch.autograd.grad((y * signal).sum(), [field, *w.values()])
    dx, found = first(model, x, signal)
    assert relative(dx, expected[0]) < 1e-9
    for name, value in zip(w, expected[1:], strict=True):
        assert relative(found[name], value) < 1e-9, name


@both_losses
@pytest.mark.parametrize("scale", [0.5, 1.0])
@pytest.mark.parametrize("init", ["lush", "appendix_a"])
@pytest.mark.parametrize("bend", [False, True])
def test_hand_written_first_derivatives_equal_autograds(loss, summed, scale, init, bend):
    model = network(init=init, rbf_scale=scale, bend=bend)
    dx, found = network_first(model, loss, X, Y)
    by_torch = torch_networks.first_derivatives(model, summed, X, Y, scale)
    field = X.clone().requires_grad_()
    own = torch.autograd.grad(loss(model(field), Y) * len(X), [field, *model.parameters()])
    assert relative(dx, by_torch[0]) < 1e-9
    assert relative(dx, own[0]) < 1e-9
    assert list(found) == list(SHAPES)
    for (name, hand), through_itself in zip(found.items(), own[1:], strict=True):
        assert relative(hand, by_torch[1][name]) < 1e-9, name
        assert relative(hand, through_itself) < 1e-9, name


def test_the_loops_give_the_same_first_derivatives_as_the_engine():
    model = network()
    w = {name: p.detach().numpy() for name, p in model.named_parameters()}
    dx, found = network_first(model, MSELoss(), X[:1], Y[:1])
    dy = [[1.0 if i == LABELS[0] else 0.0] for i in range(10)]
    expected = reference.lenet5(CODES).load(w).first_derivatives(PATTERNS[0], dy)
    assert relative(dx.reshape(-1), expected[0]) < 1e-9
    for name, value in expected[1].items():
        assert relative(found[name], value) < 1e-9, name


@both_losses
def test_autograd_differentiates_the_forward_twice(loss, summed):
    """The Hessian's row sums through the layers' own forward equal those through torch's."""
    model = network()
    weights = list(model.parameters())
    grads = torch.autograd.grad(loss(model(X), Y), weights, create_graph=True)
    rows = torch.autograd.grad(sum(g.sum() for g in grads), weights)
    expected = torch_networks.hessian_row_sums(model, summed, X, Y)
    for (name, value), row in zip(expected.items(), rows, strict=True):
        assert relative(row, value) < 1e-8, name


# How it starts


@pytest.mark.parametrize("init", ["lush", "appendix_a"])
def test_initial_values_fill_the_range_of_their_own_unit(init):
    judge_initialisation(lambda seed: dict(LeNet5(init=init, seed=seed).named_parameters()), init)


def test_a_seed_gives_the_same_network_and_another_seed_another():
    one, again, other = (LeNet5(seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[name], again[name]) for name in one)
    drawn = [name for name in one if name.endswith("weight")]
    assert all(not torch.equal(one[name], other[name]) for name in drawn)


def test_building_a_network_draws_nothing_from_the_global_generator():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    LeNet5(init="appendix_a", seed=9)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("options", [{"init": "he"}, {"rbf_scale": 0.0}, {"rbf_scale": -1.0}, {"rbf_scale": math.nan}])
def test_options_that_mean_nothing_are_refused(options):
    with pytest.raises(ValueError, match="init|scale"):
        LeNet5(**options)


def test_codes_that_are_not_as_long_as_f6_has_units_are_refused():
    with pytest.raises(ValueError, match=r"shape \(10, 80\); expected \(classes, 84\)"):
        LeNet5(codes=DIGIT_CODES[:, :80])


def test_the_scale_of_the_penalty_is_the_output_layers():
    model = LeNet5(rbf_scale=0.5)
    model.rbf.scale = 1.0
    assert model.rbf_scale == 1.0


# What goes in


def with_value(value):
    """A batch of fields with one impossible pixel."""
    x = torch.zeros(2, 1, 32, 32)
    x[1, 0, 3, 4] = value
    return x


BAD_FIELDS = {
    "28x28": torch.zeros(2, 1, 28, 28),
    "31 columns": torch.zeros(2, 1, 32, 31),
    "no map axis": torch.zeros(2, 32, 32),
    "two maps": torch.zeros(2, 2, 32, 32),
    "bytes": torch.zeros(2, 1, 32, 32, dtype=torch.uint8),
    "whole numbers": torch.zeros(2, 1, 32, 32, dtype=torch.int64),
    "another precision than the weights": torch.zeros(2, 1, 32, 32, dtype=torch.float64),
    "none": torch.zeros(0, 1, 32, 32),
    "NaN": with_value(float("nan")),
    "infinity": with_value(float("inf")),
    "minus infinity": with_value(float("-inf")),
}


@pytest.mark.parametrize("x", BAD_FIELDS.values(), ids=BAD_FIELDS.keys())
def test_a_field_the_network_cannot_read_is_refused(x):
    with pytest.raises(ValueError, match="expected"):
        LeNet5().predict(x)


@pytest.mark.parametrize(("old", "new"), [("authors", "lush"), ("paper", "appendix_a")])
def test_old_names_of_an_initialisation_give_the_same_weights_and_say_the_new_name(old, new):
    with pytest.warns(DeprecationWarning, match=new):
        model = LeNet5(init=old, seed=2)
    assert model.init == new
    same = LeNet5(init=new, seed=2)
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), same.parameters(), strict=True))


def test_codes_of_more_classes_make_more_units_and_nothing_else():
    codes = torch.cat([DIGIT_CODES, ASCII_CODES[:1]])
    model, digits = LeNet5(codes=codes, seed=3), LeNet5(seed=3)
    x = torch.rand(2, 1, 32, 48)
    assert model(x).shape == (2, 11, 1, 5)
    assert torch.equal(model(x)[:, :10], digits(x))
    assert model.counts()["rbf"] == (0, 11 * 84)
    h = estimate_curvature(model, MAPLoss(), x[..., :32], torch.tensor([10, 3]))
    assert set(h) == {name for name, _ in model.named_parameters()}
    with pytest.raises(ValueError, match="from 0 to 9"):
        estimate_curvature(digits, MAPLoss(), x[..., :32], torch.tensor([10, 3]))
