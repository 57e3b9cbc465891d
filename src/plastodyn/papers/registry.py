"""The papers that plastodyn reproduces; nothing here needs JAX, so that listing them and bad usage are quick."""

from collections.abc import Iterable

from plastodyn.papers.alemi2024 import PAPER as ALEMI2024
from plastodyn.papers.hays2026 import PAPER as HAYS2026
from plastodyn.papers.ninou2025 import PAPER as NINOU2025
from plastodyn.papers.raman2019 import PAPER as RAMAN2019
from plastodyn.papers.raman2021 import PAPER as RAMAN2021
from plastodyn.papers.types import SIZES, Paper, PaperFigure


def papers() -> dict[str, Paper]:
    """All papers by name.

    >>> list(papers()["raman2021"].figures)
    ['fig1', 'fig5', 'fig5s1', 'table2', 'eq10', 'beyond1', 'beyond2', 'beyond3']
    """
    return {paper.name: paper for paper in (RAMAN2021, NINOU2025, ALEMI2024, HAYS2026, RAMAN2019)}


def place_of(paper: str, figure: PaperFigure) -> int:
    """The number by which a figure's random key is folded from that of a run: one alone gives the same result.

    >>> place_of("raman2021", papers()["raman2021"].figures["fig5"])
    1
    """
    return list(papers()[paper].figures).index(figure.runs_of or figure.name)


def select(paper: str, figure: str | None, size: str) -> list[PaperFigure]:
    """The figures that a command asks for: one of a paper, or all.

    Args:
        paper: its short name.
        figure: its name, or None for all.
        size: one of `SIZES`.

    Raises:
        ValueError: on an unknown paper, figure or size.

    >>> [figure.title for figure in select("raman2021", "fig1", "smoke")]
    ['plasticity raised in stages']
    """
    known = papers()
    _refuse_unknown("PAPER", paper, known)
    figures = known[paper].figures
    if figure is not None:
        _refuse_unknown("FIGURE", figure, figures)
    _refuse_unknown("--size", size, SIZES)
    return [item for name, item in figures.items() if figure in (None, name)]


def _refuse_unknown(name: str, value: str, allowed: Iterable[str]) -> None:
    """As `checks.one_of`, whose module imports JAX."""
    choices = list(allowed)
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {value!r}")
