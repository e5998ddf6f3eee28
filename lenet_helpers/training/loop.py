"""The training loop: one pattern an update in one constant random order (Appendix B and C), at any batch size."""

import math
import sys
import time
from contextlib import contextmanager

import torch
from tqdm import tqdm

from ..data.digits import to_input
from ..losses import MAPLoss, one_hot
from ..propagation import Propagation
from ..schedules import PAPER_SCHEDULE, LinearDecay, eta_at
from ..sdlm import SDLM, sampled_curvature
from . import checkpoint as checkpoints
from .arguments import check_choices, check_counts, check_network
from .history import History
from .progress import Bar, DivergenceError, Progress, check_divergence

__all__ = ["DivergenceError", "History", "Progress", "StopTraining", "error_rate", "fit"]

BLOCK = 500  # patterns between two looks at the loss, calls of the callback and chances to write a checkpoint
READ = 1000  # patterns read at a time where nothing is learned
CHECKPOINT_SECONDS = 10
MANY = 16  # patterns an update from which more than one thread pays


class StopTraining(Exception):
    """Raised by a callback to end `fit` early; the checkpoint is written and the history so far returned."""


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

    Raises ValueError for arguments of another kind or out of range, CheckpointError for a checkpoint of another run,
    DivergenceError within 1,000 patterns after the loss has gone astray, OSError where the checkpoint cannot be
    written.
    """
    check_counts(passes=passes, batch_size=batch_size, curvature_patterns=curvature_patterns)
    if curvature_every is not None:
        check_counts(curvature_every=curvature_every)
    loss = MAPLoss() if loss is None else loss
    check_network(model, loss, train, test)
    check_choices(model, schedule, seed, optimizer, curvature, gamma)
    run = Training(model, train, loss, optimizer or SDLM(model.named_parameters(), eta_at(schedule, 0)))
    run.passes, run.schedule, run.seed, run.batch_size, run.distort = passes, schedule, seed, batch_size, distort
    run.curvature, run.gamma = curvature, gamma
    run.curvature_patterns, run.curvature_every = curvature_patterns, curvature_every
    keep = Keeper(run, test, checkpoint)
    with threads(1 if batch_size < MANY else torch.get_num_threads()):
        try:
            keep.begin(command)
            with Bar(keep.progress(), progress) as bar:
                for losses in run.blocks():
                    keep.block_end(losses)
                    bar.show(keep.progress())
                    if callback is not None:
                        with keep.clock_stopped():
                            callback(keep.progress())
                    if run.patterns_done == len(train):
                        keep.pass_end()
            run.history.finished = True
            keep.save()
        except StopTraining:
            keep.save()
        except KeyboardInterrupt:
            tqdm.write(keep.save_snapshot(), file=sys.stderr)
            raise
    return run.history


class Training:
    """Learning itself: what it is made of, where it stands, and how it goes on by a block of patterns."""

    def __init__(self, model, train, loss, optimizer):
        self.model, self.train, self.loss, self.optimizer = model, train, loss, optimizer
        self.propagation, self.like = Propagation(model, loss), next(model.parameters())
        self.first_rates = [group.setdefault("initial_lr", group["lr"]) for group in optimizer.param_groups]
        if isinstance(optimizer, SDLM):
            self.first_rates = None  # the schedule's eta is its rate
        self.passes_done = self.patterns_done = self.errors = 0
        self.loss_sum = self.seconds = 0.0

    def blocks(self):
        """Learn block by block to the end of the last pass, or from where the run stands; yields each block's losses.

        Whoever takes the last block of a pass begins the next one (`Keeper.pass_end`).
        """
        self.order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(self.seed))
        while self.passes_done < self.passes:
            if self.patterns_done % self.estimate_every == 0:
                self.set_curvature()
            left = self.estimate_every - self.patterns_done % self.estimate_every
            size = max(self.batch_size, BLOCK // self.batch_size * self.batch_size)
            yield self.learn(self.order[self.patterns_done : self.patterns_done + min(size, left)])

    @torch.no_grad()
    def learn(self, chosen):
        """Update the weights on the chosen patterns, batch by batch (Eq. 18); their losses, from the answers met."""
        x, labels = self.inputs(chosen)
        target = one_hot(labels, len(self.model.rbf.codes), x.dtype)
        penalties = torch.empty_like(target)
        update = self.optimizer.update if isinstance(self.optimizer, SDLM) else self.optimizer.step
        self.set_eta(0)
        batches = zip(*(tensor.split(self.batch_size) for tensor in (x, target, penalties)))
        for batch, (batch_x, batch_target, answers) in enumerate(batches):
            if isinstance(self.schedule, LinearDecay):
                self.set_eta(batch * self.batch_size)
            if self.running:
                h = self.propagation.curvature(batch_x, batch_target)
                self.optimizer.average_curvature(h, self.gamma)
            self.propagation.gradient(batch_x, batch_target, answers)
            update()
        self.errors += int((penalties.argmin(1) != labels).sum())
        self.patterns_done += len(labels)
        return self.loss.per_pattern(penalties, labels).cpu().double()

    def inputs(self, chosen):
        """Fields and labels of the chosen patterns, distorted anew where the run distorts."""
        images = self.train.images[chosen]
        if self.distort is not None:
            images = self.distort(images, self.distortions)
        x, labels = to_input(images).to(self.like), self.train.labels[chosen]
        if len(x) != len(labels):
            raise ValueError(f"distort gave {len(x)} images for {len(labels)}; expected one for each.")
        return x, labels.to(x.device)

    @property
    def running(self):
        """Whether h is now a running average over the patterns."""
        return self.curvature == "running" and self.passes_done == 0

    @property
    def estimate_every(self):
        """Patterns between two estimates of h."""
        return self.curvature_every or len(self.train)

    def set_curvature(self):
        """Estimate h on patterns drawn anew (III-B)."""
        if not isinstance(self.optimizer, SDLM) or (self.running and self.patterns_done > 0):
            return
        a_pass = math.ceil(len(self.train) / self.estimate_every)
        estimates = self.passes_done * a_pass + self.patterns_done // self.estimate_every
        exact, count = self.curvature == "exact", self.curvature_patterns
        h = sampled_curvature(
            self.model, self.loss, self.train, count, self.seed, estimates, exact, self.propagation
        )
        self.optimizer.set_curvature(h)

    def set_eta(self, ahead):
        """Put the schedule's eta, for the pattern `ahead` of the block's first, into the optimizer."""
        eta = eta_at(self.schedule, self.passes_done + (self.patterns_done + ahead) / len(self.train))
        for index, group in enumerate(self.optimizer.param_groups):
            share = 1.0 if self.first_rates is None else self.first_rates[index] / eta_at(self.schedule, 0)
            group["lr"] = share * eta


class Keeper:
    """What is done at the ends of blocks and passes: errors and losses counted, the history and the checkpoint kept."""

    def __init__(self, run, test, checkpoint):
        self.run, self.checkpoint = run, checkpoint
        run.test, run.distortions = test, torch.Generator().manual_seed(run.seed)
        self.snapshot = None  # what the last look at the run would write to its checkpoint

    def begin(self, command):
        """Go on from the checkpoint where there is one, else write the first."""
        run = self.run
        run.history = History(checkpoints.configuration(run), run.train.source, run.seed, command=command)
        if self.checkpoint is not None:
            checkpoints.restore(run, self.checkpoint)
        self.save()
        self.start = time.perf_counter() - run.seconds
        if run.patterns_done == len(run.train):  # interrupted while the test set was read
            self.pass_end()

    def block_end(self, losses):
        """Count a block's losses. Raises DivergenceError where they have gone astray."""
        run = self.run
        first = run.patterns_done - len(losses)
        check_divergence(losses, run.loss, run.model, first, run.passes_done + 1)
        run.loss_sum += losses.sum().item()
        run.seconds = time.perf_counter() - self.start
        if time.monotonic() - self.saved_at > CHECKPOINT_SECONDS:
            self.save()
        else:
            self.snapshot = checkpoints.state(run)

    @contextmanager
    def clock_stopped(self):
        """The time a callback takes is not the pass's."""
        yield
        self.start = time.perf_counter() - self.run.seconds

    def pass_end(self):
        """Record the pass and begin the next."""
        run = self.run
        run.history.passes.append(
            {
                "pass": run.passes_done + 1,
                "eta": eta_at(run.schedule, run.passes_done),
                "train_error": 100 * run.errors / len(run.train),
                "train_loss": run.loss_sum / len(run.train),
                "test_error": None if run.test is None else error_rate(run.model, run.test),
                "seconds": time.perf_counter() - self.start,
            }
        )
        run.passes_done += 1
        run.patterns_done = run.errors = 0
        run.loss_sum = run.seconds = 0.0
        self.start = time.perf_counter()
        self.save()

    def progress(self):
        run = self.run
        done = max(run.patterns_done, 1)
        rate = run.patterns_done / run.seconds if run.seconds else 0.0
        error, loss = 100 * run.errors / done, run.loss_sum / done
        return Progress(
            run.passes_done, run.passes, run.patterns_done, len(run.train), error, loss, rate, run.history
        )

    def save(self):
        """Write the checkpoint, whole or not at all."""
        self.snapshot, self.saved_at = checkpoints.state(self.run), time.monotonic()
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
