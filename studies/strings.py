"""The study of strings (Section VII): choose, train, measure, and train globally; the figures go to results/strings/.

    python studies/strings.py choose NAME    train a recipe on 50,000 training digits, judge it on held-out strings
    python studies/strings.py choose-rates   how to go on from the recipe chosen, judged on held-out strings
    python studies/strings.py package        the network of the recipe chosen, into the package
    python studies/strings.py measure        its figures on strings of test digits
    python studies/strings.py global         global training beside more of VII-B's, five seeds each

Held-out strings are made of the last 10,000 training digits. Strings of test digits are read by `measure` and `global`
alone, with recipe, weights, grammar, threshold and rates fixed before.
"""

import argparse
import json
import shutil
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from PIL import Image

from lenet_helpers import DIGIT_CODES, LeNet5, fit, load_digits, load_weights, save_weights, to_input
from lenet_helpers.codes import code_of
from lenet_helpers.data.string_field import find_string
from lenet_helpers.data.strings import PixelInversion, make_strings, string_windows
from lenet_helpers.files import write_whole
from lenet_helpers.strings import (
    Grammar,
    fit_strings,
    local_minima,
    penalty_map,
    read_string,
    read_strings,
    viterbi,
    window_inputs,
)
from lenet_helpers.strings.reading import spelled

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results" / "strings"
BUILD = ROOT / "build" / "strings"  # networks that choices are made with
WEIGHTS = ROOT / "lenet_helpers" / "trained" / "strings.safetensors"
CODES = torch.cat([DIGIT_CODES, code_of(" ")[None]])
OWN, HELD_OUT = slice(50_000), slice(50_000, 60_000)
TWINED = (-6, -2)  # gaps of intertwined digits
THRESHOLD = 16.0  # of the simple rule
UPDATES, ETA_STRINGS, ETA_WINDOWS = 1000, 3e-5, 1e-4  # of global training, and of more windows beside it


@dataclass(frozen=True)
class Recipe:
    """How windows are made and trained on: `count` of them in passes of these etas, several an update."""

    windows: dict  # arguments of string_windows
    count: int
    etas: tuple
    batch_size: int = 4
    curvature_every: int = 2500
    noisy: float = 0.4  # share of the windows shown with 10% of their pixels inverted
    seed: int = 0
    start: str | None = None  # the recipe whose network it goes on with


RECIPES = {
    "eight": Recipe(
        {"blanks": 0.4, "clear": 4.0, "close": 0.0, "jitter": 2},
        200_000, (2e-3, 2e-3, 1e-3, 4e-4, 1e-4), batch_size=8, noisy=0.5,
    ),
    "four": Recipe(
        {"blanks": 0.35, "clear": 6.0, "close": 0.0, "jitter": 1},
        150_000, (2e-3, 2e-3, 1e-3, 5e-4, 2e-4, 5e-5),
    ),
    "close": Recipe(
        {"blanks": 0.3, "clear": 6.0, "close": 0.15, "jitter": 1},
        100_000, (5e-4, 5e-4, 2e-4, 5e-5), seed=1, start="four",
    ),
    "settled": Recipe(
        {"blanks": 0.3, "clear": 6.0, "close": 0.15, "jitter": 1},
        120_000, (3e-4, 2e-4, 1e-4, 3e-5), noisy=0.5, seed=2, start="close",
    ),
    "longer": Recipe(
        {"blanks": 0.3, "clear": 6.0, "close": 0.15, "jitter": 1},
        200_000, (1e-3, 5e-4, 1e-4, 3e-5), seed=3, start="settled",
    ),
}  # fmt: skip
CHOSEN = "longer"


def train(recipe, digits, progress=True):
    """A network trained by the recipe on windows of these digits, and its History."""
    windows = string_windows(digits, recipe.count, **recipe.windows, seed=recipe.seed)
    if recipe.start:
        model = load_weights(BUILD / f"{recipe.start}.safetensors")
    else:
        model = LeNet5(seed=recipe.seed, codes=CODES)
    history = fit(
        model,
        windows,
        passes=len(recipe.etas),
        schedule=recipe.etas,
        seed=recipe.seed,
        batch_size=recipe.batch_size,
        curvature_every=recipe.curvature_every,
        distort=PixelInversion(0.1, recipe.noisy),
        progress=progress,
    )
    return model, history


def string_sets(digits, count, seed):
    """The kinds of strings that are judged, by name."""
    return {
        "clean": make_strings(digits, count, (5, 5), seed=seed),
        "noisy": make_strings(digits, count, (5, 5), noise=0.1, seed=seed + 1),
        "intertwined": make_strings(digits, count, (5, 5), gaps=TWINED, seed=seed + 2),
        "3 to 6 digits, jitter 2": make_strings(digits, count, (3, 6), jitter=2, seed=seed + 3),
    }


def whole_right(texts, strings):
    """Percentage of strings that are right from first to last digit."""
    return 100 * sum(map(str.__eq__, texts, strings.texts)) / len(strings)


def right_of(model, strings):
    return whole_right([reading.text for reading in read_strings(model, strings.fields)], strings)


def texts_of(penalties, grammar):
    return [spelled(path)[0] for path in viterbi(penalties, grammar)]


def single_digits(model, digits):
    """Error in percent on single digits as MNIST centres them: among ten classes, and where a blank is wrong too."""
    with torch.no_grad():
        penalties = torch.cat([model(to_input(images)) for images in digits.images.split(500)])
    return {
        "ten classes": 100 * (penalties[:, :10].argmin(1) != digits.labels).float().mean().item(),
        "with the blank": 100 * (penalties.argmin(1) != digits.labels).float().mean().item(),
    }


def choose(name):
    digits = load_digits("train", "mnist")
    recipe = RECIPES[name]
    model, history = train(recipe, digits.subset(OWN))
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
    """The figures that a recipe, a grammar and a threshold are chosen by."""
    by_rule = {}
    maps = {kind: (penalty_map(model, s.fields), s) for kind, s in string_sets(held_out, 1000, seed=100).items()}
    for touching in (0.0, 4.0, 8.0, float("inf")):
        for begin in (-2.0, 0.0, 2.0):
            grammar = Grammar(touching, begin)
            by_rule[f"touching {touching:g}, begin {begin:g}"] = {
                kind: whole_right(texts_of(penalties, grammar), strings) for kind, (penalties, strings) in maps.items()
            }
    for threshold in (6.0, 12.0, 16.0, 24.0):
        by_rule[f"local minima under {threshold:g}"] = {
            kind: whole_right([local_minima(each, threshold) for each in penalties], strings)
            for kind, (penalties, strings) in maps.items()
        }
    return {
        "single held-out digits, error %": single_digits(model, held_out),
        "held-out strings whole right, %": by_rule,
    }


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
        readings = read_strings(model, strings.fields)
        right = torch.tensor([reading.text == text for reading, text in zip(readings, strings.texts)])
        surest = torch.tensor([reading.confidence for reading in readings]).argsort(descending=True)
        kept = right[surest[: len(right) * 95 // 100]]
        simple = [local_minima(reading.penalties, THRESHOLD) for reading in readings]
        lengths = [len(reading.text) - len(text) for reading, text in zip(readings, strings.texts)]
        figures[kind] = {
            "strings": len(strings),
            "whole right, %": 100 * right.double().mean().item(),
            "wrong of the rest with 5% rejected, %": 100 * (1 - kept.double().mean().item()),
            "too short, too long, a digit wrong, %": [
                100 * sum(wrong) / len(strings)
                for wrong in zip(*((n < 0, n > 0, n == 0 and not r) for n, r in zip(lengths, right.tolist())))
            ],
            "local minima, whole right, %": whole_right(simple, strings),
        }
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
        by_strings, by_windows = continued("strings", train_digits, seed)
        figures[f"seed {seed}"] = {
            "global (VII-C)": judged_on(by_strings, test_digits, 2000),
            "windows (VII-B)": judged_on(by_windows, test_digits, 2000),
        }
    write("global", figures)


def continued(weights, digits, seed, eta_strings=ETA_STRINGS, eta_windows=ETA_WINDOWS):
    """The network of these weights after UPDATES more updates: a string each, and a batch of windows each."""
    noise = PixelInversion(0.1, RECIPES[CHOSEN].noisy)
    by_strings, by_windows = load_weights(weights), load_weights(weights)
    strings = make_strings(digits, UPDATES, (3, 6), jitter=2, seed=10 + seed)
    fit_strings(by_strings, strings, eta=eta_strings, seed=seed, distort=noise, progress=False)
    recipe = RECIPES[CHOSEN]
    count = UPDATES * recipe.batch_size
    windows = string_windows(digits, count, **recipe.windows, seed=10 + seed)
    fit(
        by_windows,
        windows,
        passes=1,
        schedule=(eta_windows,),
        seed=seed,
        batch_size=recipe.batch_size,
        curvature_every=recipe.curvature_every,
        distort=noise,
        progress=False,
    )
    return by_strings, by_windows


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
    for strings, windows in ((1e-4, 1e-3), (3e-5, 3e-4), (1e-5, 1e-4)):
        models = continued(BUILD / f"{CHOSEN}.safetensors", digits.subset(OWN), 0, strings, windows)
        for eta, model in zip((f"strings {strings:g}", f"windows {windows:g}"), models):
            figures[eta] = judged_on(model, digits.subset(HELD_OUT), 100)
    write("choose-rates", figures)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = {
        "choose": choose,
        "choose-rates": choose_rates,
        "package": package,
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
