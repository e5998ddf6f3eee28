"""The study of strings (Section VII): choose, train, measure, and train globally; the figures go to results/strings/.

    python studies/strings.py choose NAME    train a recipe on 50,000 training digits, judge it on held-out strings
    python studies/strings.py choose-rates   at which rates and temperature to go on from windows, judged on those
    python studies/strings.py package        the network of the recipe chosen, into the package
    python studies/strings.py choose-grammar how its maps are read, judged on held-out strings
    python studies/strings.py choose-limits  from where on NumberPad trusts a reading, judged on held-out strings
    python studies/strings.py measure        its figures on strings of test digits
    python studies/strings.py global         global training beside more of VII-B's, five seeds each

Held-out strings are made of the last 10,000 training digits. The packaged network goes its last step with all 60,000,
and so do those of `global`: recipe, grammar, limits and rates were chosen without them. Strings of test digits are read
by `measure` and `global` alone, with recipe, weights, grammar, threshold, limits and rates fixed before.
"""

import argparse
import itertools
import json
import shutil
import statistics
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch
from PIL import Image

from lenet_helpers import load_digits, load_weights, save_weights, to_input
from lenet_helpers.data.string_field import find_string
from lenet_helpers.data.strings import make_strings
from lenet_helpers.files import write_whole
from lenet_helpers.strings import READING, Grammar, local_minima, penalty_map, read_string, read_strings, window_inputs
from lenet_helpers.strings.reading import confidences
from lenet_helpers.study.string_recipes import CHOSEN, LAST_OF_WINDOWS, RECIPES, WAYS
from lenet_helpers.study.strings import (
    REJECTED,
    TWINED,
    percent,
    reader_from,
    right_of,
    scores,
    single_digits,
    string_sets,
    texts_of,
    whole_right,
)
from lenet_helpers.widgets.number_reading import NumberReading

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results" / "strings"
BUILD = ROOT / "build" / "strings"  # networks that choices are made with
WEIGHTS = ROOT / "lenet_helpers" / "trained" / "strings.safetensors"
BEFORE = RESULTS / "before-global.safetensors"  # what global training and more windows go on from
OWN, HELD_OUT = slice(50_000), slice(50_000, 60_000)
OWN_CHOSEN = BUILD / f"{CHOSEN}.safetensors"  # which has learned of its own digits only
LEARNED_BY = Grammar(begin=RECIPES[CHOSEN].begin)  # the grammar in the criterion of whole strings
EQUAL = 0.5  # points: a standard error of a share of 95% of 2,000 strings
TARGETS = {"clean": 93.0, "noisy": 80.0, "intertwined": 70.0}  # percent whole right, set before any network was trained


def choose(name):
    digits, recipe = load_digits("train", "mnist"), RECIPES[name]
    start = BUILD / f"{recipe.start}.safetensors" if recipe.start in RECIPES else ROOT / recipe.start
    model = reader_from(start)
    trained = recipe.train(model, digits.subset(OWN))
    facts = {
        "source": digits.source,
        "rule": f"strings (VII) of the first {OWN.stop:,} training digits, recipe {name!r}: {recipe}",
        "command": f"python studies/strings.py choose {name}",
    }
    save_weights(model, BUILD / f"{name}.safetensors", **facts)
    judged = judge(model, digits.subset(HELD_OUT))
    write(f"choose-{name}", {"recipe": asdict(recipe), **judged, **trained})


def judge(model, held_out):
    """The figures that a recipe and the simple rule's threshold are chosen by."""
    maps = held_out_maps(model, held_out)
    return {
        "single held-out digits, error %": single_digits(model, held_out),
        "held-out strings whole right, %": by_grammar(maps, [Grammar()])
        | {
            f"local minima under {threshold:g}": {
                kind: whole_right([local_minima(each, threshold) for each in penalties], strings)
                for kind, (penalties, strings) in maps.items()
            }
            for threshold in (8.0, 16.0, 24.0, 32.0, 48.0)
        },
    }


def held_out_maps(model, held_out):
    """(maps of penalties, strings) of each kind."""
    return {kind: (penalty_map(model, s.fields), s) for kind, s in string_sets(held_out, 2000, seed=100).items()}


def by_grammar(maps, grammars):
    return {
        f"touching {grammar.touching:g}, begin {grammar.begin:g}": {
            kind: whole_right(texts_of(penalties, grammar), strings) for kind, (penalties, strings) in maps.items()
        }
        for grammar in grammars
    }


def choose_grammar():
    """How the maps are read, by the least margin over TARGETS; of grammars within EQUAL of the largest, that whose
    margins add up to most."""
    maps = held_out_maps(reader_from(OWN_CHOSEN), load_digits("train", "mnist").subset(HELD_OUT))
    touching, begin = (16.0, 32.0, float("inf")), (-8.0, -6.0, -4.0, -2.0, 0.0, 2.0)
    figures = by_grammar(maps, [Grammar(*each) for each in itertools.product(touching, begin)])
    margins = {name: [right[kind] - TARGETS[kind] for kind in TARGETS] for name, right in figures.items()}
    least = max(map(min, margins.values())) - EQUAL
    taken = max((name for name in margins if min(margins[name]) >= least), key=lambda name: sum(margins[name]))
    right = {"held-out strings whole right, %": figures}
    write("choose-grammar", {"taken": taken, "margins": dict(zip(TARGETS, margins[taken])), **right})


def write(name, figures):
    text = json.dumps(figures, indent=1) + "\n"
    write_whole(RESULTS / f"{name}.json", lambda path: path.write_text(text, encoding="utf-8"))
    print(text)


def package():
    """The network of the recipe chosen, which goes the steps since BEFORE with all training digits."""
    digits, steps = load_digits("train", "mnist"), [CHOSEN]
    while RECIPES[steps[0]].start != LAST_OF_WINDOWS:
        steps.insert(0, RECIPES[steps[0]].start)
    shutil.copy(BUILD / f"{LAST_OF_WINDOWS}.safetensors", BEFORE)
    model = reader_from(BEFORE)
    for step in steps:
        RECIPES[step].train(model, digits)
    recipes = ", then ".join(f"{step!r}: {RECIPES[step]}" for step in steps)
    save_weights(
        model,
        WEIGHTS,
        source=digits.source,
        rule=f"strings (VII) of all {len(digits):,} training digits, recipe {recipes}",
        command="python studies/strings.py package",
    )


def measure():
    model, digits = load_weights("strings"), load_digits("test", "mnist")
    figures = {"single test digits, error %": single_digits(model, digits)}
    for kind, strings in string_sets(digits, 2000, seed=2000).items():
        figures[kind] = scores(model, strings)
    figures["by noise, whole right, %"] = {
        f"{noise:g}": right_of(model, make_strings(digits, 1000, (5, 5), noise=noise, seed=3000))
        for noise in (0.0, 0.05, 0.1, 0.15, 0.2)
    }
    figures["by gap, whole right, %"] = {
        f"{gap}": right_of(model, make_strings(digits, 1000, (5, 5), gaps=(gap, gap), seed=4000))
        for gap in (-6, -4, -2, 0, 2, 4, 8, 16)
    }
    figures["time of one run over 32 x 160"] = timed(model)
    figures["pictures"] = pictures(model)
    write("measured", figures)


def timed(model, turns=30):
    """Milliseconds of one run over a field of 32 x 160 and of its 33 windows, turn and turn about; one thread."""
    torch.set_num_threads(1)
    field = make_strings(load_digits("test", "mnist"), 1, (12, 12), gaps=(1, 1), seed=0).fields[:, :, :160]
    x, windows = to_input(field), window_inputs(field)[0][:, None]
    ways = {
        "whole field, ms": lambda: model(x),
        "windows one by one, ms": lambda: [model(window) for window in windows.split(1)],
        "windows in one batch, ms": lambda: model(windows),
    }
    times = {name: [] for name in ways}
    with torch.no_grad():
        for _ in range(turns):
            for name, way in ways.items():
                start = time.perf_counter()
                way()
                times[name].append(1000 * (time.perf_counter() - start))
    figures = {name: statistics.median(each) for name, each in times.items()}
    whole, one_by_one, batch = figures.values()
    return figures | {"columns": field.shape[2], "of one by one": whole / one_by_one, "of one batch": whole / batch}


def pictures(model):
    """What is read on the pictures of string_pictures.py, beside what they say."""
    read = {}
    for path in sorted((RESULTS / "pictures").glob("*.png")):
        with Image.open(path) as picture:
            read[path.stem] = read_string(model, find_string(picture)).text
    return read | {"right": sum(name.split("_")[1] == text for name, text in read.items())}


def train_globally():
    train_digits, test_digits = load_digits("train", "mnist"), load_digits("test", "mnist")

    def judged(model):
        """By no charge, by the grammar in the criterion, and by the one that the packaged network is read with."""
        return {
            f"begin {grammar.begin:g}": judged_on(model, test_digits, 2000, grammar)
            for grammar in (Grammar(), LEARNED_BY, READING)
        }

    figures = {"before": judged(reader_from(BEFORE))}
    for seed in range(5):
        figures[f"seed {seed}"] = {
            way: judged(gone_on(BEFORE, replace(recipe, seed=seed), train_digits)) for way, recipe in WAYS.items()
        }
        write("global", figures)


def gone_on(start, recipe, digits):
    """A network that has gone on from these weights by a recipe."""
    model = reader_from(start)
    recipe.train(model, digits, progress=False)
    return model


def choose_limits():
    """The temperature of confidences, and what NumberPad's limits reject, on held-out strings of 3 to 6 digits.

    Taken are the temperature with the least log loss, of a confidence as the probability that the whole string is
    right; and of the limits that reject at most 5% those with the fewest wrong of the rest.
    """
    held_out = load_digits("train", "mnist").subset(HELD_OUT)
    strings = string_sets(held_out, 2000, seed=100)["3 to 6 digits, jitter 2"]
    readings = read_strings(reader_from(OWN_CHOSEN), strings.fields)
    texts, penalties = [reading.text for reading in readings], torch.stack([each.penalties for each in readings])
    right = torch.tensor(list(map(str.__eq__, texts, strings.texts)))
    figures = {"log loss by temperature": {}, "limits": {}}
    for temperature in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0):
        confidence = confidences(penalties, texts, READING, temperature).clamp(1e-12, 1 - 1e-12)
        loss = torch.nn.functional.binary_cross_entropy(confidence, right.double()).item()
        figures["log loss by temperature"][f"{temperature:g}"] = loss
    for confidence in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95):
        for penalty in (8.0, 12.0, 16.0, 20.0, 24.0, 32.0):
            numbers = [
                NumberReading(reading, 0, 1.0, strings.fields.shape[2], penalty, confidence) for reading in readings
            ]
            kept = torch.tensor([not number.rejected for number in numbers])
            figures["limits"][f"confidence {confidence:g}, penalty {penalty:g}"] = {
                "rejected, %": percent(~kept),
                "wrong of the rest, %": percent(~right[kept]),
            }
    write("choose-limits", figures)


def judged_on(model, digits, seed, grammar=LEARNED_BY):
    """On 4,000 strings of five digits, gaps -1 to 4, also with rejection; on 1,000 noisy and 1,000 intertwined ones."""
    sets = {
        "clean": make_strings(digits, 4000, (5, 5), seed=seed),
        "noisy": make_strings(digits, 1000, (5, 5), noise=0.1, seed=seed + 1),
        "intertwined": make_strings(digits, 1000, (5, 5), gaps=TWINED, seed=seed + 2),
    }
    judged = {kind: scores(model, strings, grammar) for kind, strings in sets.items()}
    return {kind: each["whole right, %"] for kind, each in judged.items()} | {REJECTED: judged["clean"][REJECTED]}


def choose_rates():
    """At which rates and temperature to go on from windows, judged on held-out strings: seed 0 only."""
    digits, start = load_digits("train", "mnist"), BUILD / f"{LAST_OF_WINDOWS}.safetensors"
    own, held_out = digits.subset(OWN), digits.subset(HELD_OUT)
    tries = {
        f"{way}, eta from {first:g}": replace(recipe, etas=tuple(first / recipe.etas[0] * eta for eta in recipe.etas))
        for way, recipe in WAYS.items()
        for first in (1e-4, 3e-4, 9e-4)
    }
    whole = WAYS["global (VII-C)"]
    tries |= {f"global (VII-C), temperature {t:g}": replace(whole, temperature=t) for t in (1.0, 4.0, 16.0)}
    figures = {"before": judged_on(reader_from(start), held_out, 100)}
    for name, recipe in tries.items():
        figures[name] = judged_on(gone_on(start, recipe, own), held_out, 100)
        write("choose-rates", figures)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = {
        "choose": choose,
        "package": package,
        "choose-grammar": choose_grammar,
        "choose-limits": choose_limits,
        "choose-rates": choose_rates,
        "measure": measure,
        "global": train_globally,
    }
    parser.add_argument("step", choices=steps)
    parser.add_argument("recipe", nargs="?", choices=tuple(RECIPES), default=CHOSEN, help="for choose")
    options = parser.parse_args()
    torch.set_num_threads(1)
    steps[options.step](*[options.recipe] if options.step == "choose" else [])


if __name__ == "__main__":
    main()
