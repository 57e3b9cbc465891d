"""Raman and O'Leary, Optimal plasticity for memory maintenance during ongoing synaptic change, eLife 2021."""

from plastodyn.papers.raman2021.figure_1 import figure_1
from plastodyn.papers.raman2021.figure_5 import figure_5, figure_5_supplement_1
from plastodyn.papers.raman2021.setups import CITATION, NAME
from plastodyn.papers.raman2021.table_2 import table_2
from plastodyn.papers.registry import Paper, PaperFigure, unswept

_FIGURES = (
    ("fig1", "plasticity raised in stages", figure_1, {"smoke": 8, "standard": 15, "full": 30}),
    ("fig5", "sweet spots, nonlinear circuit", figure_5, {"smoke": 60, "standard": 150, "full": 250}),
    ("fig5s1", "sweet spots, linear circuit", figure_5_supplement_1, {"smoke": 30, "standard": 60, "full": 110}),
    ("table2", "rule order, circuit and error", table_2, {"smoke": 130, "standard": 120, "full": 430}),
)

PAPER = Paper(
    NAME, CITATION, {name: PaperFigure(name, title, unswept(make), seconds) for name, title, make, seconds in _FIGURES}
)

__all__ = ["CITATION", "NAME", "PAPER", "figure_1", "figure_5", "figure_5_supplement_1", "table_2"]
