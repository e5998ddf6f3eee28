"""Bring a picture of a number into the field that the network reads strings in: digits 20 rows tall on 32 rows."""

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from .digits import FIELD
from .normalise import BOX, find_digit
from .strings import MARGIN, STEP

ROOM = FIELD - 2  # rows that a crooked line may take
LONGEST = 40  # times as long as its digits are tall
TALLEST = 2.5  # times as tall as its digits: more is no line, but several, or a page
BLANK = "no digits were found, only ground or small marks, as on a page; expected one number with ground around it."


def find_string(picture):
    """The field uint8 (32, columns) of the number in a picture, which may be what `centre_digit` takes.

    Raises ValueError with a sentence that says what was seen where that is nothing, more than a line, or no picture.
    """
    return string_field(find_ink(picture))


def find_ink(picture):
    """The ink of the number in a picture, as `string_field` takes it; raises ValueError as `find_string` does."""
    sighting = find_digit(picture)
    if sighting.box is None:
        raise ValueError(BLANK)
    top, left, bottom, right = sighting.box
    return np.round(255 * sighting.ink[top:bottom, left:right]).astype(np.uint8)


def string_field(ink):
    """The field uint8 (32, columns) of a line of ink, uint8 (rows, columns) of any size, ink up to 255 on 0.

    The line is cropped and scaled so that the digits are 20 rows tall, smaller where it would not fit into the field,
    and gets ground around it. How tall the digits are is the median over the connected pieces at least half as tall as
    the tallest. Raises ValueError where there is no ink, and for what is far longer or taller than a line of digits.
    """
    return fit_line(ink)[0]


def fit_line(ink):
    """The field of `string_field`, and where the ink lies in it: (field, left, scale).

    Column x of the ink lies at column MARGIN + scale (x - left) of the field.
    """
    ink = np.asarray(ink)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if len(rows) == 0:
        raise ValueError(BLANK)
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    pieces, _ = ndimage.label(crop, structure=np.ones((3, 3)))
    heights = np.array([piece[0].stop - piece[0].start for piece in ndimage.find_objects(pieces)])
    tall = np.median(heights[heights >= heights.max() / 2])
    for side, most, name in ((1, LONGEST, "long"), (0, TALLEST, "tall")):
        if crop.shape[side] > most * tall:
            raise ValueError(
                f"this is {crop.shape[side] / tall:.0f} times as {name} as its digits are tall, expected one number in "
                f"one line, at most {most:g} times as {name}; cut it out."
            )
    scale = min(BOX / tall, ROOM / crop.shape[0])
    height, width = (max(1, round(side * scale)) for side in crop.shape)
    line = np.asarray(Image.fromarray(crop).resize((width, height), Image.Resampling.BICUBIC))
    line = np.round(line * (255 / line.max())).astype(np.uint8)  # a thin stroke pales as it shrinks
    field = np.zeros((FIELD, max(FIELD, -(-(width + 2 * MARGIN) // STEP) * STEP)), np.uint8)
    top = (FIELD - height) // 2
    field[top : top + height, MARGIN : MARGIN + width] = line
    return torch.from_numpy(field), int(columns[0]), width / crop.shape[1]
