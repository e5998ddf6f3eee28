"""Bring a picture of one digit into MNIST's form: fitted to 20 x 20, centred by mass in 28 x 28 (III-A)."""

import math

import numpy as np
import torch
from PIL import Image, ImageOps
from scipy import ndimage

SIZE, BOX = 28, 20
WORKING_SIZE = 200  # a larger picture is first averaged down to under twice this many pixels a side
SPECK = 0.02  # a piece of ink with less than this share of it is dirt
BLANK = "centre_digit: got a blank picture, expected one digit with ground around it; draw or choose another."


def centre_digit(picture):
    """Find the digit in `picture` and return it as uint8 (28, 28), ink 255 on 0, the MNIST way.

    `picture` is a PIL image, or a two-dimensional array or tensor, of any size, dark on light or light on
    dark, with some ground around the digit. Ink is what departs from the ground, whose level may vary
    smoothly, as under uneven light. Specks are dropped; the rest is cropped, fitted to 20 x 20 with its
    aspect kept, and its centre of mass put at the centre of 28 x 28.

    Raises ValueError if there is nothing to see, if `picture` is not two-dimensional, or for NaN or infinity.
    """
    return torch.from_numpy(fit_box(_find_ink(_grey(picture))))


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


def _grey(picture):
    """float64 (rows, columns), averaged down to under 2 x WORKING_SIZE pixels a side."""
    if isinstance(picture, Image.Image):
        picture = ImageOps.exif_transpose(picture)  # a camera may store a picture lying on its side
        if picture.has_transparency_data:
            picture = picture.convert("LA")
        elif not picture.mode.startswith(("I", "F")):
            picture = picture.convert("L")
        factor = max(picture.size) // WORKING_SIZE
        if factor > 1 and picture.mode in ("L", "LA"):
            picture = picture.reduce(factor)
        if picture.mode == "LA":
            picture = _on_contrasting_ground(picture)
    grey = np.asarray(picture)
    if grey.ndim != 2 or grey.size == 0 or grey.dtype.kind not in "buif":
        raise ValueError(
            f"centre_digit: got an array of shape {grey.shape} and dtype {grey.dtype}, expected (rows, "
            "columns) of numbers; make a picture of a colour array with PIL.Image.fromarray first."
        )
    factor = max(grey.shape) // WORKING_SIZE
    if factor > 1:
        grey = _block_means(grey, min(factor, *grey.shape))
    grey = grey.astype(np.float64)
    if not np.isfinite(grey).all():
        raise ValueError("centre_digit: got NaN or infinite pixels, expected finite values.")
    return grey


def _block_means(grey, factor):
    rows, columns = (side // factor for side in grey.shape)
    blocks = grey[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return blocks.mean(axis=(1, 3), dtype=np.float32)


def _on_contrasting_ground(picture):
    """A picture "LA" laid on white if what is visible of it is dark, else on black."""
    grey, alpha = (np.asarray(band, dtype=np.float32) for band in picture.split())
    visible = (grey * alpha).sum() / max(alpha.sum(), 1)
    ground = Image.new("LA", picture.size, (255 if visible < 128 else 0, 255))
    return Image.alpha_composite(ground.convert("RGBA"), picture.convert("RGBA")).convert("L")


def _find_ink(grey):
    """uint8 (rows, columns): 0 on background, up to 255 on ink; ValueError if nothing stands out from it."""
    background, noise = _background(grey)
    departure = grey - background
    if (departure**3).sum() < 0:  # dark ink on a light background: turn it round
        grey, background, departure = -grey, -background, -departure
    if departure.max() <= max(6 * noise, 1e-3 * np.abs(grey).max()):
        raise ValueError(BLANK)
    # full ink is one level, the ground under it varies: uneven light leaves the strokes equally strong
    contrast = np.maximum(grey.max() - background, departure.max() / 2)
    ink = np.clip((departure - 3 * noise) / (contrast - 3 * noise), 0, 1)
    pieces, count = ndimage.label(ink > 0, structure=np.ones((3, 3)))
    shares = ndimage.sum_labels(ink, pieces, np.arange(count + 1)) / ink.sum()
    ink[shares[pieces] < SPECK] = 0
    if not ink.any():
        raise ValueError(BLANK)
    return np.round(255 * np.clip(ink / np.percentile(ink[ink > 0], 95), 0, 1)).astype(np.uint8)


def _background(grey):
    """The ground's level (rows, columns), a surface of second order, and its noise (standard deviation).

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
