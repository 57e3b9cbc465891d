"""One page on a trained network: its spectrum, the trace by layer, the sweet spot of plasticity, and the numbers."""

from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from plastodyn.figures.style import FAR, GREEDY, SIMULATION, THEORY, panels, plain_ticks, style

_BINS = 60
_MOST_LAYERS = 12
_RATIOS = np.geomspace(0.05, 5.0, 120)


class Reported(Protocol):
    """What a page shows of `measure.Report`."""

    @property
    def eigenvalues(self) -> Any:
        """The largest curvatures."""
        ...

    @property
    def spectrum(self) -> Any:
        """Curvatures and how often each occurs."""
        ...

    def layers(self) -> dict[str, Any]:
        """Tr H of each layer."""
        ...

    def steady_loss(self, ratios: np.ndarray) -> np.ndarray:
        """The steady loss over ratios, relative to its lowest value."""
        ...

    def rows(self) -> list[tuple[str, str]]:
        """Names and values of the numbers."""
        ...


def network_page(report: Reported, title: str = "A network's numbers") -> Figure:
    """A picture of a `measure.Report`, four panels.

    Args:
        report: what `measure.report` has found.
        title: of the page.

    Returns:
        The figure: density of curvatures with the largest marked, tr H by layer with standard errors, the steady loss of the
        stationary theory against the ratio of plasticity to fluctuations with both best ratios marked, and the numbers.

    Raises:
        ValueError: if it is no report.

    >>> import jax, jax.numpy as jnp
    >>> from plastodyn.measure import report
    >>> found = report(lambda w: jnp.sum(jnp.array([1.0, 2.0]) * w**2), jnp.ones(2), key=jax.random.key(0))
    >>> len(network_page(found).axes)
    4
    """
    if not hasattr(report, "steady_loss"):
        raise ValueError(f"report must be what pd.measure.report returns; got {type(report).__name__}")
    if not isinstance(title, str):
        raise ValueError(f"title must be a text; got {type(title).__name__}")
    with style():
        figure, axes = panels(4, 2, 4.6, 3.3, title)
        _density(axes[0], report)
        _layers(axes[1], report)
        _valley(axes[2], report)
        _numbers(axes[3], report)
    return figure


def _density(axes: Axes, report: Reported) -> None:
    values, counts = (np.asarray(part, float) for part in report.spectrum[:2])
    axes.hist(values, bins=_BINS, weights=counts, color=SIMULATION, alpha=0.8, label="stochastic Lanczos quadrature")
    top = np.asarray(report.eigenvalues.value, float)
    axes.plot(top, np.full(top.size, 1.0), ls="", marker="|", ms=12, color=THEORY, label=f"largest {top.size}")
    axes.set(yscale="log", xlabel="curvature (loss / weight²)", ylabel="eigenvalues per bin", ylim=(0.3, None))
    axes.legend(loc="upper right")


def _layers(axes: Axes, report: Reported) -> None:
    layers = list(report.layers().items())
    # In the order of the network; of many, those that matter most.
    chosen = sorted(layers, key=lambda item: -abs(float(item[1].value)))[:_MOST_LAYERS]
    shown = [item for item in layers if item in chosen]
    places = np.arange(len(shown))
    values, errors = ([float(getattr(trace, part)) for _, trace in shown] for part in ("value", "standard_error"))
    axes.barh(places, values, xerr=errors, color=SIMULATION, alpha=0.8, error_kw={"elinewidth": 1})
    axes.set_yticks(places, [name if len(name) < 22 else f"…{name[-20:]}" for name, _ in shown])
    axes.invert_yaxis()
    more = f", the {len(shown)} largest of {len(layers)}" if len(layers) > len(shown) else ""
    axes.set_xlabel(f"tr H of each layer (loss / weight²){more}")


def _valley(axes: Axes, report: Any) -> None:
    loss = report.steady_loss(_RATIOS)
    if np.isfinite(loss).any():
        axes.plot(_RATIOS, loss, color=THEORY, label="stationary theory")
        for name, colour, label in (("stationary_ratio", THEORY, "lowest"), ("greedy_ratio", GREEDY, "equation 9, here")):
            value = float(getattr(report, name).value)
            if np.isfinite(value) and _RATIOS[0] < value < _RATIOS[-1]:
                axes.axvline(value, color=colour, ls="--", lw=1, label=f"{label}: {value:.2g}")
        axes.legend(loc="upper center")
    else:
        axes.text(0.5, 0.5, "no curvature above 0", ha="center", transform=axes.transAxes, color=FAR)
    axes.set(xscale="log", yscale="log", xlabel="|plasticity| / |fluctuations|", ylabel="steady loss / its lowest")
    axes.set_ylim(0.9, 12)
    plain_ticks(axes)


def _numbers(axes: Axes, report: Reported) -> None:
    axes.axis("off")
    for place, (name, value) in enumerate(report.rows()):
        height = 1.0 - place / 16
        axes.text(0.0, height, name, transform=axes.transAxes, va="top")
        axes.text(1.0, height, value, transform=axes.transAxes, va="top", ha="right")
