"""What is reproduced of the paper, and what it costs."""

from plastodyn.papers.types import Paper, PaperFigure, seconds

NAME = "raman2021"
CITATION = "Raman and O'Leary, Optimal plasticity for memory maintenance during ongoing synaptic change, eLife 10 (2021) e62912"

_FIGURES = (
    PaperFigure("fig1", "plasticity raised in stages", "raman2021.stages:figure_1", seconds(8, 15, 30)),
    PaperFigure(
        "fig5",
        "sweet spots, nonlinear circuit",
        "raman2021.error_curves:figure_5",
        seconds(60, 150, 250),
        sweeps="sweeps_5",
    ),
    PaperFigure(
        "fig5s1",
        "sweet spots, linear circuit",
        "raman2021.error_curves:figure_5_supplement_1",
        seconds(30, 60, 110),
        sweeps="sweeps_5s1",
    ),
    PaperFigure("table2", "rule order, circuit and error", "raman2021.rule_orders:table_2", seconds(60, 120, 430)),
    PaperFigure("eq10", "more plasticity while learning", "raman2021.while_learning:figure_equation_10", seconds(50, 70, 120)),
    PaperFigure(
        "beyond1", "fluctuations of other kinds", "raman2021.other_fluctuations:figure_other_fluctuations", seconds(30, 60, 200)
    ),
    PaperFigure("beyond2", "where the memory is lost", "raman2021.memory_loss:figure_memory_loss", seconds(30, 80, 280)),
    PaperFigure("beyond3", "run length, drift of the code", "raman2021.run_length:figure_run_length", seconds(25, 65, 240)),
)

PAPER = Paper(NAME, CITATION, {figure.name: figure for figure in _FIGURES})
