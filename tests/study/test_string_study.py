"""The study of strings: its recipes train, and its figures are about what they say."""

import json
from dataclasses import asdict

import pytest
import torch

from lenet_helpers.data.digits import load_digits
from lenet_helpers.data.distort import Distortion
from lenet_helpers.data.strings import Strings, make_strings
from lenet_helpers.likeness import LEAST_CONFIDENCE, MOST_PENALTY
from lenet_helpers.strings import Reading
from lenet_helpers.strings.graph import TEMPERATURE
from lenet_helpers.study.string_recipes import CHOSEN, RECIPES, GlobalRecipe, Recipe, with_copies
from lenet_helpers.study.strings import reader_from, scores, string_figures, whole_right
from lenet_helpers.weights import load_weights


def test_a_reader_begins_as_the_network_of_single_digits_and_learns_by_its_recipe():
    regular, model = load_weights("regular"), reader_from("regular")
    x = torch.rand(3, 1, 32, 32)
    assert torch.equal(model(x)[:, :10], regular(x)) and model(x).shape == (3, 11)
    few = Recipe({"blanks": 0.4}, count=800, etas=(1e-3, 5e-4), curvature_every=400)
    digits = load_digits("train", "sklearn").subset(slice(200))
    errors = few.train(model, digits, progress=False)["train_error"]
    assert errors[1] < errors[0]
    whole = GlobalRecipe({"lengths": (2, 3)}, count=200, etas=(1e-3, 5e-4), copies=1, distortion=Distortion())
    criterion = whole.train(model, digits, progress=False)["criterion by tenths"]
    assert criterion[-1] < criterion[0]


def test_copies_are_distorted_digits_of_the_same_labels():
    digits = load_digits("train", "sklearn").subset(slice(30))
    more = with_copies(digits, 2, Distortion(fraction=1.0), seed=0)
    assert torch.equal(more.labels, digits.labels.repeat(3)) and torch.equal(more.images[:30], digits.images)
    first, second = more.images[30:60], more.images[60:]
    assert not (first == second).flatten(1).all(1).any() and more.images.dtype == torch.uint8


def test_a_reader_goes_on_as_it_was():
    strings, again = load_weights("strings"), reader_from("strings")
    for name, tensor in strings.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])


def test_the_packaged_network_is_that_of_the_recipe_chosen():
    facts = load_weights("strings").facts
    assert facts["command"] == "python studies/strings.py package"
    assert str(RECIPES[CHOSEN]) in facts["rule"]
    for name, recipe in RECIPES.items():
        kept, made = string_figures(f"choose-{name}")["recipe"], json.loads(json.dumps(asdict(recipe)))
        kept.pop("start")  # the first step's has another name since
        assert kept == {key: made[key] for key in kept}


def test_temperature_and_the_pads_limits_are_those_that_held_out_strings_chose():
    chosen = string_figures("choose-limits")
    losses = chosen["log loss by temperature"]
    assert min(losses, key=losses.get) == f"{TEMPERATURE:g}"
    few = {limits: x["wrong of the rest, %"] for limits, x in chosen["limits"].items() if x["rejected, %"] <= 5}
    assert min(few, key=few.get) == f"confidence {LEAST_CONFIDENCE:g}, penalty {MOST_PENALTY:g}"


def test_whole_right_counts_strings_from_first_to_last_digit():
    strings = make_strings(load_digits("test", "sklearn"), 4, seed=1)
    texts = [strings.texts[0], strings.texts[1][:-1], strings.texts[2] + "1", strings.texts[3]]
    assert whole_right(texts, strings) == 50.0


def test_scores_tell_apart_what_went_wrong_and_reject_the_least_sure(monkeypatch):
    texts = ("12",) * 20
    answers = {"1": 0.1, "123": 0.8, "13": 0.7}  # too short, too long, a digit wrong
    readings = [Reading(text, (), sure, None, torch.zeros(11, 3)) for text, sure in answers.items()]
    readings += [Reading("12", (), 0.9, None, torch.zeros(11, 3))] * 17
    monkeypatch.setattr("lenet_helpers.study.strings.read_strings", lambda model, fields, grammar: readings)
    assert scores(None, Strings(torch.zeros(20, 32, 40), texts, None, "blocks")) == {
        "strings": 20,
        "whole right, %": 85.0,
        "wrong of the rest with 5% rejected, %": pytest.approx(100 * 2 / 19),
        "too short, too long, a digit wrong, %": [5.0, 5.0, 5.0],
        "local minima, whole right, %": 0.0,
    }


def test_figures_are_shares_of_the_strings_they_name():
    for kind, found in string_figures("measured").items():
        if isinstance(found, dict) and "strings" in found:
            wrong = sum(found["too short, too long, a digit wrong, %"])
            assert found["whole right, %"] + wrong == pytest.approx(100), kind
            assert found["wrong of the rest with 5% rejected, %"] <= 100 - found["whole right, %"], kind
    assert json.dumps(string_figures("global")).count("seed") == 5
