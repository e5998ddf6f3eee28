"""Twenty pictures of numbers that no network was trained on: ten in print, ten by pen; results/strings/pictures/.

    python studies/string_pictures.py

Print is set in the fonts that come with matplotlib. Pens follow strokes written down below, each time a little bent,
leaning and uneven. Some stand on shaded or grainy ground, some are light on dark, some a little crooked. A picture's
name ends with what it says.
"""

import random
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FOLDER = Path(__file__).resolve().parents[1] / "results" / "strings" / "pictures"
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
PRINTED = (  # font, text, degrees, light on dark, ground
    ("DejaVuSans.ttf", "40731", 0, False, "plain"),
    ("DejaVuSans-Bold.ttf", "2859", 0, False, "shaded"),
    ("DejaVuSans-Oblique.ttf", "60417", 2, False, "plain"),
    ("DejaVuSerif.ttf", "93826", 0, True, "plain"),
    ("DejaVuSerif-Bold.ttf", "5170", -2, False, "grainy"),
    ("DejaVuSansMono.ttf", "384952", 0, False, "shaded"),
    ("DejaVuSerif-Italic.ttf", "7264", 0, False, "grainy"),
    ("STIXGeneral.ttf", "31590", 0, False, "plain"),
    ("STIXGeneralItalic.ttf", "8026", 3, True, "shaded"),
    ("cmr10.ttf", "147", 0, False, "plain"),
)
WRITTEN = (  # pen's width, space between digits, text, degrees, light on dark, ground
    (5, 8, "358", 0, False, "plain"),
    (9, 6, "2071", 0, False, "plain"),
    (4, 10, "94613", 2, False, "shaded"),
    (7, 2, "8250", 0, True, "plain"),
    (6, -3, "4792", 0, False, "grainy"),
    (11, 4, "6038", -2, False, "plain"),
    (5, 14, "175", 0, False, "shaded"),
    (8, 5, "993401", 0, True, "grainy"),
    (6, 0, "2264", 3, False, "plain"),
    (10, 8, "50718", 0, False, "shaded"),
)
STROKES = {  # points of the unit square, from the top left, as a pen would go through them
    "0": [[
        (0.55, 0.0), (0.2, 0.1), (0.05, 0.5), (0.2, 0.9), (0.5, 1.0),
        (0.8, 0.85), (0.9, 0.45), (0.75, 0.1), (0.5, 0.0),
    ]],
    "1": [[(0.35, 0.15), (0.55, 0.0), (0.5, 0.5), (0.45, 1.0)]],
    "2": [[
        (0.1, 0.2), (0.3, 0.02), (0.7, 0.05), (0.8, 0.3), (0.5, 0.6),
        (0.1, 1.0), (0.5, 0.95), (0.9, 0.98),
    ]],
    "3": [[
        (0.15, 0.08), (0.5, 0.0), (0.8, 0.15), (0.7, 0.4), (0.4, 0.48),
        (0.8, 0.6), (0.85, 0.85), (0.5, 1.0), (0.1, 0.9),
    ]],
    "4": [[
        (0.35, 0.0), (0.2, 0.35), (0.05, 0.6), (0.5, 0.6),
        (0.95, 0.57)], [(0.72, 0.2), (0.7, 0.6), (0.65, 1.0),
    ]],
    "5": [[
        (0.85, 0.02), (0.5, 0.03), (0.25, 0.05), (0.2, 0.45), (0.6, 0.4),
        (0.85, 0.65), (0.7, 0.95), (0.1, 0.95),
    ]],
    "6": [[
        (0.7, 0.0), (0.35, 0.25), (0.12, 0.65), (0.3, 0.98), (0.7, 0.95),
        (0.82, 0.7), (0.55, 0.52), (0.15, 0.7),
    ]],
    "7": [[(0.08, 0.06), (0.5, 0.05), (0.88, 0.03), (0.65, 0.5), (0.45, 1.0)]],
    "8": [[
        (0.7, 0.12), (0.4, 0.0), (0.2, 0.2), (0.5, 0.45), (0.8, 0.75), (0.5, 1.0),
        (0.2, 0.8), (0.5, 0.48), (0.75, 0.2), (0.6, 0.04),
    ]],
    "9": [[
        (0.8, 0.2), (0.5, 0.0), (0.2, 0.2), (0.35, 0.48), (0.75, 0.4),
        (0.82, 0.1), (0.75, 0.6), (0.6, 1.0),
    ]],
}  # fmt: skip


def smooth(points, between=8):
    """A curve through the points (Catmull-Rom)."""
    points = np.array([points[0], *points, points[-1]], float)
    t = np.linspace(0, 1, between, endpoint=False)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(points, points[1:], points[2:], points[3:])
    ]
    return np.concatenate([*pieces, points[-1:]])


def printed(font, text):
    """The text as ink 255 on 0, letters 56 pixels high."""
    sheet = Image.new("L", (70 * len(text) + 60, 120))
    ImageDraw.Draw(sheet).text((30, 20), text, 255, ImageFont.truetype(str(FONTS / font), 64))
    return sheet.crop(tuple(np.add(sheet.getbbox(), (-20, -20, 20, 20))))


def written(width, space, text, chance):
    """The text as ink 255 on 0, stroke by stroke with a pen of this width, digits about 60 pixels high."""
    sheet = Image.new("L", (70 * len(text) + 80, 120))
    pen, left = ImageDraw.Draw(sheet), 30
    for digit in text:
        height, lean = chance.uniform(52, 66), chance.uniform(-0.05, 0.25)
        top, across = 30 + chance.uniform(-5, 5), chance.uniform(32, 42)
        columns = []
        for stroke in STROKES[digit]:
            bent = [(x + chance.gauss(0, 0.025), y + chance.gauss(0, 0.02)) for x, y in stroke]
            curve = [(left + across * x + lean * height * (1 - y), top + height * y) for x, y in smooth(bent)]
            columns += [x for x, _ in curve]
            pen.line(curve, 255, width, joint="curve")
            for x, y in (curve[0], curve[-1]):
                pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), 255)
        left += max(columns) - left + width + space
    return sheet.crop(tuple(np.add(sheet.getbbox(), (-20, -20, 20, 20))))


def photographed(ink, degrees, light_on_dark, ground, chance):
    """The ink on a ground, as a camera might see it: uint8 (rows, columns)."""
    ink = ink.rotate(degrees, Image.Resampling.BICUBIC, expand=True).filter(ImageFilter.GaussianBlur(0.8))
    ink = np.asarray(ink, float) / 255
    row, column = np.mgrid[: ink.shape[0], : ink.shape[1]]
    paper = np.full(ink.shape, 235.0)
    if ground == "shaded":
        paper -= 70 * column / ink.shape[1] + 30 * row / ink.shape[0]
    if ground == "grainy":
        paper += np.random.default_rng(chance.randrange(2**32)).normal(0, 6, ink.shape)
    picture = paper * (1 - 0.85 * ink)
    return np.clip(255 - picture if light_on_dark else picture, 0, 255).astype(np.uint8)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    chance = random.Random(7)
    inks = [(printed(font, text), text, *rest) for font, text, *rest in PRINTED]
    inks += [(written(width, space, text, chance), text, *rest) for width, space, text, *rest in WRITTEN]
    for number, (ink, text, *rest) in enumerate(inks, 1):
        picture = Image.fromarray(photographed(ink, *rest, chance))
        picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BOX).save(
            FOLDER / f"{number:02d}_{text}.png", optimize=True
        )


if __name__ == "__main__":
    main()
