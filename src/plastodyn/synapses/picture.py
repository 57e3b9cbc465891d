"""The finding as a picture: the synapses of each pair against one another, and the ratio on the theory's line."""

import numpy as np
from matplotlib.figure import Figure

from plastodyn import checks, figures
from plastodyn.figures import style as look
from plastodyn.synapses.pairs import exact_pairs
from plastodyn.synapses.published import TABLE_1
from plastodyn.synapses.share import SharedShare, implied_ratio
from plastodyn.synapses.tables import Synapses

_LARGEST_SHARE = 0.85


def picture(synapses: Synapses, found: SharedShare, *, title: str = "Synapses of the same axon and dendrite") -> Figure:
    """Draw what `estimate` found.

    Left, the synapses of every pair against one another, in the order of the table. Right, the ratio
    ``|dc| / |de| = sqrt(r / (1 - r))`` against the shared share r: the finding with its interval, and the entries of
    table 1 of Raman and O'Leary (2021), each at r = 1 - its activity-independent share.

    Args:
        synapses: what was estimated from.
        found: what `estimate` made of them.
        title: of the whole figure.

    Returns:
        A matplotlib Figure.

    Raises:
        ValueError: if ``synapses`` or ``found`` are something else, or ``title`` no text.

    Source: this project.

    >>> import jax
    >>> from plastodyn.synapses.share import estimate
    >>> from plastodyn.synapses.simulated import simulated
    >>> synapses = simulated(50, shared=0.4, key=jax.random.key(0))
    >>> picture(synapses, estimate(synapses, key=jax.random.key(1), draws=200)).axes[1].get_xlabel()
    'shared share of variance, r'
    """
    checks.instance("synapses", synapses, Synapses, "synapses, as plastodyn.synapses.read gives them")
    checks.instance("found", found, SharedShare, "what plastodyn.synapses.estimate gives")
    checks.instance("title", title, str, "a text")
    return figures.curve_panels([_pairs(synapses, found), _line(found)], title)


def _pairs(synapses: Synapses, found: SharedShare) -> figures.Panel:
    grouped = exact_pairs(synapses)
    # Members of a pair in the order of the table.
    values = synapses.value[grouped.members][np.argsort(grouped.group, kind="stable")].reshape(-1, 2)
    shown = 10**values if synapses.of == "sizes" else values
    ends = [shown.min(), shown.max()]
    unit = f" ({synapses.unit})" if synapses.unit else ""
    what = f"size{unit}" if synapses.of == "sizes" else "change of log10 size"
    r, dots = found.pairs.r, {**look.points(look.SIMULATION, size=3.5), "alpha": 0.55, "mew": 0}
    return figures.Panel(
        f"r = {r.value:.3f} ± {r.standard_error:.3f}, {len(values)} pairs",
        f"one synapse: {what}",
        f"the other: {what}",
        [
            figures.Curve("pairs", shown[:, 0], shown[:, 1], look=dots),
            figures.Curve(
                "equal sizes" if synapses.of == "sizes" else "equal changes",
                ends,
                ends,
                look={"color": look.PUBLISHED, "lw": 0.8, "ls": ":"},
            ),
        ],
        scales=("log", "log") if synapses.of == "sizes" else ("linear", "linear"),
    )


def _line(found: SharedShare) -> figures.Panel:
    shares = np.linspace(0, _LARGEST_SHARE, 200)
    ratio, here = found.ratio, [found.ratio.value]
    bars = np.array([[max(ratio.value - ratio.low, 0)], [max(ratio.high - ratio.value, 0)]])
    curves = [
        figures.Curve("sqrt(r / (1 - r))", shares, implied_ratio(shares), look={"color": look.THEORY}),
        figures.Curve("as large as fluctuations", [0, _LARGEST_SHARE], [1, 1], look={"color": "0.35", "lw": 1, "ls": "--"}),
    ]
    table = np.array([1 - (study.low + study.high) / 2 for study in TABLE_1])
    dots = {**look.points(look.CONTRAST, "D", 6), "zorder": 3}
    curves.append(figures.Curve(f"{len(table)} studies (table 1 of Raman and O'Leary)", table, implied_ratio(table), look=dots))
    dot = {"color": look.SIMULATION, "fmt": "o", "ms": 6, "zorder": 4}
    curves.append(figures.Curve("these synapses (95 %)", [max(found.pairs.r.value, 0)], here, bars, dot))
    return figures.Panel("What the shared share implies", "shared share of variance, r", "ratio |dc| / |de|", curves)
