"""Nothing the network hands out changes afterwards; copies, moves, threads, other models leave it right."""

import copy
import pickle
import threading

import pytest
import torch
from reference import torch_networks
from reference.calls import network, network_first
from reference.cases import random_tensor, relative
from reference.judges import X, Y
from reference.torch_networks import map_loss

from lenet_helpers.codes import ASCII_CODES, DIGIT_CODES
from lenet_helpers.losses import MAPLoss, MSELoss
from lenet_helpers.model import LeNet5


def test_two_forwards_before_one_backward_by_autograd():
    model = network()
    expected = [
        torch.autograd.grad(MAPLoss()(model(X[i : i + 2]), Y[i : i + 2]), model.c3.weight)[0] for i in (0, 2)
    ]
    early, late = model(X[:2]), model(X[2:])
    found = [
        torch.autograd.grad(MAPLoss()(y, Y[i : i + 2]), model.c3.weight)[0]
        for i, y in ((0, early), (2, late))
    ]
    assert all(relative(f, e) < 1e-12 for f, e in zip(found, expected, strict=True))


def test_backprop_belongs_to_the_last_forward():
    model, loss = network(), MAPLoss()
    expected = network_first(model, loss, X[2:], Y[2:])
    model.zero_grad()
    with torch.no_grad():
        model(X[:2])
        dx = model.backprop(loss.derivative(model(X[2:]), Y[2:]))
    assert relative(dx, expected[0]) < 1e-12
    for name, p in model.named_parameters():
        assert relative(p.grad, expected[1][name]) < 1e-12


def test_backprop_after_a_forward_that_keeps_nothing_is_right_or_refused():
    """In eval mode without autograd the states of an earlier forward must not be taken for its own."""
    model, loss = network(), MAPLoss()
    expected = network_first(model, loss, X[2:], Y[2:])[0]
    with torch.no_grad():
        model(X[:2])
        model.eval()
        signal = loss.derivative(model(X[2:]), Y[2:])
        try:
            dx = model.backprop(signal)
        except RuntimeError as error:
            assert "forward" in str(error)
        else:
            assert relative(dx, expected) < 1e-12


@pytest.mark.parametrize("shape", [(1, 10), (10, 4), (4, 9), (4, 1), (40,), (4, 10, 1, 2), (3, 10)])
@pytest.mark.parametrize("order", [1, 2])
def test_a_signal_of_another_shape_is_refused(shape, order):
    model = network()
    with torch.no_grad():
        model(X)
    with pytest.raises(ValueError, match="signal|shape"):
        model.backprop(torch.ones(shape, dtype=torch.float64), order=order)


def test_saved_outputs_and_states_are_never_overwritten():
    model = network()
    with torch.no_grad():
        saved = {"output": model(X), **model.states(X)}
        kept = {name: tensor.clone() for name, tensor in saved.items()}
        other = model(X + 1)
        model.backprop(torch.ones_like(other))
        model.backprop(torch.ones_like(other), order=2)
        model.predict(X - 1)
        model.states(X + 2)
    assert all(torch.equal(saved[name], kept[name]) for name in kept)


def test_two_models_at_once_do_not_see_each_other():
    one, other, loss = network(seed=1), network(seed=2), MAPLoss()
    expected = [network_first(model, loss, X, Y)[1] for model in (one, other)]
    with torch.no_grad():
        for model in (one, other):
            model.zero_grad()
        signals = [loss.derivative(model(X), Y) for model in (one, other)]
        for model, signal in zip((one, other), signals, strict=True):
            model.backprop(signal)
    for model, grads in zip((one, other), expected, strict=True):
        assert all(torch.equal(p.grad, grads[name]) for name, p in model.named_parameters())


def test_threads_forward_and_backprop_the_same_model_without_mixing():
    model, fields = network(), [random_tensor(3, 1, 32, 32, seed=i) for i in range(4)]
    signal = random_tensor(3, 10, seed=9)
    with torch.no_grad():
        expected = [(model(x).clone(), model.backprop(signal)) for x in fields]
    found, start = [[] for _ in fields], threading.Barrier(len(fields))

    def work(i):
        start.wait()
        with torch.no_grad():
            for _ in range(20):
                found[i].append((model(fields[i]), model.backprop(signal)))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(fields))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (y, dx), runs in zip(expected, found, strict=True):
        assert len(runs) == 20
        assert all(torch.equal(a, y) and torch.equal(b, dx) for a, b in runs)


# Copies and moves


def moved(model):
    """Every way a module is copied or moved: each must leave outputs and derivatives right."""
    loaded = LeNet5(seed=77).double()
    loaded.load_state_dict(model.state_dict())
    assigned = LeNet5(seed=78).double()
    assigned.load_state_dict(model.state_dict(), assign=True)
    used = network(seed=5)
    network_first(used, MSELoss(), X, Y)
    used.load_state_dict(model.state_dict())
    return {
        "deepcopy": copy.deepcopy(model),
        "pickle": pickle.loads(pickle.dumps(model)),
        "to the same device": model.to("cpu"),
        "to single precision and back": copy.deepcopy(model).float().double(),
        "load_state_dict": loaded,
        "load_state_dict by assignment": assigned,
        "load_state_dict into a used one": used,
    }


def test_copies_and_moves_leave_outputs_and_derivatives_right():
    model, loss = network(), MAPLoss()
    network_first(model, loss, X, Y)
    for way, twin in moved(model).items():
        limit = 1e-5 if "single" in way else 1e-12
        assert (twin(X) - model(X)).abs().max() < 1e3 * limit, way
        dx, grads = network_first(twin, loss, X, Y)
        field, expected = torch_networks.first_derivatives(model, map_loss(10.0), X, Y)
        assert relative(dx, field) < max(limit, 1e-9), way
        assert all(relative(grads[name], expected[name]) < max(limit, 1e-9) for name in grads), way


def test_a_copy_shares_nothing_with_the_original():
    model = network()
    twin = copy.deepcopy(model)
    before = {name: t.clone() for name, t in model.state_dict().items()}
    with torch.no_grad():
        for p in twin.parameters():
            p.add_(1)
    network_first(twin, MSELoss(), X, Y)
    assert all(torch.equal(t, before[name]) for name, t in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_the_network_runs_wherever_the_model_and_the_tensors_are():
    """The meta device carries out every operation in shape alone; a tensor left behind on the CPU fails."""
    model, x = LeNet5().to("meta"), torch.zeros(3, 1, 32, 32, device="meta")
    y = model.forward(x)
    assert y.shape == (3, 10) and y.device.type == "meta"
    for order in (1, 2):
        assert model.backprop(torch.ones_like(y), order=order).device.type == "meta"
    assert all(p.grad.device.type == "meta" == p.curvature.device.type for p in model.parameters())
    with torch.no_grad():
        assert model(x).shape == (3, 10) and model.predict(x).shape == (3,)


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad])
def test_vmap_reads_what_the_network_reads(mode):
    model, x = LeNet5(), torch.rand(3, 2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with mode():
        torch.testing.assert_close(torch.func.vmap(model)(x).flatten(0, 1), model(x.flatten(0, 1)))


@pytest.mark.parametrize("choice", [slice(12), slice(3), slice(None, None, 2), slice(4, None)], ids=str)
def test_other_codes_give_other_answers_even_from_the_same_place(choice):
    """Views of one tensor begin at one address."""
    model, codes = network(), torch.cat([DIGIT_CODES, ASCII_CODES[:4]]).double()
    model.rbf.codes = codes[:10]
    with torch.no_grad():
        model(X)
        model.rbf.codes = codes[choice]
        answers = model(X)
    torch.testing.assert_close(answers, model(X).detach())  # with gradients it is computed anew


def test_weights_laid_out_otherwise_are_read_as_they_are():
    model = network()
    with torch.no_grad():
        before = model(X)
        model.c1.weight = torch.nn.Parameter(model.c1.weight.transpose(2, 3))
        turned = model(X)
    assert not torch.equal(before, turned)
    torch.testing.assert_close(turned, model(X).detach())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_gives_the_cpus_numbers():
    model, loss = network(), MAPLoss()
    dx, grads = network_first(model, loss, X, Y)
    there, found = network_first(copy.deepcopy(model).to("cuda"), loss, X.to("cuda"), Y.to("cuda"))
    assert relative(there.cpu(), dx) < 1e-9
    assert all(relative(found[name].cpu(), grads[name]) < 1e-9 for name in grads)
