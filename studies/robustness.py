"""The study of robustness (Section III-E, Fig. 13); its tables go to results/robustness/.

    python studies/robustness.py measure [NETWORK]    a packaged network, or all of them, on the 10,000 test digits,
                                                      varied; where it reads strings, on strings of five of them too
    python studies/robustness.py noise                networks trained with and without noise, all else the same

Some minutes each on one core.
"""

import argparse
import math
import sys
from itertools import chain

import torch
from pandas import DataFrame
from torch.nn.functional import pad
from tqdm import tqdm

from lenet_helpers import Digits, LeNet5, LinearDecay, fit, load_digits, load_weights
from lenet_helpers.data.digits import FIELD
from lenet_helpers.data.strings import BLANK, STEP, PixelInversion, make_strings
from lenet_helpers.data.variations import VARIATIONS, digit_fields
from lenet_helpers.files import write_whole
from lenet_helpers.strings import read_strings
from lenet_helpers.study.read import RESULTS
from lenet_helpers.study.robustness import answers, best_of_windows, counted, weights_checksum
from lenet_helpers.weights import PACKAGED

STRINGS = 2000  # of five digits each: 10,000 digits
SEED = 0
TALLER = 10  # rows more above and below the field in which shifted digits are looked for
LINE = ("noise", "scale", "rotation", "slant", "stroke width", "shift down")  # variations of a whole line
TRAINED, NOISE = range(3), 10  # seeds of the pairs of networks, and percent of pixels inverted


def seeded():
    return torch.Generator().manual_seed(SEED)


def measure(names):
    """The tables of packaged networks."""
    digits, networks = load_digits("test", "mnist"), {name: load_weights(name) for name in names}
    rows = {name: [] for name in names}
    for name, row in chain(on_digits(networks, digits), in_a_tall_field(networks, digits)):
        rows[name].append(row)
    for name, model in networks.items():
        if len(model.rbf.codes) > BLANK:
            rows[name] += on_strings(model, digits)
        write(name, f"measure {name}", rows[name], f"weights {weights_checksum(model)}")


def amounts_of(names, task):
    """Every variation and amount, under a bar of progress."""
    pairs = [(name, amount) for name in names for amount in VARIATIONS[name].amounts]
    return tqdm(pairs, desc=task, disable=not sys.stderr.isatty())


def on_digits(networks, digits):
    """One window a digit. There is a digit in every one, so the eleventh class, the blank, is wrong."""
    fields = digit_fields(digits.images)
    for variation, amount in amounts_of(VARIATIONS, "digit"):
        varied = VARIATIONS[variation](fields, amount, seeded())
        for name, model in networks.items():
            found = answers(model, varied)
            yield name, counted("digit", variation, amount, found != digits.labels, found == BLANK)


def in_a_tall_field(networks, digits):
    """Shifted digits in a field with room for them: of windows every 4 rows the least penalty of a digit wins."""
    fields = pad(digit_fields(digits.images), (0, 0, TALLER, TALLER))
    for variation, amount in amounts_of(["shift down"], "tall field"):
        varied = VARIATIONS[variation](fields, amount)
        for name, model in networks.items():
            found = best_of_windows(model, varied)
            yield name, counted("tall field", variation, amount, found != digits.labels, found == BLANK)


def on_strings(model, digits):
    """The string reader on lines of five digits, gaps -1 to 4: a string is wrong unless all of it is right.

    A line is varied as a whole, in its field of 32 rows with as many more columns as it needs. Turned as a whole it
    soon leaves the 32 rows, so digits turned each by itself and then put side by side are read too.
    """
    lines = make_strings(digits, STRINGS, (5, 5), seed=SEED)
    for variation, amount in amounts_of(LINE, "string"):
        varied = VARIATIONS[variation](roomy(lines.fields, variation, amount), amount, seeded())
        yield counted("string", variation, amount, *misread(model, varied, lines.texts))
    for variation, amount in amounts_of(["rotation"], "string of turned digits"):
        turned = VARIATIONS[variation](digits.images, amount).round().to(torch.uint8)
        strings = make_strings(Digits(turned, digits.labels, digits.source), STRINGS, (5, 5), seed=SEED)
        found = misread(model, strings.fields, strings.texts)
        yield counted("string of turned digits", variation, amount, *found)


def roomy(fields, variation, amount):
    """Fields (N, 32, columns) with as much more ground on both sides as the variation takes the line into."""
    room = 0
    if variation == "scale":
        room = fields.shape[2] / 2 * max(amount - 1, 0)
    elif variation == "slant":
        room = FIELD / 2 * math.tan(math.radians(abs(amount)))
    return pad(fields, (STEP * math.ceil(room / STEP),) * 2)


def misread(model, fields, texts):
    """Which strings are not read as their text, and as which of them nothing at all is read: two masks (N,)."""
    read = [reading.text for part in fields.split(250) for reading in read_strings(model, part)]
    wrong = torch.tensor([one != other for one, other in zip(read, texts, strict=True)])
    return wrong, torch.tensor([not text for text in read])


def train_on_noise():
    """Pairs of networks of one seed, order, schedule and loss: one of each saw every digit with noise."""
    train, test = (load_digits(split, "mnist") for split in ("train", "test"))
    train, test = (Digits(digit_fields(each.images), each.labels, each.source) for each in (train, test))
    rows = []
    for seed in TRAINED:
        for name, distort in (("without noise", None), ("with noise", PixelInversion(NOISE / 100))):
            model = LeNet5(seed=seed)
            fit(model, train, passes=1, schedule=LinearDecay(passes=1), seed=seed, distort=distort)
            for amount in VARIATIONS["noise"].amounts:
                found = answers(model, VARIATIONS["noise"](test.images, amount, seeded()))
                row = counted("digit", "noise", amount, found != test.labels, found == BLANK)
                rows.append({"trained": name, "seed": seed, **row})
    write("trained_on_noise", "noise", rows)


def write(name, step, rows, *remarks):
    """results/robustness/<name>.csv: how it was made, then a row a count."""
    heading = "".join(f"# {line}\n" for line in (f"python studies/robustness.py {step}", *remarks))
    text = heading + DataFrame(rows).to_csv(index=False, lineterminator="\n")
    write_whole(RESULTS / "robustness" / f"{name}.csv", lambda file: file.write_text(text, encoding="utf-8"))
    print(f"{name}.csv: {len(rows)} rows")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("measure", "noise"))
    parser.add_argument("network", nargs="?", choices=PACKAGED, help="for measure; default: every one")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.step == "noise":
        train_on_noise()
    else:
        measure([options.network] if options.network else PACKAGED)


if __name__ == "__main__":
    main()
