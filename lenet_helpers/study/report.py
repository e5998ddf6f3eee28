"""RESULTS.md and the figures beside it: what `make results` writes, from the committed runs alone."""

import json
from functools import partial

from .. import plots
from ..files import write_whole
from . import figures as result_figures
from . import questions, tables
from .read import RESULTS, load_study
from .tables import MAIN

MATTERS = {
    MAIN: "h once a pass, j = 10",
    "renewed": "h every 1,000 patterns",
    "renewed-j-7": "h every 1,000 patterns, j = 7",
    "mse": "MSE (Eq. 8)",
    "scale-1": "penalty scale 1, j = 20",
    "paper-init": "first weights 2.4/F, running h",
    "j-2.5": "j = 2.5",
    "j-5": "j = 5",
    "j-20": "j = 20",
    "exact-curvature": "exact diagonal of Eq. 9",
    "sgd": "plain SGD",
}
OPTIMIZERS_NOTE = """\
Each optimizer's rate falls in the same proportion, as the paper's eta does. Short runs of one seed chose the rate: four
passes over 20,000 patterns, judged on 10,000 held-out ones, on which the error of one run is uncertain by about 0.3
points. SDLM has the paper's eta whatever its short runs say. Then twenty passes, judged on the test set, the same seeds
and orders for all; comparisons go pair by pair, of one pair alone by the digits that one of the two gets wrong."""
CURVES_NOTE = """\
How far the mean curve of each experiment lies above Fig. 5's, in percentage points, below where negative. Each differs
from `regular` in what is named, and is otherwise as it is. The training error is the paper's: that of the patterns as
they come, each before its update."""
FIGURES = [
    (
        "fig5",
        "Fig. 5: h once a pass, j = 10",
        "Training and test error with h once a pass and j = 10 over the passes, mean and range "
        "over the seeds, with the numbers of Fig. 5 as circles.",
        [MAIN],
        result_figures.fig5,
    ),
    (
        "fig5_j_5",
        "Fig. 5: h once a pass, j = 5",
        "Training and test error with h once a pass and j = 5 over the passes, mean and range "
        "over the seeds, with the numbers of Fig. 5 as circles.",
        ["regular-j-5"],
        lambda study: result_figures.fig5(study, "regular-j-5"),
    ),
    (
        "fig5_renewed",
        "Fig. 5: h every 1,000 patterns, j = 10",
        "Training and test error with h every 1,000 patterns and j = 10 over the passes, mean and range "
        "over the seeds, with the numbers of Fig. 5 as circles.",
        ["renewed"],
        lambda study: result_figures.fig5(study, "renewed"),
    ),
    (
        "fig6",
        "Fig. 6: error against the size of the training set",
        "Test and training error after the last pass for "
        "15,000, 30,000 and 60,000 patterns, with the numbers of Fig. 6 as circles.",
        [MAIN, "size-15000"],
        result_figures.fig6,
    ),
    (
        "rates",
        "Rates: held-out error of each optimizer",
        "Held-out error of short runs against the first rate over two decades, a line an optimizer, a cross at "
        "the top where the run diverged.",
        ["rate-sgd-0.001"],
        result_figures.rates,
    ),
    (
        "optimizers",
        "Twenty passes of each optimizer",
        "Test error over twenty passes, mean and range of the runs of each optimizer.",
        [MAIN, "best-sgd"],
        result_figures.optimizers,
    ),
    (
        "what_matters",
        "What matters: one thing changed at a time",
        "Test error of the main recipe and of each variation of it at the same pass, a dot a seed, with mean "
        "and interval.",
        [MAIN, "mse"],
        lambda study: result_figures.what_matters(study, MATTERS),
    ),
    (
        "rejection",
        "Rejection (Fig. 10)",
        "Error rate of the patterns kept against the percentage rejected, regular and "
        "distorted, with the classifiers of Fig. 10.",
        [MAIN],
        result_figures.rejection,
    ),
    (
        "astray",
        "Runs that went astray",
        "Above the training error, below the share of saturated states in C5, over the first three passes of five runs "
        "that went astray, each beside one that did not. Within 1,000 to 5,000 patterns C5 saturates and stays so.",
        ["scale-1", "distorted-j-5", "strength-4-renewed", "margin-20-scale-1-renewed"],
        result_figures.astray,
    ),
    (
        "wrong_regular",
        "The wrong digits of regular-0",
        "Every test digit that the regular network of seed 0 gets wrong, right answer and its own.",
        [MAIN],
        lambda study: result_figures.wrong_digits(study, "regular-0"),
    ),
    (
        "wrong_distorted",
        "The wrong digits of distorted-longer-0, the package's `distorted` (Fig. 8)",
        "Every test digit that the network of seed 0 trained with distortions gets wrong, right answer and its own.",
        ["distorted-longer"],
        lambda study: result_figures.wrong_digits(study, "distorted-longer-0"),
    ),
]

INTRODUCTION = """\
Written by `make results` from the files in `runs/` and `outputs/`; do not edit. Error rates are percentages
after the last pass, over the whole test set, one number a seed; n counts seeds. In brackets stands the 95% interval of
the mean over all seeds (Student's t, wide for two or three), or of one network over all digits (Wilson), as said.
A test set of 10,000 leaves about ±0.2 on every single figure (95%), whatever the seeds do. Differences are
paired by seed where two recipes share seeds, else Welch's t; what they leave open at 95% is called equal."""
ASTRAY_NOTE = f"""\
All runs of each experiment, of four passes or more, whose worst run ends at more than {tables.ASTRAY} times the error
of the best; those beyond that in bold. Error after passes 1, 2, 3 and the last."""
SATURATION_NOTE = """\
The first passes again with a look into the network (`python studies/astray.py`), by later code: last bits and with them
errors differ. Percent of states beyond 1.5, where the squash is less than a quarter as steep as in the middle."""
CHOICES_NOTE = """\
The lowest first, and each other compared with it. "Equal" is what the runs do not tell apart at 95%. Where the one that
was taken is not the lowest, it was so when it was taken: others, or more seeds, came later."""


def build_results(results_dir=RESULTS):
    """Write RESULTS.md and figures/ in the results folder; return the path of RESULTS.md.

    Raises FileNotFoundError where no run is finished or the outputs of a shown run are missing.
    """
    study = load_study(results_dir)
    figures = draw_figures(study)
    sections = [
        "# Results",
        INTRODUCTION,
        "## What departs from the paper",
        tables.departures_table(study),
        "## The recipes",
        tables.recipes_table(study),
        "## What the study had to reach",
        tables.claims_table(study),
        tables.bars_met(study),
        *figures,
        "## Is SDLM worth it?",
        OPTIMIZERS_NOTE,
        questions.rates_table(study),
        questions.optimizers_table(study),
        "## Curves beside Fig. 5",
        CURVES_NOTE,
        "Training error:",
        questions.curves_table(study, "train_error"),
        "Test error:",
        questions.curves_table(study, "error"),
        "## Experiments, judged on the test set",
        tables.experiments_table(study, "test"),
        "## Runs that went astray",
        ASTRAY_NOTE,
        tables.astray_table(study),
        tables.astray_share(study, "margin-5-gentle"),
        *looked_at(study),
        "## Choices, judged on held-out training patterns",
        CHOICES_NOTE,
        *tables.choices(study),
        "### Every experiment on held-out patterns",
        tables.experiments_table(study, "held-out"),
        "## Rejection and committees",
        tables.rejection_table(study),
        *cluster(study),
        "## Every run",
        tables.runs_table(study),
    ]
    path = study.folder / "RESULTS.md"
    text = "\n\n".join(section for section in sections if section) + "\n"
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))
    return path


def looked_at(study):
    """What a closer look at runs that went astray showed, where one was taken."""
    return [SATURATION_NOTE, questions.saturation_table(study)] if questions.looks(study) else []


def cluster(study):
    """The section on what a Dask cluster costs, where that has been measured."""
    path = study.folder / "cluster.json"
    if not path.exists():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    return ["## A Dask cluster (`python studies/cluster.py`)", *questions.cluster_tables(found)]


def draw_figures(study):
    """Save every figure whose runs are finished; return their Markdown, a heading and a picture each."""
    folder = study.folder / "figures"
    shown = []
    for name, heading, alt, needs, draw in FIGURES:
        if not all(study.runs(experiment) for experiment in needs) or (name == "astray" and not questions.looks(study)):
            continue
        save = partial(draw(study).savefig, format="png", dpi=plots.DPI, metadata={"Software": None})
        write_whole(folder / f"{name}.png", save)
        shown.append(f"## {heading}\n\n![{alt}](figures/{name}.png)")
    return shown
