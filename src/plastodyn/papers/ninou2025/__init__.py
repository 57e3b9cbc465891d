"""Ninou, Kadmon and Cayco-Gajic, Curl descent, NeurIPS 2025."""

from typing import TYPE_CHECKING

from plastodyn.papers.ninou2025.catalogue import CITATION, NAME, PAPER

if TYPE_CHECKING:
    from plastodyn.papers.ninou2025.convergence import figure_5ab, figure_5c, figure_5d, figure_5e, figure_5f
    from plastodyn.papers.ninou2025.fluctuations import figure_fluctuations
    from plastodyn.papers.ninou2025.order import figure_3b
    from plastodyn.papers.ninou2025.other_circuits import figure_other_circuits
    from plastodyn.papers.ninou2025.phase_maps import figure_2, figure_3a, figure_4a, figure_4b
    from plastodyn.papers.ninou2025.spectra import figure_spectra
    from plastodyn.papers.ninou2025.toy import figure_1
    from plastodyn.papers.ninou2025.trajectories import figure_3cd, figure_4cd

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

# A figure's function is imported when it is first used.
__getattr__ = PAPER.function


def __dir__() -> list[str]:
    return __all__
