"""The one style of every figure: colours that read on light and on dark pages, one width, alternative text.

Importing this module sets matplotlib's rcParams to the style. Figures are drawn without pyplot's list of open
figures: `figure` makes one, the caller draws, `show` displays it.
"""

import io
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from cycler import cycler
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

INK = "#787878"
PALETTE = {
    "blue": "#3f80d8",
    "orange": "#cf6f10",
    "green": "#2f935f",
    "red": "#d9484f",
    "purple": "#9a62cf",
    "teal": "#168f9c",
}
IMAGE = "gray"
SIGNED = LinearSegmentedColormap.from_list("signed", ["#1f5fc0", "#f4f4f4", "#c8500a"])
AMOUNT = LinearSegmentedColormap.from_list("amount", ["#eef2f8", "#3f80d8", "#123a75"])
NEAR = LinearSegmentedColormap.from_list("near", ["#ffffff", "#ffd35c", "#ea6a1c", "#7d1538", "#140c18"])
FAR = 40  # penalty at the dark end of NEAR, which is white-hot at 0
WIDTH = 8.0
HEIGHT = 3.2
DPI = 110
STYLE = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.25,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.8,
    "axes.prop_cycle": cycler(color=PALETTE.values()),
}
rcParams.update(STYLE)


def figure(rows: int = 1, columns: int = 1, height: float = HEIGHT, **subplots) -> tuple[Figure, Axes | np.ndarray]:
    """A figure of the one width (8 inches) and its axes: one, or an array of them as from `pyplot.subplots`.

    height is in inches; further arguments go to `Figure.subplots`.
    """
    fig = Figure(figsize=(WIDTH, height), layout="constrained")
    return fig, fig.subplots(rows, columns, **subplots)


def show(fig: Figure, alt: str) -> None:
    """Display a figure as PNG whose alternative text is `alt`.

    The text travels in the output's metadata, where nbconvert finds it, and as its plain text.
    Raises ValueError for a text too short to describe anything.
    """
    if len(alt) < 20:
        raise ValueError(f"alt text {alt!r} is too short: say in a sentence what a reader is meant to see.")
    from IPython.display import display

    png = io.BytesIO()
    fig.savefig(png, format="png", dpi=DPI)
    display({"image/png": png.getvalue(), "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}})


def picture(ax: Axes, image: torch.Tensor, title: str = "", cmap=IMAGE, vmin=None, vmax=None) -> None:
    """One image (rows, columns) on an axes without ticks, pixels sharp."""
    ax.imshow(torch.as_tensor(image).detach().cpu().numpy(), cmap=cmap, vmin=vmin, vmax=vmax, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.set_title(title, color=INK)
    for spine in ax.spines.values():
        spine.set(visible=True, color=INK, linewidth=0.6)


def frame(row: int, column: int, size: int, colour: str) -> Rectangle:
    """A frame around `size` x `size` pixels of a picture, from (row, column) on: `ax.add_patch(frame(...))`."""
    return Rectangle(
        (column - 0.5, row - 0.5), size, size, fill=False, edgecolor=PALETTE[colour], linewidth=2, clip_on=False
    )


def pictures(
    images: torch.Tensor | Sequence[torch.Tensor],
    titles: Sequence[object] | None = None,
    columns: int = 10,
    signed: bool = False,
    cmap=None,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """A grid of images (N, rows, columns), each under its title; empty places stay blank.

    signed: values around zero, in SIGNED with zero at its middle. limits: the values at the ends of the
    colour map, by default those of all images together: one colour means one value all over the grid.
    """
    images = [torch.as_tensor(image).detach().cpu().float() for image in images]
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    cell = WIDTH / columns
    ratio = images[0].shape[0] / images[0].shape[1]
    fig, axes = figure(
        rows, columns, height=rows * (cell * ratio + (0.25 if titles is not None else 0.0)), squeeze=False
    )
    low, high = limits or (min(i.min().item() for i in images), max(i.max().item() for i in images))
    if signed and not limits:
        high = max(abs(low), abs(high), 1e-12)
        low = -high
    for place, ax in enumerate(axes.flat):
        if place < len(images):
            title = "" if titles is None else str(titles[place])
            picture(ax, images[place], title, cmap or (SIGNED if signed else IMAGE), low, high)
        else:
            ax.set_axis_off()
    return fig


def digits(images: torch.Tensor, titles: Sequence[object] | None = None, columns: int = 10) -> Figure:
    """Digits (N, 28, 28) uint8 or fields (N, 1, 32, 32), white ink on black, each under its title."""
    return pictures(images.reshape(len(images), *images.shape[-2:]), titles, columns)


def feature_maps(states: Mapping[str, torch.Tensor], names: Sequence[str] = ("c1", "s2", "c3", "s4")) -> Figure:
    """The maps of the first pattern, a row a layer: states as `LeNet5.states` gives them.

    Blue is negative, orange positive, the ends are the squash's -1.7159 and 1.7159.
    """
    rows = [states[name][0].detach().cpu() for name in names]
    fig = Figure(figsize=(WIDTH, sum(WIDTH / len(maps) + 0.25 for maps in rows)), layout="constrained")
    lines = fig.subfigures(len(rows), height_ratios=[WIDTH / len(maps) + 0.25 for maps in rows], squeeze=False)[:, 0]
    for line, name, maps in zip(lines, names, rows, strict=True):
        for place, ax in enumerate(np.ravel(line.subplots(1, len(maps)))):
            picture(
                ax,
                maps[place],
                f"{name.upper()} · {place}" if place == 0 else str(place),
                SIGNED,
                -1.7159,
                1.7159,
            )
    return fig


def codes(states: torch.Tensor, titles: Sequence[object] | None = None, columns: int = 10) -> Figure:
    """Codes or F6 states (N, 84) as the 7 wide, 12 high pictures of Fig. 3: orange is +1, blue is -1."""
    return pictures(states.detach().reshape(-1, 12, 7), titles, columns, signed=True, limits=(-1.0, 1.0))


def heatmap(ax: Axes, table: torch.Tensor, form: str = "d", **options) -> None:
    """A table (rows, columns) as squares coloured from AMOUNT's pale 0 to its dark largest, each with its number.

    form: format of the numbers, "d" for whole ones, ".2f", ...; options go to `seaborn.heatmap`, which draws it.
    """
    import seaborn  # a second's wait, for those alone who draw a table

    values = torch.as_tensor(table).detach().cpu().numpy()
    style = {"cmap": AMOUNT, "vmin": 0, "annot": True, "fmt": form, "square": True, "cbar": False, "linewidths": 1}
    seaborn.heatmap(values, ax=ax, annot_kws={"fontsize": 9}, **{**style, "linecolor": "none", **options})
    ax.tick_params(length=0, rotation=0)


def string_map(field: torch.Tensor, penalties: torch.Tensor, path: torch.Tensor | None = None, height: float = 3.4):
    """A field (32, columns) of a string and under it the map of penalties (classes, positions), white-hot where small.

    A window's penalties stand below the middle of what it sees. path: the class of each window (positions,), drawn as a
    line: what was read.
    """
    classes, positions = penalties.shape
    columns = field.shape[1]
    fig, axes = figure(2, 1, height=height, height_ratios=[32, 5 * classes], sharex=True)
    axes[0].imshow(field, cmap=IMAGE, aspect="auto", extent=(0, columns, 32, 0), interpolation="nearest")
    begin, end = 16 - 2, 16 + 4 * positions - 2
    extent = (begin, end, classes - 0.5, -0.5)
    shown = axes[1].imshow(penalties, NEAR, vmin=0, vmax=FAR, aspect="auto", extent=extent, interpolation="nearest")
    if path is not None:
        axes[1].plot(16 + 4 * torch.arange(positions), path, "o-", color=PALETTE["blue"], markersize=4)
    axes[0].set(yticks=[], xlim=(0, columns))
    names = [*map(str, range(10)), "blank"][:classes]
    axes[1].set(yticks=range(classes), yticklabels=names, xlabel="column of the field", ylabel="class")
    for ax in axes:
        ax.grid(False)
    fig.colorbar(shown, ax=axes[1], label="penalty (½ squared distance)", pad=0.01)
    return fig


def connection_table(table: torch.Tensor) -> Figure:
    """A connection table (out_maps, in_maps) as the paper prints Table I, a column for each C3 map."""
    fig, ax = figure(height=2.4)
    picture(ax, table.T.float(), cmap=LinearSegmentedColormap.from_list("joined", ["#00000000", PALETTE["blue"]]))
    outputs, inputs = table.shape
    for out, source in table.nonzero().tolist():
        ax.text(out, source, "X", ha="center", va="center", color="white")
    ax.set(xticks=range(outputs), yticks=range(inputs), xlabel="C3 feature map", ylabel="S2 feature map")
    ax.set_xticks(np.arange(outputs + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(inputs + 1) - 0.5, minor=True)
    ax.grid(which="minor", alpha=0.4)
    ax.tick_params(which="both", length=0)
    return fig


def penalties(ax: Axes, values: torch.Tensor, label: int | None = None) -> None:
    """Ten penalties (10,) as bars: the smallest, which is the answer, in green with a dot; the true class outlined."""
    values = values.detach().cpu().flatten()
    answer = int(values.argmin())
    colours = [PALETTE["green"] if digit == answer else INK for digit in range(10)]
    bars = ax.bar(range(10), values.tolist(), color=colours)
    if label is not None:
        bars[label].set(edgecolor=PALETTE["orange"], linewidth=2)
    ax.plot(answer, values[answer], "o", color=PALETTE["green"], markersize=7, clip_on=False)  # its bar may be tiny
    ax.set(xticks=range(10), xlabel="class", ylabel="penalty (½ squared distance)")
    ax.grid(axis="x", visible=False)


def paper_points(ax: Axes, points: Mapping[int, float], label: str, colour: str) -> None:
    """Numbers that the paper prints: hollow circles, in every figure, in the colour of what they are to be beside."""
    style = {"color": PALETTE[colour], "markersize": 5, "markerfacecolor": "none", "label": label}
    ax.plot(list(points), list(points.values()), "o", **style)


def learning_curve(
    ax: Axes,
    passes: Sequence[int],
    error: Sequence[float],
    label: str,
    *,
    published: Mapping[int, float] | None = None,
    colour: str = "blue",
) -> None:
    """Error rate (percent) against passes, and the paper's (Fig. 5, pass -> percent) in hollow circles."""
    if published:
        paper_points(ax, published, f"{label}, Fig. 5", colour)
    ax.plot(list(passes), list(error), "o-", color=PALETTE[colour], markersize=4, label=f"{label}, ours")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="passes over the training set", ylabel="error rate (%)", ylim=(0, None))
    ax.legend()
