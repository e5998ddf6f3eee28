"""The live twins of the widgets on the notebooks' pages: what they draw is, mark for mark, what the package draws.

Screenshots go to build/screenshots.
"""

import io
import re
import sys
import xml.etree.ElementTree as ElementTree
from base64 import b64decode

import numpy as np
import pytest
import torch
from PIL import Image
from serving import ROOT, SHOTS

from lenet_helpers import load_weights, to_input
from lenet_helpers.losses import MAPLoss, MSELoss
from lenet_helpers.widgets.architecture import draw_architecture
from lenet_helpers.widgets.base import asset
from lenet_helpers.widgets.curvature_lab import draw_bowl
from lenet_helpers.widgets.explorer import draw_walk
from lenet_helpers.widgets.loss_lab import draw_losses
from lenet_helpers.widgets.slider import round_numbers
from lenet_helpers.widgets.stepper import KERNELS, draw_step, kernel_table

sys.path.append(str(ROOT / "site"))
import stage  # noqa: E402
import visitor  # noqa: E402

NUMBER = re.compile(r"(?<![\w₁₂])[+-]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]\d+)?")
PAGES = {
    "architecture": "00_start_here", "stepper": "02_convolution", "explorer": "04_connections", "losses": "06_loss",
    "bowl": "08_sdlm",
}  # fmt: skip
MODULES = """async (page) => {
    const at = (name) => new URL(`_static/twins/${name}.js`, page).href;
    window.twins = {};
    for (const name of ["architecture", "explorer", "stepper", "losses", "bowl"]) twins[name] = await import(at(name));
}"""


@pytest.fixture(scope="module")
def twins(browser, site):
    """A page of the site with the modules of the front page and of the twins loaded."""
    page = browser.new_page()
    page.goto(site)
    visitor.load_modules(page, site)
    page.evaluate(MODULES, site)
    yield page
    page.close()


@pytest.fixture(scope="module")
def samples():
    return stage.samples()


def assert_drawn_alike(found, expected):
    """The same marks in the same order: words equal, numbers within 1e-3 or their last place, and every pixel."""
    for one, other in zip(*(ElementTree.fromstring(markup).iter() for markup in (found, expected)), strict=True):
        assert (one.tag, one.attrib.keys()) == (other.tag, other.attrib.keys())
        assert_same_words(one.text or "", other.text or "")
        for name, words in other.attrib.items():
            if name == "href":
                drawn, wanted = (pixels(href) for href in (one.attrib[name], words))
                assert drawn.shape == wanted.shape and abs(drawn - wanted).max() <= 3
            else:  # pairs of numbers apart, lest a comma read as one of thousands
                assert_same_words(*(text.replace(",", ", ") for text in (one.attrib[name], words)))


def assert_same_words(found, expected):
    assert NUMBER.sub("#", found) == NUMBER.sub("#", expected)
    for one, other in zip(NUMBER.findall(found), NUMBER.findall(expected), strict=True):
        last_place = 10.0 ** -len(other.partition(".")[2].partition("e")[0])
        value = float(other.replace(",", ""))
        allowed = max(1e-3 * abs(value), 1.01 * last_place if "." in other else 0)
        assert abs(float(one.replace(",", "")) - value) <= allowed, (found, expected)


def pixels(href):
    return np.asarray(Image.open(io.BytesIO(b64decode(href.partition(",")[2]))).convert("RGB")).astype(int)


def test_a_difference_in_words_numbers_or_pixels_is_seen(samples):
    """What the tests below rest on."""
    model = load_weights()
    right = draw_architecture(model, samples[0]).markup(live=True)
    assert_drawn_alike(right, right)
    changed = [
        right.replace("convolution", "correlation", 1), right.replace('x="156"', 'x="157"', 1),
        right.replace('class="text"', "", 1), re.sub(r"<circle.*?>|<line.*?</line>", "", right, count=1),
        re.sub(r"(The smallest is that of \d, )(\d+)", r"\g<1>9\2", right, count=1),
        draw_architecture(model, samples[1]).markup(live=True),
    ]  # fmt: skip
    for wrong in changed:
        with pytest.raises((AssertionError, ValueError)):
            assert_drawn_alike(wrong, right)


def test_fig_2_is_drawn_as_the_package_draws_it(twins, samples):
    model = load_weights()
    for digit in samples[[0, 14, 27]]:
        drawn = twins.evaluate(
            "(digit) => twins.architecture.drawArchitecture(site.weights, bytesOf(digit)).markup()",
            visitor.encoded(digit),
        )
        assert_drawn_alike(drawn, draw_architecture(model, digit).markup(live=True))


def test_every_kind_of_unit_is_accounted_for_as_the_package_does(twins, samples):
    model = load_weights()
    states = model.states(to_input(samples[13]))
    units = [
        ("input", 0, 20, 9), ("c1", 5, 27, 0), ("s2", 2, 6, 7), ("c3", 0, 4, 4), ("c3", 11, 0, 9), ("c3", 15, 9, 3),
        ("s4", 9, 1, 2), ("c5", 0, 11, 4), ("f6", 0, 3, 6), ("output", 0, 6, 0),
    ]  # fmt: skip
    for unit in units:
        drawn = twins.evaluate(
            """([digit, unit]) => twins.explorer.drawWalk(site.weights,
                site.states(site.weights, site.toInput(bytesOf(digit))), unit).markup()""",
            [visitor.encoded(samples[13]), unit],
        )
        assert_drawn_alike(drawn, draw_walk(model, states, *unit).markup(live=True))


def test_a_kernels_step_is_drawn_as_the_package_draws_it(twins, samples):
    model = load_weights()
    kernels = [*KERNELS.values(), model.c1.weight[3, 0].detach(), torch.zeros(5, 5)]
    biases, places = [0.0, 0.0, 0.0, 0.0, model.c1.bias[3].item(), -0.5], [0, 27, 300, 301, 783, 756]
    for kernel, bias, place in zip(kernels, biases, places, strict=True):
        drawn, table = twins.evaluate(
            """([digit, kernel, bias, place]) => [twins.stepper.drawStep(site.toInput(bytesOf(digit)), kernel, bias,
                place).markup(), twins.stepper.kernelTable(kernel)]""",
            [visitor.encoded(samples[5]), kernel.flatten().tolist(), bias, place],
        )
        assert_drawn_alike(drawn, draw_step(to_input(samples[5])[0, 0], kernel, bias, place).markup(live=True))
        assert_same_words(table, kernel_table(kernel))


def test_the_two_losses_are_drawn_as_the_package_draws_them(twins):
    for j, right, rival in ((0.1, 12, 8), (3.0, 33, 5), (10.0, 12, 8), (10.0, 0, 40), (70.0, 20, 20), ("MSE", 33, 5)):
        loss = MSELoss() if j == "MSE" else MAPLoss(j)
        drawn = twins.evaluate(f"() => twins.losses.drawLosses({j!r}, {right}, {rival}).markup()")
        assert_drawn_alike(drawn, draw_losses(loss, right, rival).markup(live=True))


def test_the_bowl_is_drawn_as_the_package_draws_it(twins):
    bowls = [
        (0.3, 0.02, (5.0, 0.05), 0.3, (-1.0, 0.9), 20), (0.3, 0.02, (5.0, 0.05), 0.5, (-1.0, 0.9), 150),
        (1.0, 10.0, (0.001, 20.0), 0.001, (1.2, -0.3), 10_000), (0.01, 1e-4, (1.0, 1.0), 0.1, (0.0, 0.0), 1),
    ]  # fmt: skip
    for bowl in bowls:
        names = ("eta", "mu", "curvature", "rate", "start", "steps")
        drawn = twins.evaluate("(bowl) => twins.bowl.drawBowl(bowl).markup()", dict(zip(names, bowl, strict=True)))
        assert_drawn_alike(drawn, draw_bowl(*bowl).markup(live=True))


def test_the_sliders_have_the_widgets_numbers(twins):
    svg = "(async () => (await import(new URL('_static/twins/svg.js', location).href)).roundNumbers({}, {}))()"
    for low, high in ((0.1, 70), (1e-3, 20), (1, 10_000), (1e-4, 10)):
        assert twins.evaluate(svg.format(low, high)) == round_numbers(low, high)


def test_the_pages_have_the_widgets_own_front_ends(site):
    for name, parts in {"live_picture": ("kernel.js", "live_picture.js"), "slider": ("slider.js",)}.items():
        assert (stage.FRONTS / f"{name}.js").read_text(encoding="utf-8") == asset(*parts)


def open_twin(page, site, name):
    page.goto(f"{site}notebooks/{PAGES[name]}.html")
    twin = page.locator(f".twin[data-twin={name}]").first
    twin.locator(".picture svg").first.wait_for()
    twin.scroll_into_view_if_needed()
    return twin


def point(twin, key, row, column):
    """Press the mouse on a unit of a grid, however large the page draws it."""
    grid = twin.locator(f'[data-key="{key}"]')
    box, rows, columns = (grid.bounding_box(), *(int(grid.get_attribute(f"data-{n}")) for n in ("rows", "columns")))
    place = {"x": (column + 0.5) * box["width"] / columns, "y": (row + 0.5) * box["height"] / rows}
    grid.click(position=place)


def shown(twin, words):
    twin.locator(f'.picture svg[aria-label*="{words}"]').wait_for()


def spoken(twin, words):
    twin.locator(".spoken").filter(has_text=words).first.wait_for(state="attached")


def test_another_digit_walks_through_fig_2_by_the_keyboard_and_a_drawn_one_too(page, site, samples):
    model = load_weights()
    twin = open_twin(page, site, "architecture")
    shown(twin, draw_architecture(model, samples[0]).alt)
    twin.get_by_label("Digit no.").press("ArrowRight")
    shown(twin, draw_architecture(model, samples[1]).alt)
    spoken(twin, draw_architecture(model, samples[1]).alt)
    twin.get_by_text("Draw your own").press("Enter")
    visitor.draw(page, visitor.SEVEN)
    shown(twin, "The smallest is that of 7")
    twin.get_by_label("Digit no.").press("ArrowRight")
    shown(twin, draw_architecture(model, samples[2]).alt)


def test_the_kernel_slides_by_pointer_keyboard_and_by_itself_and_can_be_typed(page, site):
    twin = open_twin(page, site, "stepper")
    shown(twin, "Row 10, column 20")
    point(twin, "field", 17, 12)  # the window's middle
    shown(twin, "Row 15, column 10")
    twin.locator('[data-key="map"]').press("ArrowUp")
    shown(twin, "Row 14, column 10")
    spoken(twin, "Row 14, column 10")
    page.keyboard.press("ArrowLeft")
    shown(twin, "Row 14, column 9")
    twin.get_by_label("Kernel", exact=True).select_option("centre alone")
    weight = twin.get_by_label("kernel, row 2, column 2")
    assert weight.input_value() == "1"
    weight.fill("5000")
    weight.press("Enter")
    twin.get_by_text("got '5000', expected a number such as -0.5; the kernel is unchanged.").wait_for()
    weight.fill("0")
    weight.press("Enter")
    shown(twin, "the 25 products add up to 0.00")
    twin.get_by_role("button", name="Slide", exact=True).click()
    twin.locator('.picture svg[aria-label^="A 5 by 5"]:not([aria-label*="Row 14, column 9:"])').wait_for()
    twin.get_by_role("button", name="Hold").click()


def test_a_unit_is_walked_to_by_pointer_and_keyboard(page, site):
    twin = open_twin(page, site, "explorer")
    point(twin, "s4 3", 2, 1)
    spoken(twin, "S4 map 3, row 2, column 1. 4 products")
    page.keyboard.press("ArrowRight")
    spoken(twin, "S4 map 3, row 2, column 2.")
    page.keyboard.press("PageDown")
    spoken(twin, "S4 map 4, row 2, column 2.")
    twin.locator('[data-key="output 0"]').press("ArrowDown")
    spoken(twin, "Output unit 1. The squared distance")


def test_the_point_and_the_loss_are_moved(page, site):
    twin = open_twin(page, site, "losses")
    twin.locator('[data-key="plane"]').press("ArrowUp")
    shown(twin, "MAPLoss(j=10), right class at penalty 12, rival at 9.")
    twin.get_by_label("j", exact=True).press("End")
    shown(twin, "MAPLoss(j=70)")
    twin.get_by_label("Loss", exact=True).select_option("MSE, Eq. 8")
    shown(twin, "MSELoss(), right class at penalty 12, rival at 9.")
    assert twin.get_by_label("j", exact=True).is_disabled()


def test_the_start_and_the_rates_are_moved(page, site):
    twin = open_twin(page, site, "bowl")
    twin.get_by_label("Plain rate").press("ArrowRight")
    shown(twin, "gradient descent: diverges")
    twin.locator('[data-key="bowl"]').press("ArrowDown")
    spoken(twin, "gradient descent: diverges")
    assert twin.locator('[data-key="bowl"]').get_attribute("data-row") == "4"


@pytest.mark.parametrize("scheme, width", [("light", 1400), ("dark", 360)])
def test_a_page_with_a_twin_has_nothing_to_scroll_to_sideways(page, site, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    for name in PAGES:
        twin = open_twin(page, site, name)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        twin.screenshot(path=SHOTS / f"twin_{name}_{scheme}_{width}.png")


def test_weights_that_do_not_arrive_are_told_in_the_twins_place(page, site):
    page.route("**/regular.safetensors", lambda route: route.fulfill(status=503))
    page.goto(f"{site}notebooks/{PAGES['explorer']}.html")
    page.locator(".twin .notice").filter(has_text="regular.safetensors did not arrive: status 503").wait_for()
