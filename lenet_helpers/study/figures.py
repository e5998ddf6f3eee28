"""The figures of a study, each drawn from a `read.Study` beside what the paper printed."""

import numpy as np
import seaborn
import torch
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

from .. import plots
from ..data.variations import VARIATIONS
from ..evaluation import TARGET_ERROR, rejection_curve
from ..paper import FIG5_TEST, FIG5_TRAIN, FIG6, FIG10
from .compare import errors_by_seed, mean_interval
from .optimizers import CONTENDERS, raced
from .questions import WENT_ASTRAY, looks
from .robustness import curve

PERCENT = (1, 2, 5, 10, 20, 50, 100)  # ticks of a logarithmic axis
SIZES = {"size-15000": 15000, "size-30000": 30000, "regular": 60000}


def curve_with_band(ax, curves, label, colour):
    """Mean over runs, one row a run and one column a pass, and a band from the least to the greatest run."""
    passes = np.tile(np.arange(1, curves.shape[1] + 1), len(curves))
    style = {"color": plots.PALETTE[colour], "errorbar": ("pi", 100), "err_kws": {"linewidth": 0}}
    seaborn.lineplot(x=passes, y=curves.ravel(), ax=ax, label=label, **style)


def fig5(study, experiment="regular"):
    """Training and test error against passes, mean and range over seeds, over the numbers of Fig. 5."""
    figure, ax = plots.figure(height=3.8)
    seeds = len(study.runs(experiment))
    for key, name, published, colour in (
        ("train_error", "training", FIG5_TRAIN, "blue"),
        ("error", "test", FIG5_TEST, "orange"),
    ):
        label = f"{name}: mean and range of {seeds} run{'s' if seeds > 1 else ''}"
        curve_with_band(ax, study.curves(experiment, key), label, colour)
        plots.paper_points(ax, published, f"{name}: Fig. 5", colour)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="passes over the training set", ylabel="error rate (%)", ylim=(0, 5.5))
    ax.legend()
    return figure


def fig6(study):
    """Training and test error after the last pass against the size of the training set, over Fig. 6."""
    figure, ax = plots.figure(height=3.6)
    drawn = {name: size for name, size in SIZES.items() if study.runs(name)}
    for key, series, colour in (("train_error", "train", "blue"), ("error", "test", "orange")):
        finals = {size: study.curves(name, key)[:, -1] for name, size in drawn.items()}
        means = [final.mean() for final in finals.values()]
        ax.plot(list(finals), means, color=plots.PALETTE[colour], label=f"{series}: mean of seeds")
        for size, final in finals.items():
            ax.plot([size] * len(final), final, ".", color=plots.PALETTE[colour], alpha=0.6)
        plots.paper_points(ax, FIG6[series], f"{series}: Fig. 6", colour)
    if study.runs("distorted"):
        final = study.errors("distorted")
        ax.plot([60000] * len(final), final, ".", color=plots.PALETTE["green"], label="test, distorted: each seed")
    plots.paper_points(ax, FIG6["test_distorted"], "test, distorted: Fig. 6", "green")
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
    """Every wrong test digit of one run whose weights were kept, as Fig. 8: the right answer, then the network's."""
    record = next(record for record in study.records if record["name"] == name)
    outputs, wrong = study.outputs(record), record["wrong"]
    answers = outputs["penalties"][wrong].argmin(1)
    titles = [f"{right}→{answer}" for right, answer in zip(outputs["labels"][wrong].tolist(), answers.tolist())]
    return plots.digits(outputs["wrong_images"], titles, columns=15)


def dots(study, labels, after=None, highlight=(), xlabel="error rate (%)"):
    """A dot a run in a row an experiment, `labels` (name -> text), with each mean and its 95% interval.

    after: the pass after which the error is read, the last by default. highlight: names drawn in green. Intervals of
    few runs reach beyond the picture, whose width follows the dots.
    """
    errors = {text: list(errors_by_seed(study, name, after).values()) for name, text in labels.items()}
    runs = [(text, error) for text, row in errors.items() for error in row]
    rows, values = zip(*runs)
    colours = {text: plots.PALETTE["green" if name in highlight else "blue"] for name, text in labels.items()}
    figure, ax = plots.figure(height=0.34 * len(errors) + 0.9)
    strip = {"jitter": False, "size": 6, "alpha": 0.75, "palette": colours, "legend": False}
    seaborn.stripplot(x=values, y=rows, hue=rows, order=list(errors), ax=ax, **strip)
    for place, row in enumerate(errors.values()):
        if len(row) > 1:
            ax.plot(mean_interval(row), [place, place], color=plots.INK, linewidth=1, zorder=1)
            ax.plot(np.mean(row), place, "|", color=plots.INK, markersize=14, zorder=1)
    reach = 0.06 * (max(values) - min(values)) or 0.1
    ax.set(xlabel=xlabel, ylabel="", xlim=(min(values) - reach, max(values) + reach), ylim=(len(errors) - 0.4, -0.6))
    ax.grid(axis="x")
    return figure


def what_matters(study, labels):
    """Test error of experiments, `labels` (name -> text), a dot a seed, after as many passes as all have."""
    drawn = {name: text for name, text in labels.items() if study.runs(name)}
    passes = min(study.curves(name).shape[1] for name in drawn)
    figure = dots(study, drawn, passes, ["regular"], f"test error after pass {passes} (%)")
    (ax,) = figure.axes
    ax.axvline(FIG5_TEST[passes], color=plots.INK, linestyle="--", linewidth=1, label="Fig. 5")
    least, greatest = ax.get_xlim()
    ax.set(xscale="log", xlim=(max(least, 0.8 * FIG5_TEST[passes]), greatest))
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.legend()
    return figure


def rates(study):
    """Held-out error of short runs against the first rate, a line an optimizer; a cross where the run diverged."""
    figure, ax = plots.figure(height=3.4)
    top = ax.get_xaxis_transform()
    for index, (each, colour) in enumerate(zip(raced(study), plots.PALETTE.values())):
        ended = {float(rate): study.errors(each.experiment(rate)) for rate in each.rates}
        finite = {rate: errors.mean() for rate, errors in ended.items() if len(errors)}
        ax.plot(list(finite), list(finite.values()), "o-", color=colour, label=each.text)
        gone = [float(rate) for rate in each.rates if study.diverged(each.experiment(rate))]
        ax.plot(gone, [0.97 - 0.05 * index] * len(gone), "x", color=colour, transform=top)  # none hides another's
    ax.set(xscale="log", yscale="log", xlabel="first rate (for SDLM: eta)", ylabel="held-out error (%)")
    ax.set_yticks(PERCENT[1:4], list(map(str, PERCENT[1:4])))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.legend()
    return figure


def optimizers(study):
    """Test error against passes, the mean over the seeds of each optimizer."""
    figure, ax = plots.figure(height=3.4)
    for each, colour in zip(CONTENDERS, plots.PALETTE):
        if study.runs(each.long):
            curves = study.curves(each.long)
            label = f"{each.text}, {each.rate} ({len(curves)} run{'s' if len(curves) > 1 else ''})"
            curve_with_band(ax, curves, label, colour)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="passes over the training set", ylabel="test error (%)", ylim=(0.8, 3))
    ax.legend()
    return figure


def astray(study):
    """Training error and the saturated share of C5's states over the first passes of every run of the experiments of
    which some went astray, a column an experiment."""
    found = {run: look["rows"] for (run, change), look in looks(study).items() if change == "none"}
    figure, axes = plots.figure(2, len(WENT_ASTRAY), height=3.8, sharey="row")
    for (above, below), (experiment, gone) in zip(axes.T, WENT_ASTRAY.items()):
        for run in (run for run in found if run.rpartition("-")[0] == experiment):
            style = {"color": plots.PALETTE["red" if run in gone else "blue"], "linewidth": 1.5}
            patterns = [row["patterns"] / 1000 for row in found[run]]
            label = "went astray" if run in gone else "did not"
            above.plot(patterns, [row["training error"] for row in found[run]], label=label, **style)
            below.plot(patterns, [row["saturated"]["c5"] for row in found[run]], **style)
        above.set_title(experiment, fontsize=8)
        below.set(xlabel="thousand patterns", ylim=(0, 102))
    axes[0, 0].set(ylabel="training error (%)", ylim=(0, 60))
    axes[1, 0].set_ylabel("saturated in C5 (%)")
    axes[0, 0].legend()
    return figure


def withstanding(table, panels, claims=None, ylabel="wrong (%)", log=True):
    """Error against the amount of each variation, with its band, a line a network, from a table of robustness.

    panels: title -> (variation, task). claims: variation -> amounts up to which the paper expects digits to be read,
    dashed. log: whether from 1 to 2% is as far up as from 10 to 20%.
    """
    rows = -(-(len(panels) + 1) // 4)
    figure, axes = plots.figure(rows, 4, height=2.1 * rows, sharey=True, squeeze=False)
    for ax, (title, (variation, task)) in zip(axes.flat, panels.items()):
        for network, colour in zip(table["network"].unique(), plots.PALETTE.values()):
            line = curve(table, network, variation, task)
            if len(line):
                ax.plot(line["amount"], line["error"], color=colour, label=network)
                ax.fill_between(line["amount"], line["low"], line["high"], color=colour, alpha=0.3, linewidth=0)
        for amount in (claims or {}).get(variation, ()):
            ax.axvline(amount, color=plots.INK, linestyle="--", linewidth=1)
        ax.set(title=title, xlabel=VARIATIONS[variation].unit, yscale="log" if log else "linear")
        ax.set_ylim(0.5 if log else 0, 100)
        if log:
            ax.set_yticks(PERCENT, list(map(str, PERCENT)))
            ax.yaxis.set_minor_formatter(NullFormatter())
    for ax in axes[:, 0]:
        ax.set_ylabel(ylabel)
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    axes.flat[len(panels)].legend(*axes.flat[0].get_legend_handles_labels(), loc="center")
    return figure


def distorted_examples(images, distortion, copies=9, seed=0):
    """Each digit of `images` (n, 28, 28) in the first column, distorted copies beside it, as Fig. 7."""
    generator = torch.Generator().manual_seed(seed)
    rows = [torch.cat([image[None].float(), distortion(image.expand(copies, -1, -1), generator)]) for image in images]
    return plots.digits(torch.cat(rows), columns=copies + 1)
