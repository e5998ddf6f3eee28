"""The one style: colours that read on light and dark pages, alternative text, and pictures that show what they say."""

import io

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex, to_rgb
from matplotlib.image import imread

from lenet_helpers import plots
from lenet_helpers.codes import DIGIT_CODES
from lenet_helpers.model import TABLE_I, LeNet5

ALT = "A figure with nothing on it, for a test."


def luminance(colour):
    """Relative luminance of WCAG 2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(one, other):
    """Contrast ratio of WCAG 2, from 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def images_of(figure):
    """The arrays of a figure's pictures, axes by axes."""
    return [np.asarray(ax.images[0].get_array()) for ax in figure.axes if ax.images]


@pytest.mark.parametrize("page", ["#ffffff", "#111111"])
def test_every_colour_reads_on_a_light_and_on_a_dark_page(page):
    assert min(contrast(colour, page) for colour in plots.PALETTE.values()) >= 3  # WCAG's bar for graphics
    assert contrast(plots.INK, page) >= 4


def test_figures_are_of_one_width_on_a_transparent_ground():
    png = io.BytesIO()
    figure, _ = plots.figure(height=2.0)
    figure.savefig(png, format="png")
    png.seek(0)
    pixels = imread(png)
    assert figure.get_figwidth() == plots.figure(2, 3)[0].get_figwidth() == plots.WIDTH
    assert pixels.shape[2] == 4 and pixels[0, 0, 3] == 0


def test_show_hands_on_the_picture_with_its_alternative_text(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **how: shown.append((data, how)))
    plots.show(plots.figure()[0], ALT)
    ((data, how),) = shown
    assert data["image/png"].startswith(b"\x89PNG") and data["text/plain"] == ALT
    assert how == {"raw": True, "metadata": {"image/png": {"alt": ALT}}}


@pytest.mark.parametrize("alt", ["", "a digit"])
def test_show_wants_a_sentence(alt):
    with pytest.raises(ValueError, match="too short"):
        plots.show(plots.figure()[0], alt)


def test_signed_pictures_have_zero_in_the_middle_of_the_colours():
    figure = plots.pictures(torch.tensor([[[-0.2, 0.0], [0.0, 1.0]]]), signed=True)
    assert figure.axes[0].images[0].get_clim() == (-1.0, 1.0)
    assert luminance(plots.SIGNED(0.5)) > 0.85


def test_pictures_share_one_scale_and_leave_missing_places_blank():
    figure = plots.pictures(torch.arange(7.0 * 4).view(7, 2, 2), titles=range(7), columns=5)
    assert {ax.images[0].get_clim() for ax in figure.axes if ax.images} == {(0.0, 27.0)}
    assert [bool(ax.images) for ax in figure.axes] == [True] * 7 + [False] * 3
    assert [ax.get_title() for ax in figure.axes[:7]] == [str(number) for number in range(7)]


def test_digits_takes_images_and_fields():
    for shape in ((3, 28, 28), (3, 1, 32, 32)):
        assert [image.shape for image in images_of(plots.digits(torch.rand(shape)))] == [shape[-2:]] * 3


def test_codes_are_drawn_seven_wide_and_twelve_high_row_by_row():
    seven = images_of(plots.codes(DIGIT_CODES))[7]
    assert seven.shape == (12, 7)
    np.testing.assert_array_equal(seven.ravel(), DIGIT_CODES[7].numpy())


def test_feature_maps_shows_every_map_of_the_first_pattern():
    states = LeNet5().states(torch.rand(2, 1, 32, 32))
    drawn = images_of(plots.feature_maps(states))
    expected = [feature_map for name in ("c1", "s2", "c3", "s4") for feature_map in states[name][0]]
    assert len(drawn) == 6 + 6 + 16 + 16
    for image, feature_map in zip(drawn, expected, strict=True):
        np.testing.assert_allclose(image, feature_map.numpy())


def test_a_heatmap_writes_every_number_into_its_square_and_darkens_with_it():
    _, ax = plots.figure()
    plots.heatmap(ax, torch.tensor([[0, 12], [50, 3]]))
    assert [text.get_text() for text in ax.texts] == ["0", "12", "50", "3"]
    shades = [luminance(colour[:3]) for colour in ax.collections[0].get_facecolors()]
    assert shades[0] > shades[3] > shades[1] > shades[2]


def test_connection_table_marks_the_sixty_connections():
    ax = plots.connection_table(TABLE_I).axes[0]
    marks = {(int(x), int(y)) for x, y in (text.get_position() for text in ax.texts if text.get_text() == "X")}
    assert marks == {(out, source) for out, source in TABLE_I.nonzero().tolist()}


def test_a_frame_surrounds_the_pixels_it_names():
    frame = plots.frame(row=2, column=5, size=3, colour="orange")
    assert (frame.get_x(), frame.get_y(), frame.get_width()) == (4.5, 1.5, 3)  # pixel 5 reaches from 4.5 to 5.5


def test_penalties_paints_the_smallest_green_and_rings_the_label():
    _, ax = plots.figure()
    plots.penalties(ax, torch.tensor([9.0, 8, 7, 1, 5, 6, 7, 8, 9, 9]), label=5)
    (dot,) = ax.lines  # where the smallest is near 0, its bar cannot be seen
    assert dot.get_xydata().tolist() == [[3, 1]] and dot.get_color() == plots.PALETTE["green"]
    green = [digit for digit, bar in enumerate(ax.patches) if to_hex(bar.get_facecolor()) == plots.PALETTE["green"]]
    ringed = [digit for digit, bar in enumerate(ax.patches) if to_hex(bar.get_edgecolor()) == plots.PALETTE["orange"]]
    assert (green, ringed) == ([3], [5])


def test_learning_curve_has_the_papers_numbers_as_hollow_circles_of_its_colour():
    _, ax = plots.figure()
    plots.learning_curve(ax, [1, 2], [3.0, 2.5], "test error", published={1: 2.8, 2: 2.2, 3: 1.8})
    paper, ours = ax.lines
    assert paper.get_linestyle() == "None" and paper.get_markerfacecolor() == "none"
    assert list(paper.get_ydata()) == [2.8, 2.2, 1.8] and paper.get_color() == ours.get_color()
    assert list(ours.get_xdata()) == [1, 2] and list(ours.get_ydata()) == [3.0, 2.5]
    assert [text.get_text() for text in ax.get_legend().texts] == ["test error, Fig. 5", "test error, ours"]
