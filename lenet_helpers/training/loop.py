"""The training loop: one pattern an update in one constant random order (Appendix B and C), at any batch size."""

import math
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from tqdm import tqdm

from ..data.digits import to_input
from ..losses import MAPLoss, one_hot
from ..propagation import Propagation
from ..schedules import PAPER_SCHEDULE, LinearDecay, eta_at
from ..sdlm import SDLM, sampled_curvature
from . import checkpoint as checkpoints
from .arguments import check_choices, check_counts
from .history import History

__all__ = ["DivergenceError", "History", "Progress", "StopTraining", "error_rate", "fit"]

BLOCK = 500  # patterns between two looks at the loss, calls of the callback and chances to write a checkpoint
READ = 1000  # patterns read at a time where nothing is learned
WINDOW = 100  # patterns whose mean loss tells whether training has diverged
CHECKPOINT_SECONDS = 10
MANY = 16  # patterns an update from which more than one thread pays


class DivergenceError(RuntimeError):
    """The loss is no longer a number, or is far above that of a network that answers nothing."""


class StopTraining(Exception):
    """Raised by a callback to end `fit` early; the checkpoint is written and the history so far returned."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands, for a callback: errors in percent and loss over the patterns of this pass so far."""

    pass_index: int  # from 0
    passes: int
    patterns: int  # done in this pass
    total: int  # in a pass
    train_error: float
    loss: float
    patterns_per_second: float
    history: History


def fit(
    model,
    train,
    test=None,
    *,
    loss=None,
    passes=20,
    schedule=PAPER_SCHEDULE,
    seed=0,
    batch_size=1,
    optimizer=None,
    curvature="estimate",
    gamma=0.1,
    curvature_patterns=500,
    curvature_every=None,
    checkpoint=None,
    progress=True,
    callback=None,
    distort=None,
    command=None,
):
    """Train `model` on the Digits `train`, in place, and return the History.

    test: Digits whose error rate is measured after each pass. loss: MAPLoss() unless given. schedule: eta for each
    pass (the last one holds on) or a LinearDecay. seed: of the order of the patterns, which stays the same in
    every pass. optimizer: SDLM with mu = 0.02 unless given; for another torch.optim.Optimizer on the model's
    parameters the schedule scales its own learning rate, in proportion to the first eta.
    curvature: how h comes about. "estimate": on `curvature_patterns` patterns before each pass (III-B); "running":
    in the first pass a running average over the patterns, h <- (1 - gamma) h + gamma h_p, then as "estimate";
    "exact": as "estimate", seeded with the exact diagonal of the loss at F6.
    curvature_every: patterns after which h is estimated anew within a pass; None, as in the paper: once a pass.
    checkpoint: a file from which the same call goes on after any interruption, to the same bits.
    progress: show a progress bar. callback: called with a Progress about every 500 patterns; it may take its
    time, or raise StopTraining. distort: (images uint8 (n, 28, 28), generator) -> images, applied before every
    presentation; h is estimated on the images as they are. command: kept in the history.
    With fewer than 16 patterns an update, one thread is used: more would only wait for each other.

    Raises ValueError for arguments out of range, CheckpointError for a checkpoint of another run, DivergenceError
    within 1,000 patterns after the loss has gone astray, OSError where the checkpoint cannot be written.
    """
    check_counts(passes=passes, batch_size=batch_size, curvature_patterns=curvature_patterns)
    if curvature_every is not None:
        check_counts(curvature_every=curvature_every)
    check_choices(model, train, test, schedule, seed, optimizer, curvature, gamma)
    run = Run(model, train, test, loss or MAPLoss(), schedule, seed, batch_size, optimizer)
    run.curvature, run.gamma = curvature, gamma
    run.curvature_patterns, run.curvature_every = curvature_patterns, curvature_every
    run.passes, run.checkpoint, run.distort = passes, checkpoint, distort
    with threads(1 if batch_size < MANY else torch.get_num_threads()):
        try:
            run.begin(command)
            with run.bar(progress) as bar:
                while run.passes_done < passes:
                    run.one_pass(bar, callback)
            run.history.finished = True
            run.save()
        except StopTraining:
            run.save()
        except KeyboardInterrupt:
            tqdm.write(run.save_snapshot(), file=sys.stderr)
            raise
    return run.history


class Run:
    """One training run: what it is made of and where it stands."""

    def __init__(self, model, train, test, loss, schedule, seed, batch_size, optimizer):
        self.model, self.train, self.test, self.loss, self.schedule = model, train, test, loss, schedule
        self.seed, self.batch_size = seed, batch_size
        self.optimizer = optimizer or SDLM(model.named_parameters(), eta_at(schedule, 0))
        self.propagation = Propagation(model, loss)
        self.like = next(model.parameters())
        self.first_rates = [
            group.setdefault("initial_lr", group["lr"]) if "lr" in group else None
            for group in self.optimizer.param_groups
        ]
        self.order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
        self.distortions = torch.Generator().manual_seed(seed)
        self.passes_done = self.patterns_done = self.errors = 0
        self.loss_sum = self.seconds = 0.0
        self.snapshot = None  # what the last look at the run would write to its checkpoint

    def begin(self, command):
        """Go on from the checkpoint where there is one, else write the first."""
        configuration = checkpoints.configuration(self)
        self.history = History(configuration, self.train.source, self.seed, command=command)
        if self.checkpoint is not None:
            checkpoints.restore(self, self.checkpoint)
        self.save()

    def one_pass(self, bar, callback):
        """Go through the patterns once, or through the rest of a pass that was interrupted."""
        start = time.perf_counter() - self.seconds
        while self.patterns_done < len(self.train):
            if self.patterns_done % self.estimate_every == 0:
                self.set_curvature()
            self.block()
            self.seconds = time.perf_counter() - start
            self.show(bar)
            if time.monotonic() - self.saved_at > CHECKPOINT_SECONDS:
                self.save()
            else:
                self.snapshot = checkpoints.state(self)
            if callback is not None:
                callback(self.state_of_play())
                start = time.perf_counter() - self.seconds  # the callback's time is not the pass's
        self.end_pass(start)

    @property
    def running(self):
        """Whether h is now a running average over the patterns."""
        return self.curvature == "running" and self.passes_done == 0

    @property
    def estimate_every(self):
        """Patterns between two estimates of h."""
        return self.curvature_every or len(self.train)

    def set_curvature(self):
        if not isinstance(self.optimizer, SDLM) or (self.running and self.patterns_done > 0):
            return
        a_pass = math.ceil(len(self.train) / self.estimate_every)
        estimates = self.passes_done * a_pass + self.patterns_done // self.estimate_every
        h = sampled_curvature(
            self.model,
            self.loss,
            self.train,
            self.curvature_patterns,
            self.seed,
            estimates,
            exact=self.curvature == "exact",
            propagation=self.propagation,
        )
        self.optimizer.set_curvature(h)

    def block(self):
        """Update the weights on the next block of patterns; count errors and loss from the answers on the way."""
        size = max(self.batch_size, BLOCK // self.batch_size * self.batch_size)
        size = min(size, self.estimate_every - self.patterns_done % self.estimate_every)
        chosen = self.order[self.patterns_done : self.patterns_done + size]
        images = self.train.images[chosen]
        if self.distort is not None:
            images = self.distort(images, self.distortions)
        x = to_input(images).to(self.like)
        labels = self.train.labels[chosen].to(x.device)
        if len(x) != len(labels):
            raise ValueError(f"distort gave {len(x)} images for {len(labels)}; expected one for each.")
        target = one_hot(labels, 10, x.dtype)
        penalties = torch.empty_like(target)
        decays = isinstance(self.schedule, LinearDecay)
        self.set_eta(0)
        update = self.optimizer.update if isinstance(self.optimizer, SDLM) else self.optimizer.step
        batches = zip(x.split(self.batch_size), target.split(self.batch_size), penalties.split(self.batch_size))
        for batch, (batch_x, batch_target, batch_penalties) in enumerate(batches):
            if decays:
                self.set_eta(batch * self.batch_size)
            if self.running:
                h = self.propagation.curvature(batch_x, batch_target)
                self.optimizer.average_curvature(h, self.gamma)
            self.propagation.gradient(batch_x, batch_target, batch_penalties)
            update()
        self.count(penalties, labels)

    def set_eta(self, ahead):
        """Put the schedule's eta, for the pattern `ahead` of the block's first, into the optimizer."""
        done = self.passes_done + (self.patterns_done + ahead) / len(self.train)
        eta = eta_at(self.schedule, done)
        for group, first_rate in zip(self.optimizer.param_groups, self.first_rates):
            if first_rate is None:
                group["eta"] = eta
            else:
                group["lr"] = first_rate * eta / eta_at(self.schedule, 0)

    def count(self, penalties, labels):
        """Add a block's errors and loss to the pass's. Raises DivergenceError where the loss has gone astray."""
        losses = self.loss.per_pattern(penalties, labels).cpu().double()
        ignorant = torch.full_like(penalties[:1], self.model.rbf_scale * self.model.rbf.codes.shape[1])
        limit = 2 * float(self.loss(ignorant, labels[:1]))
        for window, mean in enumerate(part.mean().item() for part in losses.split(WINDOW)):
            if not mean <= limit:
                first = self.patterns_done + window * WINDOW
                raise DivergenceError(
                    f"From pattern {first:,} of pass {self.passes_done + 1} on the mean loss is {mean:.3g}; expected "
                    f"at most {limit:.3g}, twice that of a network whose F6 is all zero. Training has diverged: "
                    'lower eta, raise mu, use init="authors", or curvature="running".'
                )
        self.loss_sum += losses.sum().item()
        self.errors += int((penalties.argmin(1) != labels).sum())
        self.patterns_done += len(labels)

    def end_pass(self, start):
        """Record the pass and begin the next."""
        record = {
            "pass": self.passes_done + 1,
            "eta": eta_at(self.schedule, self.passes_done),
            "train_error": 100 * self.errors / len(self.train),
            "train_loss": self.loss_sum / len(self.train),
            "test_error": None if self.test is None else error_rate(self.model, self.test),
            "seconds": time.perf_counter() - start,
        }
        self.history.passes.append(record)
        self.passes_done += 1
        self.patterns_done = self.errors = 0
        self.loss_sum = self.seconds = 0.0
        self.save()

    def state_of_play(self):
        done = max(self.patterns_done, 1)
        rate = self.patterns_done / self.seconds if self.seconds else 0.0
        error, loss = 100 * self.errors / done, self.loss_sum / done
        return Progress(
            self.passes_done, self.passes, self.patterns_done, len(self.train), error, loss, rate, self.history
        )

    def bar(self, progress):
        """The progress bar over all the patterns of all the passes."""
        return tqdm(
            desc=f"pass {min(self.passes_done + 1, self.passes)} of {self.passes}",
            total=self.passes * len(self.train),
            initial=self.passes_done * len(self.train) + self.patterns_done,
            unit=" patterns",
            unit_scale=True,
            disable=not progress,
        )

    def show(self, bar):
        now = self.state_of_play()
        bar.set_description(f"pass {now.pass_index + 1} of {now.passes}", refresh=False)
        bar.set_postfix_str(f"error {now.train_error:.2f}%, loss {now.loss:.3f}", refresh=False)
        bar.update(self.passes_done * len(self.train) + self.patterns_done - bar.n)

    def save(self):
        """Write the checkpoint, whole or not at all."""
        self.snapshot = checkpoints.state(self)
        self.saved_at = time.monotonic()
        if self.checkpoint is not None:
            checkpoints.save(self.checkpoint, self.snapshot)

    def save_snapshot(self):
        """Write the state at the last block's end, and say how to go on: an update may be half done."""
        if self.checkpoint is None:
            return "Interrupted. The run cannot go on; give fit a checkpoint path to be able to."
        if self.snapshot is not None:
            checkpoints.save(self.checkpoint, self.snapshot)
        return f"Interrupted: run the same again and it goes on from {self.checkpoint}."


def error_rate(model, digits):
    """Error rate in percent over all of `digits` (Digits)."""
    like = next(model.parameters())
    blocks = zip(digits.images.split(READ), digits.labels.split(READ))
    wrong = sum(
        int((model.predict(to_input(images).to(like)).cpu() != labels.cpu()).sum()) for images, labels in blocks
    )
    return 100 * wrong / len(digits)


@contextmanager
def threads(count):
    """Run with `count` threads inside each operation."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
