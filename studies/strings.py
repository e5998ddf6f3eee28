"""The study of strings (Section VII): choose, train, measure, and train globally; the figures go to results/strings/.

    python studies/strings.py choose NAME    train a recipe on 50,000 training digits, judge it on held-out strings
    python studies/strings.py package        the network of the recipe chosen, into the package
    python studies/strings.py choose-grammar how its maps are read, judged on held-out strings
    python studies/strings.py choose-limits  from where on NumberPad trusts a reading, judged on held-out strings
    python studies/strings.py choose-rates   how to go on from the packaged network, judged on held-out strings
    python studies/strings.py measure        its figures on strings of test digits
    python studies/strings.py global         global training beside more of VII-B's, five seeds each

Held-out strings are made of the last 10,000 training digits. Strings of test digits are read by `measure` and `global`
alone, with recipe, weights, grammar, threshold, limits and rates fixed before.
"""

import argparse
import itertools
import json
import shutil
import statistics
import time
from dataclasses import asdict
from pathlib import Path

import torch
from PIL import Image

from lenet_helpers import load_digits, load_weights, save_weights, to_input
from lenet_helpers.data.distort import Distortion
from lenet_helpers.data.string_field import find_string
from lenet_helpers.data.strings import make_strings
from lenet_helpers.files import write_whole
from lenet_helpers.strings import Grammar, local_minima, penalty_map, read_string, read_strings, window_inputs
from lenet_helpers.study.strings import (
    Recipe,
    continued,
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
OWN, HELD_OUT = slice(50_000), slice(50_000, 60_000)
UPDATES, ETA_STRINGS, ETA_WINDOWS = 1000, 1e-4, 1e-5  # of global training, and of more windows beside it

RECIPES = {
    "apart": Recipe(
        {"blanks": 0.35, "clear": 6.0, "close": 0.35, "jitter": 1, "ends": 0.2},
        300_000, (3e-3, 2e-3, 1e-3, 3e-4), seed=1,
    ),
    "closer": Recipe(
        {"blanks": 0.35, "clear": 6.0, "close": 0.5, "jitter": 1, "ends": 0.2},
        500_000, (2e-3, 1.5e-3, 1e-3, 5e-4, 2e-4, 5e-5), noisy=0.3, seed=2, start="apart",
    ),
    "finer": Recipe(
        {"blanks": 0.35, "clear": 6.0, "close": 0.5, "jitter": 1, "ends": 0.2},
        450_000, (1.2e-3, 6e-4, 2e-4, 5e-5), noisy=0.2, seed=3, start="closer",
    ),
    "longer": Recipe(
        {"blanks": 0.45, "clear": 6.0, "close": 0.5, "jitter": 1, "ends": 0.15},
        1_000_000, (4e-3, 3.5e-3, 3e-3, 2.5e-3, 2e-3, 1.4e-3, 8e-4, 3e-4, 6e-5), batch_size=32, curvature_every=20_000,
        noisy=0.12, seed=4, start="finer",
    ),
    "still-longer": Recipe(
        {"blanks": 0.45, "clear": 6.0, "close": 0.5, "jitter": 1, "ends": 0.15},
        1_000_000, (4e-3, 4e-3, 3.5e-3, 3e-3, 2.5e-3, 2e-3, 1.5e-3, 1e-3, 6e-4, 3e-4, 1e-4, 3e-5), batch_size=32,
        curvature_every=20_000, noisy=0.08, seed=5, start="longer",
    ),
    "longest": Recipe(
        {"blanks": 0.45, "clear": 6.0, "close": 0.55, "jitter": 1, "ends": 0.15},
        1_000_000, (4e-3, 4e-3, 4e-3, 3e-3, 3e-3, 2e-3, 1.4e-3, 9e-4, 5e-4, 2e-4, 5e-5), batch_size=32,
        curvature_every=20_000, noisy=0.05, seed=6, start="still-longer",
    ),
    "distorted": Recipe(
        {"blanks": 0.42, "clear": 6.0, "close": 0.5, "jitter": 1, "ends": 0.15},
        1_000_000, (4e-3, 4e-3, 3.5e-3, 3e-3, 2.5e-3, 2e-3, 1.4e-3, 1e-3, 6e-4, 3e-4, 1e-4, 3e-5), batch_size=32,
        curvature_every=20_000, noisy=0.06, seed=7, start="longest", copies=5,
        distortion=Distortion(translation=0.0, scaling=0.12, squeezing=0.12, shear=0.2, fraction=1.0),
    ),
}  # fmt: skip
CHOSEN = "longest"
TARGETS = {"clean": 93.0, "noisy": 80.0, "intertwined": 70.0}  # percent whole right, set before any network was trained


def choose(name):
    digits, recipe = load_digits("train", "mnist"), RECIPES[name]
    start = BUILD / f"{recipe.start}.safetensors" if recipe.start in RECIPES else ROOT / recipe.start
    model = reader_from(start)
    history = recipe.train(model, digits.subset(OWN))
    facts = {
        "source": digits.source,
        "rule": f"windows of strings (VII-B) of the first {OWN.stop:,} training digits, recipe {name!r}: {recipe}",
        "command": f"python studies/strings.py choose {name}",
    }
    save_weights(model, BUILD / f"{name}.safetensors", **facts)
    judged = judge(model, digits.subset(HELD_OUT))
    trained = {"train_error": history.series("train_error"), "seconds": history.seconds}
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
            for threshold in (6.0, 12.0, 16.0, 24.0)
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
    """How the packaged network's maps are read: taken is the grammar whose least margin over TARGETS is the largest."""
    maps = held_out_maps(load_weights("strings"), load_digits("train", "mnist").subset(HELD_OUT))
    touching, begin = (16.0, 32.0, float("inf")), (-8.0, -6.0, -4.0, -2.0, 0.0, 2.0)
    figures = by_grammar(maps, [Grammar(*each) for each in itertools.product(touching, begin)])
    margins = {name: min(right[kind] - TARGETS[kind] for kind in TARGETS) for name, right in figures.items()}
    taken = max(margins, key=margins.get)
    right = {"held-out strings whole right, %": figures}
    write("choose-grammar", {"taken": taken, "least margin": margins[taken], **right})


def write(name, figures):
    text = json.dumps(figures, indent=1) + "\n"
    write_whole(RESULTS / f"{name}.json", lambda path: path.write_text(text, encoding="utf-8"))
    print(text)


def package():
    shutil.copy(BUILD / f"{CHOSEN}.safetensors", WEIGHTS)


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
    figures = {"updates": UPDATES, "before": judged_on(load_weights("strings"), test_digits, 2000)}
    for seed in range(5):
        by_strings, by_windows = continued(
            "strings", train_digits, seed, RECIPES[CHOSEN], UPDATES, ETA_STRINGS, ETA_WINDOWS
        )
        figures[f"seed {seed}"] = {
            "global (VII-C)": judged_on(by_strings, test_digits, 2000),
            "windows (VII-B)": judged_on(by_windows, test_digits, 2000),
        }
    write("global", figures)


def choose_limits():
    """What NumberPad's limits reject of held-out strings of 3 to 6 digits, and how many of the rest are wrong.

    Taken are those with the fewest wrong of the rest, among the pairs that reject at most 5%.
    """
    held_out = load_digits("train", "mnist").subset(HELD_OUT)
    strings = string_sets(held_out, 2000, seed=100)["3 to 6 digits, jitter 2"]
    readings = read_strings(load_weights("strings"), strings.fields)
    right = torch.tensor([reading.text == text for reading, text in zip(readings, strings.texts)])
    figures = {}
    for confidence in (0.5, 0.9, 0.95, 0.99, 0.999):
        for penalty in (6.0, 8.0, 10.0, 12.0, 16.0):
            numbers = [
                NumberReading(reading, 0, 1.0, strings.fields.shape[2], penalty, confidence) for reading in readings
            ]
            kept = torch.tensor([not number.rejected for number in numbers])
            figures[f"confidence {confidence:g}, penalty {penalty:g}"] = {
                "rejected, %": percent(~kept),
                "wrong of the rest, %": percent(~right[kept]),
            }
    write("choose-limits", figures)


def judged_on(model, digits, seed):
    """On 1,000 strings each of five digits, gaps -1 to 4: without and with noise."""
    return {
        "clean": right_of(model, make_strings(digits, 1000, (5, 5), seed=seed)),
        "noisy": right_of(model, make_strings(digits, 1000, (5, 5), noise=0.1, seed=seed + 1)),
    }


def choose_rates():
    """Which eta to go on with, judged on held-out strings: seed 0 only."""
    digits = load_digits("train", "mnist")
    figures = {}
    for strings, windows in ((1e-3, 1e-3), (3e-4, 3e-4), (1e-4, 1e-4), (3e-5, 3e-5), (1e-5, 1e-5)):
        models = continued("strings", digits.subset(OWN), 0, RECIPES[CHOSEN], UPDATES, strings, windows)
        for eta, model in zip((f"strings {strings:g}", f"windows {windows:g}"), models):
            figures[eta] = judged_on(model, digits.subset(HELD_OUT), 100)
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
