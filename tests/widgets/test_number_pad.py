"""The pad for whole numbers: what it reads, what it rejects and why, and where it puts what it read."""

import math
import statistics
import time
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from widget_pages import ask, drawing, post

from lenet_helpers.data.string_field import fit_line, string_field
from lenet_helpers.data.strings import MARGIN, make_strings
from lenet_helpers.strings import Reading, read_string, read_strings
from lenet_helpers.strings.reading import runs_along
from lenet_helpers.weights import load_weights
from lenet_helpers.widgets import NumberPad
from lenet_helpers.widgets.number_pad import COLUMNS, EMPTY, ROWS, on_the_sheet
from lenet_helpers.widgets.number_reading import (
    GUTTER,
    LEAST_CONFIDENCE,
    MOST_PENALTY,
    SHEET,
    NumberReading,
    draw_number,
)

SHAPE = (ROWS, COLUMNS)
RING = [(1.5 + 0.2 * math.sin(t * math.pi / 12), 0.5 - 0.33 * math.cos(t * math.pi / 12)) for t in range(25)]
ONE_OH_SEVEN = [(0.6, 0.17), (0.56, 0.83)], RING, [(2.2, 0.2), (2.7, 0.2), (2.4, 0.83)]


def number(*strokes, width=9):
    return drawing(*strokes, width=width, shape=SHAPE)


@pytest.fixture(scope="module")
def reader():
    return load_weights("strings")


def sheet(image):
    return np.frombuffer(image, np.uint8).reshape(SHAPE)


def words(pad):
    """The texts of the picture under the sheet, with their places across."""
    texts = ElementTree.fromstring(pad.markup).iter("{http://www.w3.org/2000/svg}text")
    return [(element.text, float(element.attrib["x"])) for element in texts]


def map_of(pad):
    """Where the map begins in the picture under the sheet, and how wide it is."""
    images = ElementTree.fromstring(pad.markup).findall("{http://www.w3.org/2000/svg}image")
    return [float(images[-1].attrib[name]) for name in ("x", "width")]


def test_a_drawing_is_read_as_predict_reads_a_line_of_ink(reader):
    pad = NumberPad(reader)
    image = number(*ONE_OH_SEVEN)
    assert ask(pad, image) == "I read 107."
    alone = read_string(reader, string_field(sheet(image)))
    assert pad.number.text == alone.text and pad.number.reading.path.equal(alone.path)
    torch.testing.assert_close(pad.number.reading.penalties, alone.penalties)
    assert f"Confidence {alone.confidence:.3f}" in pad.remark and pad.problem == ""


def test_digits_stand_under_their_ink_wherever_on_the_sheet_they_are(reader):
    pad = NumberPad(reader)
    for shift in (-0.4, 0.0, 0.25):
        ask(pad, number(*([(x + shift, y) for x, y in stroke] for stroke in ONE_OH_SEVEN)))
        digits = [(said, x) for said, x in words(pad) if said.isdigit() and x > GUTTER]
        assert [said for said, _ in digits] == list("107")
        middles = [GUTTER + SHEET * (x + shift) * ROWS / COLUMNS for x in (0.58, 1.5, 2.45)]
        assert [x for _, x in digits] == pytest.approx(middles, abs=25)


def test_an_answer_takes_less_than_150_milliseconds_of_work(reader):
    pad, seconds = NumberPad(reader), []
    for _ in range(7):
        started = time.process_time()
        ask(pad, number(*ONE_OH_SEVEN))
        seconds.append(time.process_time() - started)
    assert statistics.median(seconds) < 0.15


def test_an_empty_sheet_asks_for_a_number_and_shows_an_empty_map(reader):
    pad = NumberPad(reader)
    assert pad.verdict == EMPTY and "still empty" in pad.markup
    ask(pad, number(*ONE_OH_SEVEN))
    assert ask(pad, bytes(ROWS * COLUMNS)) == EMPTY and pad.number is None and "still empty" in pad.markup
    assert pad.picture().alt == EMPTY


@pytest.mark.parametrize("sent", [b"", b"abc", bytes(112 * 112), bytes(ROWS * COLUMNS + 1)])
def test_rubbish_from_the_page_is_told_and_what_was_read_stays(reader, sent):
    pad = NumberPad(reader)
    ask(pad, number(*ONE_OH_SEVEN))
    assert ask(pad, sent) == "I read 107." and "expected 140 rows of 420" in pad.problem
    ask(pad, number(*ONE_OH_SEVEN))
    assert pad.problem == ""


def test_ink_at_the_edges_of_the_sheet_is_read_and_drawn_inside_the_picture(reader):
    pad = NumberPad(reader)
    tall = ROWS / COLUMNS
    ask(pad, number([(0, 0), (0, 1)], [(1 / tall, 0), (1 / tall, 1)]))
    assert pad.problem == "" and pad.number is not None
    for side in (0.01, 1 / tall - 0.01):
        ask(pad, number([(side, 0.05), (side, 0.95)]))
        assert pad.number.text == "1"
        (place,) = (x for said, x in words(pad) if said == "1" and x > GUTTER)
        assert GUTTER < place < GUTTER + SHEET and abs(place - GUTTER - SHEET * side * tall) < 60
        begin, width = map_of(pad)
        assert GUTTER <= begin and begin + width <= GUTTER + SHEET + 0.01
    assert ask(pad, bytes([255]) * ROWS * COLUMNS).startswith("I'd reject this")


def test_thirty_digits_get_an_answer_from_one_end_of_the_sheet_to_the_other(reader):
    ones = [[(0.05 + 0.097 * i, 0.45), (0.05 + 0.097 * i, 0.62)] for i in range(30)]
    pad = NumberPad(reader)
    ask(pad, number(*ones, width=2))
    assert 15 <= len(pad.number.text) <= 30  # ones so close run together
    places = [x for said, x in words(pad) if said.isdigit() and x > GUTTER and said != "0"]
    assert places == sorted(places) and len(places) == len(pad.number.text)
    assert GUTTER < places[0] < GUTTER + 40 and GUTTER + SHEET - 60 < places[-1] < GUTTER + SHEET


def test_what_is_no_line_of_digits_is_rejected_with_the_readers_reason(reader):
    pad = NumberPad(reader)
    dots = [[(at, y), (at + 0.02, y)] for at in (0.1, 0.3) for y in (0.1, 0.5, 0.9)]
    for kind, strokes in (("tall", dots), ("long", [*dots, [(2.8, 0.5), (2.82, 0.5)]])):
        assert ask(pad, number(*strokes, width=3)) == "I'd reject this: it is no line of digits."
        assert f"as {kind} as its digits are" in pad.remark and pad.number is None and pad.problem == ""


def reading(path, penalty=1.0, confidence=1.0):
    penalties = torch.full((11, len(path)), 90.0)
    penalties[path, range(len(path))] = penalty
    text = "".join(str(c) for c in path if c != 10)
    places = tuple(16.0 + 4 * at for at, c in enumerate(path) if c != 10)
    return NumberReading(Reading(text, places, confidence, torch.tensor(path), penalties), 0, 0.5, COLUMNS, 10.0, 0.9)


def test_what_is_rejected_and_why():
    assert reading([10, 4, 10, 2]).verdict == "I read 42."
    assert reading([10, 10]).verdict == "I'd reject this: no digit was read in it."
    doubtful = reading([4, 10, 2], confidence=0.6)
    assert doubtful.verdict == "I'd reject this: I am not sure enough. At best 42."
    assert "0.600" in doubtful.remark and "should be 0.9" in doubtful.remark
    far = reading([4, 10, 2], penalty=12.5)
    assert far.verdict == "I'd reject this: not all of it is like digits. At best 42." and "12.5" in far.remark
    assert "orange" not in far.verdict and draw_number(far).markup() != draw_number(reading([4, 10, 2])).markup()


def test_a_run_is_as_near_as_its_nearest_window():
    number = reading([10, 4, 4, 10])
    number.reading.penalties[4, 1] = 30
    assert number.worst == 1.0 and runs_along(number.reading.path) == [(10, 0, 0), (4, 1, 2), (10, 3, 3)]


def test_of_what_is_not_rejected_less_is_wrong(reader, mnist):
    strings = make_strings(mnist.test, 300, (5, 5), seed=81)
    wrong, kept = [], []
    for one, text in zip(read_strings(reader, strings.fields), strings.texts):
        number = NumberReading(one, 0, 1.0, COLUMNS, MOST_PENALTY, LEAST_CONFIDENCE)
        wrong.append(number.text != text)
        kept.append(not number.rejected)
    wrong, kept = np.array(wrong), np.array(kept)
    assert kept.mean() > 0.7 and wrong[kept].mean() < 0.75 * wrong.mean()


def test_samples_are_numbers_of_the_given_digits_and_come_in_turn(reader, digits):
    pad = NumberPad(reader, digits)
    first, second = post(pad, request="sample"), post(pad, request="sample")
    assert len(first) == len(second) == ROWS * COLUMNS and first != second
    assert post(NumberPad(reader, digits), request="sample") == first
    assert post(none := NumberPad(reader), request="sample") is None and "samples" in none.problem


def test_a_picture_is_opened_as_predict_opens_it(reader):
    photo = Image.new("RGBA", (600, 200), (225, 222, 210, 255))
    for stroke in ONE_OH_SEVEN:
        ImageDraw.Draw(photo).line([(200 * x, 200 * y) for x, y in stroke], (30, 30, 40, 255), 14, joint="curve")
    pad = NumberPad(reader)
    placed = post(pad, [photo.tobytes()], request="picture", size=[200, 600])
    assert ask(pad, placed) == "I read 107."
    blank = Image.new("RGBA", (30, 20), "white").tobytes()
    assert post(pad, [blank], request="picture", size=[20, 30]) is None and "no digits were found" in pad.problem
    assert pad.verdict == "I read 107."


def test_a_line_lies_in_the_field_where_fit_line_says():
    ink = sheet(number(*ONE_OH_SEVEN))
    field, left, scale = fit_line(ink)
    inked = np.flatnonzero(ink.any(0))
    columns = np.flatnonzero(field.numpy().any(0))
    assert inked[0] == left
    assert MARGIN + scale * (inked[[0, -1]] - left) == pytest.approx(columns[[0, -1]], abs=1)


def test_what_is_placed_on_the_sheet_keeps_its_proportions_and_lies_in_the_middle():
    for shape in ((20, 100), (20, 20), (30, 10), (1, 1), (3, 400)):
        placed = on_the_sheet(np.full(shape, 255, np.uint8))
        rows, columns = np.flatnonzero(placed.any(1)), np.flatnonzero(placed.any(0))
        assert rows[0] + rows[-1] == pytest.approx(ROWS - 1, abs=1)
        assert columns[0] + columns[-1] == pytest.approx(COLUMNS - 1, abs=1)
        assert len(columns) / len(rows) == pytest.approx(shape[1] / shape[0], rel=0.2)
