"""Alemi, Aksay and Goldman, a Lyapunov theory of the speed of systems consolidation."""

from plastodyn.papers.alemi2024.beyond import figure_chains, figure_flipped, figure_fluctuations
from plastodyn.papers.alemi2024.integrator import figure_4b, figure_4d, figure_4e
from plastodyn.papers.alemi2024.lyapunov import figure_2ab, figure_2c
from plastodyn.papers.alemi2024.setups import CITATION, NAME
from plastodyn.papers.alemi2024.toy import figure_1, figure_3
from plastodyn.papers.registry import SIZES, Paper, PaperFigure, unswept

_FIGURES = (
    ("fig1", "one and two stages in time", figure_1, (10, 15, 40)),
    ("fig2ab", "phase plane and Lyapunov function", figure_2ab, (4, 4, 6)),
    ("fig2c", "speed limits: paper, quadratic, exact", figure_2c, (15, 20, 30)),
    ("fig3", "amplification of a probe", figure_3, (10, 12, 15)),
    ("fig4b", "integrator: fine-tuning", figure_4b, (8, 8, 8)),
    ("fig4d", "integrator: consolidation", figure_4d, (25, 30, 100)),
    ("fig4e", "integrator: rates interchanged", figure_4e, (10, 10, 40)),
    ("beyond1", "flipped plasticity at the late site", figure_flipped, (10, 20, 60)),
    ("beyond2", "fluctuations: a best speed", figure_fluctuations, (15, 40, 250)),
    ("beyond3", "chains of sites", figure_chains, (15, 20, 20)),
)

PAPER = Paper(
    NAME,
    CITATION,
    {
        name: PaperFigure(name, title, unswept(make), dict(zip(SIZES, seconds, strict=True)))
        for name, title, make, seconds in _FIGURES
    },
)

__all__ = [
    "CITATION",
    "NAME",
    "PAPER",
    "figure_1",
    "figure_2ab",
    "figure_2c",
    "figure_3",
    "figure_4b",
    "figure_4d",
    "figure_4e",
    "figure_chains",
    "figure_flipped",
    "figure_fluctuations",
]
