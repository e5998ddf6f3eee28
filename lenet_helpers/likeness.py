"""How like a digit an image is, by its shape and by the least of its penalties, and how far a number read is to be
trusted: measured limits, not one class more.

The limits of a digit are those of `studies/likeness.py`; what it measured on MNIST's training digits is in
results/likeness.json. Those of a number are of `studies/strings.py choose-limits`.
"""

import numpy as np
from scipy import ndimage

from .data.strings import BLANK
from .strings.reading import runs_along

LOOPS = 4  # closed: five of MNIST's 60,000 training digits have so many
DOUBTFUL = 7.5  # of the least penalty: half a percent of 5,000 training digits, as `predict` sees them, are above
UNLIKE = 16.2  # ... and none is
CROSSING, INKED, EMPTY = 0.3, 0.05, 0.1  # of a 25th of the box: strokes cross there, one ends there, none is there
# A number is rejected that has less of all readings, or a digit whose penalty is above this at every window. Of the
# limits that reject at most 5% of held-out strings, these leave the fewest wrong.
LEAST_CONFIDENCE, MOST_PENALTY = 0.7, 24.0


def unlike_a_digit(image, penalty=0.0, lines=False):
    """What to say of an image (28, 28) and its least penalty by the packaged weights "regular", 0 for any others.

    lines: whether printed lines were taken away from beside it; then what is doubtful otherwise is refused, for that
    is what it looks like where too much or too little was taken.
    Returns (a sentence or "", whether to refuse).
    """
    loops = closed_loops(image)
    if loops >= LOOPS:
        return f"this does not look like one digit: it closes {loops} loops, and a digit hardly more than two.", True
    if is_cross(image):
        return "this does not look like one digit: it is a cross.", True
    if penalty <= DOUBTFUL:
        return "", False
    seen = f"the least penalty is {penalty:.1f}, and that of"
    if lines:
        return f"a digit cannot be told from the lines: {seen} 99.5% of training digits is below {DOUBTFUL}.", True
    if penalty <= UNLIKE:
        return f"this may be no digit: {seen} 99.5% of training digits is below {DOUBTFUL}.", False
    return f"this does not look like one digit: {seen} 5,000 training digits is below {UNLIKE}.", True


def unlike_a_number(reading):
    """What to say of a strings.Reading by the packaged weights "strings", its text not empty.

    What is beyond a limit is doubtful; what is more likely wrong than right, its confidence below a half, is refused.
    Returns (a sentence or "", whether to refuse).
    """
    worst, confidence = worst_penalty(reading), reading.confidence
    if confidence < 0.5:
        return f"this is rather another number, or none: at best {reading.text}, confidence {confidence:.3f}.", True
    if worst > MOST_PENALTY:
        return f"not all of it may be digits: the penalty of one is {worst:.1f}, above {MOST_PENALTY:g}.", False
    return ("this may be another number." if confidence < LEAST_CONFIDENCE else ""), False


def worst_penalty(reading):
    """The largest, over the digits of a strings.Reading, of the least penalty along a digit's run."""
    digits = (run for run in runs_along(reading.path) if run[0] != BLANK)
    return max(reading.penalties[digit, first : last + 1].min().item() for digit, first, last in digits)


def closed_loops(image):
    """How many loops the ink of an image, uint8 (rows, columns), closes around two pixels or more."""
    pieces, count = ndimage.label(np.pad(np.asarray(image) < 128, 1, constant_values=True))
    return int((np.bincount(pieces.ravel(), minlength=count + 1)[1:] >= 2).sum()) - 1


def is_cross(image):
    """Whether the ink of an image, uint8 (rows, columns), is an X or a +: arms from the middle of its box to the
    corners with nothing at the middles of its sides, or the other way round; one of the 60,000 is."""
    share = shares(np.asarray(image) >= 128, 5)
    if share is None or share[2, 2] <= CROSSING:
        return False
    corners, middles = share[::4, ::4], share[[0, 2, 2, 4], [2, 0, 4, 2]]
    sides = share[0, 1:4].max(), share[4, 1:4].max(), share[1:4, 0].max(), share[1:4, 4].max()
    between = max(share[1:4:2, 1:4:2].max(), corners.max())
    return bool(corners.min() > INKED and middles.max() < EMPTY or min(sides) > INKED and between < EMPTY)


def shares(mask, count):
    """The share of ink in each of count x count equal parts of the ink's box; None without ink."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = box.shape
    parts = np.kron(box, np.ones((count, count), bool))  # so that both sides can be divided by count
    return parts.reshape(count, height, count, width).mean(axis=(1, 3))
