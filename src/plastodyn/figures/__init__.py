"""From Datasets to matplotlib figures; nothing is computed here."""

from plastodyn.figures.curves import Curve, Marks, Panel, curve_panels
from plastodyn.figures.phase import PhaseMap, phase_maps
from plastodyn.figures.staged import staged_panels
from plastodyn.figures.sweet_spot import sweet_spot_panels
from plastodyn.figures.table import table_figure
from plastodyn.figures.toy import toy_panels

__all__ = [
    "Curve",
    "Marks",
    "Panel",
    "PhaseMap",
    "curve_panels",
    "phase_maps",
    "staged_panels",
    "sweet_spot_panels",
    "table_figure",
    "toy_panels",
]
