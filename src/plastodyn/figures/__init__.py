"""From Datasets to matplotlib figures; nothing is computed here."""

from plastodyn.figures.staged import staged_panels
from plastodyn.figures.sweet_spot import sweet_spot_panels
from plastodyn.figures.table import table_figure

__all__ = ["staged_panels", "sweet_spot_panels", "table_figure"]
