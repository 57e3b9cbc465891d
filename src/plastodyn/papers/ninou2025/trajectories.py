"""Figures 3c, 3d, 4c and 4d: weights in time, their autocorrelation, two principal components and Lyapunov exponents."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.circuits import LinearStudentTeacher
from plastodyn.figures import Curve, Panel, curve_panels
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.ninou2025.experiments import some_weights, training_error
from plastodyn.papers.ninou2025.setups import NAME, curl_descent, linear_networks
from plastodyn.papers.registry import Reproduction

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
    epochs: int
    seeds: int
    steps: int
    warm_up: int


HIDDEN = _Point("hidden", 0.8, 0.6, "random")
READOUT = _Point("readout", 1.0, 0.6, "teacher")
_STABLE = _Point("hidden", 0.2, 0.6, "random")
_EXTENTS = {
    "smoke": _Extent(4000, 4, 6000, 2000),
    "standard": _Extent(40_000, 4, 20_000, 10_000),
    "full": _Extent(100_000, 10, 100_000, 20_000),
}


def figure_3cd(size: str, key: Array) -> Reproduction:
    """Figure 3c and 3d: chaos in the unstable hidden regime, c = 0.8 and alpha_h = 0.6; and Lyapunov exponents.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 4000, 40 000 or 100 000 epochs.
        key: random key.

    Source: figures 3c and 3d; the exponents are this project's addition.
    """
    extent = _EXTENTS[size]
    data = _trajectory(HIDDEN, extent, key)
    exponents = {name: _exponents(point, extent, key) for name, point in (("unstable", HIDDEN), ("stable", _STABLE))}
    for name, found in exponents.items():
        data[f"lyapunov_exponent_{name}"] = ("seed", np.asarray(found.value)[:, 0], {"units": "1 / epoch"})
        data[f"lyapunov_exponent_{name}_error"] = ("seed", np.asarray(found.standard_error)[:, 0], {"units": "1 / epoch"})
    source = Source(NAME, "fig3cd")
    return Reproduction(data, _picture(data, "Figure 3c, d: hidden layer, c = 0.8, 60 % flipped"), tuple(_claims(data, source)))


def figure_4cd(size: str, key: Array) -> Reproduction:
    """Figure 4c, 4d and the inset of 4b: transients from the teacher with flipped hidden units, c = 1 and alpha_r = 0.6.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 4000, 40 000 or 100 000 epochs.
        key: random key.

    Source: figures 4b (inset), 4c and 4d.
    """
    data = _trajectory(READOUT, _EXTENTS[size], key)
    source = Source(NAME, "fig4cd")
    peak = data.training_error.max("epoch")
    fallen = (data.training_error.isel(epoch=-1) / peak).median()
    claims = (
        source.at_least("peak training error on the way, median over seeds", "figure 4b, inset", 1e-3, 0.0, peak.median()),
        source.at_most("last training error over the peak, median over seeds", "figure 4b, inset", 0.2, 0.0, fallen),
    )
    return Reproduction(data, _picture(data, "Figure 4c, d: readout layer, c = 1, 60 % flipped"), claims)


def _networks(point: _Point, extent: _Extent, key: Array) -> list[LinearStudentTeacher]:
    return linear_networks(point.compression, extent.seeds, point.start, key)


def _trajectory(point: _Point, extent: _Extent, key: Array) -> xr.Dataset:
    with jax.enable_x64(True):
        run = pd.simulate(
            _networks(point, extent, key),
            curl_descent(point.fraction, point.layer),
            steps=extent.epochs,
            key=key,
            record=[pd.observe(training_error, every=_EVERY), pd.observe(some_weights, every=_EVERY)],
        )
    run = run.rename(step="epoch", replica="seed", some_weights_0="weight_shown")
    late = run.some_weights.isel(epoch=slice(run.sizes["epoch"] // 2, None)).transpose("seed", "epoch", "weight_shown").values
    correlation = np.asarray(pd.measure.autocorrelation(late))
    projected = pd.measure.principal_components(late[0], count=2)
    return xr.Dataset(
        {
            "training_error": run.training_error.assign_attrs(units="squared output"),
            "example_weights": run.some_weights.isel(weight_shown=slice(None, None, run.sizes["weight_shown"] // _SHOWN)),
            "autocorrelation": (("seed", "lag"), correlation, {"units": "1"}),
            "projection": (("late_epoch", "component"), np.asarray(projected.projections), {"units": "weight"}),
        },
        coords={"lag": np.arange(correlation.shape[-1]) * _EVERY},
        attrs=run.attrs,
    )


def _exponents(point: _Point, extent: _Extent, key: Array) -> Any:
    """The largest exponent of every seed, through the constrained step, per epoch."""
    with jax.enable_x64(True):
        networks = _networks(point, extent, key)
        rule = curl_descent(point.fraction, point.layer)
        arrays = [eqx.partition(pd.measure.rule_map(network, rule), eqx.is_array) for network in networks]
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(a for a, _ in arrays))

        def one(own: Any, each: Array) -> Any:
            step = eqx.combine(own, arrays[0][1])
            return pd.measure.lyapunov_exponents(
                step, step.circuit.weights, key=each, steps=extent.steps, warm_up=extent.warm_up, every=10
            )

        return jax.jit(jax.vmap(one))(stacked, jax.random.split(key, extent.seeds))


def _claims(data: xr.Dataset, source: Source) -> list[Claim]:
    def pooled(name: str) -> tuple[float, float]:
        values = data[f"lyapunov_exponent_{name}"].values
        between = values.std(ddof=1) / len(values) ** 0.5
        within = float(np.sqrt((data[f"lyapunov_exponent_{name}_error"].values ** 2).sum()) / len(values))
        return float(values.mean()), max(between, within)

    unstable, error = pooled("unstable")
    stable, stable_error = pooled("stable")
    late = data.autocorrelation.mean("seed").sel(lag=slice(data.lag.values[-1] // 2, None))
    return [
        source.at_least("largest exponent at c = 0.8, alpha_h = 0.6, in standard errors", "specification", _SIGMAS, 0.0,
                        unstable / error),
        source.at_most("largest exponent at a stable point (c = 0.2), per epoch", "specification", 0.0,
                       _SIGMAS * stable_error + 1e-6, stable),
        source.at_most("autocorrelation decays: mean at lags of a quarter to half of the record", "figure 3d", 0.5, 0.0,
                       late.mean()),
    ]  # fmt: skip


def _picture(data: xr.Dataset, title: str) -> Any:
    thousands = data.epoch / 1000
    examples = data.example_weights.isel(seed=0).transpose("weight_shown", "epoch")
    lag = data.lag / 1000
    return curve_panels(
        [
            Panel("single weights", "epoch (thousands)", "weight",
                  [Curve("_", thousands, one, look={"lw": 0.8}) for one in examples]),
            Panel("training error", "epoch (thousands)", "training error (squared output)",
                  [Curve("_", thousands, data.training_error.isel(seed=i), look={"lw": 0.7}) for i in data.seed.values],
                  scales=("linear", "log")),
            Panel("autocorrelation of weights, second half", "lag (thousand epochs)", "autocorrelation",
                  [Curve("_", lag, data.autocorrelation.isel(seed=i), look={"lw": 0.9}) for i in data.seed.values]),
            Panel("two principal components, second half", "first component (weight)", "second component (weight)",
                  [Curve("_", data.projection[:, 0], data.projection[:, 1], look={"lw": 0.6})]),
        ],
        title,
    )  # fmt: skip
