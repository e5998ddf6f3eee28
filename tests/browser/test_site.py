"""The site of `make site`: built without a warning or a dead link, its network that of the package, read by anyone.

Screenshots go to build/screenshots. All 10,000 test digits, times and accessibility: python site/measure.py.
"""

import re

import links
import numpy as np
import pytest
import torch
import visitor
from PIL import Image, ImageDraw
from readers import says
from serving import shoot
from visitor import ONE, SEVEN, ZERO

from lenet_helpers import load_digits, load_weights, to_input
from lenet_helpers.data.normalise import fit_box
from lenet_helpers.widgets.digit_reading import read


@pytest.mark.parametrize("scheme, width", [("light", 1400), ("dark", 360)])
def test_a_digit_is_read_as_it_is_drawn(page, site, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(site)
    says(page, "Draw a digit.")
    for strokes, digit in ((ONE, 1), (ZERO, 0), (SEVEN, 7)):
        visitor.draw(page, strokes)
        says(page, f"I read a {digit}.")
        page.locator(f".classes .penalty td:nth-child({digit + 2}).best").wait_for()
        page.locator(".pad.digit").get_by_role("button", name="Clear").click()
        says(page, "Draw a digit.")
    visitor.draw_by_keyboard(page)
    says(page, "I read a 1.")
    page.get_by_role("status").filter(has_text="I read a 1. Penalty of 1:").wait_for(state="attached")
    shoot(page, f"site_{scheme}_{width}", 1800)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width  # nothing to scroll to sideways


def test_the_page_answers_while_the_pen_is_down(page, site):
    page.goto(site)
    says(page, "Draw a digit.")
    box = page.locator(".pad.digit .paper canvas").bounding_box()
    page.mouse.move(box["x"] + 150, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 145, box["y"] + 250, steps=10)
    says(page, "I read a 1.")
    page.mouse.up()


def test_weights_that_do_not_arrive_are_told_and_the_drawing_stays(page, site):
    page.route("**/regular.safetensors", lambda route: route.fulfill(status=503))
    page.goto(site)
    says(page, "The network's weights did not arrive.")
    visitor.draw(page, ONE)
    page.locator(".pad.digit[data-items='1']").wait_for()
    page.unroute("**/regular.safetensors")
    page.reload()
    says(page, "I read a 1.")


def test_the_pages_network_gives_the_packages_penalties(modules, mnist):
    images = mnist.test.images[:500]
    with torch.no_grad():
        expected = load_weights()(to_input(images)).numpy()
    penalties = visitor.penalties(modules, images)
    assert (penalties.argmin(1) == expected.argmin(1)).all()
    np.testing.assert_allclose(penalties, expected, rtol=1e-4)


def test_the_page_centres_a_drawing_to_the_bit_as_the_package_does(modules):
    for ink in drawings(60):
        np.testing.assert_array_equal(visitor.fitted(modules, ink), fit_box(ink))


def test_the_page_answers_in_the_packages_words(modules):
    model = load_weights()
    scanned = load_digits("test", "sklearn")
    fours, nines = (scanned.images[scanned.labels == digit][:12].numpy() for digit in (4, 9))
    between = [np.maximum(four * share, nine * (1 - share)) for four, nine in zip(fours, nines) for share in (0.4, 0.6)]
    scanned = scanned.images[:100].numpy()
    digits = [*scanned, *np.uint8(between), *(fit_box(ink) for ink in drawings(10)), np.full((28, 28), 255, np.uint8)]
    verdicts = [read(model, torch.from_numpy(digit)) for digit in digits]
    assert [visitor.words(modules, digit) for digit in digits] == [(r.verdict, r.remark) for r in verdicts]
    assert len({r.rejected for r in verdicts}) == 4  # every kind of answer was among them


def drawings(count):
    """Random strokes of many widths, at least 40 pixels tall: Pillow's order of passes is not known below that."""
    generator = np.random.default_rng(0)
    while count:
        sheet = Image.new("L", (112, 112))
        places = generator.integers(0, 112, (generator.integers(2, 6), 2)) * generator.choice([0.2, 0.6, 1], 2)
        level, width = int(generator.integers(30, 256)), int(generator.integers(2, 20))
        ImageDraw.Draw(sheet).line([tuple(place) for place in places.tolist()], fill=level, width=width)
        ink = np.asarray(sheet)
        if np.ptp(np.flatnonzero(ink.any(1))) >= 40:
            count -= 1
            yield ink


@pytest.mark.parametrize("notebook", ["00_start_here", "09_training", "12_paper_results"])
def test_tables_that_cells_display_are_tables_and_pictures_keep_their_proportions(page, site, notebook):
    page.set_viewport_size({"width": 1200, "height": 900})
    page.goto(f"{site}/notebooks/{notebook}.html")
    assert page.locator("article div.cell_output p").filter(has_text=re.compile(r"^\s*\|.*\|\s*$", re.S)).count() == 0
    shapes = page.evaluate(
        "() => [...document.querySelectorAll('article div.cell_output img')]"
        ".map((image) => [image.width / image.height, image.naturalWidth / image.naturalHeight])"
    )
    np.testing.assert_allclose(*np.transpose(shapes), rtol=0.03)


@pytest.mark.parametrize("link, dead", [
    ("there.html", False), ("there.html#place", False), ("#here", False), ("https://example.org/x", False),
    ("gone.html", True), ("there.html#gone", True), ("#gone", True), ("ftp://example.org", True),
    ("https://github.com/ada/lenet/blob/main/README.md", False),
    ("https://github.com/ada/lenet/blob/main/GONE.md", True),
    ("https://colab.research.google.com/github/ada/lenet/blob/main/notebooks/99_gone.ipynb", True),
])  # fmt: skip
def test_a_dead_link_is_found(tmp_path, link, dead):
    (tmp_path / "page.html").write_text(f'<p id="here"></p><a href="{link}">link</a>', encoding="utf-8")
    (tmp_path / "there.html").write_text('<p id="place"></p>', encoding="utf-8")
    found = links.dead_links(tmp_path, "ada/lenet")
    assert found == ([f"page.html: {link} leads nowhere"] if dead else [])
