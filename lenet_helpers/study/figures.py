"""The figures of a study, each drawn from a `results.Study` beside what the paper printed."""

import torch
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

from .. import plots
from ..evaluation import TARGET_ERROR, rejection_curve
from ..paper import FIG5_TEST, FIG5_TRAIN, FIG6, FIG10

SIZES = {"size-15000": 15000, "size-30000": 30000, "regular": 60000}


def curve_with_band(ax, curves, label, colour):
    """Mean over runs, one column a pass, and a band from the least to the greatest run."""
    passes = range(1, curves.shape[1] + 1)
    ax.fill_between(passes, curves.min(0), curves.max(0), color=plots.PALETTE[colour], alpha=0.25, linewidth=0)
    ax.plot(passes, curves.mean(0), color=plots.PALETTE[colour], label=label)


def fig5(study, experiment="regular"):
    """Test and training error against passes, mean and range over seeds, over the numbers of Fig. 5."""
    figure, ax = plots.figure(height=3.8)
    seeds = len(study.runs(experiment))
    for key, name, published, colour in (
        ("error", "test", FIG5_TEST, "blue"),
        ("train_error", "training", FIG5_TRAIN, "orange"),
    ):
        curve_with_band(
            ax,
            study.curves(experiment, key),
            f"{name}: mean and range of {seeds} run{'s' if seeds > 1 else ''}",
            colour,
        )
        ax.plot(
            list(published),
            list(published.values()),
            "o",
            color=plots.PALETTE[colour],
            markersize=5,
            markerfacecolor="none",
            label=f"{name}: Fig. 5",
        )
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="passes over the training set", ylabel="error rate (%)", ylim=(0, 5.5))
    ax.legend()
    return figure


def fig6(study):
    """Test and training error after the last pass against the size of the training set, over Fig. 6."""
    figure, ax = plots.figure(height=3.6)
    drawn = {name: size for name, size in SIZES.items() if study.runs(name)}
    for key, series, colour in (("error", "test", "blue"), ("train_error", "train", "orange")):
        finals = {size: study.curves(name, key)[:, -1] for name, size in drawn.items()}
        ax.plot(
            list(finals),
            [final.mean() for final in finals.values()],
            color=plots.PALETTE[colour],
            label=f"{series}: mean of seeds",
        )
        for size, final in finals.items():
            ax.plot([size] * len(final), final, ".", color=plots.PALETTE[colour], alpha=0.6)
        ax.plot(
            list(FIG6[series]),
            list(FIG6[series].values()),
            "s",
            color=plots.PALETTE[colour],
            markerfacecolor="none",
            label=f"{series}: Fig. 6",
        )
    if study.runs("distorted"):
        final = study.errors("distorted")
        ax.plot([60000] * len(final), final, ".", color=plots.PALETTE["green"], label="test, distorted: each seed")
    ax.plot(
        list(FIG6["test_distorted"]),
        list(FIG6["test_distorted"].values()),
        "s",
        color=plots.PALETTE["green"],
        markerfacecolor="none",
        label="test, distorted: Fig. 6",
    )
    ax.set(xlabel="training patterns", ylabel="error rate (%)", ylim=(0, None), xticks=list(SIZES.values()))
    ax.legend(ncols=2)
    return figure


def rejection(study, names=("regular-0", "distorted-0")):
    """Error rate of the patterns kept against the percentage rejected, with Fig. 10's marks at 0.5% error."""
    figure, ax = plots.figure(height=3.6)
    for name, colour in zip(names, ("blue", "green")):
        for run in (run for run in study.records if run["name"] == name):
            outputs = study.outputs(run)
            curve = rejection_curve(outputs["penalties"], outputs["labels"])
            ax.plot(curve.rejected, curve.error_rate, color=plots.PALETTE[colour], label=f"LeNet-5, {name}")
    marks = [TARGET_ERROR] * len(FIG10)
    ax.plot(list(FIG10.values()), marks, "|", color=plots.PALETTE["orange"], markersize=12, label="Fig. 10")
    for name, side in (("boosted LeNet-4", -1), ("LeNet-4", -1), ("LeNet-1", 1), ("deslanted K-NN", 1)):
        ax.annotate(
            name,
            (FIG10[name], TARGET_ERROR),
            (2, 10 * side),  # below the line left of the curve, above it to the right
            textcoords="offset points",
            rotation=35 * side,
            va="bottom" if side > 0 else "top",
            fontsize=8,
        )
    ax.axhline(TARGET_ERROR, color=plots.INK, linewidth=0.8)
    ax.set(xlabel="rejected (% of the test set)", ylabel="error rate of the rest (%)", xlim=(0, 10))
    ax.set_ylim(0, None)
    ax.legend()
    return figure


def wrong_digits(study, name):
    """Every wrong test digit of one run, as Fig. 8: the right answer, then the network's."""
    outputs = study.outputs(next(record for record in study.records if record["name"] == name))
    wrong = outputs["wrong"]
    answers = outputs["penalties"][wrong].argmin(1)
    titles = [f"{right}→{answer}" for right, answer in zip(outputs["labels"][wrong].tolist(), answers.tolist())]
    return plots.digits(outputs["wrong_images"], titles, columns=15)


def what_matters(study, labels):
    """Test error of experiments, `labels` (name -> text), a dot a seed, after as many passes as all have."""
    drawn = {name: text for name, text in labels.items() if study.runs(name)}
    figure, ax = plots.figure(height=0.34 * len(drawn) + 1.1)
    passes = min(study.curves(name).shape[1] for name in drawn)
    for row, name in enumerate(drawn):
        errors = study.curves(name)[:, passes - 1]
        colour = plots.PALETTE["green" if name == "regular" else "blue"]
        ax.plot(errors, [row] * len(errors), "o", color=colour, markersize=5, alpha=0.8)
    ax.axvline(FIG5_TEST[passes], color=plots.INK, linestyle="--", linewidth=1, label="Fig. 5")
    ax.set(
        yticks=range(len(drawn)),
        yticklabels=drawn.values(),
        xlabel=f"test error after pass {passes} (%)",
        xscale="log",
    )
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.invert_yaxis()
    ax.legend()
    return figure


def distorted_examples(images, distortion, copies=9, seed=0):
    """Each digit of `images` (n, 28, 28) in the first column, distorted copies beside it, as Fig. 7."""
    generator = torch.Generator().manual_seed(seed)
    rows = [torch.cat([image[None].float(), distortion(image.expand(copies, -1, -1), generator)]) for image in images]
    return plots.digits(torch.cat(rows), columns=copies + 1)
