"""Sheets of paper with ink on them: MNIST's digits redrawn at any size, lines, shadows, and the camera; all seeded.

Coverage by ink is a float array (rows, columns), 0 on the sheet to 1 under full ink.
"""

import io

import numpy as np
from PIL import Image
from scipy import ndimage


def stroke(image, height, softness=0.12, pen=None):
    """Coverage by ink 0 to 1 of an MNIST digit redrawn `height` pixels high for its 20; pen: stroke width in pixels."""
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    crop = np.pad(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 3).astype(float) / 255
    scale = height / 20
    large = ndimage.zoom(crop, scale, order=3)
    ink = np.clip((large - 0.5) / max(softness, 1e-3) + 0.5, 0, 1)
    if pen is not None:
        ink = thin(ink > 0.5, pen)
    rows, columns = np.flatnonzero((ink > 0.05).any(1)), np.flatnonzero((ink > 0.05).any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def thin(mask, pen):
    """The mask's middle line drawn with a pen of this width: ridges of the distance to its edge."""
    inside = ndimage.distance_transform_edt(mask)
    smooth = ndimage.gaussian_filter(inside, 1)
    hessian = [ndimage.gaussian_filter(inside, 1.5, order) for order in ((2, 0), (1, 1), (0, 2))]
    trace, root = hessian[0] + hessian[2], np.hypot(hessian[0] - hessian[2], 2 * hessian[1])
    ridge = mask & ((trace - root) / 2 < -0.12) & (smooth > 0.35 * inside.max())
    ridge |= mask & (inside >= ndimage.maximum_filter(inside, 5)) & (smooth > 0.35 * inside.max())
    away = ndimage.distance_transform_edt(~ridge)
    return np.clip(pen / 2 - away + 0.5, 0, 1)


def placed(rng, ink, room=(0.35, 1.2), shape=None):
    """The ink somewhere on a sheet with so much room around it, in its own heights."""
    side = max(ink.shape)
    if shape is None:
        top, bottom, left, right = (round(side * rng.uniform(*room)) for _ in range(4))
        return np.pad(ink, ((top, bottom), (left, right)))
    sheet = np.zeros(shape)
    top, left = (rng.integers(0, whole - part + 1) for whole, part in zip(shape, ink.shape))
    sheet[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return sheet


def photographed(rng, ink, noise=(0, 5), slope=(0, 0.25), blur=(0.3, 1.2), quality=(70, 95), dark=(0.15, 0.5), light=1):
    """A picture of coverage by ink on paper, unevenly lit, blurred, noisy, as JPEG; `light` multiplies the paper."""
    rows, columns = np.mgrid[-1 : 1 : ink.shape[0] * 1j, -1 : 1 : ink.shape[1] * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    paper = rng.uniform(170, 240) * (1 + rng.uniform(*slope) * (np.cos(angle) * rows + np.sin(angle) * columns) / 2)
    picture = paper * light * (1 - (1 - rng.uniform(*dark)) * ink)
    picture = ndimage.gaussian_filter(picture, rng.uniform(*blur)) + rng.normal(0, rng.uniform(*noise), ink.shape)
    return saved(picture, rng.integers(*quality))


def saved(picture, quality=None):
    image = Image.fromarray(np.clip(np.round(picture), 0, 255).astype(np.uint8))
    if quality is None:
        return image
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(quality))
    return Image.open(file)


def shrunk(image, side, quality):
    """An MNIST digit, dark on white with two pixels of ground, at side x side pixels, as JPEG or lossless (None)."""
    picture = Image.fromarray(255 - np.pad(image, 2)).resize((side, side), Image.Resampling.BICUBIC)
    return saved(np.asarray(picture), quality)


def shade(rng, shape, depth, soft):
    """A shadow that falls in from a side or a corner, over a fifth to a half of the sheet."""
    rows, columns = (np.linspace(0, 1, side) for side in shape)
    angle = rng.uniform(0, 2 * np.pi)
    across = np.cos(angle) * (rows[:, None] - 0.5) + np.sin(angle) * (columns - 0.5)
    wave = 0.04 * np.sin(rng.uniform(4, 9) * (np.sin(angle) * rows[:, None] - np.cos(angle) * columns))
    edge = np.quantile(across, rng.uniform(0.5, 0.8))
    return depth / (1 + np.exp(-(across + wave - edge) / rng.uniform(*soft)))


def rules(rng, shape, every, strength):
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    tilted = rows + rng.uniform(-0.02, 0.02) * columns + rng.uniform(0, every)
    return strength * (tilted % every < max(1.5, 0.012 * max(shape)))


def cell(rng, sheet, width, sides=(0, 1, 2, 3), inset=(0.0, 0.08), darkness=(0.5, 1.0)):
    """The sheet with lines along the sides named (top, left, bottom, right), tilted by up to two degrees."""
    lines = np.zeros_like(sheet)
    tilt = rng.uniform(-0.035, 0.035)
    for side in sides:
        turned = np.rot90(lines, side)
        row, column = np.mgrid[0 : turned.shape[0], 0 : turned.shape[1]]
        first = max(sheet.shape) * rng.uniform(*inset)
        turned[np.abs(row - first - tilt * (column - turned.shape[1] / 2) - width / 2) <= width / 2] = 1
    return np.maximum(sheet, rng.uniform(*darkness) * lines)
