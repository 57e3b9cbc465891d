"""What the site says of figures, in Markdown: all of them with their claims, or the pictures of one paper."""

import re
from itertools import groupby

from plastodyn.app.reproduce import Entry
from site_parts.figures import Shown

FOLDER = "gallery_data"
_HOLDS = {True: "yes", False: "**no**", None: "not decided at this size"}
_SIZE_SAYS = {
    "smoke": "few repetitions and short runs, which show that everything works; take no result from them",
    "standard": "fewer repetitions or shorter runs than published",
    "full": "the published size",
}


def summary(figures: list[Shown], size: str) -> str:
    """How many figures and claims there are, and of which size, in Markdown."""
    computed = [entry for entry in figures if entry.picture]
    held = [claim["holds"] for entry in computed for claim in entry.claims]
    lines = [f"{len(computed)} of {len(figures)} figures were computed for this site, at size `{size}`: {_SIZE_SAYS[size]}."]
    if held:
        holds, fails, open_yet = (held.count(answer) for answer in (True, False, None))
        lines.append(f"Of their {len(held)} claims {holds} hold, {fails} fail, and {open_yet} are not decided at this size.")
    return "\n".join(lines)


def sections(figures: list[Shown], size: str) -> str:
    """A section for each paper, and one for each of its figures."""
    parts = []
    for paper, found in groupby(figures, key=lambda entry: entry.paper):
        parts += [f"## {paper.name}\n\n{_plain(paper.citation)}", *(section(entry, size) for entry in found)]
    return "\n\n".join(parts)


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
    parts = [_picture(entry, size, _caption(entry, size)) for entry in figures if entry.picture]
    missing = [f"`{entry.figure.name}`" for entry in figures if not entry.picture]
    if missing:
        parts.append(f"Not computed in this build: {', '.join(missing)}.")
    return "\n\n".join(parts)


def _caption(entry: Shown, size: str) -> str:
    return f"`{entry.figure.name}`: {_plain(entry.figure.title)}. Size `{size}`; {{ref}}`claims <{_label(entry)}>`."


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
