"""Figures 3c, 3d, 4c and 4d: weights in time, their autocorrelation, two principal components and Lyapunov exponents."""

from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from jax import Array
from matplotlib.figure import Figure

import plastodyn as pd
from plastodyn.figures import Curve, Panel, curve_panels
from plastodyn.papers.claims import Claim, Source, widened
from plastodyn.papers.ninou2025.catalogue import NAME
from plastodyn.papers.ninou2025.experiments import exponent_point, some_weights, training_error
from plastodyn.papers.ninou2025.setups import curl_descent, linear_networks
from plastodyn.papers.ninou2025.stores import Sweeps, described, swept
from plastodyn.papers.types import Place, Reproduction, placed, unswept

_EVERY = 25
_SHOWN = 6
_SIGMAS = 3.0


class _Point(NamedTuple):
    """Where in the phase diagram, and what is expected there."""

    layer: str
    compression: float
    fraction: float
    start: str


class _Extent(NamedTuple):
    """Epochs and seeds of the trajectories; seeds, counted epochs and epochs before them of the exponents."""

    epochs: int
    seeds: int
    exponents: int
    steps: int
    warm_up: int


HIDDEN = _Point("hidden", 0.8, 0.6, "random")
READOUT = _Point("readout", 1.0, 0.6, "teacher")
_STABLE = _Point("hidden", 0.2, 0.6, "random")
_EXTENTS = {
    "smoke": _Extent(4000, 2, 4, 3000, 1000),
    "standard": _Extent(40_000, 4, 6, 10_000, 2000),
    "full": _Extent(100_000, 10, 12, 20_000, 2000),
}
_SEEDS_AT_ONCE = 3
_LATE = (80_000, 40_000)
"""Epochs before and in the window in which the motion has settled (full size only)."""
_ROUNDING = 1e-9
"""Exponent per epoch up to which growth along the zero modes of a solution is rounding."""


@placed
def figure_3cd(size: str, key: Array, place: Place) -> Reproduction:
    """Figure 3c and 3d: chaos in the unstable hidden regime, c = 0.8 and alpha_h = 0.6; and Lyapunov exponents.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 4000, 40 000 or 100 000 epochs.
        key: random key.
        place: where the sweeps of the exponents keep their stores; for the length of the call unless given.

    Source: figures 3c and 3d; the exponents, of the epochs after the first 2000, are this project's addition.
    """
    extent = _EXTENTS[size]
    # Of the epochs of the exponents: later the motion calms down and swings.
    data = _trajectory(HIDDEN, extent, key, (extent.warm_up, min(extent.warm_up + extent.steps, extent.epochs)))
    sweeps = sweeps_3cd(size, key)
    for label in sweeps:
        found, name = swept(label, sweeps, place), label.split("-")[1]
        data[f"exponent_{name}"] = found.exponent.rename(seed="exponent_seed")
        data[f"exponent_{name}_error"] = found.exponent_error.rename(seed="exponent_seed")
    figure = _picture(data, "Figure 3c, d: hidden layer, c = 0.8, 60 % flipped")
    return Reproduction(data, figure, tuple(_claims(data, size, Source(NAME, "fig3cd"))))


def sweeps_3cd(size: str, key: Array) -> Sweeps:
    """The sweeps of the exponents of figures 3c and 3d, over networks.

    Args:
        size: as of the figure.
        key: as of the figure.
    """
    extent, axes = _EXTENTS[size], {"seed": list(range(_EXTENTS[size].exponents))}
    windows = {"unstable": (HIDDEN, extent.warm_up, extent.steps), "stable": (_STABLE, extent.warm_up, extent.steps)}
    if size == "full":
        windows["late"] = (HIDDEN, *_LATE)
    found = {}
    for name, (point, warm_up, steps) in windows.items():
        parameters = {**point._asdict(), "steps": steps, "warm_up": warm_up}
        batch = {"seed": _SEEDS_AT_ONCE}
        found[f"exponents-{name}-{size}"] = described(exponent_point, axes, batch, key, **parameters)
    return found


@unswept
def figure_4cd(size: str, key: Array) -> Reproduction:
    """Figure 4c, 4d and the inset of 4b: transients from the teacher with flipped hidden units, c = 1 and alpha_r = 0.6.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 4000, 40 000 or 100 000 epochs.
        key: random key.

    Source: figures 4b (inset), 4c and 4d.
    """
    extent = _EXTENTS[size]
    data = _trajectory(READOUT, extent, key, (extent.epochs // 2, extent.epochs))
    source = Source(NAME, "fig4cd")
    peak = data.training_error.max("epoch")
    fallen = (data.training_error.isel(epoch=-1) / peak).median()
    # A transient is an error of the order of an untrained network's, 1e-2; one that descends again loses most of it.
    claims = (
        source.at_least("peak training error on the way, median over seeds", "figure 4b, inset", 1e-3, 0.0, peak.median()),
        source.at_most("last training error over the peak, median over seeds", "figure 4b, inset", 0.2, 0.0, fallen),
    )
    return Reproduction(data, _picture(data, "Figure 4c, d: readout layer, c = 1, 60 % flipped"), claims)


def _trajectory(point: _Point, extent: _Extent, key: Array, window: tuple[int, int]) -> xr.Dataset:
    """Errors and some weights in time; autocorrelation and principal components of the weights within a window of epochs."""
    with jax.enable_x64(True):
        run = pd.simulate(
            linear_networks(point.compression, extent.seeds, point.start, key),
            curl_descent(point.fraction, point.layer),
            steps=extent.epochs,
            key=key,
            record=[pd.observe(training_error, every=_EVERY), pd.observe(some_weights, every=_EVERY)],
        )
    run = run.rename(step="epoch", replica="seed", some_weights_0="weight_shown")
    moving = run.some_weights.sel(epoch=slice(*window)).transpose("seed", "epoch", "weight_shown").values
    correlation = np.asarray(pd.measure.autocorrelation(moving))
    projected = pd.measure.principal_components(moving[0], count=2)
    return xr.Dataset(
        {
            "training_error": run.training_error.assign_attrs(units="squared output"),
            "example_weights": run.some_weights.isel(weight_shown=slice(None, None, run.sizes["weight_shown"] // _SHOWN)),
            "autocorrelation": (("seed", "lag"), correlation, {"units": "1"}),
            "projection": (("moving_epoch", "component"), np.asarray(projected.projections), {"units": "weight"}),
        },
        coords={"lag": np.arange(correlation.shape[-1]) * _EVERY},
        attrs={**run.attrs, "window": window},
    )


def _pooled(data: xr.Dataset, name: str) -> tuple[float, float]:
    """Mean exponent over seeds and its standard error: the larger of that between seeds and that within runs."""
    values, errors = data[f"exponent_{name}"].values, data[f"exponent_{name}_error"].values
    between = values.std(ddof=1) / len(values) ** 0.5
    return float(values.mean()), widened(max(between, np.sqrt(np.sum(errors**2)) / len(values)), len(values))


def _claims(data: xr.Dataset, size: str, source: Source) -> list[Claim]:
    (unstable, error), epochs = _pooled(data, "unstable"), _EXTENTS[size].steps
    stable, stable_error = _pooled(data, "stable")
    fallen = data.lag.values.astype(float)[data.autocorrelation.mean("seed").values < np.exp(-1)]
    forgotten = fallen.min(initial=np.inf) / (2 * data.lag.values[-1])
    # A difference that grows e-fold within the window is told from one that stays, as along the zero modes of a solution.
    chaotic = "largest exponent at c = 0.8, alpha_h = 0.6, times the epochs that it is measured over"
    calm, tolerance = "largest exponent at a stable point (c = 0.2), per epoch", _SIGMAS * stable_error + _ROUNDING
    # Lags go up to half of the window; a mere drift through it has 0.25.
    decay = "weights move on: lag at which their autocorrelation first falls below 1/e, over the length of the window"
    claims = [
        source.at_least(chaotic, "specification", 1.0, 0.0, unstable * epochs, error * epochs),
        source.at_most(calm, "specification", 0.0, tolerance, stable),
        source.at_most(decay, "figure 3d", 0.15, 0.0, forgotten),
    ]
    if size == "full":
        settled, settled_error = _pooled(data, "late")
        # With the full batch the motion calms down: what is chaotic for tens of thousands of epochs is not so for ever.
        name = "largest exponent after 80 000 epochs, per epoch (not in the paper)"
        claims.append(source.at_most(name, "this project", unstable / 10, _SIGMAS * settled_error, settled))
    return claims


def _picture(data: xr.Dataset, title: str) -> Figure:
    thousands, lag = data.epoch / 1000, data.lag / 1000
    seeds = data.seed.values
    examples = data.example_weights.isel(seed=0).transpose("weight_shown", "epoch")
    weights = [Curve("_", thousands, one, look={"lw": 0.8}) for one in examples]
    errors = [Curve("_", thousands, data.training_error.isel(seed=i), look={"lw": 0.7}) for i in seeds]
    correlations = [Curve("_", lag, data.autocorrelation.isel(seed=i), look={"lw": 0.9}) for i in seeds]
    path = [Curve("_", data.projection[:, 0], data.projection[:, 1], look={"lw": 0.6})]
    epoch, error = "epoch (thousands)", "training error (squared output)"
    span = "epochs {:,} to {:,}".format(*data.attrs["window"])
    first, second = "first component (weight)", "second component (weight)"
    panels = [
        Panel("single weights", epoch, "weight", weights),
        Panel("training error", epoch, error, errors, scales=("linear", "log")),
        Panel(f"autocorrelation of weights, {span}", "lag (thousand epochs)", "autocorrelation", correlations),
        Panel(f"two principal components, {span}", first, second, path),
    ]
    return curve_panels(panels, title)
