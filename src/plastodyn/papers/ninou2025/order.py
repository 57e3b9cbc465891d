"""Figure 3b: the order parameter of the weights across the transition."""

from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from jax import Array

from plastodyn.figures import Curve, Marks, Panel, curve_panels
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.ninou2025.catalogue import NAME
from plastodyn.papers.ninou2025.experiments import order_point
from plastodyn.papers.ninou2025.setups import sides
from plastodyn.papers.ninou2025.stores import Sweeps, described, swept
from plastodyn.papers.types import Place, Reproduction, placed
from plastodyn.theory import curl

_COMPRESSIONS = (0.3, 0.4, 0.5)
_FRACTIONS = (0.4, 0.5)
_CHUNK = 5
_ACTIVE = 1e-6
"""Order parameter above which weights count as moving: between rounding, 1e-20 or less, and activity, 1e-2."""


class _Extent(NamedTuple):
    fractions: int
    compressions: int
    seeds: int
    epochs: int


_EXTENTS = {
    "smoke": _Extent(5, 3, 2, 6000),
    "standard": _Extent(11, 7, 4, 20_000),
    "full": _Extent(25, 20, 10, 100_000),
}


@placed
def figure_3b(size: str, key: Array, place: Place) -> Reproduction:
    """Figure 3b: q against the flipped fraction and against the compression ratio, theory's transition dashed.

    ``q`` is the mean over weights of their variance in time, over the variance over weights of their mean in time, in
    the last 999 epochs, read off 400 evenly spaced weights.

    Args:
        size: ``smoke``, ``standard`` or ``full`` (25 fractions and 20 compression ratios, 10 seeds, 100 000 epochs).
        key: random key.
        place: where the sweeps keep their stores; for the length of the call unless given.

    Source: figure 3b.
    """
    sweeps = sweeps_3b(size, key)
    over_fraction, over_compression = (swept(label, sweeps, place) for label in sweeps)
    panels = [_fraction_panel(over_fraction), _compression_panel(over_compression)]
    data = over_fraction.assign(
        order_parameter_over_compression=over_compression.order_parameter.rename(
            compression="compression_close", fraction="fraction_close"
        )
    )
    figure = curve_panels(panels, "Figure 3b: order parameter")
    return Reproduction(data, figure, tuple(_claims(over_fraction, over_compression)))


def sweeps_3b(size: str, key: Array) -> Sweeps:
    """The sweeps of figure 3b: across flipped fractions, and across compression ratios.

    Args:
        size: as of the figure.
        key: as of the figure.
    """
    extent = _EXTENTS[size]
    key_fraction, key_compression = jax.random.split(key)
    parameters = {"layer": "hidden", "seeds": extent.seeds, "epochs": extent.epochs}
    batch = {"compression": 1, "fraction": _CHUNK}
    fractions = {"compression": list(_COMPRESSIONS), "fraction": np.linspace(0, 1, extent.fractions).tolist()}
    compressions = {"compression": np.linspace(0.1, 0.7, extent.compressions).tolist(), "fraction": list(_FRACTIONS)}
    return {
        f"fig3b-fraction-{size}": described(order_point, fractions, batch, key_fraction, **parameters),
        f"fig3b-compression-{size}": described(order_point, compressions, batch, key_compression, **parameters),
    }


def _fraction_panel(data: xr.Dataset) -> Panel:
    curves = [_curve(f"c = {c:g}", "fraction", data.sel(compression=c)) for c in _COMPRESSIONS]
    transition = [float(curl.critical_fraction(c, layer="hidden")) for c in _COMPRESSIONS]
    return _panel("across flipped fractions", r"flipped fraction of inputs $\alpha_h$", curves, transition)


def _compression_panel(data: xr.Dataset) -> Panel:
    curves = [_curve(rf"$\alpha_h$ = {a:g}", "compression", data.sel(fraction=a)) for a in _FRACTIONS]
    transition = [float(curl.critical_compression(a, layer="hidden")) for a in _FRACTIONS]
    return _panel("across compression ratios", "compression ratio c = inputs / hidden units", curves, transition)


def _panel(title: str, along: str, curves: list[Curve], transition: list[float]) -> Panel:
    marks = [Marks("transition of each, theory", transition, [f"C{i}" for i in range(len(transition))])]
    return Panel(title, along, "order parameter q", curves, marks, ("linear", "log"))


def _curve(label: str, along: str, data: xr.Dataset) -> Curve:
    # Zeros, of networks that came to rest, have no place on a logarithmic axis.
    return Curve(label, data[along], data.order_parameter.mean("replica").clip(min=1e-30), look={"marker": "o", "ms": 3})


def _claims(over_fraction: xr.Dataset, over_compression: xr.Dataset) -> list[Claim]:
    source = Source(NAME, "fig3b")
    claims = []
    for data in (over_fraction, over_compression):
        stable, unstable = sides(data.order_parameter.median("replica"), "hidden")
        along = "fraction" if data is over_fraction else "compression"
        claims += [
            source.at_most(f"along {along}: highest q on the stable side", "figure 3b", _ACTIVE, 0.0, stable.max()),
            source.at_least(f"along {along}: lowest q on the unstable side", "figure 3b", _ACTIVE, 0.0, unstable.min()),
        ]
    return claims
