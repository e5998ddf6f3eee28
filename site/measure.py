"""Measure the built site in Chromium, and the ONNX file, against what the package gives: python site/measure.py.

Needs MNIST, and axe-core for accessibility: npm install --prefix build axe-core. Writes site/measured.md, which the
site shows. What misses its bar is marked there, and the command fails.
"""

import datetime
import os
import platform
import statistics
import sys
import tempfile
import time
from itertools import chain
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import visitor
from playwright.sync_api import sync_playwright

from lenet_helpers import load_digits, load_weights, to_input
from lenet_helpers.data.strings import make_strings
from lenet_helpers.export import export_onnx
from lenet_helpers.strings import read_strings

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "build" / "site"
AXE = ROOT / "build" / "node_modules" / "axe-core" / "axe.min.js"
NOTEBOOKS = ("00_start_here", "01_data", "02_convolution", "04_connections", "06_loss", "08_sdlm", "11_playground")
AUDITED = ("index.html", *(f"notebooks/{name}.html" for name in NOTEBOOKS))  # with live twins
VISITS = 5
STRINGS = 200  # of each kind
KINDS = ({"gaps": (-1, 4)}, {"gaps": (-1, 4), "noise": 0.1}, {"gaps": (-6, -2)})
FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
ANSWERS = """() => {
    window.answers = { digit: [], number: [] };
    for (const [thing, answers] of Object.entries(window.answers)) {
        const pad = document.querySelector(`.pad.${thing}`);
        new MutationObserver(() => answers.push(Number(pad.dataset.milliseconds)))
            .observe(pad, { attributeFilter: ["data-milliseconds"] });
    }
}"""


def classes(page, address):
    """Digits of the test set that get another class than the package gives, and how far penalties are off."""
    digits = load_digits("test", "mnist")
    model = load_weights()
    with torch.no_grad():
        expected = model(to_input(digits.images)).numpy()
    page.goto(address)
    visitor.load_modules(page, address)
    found = visitor.penalties(page, digits.images.numpy())
    yield "classes of lenet.js that are the package's, of 10,000", same(found, expected), 10_000
    yield "penalties of lenet.js: largest relative difference", f"{(abs(found - expected) / expected).max():.1e}", 1e-3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lenet5.onnx"
        export_onnx(model, path)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (found,) = session.run(["penalties"], {"field": to_input(digits.images).numpy()})
    yield "classes of the ONNX file that are the package's, of 10,000", same(found, expected), 10_000


def strings(page, address):
    """Strings of the test set's digits, read by the page and by the package."""
    page.goto(address)
    visitor.load_modules(page, address)
    digits, model = load_digits("test", "mnist"), load_weights("strings")
    texts, apart, unsure = 0, 0.0, 0.0
    for seed, kind in enumerate(KINDS):
        fields = make_strings(digits, STRINGS, **kind, seed=seed).fields
        for ours, theirs in zip(visitor.strings(page, fields.numpy()), read_strings(model, fields)):
            penalties = theirs.penalties.numpy()
            texts += ours["text"] == theirs.text
            apart = max(apart, float((abs(np.transpose(ours["map"]) - penalties) / penalties).max()))
            unsure = max(unsure, abs(ours["confidence"] - theirs.confidence))
    count = STRINGS * len(KINDS)
    yield f"strings that the page reads as the package does, of {count}", texts, count
    yield "penalties of their maps: largest relative difference", f"{apart:.1e}", 1e-3
    yield "their confidence: largest difference", f"{unsure:.1e}", 1e-3


def same(found, expected):
    return int((found.argmin(1) == expected.argmin(1)).sum())


def visits(browser, address):
    """What fresh visitors wait for, everything loaded anew for each."""
    waits, paints, answers = [], [], {"digit": [], "number": []}
    for _ in range(VISITS):
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        page, sizes = context.new_page(), []
        page.on("response", lambda response, sizes=sizes: sizes.append(len(response.body())))
        started = time.perf_counter()
        page.goto(address)
        page.evaluate(ANSWERS)
        visitor.draw(page, visitor.SEVEN, steps=40)
        page.locator(".digit .verdict").filter(has_text="I read a 7.").wait_for()
        waits.append(time.perf_counter() - started)
        page.wait_for_load_state("networkidle")
        paints.append(page.evaluate(FIRST_PAINT) / 1000)
        page.locator(".digit").get_by_role("button", name="Clear").click()
        visitor.draw(page, visitor.ZERO, steps=4)
        for answered in range(6):
            page.get_by_role("button", name="Sample number").click()
            page.wait_for_function("(answered) => answers.number.length > answered", arg=answered)
        page.wait_for_load_state("networkidle")
        for thing, found in page.evaluate("() => window.answers").items():
            answers[thing] += found
        context.close()
    for found in answers.values():
        found.sort()
    digit, number = answers.values()
    yield "seconds from opening the page to a digit read, longest of 5", f"{max(waits):.1f}", 10
    yield "page weight, everything loaded (MB)", f"{sum(sizes) / 1e6:.2f}", 1.5
    yield "first paint (seconds), median of 5", f"{statistics.median(paints):.2f}", 1
    yield f"answer to a stroke (ms, median of {len(digit)})", f"{statistics.median(digit):.1f}", 16
    yield "answer to a stroke (ms, 19 of 20 within)", f"{digit[len(digit) * 19 // 20]:.1f}", 16
    yield f"answer to a number (ms, median of {len(number)})", f"{statistics.median(number):.1f}", 150


def weights(browser, address):
    """What a fresh visitor of each notebook's page loads."""
    for name in AUDITED[1:]:
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        page, sizes = context.new_page(), []
        page.on("response", lambda response, sizes=sizes: sizes.append(len(response.body())))
        page.goto(address + name)
        page.wait_for_load_state("networkidle")
        context.close()
        yield f"weight of {name}, everything loaded (MB)", f"{sum(sizes) / 1e6:.2f}", 2


def audits(browser, address):
    """Violations that axe-core calls serious or critical, each page light and dark, wide and narrow."""
    for name in AUDITED:
        found = set()
        for scheme in ("light", "dark"):
            for width in (1400, 360):
                context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
                page = context.new_page()
                page.goto(address + name)
                page.wait_for_load_state("networkidle")
                page.evaluate(AXE.read_text(encoding="utf-8"))
                violations = page.evaluate("() => axe.run()")["violations"]
                found |= {f["id"] for f in violations if f["impact"] in ("serious", "critical")}
                context.close()
        yield f"serious accessibility violations on {name} {' '.join(sorted(found))}".rstrip(), len(found), 0


def crowd():
    """How busy the machine was, where it says so: times by the clock grow with it."""
    if not hasattr(os, "getloadavg"):
        return ""
    return f", {os.cpu_count()} cores shared by {os.getloadavg()[0]:.0f} processes at work"


def row(what, value, bar):
    met = float(value) == bar if isinstance(value, int) else float(value) < bar
    limit = f"{bar:,}" if isinstance(value, int) else f"< {bar:g}"
    return f"| {what} | {limit} | {value if isinstance(value, str) else f'{value:,}'}{'' if met else ' **missed**'} |"


def main():
    if not AXE.exists():
        sys.exit(f"No {AXE.relative_to(ROOT)}: npm install --prefix build axe-core")
    rows = []
    with visitor.serving(SITE) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=visitor.chromium(), args=visitor.FLAGS)
        compared = (compare(browser.new_page(), address) for compare in (classes, strings))
        parts = (part(browser, address) for part in (visits, weights, audits))
        for line in chain(*compared, *parts):
            rows.append(row(*line))
            print(rows[-1], flush=True)
        version = browser.version
    machine = f"{platform.system()} {platform.machine()}, Chromium {version}{crowd()}"
    opening = "# The page, measured\n\n`python site/measure.py` wrote this: the front page and its network, beside"
    head = ["| what | bar | measured |", "|---|---|---|"]
    lines = [f"{opening}\nthe package, in Chromium.\n", f"{datetime.date.today()}, {machine}.\n", *head, *rows, ""]
    text = "\n".join(lines)
    (ROOT / "site" / "measured.md").write_text(text, encoding="utf-8")
    return 1 if "**missed**" in text else 0


if __name__ == "__main__":
    sys.exit(main())
