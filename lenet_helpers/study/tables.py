"""What a study found, as Markdown tables: `report` writes them into RESULTS.md, notebooks show some of them."""

import numpy as np

from ..paper import FIG9, FIG10
from .compare import choose, compare_means, error_interval, errors_by_seed, mean_interval
from .optimizers import CONTENDERS, PUBLISHED
from .plan import Run
from .read import RECIPES, claims

MAIN = "regular"
ASTRAY = 1.4  # times the error of the best seed: far beyond the scatter of the others
FAR = 1.5  # times the median: the bar for the recommended recipe, of whose runs in eight passes none may end beyond it
NAMES = {"rbf_scale": "penalty scale", "held_out": "held out", "curvature_every": "h renewed every"}
COMMITTEES = {recipe.regular: recipe.regular_seeds for recipe in RECIPES if recipe.regular} | {
    recipe.distorted: recipe.distorted_seeds for recipe in RECIPES if recipe.distorted
}
DEPARTURES = (  # what the paper has, what the recipes have, and the experiment that changes it, where there is one
    ("first weights", "uniform within ±2.4/F (App. A)", "within ±1/√F, coefficients 0.5, biases 0", "paper-init"),
    ("penalty (Eq. 7)", "no factor", "times 1/2, as in the authors' later library", "scale-1"),
    ("loss behind Fig. 5", "not said: Eq. 8 or 9", "MAP, Eq. 9", "mse"),
    ("j of Eq. 9", "not given", "10, 5 or 7", "j-20"),
    ("second derivative at F6", "not said for Eq. 9", "the constant 2 x scale, as for Eq. 8", "exact-curvature"),
    ("h", "500 patterns before each pass", "so, or every 1,000 patterns", "renewed"),
    ("strengths of the distortions", "not given", "chosen on held-out patterns", None),
)
CHOICES = {  # what was chosen on held-out patterns: the experiments that it was chosen from, and what was taken
    "How often h is estimated": (
        ("renew-never", "renew-25000", "renew-10000", "renew-5000", "renew-1000"),
        "renew-1000",
    ),
    "j, with h once a pass": (("margin-2.5", "margin-5", "margin-7", "renew-never"), "renew-never"),
    "j, with h every 1,000 patterns": (
        ("margin-2.5-renewed", "margin-5-renewed", "margin-7-renewed", "renew-1000", "margin-20-scale-1-renewed"),
        "margin-7-renewed",
    ),
    "The largest eta, with h every 1,000 patterns and j = 5": (
        ("margin-5-renewed", "margin-5-gentle"),
        "margin-5-gentle",
    ),
    "Strengths of the distortions, short runs": (
        ("strength-1", "strength-2", "strength-3", "strength-4", "strength-5"),
        None,
    ),
    "Strengths of the distortions, longer runs": (("strength-2-longer", "strength-4-longer"), "strength-2-longer"),
    "Strengths of the distortions, with h every 1,000 patterns": (
        tuple(f"strength-{number}-renewed" for number in (1, 2, 3, 4, 6, 7)),
        "strength-3-renewed",
    ),
    "Elastic distortions, with h every 1,000 patterns and j = 7": (
        tuple(f"strength-elastic-{name}" for name in ("0", "8", "17", "34", "17-weak", "smooth")),
        "strength-elastic-0",
    ),
    "Elastic distortions in twenty passes, with h every 1,000 patterns and j = 5": (
        ("strength-elastic-0-longer", "strength-elastic-17-weak-longer"),
        "strength-elastic-0-longer",
    ),
    "A little of elastic distortions in sixty passes, with h every 1,000 patterns and j = 5": (
        ("strength-elastic-0-sixty", "strength-elastic-17-weak-sixty", "strength-elastic-8-sixty"),
        None,
    ),
    "A smaller first eta, with distortions": (
        ("rate-gentle", "strength-elastic-0", "rate-gentle-elastic", "strength-elastic-17-weak"),
        "rate-gentle",
    ),
    "A smaller first eta, with distortions of strength 4, a run of which went astray": (
        ("strength-4-renewed", "strength-4-gentle"),
        None,
    ),
    "A smaller first eta, with penalty scale 1, two runs of which went astray": (
        ("margin-20-scale-1-renewed", "margin-20-scale-1-gentle"),
        None,
    ),
    "The rate of plain SGD": (("rate-0.0001", "rate-0.0003", "rate-0.001", "rate-0.003"), "rate-0.0003"),
} | {
    f"The rate of {each.text}, over two decades": (
        tuple(map(each.experiment, each.rates)),
        None if each.rate in (None, PUBLISHED) else each.experiment(each.rate),
    )
    for each in CONTENDERS
}


def table(header, rows):
    """A Markdown table, or a line that says there is nothing yet."""
    if not rows:
        return "No run is finished yet."
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def departures_table(study):
    """A row for each place where the recipes are not the paper's word, with what a run of the other reading reached."""
    rows = []
    for what, theirs, ours, experiment in DEPARTURES:
        other = difference = "-"
        if experiment and study.runs(experiment):
            passes = min(len(run["passes"]) for run in study.runs(experiment) + study.runs(MAIN))
            errors = errors_by_seed(study, experiment, passes)
            diverged = len(study.diverged(experiment))
            other = f"`{experiment}`: {estimate(errors.values())} after pass {passes}, n = {len(errors)}"
            other += f", {diverged} more diverged" if diverged else ""
            difference = compare_means(errors, errors_by_seed(study, MAIN, passes))
        rows.append((what, theirs, ours, other, difference))
    header = ["what", "the paper", "here", "changed, test error", f"minus that of `{MAIN}` then"]
    return table(header, rows)


def recipes_table(study):
    """A row a recipe: how it came about, and its errors without and with distortions."""
    rows = []
    for recipe in RECIPES:
        cells = []
        experiments = (recipe.regular, recipe.regular_seeds), (recipe.distorted, recipe.distorted_seeds)
        for experiment, seeds in experiments:
            runs = study.runs(experiment)
            cells.append(f"{estimate(study.errors(experiment))}, n = {len(runs)} of {seeds}" if runs else "-")
        rows.append((recipe.text, recipe.origin, *cells, difference_from_main(study, recipe.regular)))
    header = ["recipe", "how it came about", "regular", "distorted", "regular, minus the first recipe's"]
    return table(header, rows)


def difference_from_main(study, experiment):
    """The comparison of an experiment's errors with the main recipe's, in words."""
    if experiment == MAIN or not (study.runs(experiment) and study.runs(MAIN)):
        return "-"
    return compare_means(errors_by_seed(study, experiment), errors_by_seed(study, MAIN))


def claims_table(study):
    """A row a claim, a column a recipe: what was measured and whether the bar is met."""
    rows = {}
    for claim in claims(study):
        row = rows.setdefault((claim.text, claim.bar), [claim.paper, f"<= {claim.bar:.2f}"] + ["-"] * len(RECIPES))
        column = 2 + [recipe.text for recipe in RECIPES].index(claim.recipe)
        row[column] = claim.verdict if claim.measured is None else f"{claim.measured:.3f} {claim.verdict}"
    header = ["claim", "paper", "bar", *(recipe.text for recipe in RECIPES)]
    return table(header, [(text, *row) for (text, _), row in rows.items()])


def bars_met(study):
    """One sentence: how many bars each recipe meets, and whether one meets them all."""
    judged = {recipe.text: [claim for claim in claims(study) if claim.recipe == recipe.text] for recipe in RECIPES}
    met = {text: sum(claim.verdict == "met" for claim in of_recipe) for text, of_recipe in judged.items()}
    counts = "; ".join(f"{text}: {met[text]} of {len(of_recipe)}" for text, of_recipe in judged.items())
    bars = max(map(len, judged.values()))  # of a recipe with and without distortions
    all_met = [text for text in judged if met[text] == bars]
    verdict = f"All are met by {', '.join(all_met)}." if all_met else "No recipe meets them all."
    return f"Bars met: {counts}. {verdict}"


def differences(configuration, leave_out=()):
    """What sets a configuration apart from the main recipe's, in words."""
    main = Run(MAIN, MAIN, 0).configuration()
    said = []
    for key, value in configuration.items():
        if key in ("seed", "passes", "dataset", *leave_out) or value == main.get(key):
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


def estimate(values):
    """Mean and its 95% interval over all seeds, or the one value."""
    values = np.array(list(values))
    low, high = mean_interval(values)
    return f"{values.mean():.2f}" + (f" [{max(low, 0):.2f}, {high:.2f}]" if len(values) > 1 else "")


def experiments_table(study, judged_on, named=""):
    """A row an experiment whose name begins so: what sets it apart from the main recipe, its errors at the end."""
    rows = []
    for name in study.experiments():
        runs, diverged = study.runs(name), study.diverged(name)
        first = (runs + diverged)[0]
        if first["evaluated_on"] != judged_on or not name.startswith(named):
            continue
        cells = ["-"] * 6
        if runs:
            errors, passes = study.errors(name), len(first["passes"])
            training = study.curves(name, "train_error")[:, -1]
            cells = [passes, len(runs), estimate(errors), by_seed(errors), estimate(training)]
            cells.append(main_recipe_after(study, passes))
        if diverged:
            cells[3] += f" ({len(diverged)} diverged)"
        rows.append((name, differences(first["configuration"]), *cells))
    header = ["experiment", "differs in", "passes", "n", "error", "by seed", "training error", "main recipe then"]
    shown = None if judged_on == "test" else -1  # the main recipe is judged on the test set alone
    return table(header[:shown], [row[:shown] for row in rows])


def by_seed(errors):
    return ", ".join(f"{error:.2f}" for error in errors)


def astray_table(study):
    """A row a run of each experiment of four passes or more whose worst run ends far from its best, those afar in bold.

    Errors are those of the patterns that the run was judged on, after passes 1, 2, 3 and the last.
    """
    rows = []
    for name in study.experiments():
        errors = study.errors(name)
        if len(errors) < 2 or study.curves(name).shape[1] < 4 or errors.max() <= ASTRAY * errors.min():
            continue
        for run in study.runs(name):
            after = [f"{row['error']:.2f}" for row in run["passes"]]
            far = run["error"] > ASTRAY * errors.min()
            rows.append((f"**{run['name']}**" if far else run["name"], *after[:3], after[-1]))
    return table(["run", "pass 1", "pass 2", "pass 3", "last"], rows)


def astray_share(study, experiment):
    """One sentence: how many runs of an experiment ended beyond FAR times their median."""
    errors = study.errors(experiment)
    far = int((errors > FAR * np.median(errors)).sum()) if len(errors) else 0
    return f"Of the {len(errors)} finished runs of `{experiment}` {far} ended at more than {FAR} times their median."


def choices(study):
    """Markdown of every choice whose runs have ended: a heading and a table each."""
    shown = []
    for heading, (names, taken) in CHOICES.items():
        if all(study.runs(name) or study.diverged(name) for name in names):
            shown += [f"### {heading}", choice_table(study, names, taken)]
    return shown


def choice_table(study, names, taken=None):
    """A row an experiment, the lowest held-out error first, each compared with it; the one that was taken is marked.

    Last stand those whose runs all diverged.
    """
    rows, diverged = [], [name for name in names if not study.runs(name)]
    for choice in choose(study, [name for name in names if name not in diverged]):
        name = f"**{choice.name}** (taken)" if choice.name == taken else choice.name
        settings = differences(study.runs(choice.name)[0]["configuration"], leave_out=("schedule", "held_out"))
        cells = len(choice.errors), estimate(choice.errors), by_seed(choice.errors)
        rows.append((name, settings, *cells, "lowest" if choice.against is None else choice.against))
    for name in diverged:
        runs = study.diverged(name)
        settings = differences(runs[0]["configuration"], leave_out=("schedule", "held_out"))
        rows.append((name, settings, len(runs), "diverged", "-", "-"))
    return table(["experiment", "differs in", "n", "held-out error", "by seed", "minus the lowest"], rows)


def main_recipe_after(study, passes):
    """The main recipe's mean test error after as many passes."""
    curves = study.curves(MAIN)
    return f"{curves[:, passes - 1].mean():.2f}" if len(curves) and passes <= curves.shape[1] else "-"


def rejection_table(study):
    """A row an experiment of a recipe whose runs have all ended: what its networks reject, and their error together."""
    rows = []
    for name, seeds in COMMITTEES.items():
        runs = study.runs(name)
        if len(runs) < seeds:
            continue
        rejected = ", ".join(f"{run['rejection']:.2f}" for run in runs)
        patterns = len(study.outputs(runs[0])["labels"])
        error = study.committee(name)
        low, high = error_interval(round(error * patterns / 100), patterns)
        together = f"{error:.2f} [{low:.2f}, {high:.2f}] ({len(runs)} networks)"
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
