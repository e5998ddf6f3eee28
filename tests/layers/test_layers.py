"""Each layer: forward and first derivatives against torch.nn and autograd, curvature against the loops."""

import copy
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference import loops as reference
from reference.calls import first, second
from reference.cases import CODES, random_tensor, relative, worst
from reference.torch_networks import dense_kernels

from lenet_helpers.layers import RBF, Convolution, FullConnection, Squash, Subsampling

seeds, few = st.integers(0, 2**31), st.integers(1, 4)


def filled(layer, seed):
    """The layer in float64 with standard normal parameters, none of them zero."""
    layer = layer.double()
    with torch.no_grad():
        for i, p in enumerate(layer.parameters()):
            p.copy_(random_tensor(*p.shape, seed=seed + i))
    return layer


@st.composite
def convolutions(draw):
    """(layer, torch.nn's function of (weight, bias, x), table, x): with and without a connection table."""
    in_maps, out_maps, kernel, n, seed = draw(few), draw(few), draw(st.integers(1, 5)), draw(few), draw(seeds)
    rows, columns = kernel + draw(st.integers(0, 5)), kernel + draw(st.integers(0, 5))
    table = None
    if draw(st.booleans()):
        sees = st.sets(st.integers(0, in_maps - 1), min_size=1)
        table = draw(st.lists(sees, min_size=out_maps, max_size=out_maps))
    layer = filled(Convolution(in_maps, out_maps, kernel, as_matrix(table, in_maps)), seed)
    return layer, table, random_tensor(n, in_maps, rows, columns, seed=seed + 9)


def as_matrix(table, in_maps):
    """Sets of input maps -> the bool matrix (out_maps, in_maps) that Table I is."""
    return None if table is None else torch.tensor([[s in sees for s in range(in_maps)] for sees in table])


def torch_convolution(layer, table, in_maps, weight, bias, x):
    """The same sums by torch.nn.Conv2d."""
    dense = weight if table is None else dense_kernels(weight, table, in_maps)
    conv = torch.nn.Conv2d(in_maps, len(bias), weight.shape[-1], dtype=x.dtype)
    return torch.func.functional_call(conv, {"weight": dense, "bias": bias}, (x,))


def torch_subsampling(maps, coefficient, bias, x):
    """The same sums by torch.nn.AvgPool2d: four times the mean is the sum."""
    return 4 * torch.nn.AvgPool2d(2)(x) * coefficient.view(1, maps, 1, 1) + bias.view(1, maps, 1, 1)


def torch_full_connection(weight, bias, x):
    """The same sums by torch.nn.Linear."""
    linear = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=x.dtype)
    return torch.func.functional_call(linear, {"weight": weight, "bias": bias}, (x,))


def torch_rbf(codes, scale, x):
    """Eq. 7 by torch.nn.PairwiseDistance."""
    distance = torch.nn.PairwiseDistance(eps=0)
    return scale * torch.stack([distance(x, code) ** 2 for code in codes], 1)


def agrees_with_torch(layer, expected, x, seed):
    """Forward within 1e-10; dE/dx and dE/dw within 1e-9 of autograd through torch.nn and through itself."""
    parameters = [p.detach().clone().requires_grad_() for p in layer.parameters()]
    field = x.clone().requires_grad_()
    y = expected(*parameters, field)
    found = layer.forward(x)
    assert found.shape == y.shape
    assert (found - y).abs().max() < 1e-10
    signal = random_tensor(*y.shape, seed=seed)
    by_torch = torch.autograd.grad((y * signal).sum(), [field, *parameters])
    own_field = x.clone().requires_grad_()
    own = torch.autograd.grad((layer.forward(own_field) * signal).sum(), [own_field, *layer.parameters()])
    dx, grads = first(layer, x, signal)
    for hand, one, other in zip([dx, *grads.values()], by_torch, own, strict=True):
        assert relative(hand, one) < 1e-9
        assert relative(hand, other) < 1e-9


def agrees_with_loops(layer, stage, x, seed):
    """Eq. 23 and Eq. 27 within 1e-9 of the loops over connections, summed over the patterns."""
    stage.load({name: p.detach() for name, p in layer.named_parameters()})
    signal = random_tensor(len(x), *stage.out_shape, seed=seed).abs()
    total, back = 0, []
    for pattern, one in zip(x, signal, strict=True):
        ddx, ddw = stage.second(pattern.reshape(-1).tolist(), one.reshape(-1).tolist())
        total, back = total + np.array(ddw), [*back, ddx]
    found, h = second(layer, x, signal.reshape(layer.forward(x).shape))
    assert worst(found.reshape(len(x), -1), back) < 1e-9
    for name, value in stage.by_parameter(total.tolist()).items():
        assert worst(h[name], value) < 1e-9, name


@given(convolutions(), seeds)
def test_convolution_equals_torch_and_autograd_at_every_shape_and_table(case, seed):
    layer, table, x = case
    agrees_with_torch(layer, lambda w, b, x: torch_convolution(layer, table, x.shape[1], w, b, x), x, seed)


@given(convolutions(), seeds)
def test_convolution_curvature_equals_the_loops_over_connections(case, seed):
    layer, table, x = case
    stage = reference.convolution("c", tuple(x.shape[1:]), len(layer.bias), layer.weight.shape[-1], table)
    agrees_with_loops(layer, stage, x, seed)


sizes = st.integers(2, 9)  # an odd last row or column is left out, as torch.nn.AvgPool2d does


@given(few, few, sizes, sizes, seeds)
def test_subsampling_equals_torch_and_autograd(n, maps, rows, columns, seed):
    x = random_tensor(n, maps, rows, columns, seed=seed)
    agrees_with_torch(
        filled(Subsampling(maps), seed), lambda c, b, x: torch_subsampling(maps, c, b, x), x, seed
    )


@given(few, few, sizes, sizes, seeds)
def test_subsampling_curvature_equals_the_loops_over_connections(n, maps, rows, columns, seed):
    x = random_tensor(n, maps, rows, columns, seed=seed)
    agrees_with_loops(
        filled(Subsampling(maps), seed), reference.subsampling("s", tuple(x.shape[1:])), x, seed
    )


@given(few, st.integers(1, 9), st.integers(1, 9), seeds)
def test_full_connection_equals_torch_and_autograd(n, inputs, units, seed):
    x = random_tensor(n, inputs, seed=seed)
    agrees_with_torch(filled(FullConnection(inputs, units), seed), torch_full_connection, x, seed)


@given(few, st.integers(1, 9), st.integers(1, 9), seeds)
def test_full_connection_curvature_equals_the_loops_over_connections(n, inputs, units, seed):
    x = random_tensor(n, inputs, seed=seed)
    stage = reference.full_connection("f", (inputs, 1, 1), units)
    agrees_with_loops(filled(FullConnection(inputs, units), seed), stage, x, seed)


@given(st.lists(few, min_size=1, max_size=4), seeds)
def test_squash_equals_torch_autograd_and_its_squared_slope(shape, seed):
    a = 2 * random_tensor(*shape, seed=seed)
    agrees_with_torch(Squash(), lambda a: 1.7159 * torch.nn.Tanh()(2 * a / 3), a, seed)
    signal = random_tensor(*shape, seed=seed + 1).abs()
    found, _ = second(Squash(), a, signal)
    slopes = np.array([reference.squash_slope(value) ** 2 for value in a.reshape(-1).tolist()])
    assert worst(found.reshape(-1), slopes * signal.reshape(-1).numpy()) < 1e-9


@given(few, st.sampled_from([0.5, 1.0]), seeds)
def test_rbf_equals_squared_distance_and_autograd(n, scale, seed):
    x, codes = random_tensor(n, 84, seed=seed), torch.tensor(CODES)
    agrees_with_torch(RBF(codes, scale=scale).double(), lambda x: torch_rbf(codes, scale, x), x, seed)


def test_rbf_codes_are_fixed():
    layer = RBF(torch.tensor(CODES))
    assert not list(layer.parameters())
    assert torch.equal(layer.codes.double(), torch.tensor(CODES))


CASES = {
    "convolution": lambda: (filled(Convolution(3, 4, 3), 1), random_tensor(2, 3, 6, 5, seed=2)),
    "table": lambda: (
        filled(Convolution(3, 2, 3, as_matrix([{0, 2}, {1}], 3)), 1),
        random_tensor(2, 3, 6, 5, seed=2),
    ),
    "subsampling": lambda: (filled(Subsampling(3), 1), random_tensor(2, 3, 6, 4, seed=2)),
    "squash": lambda: (Squash(), random_tensor(2, 3, 6, 4, seed=2)),
    "full": lambda: (filled(FullConnection(7, 3), 1), random_tensor(2, 7, seed=2)),
    "rbf": lambda: (RBF(torch.tensor(CODES)).double(), random_tensor(2, 84, seed=2)),
}
every_layer = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@every_layer
def test_forward_passes_gradcheck_by_finite_differences(case):
    layer, x = case()
    assert torch.autograd.gradcheck(lambda x, *_: layer.forward(x), (x.requires_grad_(), *layer.parameters()))


@every_layer
def test_backprop_adds_to_what_is_there(case):
    layer, x = case()
    signal = random_tensor(*layer.forward(x).shape, seed=3).abs()
    _, once = first(layer, x, signal)
    layer.forward(x)
    layer.backprop(signal)
    _, h = second(layer, x, signal)
    layer.forward(x)
    layer.backprop(signal, order=2)
    for name, p in layer.named_parameters():
        assert relative(p.grad, 2 * once[name]) < 1e-12
        assert relative(p.curvature, 2 * h[name]) < 1e-12


@every_layer
def test_order_one_leaves_curvature_alone_and_order_two_leaves_gradients_alone(case):
    layer, x = case()
    signal = random_tensor(*layer.forward(x).shape, seed=3).abs()
    _, h = second(layer, x, signal)
    _, grads = first(layer, x, signal)
    layer.forward(x)
    for name, p in layer.named_parameters():
        assert torch.equal(p.curvature, h[name])
    layer.backprop(signal, order=2)
    for name, p in layer.named_parameters():
        assert torch.equal(p.grad, grads[name])


@every_layer
def test_backprop_leaves_input_output_and_signal_untouched(case):
    layer, x = case()
    with torch.no_grad():
        y = layer.forward(x)
        signal = random_tensor(*y.shape, seed=3).abs()
        kept = x.clone(), y.clone(), signal.clone()
        dx = layer.backprop(signal)
        held = dx.clone()
        layer.backprop(signal, order=2)
        other = layer.forward(x + 1)
        layer.backprop(signal + 1)
    for tensor, copy_of in zip((x, y, signal, dx), (*kept, held), strict=True):
        assert torch.equal(tensor, copy_of)
    assert other.data_ptr() != y.data_ptr()


@every_layer
def test_two_layers_of_one_kind_do_not_see_each_other(case):
    (one, x), (other, _) = case(), case()
    signal = random_tensor(*one.forward(x).shape, seed=3)
    expected, grads = first(one, x, signal)
    one.zero_grad()
    with torch.no_grad():
        one.forward(x)
        other.forward(2 * x)
        other.backprop(signal)
        dx = one.backprop(signal)
    assert torch.equal(dx, expected)
    for name, p in one.named_parameters():
        assert torch.equal(p.grad, grads[name])


@every_layer
def test_a_copied_layer_gives_the_same_derivatives(case):
    layer, x = case()
    signal = random_tensor(*layer.forward(x).shape, seed=3)
    expected, grads = first(layer, x, signal)
    dx, found = first(copy.deepcopy(layer), x, signal)
    assert torch.equal(dx, expected)
    assert all(torch.equal(found[name], grads[name]) for name in grads)


@every_layer
def test_strided_inputs_and_signals_give_the_same_numbers(case):
    layer, x = case()
    y = layer.forward(x)
    signal = random_tensor(*y.shape, seed=3)
    expected, grads = first(layer, x, signal)
    spread = torch.stack([x, x + 1], -1)[..., 0], torch.stack([signal, signal + 1], -1)[..., 0]
    assert not spread[0].is_contiguous()
    dx, found = first(layer, *spread)
    assert relative(dx, expected) < 1e-12
    assert all(relative(found[name], grads[name]) < 1e-12 for name in grads)


@every_layer
def test_one_pattern_is_the_same_alone_and_in_a_batch(case):
    layer, x = case()
    signal = random_tensor(*layer.forward(x).shape, seed=3)
    together, grads = first(layer, x, signal)
    alone = [first(layer, x[i : i + 1], signal[i : i + 1]) for i in range(len(x))]
    assert relative(torch.cat([dx for dx, _ in alone]), together) < 1e-12
    for name in grads:
        assert relative(sum(one[name] for _, one in alone), grads[name]) < 1e-12


BAD_INPUTS = {
    "convolution: maps": (lambda: Convolution(3, 4, 3), (2, 2, 6, 6), "3"),
    "convolution: smaller than the kernel": (lambda: Convolution(3, 4, 5), (2, 3, 4, 6), "5"),
    "convolution: not (N, maps, rows, columns)": (lambda: Convolution(3, 4, 3), (3, 6, 6), "rows"),
    "subsampling: maps": (lambda: Subsampling(3), (2, 4, 6, 6), "3"),
    "full connection: inputs": (lambda: FullConnection(7, 3), (2, 6), "7"),
    "rbf: inputs": (lambda: RBF(torch.tensor(CODES).float()), (2, 83), "84"),
}


@pytest.mark.parametrize(("layer", "shape", "expected"), BAD_INPUTS.values(), ids=BAD_INPUTS.keys())
def test_a_wrong_shape_is_refused_with_what_was_expected(layer, shape, expected):
    with pytest.raises(ValueError, match=expected):
        layer().forward(torch.zeros(shape))


@pytest.mark.parametrize("table", [torch.zeros(4, 3, dtype=torch.bool), torch.ones(3, 4, dtype=torch.bool)])
def test_a_table_of_the_wrong_shape_or_with_an_unconnected_map_is_refused(table):
    with pytest.raises(ValueError):
        Convolution(3, 4, 3, table=table)


@every_layer
def test_backprop_before_forward_and_of_an_unknown_order_say_so(case):
    layer, x = case()
    with torch.no_grad():
        signal = random_tensor(*layer.forward(x).shape, seed=3)
    with pytest.raises(ValueError, match="order"):
        layer.backprop(signal, order=3)
    fresh, _ = case()
    with pytest.raises((RuntimeError, ValueError), match="forward"):
        fresh.backprop(signal)


@every_layer
def test_a_signal_of_another_shape_is_refused_and_leaves_no_trace(case):
    """A batch of one, a transposed batch, a flat one: none may be spread over the patterns in silence."""
    layer, x = case()
    with torch.no_grad():
        y = layer.forward(torch.cat([x, x + 1]))
    shapes = [(1, *y.shape[1:]), (*y.shape[1:], len(y)), (y.numel(),), (len(y) - 1, *y.shape[1:])]
    for shape, order in itertools.product(shapes, (1, 2)):
        with pytest.raises(ValueError, match="signal|shape"):
            layer.backprop(torch.ones(shape, dtype=x.dtype), order=order)
    traces = [getattr(p, name, None) for p in layer.parameters() for name in ("grad", "curvature")]
    assert all(trace is None or not trace.any() for trace in traces)
