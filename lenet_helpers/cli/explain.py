"""How a picture was read, as a figure: what was taken as ground and ink, the box, the field and the answer."""

import textwrap

from ..data.digits import to_input
from ..files import write_whole
from ..plots import DPI, INK, PALETTE, figure, penalties, picture


def explanation(name, sighting, values=None):
    """A Figure of a picture's Sighting and its penalties `values` (10,), None where it was refused.

    Above: the picture's grey levels, or those of the part that was looked at from close by; the level taken as ground;
    the ink taken as the digit's, and its box. Below: the field (32, 32) that the network sees, the ten penalties.
    """
    fig, axes = figure(2, 3, height=5.8)
    (grey, ground, ink), (field, bars, words) = axes
    limits = {"vmin": sighting.grey.min(), "vmax": sighting.grey.max()}
    picture(grey, sighting.grey, "grey levels, and the box", **limits)
    picture(ground, sighting.ground, "taken as ground", **limits)
    picture(ink, sighting.ink, "taken as the digit's ink", vmin=0, vmax=1)
    if sighting.box:
        top, left, bottom, right = (end - 0.5 for end in sighting.box)
        for ax in (grey, ink):
            ax.plot([left, right, right, left, left], [top, top, bottom, bottom, top], color=PALETTE["orange"])
    words.set_axis_off()
    if values is None:
        field.set_axis_off()
        bars.set_axis_off()
        words = field
        said = f"Not read: {sighting.refusal}"
    else:
        picture(field, to_input(sighting.digit)[0, 0], "the field, 32 x 32", vmin=-0.1, vmax=1.175)
        penalties(bars, values)
        bars.set_title("penalties", color=INK)
        said = f"Read as {int(values.argmin())}: its penalty, {values.min():.1f}, is the least."
    words.text(0, 0.5, textwrap.fill(said, 32), va="center", fontsize=12, transform=words.transAxes, parse_math=False)
    top, left, bottom, right = sighting.view
    shown = str(name).encode("utf-8", "backslashreplace").decode("utf-8")
    fig.suptitle(f"{shown}, rows {top} to {bottom}, columns {left} to {right}", fontsize=10, parse_math=False)
    return fig


def save_explanation(path, name, sighting, values=None):
    """Write the explanation as a PNG on white, whole or not at all; raises OSError where it cannot be written."""
    fig = explanation(name, sighting, values)
    write_whole(path, lambda temporary: fig.savefig(temporary, format="png", dpi=DPI, facecolor="white"))
