"""Equations: TeX becomes the MathML that browsers draw themselves, so that the site needs neither a network nor a script."""

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

_converter = LatexToMathML(fancy_error=False)
_log = logging.getLogger(__name__)


def mathml(tex: str, *, displayed: bool) -> str:
    r"""The MathML of one equation.

    Args:
        tex: the equation without dollar signs.
        displayed: on a line of its own.

    Raises:
        math_core.LatexError: if it cannot be read.

    >>> mathml(r"\frac12", displayed=False)
    '<math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>'
    """
    return _converter.convert_with_local_state(tex, displaystyle=displayed)


def _write(writer: HTML5Translator, node: nodes.Element, *, displayed: bool) -> None:
    try:
        translated = mathml(node.astext(), displayed=displayed)
    except LatexError as error:
        _log.warning("equation cannot be read: %s; %s", node.astext(), error, location=node)
        raise nodes.SkipNode from None
    writer.body.append(f'<div class="equation">{translated}</div>\n' if displayed else translated)
    raise nodes.SkipNode


def _inline(writer: HTML5Translator, node: nodes.Element) -> None:
    _write(writer, node, displayed=False)


def _displayed(writer: HTML5Translator, node: nodes.Element) -> None:
    _write(writer, node, displayed=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer ``mathml``."""
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
