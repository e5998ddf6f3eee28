"""A sheet to draw on, whatever is read of it."""

import base64
import math

import numpy as np
import traitlets
from PIL import Image

from .base import Answering, asset


class Pad(Answering):
    """A sheet on the page to draw on with mouse, pen, finger or keyboard; as the pen lifts, `answer` reads it.

    A subclass says what is drawn (`thing`) and in which `shape` it wants that, and defines `answer`, `_sample` and
    `_opened`.
    The browser keeps the drawing under `name`, so that a restarted kernel or a reloaded page loses none.
    """

    _esm = asset("kernel.js", "sheet.js", "pad.js")
    name = traitlets.Unicode("pad").tag(sync=True)
    thing = traitlets.Unicode().tag(sync=True)  # "digit" or "number": the page's sheet is as wide
    shape = traitlets.List(traitlets.Int()).tag(sync=True)  # rows and columns of the drawing as the kernel gets it
    # ink 255 on 0, written by the page; it arrives as a memoryview
    image = traitlets.Bytes().tag(sync=True, echo_update=False, from_json=lambda data, _: bytes(data))
    verdict = traitlets.Unicode().tag(sync=True)
    remark = traitlets.Unicode().tag(sync=True)

    def __init__(self, name):
        super().__init__(name=name, image=bytes(math.prod(self.shape)))
        self.on_msg(self._on_message)

    def drawn(self):
        """The drawing, uint8 of `shape`, ink 255 on 0. Raises ValueError where the page has sent something else."""
        rows, columns = self.shape
        if len(self.image) != rows * columns:
            raise ValueError(
                f"The page sent a drawing of {len(self.image):,} bytes; expected {rows} rows of {columns}: "
                "reload the page."
            )
        return np.frombuffer(self.image, np.uint8).reshape(rows, columns)

    def _on_message(self, _, content, buffers):
        """Put a sample or an opened picture on the sheet; the page then asks for it to be read."""
        with self.reporting(content["serial"]):
            if content["request"] == "sample":
                ink = self._sample()
            else:
                rows, columns = content["size"]
                ink = self._opened(Image.frombytes("RGBA", (columns, rows), bytes(buffers[0])))
            self.send({"placed": base64.b64encode(ink.tobytes()).decode()})

    def _sample(self):
        """A sample as ink uint8 of `shape`; ValueError where there is none."""
        raise NotImplementedError(f"{type(self).__name__} has no samples.")

    def _opened(self, picture):
        """The ink, uint8 of `shape`, of what a PIL picture shows; ValueError where that is nothing."""
        raise NotImplementedError(f"{type(self).__name__} opens no pictures.")
