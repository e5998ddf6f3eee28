"""The study of strings: its recipes train, and its figures are about what they say."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest

from lenet_helpers.data.digits import load_digits
from lenet_helpers.data.strings import make_strings
from lenet_helpers.study.strings import string_figures
from lenet_helpers.weights import load_weights

SCRIPT = Path(__file__).parents[2] / "studies" / "strings.py"


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("string_study", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_recipe_trains_the_network_of_eleven_classes(study):
    digits = load_digits("train", "sklearn")
    few = replace(study.RECIPES["four"], count=800, etas=(1e-3, 5e-4), curvature_every=400)
    model, history = study.train(few, digits, progress=False)
    assert len(model.rbf.codes) == 11
    assert history.series("train_error")[1] < history.series("train_error")[0]


def test_the_packaged_network_is_that_of_the_recipe_chosen(study):
    facts = load_weights("strings").facts
    assert facts["command"] == f"python studies/strings.py choose {study.CHOSEN}"
    assert str(study.RECIPES[study.CHOSEN]) in facts["rule"]
    for name, recipe in study.RECIPES.items():
        kept = string_figures(f"choose-{name}")["recipe"]
        assert kept["windows"] == recipe.windows and tuple(kept["etas"]) == recipe.etas


def test_whole_right_counts_strings_from_first_to_last_digit(study):
    strings = make_strings(load_digits("test", "sklearn"), 4, seed=1)
    texts = [strings.texts[0], strings.texts[1][:-1], strings.texts[2] + "1", strings.texts[3]]
    assert study.whole_right(texts, strings) == 50.0


def test_figures_are_shares_of_the_strings_they_name():
    for kind, found in string_figures("measured").items():
        if isinstance(found, dict) and "strings" in found:
            wrong = sum(found["too short, too long, a digit wrong, %"])
            assert found["whole right, %"] + wrong == pytest.approx(100), kind
            assert found["wrong of the rest with 5% rejected, %"] <= 100 - found["whole right, %"], kind
    assert json.dumps(string_figures("global")).count("seed") == 5
