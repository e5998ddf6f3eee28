"""What fit updates, counts, shows and returns. Its rule in float64: test_training_rule; resuming: test_resuming."""

import math
from dataclasses import replace

import pytest
import torch
from training_runs import bits, digits, same_bits, same_run, trained

from lenet_helpers.data.digits import Digits, load_digits, to_input
from lenet_helpers.data.distort import Distortion
from lenet_helpers.evaluation import evaluate
from lenet_helpers.losses import MAPLoss, MSELoss
from lenet_helpers.model import LeNet5
from lenet_helpers.schedules import PAPER_SCHEDULE, TWO_PASS_SCHEDULE, LinearDecay
from lenet_helpers.sdlm import SDLM, estimate_curvature
from lenet_helpers.training import loop as training
from lenet_helpers.training.loop import DivergenceError, StopTraining, fit


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 50 patterns, so that a short run has several."""
    monkeypatch.setattr(training, "BLOCK", 50)


def watched_order():
    """(seen, distort): a distort that changes nothing and keeps the images in the order of their presentation."""
    seen = []
    return seen, lambda images, _: seen.append(images.clone()) or images


@pytest.mark.parametrize("curvature_every", [None, 130])
def test_fit_equals_a_naive_loop_with_autograd_in_weights_errors_and_loss(curvature_every):
    few, loss = digits(300), MAPLoss()
    seen, distort = watched_order()
    model, history = trained(
        300, passes=1, curvature_patterns=300, curvature_every=curvature_every, distort=distort
    )
    order = torch.cat(seen)
    label_of = {bytes(image): label for image, label in zip(few.images.numpy(), few.labels.tolist())}
    by_hand = LeNet5(seed=1)
    wrong, losses = 0, []
    for done, image in enumerate(order):
        if done % (curvature_every or len(order)) == 0:
            h = estimate_curvature(by_hand, loss, to_input(few.images), few.labels)
        label = torch.tensor([label_of[bytes(image.numpy())]])
        penalties = by_hand(to_input(image))
        wrong += int(penalties.argmin() != label)
        error = loss(penalties, label)
        losses.append(error.item())
        grads = torch.autograd.grad(error, list(by_hand.parameters()))
        with torch.no_grad():
            for (name, weight), grad in zip(by_hand.named_parameters(), grads, strict=True):
                weight -= 5e-4 / (0.02 + h[name]) * grad
    assert history.passes[0]["train_error"] == 100 * wrong / 300
    assert history.passes[0]["train_loss"] == pytest.approx(sum(losses) / 300, rel=1e-4)
    for ours, theirs in zip(model.parameters(), by_hand.parameters(), strict=True):
        assert (ours - theirs).abs().max() < 2e-5


@pytest.mark.parametrize("batch_size", [1, 16])
def test_the_same_seed_gives_the_same_bits_twice(batch_size):
    runs = [trained(test=digits(40, "test"), seed=5, batch_size=batch_size) for _ in range(2)]
    assert same_run(*runs)
    assert not same_bits(trained(seed=6, batch_size=batch_size)[0], runs[0][0])


def test_one_pattern_an_update_gives_the_same_bits_whatever_the_number_of_threads():
    threads, runs = torch.get_num_threads(), []
    try:
        for count in (1, 2, 4):
            torch.set_num_threads(count)
            runs.append(trained(test=digits(40, "test")))
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    assert same_run(runs[0], runs[1]) and same_run(runs[0], runs[2])
    assert runs[0][1].threads == 1


@pytest.mark.parametrize("batch_size", [1, 7, 16, 60, 1000])
def test_every_pass_presents_every_pattern_once_in_one_constant_order(batch_size, small_blocks, monkeypatch):
    seen, distort = watched_order()
    updates = []
    monkeypatch.setattr(SDLM, "update", lambda rule, step=SDLM.update: updates.append(1) or step(rule))
    _, history = trained(130, distort=distort, batch_size=batch_size)
    first, second = torch.cat(seen).split(130)
    assert torch.equal(first, second)
    assert not torch.equal(first, digits(130).images)
    assert sorted(map(bytes, first.numpy())) == sorted(map(bytes, digits(130).images.numpy()))
    assert len(updates) == 2 * math.ceil(130 / batch_size)
    assert history.configuration["batch_size"] == batch_size


def test_with_one_update_a_pass_the_training_error_is_that_of_the_network_before_it():
    before = evaluate(LeNet5(seed=1), digits(120)).error_rate
    _, history = trained(passes=1, batch_size=5000)
    assert history.passes[0]["train_error"] == pytest.approx(before)


def test_the_test_error_is_measured_after_each_pass_on_the_whole_test_set():
    test, errors = digits(100, "test"), []
    for passes in (1, 2):
        model, history = trained(passes=passes, test=test)
        errors.append(evaluate(model, test).error_rate)
    assert history.series("test_error") == errors
    assert trained(test=None)[1].series("test_error") == [None, None]


def test_passes_take_the_papers_etas_and_hold_the_last_one_on(monkeypatch):
    etas = []
    monkeypatch.setattr(SDLM, "update", lambda rule: etas.append(rule.param_groups[0]["eta"]))
    _, history = trained(10, passes=22)
    assert etas[::10] == history.series("eta") == [*PAPER_SCHEDULE, 1e-5, 1e-5]


def test_a_linear_decay_runs_from_its_start_to_its_end_update_by_update(small_blocks, monkeypatch):
    etas = []
    monkeypatch.setattr(SDLM, "update", lambda rule: etas.append(rule.param_groups[0]["eta"]))
    trained(120, schedule=TWO_PASS_SCHEDULE)
    expected = [5e-4 + (1e-5 - 5e-4) * update / 240 for update in range(240)]
    assert etas == pytest.approx(expected, rel=1e-12)
    etas.clear()
    trained(30, schedule=LinearDecay(4e-4, 0.0, 1), batch_size=10, passes=2)
    assert etas == pytest.approx([4e-4, 4e-4 * 2 / 3, 4e-4 / 3, 0, 0, 0])


OPTIMIZERS = {
    "sgd with momentum": lambda model: torch.optim.SGD(model.parameters(), lr=5e-4, momentum=0.9),
    "adam": lambda model: torch.optim.Adam(model.parameters(), lr=1e-3),
}


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_other_optimizers_follow_the_schedule_in_proportion_and_equal_a_plain_loop(make):
    few = digits(60)
    seen, distort = watched_order()
    model, by_hand = LeNet5(seed=1), LeNet5(seed=1)
    trained(60, model=model, optimizer=make(model), schedule=(5e-4, 1e-4), distort=distort)
    label_of = {bytes(image): label for image, label in zip(few.images.numpy(), few.labels.tolist())}
    rule = make(by_hand)
    for number, images in enumerate(torch.cat(seen).split(60)):
        rule.param_groups[0]["lr"] *= (1, 1 / 5)[number]
        for image in images:
            rule.zero_grad()
            MAPLoss()(by_hand(to_input(image)), torch.tensor([label_of[bytes(image.numpy())]])).backward()
            rule.step()
    start = bits(LeNet5(seed=1))
    for (name, ours), theirs in zip(model.named_parameters(), by_hand.parameters(), strict=True):
        moved = (theirs - start[name]).norm()
        assert (ours - theirs).norm() < 1e-3 * moved, name


def test_calling_fit_again_with_the_same_optimizer_starts_from_its_own_rate():
    model = LeNet5(seed=1)
    rule = torch.optim.SGD(model.parameters(), lr=1e-3)
    for _ in range(2):
        _, history = trained(40, model=model, optimizer=rule, schedule=(5e-4, 1e-4))
        assert history.configuration["first_rates"] == [1e-3]
        assert rule.param_groups[0]["lr"] == pytest.approx(2e-4)


def test_distortions_differ_from_pass_to_pass_and_come_from_the_seed():
    def presentations(seed):
        seen = []
        trained(60, seed=seed, distort=lambda images, g: seen.append(Distortion()(images, g)) or seen[-1])
        return seen

    first, second = presentations(3)
    again, _ = presentations(3)
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_a_callback_learns_where_the_run_stands(small_blocks):
    calls = []
    model, history = trained(120, test=digits(20, "test"), callback=calls.append)
    assert [(p.pass_index, p.patterns) for p in calls] == [(0, 50), (0, 100), (0, 120), (1, 50), (1, 100), (1, 120)]
    assert all((p.passes, p.total) == (2, 120) for p in calls)
    for number, last in enumerate((calls[2], calls[5])):
        assert last.train_error == history.passes[number]["train_error"]
        assert last.loss == history.passes[number]["train_loss"]
        assert last.history is history
    for p in calls:
        assert p.train_error * p.patterns / 100 == pytest.approx(round(p.train_error * p.patterns / 100))
        assert p.patterns_per_second > 0


def test_the_time_a_callback_takes_is_not_the_passes(small_blocks, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(training.time, "perf_counter", lambda: clock[0])

    def pause(progress):
        clock[0] += 1000

    _, history = trained(120, callback=pause)
    assert history.series("seconds") == [0, 0]


def test_stop_training_ends_early_with_the_history_so_far(small_blocks):
    def stop(progress):
        if (progress.pass_index, progress.patterns) == (1, 50):
            raise StopTraining

    _, history = trained(120, passes=5, callback=stop)
    assert history.series("pass") == [1]
    assert not history.finished


def test_progress_shows_error_loss_and_speed_or_nothing(capfd):
    trained(60, progress=False)
    assert capfd.readouterr() == ("", "")
    _, history = trained(60, progress=True)
    shown = capfd.readouterr().err
    last = history.passes[-1]
    assert f"error {last['train_error']:.2f}%, loss {last['train_loss']:.3f}" in shown
    assert "pass 2 of 2" in shown and "patterns/s" in shown


DIVERGING = {
    "the paper's initialisation, h of the start": ({"init": "appendix_a"}, {}),
    "eta ten times too large": ({}, {"schedule": (5e-3,)}),
    "an absurd eta": ({}, {"schedule": (1e6,)}),
    "MSE": ({}, {"schedule": (5e-3,), "loss": MSELoss()}),
    "batches": ({}, {"schedule": (5e-2,), "batch_size": 16}),
}


@pytest.mark.parametrize("network, arguments", DIVERGING.values(), ids=DIVERGING.keys())
def test_a_diverging_loss_stops_the_run_within_a_thousand_patterns(network, arguments):
    calls = []
    with pytest.raises(DivergenceError, match="expected at most .* lower eta"):
        fit(LeNet5(**network), digits(1200), passes=3, progress=False, callback=calls.append, **arguments)
    assert sum(p.patterns for p in calls) <= 500  # one block at most went by unnoticed


def test_a_loss_that_goes_astray_later_is_seen_in_the_same_block(monkeypatch):
    few, calls = digits(1200), []
    spoil = {"after": 1100}

    def update(rule, step=SDLM.update):
        step(rule)
        spoil["after"] -= 1
        if spoil["after"] == 0:
            rule.param_groups[0]["params"][0].detach().fill_(math.nan)

    monkeypatch.setattr(SDLM, "update", update)
    with pytest.raises(DivergenceError, match="From pattern 1,100 of pass 1 on the mean loss is nan"):
        fit(LeNet5(), few, passes=1, progress=False, callback=calls.append)
    assert [p.patterns for p in calls] == [500, 1000]  # seen by the end of the block, at 1,200


OTHER = LeNet5(seed=2)
BAD = {
    "passes": ({"passes": 0}, "passes is 0"),
    "passes not whole": ({"passes": 1.5}, "passes is 1.5"),
    "batch size": ({"batch_size": 0}, "batch_size is 0"),
    "curvature patterns": ({"curvature_patterns": 0}, "curvature_patterns is 0"),
    "curvature every": ({"curvature_every": 0}, "curvature_every is 0"),
    "gamma 0": ({"gamma": 0.0}, "gamma is 0.0"),
    "gamma above 1": ({"gamma": 1.5}, "gamma is 1.5"),
    "gamma not a number": ({"gamma": math.nan}, "gamma is nan"),
    "curvature": ({"curvature": "hessian"}, "curvature is 'hessian'"),
    "a negative eta": ({"schedule": (5e-4, -1e-4)}, "schedule is"),
    "an infinite eta": ({"schedule": (math.inf,)}, "schedule is"),
    "no eta": ({"schedule": ()}, "schedule is"),
    "one eta": ({"schedule": 5e-4}, "schedule is 0.0005"),
    "a negative seed": ({"seed": -1}, "seed is -1"),
    "a seed of text": ({"seed": "7"}, "seed is '7'"),
    "a test set of tensors": ({"test": (torch.zeros(1, 28, 28), torch.zeros(1))}, "test is tuple"),
    "an optimizer class": ({"optimizer": torch.optim.SGD}, "optimizer does not update this model"),
    "another model's optimizer": ({"optimizer": SDLM(OTHER.named_parameters())}, "optimizer does not update"),
    "a rate scaled from 0": (
        {"model": OTHER, "optimizer": torch.optim.SGD(OTHER.parameters(), lr=1e-3), "schedule": (0.0, 1e-4)},
        "schedule starts at 0",
    ),
    "a running h without SDLM": (
        {"model": OTHER, "optimizer": torch.optim.SGD(OTHER.parameters(), lr=1e-3), "curvature": "running"},
        "curvature is 'running' and optimizer SGD",
    ),
    "a distort that loses images": ({"distort": lambda images, _: images[1:]}, "distort gave 119 images for 120"),
    "a distort that gives NaN": ({"distort": lambda images, _: images * math.nan}, "pixels from nan"),
}


@pytest.mark.parametrize("arguments, words", BAD.values(), ids=BAD.keys())
def test_arguments_out_of_range_are_refused_in_words(arguments, words):
    with pytest.raises(ValueError, match="expected|scaled") as refusal:
        trained(**arguments)
    assert words in str(refusal.value)


WINDOWS = replace(digits(10), classes=11)  # as those of strings
OF_ANOTHER_KIND = {
    "digits": ({"train": digits(10).images}, "train is Tensor; expected Digits"),
    "a model": ({"model": torch.nn.Linear(2, 2)}, r"model is Linear\(.*; expected a LeNet5"),
    "a loss by name": ({"loss": "map"}, "loss is 'map'; expected .* MAPLoss"),
    "a loss not made": ({"loss": MAPLoss}, r"loss is <class .*; expected .* made as MAPLoss\(\)"),
    "a loss of torch": ({"loss": torch.nn.CrossEntropyLoss()}, "loss is CrossEntropyLoss"),
    "more classes": ({"train": WINDOWS}, "train has 11 classes, the model codes for 10"),
    "a test of more classes": ({"test": WINDOWS}, "test has 11 classes, the model codes for 10"),
}


@pytest.mark.parametrize("arguments, words", OF_ANOTHER_KIND.values(), ids=OF_ANOTHER_KIND.keys())
def test_what_is_of_another_kind_is_refused_by_name_before_anything_is_learned(arguments, words):
    model = LeNet5()
    with pytest.raises(ValueError, match=words):
        fit(**{"model": model, "train": digits(10), "progress": False, **arguments})
    assert same_bits(model, LeNet5())


def test_a_network_in_double_precision_trains_too():
    model, history = trained(model=LeNet5(seed=1).double())
    assert model.c1.weight.dtype == torch.float64
    assert history.passes[1]["train_loss"] == pytest.approx(trained()[1].passes[1]["train_loss"], rel=1e-3)


def test_training_learns_scikit_learns_digits():
    model = LeNet5(seed=0)
    train = load_digits("train", "sklearn")
    history = fit(model, train, load_digits("test", "sklearn"), passes=2, schedule=TWO_PASS_SCHEDULE, progress=False)
    assert history.passes[-1]["test_error"] < 6
    assert isinstance(train, Digits) and history.source == "scikit-learn digits"
