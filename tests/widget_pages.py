"""What a widget's page sends, sent by hand; and digits that need no download."""

import base64

import numpy as np
import torch
from PIL import Image, ImageDraw

from lenet_helpers.data.digits import Digits
from lenet_helpers.data.normalise import fit_box
from lenet_helpers.widgets.draw_pad import SIDE


def strokes(count):
    """Made-up digits: thick strokes between random places, with labels that mean nothing."""
    generator = np.random.default_rng(0)
    images = []
    for _ in range(count):
        sheet = Image.new("L", (56, 56))
        ImageDraw.Draw(sheet).line([tuple(place) for place in generator.integers(6, 50, (4, 2)).tolist()], 255, 7)
        images.append(torch.from_numpy(fit_box(np.asarray(sheet))))
    return Digits(torch.stack(images), torch.arange(count) % 10, "strokes")


def drawing(*strokes, width=9, shape=(SIDE, SIDE)):
    """What the page sends of a drawing: ink 255 on 0, rows x columns of `shape`, as bytes.

    strokes: points (x, y) in parts of the sheet's rows from its left upper corner.
    """
    rows, columns = shape
    sheet = Image.new("L", (columns, rows))
    for stroke in strokes:
        ImageDraw.Draw(sheet).line([(x * rows, y * rows) for x, y in stroke], fill=255, width=width, joint="curve")
    return sheet.tobytes()


ONE = drawing([(0.52, 0.15), (0.48, 0.85)])
SEVEN = drawing([(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)])


def ask(pad, image):
    """Send a drawing as the page does, image and serial number in one message."""
    pad.set_state({"image": memoryview(image), "asked": pad.asked + 1})
    assert pad.answered == pad.asked
    return pad.verdict


def post(pad, buffers=(), **content):
    """Send a message as the page does; return what is to be put on the paper, or None."""
    sent, pad.send = [], lambda message: sent.append(message)
    serial = pad.answered + 1
    pad._on_message(pad, {**content, "serial": serial}, list(buffers))
    assert pad.answered == serial
    return base64.b64decode(sent[0]["placed"]) if sent else None
