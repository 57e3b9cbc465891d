"""A last look at the pages that were built: no warning and no place on the machine that built them may show."""

import html
import re

_MARKUP = re.compile(r"<(script|style|svg)\b.*?</\1>|<[^>]+>", re.DOTALL)
_MACHINE = re.compile(r"(?<![\w./:-])/(?:work|tmp|home|root|Users|usr|opt|var|private)/[\w./-]*")
_WARNING = re.compile(r"\b[A-Z]\w*Warning: .*|^WARNING\b.*", re.MULTILINE)


def blemishes(page: str) -> list[str]:
    r"""What no reader of a page should see in its text.

    Args:
        page: its HTML.

    >>> blemishes("<pre>/home/me/.venv/live.py:260: UserWarning: install this\n</pre><p>A warning.</p>")
    ['/home/me/.venv/live.py', 'UserWarning: install this']
    """
    text = html.unescape(_MARKUP.sub("", page))
    return _MACHINE.findall(text) + _WARNING.findall(text)
