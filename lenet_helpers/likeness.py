"""How like a digit an image is, by its loops and by the least of its penalties: measured limits, not one class more."""

import numpy as np
from scipy import ndimage

LOOPS = 4  # closed: none of 9,000 of MNIST's training digits, as `predict` sees them, has so many

DOUBTFUL = 7.5  # half a percent of MNIST's first 5,000 training digits, as `predict` sees them, are above
UNLIKE = 16.2  # ... and none is; one in seven hundred of the test digits read rightly is


def unlike_a_digit(image, penalty=0.0):
    """What to say of an image (28, 28) and its least penalty by the packaged weights "regular", 0 for any others.

    Returns (a sentence or "", whether to refuse).
    """
    loops = closed_loops(image)
    if loops >= LOOPS:
        return f"this does not look like one digit: it closes {loops} loops, and a digit hardly more than two.", True
    if penalty <= DOUBTFUL:
        return "", False
    seen = f"the least penalty is {penalty:.1f}, and that of"
    if penalty <= UNLIKE:
        return f"this may be no digit: {seen} 99.5% of training digits is below {DOUBTFUL}.", False
    return f"this does not look like one digit: {seen} 5,000 training digits is below {UNLIKE}.", True


def closed_loops(image):
    """How many loops the ink of an image, uint8 (rows, columns), closes around two pixels or more."""
    pieces, count = ndimage.label(np.pad(np.asarray(image) < 128, 1, constant_values=True))
    return int((np.bincount(pieces.ravel(), minlength=count + 1)[1:] >= 2).sum()) - 1
