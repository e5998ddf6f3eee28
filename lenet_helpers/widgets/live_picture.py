"""A picture on the page that answers to touch."""

import traitlets

from .base import Answering, asset


class LivePicture(Answering):
    """An `Svg` (or other markup) on the page; a touch of one of its grids calls `on_touch(touched)`.

    touched is {"key", "row", "column"}, with "value" when it comes from an input field.
    """

    _esm = asset("kernel.js", "live_picture.js")
    touched = traitlets.Dict().tag(sync=True)
    spoken = traitlets.Unicode("").tag(sync=True)  # what a screen reader says after a touch

    def __init__(self, on_touch=None, **traits):
        super().__init__(**traits)
        self.on_touch = on_touch

    def show(self, picture):
        """Put an Svg on the page."""
        with self.hold_sync():
            self.markup, self.spoken = picture.markup(live=True), picture.alt

    def answer(self):
        if self.on_touch and self.touched:
            self.on_touch(self.touched)
