"""A last look at the pages that were built: no warning and no place on the machine that built them may show."""

import html
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

_log = logging.getLogger(__name__)
_MARKUP = re.compile(r"<(script|style|svg)\b.*?</\1>|<[^>]+>", re.DOTALL)
_MACHINE = re.compile(r"(?<![\w./:-])/(?:work|tmp|home|root|Users|usr|opt|var|private)/[\w./-]*")
_WARNING = re.compile(r"\b[A-Z]\w*Warning: .*|^WARNING\b.*", re.MULTILINE)


def blemishes(page: str) -> list[str]:
    """What no reader of a page should see in its text.

    Args:
        page: its HTML.

    >>> blemishes("<pre>/home/me/.venv/live.py:260: UserWarning: install this</pre><p>A warning.</p>")
    ['/home/me/.venv/live.py', 'UserWarning: install this']
    """
    text = html.unescape(_MARKUP.sub("", page))
    return _MACHINE.findall(text) + _WARNING.findall(text)


def _look(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.name != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*.html")):
        for found in blemishes(path.read_text()):
            _log.warning("%s shows: %s", path.relative_to(app.outdir), found)


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at each page when all are built; a warning fails ``make docs``."""
    app.connect("build-finished", _look)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
