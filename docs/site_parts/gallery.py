"""The directives ``gallery``, all figures with their claims, and ``paper-figures``, the pictures of one paper."""

import re
from itertools import groupby
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from plastodyn.app.reproduce import Entry
from plastodyn.papers import SIZES, papers
from site_parts.figures import Shown, shown

FOLDER = "gallery_data"
_HOLDS = {True: "yes", False: "**no**", None: "not decided at this size"}
_SIZE_SAYS = {
    "smoke": "few repetitions and short runs, which show that everything works; take no result from them",
    "standard": "fewer repetitions or shorter runs than published",
    "full": "the published size",
}


class _OfFigures(SphinxDirective):
    """What both directives know: the figures, and the size at which the site shows them."""

    @property
    def size(self) -> str:
        return self.config.gallery_size

    def figures(self) -> list[Shown]:
        """All figures; the page is read again when their claims change."""
        folder = Path(self.env.srcdir) / FOLDER
        self.env.note_dependency(str(folder / self.size / "claims.json"))
        return shown(folder, self.size)


class Gallery(_OfFigures):
    """Every figure of every paper, with its claims."""

    def run(self) -> list[nodes.Node]:
        """A count, then a section for each paper and each figure."""
        parts = [summary(self.figures(), self.size)]
        for paper, found in groupby(self.figures(), key=lambda entry: entry.paper):
            parts.append(f"## {paper.name}\n\n{_plain(paper.citation)}")
            parts += [section(entry, self.size) for entry in found]
        return self.parse_text_to_nodes("\n\n".join(parts), allow_section_headings=True)


class PaperFigures(_OfFigures):
    """The pictures of one paper, each with a link to its claims in the gallery."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The pictures, then the names of those that were not computed."""
        (name,) = self.arguments
        if name not in papers():
            raise self.error(f"paper-figures: the paper must be one of {', '.join(papers())}; got {name!r}")
        mine = [entry for entry in self.figures() if entry.paper.name == name]
        return self.parse_text_to_nodes(pictures(mine, self.size))


def summary(figures: list[Shown], size: str) -> str:
    """How many figures and claims there are, and of which size, in Markdown."""
    computed = [entry for entry in figures if entry.picture]
    held = [claim["holds"] for entry in computed for claim in entry.claims]
    lines = [f"{len(computed)} of {len(figures)} figures were computed for this site, at size `{size}`: {_SIZE_SAYS[size]}."]
    if held:
        lines.append(f"Of their {len(held)} claims {held.count(True)} hold, {held.count(False)} fail, and {held.count(None)} are not decided at this size.")
    return "\n".join(lines)


def section(entry: Shown, size: str) -> str:
    """One figure in Markdown: heading, picture, claims."""
    name, figure = entry.paper.name, entry.figure
    head = f"({_label(entry)})=\n### {figure.name}: {_plain(figure.title)}"
    command = f"`plastodyn reproduce {name} {figure.name} --size {size}`"
    if entry.picture is None:
        return f"{head}\n\nNot computed in this build; {command} computes it in about {figure.seconds[size]} s on two cores."
    return f"{head}\n\n{_picture(entry, size, f'Made by {command}.')}\n\n{_table(entry.claims)}"


def pictures(figures: list[Shown], size: str) -> str:
    """The figures of one paper in Markdown, without their claims."""
    parts = [
        _picture(entry, size, f"`{entry.figure.name}`: {_plain(entry.figure.title)}. Size `{size}`; {{ref}}`claims <{_label(entry)}>`.")
        for entry in figures
        if entry.picture
    ]
    missing = [f"`{entry.figure.name}`" for entry in figures if not entry.picture]
    if missing:
        parts.append(f"Not computed in this build: {', '.join(missing)}.")
    return "\n\n".join(parts)


def _picture(entry: Shown, size: str, caption: str) -> str:
    assert entry.picture is not None
    alt = f"{entry.paper.name} {entry.figure.name}: {entry.figure.title}"
    return f":::{{figure}} /{FOLDER}/{size}/{entry.picture.name}\n:alt: {alt}\n:class: paper-figure\n\n{caption}\n:::"


def _table(claims: list[Entry]) -> str:
    head = "| claim | source | expected | tolerance | measured | holds |\n|---|---|---|---|---|---|"
    rows = ["| " + " | ".join(_row(claim)) + " |" for claim in claims]
    return "\n".join([head, *rows])


def _row(claim: Entry) -> list[str]:
    words = [_plain(str(claim["name"])), _plain(str(claim["source"]))]
    numbers = [_number(claim[name]) for name in ("expected", "tolerance", "measured")]
    holds = claim["holds"]
    assert holds is None or isinstance(holds, bool)
    return [*words, *numbers, _HOLDS[holds]]


def _number(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float | int) else _plain(str(value))


def _label(entry: Shown) -> str:
    return f"gallery-{entry.paper.name}-{entry.figure.name}"


def _plain(text: str) -> str:
    """Text that Markdown takes for text."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~])", r"\\\1", text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives, and the size of the figures that the site shows."""
    app.add_config_value("gallery_size", SIZES[0], "env", str)
    app.add_directive("gallery", Gallery)
    app.add_directive("paper-figures", PaperFigures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
