"""fit's updates, written out by hand: h estimated before a pass or along it, the schedules, batches."""

import copy
import threading

import pytest
import torch
from reference.calls import network
from reference.cases import random_tensor, relative
from reference.torch_networks import first_derivatives, map_loss

from lenet_helpers.data.digits import Digits, to_input
from lenet_helpers.losses import MAPLoss
from lenet_helpers.schedules import LinearDecay
from lenet_helpers.sdlm import estimate_curvature
from lenet_helpers.training.loop import fit

MU, N = 0.02, 6


def copies(n, label=3):
    """n times one drawn digit: whatever the order of the patterns, the updates are the same."""
    image = torch.zeros(1, 28, 28, dtype=torch.uint8)
    image[0, 6:22, 9:12], image[0, 12:15, 6:22] = 255, 140
    return Digits(image.repeat(n, 1, 1), torch.full((n,), label), "drawn")


def bars(n):
    """n digits that can be told apart: a bar across, at the label's own height, of changing brightness."""
    images, labels = torch.zeros(n, 28, 28, dtype=torch.uint8), torch.arange(n) % 10
    for i, label in enumerate(labels.tolist()):
        images[i, 4 + 2 * label : 7 + 2 * label, 5 + i % 3 : 22] = 155 + i % 100
    return Digits(images, labels, "drawn")


def one_pattern(digits):
    return to_input(digits.images[:1]).double(), digits.labels[:1]


def update(model, h, eta, x, labels):
    """w <- w - eta / (mu + h) dE/dw, with autograd's derivative of the mean loss."""
    _, grads = first_derivatives(model, map_loss(10.0), x, labels)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p -= eta / (MU + h[name]) * grads[name] / len(x)


def same_weights(model, by_hand, started):
    """Within 1e-9 of the distance that the weights have moved."""
    first = dict(started.named_parameters())
    for (name, p), q in zip(model.named_parameters(), by_hand.parameters(), strict=True):
        assert relative((p - first[name]).detach(), (q - first[name]).detach()) < 1e-8, name


def test_fit_estimates_curvature_before_each_pass_and_keeps_it_for_the_pass():
    digits = copies(N)
    started = network(bend=False)
    model, by_hand = copy.deepcopy(started), copy.deepcopy(started)
    fit(model, digits, passes=2, schedule=(5e-4, 2e-4), curvature_patterns=N, progress=False)
    x, y = one_pattern(digits)
    for eta in (5e-4, 2e-4):
        h = estimate_curvature(by_hand, MAPLoss(), x, y)
        for _ in range(N):
            update(by_hand, h, eta, x, y)
    same_weights(model, by_hand, started)


def test_fit_with_the_running_average_follows_the_recursion_through_the_first_pass_only():
    digits, gamma = copies(N), 0.3
    started = network(init="appendix_a", bend=False)
    model, by_hand = copy.deepcopy(started), copy.deepcopy(started)
    fit(model, digits, passes=2, curvature="running", gamma=gamma, curvature_patterns=N, progress=False)
    x, y = one_pattern(digits)
    h = estimate_curvature(by_hand, MAPLoss(), x, y)
    for _ in range(N):
        one = estimate_curvature(by_hand, MAPLoss(), x, y)
        h = {name: (1 - gamma) * h[name] + gamma * one[name] for name in h}
        update(by_hand, h, 5e-4, x, y)
    h = estimate_curvature(by_hand, MAPLoss(), x, y)
    for _ in range(N):
        update(by_hand, h, 5e-4, x, y)
    same_weights(model, by_hand, started)


def test_fit_lets_eta_fall_update_by_update():
    digits = copies(N)
    started = network(bend=False)
    model, by_hand = copy.deepcopy(started), copy.deepcopy(started)
    fit(model, digits, passes=2, schedule=LinearDecay(5e-4, 1e-5, 2), curvature_patterns=N, progress=False)
    x, y = one_pattern(digits)
    for done in range(2 * N):
        if done % N == 0:
            h = estimate_curvature(by_hand, MAPLoss(), x, y)
        update(by_hand, h, 5e-4 + (1e-5 - 5e-4) * done / (2 * N), x, y)
    same_weights(model, by_hand, started)


@pytest.mark.parametrize("batch_size", [2, 4, 64])
def test_a_batch_updates_once_by_the_mean_over_its_patterns(batch_size):
    digits = bars(N)
    started = network(bend=False)
    model, by_hand = copy.deepcopy(started), copy.deepcopy(started)
    seen = []
    fit(
        model, digits, passes=1, batch_size=batch_size, curvature_patterns=N, progress=False,
        distort=lambda images, _: seen.append(images.clone()) or images,
    )  # fmt: skip
    order = torch.cat(seen)
    assert sorted(map(bytes, order.numpy())) == sorted(map(bytes, digits.images.numpy()))
    label_of = {bytes(image): label for image, label in zip(digits.images.numpy(), digits.labels)}
    h = estimate_curvature(by_hand, MAPLoss(), to_input(digits.images).double(), digits.labels)
    for images in order.split(batch_size):
        labels = torch.stack([label_of[bytes(image)] for image in images.numpy()])
        update(by_hand, h, 5e-4, to_input(images).double(), labels)
    same_weights(model, by_hand, started)


def test_training_in_one_thread_and_predicting_in_another_disturb_nothing():
    digits = bars(400)
    x, signal = to_input(digits.images[:20]), random_tensor(20, 10, seed=3, dtype=torch.float32)
    other = network(seed=3, dtype=torch.float32)
    with torch.no_grad():
        answers, classes, dx = other(x), other.predict(x), other.backprop(signal)
    alone, beside = (network(seed=1, dtype=torch.float32, bend=False) for _ in range(2))
    expected = fit(alone, digits, passes=2, progress=False)
    found, done = [], threading.Event()

    def train():
        try:
            found.append(fit(beside, digits, passes=2, progress=False))
        finally:
            done.set()

    thread, rounds = threading.Thread(target=train), 0
    thread.start()
    while not done.is_set() or rounds == 0:
        with torch.no_grad():
            assert torch.equal(other(x), answers)
            assert torch.equal(other.backprop(signal), dx)
            assert torch.equal(other.predict(x), classes)
            assert beside.predict(x).shape == (20,)
            assert beside.states(x)["penalties"].isfinite().all()
        rounds += 1
    thread.join()
    assert found[0].passes[-1]["train_loss"] == expected.passes[-1]["train_loss"]
    assert all(torch.equal(p, q) for p, q in zip(alone.parameters(), beside.parameters(), strict=True))
