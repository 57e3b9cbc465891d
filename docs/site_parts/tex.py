"""Equations: TeX becomes the MathML that browsers draw themselves, so that the site needs neither a network nor a script."""

import re

from math_core import LatexToMathML

_converter = LatexToMathML(fancy_error=False)
# What TeX does and browsers do not: a slanted letter keeps clear of the bracket, bar or text behind it, and a root is as high
# as a bracket whatever is under it.
_BEHIND = r"(?=</math>|(?:<msu[bp]>|<msubsup>)?<mo[^>]*>[\])|}])"
_SLANTED = re.compile(rf"(<mi>[CEFHIJKMNPSTUVWXYZf]</mi>){_BEHIND}")
_ROOM = r'\1<mspace width="0.12em"/>'
_STRUT = '<msqrt><mspace height="0.7em" depth="0.15em"/>'


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
    translated = _converter.convert_with_local_state(tex, displaystyle=displayed)
    return _SLANTED.sub(_ROOM, translated).replace("<msqrt>", _STRUT)
