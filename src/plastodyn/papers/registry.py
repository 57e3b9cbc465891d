"""The papers that plastodyn reproduces, their figures and what each costs."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import xarray as xr
from jax import Array
from matplotlib.figure import Figure

from plastodyn.papers.claims import Claim

SIZES = ("smoke", "standard", "full")


class Reproduction(NamedTuple):
    """One figure, computed: its data, its picture and its claims."""

    data: xr.Dataset
    figure: Figure
    claims: tuple[Claim, ...]


class Place(NamedTuple):
    """Where a figure keeps the stores of its sweeps, and how many processes fill them (``None``: one for each core)."""

    directory: Path
    workers: int | None = None


class PaperFigure(NamedTuple):
    """A figure that can be reproduced: ``make(size, key, place)``; ``seconds`` tells its cost on two cores by size.

    A figure that shows runs of another one names it in ``runs_of``, and gets its key, so that they are made once.
    """

    name: str
    title: str
    make: Callable[[str, Array, Place], Reproduction]
    seconds: dict[str, int]
    runs_of: str | None = None


def unswept(make: Callable[[str, Array], Reproduction]) -> Callable[[str, Array, Place], Reproduction]:
    """A figure whose runs are short or in one piece, and that keeps no stores."""

    def made(size: str, key: Array, place: Place) -> Reproduction:
        del place
        return make(size, key)

    return made


class Paper(NamedTuple):
    """A paper: its short name, citation and figures by name."""

    name: str
    citation: str
    figures: dict[str, PaperFigure]


def papers() -> dict[str, Paper]:
    """All papers by name.

    >>> list(papers()["raman2021"].figures)
    ['fig1', 'fig5', 'fig5s1', 'table2']
    """
    # The registry must not import papers to define their types.
    from plastodyn.papers import alemi2024, ninou2025, raman2021  # noqa: PLC0415

    return {paper.name: paper for paper in (raman2021.PAPER, ninou2025.PAPER, alemi2024.PAPER)}
