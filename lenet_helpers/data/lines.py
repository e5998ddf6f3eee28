"""Printed lines in a mask of ink: rules, squared paper, the sides of a cell or a frame."""

import numpy as np
from scipy import ndimage

from .ground import widened

THIN, THICK = 0.05, 0.1  # of a picture's longer side: a line is no wider, and a frame's along the border
LINE = 0.6  # of a picture's width or height: what is thin and straight over more of it is a printed line
OPEN, ACROSS = 0.35, 0.95  # ... or over so much, where all but so little of the rest is hidden by wider ink
SHORT = 0.05  # of it: how far from a border such a line may end
BODY = 0.3  # of it: what is left of a digit without a stroke that lies like a line is longer
END = 2  # widths of a line: what meets it so near to its end it ends in
SLOPES = np.linspace(-0.09, 0.09, 19)  # of printed lines, up to 5 degrees


def printed_lines(mask):
    """The pixels of lines that cross the picture, upright or level to within 5 degrees, without what crosses them.

    A line across a picture may be a stroke of a digit that fills it, the foot of a 2 or the bar of a 4. What ends in
    the rest of the digit is one; other lines are printed where there are two or more from border to border, or where
    one runs along a border or is thinner than half the widest stroke.
    Where there are lines, a thicker one along a border is of the same frame.
    """
    lines, uncertain = np.zeros_like(mask), []
    for pixels, width, at_border in _no_strokes(mask, list(_lines(mask, THIN))):
        if at_border or width < thickness(mask) / 2:
            lines |= pixels
        elif _reaches_across(pixels):
            uncertain.append(pixels)
    if len(uncertain) > 1 or uncertain and lines.any():
        lines |= np.logical_or.reduce(uncertain)
    if lines.any():
        thick = _no_strokes(mask, [line for line in _lines(mask, THICK) if line[2]])
        lines = np.logical_or.reduce([lines, *(pixels for pixels, *_ in thick)])
    return lines


def _no_strokes(mask, lines):
    """The lines (pixels, width, whether along a border) that are no strokes of the digit, which end in the rest of it.

    A printed line goes on beyond what it meets; the bar of a 7 or a 5 and the foot of a 2 do not.
    """
    while lines:
        body = widened(_body(mask & ~np.logical_or.reduce([pixels for pixels, *_ in lines])), 2)
        hair = thickness(mask) / 3
        others = [line for line in lines if line[1] < hair or not _ends_in(*line[:2], body)]
        if len(others) == len(lines):
            break
        lines = others
    return lines


def _body(mask):
    """The largest piece of a mask, or nothing where that is short both ways, as the corner of a frame is."""
    pieces, count = ndimage.label(mask, structure=np.ones((3, 3)))
    if count == 0:
        return mask
    largest = pieces == np.bincount(pieces[mask]).argmax()
    long = [np.ptp(np.flatnonzero(largest.any(axis=1 - axis))) >= BODY * mask.shape[axis] for axis in (0, 1)]
    return largest & any(long)


def _ends_in(pixels, width, body):
    """Whether a line meets the body within END widths of either of its ends."""
    place = np.nonzero(pixels)
    along = max(place, key=np.ptp)
    ends = (along <= along.min() + END * width) | (along >= along.max() - END * width)
    return body[place][ends].any()


def _lines(mask, widest):
    """(pixels, width, whether along a border) of each line across the picture, level or upright."""
    for turned in (False, True):
        for pixels, width, place in _level_lines(mask.T if turned else mask, widest):
            yield pixels.T if turned else pixels, width, min(place, 1 - place) < 0.12


def _reaches_across(pixels):
    """Whether a line goes from border to border, as a stroke hardly does."""
    spans = (np.flatnonzero(pixels.any(axis=axis)) for axis in (0, 1))
    return any(
        at[0] <= SHORT * side and at[-1] >= (1 - SHORT) * side
        for at, side in zip(spans, pixels.shape[::-1], strict=True)
    )


def _level_lines(mask, widest):
    """(pixels, width, place from 0 at the top to 1) of each line across the picture from left to right."""
    rows, columns = mask.shape
    thickness = _runs(mask)
    thin = mask & (thickness <= max(widest * max(mask.shape), 1))
    column = np.arange(columns)
    wide = ndimage.maximum_filter1d(thin.astype(np.uint8), 3, axis=0)  # a line may wander by a pixel
    some = slice(None, None, max(columns // 100, 1))  # enough columns to see a line by
    away = column[some] - columns / 2
    coverage = _coverage(wide[:, some], away, OPEN)
    if coverage.any():
        hidden = _coverage((wide | mask)[:, some], away, ACROSS)
        coverage[(coverage < LINE) & ((coverage < OPEN) | (hidden < ACROSS))] = 0
    while coverage.max() > 0:
        slope, row = np.unravel_index(coverage.argmax(), coverage.shape)
        at = row + np.round(SLOPES[slope] * (column - columns / 2)).astype(int)
        near = np.abs(np.arange(rows)[:, None] - at)
        width = np.median(thickness[thin & (near <= 1)])
        reach = int(width) + 1
        yield thin & (near <= reach) & (thickness <= 1.5 * reach), width, row / rows
        coverage[:, max(row - 2 * reach, 0) : row + 2 * reach + 1] = 0


def _coverage(mask, away, least):
    """The share of the columns, `away` from the middle one, that a line of each slope meets ink in: (slopes, rows).

    All 0 where none can be as large as `least`.
    """
    row, column = np.nonzero(mask)
    rows, coverage = len(mask), np.zeros((len(SLOPES), len(mask)))
    if mask.any(axis=0).mean() < least:
        return coverage
    for slope, found in zip(SLOPES, coverage, strict=True):
        at = row - np.round(slope * away).astype(int)[column]  # where the line crosses the middle column
        found += np.bincount(at[(at >= 0) & (at < rows)], minlength=rows) / len(away)
    return coverage


def thickness(mask):
    """Of the widest stroke of a mask, in pixels: twice the largest distance to what is not in it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return 0.0
    inked = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return 2 * ndimage.distance_transform_edt(np.pad(inked, 1)).max()


def _runs(mask):
    """How many pixels of the mask follow each other up and down at each of its pixels."""
    upright = np.array([[0, 1, 0]] * 3)
    labels, count = ndimage.label(mask, structure=upright)
    return np.bincount(labels.ravel(), minlength=count + 1)[labels] * mask
