"""How a network that reads strings is judged (Section VII); studies/strings.py has the steps."""

import json

import torch

from ..codes import DIGIT_CODES, code_of
from ..data.strings import make_strings
from ..evaluation import evaluate
from ..model import LeNet5
from ..strings import local_minima, read_strings, viterbi
from ..strings.reading import spelled
from ..weights import load_weights
from .read import RESULTS
from .robustness import answers

CODES = torch.cat([DIGIT_CODES, code_of(" ")[None]])
TWINED = (-6, -2)  # gaps of intertwined digits
REJECTED = "wrong of the rest with 5% rejected, %"
THRESHOLD = 24.0  # of the simple rule


def string_figures(name):
    """What a step of the study has written, such as "measured" or "global". FileNotFoundError for no such step."""
    return json.loads((RESULTS / "strings" / f"{name}.json").read_text(encoding="utf-8"))


def reader_from(weights):
    """A network of eleven classes that begins with these weights, a file or a packaged name, of ten classes or more."""
    beginning = load_weights(weights)
    model = LeNet5(beginning.init, beginning.rbf_scale, beginning.seed, codes=CODES)
    model.load_state_dict(beginning.state_dict() | {"rbf.codes": CODES})
    return model


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


def texts_of(penalties, grammar):
    """What the best paths through maps of penalties (N, 11, positions) spell."""
    return [spelled(path)[0] for path in viterbi(penalties, grammar)]


def right_of(model, strings, grammar=None):
    return whole_right([reading.text for reading in read_strings(model, strings.fields, grammar)], strings)


def single_digits(model, digits):
    """Error in percent on single digits as MNIST centres them: among ten classes, and where a blank is wrong too."""
    classes = answers(model, digits.images)
    return {
        "ten classes": evaluate(model, digits).error_rate,
        "with the blank": 100 * (classes != digits.labels).double().mean().item(),
    }


def scores(model, strings, grammar=None):
    """How one kind of strings is read: whole, with rejection, where it goes wrong, and by the simple rule."""
    readings = read_strings(model, strings.fields, grammar)
    right = torch.tensor([reading.text == text for reading, text in zip(readings, strings.texts)])
    surest = torch.tensor([reading.confidence for reading in readings]).argsort(descending=True)
    kept = right[surest[: len(right) * 95 // 100]]
    lengths = torch.tensor([len(reading.text) - len(text) for reading, text in zip(readings, strings.texts)])
    wrong = (lengths < 0, lengths > 0, (lengths == 0) & ~right)
    return {
        "strings": len(strings),
        "whole right, %": percent(right),
        REJECTED: percent(~kept),
        "too short, too long, a digit wrong, %": [percent(kind) for kind in wrong],
        "local minima, whole right, %": whole_right([local_minima(r.penalties, THRESHOLD) for r in readings], strings),
    }


def percent(mask):
    return 100 * mask.double().mean().item()


def score_lines(model, digits, count=500):
    """In words, what part of `count` strings of each kind, made of these digits, is read right."""
    lines = [f"{count} strings of these digits, right from first to last digit:"]
    for kind, strings in string_sets(digits, count, seed=2000).items():
        lines.append(f"{kind:24}{right_of(model, strings):5.1f}%")
    return "\n".join(lines)
