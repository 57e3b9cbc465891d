"""A table as a figure, for results that are numbers rather than curves."""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from plastodyn.figures import style as look

_SMALLEST_DIGIT = -5
"""Errors below 1e-5 are written with an exponent."""


def table_figure(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> Figure:
    """A plain table with a title.

    Args:
        columns: headings.
        rows: cells as text, one sequence a row.
        title: above the table.

    Returns:
        A matplotlib Figure.

    >>> table_figure(["rule", "ratio"], [["gradient", "0.72"]], "table 2").axes[0].get_title()
    'table 2'
    """
    with look.style():
        figure = Figure(figsize=(1.75 * len(columns), 0.24 * len(rows) + 0.8), layout="constrained")
        axes = figure.subplots()
        axes.axis("off")
        drawn = axes.table(cellText=[list(row) for row in rows], colLabels=list(columns), loc="upper center", cellLoc="left")
        drawn.auto_set_font_size(False)
        drawn.set_fontsize(8)
        drawn.auto_set_column_width(range(len(columns)))
        drawn.scale(1, 1.2)
        for (row, _), cell in drawn.get_celld().items():
            cell.set_linewidth(0.3)
            if row == 0:
                cell.set_text_props(weight="bold")
                cell.set_facecolor("#eef2f6")
        axes.set_title(title)
    return figure


def with_error(value: float, error: float) -> str:
    """A number and its standard error, both to the second digit of the error.

    >>> with_error(209.3, 13.7), with_error(0.5432, 0.0123), with_error(0.5, 0.0), with_error(1.2e-7, 3e-9)
    ('209 ± 14', '0.543 ± 0.012', '0.5', '1.200e-07 ± 3.0e-09')
    """
    if not (math.isfinite(error) and error > 0):
        return f"{value:.3g}"
    digit = math.floor(math.log10(error))
    if digit < _SMALLEST_DIGIT:
        places = max(math.floor(math.log10(abs(value) or error)) - digit + 1, 1)
        return f"{value:.{places}e} ± {error:.1e}"
    places = max(1 - digit, 0)
    return f"{value:.{places}f} ± {error:.{places}f}"
