"""Pictures of what is no digit: letters and signs in the fonts that come with matplotlib, an X by hand, scribbles."""

import string

import numpy as np
from kinds import REFUSE
from matplotlib.font_manager import FontProperties, findfont
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from sheets import photographed, placed

FONTS = "DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono", "STIXGeneral", "cmr10"
LOOK_LIKE_DIGITS = "IOSZBGQDlosqzbgiyjT"  # to a reader of digits, who has seen no letters: not asked for
LETTERS = "".join(letter for letter in string.ascii_letters if letter not in LOOK_LIKE_DIGITS)
SIGNS = "+#&@%?=*$<>~"


def letter(rng, digits, choice=LETTERS):
    sign = choice[rng.integers(len(choice))]
    font = ImageFont.truetype(findfont(FontProperties(family=FONTS[rng.integers(len(FONTS))])), 160)
    page = Image.new("L", (400, 400))
    ImageDraw.Draw(page).text((100, 80), sign, 255, font)
    ink = ndimage.rotate(np.asarray(page) / 255, rng.uniform(-10, 10), reshape=False, order=1)
    rows, columns = np.flatnonzero((ink > 0.05).any(1)), np.flatnonzero((ink > 0.05).any(0))
    return photographed(rng, placed(rng, ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])), REFUSE


def sign(rng, digits):
    return letter(rng, digits, SIGNS)


def lines_drawn(rng, points):
    """Ink of strokes through points (x, y), each stroke a list, with a pen."""
    page, pen = Image.new("L", (200, 200)), int(rng.integers(8, 18))
    for stroke in points:
        ImageDraw.Draw(page).line([tuple(map(float, point)) for point in stroke], 255, pen, "curve")
    return photographed(rng, placed(rng, np.asarray(page) / 255))


def cross(rng, digits):
    ends = np.array([[20, 20], [180, 180], [180, 20], [20, 180]]) + rng.uniform(-18, 18, (4, 2))
    return lines_drawn(rng, [ends[:2], ends[2:]]), REFUSE


def scribble(rng, digits):
    angles = np.linspace(0, rng.uniform(20, 40), 160)
    far = 80 * ndimage.gaussian_filter1d(rng.normal(0, 1, (2, 160)), 5)
    at = 100 + 30 * np.stack([np.cos(angles), np.sin(angles)]) + far
    return lines_drawn(rng, [np.clip(at, 8, 192).T]), REFUSE


OTHERS = {"letter": letter, "sign": sign, "cross": cross, "scribble": scribble}
