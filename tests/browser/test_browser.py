"""The playground in a real browser: in JupyterLab, and as the page that `make demo` serves.

Screenshots go to build/screenshots, to be looked at by whoever changes a widget.
"""

import re
import sys

import numpy as np
from PIL import Image, ImageDraw
from readers import (
    ONE_OH_SEVEN,
    clear,
    contrast,
    draw_with_a_finger,
    menu,
    notice,
    open_notebook,
    processes_a_core,
    run_all,
    says,
    without_notice,
)
from serving import free_port, served, shoot
from visitor import ONE, SEVEN, ZERO, draw

from lenet_helpers import load_digits, load_weights
from lenet_helpers.widgets.architecture import draw_architecture

# Straight strokes between random places, one every 25 milliseconds
TWO_HUNDRED_STROKES = """async (canvas) => {
    let seed = 1;
    const box = canvas.getBoundingClientRect();
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    for (let stroke = 0; stroke < 200; stroke++) {
        for (const type of ["pointerdown", "pointermove", "pointermove", "pointerup"]) {
            const clientX = box.left + box.width * (0.1 + 0.8 * random());
            const clientY = box.top + box.height * (0.1 + 0.8 * random());
            const button = type === "pointermove" ? -1 : 0;
            canvas.dispatchEvent(new PointerEvent(type, { pointerId: 1, button, clientX, clientY, bubbles: true }));
        }
        await new Promise((resolve) => setTimeout(resolve, 25));
    }
}"""


def plays(page):
    """Draw, walk through the layers, train; the words stand out from the page behind them."""
    draws_digits(page)
    draw(page, ONE_OH_SEVEN, "number")
    says(page, "I read 107.", "number")
    walks_through_layers(page)
    pauses_training(page)
    assert contrast(page) > 4.5


def draws_digits(page):
    for strokes, digit in ((ONE, 1), (ZERO, 0), (SEVEN, 7)):
        draw(page, strokes)
        says(page, f"I read a {digit}.")
        if digit != 7:
            clear(page)


def walks_through_layers(page):
    told = page.locator(".spoken").first
    page.get_by_role("button", name="Take my drawing").click()
    page.get_by_role("group", name="the answer is 7").wait_for()
    page.locator('[data-key="s4 3"]').click(position={"x": 9, "y": 15})
    told.filter(has_text="S4 map 3, row 2, column 1. 4 products").wait_for()
    page.keyboard.press("ArrowRight")
    told.filter(has_text="S4 map 3, row 2, column 2.").wait_for()
    page.keyboard.press("PageDown")
    told.filter(has_text="S4 map 4, row 2, column 2.").wait_for()
    page.locator('[data-key="output 0"]').click(position={"x": 20, "y": 17 * 7 + 8})
    told.filter(has_text="Output unit 7. The squared distance").wait_for()


def pauses_training(page):
    """Start, hold, go on: while it is held nothing moves, afterwards it does."""
    status = page.locator(".widget-label").filter(has_text=re.compile("Ready|Training|Paus|Stopped"))

    def button(name):
        return page.locator("button.jupyter-button").filter(has_text=re.compile(f"^{name}$"))

    button("Start").click()
    status.filter(has_text=re.compile(r"Training\. Pass \d+ of \d+, \d")).wait_for()
    button("Pause").click()
    status.filter(has_text="Paused.").wait_for()
    held = status.inner_text()
    page.wait_for_timeout(1500)
    assert status.inner_text() == held
    button("Resume").click()
    status.filter(has_text=re.compile(rf"Training\. (?!{re.escape(place_of(held))})")).wait_for()
    button("Stop").click()
    status.filter(has_text="Stopped.").wait_for()


def place_of(status):
    return re.search(r"Pass \d+ of \d+, [\d,]+ of", status)[0]


def seconds_of_work(page):
    """Processor time the page's own thread has used, whatever else the machine was doing."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    return {entry["name"]: entry["value"] for entry in session.send("Performance.getMetrics")["metrics"]}[
        "TaskDuration"
    ]


def test_the_playground_in_jupyterlab(page, lab):
    open_notebook(page, lab, "11_playground.ipynb")
    plays(page)
    shoot(page, "lab_light", 6600)
    menu(page, "Settings", "Theme", "JupyterLab Dark")
    page.locator("body[data-jp-theme-light=false]").wait_for(state="attached")
    assert contrast(page) > 4.5
    shoot(page, "lab_dark", 6600)

    # the kernel restarted under the open page: said at once, the drawing kept, and read again by the new kernel
    items = page.locator(".pad.digit").get_attribute("data-items")
    menu(page, "Kernel", "Restart Kernel…")
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    notice(page, "No answer from the kernel")
    assert page.locator(".pad.digit").get_attribute("data-items") == items
    run_all(page)
    without_notice(page)  # a new pad
    says(page, "I read a 7.")
    says(page, "I read 107.", "number")
    assert page.locator(".pad.digit").get_attribute("data-items") == items


def test_bad_input_to_the_pad_is_answered_on_the_page(page, lab, tmp_path):
    open_notebook(page, lab, "pad.ipynb")
    pad, canvas = page.locator(".pad"), page.locator(".pad canvas")
    says(page, "Draw a digit.")

    draw(page, SEVEN)
    says(page, "I read a 7.")
    text = tmp_path / "notes.png"
    text.write_text("no picture", encoding="utf-8")
    page.locator(".file input").set_input_files(text)
    notice(page, "notes.png is not a picture this browser can read")
    page.get_by_role("button", name="Sample digit").click()
    notice(page, "This pad has no samples")
    blank = tmp_path / "blank.png"
    Image.new("RGB", (300, 200), "white").save(blank)
    page.locator(".file input").set_input_files(blank)
    notice(page, re.compile("nothing|no ink|blank", re.IGNORECASE))
    assert pad.get_attribute("data-items") == "2"  # the seven, untouched

    photo = tmp_path / "photo.jpg"
    shade = np.linspace(150, 235, 4000).astype(np.uint8)[None].repeat(4000, 0)
    picture = Image.fromarray(shade)
    ImageDraw.Draw(picture).line([(2000, 900), (2000, 2900)], fill=30, width=220)
    picture.save(photo)
    page.locator(".file input").set_input_files(photo)
    says(page, "I read a 1.")

    page.get_by_role("button", name="Undo").click()
    says(page, "I read a 7.")
    clear(page)
    before = int(pad.get_attribute("data-items"))
    busy = seconds_of_work(page)
    canvas.evaluate(TWO_HUNDRED_STROKES)
    page.locator(f".pad[data-items='{before + 200}']").wait_for()
    page.locator(".verdict").filter(has_text=re.compile("I'd reject this|I read a")).wait_for()
    page.wait_for_function("() => document.querySelector('.pad .notice').innerText === ''")
    assert seconds_of_work(page) - busy < 5  # the page keeps up with 200 strokes in 5 seconds
    shoot(page, "scribble", 1000)

    clear(page)
    draw_with_a_finger(page, ONE[0])
    says(page, "I read a 1.")

    clear(page)
    canvas.focus()
    page.keyboard.press("Space")
    for _ in range(24):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    says(page, "I read a 1.")
    page.keyboard.press("u")
    says(page, "Draw a digit.")

    waits = []
    for _ in range(12):
        clear(page) if waits else None
        pad.evaluate("(pad) => delete pad.dataset.milliseconds")
        draw(page, ONE)
        page.locator(".pad[data-milliseconds]").wait_for()
        says(page, "I read a 1.")
        waits.append(int(pad.get_attribute("data-milliseconds")))
    print("milliseconds from pen lift to answer:", sorted(waits))
    assert min(waits) < 100 * processes_a_core()


def test_another_digit_walks_through_fig_2(page, lab):
    digits, model = load_digits("test", "sklearn"), load_weights("regular")
    open_notebook(page, lab, "network.ipynb")
    for place in (0, 1, 2):
        said = draw_architecture(model, digits.images[place]).alt
        page.get_by_role("group", name=said, exact=True).wait_for()
        assert float(page.get_by_role("slider").get_attribute("aria-valuenow")) == place
        shoot(page, "network_view", 700)
        page.get_by_role("slider").press("ArrowRight")


def test_the_demo_page(page, tmp_path):
    address = f"http://127.0.0.1:{(port := free_port())}/"
    command = [sys.executable, "tools/demo.py", "--no-browser", f"--port={port}", "--theme=dark"]
    with served(command, f"{address}voila/static/voila.js", tmp_path):
        page.goto(address, wait_until="commit")
        says(page, "Draw a digit.")
        assert page.get_by_text("load_weights").count() == 0  # no code on the page
        plays(page)
        shoot(page, "demo_dark", 4700)
