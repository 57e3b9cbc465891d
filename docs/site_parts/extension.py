"""What Sphinx calls: the renderer of equations, the directives of generated pages, and the last look at what was built."""

import re
from pathlib import Path

from docutils import nodes
from math_core import LatexError
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from plastodyn.papers import SIZES, papers
from site_parts import command_line, gallery
from site_parts.built_pages import blemishes
from site_parts.figures import Shown, shown
from site_parts.tex import mathml

_log = logging.getLogger(__name__)
_JOINED_BEFORE, _JOINED_AFTER = re.compile(r"\S+$"), re.compile(r"^\S+")


def _write(writer: HTML5Translator, node: nodes.Element, *, displayed: bool) -> None:
    try:
        translated = mathml(node.astext(), displayed=displayed)
    except LatexError as error:
        _log.warning("equation cannot be read: %s; %s", node.astext(), error, location=node)
        raise nodes.SkipNode from None
    if displayed:
        writer.body.append(f'<div class="equation">{translated}</div>\n')
    else:
        before, after = (writer.encode(node.get(side, "")) for side in ("before", "after"))
        writer.body.append(f'<span class="unbroken">{before}{translated}{after}</span>')
    raise nodes.SkipNode


def _inline(writer: HTML5Translator, node: nodes.Element) -> None:
    _write(writer, node, displayed=False)


def _displayed(writer: HTML5Translator, node: nodes.Element) -> None:
    _write(writer, node, displayed=True)


def _join(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """What stands next to an inline equation without a space, such as a full stop, stays on its line."""
    del app, name
    for node in list(doctree.findall(nodes.math)):
        for side, pattern, step in (("before", _JOINED_BEFORE, -1), ("after", _JOINED_AFTER, 1)):
            place = node.parent.index(node) + step
            beside = node.parent[place] if 0 <= place < len(node.parent) else None
            found = pattern.search(beside.astext()) if isinstance(beside, nodes.Text) else None
            if found:
                node[side] = found[0]
                node.parent[place] = nodes.Text(pattern.sub("", beside.astext()))


class _OfFigures(SphinxDirective):
    """What both directives of figures know: the figures, and the size at which the site shows them."""

    @property
    def size(self) -> str:
        return self.config.gallery_size

    def figures(self) -> list[Shown]:
        """All figures; the page is read again at each build, for figures and papers come and change."""
        self.env.note_reread()
        return shown(Path(self.env.srcdir) / gallery.FOLDER, self.size)


class FigureCount(_OfFigures):
    """How many figures and claims the gallery has."""

    def run(self) -> list[nodes.Node]:
        """A paragraph. It is no part of `Gallery`, because MyST puts sections before all else that a directive returns."""
        return self.parse_text_to_nodes(gallery.summary(self.figures(), self.size))


class Gallery(_OfFigures):
    """Every figure of every paper, with its claims."""

    def run(self) -> list[nodes.Node]:
        """The sections."""
        return self.parse_text_to_nodes(gallery.sections(self.figures(), self.size), allow_section_headings=True)


class PaperFigures(_OfFigures):
    """The pictures of one paper, each with a link to its claims in the gallery."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The pictures, then the names of those that were not computed."""
        (name,) = self.arguments
        if name not in papers():
            raise self.error(f"paper-figures: the paper must be one of {', '.join(papers())}; got {name!r}")
        mine = [entry for entry in self.figures() if entry.paper.name == name]
        return self.parse_text_to_nodes(gallery.pictures(mine, self.size))


class CommandLine(SphinxDirective):
    """A section for each command."""

    def run(self) -> list[nodes.Node]:
        """The sections; the page is read again at each build."""
        self.env.note_reread()
        return self.parse_text_to_nodes(command_line.commands(), allow_section_headings=True)


def _look(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.name != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*.html")):
        for found in blemishes(path.read_text()):
            _log.warning("%s shows: %s", path.relative_to(app.outdir), found)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register them; a warning of the last look fails ``make docs`` as any other."""
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_displayed, None))
    app.add_config_value("gallery_size", SIZES[0], "env", str)
    app.add_directive("figure-count", FigureCount)
    app.add_directive("gallery", Gallery)
    app.add_directive("paper-figures", PaperFigures)
    app.add_directive("command-line", CommandLine)
    app.connect("doctree-resolved", _join)
    app.connect("build-finished", _look)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
