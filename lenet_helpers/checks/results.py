"""Exercises of 12_paper_results."""

import math

from lenet_helpers.checks._judge import Check, Mistake, on_cases


def _wrong_lists(generator):
    """(first, second, patterns): indices of what each of two networks got wrong."""
    yield [1, 4, 7, 9, 12, 20, 31], [4, 9, 40], 100
    yield list(range(96)), [*range(60, 96), *range(200, 236)], 10_000
    yield list(range(12)), list(range(10, 40)), 1000
    yield [5, 6], [5, 6], 50


def _tail(low, n):
    """Probability that a fair coin shows at most `low` heads in n throws."""
    return sum(math.comb(n, k) for k in range(low + 1)) / 2**n


def _alone(first, second):
    first, second = set(first), set(second)
    return len(first - second), len(second - first)


def _two_sided(one, other):
    return min(1.0, 2 * _tail(min(one, other), one + other))


def _without_equality(one, other):
    low = min(one, other)
    return min(1.0, 2 * _tail(low - 1, one + other))


def _unpaired(first, second, patterns):
    """The p of a z test for two shares of independent samples."""
    share = (len(first) + len(second)) / (2 * patterns)
    z = abs(len(first) - len(second)) / patterns / math.sqrt(2 * share * (1 - share) / patterns)
    return math.erfc(z / math.sqrt(2))


mcnemar_by_hand = Check(
    "McNemar's test",
    right=lambda a, b, patterns: _two_sided(*_alone(a, b)),
    measure=on_cases(_wrong_lists),
    mistakes=[
        Mistake(
            "the digits that both get wrong counted too",
            lambda a, b, patterns: _two_sided(len(set(a)), len(set(b))),
            "A digit that both get wrong favours neither. Count what one of the two alone gets wrong.",
        ),
        Mistake(
            "one side only",
            lambda a, b, patterns: min(1.0, _tail(min(_alone(a, b)), sum(_alone(a, b)))),
            "Before looking, either network might have been the better one: double it.",
        ),
        Mistake(
            "the count that was seen left out",
            lambda a, b, patterns: _without_equality(*_alone(a, b)),
            "As large *or larger*: the sum includes the count that was seen.",
        ),
        Mistake(
            "two independent samples",
            _unpaired,
            "Both networks read the same digits, most of them easy or hard for both: compare digit by digit.",
        ),
        Mistake(
            "the probability of exactly this count",
            lambda a, b, patterns: math.comb(sum(_alone(a, b)), _alone(a, b)[0]) / 2 ** sum(_alone(a, b)),
            "Add the counts that are more extreme, on both sides.",
        ),
    ],
)


def _run(experiment, seed, curve):
    return {
        "experiment": experiment,
        "error": curve[-1] if curve else None,
        "configuration": {"seed": seed},
        "passes": [{"pass": number, "error": error} for number, error in enumerate(curve, 1)],
    }


def _records(generator):
    """(records, after): two experiments of different lengths, a run that diverged, and one too short to be shown."""
    runs = [
        _run("plain", 0, [3.0, 1.9, 1.2, 1.4]),
        _run("other", 0, [2.5, 1.1, 1.3]),
        _run("plain", 1, [2.8, 2.0, 1.6, 1.1]),
        _run("plain", 2, []),
        _run("other", 1, [2.2, 1.5, 1.0]),
        _run("short", 0, [4.0]),
    ]
    for after in (2, 3):
        yield runs, after


def _dots(records, after, error, keep=lambda run, after: len(run["passes"]) >= after):
    rows = {}
    for run in records:
        if keep(run, after):
            rows.setdefault(run["experiment"], []).append(error(run["passes"], after))
    return rows


def _at(passes, after):
    return passes[after - 1]["error"]


dot_plot = Check(
    "the dots of a dot plot",
    right=lambda records, after: _dots(records, after, _at),
    measure=on_cases(_records),
    mistakes=[
        Mistake(
            "the best pass so far",
            lambda records, after: _dots(records, after, lambda p, n: min(row["error"] for row in p[:n])),
            "The lowest of several passes is chosen by the very patterns it is judged on. Take the pass itself.",
        ),
        Mistake(
            "the last pass of each",
            lambda records, after: _dots(records, after, lambda p, n: p[-1]["error"]),
            "Runs of different lengths compare only after as many passes.",
        ),
        Mistake(
            "passes counted from 0",
            lambda records, after: _dots(records, after, lambda p, n: p[min(n, len(p) - 1)]["error"]),
            "Pass 1 is passes[0].",
        ),
        Mistake(
            "means instead of dots",
            lambda records, after: {name: [sum(row) / len(row)] for name, row in _dots(records, after, _at).items()},
            "A mean hides how far the runs lie apart: one number for each run.",
        ),
        Mistake(
            "one run an experiment",
            lambda records, after: {name: row[-1:] for name, row in _dots(records, after, _at).items()},
            "A later run overwrote an earlier one: append.",
        ),
        Mistake(
            "an empty row for what has no run of that length",
            lambda records, after: {run["experiment"]: [] for run in records} | _dots(records, after, _at),
            "An experiment without a dot gets no row.",
        ),
        Mistake(
            "a diverged run as 0",
            lambda records, after: _dots(
                records,
                after,
                lambda p, n: _at(p, n) if p else 0.0,
                lambda run, n: len(run["passes"]) >= n or not run["passes"],
            ),
            "A run that diverged has no error. Leave it out, and say so in words.",
        ),
    ],
)
