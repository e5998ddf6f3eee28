"""Ground and ink: what the paper's level is at every pixel, and how far a pixel departs from it."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

WIDEST = 0.4  # of a picture's longer side: what is wider than this every way is ground, not ink
CLEAR = 0.1  # of full ink: the box of a digit is that of what is darker, on clean ground
NOISY = 0.4  # ... and where the ground is noisy, or has the halo of a JPEG or a blur


@dataclass(frozen=True)
class Ink:
    """What may be ink in a picture (rows, columns), of one polarity."""

    ground: np.ndarray  # the ground's level, in the picture's units
    departure: np.ndarray  # from the ground towards the ink, in the picture's units, 0 on the ground and beyond it
    noise: float  # standard deviation of the ground, in the picture's units


def both_polarities(grey):
    """Ink darker than its ground and ink lighter than its ground, each an Ink; both empty if nothing stands out.

    The light may vary smoothly, which a surface of second order follows, and in steps, as where a shadow, the
    edge of a sheet or a table crosses the picture, which an opening follows: it keeps whatever is wide.
    """
    light, noise = _light(grey)
    flat = grey - light
    if np.abs(flat).max() <= max(6 * noise, 1e-3 * np.abs(grey).max()):
        flat = np.zeros_like(flat)
    width = max(round(WIDEST * max(grey.shape)), 3)
    return [_ink(sign, grey, sign * flat, width, noise) for sign in (-1, 1)]


def _ink(sign, grey, level, width, noise):
    departure = level - opened(level, width, noise > 0)
    quiet = departure[departure <= departure.max() / 3]
    departure = np.maximum(departure - np.median(quiet), 0)
    return Ink(grey - sign * departure, departure, noise)


def opened(level, width, noisy):
    """What of `level` is at least `width` pixels wide every way, the ground going on beyond the picture's border."""
    smooth = ndimage.median_filter(level, 3) if noisy else level
    padded = np.pad(smooth, width, constant_values=0)
    return ndimage.grey_opening(padded, (width, width))[width:-width, width:-width]


def _light(grey):
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
    return terms @ surface, noise
