"""A table as a figure, for results that are numbers rather than curves."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from plastodyn.figures import style as look


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
