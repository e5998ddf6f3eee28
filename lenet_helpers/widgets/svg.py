"""Small vector pictures: what a widget shows live, and what stays on the page where no kernel runs.

A picture is a list of SVG marks with a size in pixels and alternative text. Text and lines carry the style's
mid grey, which reads on white and on black, and a class; a live page's style sheet gives that class the
page's own colours.
"""

import base64
import io
import textwrap
from html import escape

import numpy as np
import resvg_py
import torch
from matplotlib.font_manager import findfont
from PIL import Image

from ..data.digits import BACKGROUND, FOREGROUND
from ..plots import FAR, INK, NEAR, PALETTE, SIGNED

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
PNG_FONT = "DejaVu Sans"  # comes with matplotlib, so that a PNG is the same on every machine
DENSITY = 1.6  # pixels of the PNG for each unit of the picture
BLUE_TO_ORANGE, WHITE_TO_DARK = (
    (scale(np.linspace(0, 1, 256))[:, :3] * 255).round().astype(np.uint8).tobytes() for scale in (SIGNED, NEAR)
)
GREYS = np.repeat(np.arange(256, dtype=np.uint8), 3).tobytes()
EXTREME = 1.7159  # the squash's bound, the end of the colour scale of states (Eq. 6)


def mark(name, content="", **attributes):
    """One SVG element; `class_="text"` and `stroke_width=2` become the attributes class and stroke-width."""
    spelled = (f' {key.rstrip("_").replace("_", "-")}="{_number(value)}"' for key, value in attributes.items())
    return f"<{name}{''.join(spelled)}>{content}</{name}>"


def _number(value):
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return escape(str(value))


def text(x, y, words, size=12, anchor="start", colour=None, weight="normal"):
    """A line of text with its baseline at y; without a colour it takes the page's."""
    paint = {"fill": colour} if colour else {"fill": INK, "class_": "text"}
    return mark("text", escape(str(words)), x=x, y=y, font_size=size, text_anchor=anchor, font_weight=weight, **paint)


def paragraph(x, y, words, width, size=12, **more):
    """Lines of text no wider than `width` pixels in any usual font, the first baseline at y."""
    for at, words_of_line in enumerate(textwrap.wrap(words, int(width / (0.58 * size)))):
        yield text(x, y + at * round(1.5 * size), words_of_line, size, **more)


def line(x1, y1, x2, y2, colour=None, width=1.0, **more):
    """A straight line; without a colour a thin rule in the page's."""
    paint = {"stroke": colour} if colour else {"stroke": INK, "class_": "rule"}
    return mark("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke_width=width, **paint, **more)


def bar(x, y, width, height, colour=None, **more):
    """A filled rectangle; without a colour in the page's muted one."""
    paint = {"fill": colour} if colour else {"fill": INK, "fill_opacity": 0.5, "class_": "fill"}
    return mark("rect", x=x, y=y, width=max(0.0, width), height=max(0.0, height), **paint, **more)


def frame(x, y, width, height, colour=PALETTE["green"], stroke=2.0, **more):
    """The outline of a rectangle."""
    return mark("rect", x=x, y=y, width=width, height=height, fill="none", stroke=colour, stroke_width=stroke, **more)


def dot(x, y, radius, colour, **more):
    """A filled circle with its middle at (x, y)."""
    return mark("circle", cx=x, cy=y, r=radius, fill=colour, **more)


def curve(points, colour=None, width=2.0, **more):
    """A line through (x, y) points."""
    paint = {"stroke": colour} if colour else {"stroke": INK, "class_": "rule"}
    places = " ".join(f"{_number(float(x))},{_number(float(y))}" for x, y in points)
    return mark("polyline", points=places, fill="none", stroke_width=width, stroke_linejoin="round", **paint, **more)


def tile(values, x, y, pixel, signed=True, limit=EXTREME):
    """A map of values (rows, columns) as sharp pixels of `pixel` a side.

    signed: blue below zero, orange above, the ends of the scale at -limit and limit; otherwise black at 0 to
    white at limit.
    """
    values = torch.as_tensor(values).detach().cpu().double()
    share = (values / limit + 1) / 2 if signed else values / limit
    rows, columns = values.shape
    return _raster(share, BLUE_TO_ORANGE if signed else GREYS, x, y, columns * pixel, rows * pixel)


def heat(penalties, x, y, width, height, limit=FAR):
    """A map of penalties (classes, positions) as sharp cells: white-hot at 0, dark at limit and above."""
    share = torch.as_tensor(penalties).detach().cpu().double() / limit
    return _raster(share, WHITE_TO_DARK, x, y, width, height)


def _raster(share, colours, x, y, width, height):
    """Shares (rows, columns) from 0 to 1 of a scale of colours, as an image of width x height."""
    image = Image.fromarray((share.numpy().clip(0, 1) * 255).round().astype(np.uint8))
    image.putpalette(colours)
    png = io.BytesIO()
    image.save(png, "png", compress_level=1)
    return mark(
        "image", x=x, y=y, width=width, height=height, preserveAspectRatio="none",
        style="image-rendering:pixelated",
        href=f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}",
    )  # fmt: skip


def field(values, x, y, pixel):
    """A 32 x 32 input field in black (background) and white (foreground)."""
    ink = (torch.as_tensor(values) - BACKGROUND) / (FOREGROUND - BACKGROUND)
    return tile(ink, x, y, pixel, signed=False, limit=1.0)


class Svg:
    """A picture of width x height pixels with alternative text; a notebook shows it as PNG."""

    def __init__(self, width, height, alt):
        self.width, self.height, self.alt = width, height, alt
        self.marks, self.grids = [], []

    def add(self, *marks):
        self.marks += marks
        return self

    def place(self, other, x, y):
        """Put the marks of another picture in this one with its corner at (x, y)."""
        return self.add(mark("g", "".join(other.marks), transform=f"translate({x} {y})"))

    def touch(self, key, x, y, width, height, shape, chosen=None, label="", group=""):
        """An invisible grid of shape (rows, columns) to click, drag over, or walk through with the arrow keys.

        A live page sends {key, row, column} of the place touched. `chosen` is the (row, column) where the arrow
        keys start. Grids of one `group` are one stop of the Tab key; Page Up and Page Down step through them.
        """
        (rows, columns), (row, column) = shape, chosen or (0, 0)
        self.grids.append(mark(
            "rect", x=x, y=y, width=width, height=height, fill="transparent", class_="touch", role="button",
            data_key=key, data_rows=rows, data_columns=columns, data_row=row, data_column=column,
            data_group=group or key, tabindex=0 if chosen or not group else -1, aria_label=label,
        ))  # fmt: skip
        return self

    def markup(self, live=False):
        """The picture as text; live: with its grids, for a page that listens to them."""
        marks, role = (self.marks + self.grids, "group") if live else (self.marks, "img")
        return mark(
            "svg", "".join(marks), xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {self.width} {self.height}",
            width=self.width, height=self.height, role=role, aria_label=self.alt, font_family=FONT,
            style="max-width:100%;height:auto",
        )  # fmt: skip

    def png(self):
        """The picture on a transparent ground, for pages that show no SVG: untrusted notebooks, some sites."""
        return resvg_py.svg_to_bytes(
            self.markup(), zoom=DENSITY, sans_serif_family=PNG_FONT, skip_system_fonts=True,
            font_files=[findfont(f"{PNG_FONT}:{weight}", fallback_to_default=False) for weight in ("normal", "bold")],
        )  # fmt: skip

    def _repr_mimebundle_(self, include=None, exclude=None):
        size = {"width": self.width, "height": self.height, "alt": self.alt}
        return {"image/png": self.png(), "text/plain": self.alt}, {"image/png": size}
