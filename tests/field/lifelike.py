"""Life-like pictures of MNIST's test digits (kinds.py, cells.py) and of others (others.py), read as `predict` does.

`python tests/field/lifelike.py SEED COUNT [KIND ...]` reads COUNT pictures of each kind, or of those named, and prints
how many came out right, were refused and were wrong.
"""

import sys

import numpy as np
import torch
from cells import CELLS
from kinds import KINDS, REFUSE
from others import OTHERS

EVERY = KINDS | CELLS | OTHERS


def pictures(kind, seed, count, test):
    """`count` pictures of a kind with what is right for each; the same seed makes the same pictures."""
    rng = np.random.default_rng([seed, list(EVERY).index(kind)])

    def digits():
        place = int(rng.integers(len(test)))
        return test.images[place].numpy(), int(test.labels[place])

    return [EVERY[kind](rng, digits) for _ in range(count)]


def judged(kind, seed, count, test, read):
    """(right, refused, wrong) of `count` pictures; `read` gives a label, or REFUSE."""
    right = refused = wrong = 0
    for picture, expected in pictures(kind, seed, count, test):
        answer = read(picture)
        right += answer == expected
        refused += answer == REFUSE and expected != REFUSE
        wrong += answer not in (REFUSE, expected)
    return right, refused, wrong


def reader():
    """What `predict` answers for a picture."""
    from lenet_helpers import load_weights, to_input
    from lenet_helpers.data.normalise import find_digit
    from lenet_helpers.likeness import unlike_a_digit

    model = load_weights()

    def read(picture):
        sighting = find_digit(picture)
        if sighting.digit is None:
            return REFUSE
        with torch.no_grad():
            penalties = model(to_input(sighting.digit))[0]
        refused = unlike_a_digit(sighting.digit, penalties.min().item(), sighting.lines)[1]
        return REFUSE if refused else int(penalties.argmin())

    return read


def main(seed, count, *kinds):
    from lenet_helpers import load_digits

    test, read, total = load_digits("test", "mnist"), reader(), np.zeros(3, int)
    print(f"seed {seed}, {count} pictures of each kind\n{'kind':22}{'right':>7}{'refused':>9}{'wrong':>7}")
    for kind in kinds or EVERY:
        counts = judged(kind, seed, count, test, read)
        total += counts
        print("{:22}{:7}{:9}{:7}".format(kind, *counts), flush=True)
    print("{:22}{:7}{:9}{:7}".format("all", *total))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
