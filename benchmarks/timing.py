"""Timings that can be compared: interleaved in one process, medians, and how far they spread."""

import statistics
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """Seconds of two ways, run by turns; ratio and spread are of the pairs of turns."""

    first: list
    second: list

    @property
    def ratio(self):
        return statistics.median(self.ratios())

    def ratios(self):
        return [a / b for a, b in zip(self.first, self.second)]

    @property
    def spread(self):
        """Quartiles of the ratio."""
        low, _, high = statistics.quantiles(self.ratios(), n=4)
        return low, high

    @property
    def seconds(self):
        return statistics.median(self.first), statistics.median(self.second)


def compare(first, second, repeat, turns=15):
    """Call the two functions `repeat` times each, by turns, and time each turn; the first turn warms up."""
    times = [], []
    for turn in range(turns + 1):
        for function, kept in zip((first, second), times):
            start = time.perf_counter()
            for _ in range(repeat):
                function()
            if turn:
                kept.append((time.perf_counter() - start) / repeat)
    return Comparison(*times)
