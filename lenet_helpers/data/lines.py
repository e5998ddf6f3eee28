"""Printed lines in a mask of ink: rules, squared paper, the sides of a cell or a frame."""

import numpy as np
from scipy import ndimage

LINE = 0.75  # of a picture's width or height: what is thin and straight over more of it is a printed line
SLOPES = np.linspace(-0.09, 0.09, 19)  # of printed lines, up to 5 degrees


def printed_lines(mask):
    """The pixels of lines that cross the picture, upright or level to within 5 degrees, without what crosses them.

    One line across a picture may be a stroke of a digit that fills it, the foot of a 2 or the bar of a 4. Lines are
    lines where there are two of them that run alike, or one along a border.
    """
    return _level_lines(mask) | _level_lines(mask.T).T


def _level_lines(mask):
    rows, columns = mask.shape
    thickness = _runs(mask)
    thin = mask & (thickness <= max(0.05 * max(mask.shape), 1))
    column = np.arange(columns)
    lines, places = np.zeros_like(mask), []
    wide = ndimage.maximum_filter1d(thin.astype(np.uint8), 3, axis=0)  # a line may wander by a pixel
    coverage = np.stack([_sheared(wide, slope).mean(axis=1) for slope in SLOPES])
    while coverage.max() >= LINE:
        slope, row = np.unravel_index(coverage.argmax(), coverage.shape)
        at = row + np.round(SLOPES[slope] * (column - columns / 2)).astype(int)
        inside = (at >= 0) & (at < rows)
        on = thickness[at[inside], column[inside]][thin[at[inside], column[inside]]]
        reach = int(np.median(on)) + 1 if len(on) else 1
        near = np.abs(np.arange(rows)[:, None] - at) <= reach
        lines |= thin & near & (thickness <= 2 * reach)
        places.append(row)
        coverage[:, max(row - 2 * reach, 0) : row + 2 * reach + 1] = 0
    alone = len(places) == 1 and 0.12 * rows < places[0] < 0.88 * rows
    return np.zeros_like(mask) if alone else lines


def _sheared(mask, slope):
    rows, columns = mask.shape
    at = np.arange(rows)[:, None] + np.round(slope * (np.arange(columns) - columns / 2)).astype(int)
    return np.where((at >= 0) & (at < rows), mask[np.clip(at, 0, rows - 1), np.arange(columns)], 0)


def _runs(mask):
    """How many pixels of the mask follow each other up and down at each of its pixels."""
    upright = np.array([[0, 1, 0]] * 3)
    labels, count = ndimage.label(mask, structure=upright)
    return np.bincount(labels.ravel(), minlength=count + 1)[labels] * mask
