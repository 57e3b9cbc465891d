"""What is reproduced of the paper, and what it costs."""

from plastodyn.papers.types import Paper, PaperFigure, seconds

NAME = "raman2019"
CITATION = "Raman, Rotondo and O'Leary, Fundamental bounds on learning performance in neural circuits, PNAS 116 (2019) 10537"

_FIGURES = (
    PaperFigure("fig2", "learning curves by size", "raman2019.learning_curves:figure_2", seconds(15, 60, 350)),
    PaperFigure("rates", "learning rate and task difficulty", "raman2019.rates:figure_rates", seconds(10, 20, 60)),
    PaperFigure("fig6", "the best size, linear circuit", "raman2019.linear_size:figure_6", seconds(20, 90, 150)),
    PaperFigure("fig6b", "the best size, nonlinear circuit", "raman2019.nonlinear_size:figure_6b", seconds(20, 150, 600)),
    PaperFigure("formulas", "which formulas hold", "raman2019.formulas:figure_formulas", seconds(25, 60, 120)),
)

PAPER = Paper(NAME, CITATION, {figure.name: figure for figure in _FIGURES})
