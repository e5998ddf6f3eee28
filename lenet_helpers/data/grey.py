"""Pictures as grey levels: which files are opened, how large they may be, and what becomes of colour and transparency.

What a picture may be is decided by its content, never by the ending of its name.
"""

import warnings

import numpy as np
import torch
from PIL import Image, ImageChops, ImageOps, ImageStat

from ..files import regular

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
MOST_PIXELS = 40_000_000  # to decode; a JPEG is decoded at an eighth, a quarter or half its size where that is enough
ENOUGH = 1600  # pixels a side that a JPEG is decoded to at least
BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"heim": "HEIC", b"heis": "HEIC", b"mif1": "HEIC",
          b"msf1": "HEIC", b"avif": "AVIF", b"avis": "AVIF"}  # fmt: skip


def open_picture(path):
    """The picture in a file as a PIL image, not yet decoded, a JPEG set to be decoded at reduced size.

    Raises OSError where there is no such file, or what is there is none; ValueError for content that is none of FORMATS
    and for more than MOST_PIXELS.
    """
    if not regular(path):  # a named pipe would be waited for
        raise FileNotFoundError("there is no such file")
    try:
        with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):  # judged below
            picture = Image.open(path, formats=FORMATS)
    except Image.DecompressionBombError:
        raise ValueError(f"it has far more than {MOST_PIXELS:,} pixels, the most expected; save it smaller.") from None
    except Image.UnidentifiedImageError:
        raise ValueError(_what_it_is(path)) from None
    picture.draft("L", (ENOUGH, ENOUGH))
    columns, rows = picture.size
    if columns * rows > MOST_PIXELS:
        picture.close()
        raise ValueError(
            f"it has {columns:,} x {rows:,} pixels, expected at most {MOST_PIXELS:,} in all; save it smaller."
        )
    return picture


def _what_it_is(path):
    with open(path, "rb") as file:
        head = file.read(12)
    name = BRANDS.get(head[8:12]) if head[4:8] == b"ftyp" else None
    known = ", ".join(FORMATS[:-1])
    if name:
        return f"it is a picture of the kind {name}, which cannot be read here; save it as JPEG or PNG."
    return f"its content is no whole picture of a kind read here ({known} or {FORMATS[-1]}); save it as JPEG or PNG."


def grey_levels(picture):
    """Grey levels (rows, columns) of a PIL image, upright, or of an array or tensor as it is.

    Transparent pictures are laid on the ground that they stand out from. Raises ValueError for what is no picture.
    """
    if isinstance(picture, torch.Tensor):
        picture = picture.detach().cpu()
    elif isinstance(picture, Image.Image):
        try:
            picture.load()
        except (OSError, SyntaxError) as error:
            raise ValueError(f"its content is damaged ({error}); save it, or copy it, again.") from error
        picture = ImageOps.exif_transpose(picture)  # a camera may store a picture lying on its side
        if picture.has_transparency_data:
            picture = _on_contrasting_ground(picture.convert("LA"))
        elif not picture.mode.startswith(("I", "F")):
            picture = picture.convert("L")
    grey = np.asarray(picture)
    if grey.ndim != 2 or grey.size == 0 or grey.dtype.kind not in "buif":
        raise ValueError(
            f"centre_digit: got an array of shape {grey.shape} and dtype {grey.dtype}, expected (rows, "
            "columns) of numbers; make a picture of a colour array with PIL.Image.fromarray first."
        )
    if grey.dtype.kind == "f" and not np.isfinite(grey).all():
        raise ValueError("got NaN or infinite pixels, expected finite values.")
    return grey


def _on_contrasting_ground(picture):
    """A picture "LA" laid on white if what is visible of it is dark, else on black."""
    grey, alpha = picture.split()
    seen, weight = (ImageStat.Stat(band).mean[0] for band in (ImageChops.multiply(grey, alpha), alpha))
    ground = 255 if 255 * seen < 128 * weight else 0
    return Image.composite(grey, Image.new("L", picture.size, ground), alpha)


def averaged(grey, factor):
    """Means of factor x factor pixels, float64; what is left over at the right and at the bottom is cut off."""
    factor = min(factor, *grey.shape)
    if factor <= 1:
        return grey.astype(np.float64)
    if grey.dtype == np.uint8:  # some ten times faster than the means below
        rows, columns = (side // factor * factor for side in grey.shape)
        return np.asarray(Image.fromarray(grey[:rows, :columns]).reduce(factor), np.float64)
    rows, columns = (side // factor for side in grey.shape)
    blocks = grey[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return blocks.mean(axis=(1, 3), dtype=np.float64)
