"""Raman, Rotondo and O'Leary, Fundamental bounds on learning performance in neural circuits, PNAS 2019; from slides on it."""

from typing import TYPE_CHECKING

from plastodyn.papers.raman2019.catalogue import CITATION, NAME, PAPER

if TYPE_CHECKING:
    from plastodyn.papers.raman2019.formulas import figure_formulas
    from plastodyn.papers.raman2019.learning_curves import figure_2
    from plastodyn.papers.raman2019.linear_size import figure_6
    from plastodyn.papers.raman2019.nonlinear_size import figure_6b
    from plastodyn.papers.raman2019.rates import figure_rates

__all__ = ["CITATION", "NAME", "PAPER", "figure_2", "figure_6", "figure_6b", "figure_formulas", "figure_rates"]

# A figure's function is imported when it is first used.
__getattr__ = PAPER.function


def __dir__() -> list[str]:
    return __all__
