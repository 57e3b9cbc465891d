"""What is reproduced of the paper, and what it costs."""

from plastodyn.papers.types import Paper, PaperFigure, seconds

NAME = "ninou2025"
CITATION = (
    "H. Ninou, J. Kadmon and N. A. Cayco-Gajic, Curl descent: non-gradient learning dynamics with sign-diverse plasticity, "
    "NeurIPS 2025"
)

_FIGURES = (
    PaperFigure("fig1", "toy model", "ninou2025.toy:figure_1", seconds(8, 8, 10)),
    PaperFigure("fig2", "phase diagrams, theory", "ninou2025.phase_maps:figure_2", seconds(2, 2, 3)),
    PaperFigure(
        "fig3a",
        "hidden flips: test error",
        "ninou2025.phase_maps:figure_3a",
        seconds(50, 140, 1600),
        sweeps="sweeps_3a",
    ),
    PaperFigure(
        "fig3b",
        "hidden flips: order parameter",
        "ninou2025.order:figure_3b",
        seconds(60, 90, 900),
        sweeps="sweeps_3b",
    ),
    PaperFigure(
        "fig3cd",
        "hidden flips: chaos",
        "ninou2025.trajectories:figure_3cd",
        seconds(30, 60, 400),
        sweeps="sweeps_3cd",
    ),
    PaperFigure(
        "fig4a",
        "readout flips: test error",
        "ninou2025.phase_maps:figure_4a",
        seconds(60, 135, 2700),
        sweeps="sweeps_4",
    ),
    PaperFigure(
        "fig4b",
        "readout flips: transients",
        "ninou2025.phase_maps:figure_4b",
        seconds(30, 60, 1500),
        runs_of="fig4a",
        sweeps="sweeps_4",
    ),
    PaperFigure("fig4cd", "readout flips: transients in time", "ninou2025.trajectories:figure_4cd", seconds(10, 15, 60)),
    PaperFigure("fig5ab", "tanh: learning curves", "ninou2025.convergence:figure_5ab", seconds(15, 25, 90)),
    PaperFigure(
        "fig5c",
        "tanh: training inputs",
        "ninou2025.convergence:figure_5c",
        seconds(20, 40, 120),
        sweeps="sweeps_5c",
    ),
    PaperFigure(
        "fig5d",
        "tanh: the student's scale",
        "ninou2025.convergence:figure_5d",
        seconds(12, 60, 7200),
        sweeps="sweeps_5d",
    ),
    PaperFigure(
        "fig5e",
        "tanh: the teacher's scale",
        "ninou2025.convergence:figure_5e",
        seconds(12, 50, 7200),
        sweeps="sweeps_5e",
    ),
    PaperFigure(
        "fig5f",
        "tanh: how many flipped",
        "ninou2025.convergence:figure_5f",
        seconds(12, 60, 900),
        sweeps="sweeps_5f",
    ),
    PaperFigure("spectra", "stability matrix: theory and samples", "ninou2025.spectra:figure_spectra", seconds(30, 35, 60)),
    PaperFigure(
        "beyond1", "the boundary in other circuits", "ninou2025.other_circuits:figure_other_circuits", seconds(60, 120, 400)
    ),
    PaperFigure(
        "beyond2", "fluctuations near the boundary", "ninou2025.fluctuations:figure_fluctuations", seconds(40, 115, 600)
    ),
)

PAPER = Paper(NAME, CITATION, {figure.name: figure for figure in _FIGURES})
