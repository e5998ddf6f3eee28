"""Minima, maxima and medians in a window that slides over a picture; SciPy's give the same bits, but slower."""

import numpy as np


def opened(level, width):
    """What of `level` is at least `width` pixels wide every way; beyond the border the ground, 0, goes on."""
    lowest = _sliding(np.minimum, np.pad(level, width), width)
    return _sliding(np.maximum, lowest, width)[1:-1, 1:-1]


def widened(mask, by):
    """The mask with all that lies within `by` pixels of it, corners included."""
    return _sliding(np.logical_or, np.pad(mask, by), 2 * by + 1)


def _sliding(extreme, array, width):
    """The extreme of every width x width window that lies in the array: (rows - width + 1, columns - width + 1)."""
    for _ in range(2):
        length = 1
        while length < width:
            step = min(length, width - length)
            array = extreme(array[:-step], array[step:])
            length += step
        array = array.T
    return array


def median_of_nine(level):
    """The median of each pixel and its eight neighbours, the border mirrored.

    Of three sorted columns of three, it is the median of the greatest least, the middle median and the least greatest.
    """
    padded = np.pad(level, 1, mode="symmetric")
    least, middle, greatest = _sorted(padded[:-2], padded[1:-1], padded[2:])
    beside = [[each[:, start : start + level.shape[1]] for start in range(3)] for each in (least, middle, greatest)]
    return _sorted(_sorted(*beside[0])[2], _sorted(*beside[1])[1], _sorted(*beside[2])[0])[1]


def _sorted(one, two, three):
    low, high = np.minimum(one, two), np.maximum(one, two)
    return np.minimum(low, three), np.maximum(low, np.minimum(high, three)), np.maximum(high, three)
