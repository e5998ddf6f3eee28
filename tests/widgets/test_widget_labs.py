"""What the explorer and the labs compute, held against autograd, torch and the optimizers themselves."""

import time

import pytest
import torch
from widget_pages import SEVEN, ask

from lenet_helpers.codes import DIGIT_CODES
from lenet_helpers.data.digits import to_input
from lenet_helpers.layers import Squash
from lenet_helpers.losses import MAPLoss, MSELoss
from lenet_helpers.model import TABLE_I, LeNet5
from lenet_helpers.sdlm import SDLM
from lenet_helpers.training.loop import fit
from lenet_helpers.widgets import ConvolutionStepper, CurvatureLab, DrawPad, LayerExplorer, LossLab, TrainingMonitor
from lenet_helpers.widgets.curvature_lab import descent
from lenet_helpers.widgets.loss_lab import downhill, pushes
from lenet_helpers.widgets.receptive_fields import LAYERS, account, fed_by, receptive_field, state_maps
from lenet_helpers.widgets.slider import Slider, round_numbers
from lenet_helpers.widgets.stepper import KERNELS, OUT, convolve


def test_a_units_account_adds_up_to_its_state(trained, digits, generator):
    maps = state_maps(trained.states(to_input(digits.images[:1])))
    for layer in LAYERS[1:]:
        for _ in range(6):
            place, row, column = (int(torch.randint(size, (), generator=generator)) for size in maps[layer].shape)
            told = account(trained, maps, layer, place, row, column)
            if layer == "output":
                (source,) = told.sources
                distance = trained.rbf.scale * (source.patch - source.weight).square().sum()
                torch.testing.assert_close(distance, maps[layer][place, row, column])
                assert torch.equal(source.weight.flatten(), DIGIT_CODES[row])
                continue
            own = getattr(trained, layer)
            unit = place if layer in ("c1", "s2", "c3", "s4") else row * maps[layer].shape[2] + column
            total = sum(source.amount for source in told.sources) + own.bias[unit].item()
            torch.testing.assert_close(Squash()(torch.tensor([total])), maps[layer][place, row, column].reshape(1))
            assert told.state == maps[layer][place, row, column].item()


@pytest.mark.parametrize("layer", ["c1", "s2", "c3", "s4", "c5"])
def test_the_receptive_field_is_where_the_gradient_is(layer, generator):
    """Against autograd on an untrained network: what a unit does not see has no influence on it."""
    model, x = LeNet5(), torch.rand(1, 1, 32, 32, generator=generator).requires_grad_()
    states = {"input": x}
    for name in LAYERS[1 : LAYERS.index(layer) + 1]:
        states[name] = model.squash(getattr(model, name)(list(states.values())[-1]))
        states[name].retain_grad()
    shape = (1, 12, 10) if layer == "c5" else states[layer].shape[1:]
    for _ in range(4):
        place, row, column = (int(torch.randint(size, (), generator=generator)) for size in shape)
        for state in states.values():
            state.grad = None
        states[layer][0].reshape(shape)[place, row, column].backward(retain_graph=True)
        for name, (seen, top, bottom, left, right) in receptive_field(layer, place, row, column).items():
            felt = states[name].grad[0] != 0
            assert felt.flatten(1).any(1).nonzero().flatten().tolist() == seen
            assert felt.any(0).any(1).nonzero().flatten()[[0, -1]].tolist() == [top, bottom]
            assert felt.any(0).any(0).nonzero().flatten()[[0, -1]].tolist() == [left, right]


def test_a_c3_map_is_fed_as_table_i_says():
    for place in range(16):
        assert fed_by("c3", place, 2, 3)[:2] == ("s2", TABLE_I[place].nonzero().flatten().tolist())
    with pytest.raises(ValueError, match="nothing feeds the input"):
        fed_by("input", 0, 0, 0)


def test_the_explorer_follows_touches_digits_and_the_pad(trained, digits):
    pad = DrawPad(trained)
    explorer = LayerExplorer(trained, digits, pad)
    explorer.take_drawing()
    assert "draw a digit first" in explorer.view.problem
    ask(pad, SEVEN)
    explorer.take_drawing()
    assert explorer.view.problem == "" and "the answer is 7" in explorer.view.spoken
    explorer.view.set_state({"touched": {"key": "s4 3", "row": 1, "column": 2}, "asked": 1})
    assert "S4 map 3, row 1, column 2" in explorer.view.spoken and explorer.view.answered == 1
    before = explorer.view.markup
    explorer.index.value = 5
    assert explorer.view.markup != before


def test_the_stepper_convolves_as_torch_does(digits, generator):
    image, kernel = to_input(digits.images[:1]), torch.randn(5, 5, generator=generator)
    expected = torch.nn.functional.conv2d(image, kernel[None, None], torch.tensor([0.3]))[0, 0]
    torch.testing.assert_close(convolve(image[0, 0], kernel, 0.3), expected, atol=1e-5, rtol=1e-5)


def test_the_stepper_is_edited_pointed_at_and_refuses_what_is_no_number(trained, digits):
    stepper = ConvolutionStepper(digits.images[0], trained)
    stepper.editor.set_state({"touched": {"key": "0 4", "row": 0, "column": 4, "value": "2.5"}, "asked": 1})
    assert stepper.kernel[0, 4] == 2.5 and KERNELS["vertical edge"][0, 4] != 2.5
    for refused in ("", "abc", "nan", "inf", "1e9"):
        touched = {"key": "0 4", "row": 0, "column": 4, "value": refused}
        stepper.editor.set_state({"touched": touched, "asked": stepper.editor.asked + 1})
        assert "expected a number" in stepper.editor.problem and stepper.kernel[0, 4] == 2.5
    stepper.view.set_state({"touched": {"key": "field", "row": 31, "column": 0}, "asked": 1})
    assert stepper.place.value == (OUT - 1) * OUT  # the window stays inside the field
    stepper.choice.value = "C1, map 2"
    assert torch.equal(stepper.kernel, trained.c1.weight[2, 0]) and stepper.bias == trained.c1.bias[2].item()
    state = trained.states(to_input(digits.images[:1]))["c1"][0, 2]
    torch.testing.assert_close(Squash()(convolve(stepper.image, stepper.kernel, stepper.bias)), state)


def test_a_number_that_rounds_to_zero_has_no_minus():
    paper = torch.zeros(28, 28, dtype=torch.uint8)
    for kernel in ("vertical edge", "horizontal edge"):
        stepper = ConvolutionStepper(paper)
        stepper.choice.value = kernel
        assert "add up to 0.00" in stepper.view.spoken and "-0.00" not in stepper.view.markup
    lab = LossLab()
    lab.right.value, lab.rival.value = 31, 28
    assert "of its rival: +0.00, so it is left alone" in lab.view.spoken and "-0.00" not in lab.view.markup


@pytest.mark.parametrize("loss", [MSELoss(), MAPLoss(10.0), MAPLoss(0.5)])
def test_pushes_are_the_losses_own_derivative_and_lead_downhill(loss):
    penalties = torch.tensor([[12.0, 8.0]], requires_grad=True)
    loss(penalties, torch.tensor([0])).backward()
    torch.testing.assert_close(pushes(loss, penalties.detach()), penalties.grad)
    path = downhill(loss, (12.0, 8.0))
    heights = torch.stack([loss(place[None], torch.tensor([0])) for place in path])
    assert (heights.diff() <= 1e-5).all() and (path >= 0).all()


def test_only_map_pushes_a_rival_up():
    lab = LossLab()
    assert "pushed up" in lab.view.spoken
    lab.loss.value = "MSE"
    assert "left alone" in lab.view.spoken and lab.j.disabled
    lab.view.set_state({"touched": {"key": "plane", "row": 10, "column": 3}, "asked": 1})
    assert (lab.right.value, lab.rival.value) == (3, 30)


def test_paths_on_the_bowl_are_those_of_the_optimizers():
    h, start, eta, mu = [5.0, 0.05], [-1.0, 0.9], 0.3, 0.02
    rates = {"sdlm": [eta / (mu + value) for value in h], "sgd": [0.3, 0.3]}
    ours = {name: descent(start, h, rates[name], 30) for name in rates}
    for name, path in ours.items():
        w = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
        optimizer = torch.optim.SGD([w], lr=0.3) if name == "sgd" else SDLM([("w", w)], eta=eta, mu=mu)
        if name == "sdlm":
            optimizer.set_curvature({"w": torch.tensor(h, dtype=torch.float64)})
        for expected in path[1:]:
            optimizer.zero_grad()
            (0.5 * torch.tensor(h, dtype=torch.float64) * w**2).sum().backward()
            optimizer.step()
            torch.testing.assert_close(w.detach(), expected)


def test_rates_spread_for_the_authors_weights_and_gather_at_the_cap_for_the_papers(digits):
    lab = CurvatureLab(digits)
    spread = {}
    for init in ("lush", "appendix_a"):
        lab.init.value = init
        rates = torch.cat([5e-4 / (0.02 + h) for h in lab.curvatures[init].values()])
        assert len(rates) == 60_000 and rates.max() <= 0.025 + 1e-9
        spread[init] = (rates > 0.9 * 0.025).double().mean().item()
    assert spread["appendix_a"] > 0.5 > 0.05 > spread["lush"], spread


def test_a_slider_holds_one_of_its_values():
    slider = Slider("eta", round_numbers(1e-3, 1), 0.02)
    assert slider.value == 0.02 and slider.labels[slider.index] == "0.02"
    slider.value = 0.5
    assert slider.value == 0.5
    with pytest.raises(ValueError, match="Got 0.4, expected one of 0.001"):
        slider.value = 0.4


def until(condition, seconds=180):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


@pytest.fixture
def many(digits):
    """3,000 patterns: six blocks a pass."""
    return digits.subset(torch.arange(3000) % 300)


def test_training_pauses_goes_on_and_stops(many):
    monitor = TrainingMonitor(LeNet5(), many, passes=50)
    assert monitor.wait() is None and "Ready." in monitor.status.value
    monitor.start()
    until(lambda: monitor.trace.blocks)
    monitor.pause()
    assert monitor.paused and monitor.pause_button.description == "Resume"
    until(lambda: monitor.status.value.startswith("Paused."))  # after the block under way
    held = len(monitor.trace.blocks)
    time.sleep(1)
    assert len(monitor.trace.blocks) == held and monitor.running
    monitor.resume()
    until(lambda: len(monitor.trace.blocks) > held)
    monitor.stop()
    history = monitor.wait(60)
    assert not monitor.running and not history.finished and monitor.status.value == "Stopped."
    assert not monitor.start_button.disabled and monitor.stop_button.disabled


def test_a_finished_training_is_the_one_fit_gives(many):
    few, model, again = many.subset(slice(0, 500)), LeNet5(), LeNet5()  # a pass is one block
    monitor = TrainingMonitor(model, few, few.subset(slice(0, 300)), passes=2)
    monitor.start()
    history = monitor.wait(60)
    expected = fit(again, few, few.subset(slice(0, 300)), passes=2, progress=False)
    assert history.series("test_error") == expected.series("test_error")
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(model.parameters(), again.parameters(), strict=True))
    errors = [error for _, error in monitor.trace.blocks]
    assert errors == pytest.approx(history.series("train_error"))
    assert f"test error {history.passes[1]['test_error']:.2f}%" in monitor.picture().alt == monitor.view.spoken


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_training_that_fails_says_so_on_the_page(many):
    monitor = TrainingMonitor(LeNet5(), many, passes=0)
    monitor.start()
    assert monitor.wait(60) is None
    assert monitor.view.problem.startswith("ValueError: passes is 0") and monitor.status.value == "Ended by an error."


def test_one_training_runs_at_a_time_and_the_network_answers_meanwhile(many, trained):
    first, second = (TrainingMonitor(LeNet5(), many, passes=50) for _ in range(2))
    first.start()
    until(lambda: first.trace.blocks)
    assert ask(DrawPad(trained), SEVEN) == "I read a 7." and first.running
    pad = DrawPad(first.model)
    ask(pad, SEVEN)
    assert pad.problem == "" and pad.reading.penalties.isfinite().all()
    second.start()
    assert not first.running and second.running
    second.stop()
    second.wait(60)
