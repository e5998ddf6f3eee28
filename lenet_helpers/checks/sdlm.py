"""Exercises of 08_sdlm."""

import torch

from lenet_helpers.checks._judge import Check, Mistake, on_cases


def _steps(generator):
    """(w, gradient, h, eta, mu)."""
    for eta, mu in ((5e-4, 0.02), (0.1, 0.5)):
        w, gradient = torch.randn(2, 12, generator=generator)
        yield w, 10 * gradient, torch.rand(12, generator=generator), eta, mu


sdlm_step = Check(
    "one step of SDLM",
    right=lambda w, g, h, eta, mu: w - eta / (mu + h) * g,
    measure=on_cases(_steps),
    mistakes=[
        Mistake(
            "uphill", lambda w, g, h, eta, mu: w + eta / (mu + h) * g, "A step goes against the derivative."
        ),
        Mistake(
            "a bracket missing",
            lambda w, g, h, eta, mu: w - (eta / mu + h) * g,
            "eta / mu + h divides by mu alone: write eta / (mu + h).",
        ),
        Mistake(
            "the rate multiplied by the curvature",
            lambda w, g, h, eta, mu: w - eta * (mu + h) * g,
            "A large curvature asks for small steps: divide.",
        ),
        Mistake(
            "mu forgotten",
            lambda w, g, h, eta, mu: w - eta / h * g,
            "mu keeps the rate finite where h is small.",
        ),
        Mistake(
            "the larger of mu and h",
            lambda w, g, h, eta, mu: w - eta / h.clamp(min=mu) * g,
            "Eq. 21 adds mu to h.",
        ),
        Mistake(
            "the root of the curvature",
            lambda w, g, h, eta, mu: w - eta / (mu + h.sqrt()) * g,
            "The root belongs to Adam, which divides by a typical gradient. h stands as it is.",
        ),
        Mistake(
            "one rate for all",
            lambda w, g, h, eta, mu: w - eta / (mu + h.mean()) * g,
            "Each weight has its own h and its own rate.",
        ),
        Mistake("the step alone", lambda w, g, h, eta, mu: -eta / (mu + h) * g, "Return the new weights."),
    ],
)


def _tables(generator):
    """The paper's table and a random one with at least one connection a map."""
    from lenet_helpers.model import TABLE_I

    yield (TABLE_I,)
    table = torch.rand(7, 5, generator=generator) < 0.5
    table[:, 0] = True
    yield (table,)


initial_bounds = Check(
    "the bounds of C3's first weights",
    right=lambda table: 2.4 / (25 * table.sum(1)),
    measure=on_cases(_tables),
    mistakes=[
        Mistake(
            "the root of the fan-in",
            lambda table: 2.4 / (25 * table.sum(1)).sqrt(),
            "Appendix A divides by the fan-in itself. (Lush, the later library, takes 1 over the root.)",
        ),
        Mistake(
            "Lush's bounds",
            lambda table: (25 * table.sum(1)) ** -0.5,
            "That is the later library's rule. Asked for is Appendix A's: 2.4 / F.",
        ),
        Mistake(
            "one fan-in for all maps",
            lambda table: torch.full((len(table),), 2.4 / (25 * table.shape[1])),
            "Count each map's own connections: the row of the table.",
        ),
        Mistake(
            "the kernel forgotten",
            lambda table: 2.4 / table.sum(1),
            "Each connected map is seen through a kernel of 25 weights.",
        ),
        Mistake(
            "rows and columns swapped",
            lambda table: 2.4 / (25 * table.sum(0)),
            "The table is (C3 maps, S2 maps): add along the row.",
        ),
        Mistake(
            "the bias counted",
            lambda table: 2.4 / (25 * table.sum(1) + 1),
            "Count the inputs alone: 75, 100 or 150.",
        ),
    ],
)


def _averages(generator):
    """(estimates (steps, weights), gamma), with gamma away from 1/2."""
    for steps, gamma in ((5, 0.1), (8, 0.3)):
        yield torch.rand(steps, 4, generator=generator), gamma


def _running(estimates, keep, take):
    h = estimates[0]
    for estimate in estimates[1:]:
        h = keep * h + take * estimate
    return h


running_average = Check(
    "the running average of h",
    right=lambda estimates, gamma: _running(estimates, 1 - gamma, gamma),
    measure=on_cases(_averages),
    mistakes=[
        Mistake(
            "old and new swapped",
            lambda estimates, gamma: _running(estimates, gamma, 1 - gamma),
            "gamma is the small part that the new estimate gets.",
        ),
        Mistake(
            "a sum",
            lambda estimates, gamma: _running(estimates, 1.0, gamma),
            "The old value shrinks by 1 - gamma, else h only grows.",
        ),
        Mistake("the plain mean", lambda estimates, gamma: estimates.mean(0), "Later estimates weigh more."),
        Mistake(
            "the last estimate", lambda estimates, gamma: estimates[-1], "Keep 1 - gamma of the old value."
        ),
        Mistake(
            "started at zero",
            lambda estimates, gamma: _running(torch.cat([0 * estimates[:1], estimates]), 1 - gamma, gamma),
            "Start from the first estimate: from zero, h is too small and the rates are too large.",
        ),
    ],
)
