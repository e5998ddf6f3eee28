"""How networks that read strings are trained (Section VII): kinds of recipes, those that were run, the one packaged."""

import time
from dataclasses import dataclass, replace

import torch

from ..data.distort import Distortion
from ..data.strings import PixelInversion, make_strings, string_windows
from ..schedules import LinearDecay
from ..strings import Grammar, fit_strings
from ..training.loop import fit


@dataclass(frozen=True)
class Recipe:
    """How windows are made and trained on (VII-B): `count` of them in passes of these etas, several an update."""

    windows: dict  # arguments of string_windows
    count: int
    etas: tuple
    batch_size: int = 16
    curvature_every: int = 5000
    noisy: float = 0.4  # share of the windows shown with 10% of their pixels inverted
    seed: int = 0
    start: str = "results/weights/regular-0.safetensors"  # of the checkout, or a recipe: what it goes on from
    copies: int = 0  # distorted ones of every digit, which windows are made of too
    distortion: Distortion | None = None

    def train(self, model, digits, progress=True):
        """Train `model` on windows of these digits, in place; returns figures of the training."""
        digits = with_copies(digits, self.copies, self.distortion, self.seed)
        history = fit(
            model,
            string_windows(digits, self.count, **self.windows, seed=self.seed),
            passes=len(self.etas),
            schedule=self.etas,
            seed=self.seed,
            batch_size=self.batch_size,
            curvature_every=self.curvature_every,
            distort=PixelInversion(0.1, self.noisy),
            progress=progress,
        )
        return {"train_error": history.series("train_error"), "seconds": history.seconds}


@dataclass(frozen=True)
class GlobalRecipe:
    """How whole strings are made and trained on (VII-C): `count` of them in so many passes, several an update."""

    strings: dict  # arguments of make_strings
    count: int
    etas: tuple  # the first and the last, between which it falls linearly
    passes: int = 1
    begin: float = -2.0  # of the grammar
    temperature: float = 1.0
    batch_size: int = 1
    curvature_every: int = 500
    noisy: float = 0.05
    seed: int = 0
    start: str = "distorted"
    copies: int = 0
    distortion: Distortion | None = None

    def train(self, model, digits, progress=True):
        """Train `model` on strings of these digits, in place; returns figures of the training."""
        start, digits = time.perf_counter(), with_copies(digits, self.copies, self.distortion, self.seed)
        criterion = fit_strings(
            model,
            make_strings(digits, self.count, **self.strings, seed=self.seed),
            passes=self.passes,
            schedule=LinearDecay(*self.etas, passes=self.passes),
            grammar=Grammar(begin=self.begin),
            seed=self.seed,
            batch_size=self.batch_size,
            temperature=self.temperature,
            curvature_every=self.curvature_every,
            distort=PixelInversion(0.1, self.noisy),
            progress=progress,
        )
        tenths = [part.mean().item() for part in criterion.tensor_split(10)]
        return {"criterion by tenths": tenths, "seconds": time.perf_counter() - start}


def with_copies(digits, copies, distortion, seed):
    """The digits, and so many distorted copies of each."""
    random = torch.Generator().manual_seed(seed)
    distorted = [distortion(part, random).round().to(torch.uint8) for part in digits.images.split(1000) * copies]
    return replace(digits, images=torch.cat([digits.images, *distorted]), labels=digits.labels.repeat(1 + copies))


DISTORTION = Distortion(translation=0.0, scaling=0.12, squeezing=0.12, shear=0.2, fraction=1.0)

RECIPES = {
    "apart": Recipe(
        {"blanks": 0.35, "clear": 6.0, "close": 0.35, "jitter": 1, "ends": 0.2},
        300_000, (3e-3, 2e-3, 1e-3, 3e-4), seed=1,
    ),
    "closer": Recipe(
        {"blanks": 0.35, "clear": 6.0, "close": 0.5, "jitter": 1, "ends": 0.2},
        500_000, (2e-3, 1.5e-3, 1e-3, 5e-4, 2e-4, 5e-5), noisy=0.3, seed=2, start="apart",
    ),
    "finer": Recipe(
        {"blanks": 0.35, "clear": 6.0, "close": 0.5, "jitter": 1, "ends": 0.2},
        450_000, (1.2e-3, 6e-4, 2e-4, 5e-5), noisy=0.2, seed=3, start="closer",
    ),
    "longer": Recipe(
        {"blanks": 0.45, "clear": 6.0, "close": 0.5, "jitter": 1, "ends": 0.15},
        1_000_000, (4e-3, 3.5e-3, 3e-3, 2.5e-3, 2e-3, 1.4e-3, 8e-4, 3e-4, 6e-5), batch_size=32, curvature_every=20_000,
        noisy=0.12, seed=4, start="finer",
    ),
    "still-longer": Recipe(
        {"blanks": 0.45, "clear": 6.0, "close": 0.5, "jitter": 1, "ends": 0.15},
        1_000_000, (4e-3, 4e-3, 3.5e-3, 3e-3, 2.5e-3, 2e-3, 1.5e-3, 1e-3, 6e-4, 3e-4, 1e-4, 3e-5), batch_size=32,
        curvature_every=20_000, noisy=0.08, seed=5, start="longer",
    ),
    "longest": Recipe(
        {"blanks": 0.45, "clear": 6.0, "close": 0.55, "jitter": 1, "ends": 0.15},
        1_000_000, (4e-3, 4e-3, 4e-3, 3e-3, 3e-3, 2e-3, 1.4e-3, 9e-4, 5e-4, 2e-4, 5e-5), batch_size=32,
        curvature_every=20_000, noisy=0.05, seed=6, start="still-longer",
    ),
    "distorted": Recipe(
        {"blanks": 0.42, "clear": 6.0, "close": 0.5, "jitter": 1, "ends": 0.15},
        1_000_000, (4e-3, 4e-3, 3.5e-3, 3e-3, 2.5e-3, 2e-3, 1.4e-3, 1e-3, 6e-4, 3e-4, 1e-4, 3e-5), batch_size=32,
        curvature_every=20_000, noisy=0.06, seed=7, start="longest", copies=5,
        distortion=DISTORTION,
    ),
    "distorted-longer": Recipe(
        {"blanks": 0.42, "clear": 6.0, "close": 0.6, "jitter": 1, "ends": 0.15},
        1_000_000, (4e-3, 4e-3, 4e-3, 3.5e-3, 3e-3, 2.5e-3, 2e-3, 1.5e-3, 1e-3, 6e-4, 4e-4, 2e-4, 1e-4, 3e-5),
        batch_size=32, curvature_every=20_000, noisy=0.03, seed=8, start="distorted", copies=9, distortion=DISTORTION,
    ),
    "global": GlobalRecipe(
        {"lengths": (3, 6), "gaps": (-7, 4), "jitter": 2}, 150_000, (3e-4, 2e-5), begin=-2.0, temperature=8.0,
        batch_size=8, curvature_every=250, noisy=0.05, start="distorted-longer", copies=9, distortion=DISTORTION,
    ),
    "global-longer": GlobalRecipe(
        {"lengths": (3, 6), "gaps": (-7, 4), "jitter": 2}, 400_000, (4e-4, 1e-5), passes=2, begin=-2.0,
        temperature=8.0, batch_size=8, curvature_every=1000, noisy=0.05, seed=9, start="distorted-longer", copies=9,
        distortion=DISTORTION,
    ),
    "global-longest": GlobalRecipe(
        {"lengths": (3, 6), "gaps": (-6, 4), "jitter": 2}, 400_000, (4e-4, 1e-5), passes=2, begin=-2.0,
        temperature=8.0, batch_size=8, curvature_every=1000, noisy=0.02, seed=10, start="global-longer", copies=9,
        distortion=DISTORTION,
    ),
}  # fmt: skip
CHOSEN, LAST_OF_WINDOWS = "global-longest", "distorted-longer"
WAYS = {  # to go on from windows, for as many updates
    "global (VII-C)": replace(RECIPES["global"], count=30_000),
    "windows (VII-B)": replace(
        RECIPES[LAST_OF_WINDOWS],
        count=24_000,
        etas=(1e-4, 8e-5, 5.5e-5, 3e-5, 7e-6),
        curvature_every=8_000,
        noisy=0.05,
    ),  # fmt: skip
}
