"""What is reproduced of the paper, and what it costs."""

from plastodyn.papers.types import Paper, PaperFigure, seconds

NAME = "hays2026"
CITATION = "Hays, Hebbian-oscillatory co-learning (2026)"

_FIGURES = (
    PaperFigure("fig2", "two timescales and a gate", "hays2026.timescales:figure_2", seconds(10, 15, 40)),
    PaperFigure("fig3", "phases carve weights", "hays2026.clusters:figure_3", seconds(10, 15, 40)),
    PaperFigure("fig4", "energies that fall, and one that does not", "hays2026.energies:figure_4", seconds(10, 20, 40)),
    PaperFigure("wiring", "the sparse hyperbolic circuit at work", "hays2026.wiring:figure_wiring", seconds(10, 25, 100)),
    PaperFigure("scaling", "time against size", "hays2026.scaling:figure_scaling", seconds(30, 120, 200)),
    PaperFigure("beyond1", "a gate for each cluster", "hays2026.local_gates:figure_local_gates", seconds(10, 15, 30)),
    PaperFigure("beyond2", "flipped plasticity and rhythm", "hays2026.flipped:figure_flipped", seconds(30, 60, 200)),
    PaperFigure("beyond3", "fluctuations and the gate's slope", "hays2026.slopes:figure_slopes", seconds(15, 30, 60)),
    PaperFigure("beyond4", "consolidation gated by synchrony", "hays2026.consolidation:figure_paced", seconds(30, 60, 300)),
)

PAPER = Paper(NAME, CITATION, {figure.name: figure for figure in _FIGURES})
