"""The figures of the papers for the site: those that were computed are found, those that were not are computed.

``python -m site_parts.figures --size smoke --out docs/gallery_data`` computes what is missing. A figure that is there is
not computed again; Ctrl-C loses only the figure in work.
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

from plastodyn.app.reproduce import Entry, read_claims, reproduce
from plastodyn.papers import SIZES, Paper, PaperFigure, papers

SEED = 2021
INTERRUPTED = 130


class Shown(NamedTuple):
    """A figure as the site shows it: its picture, or None where it was not computed, and its claims."""

    paper: Paper
    figure: PaperFigure
    picture: Path | None
    claims: list[Entry]


def picture(folder: Path, paper: str, figure: str, size: str) -> Path:
    """Where ``plastodyn reproduce --size SIZE --out FOLDER`` leaves the picture of a figure."""
    del size
    return folder / f"{paper}-{figure}.png"


def shown(gallery: Path, size: str) -> list[Shown]:
    """All figures of all papers at one size, in the order of the catalogue.

    Args:
        gallery: the folder of computed figures; each size has a folder of its own in it.
        size: one of `SIZES`.

    >>> missing = shown(Path("no such directory"), "smoke")
    >>> {entry.paper.name for entry in missing} == set(papers()), {entry.picture for entry in missing}
    (True, {None})
    """
    folder = gallery / size
    kept = [entry for entry in read_claims(folder) if entry.get("size") == size]
    return [_found(folder, kept, paper, figure, size) for paper in papers().values() for figure in paper.figures.values()]


def _found(folder: Path, kept: list[Entry], paper: Paper, figure: PaperFigure, size: str) -> Shown:
    place = picture(folder, paper.name, figure.name, size)
    claims = [entry for entry in kept if (entry["paper"], entry["figure"]) == (paper.name, figure.name)]
    # A figure's claims are written last, so that without them its picture may be a part only.
    return Shown(paper, figure, place, claims) if claims and place.exists() else Shown(paper, figure, None, [])


def compute(gallery: Path, size: str, wanted: list[str] | None) -> None:
    """Compute the figures that are not there.

    Args:
        gallery: the folder of computed figures.
        size: one of `SIZES`.
        wanted: such as ``raman2021/fig1``; all if None.

    Raises:
        ValueError: on a figure that no paper has.
    """
    every = shown(gallery, size)
    names = {f"{entry.paper.name}/{entry.figure.name}": entry for entry in every}
    unknown = set(wanted or ()) - set(names)
    if unknown:
        raise ValueError(f"figures must be among {', '.join(names)}; got {', '.join(sorted(unknown))}")
    missing = [entry for name, entry in names.items() if entry.picture is None and (wanted is None or name in wanted)]
    (gallery / size).mkdir(parents=True, exist_ok=True)
    for paper in papers().values():
        figures = [entry.figure for entry in missing if entry.paper.name == paper.name]
        reproduce(paper.name, figures, size, gallery / size, SEED, say=_say)


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    """Read the command line and compute; 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of computed figures")
    parser.add_argument("figures", nargs="*", help="such as raman2021/fig1, or 'all', or 'none'")
    options = parser.parse_args()
    wanted = None if options.figures == ["all"] else [name for name in options.figures if name != "none"]
    try:
        compute(options.out, options.size, wanted)
    except KeyboardInterrupt:
        _say("interrupted; the figures that are done are kept")
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
