"""Alemi, Aksay and Goldman, a Lyapunov theory of the speed of systems consolidation."""

from typing import TYPE_CHECKING

from plastodyn.papers.alemi2024.catalogue import CITATION, NAME, PAPER

if TYPE_CHECKING:
    from plastodyn.papers.alemi2024.chains import figure_chains
    from plastodyn.papers.alemi2024.flipped import figure_flipped
    from plastodyn.papers.alemi2024.fluctuations import figure_fluctuations
    from plastodyn.papers.alemi2024.integrator import figure_4b, figure_4d, figure_4e
    from plastodyn.papers.alemi2024.lyapunov import figure_2ab
    from plastodyn.papers.alemi2024.probe import figure_3
    from plastodyn.papers.alemi2024.speed_limit import figure_2c
    from plastodyn.papers.alemi2024.toy import figure_1

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

# A figure's function is imported when it is first used.
__getattr__ = PAPER.function


def __dir__() -> list[str]:
    return __all__
