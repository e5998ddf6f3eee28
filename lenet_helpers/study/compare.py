"""Which of two is better, and by more than chance? Recipes over seeds, networks over the digits they differ on.

Intervals are of 95% confidence, error rates and differences in percentage points. The tests are SciPy's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
UNDECIDING = {"margin-5-gentle": range(16, 30)}  # they count runs that go astray and decide nothing, by the plan


@dataclass(frozen=True)
class Comparison:
    """How much higher the first of two errors is, and what chance alone would make of such a difference."""

    difference: float  # percentage points, first minus second
    low: float  # ends of its interval
    high: float
    p: float  # probability of a difference at least as large where there is none; NaN where the runs cannot say
    test: str  # in words, with the numbers that went in

    @property
    def equal(self) -> bool:
        """Whether the two are called equal: the data do not exclude a difference of 0."""
        return not self.p < 1 - CONFIDENCE

    def __str__(self):
        if not np.isfinite(self.high):
            return f"{self.difference:+.3f} ({self.test}: no interval)"
        verdict = "equal" if self.equal else "lower" if self.difference < 0 else "higher"
        return f"{self.difference:+.3f} [{self.low:+.3f}, {self.high:+.3f}], p = {self.p:.2g} ({self.test}): {verdict}"


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Where the mean of all seeds lies, judged by these: Student's t. One value says nothing: (-inf, inf)."""
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return -np.inf, np.inf
    reach = stats.sem(values) * stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)
    return float(values.mean() - reach), float(values.mean() + reach)


def error_interval(wrong: int, patterns: int) -> tuple[float, float]:
    """Where the error rate (percent) over all digits lies of a network that got `wrong` of `patterns` wrong: Wilson."""
    interval = stats.binomtest(wrong, patterns).proportion_ci(CONFIDENCE, method="wilson")
    return 100 * interval.low, 100 * interval.high


def compare_means(first: Mapping[int, float], second: Mapping[int, float]) -> Comparison:
    """Compare two recipes by their errors, seed -> percent.

    Seeds that both have share first weights and order of patterns, so the runs are compared pair by pair (paired t);
    recipes without a common pair of seeds are compared as two samples of their own spread (Welch's t). One
    run, or runs that do not scatter at all, give no measure of chance, and so no interval.
    """
    seeds = sorted(set(first) & set(second))
    if len(seeds) > 1:
        one, other = (np.array([errors[seed] for seed in seeds]) for errors in (first, second))
        test, scatter, words = stats.ttest_rel, np.ptp(one - other), f"paired t, {len(seeds)} seeds"
    else:
        one, other = (np.array(list(errors.values())) for errors in (first, second))
        test, scatter = partial(stats.ttest_ind, equal_var=False), max(np.ptp(one), np.ptp(other))
        words = f"Welch's t, {len(one)} and {len(other)} runs"
    difference = float(one.mean() - other.mean())
    if min(len(one), len(other)) < 2 or scatter < 1e-9:  # nothing to judge the difference by
        alike = scatter < 1e-9 and abs(difference) < 1e-9
        return Comparison(difference, -np.inf, np.inf, 1.0 if alike else np.nan, words)
    found = test(one, other)
    interval = found.confidence_interval(CONFIDENCE)
    return Comparison(difference, float(interval.low), float(interval.high), float(found.pvalue), words)


def mcnemar(first: Sequence[int], second: Sequence[int], patterns: int) -> Comparison:
    """Compare two networks that read the same digits, by the indices of those that each got wrong.

    Digits that both get right or both get wrong say nothing about which is better. Of the discordant ones, that one
    of the two alone gets wrong, each would be as likely to fall to either if the two were equally good: the exact
    two-sided binomial test (McNemar 1947). The interval is that of the discordant share (Clopper and Pearson).
    """
    first, second = set(first), set(second)
    one, other = len(first - second), len(second - first)
    discordant = one + other
    words = f"McNemar, {one} against {other} of {patterns:,} digits"
    if not discordant:
        return Comparison(0.0, 0.0, 0.0, 1.0, words)
    test = stats.binomtest(one, discordant)
    share = test.proportion_ci(CONFIDENCE, method="exact")
    low, high = (100 * discordant / patterns * (2 * end - 1) for end in (share.low, share.high))
    return Comparison(100 * (one - other) / patterns, float(low), float(high), float(test.pvalue), words)


@dataclass(frozen=True)
class Choice:
    """One experiment among those that a choice was made from."""

    name: str
    errors: tuple[float, ...]
    mean: float
    against: Comparison | None  # its error minus that of the lowest; None for the lowest itself


def choose(study, names: Sequence[str]) -> list[Choice]:
    """Rank experiments by mean error, the lowest first, each compared with the lowest; `UNDECIDING` seeds are left out.

    The lowest of several owes part of its place to luck, so its lead is, if anything, smaller than it looks. Raises
    ValueError for an experiment without a finished run.
    """
    errors = {
        name: {seed: x for seed, x in errors_by_seed(study, name).items() if seed not in UNDECIDING.get(name, ())}
        for name in names
    }
    means = {name: float(np.mean(list(by_seed.values()))) for name, by_seed in errors.items()}
    best, *others = sorted(names, key=means.get)
    ranked = [Choice(best, tuple(errors[best].values()), means[best], None)]
    for name in others:
        ranked.append(Choice(name, tuple(errors[name].values()), means[name], compare_runs(study, name, best)))
    return ranked


def compare_runs(study, first: str, second: str) -> Comparison:
    """Compare two experiments by the errors of their seeds in pairs.

    Where there is one pair alone, that of the one seed they share or of one run each, it is compared by the digits.
    """
    one, other = ({run["configuration"]["seed"]: run for run in study.runs(name)} for name in (first, second))
    pairs = [(one[seed], other[seed]) for seed in sorted(set(one) & set(other))]
    if len(one) == len(other) == 1:
        pairs = [(*one.values(), *other.values())]
    if len(pairs) == 1:
        (run, rival), judges = pairs[0], ("evaluated_on", "evaluated_patterns", "data")
        if all(run[key] == rival[key] for key in judges):
            return mcnemar(run["wrong"], rival["wrong"], run["evaluated_patterns"])
    return compare_means(errors_by_seed(study, first), errors_by_seed(study, second))


def errors_by_seed(study, experiment: str, after: int | None = None) -> dict[int, float]:
    """Seed -> error of each finished run, after pass `after` or after its last.

    Raises ValueError for an experiment without a finished run of that many passes.
    """
    runs = [run for run in study.runs(experiment) if after is None or len(run["passes"]) >= after]
    if not runs:
        asked = "" if after is None else f" of {after} passes"
        raise ValueError(f"{experiment!r} has no finished run{asked}; expected one of {study.experiments()}.")
    return {
        run["configuration"]["seed"]: run["error"] if after is None else run["passes"][after - 1]["error"]
        for run in runs
    }
