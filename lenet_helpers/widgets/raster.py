"""The pictures of svg.py as PNG, for pages that show no SVG: notebooks not yet trusted, and sites that filter it.

Knows the marks that svg.py makes, and no others.
"""

import base64
import io
import re
from xml.etree import ElementTree

import matplotlib.image
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyBboxPatch, Polygon, Rectangle

INCH = 100  # units of a picture an inch
DENSITY = 160  # pixels an inch: 1.6 for each unit
POINT = 72 / INCH  # points a unit: what matplotlib measures lines and type in
ALIGNED = {"start": "left", "middle": "center", "end": "right"}


def png(markup):
    """A picture's SVG, as `Svg.markup` gives it, drawn by matplotlib on a transparent ground: PNG bytes."""
    root = ElementTree.fromstring(markup)
    width, height = float(root.get("width")), float(root.get("height"))
    figure = Figure(figsize=(width / INCH, height / INCH), dpi=DENSITY)
    axes = figure.add_axes([0, 0, 1, 1])
    axes.set_axis_off()
    _draw_all(axes, root, 0.0, 0.0, 0.0, None)
    axes.set(xlim=(0, width), ylim=(height, 0))
    out = io.BytesIO()
    figure.savefig(out, format="png", transparent=True)
    return out.getvalue()


def _draw_all(axes, parent, left, top, turn, clip):
    for element in parent:
        name = element.tag.split("}")[-1]
        if name == "g":
            x, y = re.match(r"translate\((\S+) (\S+)\)", element.get("transform")).groups()
            angle = re.search(r"rotate\((\S+)\)", element.get("transform"))
            _draw_all(axes, element, left + float(x), top + float(y), float(angle[1]) if angle else turn, clip)
        elif name == "svg":
            inside = Rectangle((left, top), float(element.get("width")), float(element.get("height")))
            inside.set_transform(axes.transData)
            _draw_all(axes, element, left, top, turn, inside)
        else:
            artist = MARKS[name](axes, element, left, top, turn)
            if clip is not None:
                artist.set_clip_path(clip)


def _number(element, name, default=0.0):
    return float(element.get(name, default))


def _paint(element):
    """Fill and stroke of a shape, as matplotlib's patches take them."""
    fill, stroke = element.get("fill", "none"), element.get("stroke", "none")
    return {
        "facecolor": _faded(fill, _number(element, "fill-opacity", 1)),
        "edgecolor": _faded(stroke, _number(element, "stroke-opacity", 1)),
        "linewidth": 0 if stroke == "none" else POINT * _number(element, "stroke-width", 1),
    }


def _faded(colour, opacity):
    return "none" if colour == "none" else (colour, opacity)


def _rectangle(axes, element, left, top, turn):
    x, y = left + _number(element, "x"), top + _number(element, "y")
    radius = min(_number(element, "rx"), _number(element, "width") / 2, _number(element, "height") / 2)
    style = f"round,pad=0,rounding_size={radius}" if radius else "square,pad=0"
    size = _number(element, "width"), _number(element, "height")
    return axes.add_patch(FancyBboxPatch((x, y), *size, boxstyle=style, **_paint(element)))


def _ellipse(axes, element, left, top, turn):
    across, up = (_number(element, name, element.get("r", 0)) for name in ("rx", "ry"))
    middle = left + _number(element, "cx"), top + _number(element, "cy")
    return axes.add_patch(Ellipse(middle, 2 * across, 2 * up, **_paint(element)))


def _points(element, left, top):
    pairs = (pair.split(",") for pair in element.get("points").split())
    return [(left + float(x), top + float(y)) for x, y in pairs]


def _polygon(axes, element, left, top, turn):
    return axes.add_patch(Polygon(_points(element, left, top), closed=True, **_paint(element)))


def _stroke(axes, points, element):
    dashes = [float(length) for length in element.get("stroke-dasharray", "").split()]
    (line,) = axes.plot(
        *zip(*points, strict=True), color=element.get("stroke"), alpha=_number(element, "stroke-opacity", 1),
        linewidth=POINT * _number(element, "stroke-width", 1), solid_capstyle="butt", solid_joinstyle="round",
    )  # fmt: skip
    if dashes and dashes[1]:
        line.set_dashes([POINT * length / line.get_linewidth() for length in dashes])
    return line


def _polyline(axes, element, left, top, turn):
    return _stroke(axes, _points(element, left, top), element)


def _line(axes, element, left, top, turn):
    ends = [(left + _number(element, f"x{end}"), top + _number(element, f"y{end}")) for end in (1, 2)]
    return _stroke(axes, ends, element)


def _text(axes, element, left, top, turn):
    return axes.text(
        left + _number(element, "x"), top + _number(element, "y"), (element.text or "").replace("$", r"\$"),
        fontsize=POINT * _number(element, "font-size", 12), color=element.get("fill"), rotation=-turn,
        ha=ALIGNED[element.get("text-anchor", "start")], va="baseline", rotation_mode="anchor",
        fontweight=element.get("font-weight", "normal"),
    )  # fmt: skip


def _image(axes, element, left, top, turn):
    pixels = matplotlib.image.imread(io.BytesIO(base64.b64decode(element.get("href").split(",")[1])), format="png")
    x, y = left + _number(element, "x"), top + _number(element, "y")
    extent = (x, x + _number(element, "width"), y + _number(element, "height"), y)
    return axes.imshow(pixels, extent=extent, interpolation="nearest", aspect="auto")


MARKS = {
    "rect": _rectangle, "circle": _ellipse, "ellipse": _ellipse, "polygon": _polygon, "polyline": _polyline,
    "line": _line, "text": _text, "image": _image,
}  # fmt: skip
