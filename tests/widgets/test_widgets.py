"""What the widgets show and say without a page: their pictures, and the pad's answers to good and bad input."""

import io
import statistics
import time
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from PIL import Image, ImageDraw
from widget_pages import ONE, SEVEN, ask, drawing, post

from lenet_helpers.data.digits import to_input
from lenet_helpers.data.normalise import centre_digit
from lenet_helpers.evaluation import evaluate
from lenet_helpers.model import LeNet5
from lenet_helpers.weights import load_weights
from lenet_helpers.widgets import (
    ConvolutionStepper,
    CurvatureLab,
    DrawPad,
    LayerExplorer,
    LossLab,
    NumberPad,
    TrainingMonitor,
)
from lenet_helpers.widgets.digit_reading import MOST_INK, Reading, named
from lenet_helpers.widgets.draw_pad import EMPTY, SIDE
from lenet_helpers.widgets.live_picture import LivePicture
from lenet_helpers.widgets.receptive_fields import LAYERS
from lenet_helpers.widgets.svg import Svg, bar, text, tile


def every_widget(model, digits):
    pad = DrawPad(model, digits)
    pad.digit = digits.images[0]
    number_pad = NumberPad(load_weights("strings"), digits)
    ask(number_pad, number_pad._sample().tobytes())
    return [pad, number_pad, LayerExplorer(model, digits, pad), ConvolutionStepper(digits.images[0], model), LossLab(),
            CurvatureLab(digits), TrainingMonitor(LeNet5(), digits, digits)]  # fmt: skip


def test_every_twin_is_a_deterministic_picture_with_alternative_text(digits):
    first, second = (every_widget(LeNet5(), digits) for _ in range(2))
    for widget, again in zip(first, second, strict=True):
        twin = widget.picture()
        assert twin.markup() == again.picture().markup()
        root = ElementTree.fromstring(twin.markup())
        assert root.attrib["role"] == "img" and root.attrib["aria-label"] == twin.alt
        assert 'class="touch"' not in twin.markup()  # nothing to press where nothing listens
        data, metadata = twin._repr_mimebundle_()
        assert len(twin.alt) > 40 and metadata["image/png"]["alt"] == data["text/plain"] == twin.alt
        with Image.open(io.BytesIO(data["image/png"])) as shown:
            assert shown.size == pytest.approx((1.6 * twin.width, 1.6 * twin.height), abs=1)
            assert shown.getextrema()[3] == (0, 255)  # transparent here, ink there


def test_the_png_shows_what_the_svg_says():
    picture = Svg(100, 50, "a test").add(bar(10, 10, 20, 20, "#ff0000"), tile([[1.7159, -1.7159]], 40, 10, 10))
    picture.place(Svg(20, 20, "").add(bar(0, 0, 20, 20, "#0000ff", fill_opacity=0.5)), 70, 10)
    shown = Image.open(io.BytesIO(picture.png()))
    assert shown.size == (160, 80)
    places = {(20, 20): (255, 0, 0, 255), (45, 15): (200, 80, 10, 255), (55, 15): (31, 95, 192, 255), (5, 5): (0,) * 4}
    for (x, y), colour in places.items():
        assert shown.getpixel((x * 1.6, y * 1.6))[3] == colour[3]
        assert not colour[3] or shown.getpixel((x * 1.6, y * 1.6)) == pytest.approx(colour, abs=1)
    assert shown.getpixel((128, 32)) == pytest.approx((0, 0, 255, 128), abs=2)


def test_the_png_has_its_words_in_the_font_that_matplotlib_brings():
    """Within a pixel as wide and high as matplotlib draws them; a machine's own fonts have no part in it."""
    for words, weight in (("7: 2.4", "normal"), ("w₁, η/(μ+h)", "normal"), ("I read a 7.", "bold")):
        picture = Svg(200, 50, "words").add(text(20, 30, words, 20, weight=weight))
        with Image.open(io.BytesIO(picture.png())) as shown:
            box = np.array(shown.getchannel("A").getbbox())
        outline = TextPath((0, 0), words, size=20, prop=FontProperties(family="DejaVu Sans", weight=weight))
        left, low, right, high = outline.get_extents().extents
        assert box == pytest.approx(1.6 * np.array([20 + left, 30 - high, 20 + right, 30 - low]), abs=1)


def test_a_live_picture_can_be_reached_by_keyboard_and_screen_reader(trained, digits):
    root = ElementTree.fromstring(LayerExplorer(trained, digits).view.markup)
    grids = [element for element in root.iter() if element.get("class") == "touch"]
    assert len(grids) == 1 + 6 + 6 + 16 + 16 + 3
    assert all(len(grid.get("aria-label")) > 10 and grid.get("role") == "button" for grid in grids)
    stops = [grid.get("data-group") for grid in grids if grid.get("tabindex") == "0"]
    assert stops == list(LAYERS)  # one stop of the Tab key a layer
    assert root.get("role") == "group"


def test_text_in_a_picture_is_escaped():
    assert "<script>" not in Svg(10, 10, "<script>").add(text(0, 0, "<script>")).markup()


def test_without_a_page_a_widget_says_what_it_is():
    assert repr(LossLab()) == "LossLab: live where a kernel runs; its still picture follows."


def test_the_pad_reads_a_drawing_as_the_network_reads_its_centred_digit(trained):
    pad = DrawPad(trained)
    for image, digit in ((ONE, 1), (SEVEN, 7)):
        assert ask(pad, image) == f"I read a {digit}."
        centred = centre_digit(np.frombuffer(image, np.uint8).reshape(SIDE, SIDE))
        torch.testing.assert_close(pad.digit.float(), centred.float(), atol=2, rtol=0)
        with torch.no_grad():
            torch.testing.assert_close(pad.reading.penalties, trained(to_input(pad.digit))[0])
        assert pad.reading.ranking[0] == trained.predict(to_input(pad.digit)).item() == digit
        assert str(digit) in pad.remark and pad.problem == ""
        ElementTree.fromstring(pad.markup)


def test_an_eight_has_another_article():
    assert [named(digit) for digit in (0, 1, 8)] == ["a 0", "a 1", "an 8"]


def test_an_answer_takes_less_than_a_tenth_of_a_second(trained):
    pad = DrawPad(trained)
    seconds = []
    for image in (ONE, SEVEN) * 6:
        started = time.process_time()
        ask(pad, image)
        seconds.append(time.process_time() - started)
    assert statistics.median(seconds) < 0.1


def test_an_empty_sheet_asks_for_a_digit_and_a_filled_one_is_rejected(trained):
    pad = DrawPad(trained)
    assert ask(pad, bytes(SIDE * SIDE)) == EMPTY and pad.markup == "" and pad.reading is None
    assert ask(pad, bytes([255]) * SIDE**2) == "I'd reject this: more ink than any digit I learned from."
    assert ask(pad, drawing([(0.5, 0.5), (0.5, 0.52)])).startswith("I'd reject this")  # a dot
    assert ask(pad, bytes(SIDE * SIDE)) == EMPTY and pad.digit is None


def test_two_digits_on_the_sheet_are_rejected_as_that(trained):
    ones = drawing([(0.2, 0.2), (0.2, 0.8)], [(0.8, 0.2), (0.8, 0.8)])
    assert ask(DrawPad(trained), ones) == "I'd reject this: this looks like two digits side by side."


def reading(penalties, ink=0.1):
    return Reading(
        torch.full((32, 32), 1.275 * ink * 28**2 / 32**2 - 0.1), torch.zeros(84), torch.tensor(penalties), 10.0, 8.0
    )


def test_what_is_rejected():
    far = [90.0] * 8
    assert reading([1.0, 10.0, *far]).verdict == "I read a 0."
    assert reading([1.0, 8.0, *far]).verdict == "I'd reject this: 0 or 1?"
    assert reading([11.0, 40.0, *far]).verdict == "I'd reject this: no digit's code is near. At best a 0."
    assert reading([1.0, 40.0, *far], ink=0.45).rejected == "a blot"
    assert reading([1.0, 40.0, *far], ink=0.45).ink == pytest.approx(0.45)


def test_the_rejection_rule_leaves_half_a_percent_of_mnist_wrong(trained, mnist):
    report = evaluate(trained, mnist.test)
    best, second = report.penalties.topk(2, largest=False).values.unbind(1)
    kept = (second - best >= DrawPad(trained).least_gap) & (best <= DrawPad(trained).rubbish)
    wrong = report.predictions != mnist.test.labels
    assert 100 * wrong[kept].double().mean() < 0.5
    assert 100 * (~kept).double().mean() < 6
    assert (mnist.train.images.double().mean((1, 2)) / 255).max() < MOST_INK


def test_a_photograph_of_4000_x_4000_pixels_is_read(trained):
    """As the page sends it: reduced to 640 pixels, all four channels; ink on unevenly lit paper."""
    shade = np.linspace(150, 235, 640).astype(np.uint8)[None].repeat(640, 0)
    photo = Image.fromarray(shade).convert("RGBA")
    ImageDraw.Draw(photo).line([(320, 140), (320, 470)], fill=(30, 30, 40, 255), width=36)
    pad = DrawPad(trained)
    placed = post(pad, [memoryview(photo.tobytes())], request="picture", size=[640, 640])
    assert len(placed) == SIDE * SIDE and pad.problem == ""
    assert ask(pad, placed) == "I read a 1."


def test_a_blank_picture_and_missing_samples_are_explained_on_the_page(trained):
    pad = DrawPad(trained)
    ask(pad, SEVEN)
    white = Image.new("RGBA", (30, 20), "white").tobytes()
    assert post(pad, [white], request="picture", size=[20, 30]) is None and len(pad.problem) > 20
    assert post(pad, request="sample") is None and "samples" in pad.problem
    assert pad.verdict == "I read a 7."
    ask(pad, SEVEN)
    assert pad.problem == ""


def test_samples_come_in_turn_and_are_read_as_they_are(trained, mnist):
    few = mnist.test.subset(slice(0, 3))
    pad = DrawPad(trained, few)
    for image in [*few.images, few.images[0]]:
        ask(pad, post(pad, request="sample"))
        assert pad.reading.ranking[0] == trained.predict(to_input(image)).item()


def test_a_fault_is_shown_on_the_page_and_not_swallowed(trained):
    pad = DrawPad(trained)
    with pytest.raises(RuntimeError), pad.reporting(1):
        raise RuntimeError("out of memory")
    assert pad.problem == "RuntimeError: out of memory" and pad.answered == 1


def test_a_picture_without_an_answer_does_not_answer():
    picture = LivePicture()
    picture.set_state({"touched": {"key": "x", "row": 0, "column": 0}, "asked": 1})
    assert picture.answered == 1 and picture.problem == ""
