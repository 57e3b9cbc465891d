"""What is reproduced of the paper, and what it costs."""

from plastodyn.papers.types import Paper, PaperFigure, seconds

NAME = "alemi2024"
CITATION = (
    "A. Alemi, E. R. F. Aksay and M. S. Goldman, A Lyapunov theory demonstrating a fundamental limit on the speed of systems "
    "consolidation, 2024"
)

_FIGURES = (
    PaperFigure("fig1", "one and two stages in time", "alemi2024.toy:figure_1", seconds(10, 15, 40)),
    PaperFigure("fig2ab", "phase plane and Lyapunov function", "alemi2024.lyapunov:figure_2ab", seconds(4, 4, 6)),
    PaperFigure("fig2c", "speed limits: paper, quadratic, exact", "alemi2024.speed_limit:figure_2c", seconds(15, 20, 30)),
    PaperFigure("theorem1", "inputs that vary in time", "alemi2024.excitation:figure_theorem_1", seconds(10, 12, 20)),
    PaperFigure("fig3", "amplification of a probe", "alemi2024.probe:figure_3", seconds(10, 12, 15)),
    PaperFigure("fig4b", "integrator: fine-tuning", "alemi2024.integrator:figure_4b", seconds(8, 8, 8)),
    PaperFigure("fig4d", "integrator: consolidation", "alemi2024.integrator:figure_4d", seconds(25, 30, 100)),
    PaperFigure("fig4e", "integrator: rates interchanged", "alemi2024.integrator:figure_4e", seconds(10, 10, 40)),
    PaperFigure("beyond1", "flipped plasticity at the late site", "alemi2024.flipped:figure_flipped", seconds(10, 20, 60)),
    PaperFigure("beyond2", "fluctuations: a best speed", "alemi2024.fluctuations:figure_fluctuations", seconds(15, 40, 250)),
    PaperFigure("beyond3", "chains of sites", "alemi2024.chains:figure_chains", seconds(15, 20, 20)),
)

PAPER = Paper(NAME, CITATION, {figure.name: figure for figure in _FIGURES})
