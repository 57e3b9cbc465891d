"""From Datasets to matplotlib figures of general kinds; nothing is computed here."""

from plastodyn.figures import style
from plastodyn.figures.curves import Curve, Marks, Panel, curve_panels
from plastodyn.figures.grids import Series, grid_picture, label_of
from plastodyn.figures.network_page import network_page
from plastodyn.figures.sweet_spot import sweet_spot_panels
from plastodyn.figures.table import table_figure, with_error

__all__ = [
    "Curve",
    "Marks",
    "Panel",
    "Series",
    "curve_panels",
    "grid_picture",
    "label_of",
    "network_page",
    "style",
    "sweet_spot_panels",
    "table_figure",
    "with_error",
]
