"""Bring a picture of one digit into MNIST's form: fitted to 20 x 20, centred by mass in 28 x 28 (III-A)."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from .digit_pieces import digit_ink
from .grey import averaged, grey_levels

SIZE, BOX = 28, 20
WORKING_SIZE = 200  # a larger picture is first averaged down to under twice this many pixels a side
LARGE_ENOUGH = 60  # pixels a side: a smaller digit in an averaged picture is looked at again from close by


@dataclass(frozen=True, eq=False)
class Sighting:
    """What was found in a picture, whether or not it was read as a digit.

    view: (top, left, bottom, right), the part of the picture that was looked at in the end, in its pixels.
    grey, ground: float64 (rows, columns), that part averaged down, and the level taken as its ground.
    ink: float64, the same shape, 0 on the ground to 1 on full ink, of the digit alone.
    box: (top, left, bottom, right) of the digit, in pixels of `ink`, or None.
    digit: uint8 (28, 28) in MNIST's form, or None where `refusal` says in a sentence what was seen instead.
    lines: whether printed lines were set aside, pieces of which may be left, or of the digit may be missing.
    """

    view: tuple
    grey: np.ndarray
    ground: np.ndarray
    ink: np.ndarray
    box: tuple | None
    digit: torch.Tensor | None
    refusal: str = ""
    lines: bool = False


def centre_digit(picture):
    """Find the digit in `picture` and return it as uint8 (28, 28), ink 255 on 0, the MNIST way.

    `picture` is a PIL image, or a two-dimensional array or tensor, of any size, dark on light or light on
    dark, with some ground around the digit. Ink is what departs from the ground, whose level may vary
    smoothly, as under uneven light, or in steps, as at the edge of a shadow or a sheet. Printed lines, frames, what
    reaches in from the border, faint marks and specks are set aside; the rest is cropped, fitted to 20 x 20 with
    its aspect kept, and its centre of mass put at the centre of 28 x 28.

    Raises ValueError with a sentence that says what was seen if that is nothing or not one digit, if `picture` is
    not two-dimensional, and for NaN or infinity.
    """
    sighting = find_digit(picture)
    if sighting.digit is None:
        raise ValueError(f"centre_digit: {sighting.refusal}")
    return sighting.digit


def find_digit(picture):
    """The Sighting of `picture`, as `centre_digit` takes it; raises ValueError only for what is no picture."""
    levels = grey_levels(picture)
    return _look(levels, (0, 0, *levels.shape))


def _look(levels, view):
    top, left, bottom, right = view
    part = levels[top:bottom, left:right]
    factor = min(max(max(part.shape) // WORKING_SIZE, 1), *part.shape)
    grey = averaged(part, factor)
    seen = digit_ink(grey)
    if factor > 1 and seen.box and not seen.refusal and max(np.subtract(seen.box[2:], seen.box[:2])) < LARGE_ENOUGH:
        closer = _look(levels, _closer(view, seen.box, factor))
        return replace(closer, lines=closer.lines or seen.lines)
    digit = None
    if not seen.refusal:
        top, left, bottom, right = seen.box
        digit = torch.from_numpy(fit_box(np.round(255 * seen.ink[top:bottom, left:right]).astype(np.uint8)))
    return Sighting(view, grey, seen.ground, seen.ink, seen.box, digit, seen.refusal, seen.lines)


def _closer(view, box, factor):
    """The part of a view around a box in it, with as much ground on each side as half the box's longer side."""
    top, left, bottom, right = (factor * end for end in box)
    margin = max(bottom - top, right - left) // 2
    return (
        max(view[0] + top - margin, view[0]),
        max(view[1] + left - margin, view[1]),
        min(view[0] + bottom + margin, view[2]),
        min(view[1] + right + margin, view[3]),
    )


def fit_box(ink):
    """Ink on 0, uint8 of any size, not all 0, fitted to 20 x 20 and centred by mass: uint8 (28, 28)."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(crop.shape)
    if scale != 1:
        height, width = (max(1, round(side * scale)) for side in crop.shape)
        crop = np.asarray(Image.fromarray(crop).resize((width, height), Image.Resampling.BICUBIC))
        crop = np.round(crop * (255 / crop.max())).astype(np.uint8)  # a thin stroke pales as it shrinks
    # the centres of mass of MNIST's digits lie from 13.5 to 14.5, counting pixels from 0
    top, left = (
        min(max(math.ceil(13.5 - mass), 0), SIZE - side)
        for mass, side in zip(ndimage.center_of_mass(crop), crop.shape, strict=True)
    )
    field = np.zeros((SIZE, SIZE), np.uint8)
    field[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
    return field
