"""Ninou, Kadmon and Cayco-Gajic, Curl descent, NeurIPS 2025."""

from plastodyn.papers.ninou2025.beyond import figure_fluctuations, figure_other_circuits
from plastodyn.papers.ninou2025.convergence import figure_5ab, figure_5c, figure_5d, figure_5e, figure_5f
from plastodyn.papers.ninou2025.order import figure_3b
from plastodyn.papers.ninou2025.phase_maps import figure_2, figure_3a, figure_4a, figure_4b
from plastodyn.papers.ninou2025.setups import CITATION, NAME
from plastodyn.papers.ninou2025.spectra import figure_spectra
from plastodyn.papers.ninou2025.toy import figure_1
from plastodyn.papers.ninou2025.trajectories import figure_3cd, figure_4cd
from plastodyn.papers.registry import SIZES, Paper, PaperFigure, unswept

_FIGURES = (
    ("fig1", "toy model", unswept(figure_1), (8, 8, 10)),
    ("fig2", "phase diagrams, theory", unswept(figure_2), (2, 2, 3)),
    ("fig3a", "hidden flips: test error", figure_3a, (50, 140, 1600)),
    ("fig3b", "hidden flips: order parameter", figure_3b, (60, 90, 900)),
    ("fig3cd", "hidden flips: chaos", figure_3cd, (30, 60, 400)),
    ("fig4a", "readout flips: test error", figure_4a, (60, 135, 2700)),
    ("fig4b", "readout flips: transients", figure_4b, (30, 60, 1500)),
    ("fig4cd", "readout flips: transients in time", unswept(figure_4cd), (10, 15, 60)),
    ("fig5ab", "tanh: learning curves", unswept(figure_5ab), (15, 25, 90)),
    ("fig5c", "tanh: training inputs", figure_5c, (20, 40, 120)),
    ("fig5d", "tanh: the student's scale", figure_5d, (12, 60, 7200)),
    ("fig5e", "tanh: the teacher's scale", figure_5e, (12, 50, 7200)),
    ("fig5f", "tanh: how many flipped", figure_5f, (12, 60, 900)),
    ("spectra", "stability matrix: theory and samples", unswept(figure_spectra), (3, 6, 30)),
    ("beyond1", "the boundary in other circuits", unswept(figure_other_circuits), (20, 80, 400)),
    ("beyond2", "fluctuations near the boundary", unswept(figure_fluctuations), (40, 115, 600)),
)

_RUNS_OF = {"fig4b": "fig4a"}

PAPER = Paper(
    NAME,
    CITATION,
    {
        name: PaperFigure(name, title, make, dict(zip(SIZES, seconds, strict=True)), _RUNS_OF.get(name))
        for name, title, make, seconds in _FIGURES
    },
)

__all__ = [
    "CITATION",
    "NAME",
    "PAPER",
    "figure_1",
    "figure_2",
    "figure_3a",
    "figure_3b",
    "figure_3cd",
    "figure_4a",
    "figure_4b",
    "figure_4cd",
    "figure_5ab",
    "figure_5c",
    "figure_5d",
    "figure_5e",
    "figure_5f",
    "figure_fluctuations",
    "figure_other_circuits",
    "figure_spectra",
]
