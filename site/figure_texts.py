"""Give the notebooks' figures the alternative text that is stored beside them; myst-nb leaves it out."""

import hashlib
from base64 import b64decode
from pathlib import Path

import nbformat
from docutils import nodes


def texts(path):
    """Name that myst-nb gives the file of a figure, its sha256 -> the figure's alternative text."""
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            alt = output.get("metadata", {}).get("image/png", {}).get("alt")
            if alt:
                yield hashlib.sha256(b64decode(output.data["image/png"])).hexdigest(), alt


def describe(app, doctree):
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix == ".ipynb":
        found = dict(texts(path))
        for image in doctree.findall(nodes.image):
            image.setdefault("alt", found.get(Path(image["uri"]).stem, ""))


def setup(app):
    app.connect("doctree-read", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
