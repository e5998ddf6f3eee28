"""Mathematics as MathML, made as the site is built: no script and no font to fetch, and a screen reader reads it."""

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging

logger = logging.getLogger(__name__)


def visit(display):
    def write(translator, node):
        formula = node.astext()
        markup = convert(formula, display=display)
        if "\\" in markup:  # a command that the converter does not know stands there as it was written
            logger.warning("formula %r holds a command that becomes no MathML", formula, location=node)
        if display == "block":  # on a narrow page it scrolls: the keyboard reaches it
            markup = markup.replace("<math ", '<math tabindex="0" ', 1)
        translator.body.append(markup)
        raise nodes.SkipNode

    return write


def setup(app):
    app.add_html_math_renderer("mathml", (visit("inline"), None), (visit("block"), None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
