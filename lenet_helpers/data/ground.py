"""Ground and ink: what the paper's level is at every pixel, and how far a pixel departs from it."""

import numpy as np
from scipy import ndimage

WIDTHS = (0.4, 0.15)  # of a picture's longer side: what is wider than this every way is taken as ground, not ink
NARROWEST = 12  # pixels: in a small picture a stroke may be nearly as wide
CLEAR = 0.1  # of full ink: the box of a digit is that of what is darker, on clean ground
NOISY = 0.4  # ... and where the ground is noisy, or has the halo of a JPEG or a blur


def departure_from_ground(level, width, noise):
    """How far `level` (rows, columns; about 0 on the ground, ink above it) rises above its ground, 0 where it does not.

    The ground is what is wider than `width` of the picture's longer side: a shadow, a table, the sheet on it.
    """
    departure = level - opened(level, max(round(width * max(level.shape)), NARROWEST), noise > 0)
    quiet = departure[departure <= departure.max() / 3]
    return np.maximum(departure - max(np.median(quiet), 0), 0)  # the ground lies in the middle of its noise


def opened(level, width, noisy):
    """What of `level` is at least `width` pixels wide every way, the ground going on beyond the picture's border."""
    smooth = ndimage.median_filter(level, 3) if noisy else level
    padded = np.pad(smooth, width, constant_values=0)
    return ndimage.grey_opening(padded, (width, width))[width:-width, width:-width]


def smooth_light(grey):
    """The light's level (rows, columns), a surface of second order, and its noise (standard deviation).

    Fitted first to the border, without what departs from its median, then to all that lies within the noise.
    """
    row, column = np.meshgrid(*(np.linspace(-1, 1, side) for side in grey.shape), indexing="ij")
    terms = np.stack([np.ones_like(row), row, column, row**2, row * column, column**2], axis=-1)
    every = max(1, max(grey.shape) // 100)  # enough points to fit six numbers to
    points, levels = terms[::every, ::every], grey[::every, ::every]
    border = np.ones(levels.shape, bool)
    border[1:-1, 1:-1] = False
    tolerance = 1e-3 * np.ptp(grey)
    distance = np.abs(levels - np.median(levels[border]))
    ground = border & (distance <= 3 * np.median(distance[border]) + tolerance)
    for _ in range(4):
        surface = np.linalg.lstsq(points[ground], levels[ground], rcond=None)[0]
        distance = np.abs(levels - points @ surface)
        noise = 1.4826 * np.median(distance[ground])
        ground = distance <= 3 * noise + tolerance
    return terms @ surface, noise if noise > tolerance / 1000 else 0.0
