"""The network as Fig. 2 draws it: every state in its place, and the answers at the end."""

import re

import pytest
import torch

from lenet_helpers.data.digits import Digits, to_input
from lenet_helpers.model import LeNet5
from lenet_helpers.widgets import NetworkView
from lenet_helpers.widgets.architecture import STACKS, draw_architecture, places
from lenet_helpers.widgets.svg import tile


@pytest.fixture
def digits():
    images = torch.randint(256, (3, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return Digits(images, torch.tensor([1, 2, 3]), "noise")


def test_every_map_of_every_layer_is_in_the_picture_and_the_ten_codes(digits):
    picture = draw_architecture(LeNet5(), digits.images[0])
    assert picture.markup().count("<image") == 1 + 6 + 6 + 16 + 16 + 1 + 1 + 10


def test_a_stack_shows_the_states_of_its_layer(digits):
    model = LeNet5()
    states = model.states(to_input(digits.images[:1]))
    markup = draw_architecture(model, digits.images[0]).markup()
    for layer in ("c1", "s2", "c3", "s4"):
        maps = states[layer][0]
        for values, (x, y) in zip(maps, places(layer, maps), strict=True):
            assert tile(values, x, y, STACKS[layer][1]) in markup


def test_a_network_in_double_precision_is_drawn_too(digits):
    once, twice = (draw_architecture(model, digits.images[0]) for model in (LeNet5(), LeNet5().double()))
    assert twice.alt == once.alt


def test_the_alternative_text_names_the_answer_and_the_runner_up(digits):
    model = LeNet5()
    penalties = model.states(to_input(digits.images[:1]))["penalties"][0]
    first, second = penalties.argsort()[:2].tolist()
    alt = draw_architecture(model, digits.images[0]).alt
    assert f"that of {first}, {penalties[first]:.1f}; next comes {second} with {penalties[second]:.1f}." in alt


def test_everything_drawn_lies_inside_the_picture(digits):
    picture = draw_architecture(LeNet5(), digits.images[0])
    for kind, x, y, width, height in re.findall(
        r'<(image|rect) x="([\d.-]+)" y="([\d.-]+)" width="([\d.]+)" height="([\d.]+)"', picture.markup()
    ):
        assert 0 <= float(x) and float(x) + float(width) <= picture.width + 0.1, kind
        assert 0 <= float(y) and float(y) + float(height) <= picture.height, kind


def test_choosing_another_digit_draws_it(digits):
    view = NetworkView(LeNet5(), digits)
    before = view.view.markup
    view.index.value = 2
    assert view.view.markup != before
    assert view.view.spoken == draw_architecture(view.model, digits.images[2]).alt
