"""Numbers on the site: the front page's wide sheet, its network and its Viterbi those of the package.

Screenshots go to build/screenshots. More strings, times and accessibility: python site/measure.py.
"""

import math
import re

import numpy as np
import pytest
import torch
import visitor
from PIL import Image, ImageDraw
from readers import ONE_OH_SEVEN, clear, draw_eleven_by_keyboard, says
from serving import shoot
from visitor import draw

from lenet_helpers import load_weights
from lenet_helpers.data.string_field import fit_line
from lenet_helpers.data.strings import make_strings
from lenet_helpers.plots import FAR, NEAR
from lenet_helpers.strings import Grammar, read_strings, viterbi
from lenet_helpers.strings.reading import confidences, spelled
from lenet_helpers.widgets.number_pad import COLUMNS, ROWS, on_the_sheet
from lenet_helpers.widgets.number_reading import read_number

COLOURS = """async ([address, far, penalties]) => {
    const { near } = await import(address);
    return penalties.map((penalty) => [...new Uint8Array(Uint32Array.of(near(far)(penalty)).buffer)].slice(0, 3));
}"""
DOTS = [[(x, y), (x + 0.02, y)] for x in (0.2, 0.5) for y in (0.1, 0.5, 0.9)]
PLACES = """() => ["cells canvas", "cells polyline", "cells"].map((name) => {
    const { left, right } = document.querySelector(`.numbers .${name}`).getBoundingClientRect();
    return [left, right];
})"""
GRAPH = """([maps, touching, begin]) => maps.map((map) => {
    const arcs = site.grammar({ touching: touching ?? Infinity, begin });
    const { text, confidence, path } = site.readMap(map, arcs);
    return [text, confidence, path];
})"""
SAMPLES = """(count) => {
    let seed = 1;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    return Array.from({ length: count }, (_, at) => site.writeNumber(1 + (at % 5), 3, random));
}"""


@pytest.fixture(scope="module")
def reader():
    return load_weights("strings")


@pytest.mark.parametrize("scheme, width", [("light", 1400), ("dark", 360)])
def test_a_number_is_read_under_the_ink(page, site, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(site)
    says(page, "Draw a number.", "number")
    page.get_by_role("img", name="Under the sheet, still empty").wait_for(state="attached")
    draw(page, ONE_OH_SEVEN, "number")
    says(page, "I read 107.", "number")
    page.get_by_role("status").filter(has_text="I read 107. Confidence").wait_for(state="attached")
    page.get_by_role("img", name=re.compile(r"I read 107\. .*the path read: 1")).wait_for()
    (left, right), (begin, end), (low, high) = page.evaluate(PLACES)
    half = (right - left) / len(page.locator(".cells polyline").get_attribute("points").split()) / 2
    assert (begin, end) == pytest.approx((left + half, right - half), abs=2)  # from the first cell to the last
    assert low <= left and right <= high + half
    shoot(page, f"site_number_{scheme}_{width}", 2600)
    clear(page, "number")
    draw_eleven_by_keyboard(page)
    says(page, "I read 11.", "number")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width  # nothing to scroll to sideways


def test_digits_stand_under_the_strokes_that_were_read(page, site):
    page.goto(site)
    draw(page, ONE_OH_SEVEN, "number")
    says(page, "I read 107.", "number")
    box = page.locator(".pad.number .paper > canvas").bounding_box()
    for at, digit in enumerate(page.locator(".map .digits b").all()):
        found = digit.bounding_box()
        assert digit.inner_text() == "107"[at]
        assert found["x"] + found["width"] / 2 == pytest.approx(box["x"] + box["height"] * (at + 0.5), abs=40)


def test_the_playgrounds_page_has_the_sheet_too(page, site):
    page.goto(f"{site}/notebooks/11_playground.html")
    draw(page, ONE_OH_SEVEN, "number")
    says(page, "I read 107.", "number")


def test_the_weights_are_fetched_when_the_sheet_is_first_used_and_once(page, site):
    asked = []
    page.on("request", lambda request: asked.append(request.url.rsplit("/")[-1]))
    page.goto(site)
    says(page, "Draw a digit.")
    assert "strings.safetensors" not in asked
    for _ in range(2):
        page.get_by_role("button", name="Sample number").click()
        says(page, re.compile(r"I read \d|I'd reject this"), "number")
    assert asked.count("strings.safetensors") == 1


def test_weights_that_do_not_arrive_are_told_and_asked_for_again(page, site):
    page.route("**/strings.safetensors", lambda route: route.fulfill(status=503))
    page.goto(site)
    draw(page, ONE_OH_SEVEN, "number")
    says(page, "The network's weights did not arrive.", "number")
    page.unroute("**/strings.safetensors")
    page.get_by_role("button", name="Undo").last.click()
    says(page, re.compile("I read 10|I'd reject this"), "number")


def test_what_is_no_line_of_digits_is_rejected_with_the_readers_reason(page, site):
    page.goto(site)
    draw(page, DOTS, "number")
    says(page, "I'd reject this: it is no line of digits.", "number")
    page.locator(".number .remark").filter(has_text="as tall as its digits are").wait_for()


@pytest.mark.parametrize("options", [{}, {"noise": 0.1}, {"gaps": (-6, -2)}])
def test_the_page_reads_the_packages_strings(modules, mnist, reader, options):
    strings = make_strings(mnist.test, 100, (3, 6), seed=90, **options)
    expected = read_strings(reader, strings.fields)
    found = visitor.strings(modules, strings.fields.numpy())
    assert [f["text"] for f in found] == [e.text for e in expected]
    for f, e in zip(found, expected):
        np.testing.assert_allclose(np.transpose(f["map"]), e.penalties.numpy(), rtol=1e-3)
        assert f["places"] == list(e.places)
        assert f["confidence"] == pytest.approx(e.confidence, abs=1e-3)


@pytest.mark.parametrize("grammar", [Grammar(), Grammar(touching=2.5), Grammar(touching=0.0), Grammar(1.0, begin=0.7)])
def test_the_pages_graph_is_the_packages(modules, grammar):
    random = torch.Generator().manual_seed(0)
    maps = 6 * torch.rand(40, 11, 9, generator=random, dtype=torch.float64)
    paths = viterbi(maps, grammar)
    texts = [spelled(path)[0] for path in paths]
    shares = confidences(maps, texts, grammar)
    touching = grammar.touching if math.isfinite(grammar.touching) else None
    found = modules.evaluate(GRAPH, [maps.mT.tolist(), touching, grammar.begin])
    assert [path for _, _, path in found] == paths.tolist() and [text for text, _, _ in found] == texts
    np.testing.assert_allclose([share for _, share, _ in found], shares.numpy(), rtol=1e-9)


def test_the_pages_map_has_the_packages_colours(modules, site):
    penalties = [0, 2, 7.5, 14, 21, 33, 40, 90]
    found = modules.evaluate(COLOURS, [f"{site}_static/colours.js", FAR, penalties])
    expected = NEAR(np.clip(np.array(penalties) / FAR, 0, 1))[:, :3] * 255
    np.testing.assert_allclose(found, expected, atol=4)  # a step of 256 from white to dark


def sheet_with(strokes, width=10):
    """Ink uint8 (ROWS, COLUMNS) of strokes in parts of the sheet's height."""
    sheet = Image.new("L", (COLUMNS, ROWS))
    for stroke in strokes:
        ImageDraw.Draw(sheet).line([(x * ROWS, y * ROWS) for x, y in stroke], fill=255, width=width, joint="curve")
    return np.asarray(sheet)


def drawings(count):
    """A number, dots all over, a black sheet, and random strokes of many widths."""
    yield sheet_with(ONE_OH_SEVEN)
    yield sheet_with(DOTS, width=3)
    yield np.full((ROWS, COLUMNS), 255, np.uint8)
    generator = np.random.default_rng(0)
    for _ in range(count):
        sheet = Image.new("L", (COLUMNS, ROWS))
        for _ in range(generator.integers(1, 7)):
            places = generator.integers(0, ROWS, (generator.integers(2, 6), 2)) * generator.choice([0.2, 0.6, 1], 2)
            line = [(x + generator.integers(0, COLUMNS - 60), y) for x, y in places.tolist()]
            level, width = int(generator.integers(30, 256)), int(generator.integers(2, 20))
            ImageDraw.Draw(sheet).line(line, fill=level, width=width)
        yield np.asarray(sheet)


def test_the_page_fits_a_line_to_the_bit_and_answers_in_the_packages_words(modules, reader):
    rejected = set()
    for ink in drawings(40):
        found = visitor.number(modules, ink)
        try:
            field, left, scale = fit_line(ink)
        except ValueError as error:
            assert found == {"refusal": str(error)}
            rejected.add("no line")
            continue
        np.testing.assert_array_equal(np.reshape(found["field"], (32, -1)), field.numpy())
        assert (found["left"], found["scale"]) == (left, pytest.approx(scale))
        number = read_number(reader, ink)
        rejected.add(number.rejected)
        assert found["verdict"] == number.verdict and found["rejected"] == bool(number.rejected)
        same, theirs = (re.split(r"(\d+\.\d+)", remark) for remark in (found["remark"], number.remark))
        assert same[::2] == theirs[::2]
        assert [float(n) for n in same[1::2]] == pytest.approx([float(n) for n in theirs[1::2]], abs=0.11)
        if number.reading.penalties.diff().abs().amax(0).min() > 1e-3:  # else, as in black, runs may end elsewhere
            assert found["told"] in number.described
    assert {"", "no line", "none is near"} <= rejected


def test_samples_are_written_so_that_they_are_read(modules, reader):
    samples = modules.evaluate(SAMPLES, 100)
    right = 0
    for sample in samples:
        assert all(0 < x < COLUMNS / ROWS and 0 < y < 1 for stroke in sample["strokes"] for x, y in stroke)
        right += read_number(reader, sheet_with(sample["strokes"])).text == sample["text"]
    assert {digit for sample in samples for digit in sample["text"]} == set("0123456789")
    assert right >= 85


def test_ink_that_is_placed_on_a_sheet_is_read_on_the_page_as_in_the_package(modules, mnist, reader):
    for field in make_strings(mnist.test, 10, (3, 6), seed=91).fields:
        ink = on_the_sheet(field.numpy())
        assert visitor.number(modules, ink)["text"] == read_number(reader, ink).text
