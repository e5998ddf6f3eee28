"""Sphinx's settings: the notebooks with the outputs they were stored with, nothing executed, nothing fetched."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE), str(ROOT)]

import stage  # noqa: E402

import lenet_helpers  # noqa: E402

project = "LeNet-5"
author = "the lenet_helpers authors"
copyright = author
version = release = lenet_helpers.__version__
repository = stage.repository()

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "mathml", "figure_texts"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"torch\..*")]  # its inventory cannot be fetched where there is no network
default_role = "code"

nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "myst"  # tables among the outputs too
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
autodoc_inherit_docstrings = False  # those of torch refer to torch's own pages
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True  # DIGIT_CODES, not its 840 numbers
python_use_unqualified_type_names = True

html_theme = "pydata_sphinx_theme"
html_title = "LeNet-5"
html_favicon = "static/favicon.svg"
html_context = {"default_mode": "auto"}
html_math_renderer = "mathml"
html_copy_source = html_show_sourcelink = False
html_static_path = [
    "static",
    str(stage.FRONTS),
    *(str(ROOT / "lenet_helpers" / name) for name in (
        "widgets/assets/sheet.js", "widgets/assets/style.css", "trained/regular.safetensors",
        "trained/strings.safetensors",
    )),
]  # fmt: skip
html_css_files = ["style.css", "site.css"]
html_theme_options = {
    "show_prev_next": True,
    "navigation_with_keys": False,
    "navbar_persistent": ["search-button"],
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": [],
    **({"github_url": f"https://github.com/{repository}"} if repository else {}),
}
html_sidebars = {name: [] for name in ("index", "api", "measured", "notebooks", "results/*", "benchmarks/*")}
