"""What a reader withstands: fields of digits or strings, all varied by one amount (Section III-E, Fig. 13).

Each variation takes fields (N, rows, columns) of 0 to 255, ink 255 on 0, an amount and a torch.Generator, varies every
field about its middle, and returns float32 of the same shape and range. What leaves the field is lost, what comes in
is background.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch.nn.functional import pad

from .digits import FIELD, SIZE
from .distort import warp
from .strings import PixelInversion

CHUNK = 500  # fields varied at a time
FINE = 4  # strokes are widened on a grid so many times finer: a step there is a quarter of a pixel


@dataclass(frozen=True)
class Variation:
    """One way of varying fields, and the amounts at which it is measured.

    Called with fields (N, rows, columns) of 0 to 255, an amount, and a generator where it draws; float32 of the same
    shape. unit: of the amounts, in words. amounts: in rising order. neutral: the one among them that changes nothing.
    Raises ValueError for fields of another shape, and for an amount that is none.
    """

    vary: Callable
    unit: str
    amounts: tuple
    neutral: float

    def __call__(self, fields, amount, generator=None):
        if fields.ndim != 3:
            raise ValueError(f"Got fields of shape {tuple(fields.shape)}; expected (N, rows, columns).")
        if not math.isfinite(amount):
            raise ValueError(f"Got an amount of {amount}; expected a finite number of: {self.unit}.")
        return torch.cat([self.vary(part.float(), amount, generator) for part in fields.split(CHUNK)])


def digit_fields(images):
    """Digits (N, 28, 28) in the middle of the network's field, (N, 32, 32), for a variation to move in."""
    return pad(images, ((FIELD - SIZE) // 2,) * 4)


def noisy(fields, percent, generator):
    """Each pixel inverted with a probability of so many percent: salt and pepper noise."""
    return PixelInversion(percent / 100)(fields, generator)


def scaled(fields, factor, generator=None):
    """Rows and columns times a factor. Raises ValueError for one that is not above 0."""
    if not factor > 0:
        raise ValueError(f"scale: got factor {factor}; expected above 0.")
    return mapped(fields, [[factor, 0], [0, factor]])


def rotated(fields, degrees, generator=None):
    """Turned anticlockwise. A point is (column, row), and rows count downwards."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return mapped(fields, [[cosine, sine], [-sine, cosine]])


def slanted(fields, degrees, generator=None):
    """Upright strokes lean so many degrees to the right: each row moves sideways, none up or down."""
    return mapped(fields, [[1, -math.tan(math.radians(degrees))], [0, 1]])


def lowered(fields, pixels, generator=None):
    """Moved down."""
    return mapped(fields, [[1, 0], [0, 1]], (0, pixels))


def moved_right(fields, pixels, generator=None):
    """Moved to the right."""
    return mapped(fields, [[1, 0], [0, 1]], (pixels, 0))


def mapped(fields, matrix, shift=(0, 0)):
    """The same affine map of every field: see `warp`."""
    matrix, shift = (torch.tensor(part, dtype=torch.float32, device=fields.device) for part in (matrix, shift))
    return warp(fields, matrix.expand(len(fields), 2, 2), shift.expand(len(fields), 2))


def widened(fields, pixels, generator=None):
    """Strokes wider by so many pixels, thinner below 0, in whole halves: grey dilation or erosion by a disc.

    A pixel is taken for a square of one grey; the disc, of half as many pixels in radius, takes the lightest or the
    darkest grey that it touches; the result is averaged over each pixel. Raises ValueError for other amounts.
    """
    radius = round(abs(pixels) * FINE / 2)
    if 2 * radius != FINE * abs(pixels):
        raise ValueError(f"Got strokes wider by {pixels} pixels; expected whole halves.")
    across = np.arange(-radius, radius + 1)
    disc = (across[:, None] ** 2 + across**2 <= radius**2)[None]
    fine = np.repeat(np.repeat(fields.cpu().numpy(), FINE, 1), FINE, 2)
    filtered = (ndimage.grey_dilation if pixels > 0 else ndimage.grey_erosion)(fine, footprint=disc, mode="nearest")
    count, rows, columns = fields.shape
    averaged = filtered.reshape(count, rows, FINE, columns, FINE).mean((2, 4))
    return torch.from_numpy(averaged).to(fields)


LEANS = (-45, -37.5, -30, -22.5, -15, -7.5, 0, 7.5, 15, 22.5, 30, 37.5, 45)
SHIFTS = (-10, -8, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 8, 10)
VARIATIONS = {
    "noise": Variation(noisy, "pixels inverted (%)", (0, 2.5, 5, 7.5, 10, 12.5, 15, 20, 25, 30), 0),
    "scale": Variation(
        scaled, "times as large", (0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2), 1
    ),
    "rotation": Variation(rotated, "anticlockwise (degrees)", tuple(range(-40, 41, 5)), 0),
    "slant": Variation(slanted, "to the right (degrees)", LEANS, 0),
    "stroke width": Variation(widened, "wider by (pixels)", (-2, -1, -0.5, 0, 0.5, 1, 2, 3), 0),
    "shift down": Variation(lowered, "down (pixels)", SHIFTS, 0),
    "shift right": Variation(moved_right, "to the right (pixels)", SHIFTS, 0),
}
