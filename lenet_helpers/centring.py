"""Bring any picture of one digit into MNIST's form: a 20 x 20 box, centred by its mass in 28 x 28 (Section III-A)."""

import math

import numpy as np
import torch
from PIL import Image, ImageOps
from scipy import ndimage

SIZE, BOX = 28, 20
WORKING_SIZE = 400  # a larger picture is first averaged down to fewer pixels a side than twice this
SPECK = 0.02  # a connected piece with less than this share of the ink is dirt


def centre_digit(picture):
    """Find the digit in `picture` and return it as uint8 (28, 28), ink 255 on 0, the MNIST way.

    `picture` is a PIL image or a two-dimensional array or tensor of any size, dark ink on light or light on dark.
    The background is a plane fitted to the border, ink is what departs from it; specks are dropped, the rest is
    cropped, brought to fit 20 x 20 with its aspect kept, and its centre of mass is placed at the centre of 28 x 28.

    Raises ValueError if there is nothing to see, or `picture` is not a two-dimensional picture of finite values.
    """
    return torch.from_numpy(fit_box(_find_ink(_grey(picture))))


def fit_box(ink):
    """uint8 ink on 0, any size, not all 0 -> uint8 (28, 28): fitted to 20 x 20, centre of mass at the centre."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(crop.shape)
    if scale != 1:
        height, width = (max(1, round(side * scale)) for side in crop.shape)
        crop = np.asarray(Image.fromarray(crop).resize((width, height), Image.Resampling.BICUBIC))
    # MNIST's own digits have their mass at 13.5 to 14.5, counting pixels from 0; the box never leaves the picture
    top, left = (
        min(max(math.ceil(13.5 - mass), 0), SIZE - side)
        for mass, side in zip(ndimage.center_of_mass(crop), crop.shape, strict=True)
    )
    field = np.zeros((SIZE, SIZE), np.uint8)
    field[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
    return field


def _grey(picture):
    """float32 (rows, columns) of at most about 2 x WORKING_SIZE pixels a side."""
    if isinstance(picture, Image.Image):
        picture = ImageOps.exif_transpose(picture)
        if picture.has_transparency_data:
            picture = _on_contrasting_ground(picture.convert("LA"))
        elif not picture.mode.startswith(("I", "F")):
            picture = picture.convert("L")
        factor = max(picture.size) // WORKING_SIZE
        if factor > 1 and picture.mode in ("L", "F"):
            picture = picture.reduce(factor)
    grey = np.asarray(picture)
    if grey.ndim != 2 or grey.size == 0 or grey.dtype.kind not in "buif":
        raise ValueError(
            f"centre_digit: got an array of shape {grey.shape} and dtype {grey.dtype}, expected (rows, columns) of "
            "numbers; turn a colour array into a picture with PIL.Image.fromarray first."
        )
    factor = max(grey.shape) // WORKING_SIZE
    if factor > 1:
        grey = _block_means(grey, min(factor, *grey.shape))
    grey = grey.astype(np.float32)
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
    """uint8 (rows, columns): 0 on background, up to 255 on ink; ValueError if nothing departs from the background."""
    rows, columns = np.indices(grey.shape, dtype=np.float32)
    border = np.ones(grey.shape, bool)
    border[1:-1, 1:-1] = False
    plane = np.stack([np.ones_like(rows), rows / grey.shape[0], columns / grey.shape[1]], axis=-1)
    # ink that touches the border departs most from the median, and is left out of the fit
    distance = np.abs(grey[border] - np.median(grey[border]))
    kept = distance <= 3 * np.median(distance)
    departure = grey - plane @ np.linalg.lstsq(plane[border][kept], grey[border][kept], rcond=None)[0]
    if (departure**3).sum() < 0:  # dark ink on a light background
        departure = -departure
    noise = 1.4826 * np.median(np.abs(departure[border]))  # the standard deviation, if ink covers under half of it
    peak = departure.max()
    if peak <= max(6 * noise, 1e-3 * np.abs(grey).max()):
        raise ValueError("centre_digit: got a blank picture, expected one digit that stands out from its background.")
    floor = max(3 * noise, peak / 255)
    ink = np.clip((departure - floor) / (peak - floor), 0, 1)
    pieces, count = ndimage.label(ink > 0, structure=np.ones((3, 3)))
    mass = ndimage.sum_labels(ink, pieces, np.arange(count + 1))
    mass[0] = 0
    ink[(mass < SPECK * mass.sum())[pieces]] = 0
    return (255 * ink).round().astype(np.uint8)
