"""What is reproduced of the paper, and what it costs."""

from plastodyn.papers.types import Paper, PaperFigure, seconds

NAME = "hays2026"
CITATION = "Hays, Hebbian-oscillatory co-learning (2026)"

_FIGURES = (
    PaperFigure("fig2", "two timescales and a gate", "hays2026.timescales:figure_2", seconds(10, 15, 40)),
    PaperFigure("fig3", "phases carve weights", "hays2026.clusters:figure_3", seconds(10, 15, 40)),
    PaperFigure("fig4", "energies that fall, and one that does not", "hays2026.energies:figure_4", seconds(10, 20, 40)),
)

PAPER = Paper(NAME, CITATION, {figure.name: figure for figure in _FIGURES})
