"""How a picture was read, as a figure: what was taken as ground and ink, the box, the field and the answer."""

import numpy as np
from matplotlib.patches import Rectangle

from .data.digits import to_input
from .plots import INK, PALETTE, figure, penalties, picture


def explanation(name, sighting, answer=None):
    """A Figure of a picture's Sighting and its ten penalties (10,), None where it was refused: six panels.

    The picture, or the part of it that was looked at from close by; its ground; the digit's ink and box; the pixels
    set aside; the field (32, 32) that the network sees; the penalties.
    """
    fig, axes = figure(2, 3, height=5.6)
    grey, ground, ink = sighting.grey, sighting.ground, sighting.ink
    limits = {"vmin": min(grey.min(), ground.min()), "vmax": max(grey.max(), ground.max())}
    picture(axes[0, 0], grey, "the picture, as grey levels", **limits)
    picture(axes[0, 1], ground, "taken as ground", **limits)
    picture(axes[0, 2], 1 - ink, "taken as the digit's ink", vmin=0, vmax=1)
    for ax in (axes[0, 0], axes[0, 2]):
        if sighting.box:
            top, left, bottom, right = sighting.box
            ax.add_patch(
                Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False, edgecolor=PALETTE["orange"])
            )
    field, bars, words = axes[1]
    words.set_axis_off()
    if sighting.digit is None:
        for ax in (field, bars):
            ax.set_axis_off()
        said = f"Not read: {sighting.refusal}"
    else:
        picture(field, to_input(sighting.digit)[0, 0], "what the network sees, 32 x 32", vmin=-0.1, vmax=1.175)
        penalties(bars, answer)
        said = f"Read as {int(np.argmin(answer))}: the class of least penalty."
    words.text(0, 0.5, said, color=INK, wrap=True, va="center", transform=words.transAxes)
    fig.suptitle(name, color=INK)
    return fig
