"""Raman and O'Leary, Optimal plasticity for memory maintenance during ongoing synaptic change, eLife 2021."""

from typing import TYPE_CHECKING

from plastodyn.papers.raman2021.catalogue import CITATION, NAME, PAPER

if TYPE_CHECKING:
    from plastodyn.papers.raman2021.error_curves import figure_5, figure_5_supplement_1
    from plastodyn.papers.raman2021.rule_orders import table_2
    from plastodyn.papers.raman2021.stages import figure_1

__all__ = ["CITATION", "NAME", "PAPER", "figure_1", "figure_5", "figure_5_supplement_1", "table_2"]

# A figure's function is imported when it is first used.
__getattr__ = PAPER.function


def __dir__() -> list[str]:
    return __all__
