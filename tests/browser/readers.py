"""What a reader does on a page with widgets, done in a browser: open it, run it, draw, and see what it says."""

import os
import re

import numpy as np
from serving import WAIT
from visitor import ONE, SEVEN, ZERO

EXECUTED = """() => {
    const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")];
    return prompts.length > 0 && prompts.every((prompt) => /\\[\\d+\\]/.test(prompt.innerText));
}"""

ONE_OH_SEVEN = [[(x + at, y) for x, y in stroke] for at, digit in enumerate((ONE, ZERO, SEVEN)) for stroke in digit]


def menu(page, *names, timeout=WAIT):
    for name in names:
        page.locator(".lm-MenuBar-itemLabel, .lm-Menu-itemLabel").get_by_text(name, exact=True).click(timeout=timeout)


def run_all(page):
    """Run all cells, again where JupyterLab was not ready to, and wait until each has run."""
    from playwright.sync_api import TimeoutError

    begun = page.locator(".jp-CodeCell .jp-InputPrompt").first.filter(has_text=re.compile(r"\[[\d*]+\]"))
    for _ in range(10):
        if (accept := page.locator("dialog.jp-Dialog .jp-mod-accept")).is_visible():  # which kernel: the one offered
            accept.click()
        try:
            menu(page, "Run", "Run All Cells", timeout=5000)
            begun.wait_for(timeout=5000)
            break
        except TimeoutError:
            page.keyboard.press("Escape")
    page.wait_for_function(EXECUTED)


def open_notebook(page, lab, name):
    page.goto(f"{lab}/doc/tree/{name}", wait_until="commit")
    page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for()
    run_all(page)


def draw_with_a_finger(page, stroke):
    session = page.context.new_cdp_session(page)
    box = page.locator(".pad.digit canvas").bounding_box()
    places = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in stroke]
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": places[:1]})
    for place in places[1:]:
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [place]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def draw_eleven_by_keyboard(page):
    """11 on the sheet for numbers, with the keyboard alone: the second stroke well to the right of the first."""
    page.locator(".pad.number .paper > canvas").focus()
    down, to_the_second = ["Shift+ArrowDown"] * 6, [*["Shift+ArrowRight"] * 6, *["Shift+ArrowUp"] * 6]
    for key in ("Space", *down, "Space", *to_the_second, "Space", *down, "Space"):
        page.keyboard.press(key)


def clear(page, thing="digit"):
    page.locator(f".pad.{thing}").get_by_role("button", name="Clear").click()
    says(page, f"Draw a {thing}.", thing)


def says(page, words, thing="digit"):
    page.locator(f".pad.{thing} .verdict").filter(has_text=words).wait_for()


def notice(page, words, thing="digit"):
    page.locator(f".pad.{thing} .notice").filter(has_text=words).wait_for()


def without_notice(page, thing="digit"):
    page.wait_for_function(f"() => document.querySelector('.pad.{thing} .notice').innerText === ''")


def processes_a_core():
    """How many processes share a core, at least 1: so much longer than need be is a time by the clock."""
    return max(1.0, os.getloadavg()[0] / os.cpu_count()) if hasattr(os, "getloadavg") else 1.0


def contrast(page):
    """The contrast of the pad's words with the page behind them, by WCAG's rule: 4.5 reads well, 21 is the most."""
    colours = page.locator(".verdict").first.evaluate("""(words) => {
        let behind = words;
        while (behind && getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
        const ground = behind ? getComputedStyle(behind).backgroundColor : "rgb(255, 255, 255)";
        return [getComputedStyle(words).color, ground];
    }""")
    light = []
    for colour in colours:
        parts = np.array([float(part) for part in re.findall(r"[\d.]+", colour)[:3]]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        light.append(linear @ [0.2126, 0.7152, 0.0722])
    return (max(light) + 0.05) / (min(light) + 0.05)
