"""Watch a network train, pause it, go on, stop it."""

import math
import threading
import time

import ipywidgets

from ..paper import FIG5_TEST, FIG5_TRAIN
from ..plots import PALETTE
from ..training.loop import StopTraining, fit
from .base import Touchable
from .live_picture import LivePicture
from .svg import Svg, curve, dot, line, text

LEFT, TOP, WIDE, TALL = 50, 44, 620, 270
TICKS = (0.5, 1, 2, 5, 10, 20, 50, 100)  # percent, on a logarithmic axis
LEAST = 0.3  # percent, the foot of the axis
REFRESH = 0.25  # seconds between two pictures


class Trace:
    """The error rate along a run, in percent: of each block of patterns gone by, and of each pass."""

    def __init__(self, passes=2):
        self.passes = passes
        self.blocks = []  # (passes done, percent wrong in the block)
        self.records = []  # History.passes
        self.progress = None
        self._counted = (0, 0, 0.0)  # pass, patterns, errors at the last block's end

    def add(self, progress):
        """Take in a Progress of fit."""
        at_pass, patterns, errors = self._counted
        if progress.pass_index != at_pass:
            patterns, errors = 0, 0.0
        now = progress.train_error * progress.patterns / 100
        if progress.patterns > patterns:
            done = progress.pass_index + progress.patterns / progress.total
            self.blocks.append((done, 100 * (now - errors) / (progress.patterns - patterns)))
        self._counted = (progress.pass_index, progress.patterns, now)
        self.passes, self.progress = progress.passes, progress
        self.records = list(progress.history.passes)


def draw_curves(trace):
    """Error rate against passes: of each block, of each pass in training and test; Fig. 5's as hollow circles."""
    passes = max(trace.passes, 1)
    scale = WIDE / passes
    picture = Svg(LEFT + WIDE + 20, TOP + TALL + 74, "Error rate in percent against passes, with the points of Fig. 5.")

    def x(done):
        return LEFT + scale * done

    def y(percent):
        return TOP + TALL * math.log(100 / max(percent, LEAST)) / math.log(100 / LEAST)

    for percent in TICKS:
        picture.add(line(LEFT, y(percent), LEFT + WIDE, y(percent), width=0.6))
        picture.add(text(LEFT - 8, y(percent) + 4, f"{percent:g}%", 11, "end"))
    for at in range(0, passes + 1, max(1, passes // 10)):
        picture.add(text(x(at), TOP + TALL + 18, at, 11, "middle"))
    picture.add(text(LEFT + WIDE / 2, TOP + TALL + 38, "passes over the training set", 12, "middle"))
    key = [("error of the last 500 patterns", PALETTE["blue"], "1 0"),
           ("training error of a pass", PALETTE["blue"], "dot"),
           ("test error", PALETTE["orange"], "dot"), ("Fig. 5, both", PALETTE["blue"], "ring")]  # fmt: skip
    for at, (name, colour, dash) in enumerate(key):
        left = LEFT + (0, 228, 408, 516)[at]
        if dash == "dot":
            picture.add(dot(left + 11, 14, 4.5, colour))
        elif dash == "ring":
            picture.add(ring(left + 6, 14, colour), ring(left + 18, 14, PALETTE["orange"]))
        else:
            picture.add(line(left, 14, left + 22, 14, colour, 1.4 if at == 0 else 2, stroke_dasharray=dash))
        picture.add(text(left + 28, 18, name))
    for published, colour in ((FIG5_TRAIN, PALETTE["blue"]), (FIG5_TEST, PALETTE["orange"])):
        shown = [(x(at), y(percent)) for at, percent in published.items() if 1 <= at <= passes]
        picture.add(*(ring(a, b, colour) for a, b in shown))
    if trace.blocks:
        picture.add(curve([(x(at), y(percent)) for at, percent in trace.blocks], PALETTE["blue"], 1.2))
    for record in trace.records:
        for name, colour in (("train_error", PALETTE["blue"]), ("test_error", PALETTE["orange"])):
            if record[name] is not None:
                picture.add(dot(x(record["pass"]), y(record[name]), 5, colour))
    summary = _summary(trace)
    picture.alt = f"{picture.alt} {summary}".strip()
    return picture.add(text(0, TOP + TALL + 68, summary, 13))


def ring(x, y, colour):
    """A number that the paper prints."""
    return dot(x, y, 4, "none", stroke=colour, stroke_width=1.6)


def _summary(trace):
    if not trace.records:
        return ""
    last = trace.records[-1]
    words = f"After pass {last['pass']}: training error {last['train_error']:.2f}%"
    if last["test_error"] is None:
        return words + "."
    published = FIG5_TEST.get(last["pass"])
    beside = "" if published is None else f" (Fig. 5, on 60,000 patterns: {published:.2f}%)"
    return f"{words}, test error {last['test_error']:.2f}%{beside}."


class TrainingMonitor(Touchable, ipywidgets.VBox):
    """Train in the background, error curves live over the points of Fig. 5; pause, resume and stop at any time.

    model, train, test and the further arguments are `fit`'s. While it trains, the model can be used elsewhere
    on the page. `history` is the run's once it has ended; `wait()` blocks until then. Started again, it
    goes on from the weights it has; with a checkpoint, from there. One training runs at a time: starting another
    monitor stops the one that runs.
    """

    _running = None

    def __init__(self, model, train, test=None, **arguments):
        self.model, self.train, self.test = model, train, test
        self.arguments = {"passes": 2, **arguments}
        self.history = None
        self.trace = Trace(self.arguments["passes"])
        self._go, self._stopping, self._thread = threading.Event(), False, None
        self._under_way, self._drawn = False, 0.0
        self.start_button = ipywidgets.Button(description="Start", button_style="primary", tooltip="Start training")
        self.pause_button = ipywidgets.Button(description="Pause", tooltip="Pause training, or go on")
        self.stop_button = ipywidgets.Button(description="Stop", tooltip="Stop training for good")
        self.start_button.on_click(lambda _: self.start())
        self.pause_button.on_click(lambda _: self.resume() if self.paused else self.pause())
        self.stop_button.on_click(lambda _: self.stop())
        self.status = ipywidgets.Label("Ready.")
        self.view = LivePicture()
        buttons = [self.start_button, self.pause_button, self.stop_button, self.status]
        super().__init__([ipywidgets.HBox(buttons, layout={"flex_flow": "row wrap"}), self.view])
        self._tell("Ready.")

    @property
    def running(self):
        """Whether a training is under way, paused or not."""
        return self._under_way

    @property
    def paused(self):
        return self.running and not self._go.is_set()

    def start(self):
        """Begin to train in the background; another monitor's training is stopped first."""
        if self.running:
            return
        other = TrainingMonitor._running
        if other is not None and other.running:
            other.stop()
            other.wait()
        TrainingMonitor._running = self
        self.trace, self.history, self._stopping = Trace(self.arguments["passes"]), None, False
        self._under_way, self.view.problem = True, ""
        self._go.set()
        self._thread = threading.Thread(target=self._train, name="training", daemon=True)
        self._tell("Training.")
        self._thread.start()

    def pause(self):
        """Hold the training within 500 patterns."""
        if self.running:
            self._go.clear()
            self._tell("Pausing.")

    def resume(self):
        """Go on after a pause."""
        if self.paused:
            self._go.set()
            self._tell("Training.")

    def stop(self):
        """End the training within 500 patterns; a checkpoint, if there is one, is written."""
        self._stopping = True
        self._go.set()

    def wait(self, seconds=None):
        """Block until the training has ended, or `seconds` are over; return the History, or None."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self.history

    def picture(self, history=None):
        """The static twin: the curves as they stand, or those of a finished run's History."""
        if history is None:
            return draw_curves(self.trace)
        trace = Trace(len(history.passes))
        trace.records = history.passes
        return draw_curves(trace)

    def _train(self):
        words = ""
        try:
            self.history = fit(
                self.model,
                self.train,
                self.test,
                progress=False,
                callback=self._on_progress,
                **self.arguments,
            )
            self.trace.records = list(self.history.passes)
            words = "Finished." if self.history.finished else "Stopped."
        except Exception as error:
            self.view.problem = f"{type(error).__name__}: {error}"
            words = "Ended by an error."
            raise
        finally:
            self._under_way = False
            self._tell(words)

    def _on_progress(self, progress):
        self.trace.add(progress)
        if not self._go.is_set():
            self._tell("Paused.")
        elif time.monotonic() - self._drawn > REFRESH:
            self._tell("Training.")
        self._go.wait()
        if self._stopping:
            raise StopTraining

    def _tell(self, words):
        """Bring buttons, status and picture up to date."""
        self._drawn = time.monotonic()
        progress = self.trace.progress
        if progress is not None and self.running:
            words += (
                f" Pass {progress.pass_index + 1} of {progress.passes}, {progress.patterns:,} of "
                f"{progress.total:,} patterns, {progress.patterns_per_second:,.0f} a second."
            )
        self.status.value = words
        self.start_button.disabled = self.running
        self.pause_button.disabled = self.stop_button.disabled = not self.running
        self.pause_button.description = "Resume" if self.paused else "Pause"
        self.view.show(draw_curves(self.trace))
