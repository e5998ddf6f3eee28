"""A slider that a screen reader can name, over numbers or over the round numbers of a logarithmic scale."""

import anywidget
import traitlets

from .base import asset

ROUND = (1, 1.5, 2, 3, 5, 7)  # of each power of ten


class Slider(anywidget.AnyWidget):
    """Chooses one of `values`; ipywidgets' own sliders tell a screen reader no name. Observe its `index`.

    running: with a button that makes it move by itself. Raises ValueError for a value that is not one of `values`.
    """

    _esm = asset("slider.js")
    _css = asset("style.css")
    description = traitlets.Unicode().tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    index = traitlets.Int(0).tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)

    def __init__(self, description, values, value, running=False):
        self.values = tuple(values)
        labels = [f"{number:g}" for number in self.values]
        super().__init__(description=description, labels=labels, running=running, index=self._place(value))

    @property
    def value(self):
        """The chosen number."""
        return self.values[self.index]

    @value.setter
    def value(self, value):
        self.index = self._place(value)

    def _place(self, value):
        if value not in self.values:
            raise ValueError(f"Got {value!r}, expected one of {', '.join(f'{number:g}' for number in self.values)}.")
        return self.values.index(value)


def round_numbers(low, high):
    """1, 1.5, 2, 3, 5 and 7 times the powers of ten, from `low` to `high`."""
    numbers = (float(f"{digit}e{power}") for power in range(-6, 6) for digit in ROUND)
    return [number for number in numbers if low <= number <= high]
