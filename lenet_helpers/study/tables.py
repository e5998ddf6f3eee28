"""RESULTS.md and the figures beside it: what `make results` writes, from the committed runs alone."""

from functools import partial

from .. import plots
from ..files import write_whole
from ..paper import FIG9, FIG10
from . import figures as result_figures
from .plan import Run
from .read import DISTORTED_SEEDS, RECIPES, REGULAR_SEEDS, RESULTS, claims, load_study

MAIN = "regular"
NAMES = {"rbf_scale": "penalty scale", "held_out": "held out", "curvature_every": "h renewed every"}
COMMITTEES = {recipe.regular: REGULAR_SEEDS for recipe in RECIPES} | {
    recipe.distorted: DISTORTED_SEEDS for recipe in RECIPES
}


def build_results(results_dir=RESULTS):
    """Write RESULTS.md and figures/ in the results folder; return the path of RESULTS.md.

    Raises FileNotFoundError where no run is finished or the outputs of a shown run are missing.
    """
    study = load_study(results_dir)
    figures = draw_figures(study)
    sections = [
        "# Results",
        INTRODUCTION,
        "## What the study had to reach",
        claims_table(study),
        *figures,
        "## Experiments, judged on the test set",
        experiments_table(study, "test"),
        "## Choices, judged on held-out training patterns",
        experiments_table(study, "held-out"),
        "## Rejection and committees",
        rejection_table(study),
        "## Every run",
        runs_table(study),
    ]
    path = study.folder / "RESULTS.md"
    text = "\n\n".join(section for section in sections if section) + "\n"
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))
    return path


MATTERS = {
    MAIN: "main recipe",
    "renewed": "h renewed within a pass",
    "renewed-j-7": "the same, j = 7",
    "mse": "MSE (Eq. 8)",
    "scale-1": "penalty scale 1, j = 20",
    "paper-init": "init 2.4/F, running h",
    "j-2.5": "j = 2.5",
    "j-5": "j = 5",
    "j-20": "j = 20",
    "exact-curvature": "exact diagonal of Eq. 9",
    "sgd": "plain SGD",
}
FIGURES = [
    (
        "fig5",
        "Fig. 5: error against passes",
        "Test and training error of the main recipe over the passes, mean and range "
        "over the seeds, with the numbers of Fig. 5 as circles.",
        [MAIN],
        result_figures.fig5,
    ),
    (
        "fig5_j_5",
        "Fig. 5 again, with j = 5",
        "Test and training error of the recipe to the letter with j = 5 over the passes, mean and range "
        "over the seeds, with the numbers of Fig. 5 as circles.",
        ["regular-j-5"],
        lambda study: result_figures.fig5(study, "regular-j-5"),
    ),
    (
        "fig5_renewed",
        "Fig. 5 again, with h renewed within a pass",
        "Test and training error of the recipe with h renewed over the passes, mean and range "
        "over the seeds, with the numbers of Fig. 5 as circles.",
        ["renewed"],
        lambda study: result_figures.fig5(study, "renewed"),
    ),
    (
        "fig6",
        "Fig. 6: error against the size of the training set",
        "Test and training error after the last pass for "
        "15,000, 30,000 and 60,000 patterns, with the numbers of Fig. 6 as squares.",
        [MAIN, "size-15000"],
        result_figures.fig6,
    ),
    (
        "what_matters",
        "What matters: one thing changed at a time",
        "Test error of the main recipe and of each variation of it at the same pass, a dot a seed.",
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
        "wrong_regular",
        "The wrong digits of regular-0",
        "Every test digit that the regular network of seed 0 gets wrong, right answer and its own.",
        [MAIN],
        lambda study: result_figures.wrong_digits(study, "regular-0"),
    ),
    (
        "wrong_distorted",
        "The wrong digits of distorted-0 (Fig. 8)",
        "Every test digit that the network of seed 0 trained with distortions gets wrong, right answer and its own.",
        ["distorted"],
        lambda study: result_figures.wrong_digits(study, "distorted-0"),
    ),
]

INTRODUCTION = """\
Written by `make results` from the files in `runs/` and `outputs/`; do not edit. Error rates are percentages
after the last pass, over the whole test set; "±" is the standard deviation over seeds. A test set of 10,000
leaves about ±0.1 on every figure, whatever the seeds do."""


def draw_figures(study):
    """Save every figure whose runs are finished; return their Markdown, a heading and a picture each."""
    folder = study.folder / "figures"
    folder.mkdir(exist_ok=True)
    shown = []
    for name, heading, alt, needs, draw in FIGURES:
        if not all(study.runs(experiment) for experiment in needs):
            continue
        save = partial(draw(study).savefig, format="png", dpi=plots.DPI, metadata={"Software": None})
        write_whole(folder / f"{name}.png", save)
        shown.append(f"## {heading}\n\n![{alt}](figures/{name}.png)")
    return shown


def table(header, rows):
    """A Markdown table, or a line that says there is nothing yet."""
    if not rows:
        return "No run is finished yet."
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def claims_table(study):
    """A row a claim, a column a recipe: what was measured and whether the bar is met."""
    rows = {}
    for claim in claims(study):
        row = rows.setdefault(claim.text, [claim.paper, f"<= {claim.bar:.2f}"] + ["-"] * len(RECIPES))
        column = 2 + [recipe.text for recipe in RECIPES].index(claim.recipe)
        row[column] = claim.verdict if claim.measured is None else f"{claim.measured:.3f} {claim.verdict}"
    header = ["claim", "paper", "bar", *(recipe.text for recipe in RECIPES)]
    return table(header, [(text, *row) for text, row in rows.items()])


def differences(configuration):
    """What sets a configuration apart from the main recipe's, in words."""
    main = Run(MAIN, MAIN, 0).configuration()
    said = []
    for key, value in configuration.items():
        if key in ("seed", "passes", "dataset") or value == main.get(key):
            continue
        if key == "distortion":
            said.append("distorted: " + ", ".join(f"{name} {strength}" for name, strength in value.items()))
        elif key == "patterns":
            said.append(f"{value:,} patterns")
        elif key == "schedule" and not isinstance(value, str):
            said.append("eta " + ", ".join(f"{eta:g}" for eta in value))
        else:
            said.append(f"{NAMES.get(key, key)} {value}")
    return "; ".join(said) or "main recipe"


def spread(values):
    """Mean ± standard deviation, or the one value."""
    return f"{values.mean():.2f}" + (f" ± {values.std(ddof=1):.2f}" if len(values) > 1 else "")


def experiments_table(study, judged_on, named=""):
    """A row an experiment whose name begins so: what sets it apart from the main recipe, its errors at the end."""
    rows = []
    for name in study.experiments():
        runs, diverged = study.runs(name), study.diverged(name)
        first = (runs + diverged)[0]
        if first["evaluated_on"] != judged_on or not name.startswith(named):
            continue
        cells = ["-"] * 5
        if runs:
            errors, passes = study.errors(name), len(first["passes"])
            training = study.curves(name, "train_error")[:, -1]
            each = ", ".join(f"{error:.2f}" for error in errors)
            cells = [passes, spread(errors), each, spread(training), main_recipe_after(study, passes)]
        if diverged:
            cells[2] += f" ({len(diverged)} diverged)"
        rows.append((name, differences(first["configuration"]), *cells))
    header = ["experiment", "differs in", "passes", "error", "by seed", "training error", "main recipe then"]
    shown = None if judged_on == "test" else -1  # the main recipe is judged on the test set alone
    return table(header[:shown], [row[:shown] for row in rows])


def main_recipe_after(study, passes):
    """The main recipe's mean test error after as many passes."""
    curves = study.curves(MAIN)
    return f"{curves[:, passes - 1].mean():.2f}" if len(curves) and passes <= curves.shape[1] else "-"


def rejection_table(study):
    rows = []
    for name, seeds in COMMITTEES.items():
        runs = study.runs(name)
        if not runs:
            continue
        rejected = ", ".join(f"{run['rejection']:.2f}" for run in runs)
        together = f"{study.committee(name):.2f} ({len(runs)} of {seeds} networks)"
        rows.append((name, rejected, together))
    rows.append(("boosted LeNet-4 (paper)", FIG10["boosted LeNet-4"], FIG9["boosted LeNet-4 (distorted)"]))
    rows.append(("LeNet-4 (paper)", FIG10["LeNet-4"], FIG9["LeNet-4"]))
    return table(["networks", "% rejected for 0.5% error, by seed", "error together"], rows)


def runs_table(study):
    rows = []
    for run in study.records:
        outcome = ["diverged", "-", "-"]
        if run["error"] is not None:
            outcome = [f"{run['error']:.2f}", len(run["passes"]), f"{run['seconds'] / 60:.1f}"]
        rows.append((run["name"], run["evaluated_on"], *outcome, f"`{run['git_commit'][:10]}`"))
    return table(["run", "judged on", "error", "passes", "minutes", "commit"], rows)
