"""Visit the built site in a browser: serve it, draw on its front page, ask its modules for what they compute."""

import base64
import functools
import math
import shutil
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]

# Strokes in parts of the sheet's height
ONE = [[(0.52, 0.15), (0.48, 0.85)]]
ZERO = [[(0.5 + 0.2 * math.sin(t * math.pi / 12), 0.5 - 0.33 * math.cos(t * math.pi / 12)) for t in range(25)]]
SEVEN = [[(0.25, 0.2), (0.75, 0.2)], [(0.75, 0.2), (0.45, 0.85)]]

MODULES = """async (page) => {
    const at = (name) => new URL(`_static/${name}`, page).href;
    const names = ["lenet", "centring", "reading", "string_field", "strings", "number_reading", "hand"];
    const modules = await Promise.all(names.map((name) => import(at(`${name}.js`))));
    window.site = Object.assign({}, ...modules);
    const fetched = async (name) => (await fetch(at(`${name}.safetensors`))).arrayBuffer();
    site.weights = site.readWeights(await fetched("regular"));
    site.reader = site.readWeights(await fetched("strings"), 11);
    window.bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}"""
PENALTIES = """(digits) => {
    const pixels = bytesOf(digits), penalties = [];
    for (let at = 0; at < pixels.length; at += 784) {
        penalties.push([...site.states(site.weights, site.toInput(pixels.subarray(at, at + 784))).penalties]);
    }
    return penalties;
}"""
FITTED = "([ink, side]) => [...site.fitBox(bytesOf(ink), side)]"
WORDS = "(digit) => { const { verdict, remark } = site.read(site.weights, bytesOf(digit)); return [verdict, remark]; }"

NUMBER = """([ink, rows, columns]) => {
    const began = performance.now(), field = site.fitLine(bytesOf(ink), rows, columns);
    if (!field?.pixels) return field;
    const number = site.readNumber(site.reader, field), milliseconds = performance.now() - began;
    return { ...number, map: number.map.map((row) => [...row]), field: [...field.pixels], left: field.left,
        scale: field.scale, milliseconds };
}"""
STRINGS = """([fields, columns]) => {
    const pixels = bytesOf(fields), answers = [];
    for (let at = 0; at < pixels.length; at += 32 * columns) {
        const map = site.penaltyMap(site.reader, site.toField(pixels.subarray(at, at + 32 * columns)));
        answers.push({ ...site.readMap(map), map: map.map((row) => [...row]) });
    }
    return answers;
}"""


class Quiet(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}  # whatever Windows says

    def log_message(self, *_):
        pass


def chromium():
    """The path of an installed Chromium or Chrome, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def serving(folder):
    """The address of a server of `folder`, for as long as the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def draw(page, strokes, thing="digit", steps=3):
    """Draw with the mouse on the page's pad for a "digit" or a "number", in parts of its height."""
    canvas = page.locator(f".pad.{thing} .paper > canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for stroke in strokes:
        (x, y), *rest = [(box["x"] + x * box["height"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(x, y)
        page.mouse.down()
        for place in rest:
            page.mouse.move(*place, steps=steps)
        page.mouse.up()


def draw_by_keyboard(page):
    """A 1, with the keyboard alone."""
    page.locator(".pad.digit .paper > canvas").focus()
    page.keyboard.press("Space")
    for _ in range(24):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")


def load_modules(page, address):
    """Load the front page's modules into an open page of the site."""
    page.evaluate(MODULES, address)


def penalties(page, images, chunk=1000):
    """Penalties (N, 10) of images uint8 (N, 28, 28) as the page's network gives them."""
    parts = [page.evaluate(PENALTIES, encoded(images[at : at + chunk])) for at in range(0, len(images), chunk)]
    return np.concatenate([np.array(part) for part in parts])


def fitted(page, ink):
    """The page's fit_box of ink uint8 (side, side)."""
    return np.array(page.evaluate(FITTED, [encoded(ink), len(ink)]), np.uint8).reshape(28, 28)


def words(page, digit):
    """Verdict and remark of the page for one digit uint8 (28, 28)."""
    return tuple(page.evaluate(WORDS, encoded(digit)))


def number(page, ink):
    """What the page makes of a number in ink uint8 (rows, columns): `readNumber` and `fitLine`, or a refusal."""
    return page.evaluate(NUMBER, [encoded(ink), *ink.shape])


def strings(page, fields, chunk=100):
    """What the page's network reads in fields uint8 (N, 32, columns), of each: text, places, confidence, path, map."""
    parts = [fields[at : at + chunk] for at in range(0, len(fields), chunk)]
    return [read for part in parts for read in page.evaluate(STRINGS, [encoded(part), part.shape[2]])]


def encoded(pixels):
    return base64.b64encode(np.ascontiguousarray(pixels, np.uint8).tobytes()).decode()
