"""Hays, Hebbian-oscillatory co-learning: synchrony-gated plasticity between phase oscillators."""

from typing import TYPE_CHECKING

from plastodyn.papers.hays2026.catalogue import CITATION, NAME, PAPER

if TYPE_CHECKING:
    from plastodyn.papers.hays2026.clusters import figure_3
    from plastodyn.papers.hays2026.consolidation import figure_paced
    from plastodyn.papers.hays2026.energies import figure_4
    from plastodyn.papers.hays2026.flipped import figure_flipped
    from plastodyn.papers.hays2026.local_gates import figure_local_gates
    from plastodyn.papers.hays2026.scaling import figure_scaling
    from plastodyn.papers.hays2026.slopes import figure_slopes
    from plastodyn.papers.hays2026.timescales import figure_2
    from plastodyn.papers.hays2026.wiring import figure_wiring

__all__ = [
    "CITATION",
    "NAME",
    "PAPER",
    "figure_2",
    "figure_3",
    "figure_4",
    "figure_flipped",
    "figure_local_gates",
    "figure_paced",
    "figure_scaling",
    "figure_slopes",
    "figure_wiring",
]

# A figure's function is imported when it is first used.
__getattr__ = PAPER.function


def __dir__() -> list[str]:
    return __all__
