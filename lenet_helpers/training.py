"""The training loop: one pattern an update in one constant random order (Appendix B and C), at any batch size."""

import json
import math
import time
import zlib
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tqdm.auto import tqdm

from .data import to_input
from .files import CheckpointError, load_tensors, save_tensors
from .history import History
from .losses import MAPLoss, one_hot
from .model import CHUNK, fill
from .propagation import Propagation
from .sdlm import PAPER_SCHEDULE, SDLM, LinearDecay, estimate_curvature, eta_at

__all__ = ["DivergenceError", "History", "Progress", "StopTraining", "error_rate", "fit"]

BLOCK = (
    1000  # patterns between two looks at the loss, calls of the callback and chances to write a checkpoint
)
CHECKPOINT_SECONDS = 10
CURVATURES = ("estimate", "running", "exact")


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
    checkpoint=None,
    progress=True,
    callback=None,
    distort=None,
    command=None,
):
    """Train `model` on the Digits `train`, in place, and return the History.

    test: Digits whose error rate is measured after each pass. loss: MAPLoss() unless given. schedule: eta for each
    pass (the last one holds on) or a LinearDecay. seed: of the order of the patterns, which stays the same in every
    pass. optimizer: SDLM with mu = 0.02 unless given; for another torch.optim.Optimizer on the model's parameters the
    schedule scales its own learning rate, in proportion to the first eta.
    curvature: how h comes about. "estimate": on `curvature_patterns` patterns before each pass (III-B); "running":
    in the first pass a running average over the patterns, h <- (1 - gamma) h + gamma h_p, then as "estimate";
    "exact": as "estimate", seeded with the exact diagonal of the loss at F6.
    checkpoint: a file from which the same call goes on after any interruption, to the same bits.
    progress: show a progress bar. callback: called with a Progress about every 1,000 patterns; it may take its time,
    or raise StopTraining. distort: (images uint8 (n, 28, 28), generator) -> images, applied before every presentation.
    command: kept in the history. With one pattern an update, one thread is used: more would only wait for each other.

    Raises ValueError for arguments out of range, CheckpointError for a checkpoint of another run, DivergenceError
    within 1,000 patterns of the loss going astray, OSError where the checkpoint cannot be written.
    """
    check_arguments(passes, schedule, batch_size, curvature, gamma, curvature_patterns)
    run = Run(model, train, test, loss or MAPLoss(), schedule, seed, batch_size, optimizer)
    run.curvature, run.gamma, run.curvature_patterns = curvature, gamma, curvature_patterns
    run.passes, run.checkpoint, run.distort = passes, checkpoint, distort
    with threads(1 if batch_size < CHUNK else torch.get_num_threads()):
        run.begin(command)
        with run.bar(progress) as bar:
            try:
                while run.passes_done < passes:
                    run.one_pass(bar, callback)
                run.history.finished = True
                run.save()
            except StopTraining:
                run.save()
            except KeyboardInterrupt:
                bar.write(run.save_snapshot())
                raise
    return run.history


class Run:
    """One training run: what it is made of, where it stands, and its checkpoint."""

    def __init__(self, model, train, test, loss, schedule, seed, batch_size, optimizer):
        self.model, self.train, self.test, self.loss, self.schedule = model, train, test, loss, schedule
        self.seed, self.batch_size = seed, batch_size
        self.optimizer = (
            SDLM(model.named_parameters(), eta_at(schedule, 0)) if optimizer is None else optimizer
        )
        self.propagation = Propagation(model, loss)
        self.like = next(model.parameters())
        self.first_rates = [group.get("lr") for group in self.optimizer.param_groups]
        self.order = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))
        self.distortions = torch.Generator().manual_seed(seed)
        self.passes_done = self.patterns_done = self.errors = 0
        self.loss_sum = self.seconds = 0.0
        self.snapshot = None
        self.saved_at = time.monotonic()

    def configuration(self):
        """All that decides the bits of the run, in JSON's types."""
        schedule = asdict(self.schedule) if isinstance(self.schedule, LinearDecay) else list(self.schedule)
        return {
            "init": self.model.init,
            "rbf_scale": self.model.rbf_scale,
            "model_seed": self.model.seed,
            "loss": repr(self.loss),
            "passes": self.passes,
            "schedule": schedule,
            "batch_size": self.batch_size,
            "optimizer": type(self.optimizer).__name__,
            "optimizer_options": [
                {
                    name: value
                    for name, value in group.items()
                    if name not in ("params", "param_names", "eta", "lr")
                }
                for group in self.optimizer.param_groups
            ],
            "first_rates": self.first_rates,
            "curvature": self.curvature,
            "gamma": self.gamma,
            "curvature_patterns": self.curvature_patterns,
            "distort": None if self.distort is None else repr(self.distort),
            "dtype": str(self.like.dtype),
            "train_patterns": len(self.train),
            "train_crc32": crc32(self.train),
            "test_patterns": 0 if self.test is None else len(self.test),
            "test_crc32": None if self.test is None else crc32(self.test),
        }

    def begin(self, command):
        """Go on from the checkpoint where there is one, else write the first."""
        configuration = json.loads(json.dumps(self.configuration()))
        self.history = History(configuration, self.train.source, self.seed, command=command)
        if self.checkpoint is not None and Path(self.checkpoint).exists():
            self.resume()
        self.save()

    def one_pass(self, bar, callback):
        """Go through the patterns once, or through the rest of a pass that was interrupted."""
        start = time.perf_counter() - self.seconds
        if self.patterns_done == 0:
            self.set_curvature()
        while self.patterns_done < len(self.train):
            self.block()
            self.seconds = time.perf_counter() - start
            self.show(bar)
            if time.monotonic() - self.saved_at > CHECKPOINT_SECONDS:
                self.save()
            else:
                self.snapshot = self.state()
            if callback is not None:
                callback(self.state_of_play())
        self.end_pass(start)

    def set_curvature(self):
        """Estimate h before a pass, on patterns drawn anew from the training set (Section III-B)."""
        if not isinstance(self.optimizer, SDLM):
            return
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.passes_done)
        chosen = torch.randperm(len(self.train), generator=generator)[: self.curvature_patterns]
        x, labels = to_input(self.train.images[chosen]).to(self.like), self.train.labels[chosen]
        exact = self.curvature == "exact"
        h = estimate_curvature(self.model, self.loss, x, labels.to(x.device), exact)
        self.optimizer.set_curvature(h)

    def block(self):
        """Update the weights on the next block of patterns; count errors and loss from the answers given on the way."""
        size = max(self.batch_size, BLOCK // self.batch_size * self.batch_size)
        chosen = self.order[self.patterns_done : self.patterns_done + size]
        images = self.train.images[chosen]
        if self.distort is not None:
            images = self.distort(images, self.distortions)
        x = to_input(images).to(self.like)
        labels = self.train.labels[chosen].to(x.device)
        target = one_hot(labels, 10, x.dtype)
        penalties = torch.empty_like(target)
        running = self.curvature == "running" and self.passes_done == 0
        decays = isinstance(self.schedule, LinearDecay)
        self.set_eta(0)
        update = self.optimizer.update if isinstance(self.optimizer, SDLM) else self.optimizer.step
        batches = zip(
            x.split(self.batch_size), target.split(self.batch_size), penalties.split(self.batch_size)
        )
        for batch, (batch_x, batch_target, batch_penalties) in enumerate(batches):
            if decays:
                self.set_eta(batch * self.batch_size)
            if running:
                self.propagation.curvature(batch_x, batch_target)
                self.optimizer.average_curvature(self.gamma)
            self.propagation.gradient(batch_x, batch_target, batch_penalties)
            update()
        self.count(penalties, labels)

    def set_eta(self, ahead):
        """Put the schedule's eta, for the pattern `ahead` of the block's first, into the optimizer."""
        done = self.passes_done + (self.patterns_done + ahead) / len(self.train)
        for group, first_rate in zip(self.optimizer.param_groups, self.first_rates):
            eta = eta_at(self.schedule, done)
            if first_rate is None:
                group["eta"] = eta
            else:
                group["lr"] = first_rate * eta / eta_at(self.schedule, 0)

    def count(self, penalties, labels):
        """Add a block's errors and loss to the pass's. Raises DivergenceError where the loss has gone astray."""
        total = float(self.loss.per_pattern(penalties, labels).double().sum())
        ignorant = torch.full_like(penalties[:1], self.model.rbf_scale * self.model.rbf.codes.shape[1])
        limit = 2 * float(self.loss(ignorant, labels[:1]))
        if not total <= limit * len(labels):
            first = self.patterns_done
            raise DivergenceError(
                f"The loss of patterns {first:,} to {first + len(labels):,} of pass {self.passes_done + 1} is "
                f"{total / len(labels):.3g}; expected at most {limit:.3g}, twice that of a network whose F6 is all zero. "
                'Training has diverged: lower eta, raise mu, use init="authors", or curvature="running".'
            )
        self.loss_sum += total
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
        history = self.history
        return Progress(
            self.passes_done, self.passes, self.patterns_done, len(self.train),
            100 * self.errors / done, self.loss_sum / done, rate, history,
        )  # fmt: skip

    def bar(self, progress):
        """The progress bar over all the patterns of all the passes."""
        done = self.passes_done * len(self.train) + self.patterns_done
        return tqdm(
            total=self.passes * len(self.train), initial=done, unit=" patterns", unit_scale=True, disable=not progress,
            desc=f"pass {min(self.passes_done + 1, self.passes)} of {self.passes}",
        )  # fmt: skip

    def show(self, bar):
        now = self.state_of_play()
        bar.set_description(f"pass {now.pass_index + 1} of {now.passes}", refresh=False)
        bar.set_postfix_str(f"error {now.train_error:.2f}%, loss {now.loss:.3f}", refresh=False)
        bar.update(self.passes_done * len(self.train) + self.patterns_done - bar.n)

    def state(self):
        """Tensors and facts from which the run goes on."""
        optimizer = self.optimizer.state_dict()
        tensors = {f"model.{name}": tensor.clone() for name, tensor in self.model.state_dict().items()}
        numbers = {}
        for index, values in optimizer["state"].items():
            for name, value in values.items():
                if torch.is_tensor(value):
                    tensors[f"optimizer.{index}.{name}"] = value.clone()
                elif value is not None:
                    numbers[f"{index}.{name}"] = value
        tensors["distortions"] = self.distortions.get_state()
        place = {name: getattr(self, name) for name in PLACE}
        return tensors, {
            "groups": optimizer["param_groups"],
            "names": optimizer.get("names"),
            "numbers": numbers,
            "place": place,
            "history": asdict(self.history),
        }

    def save(self):
        """Write the checkpoint, whole or not at all."""
        self.snapshot = self.state()
        if self.checkpoint is not None:
            save_tensors(self.checkpoint, *self.snapshot)
            self.saved_at = time.monotonic()

    def save_snapshot(self):
        """Write the state at the last block's end, and say how to go on: an update may be half done."""
        if self.checkpoint is None:
            return "Interrupted. Without a checkpoint the run cannot go on; give fit a checkpoint path to be able to."
        save_tensors(self.checkpoint, *self.snapshot)
        return f"Interrupted. {self.checkpoint} is written; run the same again and it goes on from there."

    def resume(self):
        """Take up the checkpoint. Raises CheckpointError where it is of another run, network or version."""
        tensors, facts = load_tensors(self.checkpoint)
        if "history" not in facts:
            raise CheckpointError(
                f"{self.checkpoint} holds weights, not a checkpoint; give fit another path."
            )
        history = History(**facts["history"])
        self.refuse_other(history)
        fill(
            self.model,
            {name[6:]: t for name, t in tensors.items() if name.startswith("model.")},
            self.checkpoint,
        )
        state = {}
        for name, tensor in tensors.items():
            if name.startswith("optimizer."):
                _, index, key = name.split(".")
                state.setdefault(int(index), {})[key] = tensor
        for name, number in facts["numbers"].items():
            index, key = name.split(".")
            state.setdefault(int(index), {})[key] = number
        loaded = {"state": state, "param_groups": facts["groups"]}
        if isinstance(self.optimizer, SDLM):
            loaded["names"] = facts["names"]
        self.optimizer.load_state_dict(loaded)
        self.distortions.set_state(tensors["distortions"])
        for name, value in facts["place"].items():
            setattr(self, name, value)
        self.history = history

    def refuse_other(self, history):
        """Raise CheckpointError where a saved run differs from this one."""
        here = {
            **self.history.configuration,
            "seed": self.seed,
            "version": self.history.versions["lenet_helpers"],
        }
        there = {**history.configuration, "seed": history.seed, "version": history.versions["lenet_helpers"]}
        differing = [name for name in here if here[name] != there.get(name)]
        if differing:
            name = differing[0]
            raise CheckpointError(
                f"{self.checkpoint} is of another run: its {name} is {there.get(name)!r}, here it is {here[name]!r}. "
                "Call fit with the same arguments, or give another checkpoint path."
            )


PLACE = ("passes_done", "patterns_done", "errors", "loss_sum", "seconds")  # of a Run


def error_rate(model, digits):
    """Error rate in percent over all of `digits` (Digits)."""
    like = next(model.parameters())
    blocks = zip(digits.images.split(BLOCK), digits.labels.split(BLOCK))
    wrong = sum(
        int((model.predict(to_input(images).to(like)).cpu() != labels).sum()) for images, labels in blocks
    )
    return 100 * wrong / len(digits)


def crc32(digits):
    """A number that tells one set of digits from another."""
    return zlib.crc32(
        digits.labels.numpy().tobytes(), zlib.crc32(digits.images.contiguous().numpy().tobytes())
    )


@contextmanager
def threads(count):
    """Run with `count` threads inside each operation."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check_arguments(passes, schedule, batch_size, curvature, gamma, curvature_patterns):
    for name, value in (
        ("passes", passes),
        ("batch_size", batch_size),
        ("curvature_patterns", curvature_patterns),
    ):
        if not (isinstance(value, int) and value >= 1):
            raise ValueError(f"{name} is {value!r}; expected a whole number from 1 up.")
    if curvature not in CURVATURES:
        raise ValueError(f"curvature is {curvature!r}; expected one of {', '.join(map(repr, CURVATURES))}.")
    if not 0 < gamma <= 1:
        raise ValueError(f"gamma is {gamma}; expected a number above 0 and up to 1, such as 0.1.")
    if not isinstance(schedule, LinearDecay):
        if len(schedule) == 0 or not all(eta >= 0 and math.isfinite(eta) for eta in schedule):
            raise ValueError(
                f"schedule is {schedule!r}; expected a LinearDecay, or one finite eta >= 0 for each pass."
            )
