"""The pad for whole numbers in JupyterLab: drawn on by mouse, finger and keyboard, and given what is no number.

Screenshots go to build/screenshots.
"""

import re

from PIL import Image
from readers import (
    ONE_OH_SEVEN,
    clear,
    draw_eleven_by_keyboard,
    menu,
    notice,
    open_notebook,
    processes_a_core,
    says,
    without_notice,
)
from serving import shoot
from visitor import draw

# The middles on the page of the digits under the sheet, and of the strokes drawn on it, from left to right
DIGITS = """() => [...document.querySelectorAll(".number svg text[font-weight=bold]")].map((digit) => {
    const { left, right } = digit.getBoundingClientRect();
    return [digit.textContent, (left + right) / 2];
})"""


def test_a_number_is_read_under_the_ink(page, lab, tmp_path):
    open_notebook(page, lab, "number.ipynb")
    pad = page.locator(".pad.number")
    says(page, "Draw a number.", "number")
    draw(page, ONE_OH_SEVEN, "number")
    says(page, "I read 107.", "number")
    box = pad.locator("canvas").bounding_box()
    drawn = [box["x"] + box["height"] * (at + 0.5) for at in range(3)]
    read = page.evaluate(DIGITS)
    assert [digit for digit, _ in read] == list("107")
    assert all(abs(place - middle) < 0.2 * box["height"] for (_, place), middle in zip(read, drawn))
    shoot(page, "number_light", 1000)
    menu(page, "Settings", "Theme", "JupyterLab Dark")
    page.locator("body[data-jp-theme-light=false]").wait_for(state="attached")
    shoot(page, "number_dark", 1000)
    menu(page, "Settings", "Theme", "JupyterLab Light")

    clear(page, "number")
    draw_eleven_by_keyboard(page)
    says(page, "I read 11.", "number")
    page.keyboard.press("u")
    says(page, "I read 1.", "number")

    pad.get_by_role("button", name="Sample number").click()
    says(page, re.compile(r"\d{3}"), "number")
    blank = tmp_path / "blank.png"
    Image.new("RGB", (300, 200), "white").save(blank)
    before = pad.get_attribute("data-items")
    pad.locator(".file input").set_input_files(blank)
    notice(page, "no digits were found", "number")
    assert pad.get_attribute("data-items") == before

    waits = []
    for _ in range(8):
        clear(page, "number")
        without_notice(page, "number")
        pad.evaluate("(pad) => delete pad.dataset.milliseconds")
        draw(page, ONE_OH_SEVEN[-1:], "number")
        page.locator(".pad.number[data-milliseconds]").wait_for()
        waits.append(int(pad.get_attribute("data-milliseconds")))
    print("milliseconds from pen lift to the map:", sorted(waits))
    assert min(waits) < 150 * processes_a_core()
