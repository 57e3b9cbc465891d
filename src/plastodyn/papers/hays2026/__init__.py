"""Hays, Hebbian-oscillatory co-learning: synchrony-gated plasticity between phase oscillators."""

from typing import TYPE_CHECKING

from plastodyn.papers.hays2026.catalogue import CITATION, NAME, PAPER

if TYPE_CHECKING:
    from plastodyn.papers.hays2026.clusters import figure_3
    from plastodyn.papers.hays2026.energies import figure_4
    from plastodyn.papers.hays2026.timescales import figure_2

__all__ = ["CITATION", "NAME", "PAPER", "figure_2", "figure_3", "figure_4"]

# A figure's function is imported when it is first used.
__getattr__ = PAPER.function


def __dir__() -> list[str]:
    return __all__
