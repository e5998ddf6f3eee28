"""Ground and ink: what the paper's level is at every pixel, and how far a pixel departs from it."""

import numpy as np
from scipy import ndimage

WIDTHS = (0.4, 0.15)  # of a picture's longer side: what is wider than this every way is taken as ground, not ink
GRAIN = 4  # times as far as neighbours lie apart, levels lie around an uneven light
ROUNDS = 6  # of fitting the light to what lies within its noise
NARROWEST = 12  # pixels: in a small picture a stroke may be nearly as wide
CLEAR = 0.1  # of full ink: the box of a digit is that of what is darker, on clean ground
NOISY = 0.4  # ... and where the ground is noisy, or has the halo of a JPEG or a blur


def departure_from_ground(level, smooth, width):
    """How far `level` (rows, columns; about 0 on the ground, ink above it) rises above its ground, 0 where it does not.

    smooth: the level without its noise. The ground is what of it is wider than `width` of the picture's longer side: a
    shadow, a table, the sheet on it.
    """
    departure = level - opened(smooth, max(round(width * max(level.shape)), NARROWEST))
    quiet = departure[departure <= departure.max() / 3]
    return np.maximum(departure - max(np.median(quiet), 0), 0)  # the ground lies in the middle of its noise


def opened(level, width):
    """What of `level` is at least `width` pixels wide every way; beyond the border the ground, 0, goes on."""
    inner = slice(width, -width)
    return ndimage.grey_opening(np.pad(level, width), (width, width))[inner, inner]


def widened(mask, by):
    """The mask with all that lies within `by` pixels of it, corners included."""
    return ndimage.maximum_filter(mask, 2 * by + 1, mode="constant")


def smooth_light(grey):
    """The light's level (rows, columns), a surface of second order, and its noise (standard deviation).

    Fitted first to the whole picture, or to its border where that varies less, without what departs from the median;
    then to all that lies within the noise.
    """
    row, column = np.linspace(-1, 1, grey.shape[0])[:, None], np.linspace(-1, 1, grey.shape[1])
    every = max(1, max(grey.shape) // 100)  # enough points to fit six numbers to
    points, levels = _second_order(row[::every], column[::every]), grey[::every, ::every]
    border = np.ones(levels.shape, bool)
    border[1:-1, 1:-1] = False
    tolerance = 1e-3 * np.ptp(grey)
    spread, distance, where = min(
        (_spread(levels, where) for where in (np.ones_like(border), border)), key=lambda found: found[0]
    )
    ground = where & (distance <= 2 * spread + tolerance)
    for _ in range(ROUNDS):
        inside = points[ground]
        surface = np.linalg.lstsq(inside.T @ inside, inside.T @ levels[ground], rcond=None)[0]
        distance = np.abs(levels - points @ surface)
        noise = 1.4826 * np.median(distance[ground])
        ground = distance <= 2 * noise + tolerance
    level, down, right, down_down, down_right, right_right = surface
    light = level + down * row + down_down * row**2 + (right + down_right * row) * column + right_right * column**2
    return light, noise if noise > tolerance / 1000 else 0.0


def is_uneven(grey, noise):
    """Whether the noise around the fitted light is more than that of neighbours: the steps of a shadow, a pattern."""
    grain = np.median(np.abs(grey - ndimage.median_filter(grey, 3)))
    return max(GRAIN * grain, 0.02 * np.ptp(grey)) < noise and np.ptp(grey) > 0


def _spread(levels, where):
    """The median distance from the median of the levels there, the distance of every level from it, and `where`."""
    distance = np.abs(levels - np.median(levels[where]))
    return np.median(distance[where]), distance, where


def _second_order(row, column):
    """The six terms of a surface of second order, (rows, columns, 6)."""
    ones = np.ones((len(row), len(column)))
    return np.stack([ones, row * ones, column * ones, row**2 * ones, row * column, column**2 * ones], axis=-1)
