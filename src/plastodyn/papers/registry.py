"""The papers that plastodyn reproduces, their figures and what each costs."""

from collections.abc import Callable
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


class PaperFigure(NamedTuple):
    """A figure that can be reproduced: ``make(size, key)``; ``seconds`` tells its cost on two cores by size."""

    name: str
    title: str
    make: Callable[[str, Array], Reproduction]
    seconds: dict[str, int]


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
    from plastodyn.papers import raman2021  # noqa: PLC0415 - the registry must not import papers to define their types

    return {raman2021.PAPER.name: raman2021.PAPER}
