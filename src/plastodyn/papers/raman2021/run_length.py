"""After the memory is lost: the sweet spot moves with the length of a run, and the hidden code drifts beside a flat error."""

from typing import NamedTuple, cast

import jax
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.circuits import StudentTeacher
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source, widened
from plastodyn.papers.raman2021.catalogue import NAME
from plastodyn.papers.raman2021.far import free_hidden_loss, trivial_loss
from plastodyn.papers.raman2021.setups import CONTRAST_FLUCTUATION, NONLINEAR
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import ratio as theory

_SIZE = NONLINEAR.magnitude(CONTRAST_FLUCTUATION)
_RATIOS = np.array([0.4, 0.7, 1.0, 1.3, 1.7])
_CRUDE, _LESS_CRUDE = 1 / 50, 1 / 20
"""Precisions of the sweep over lengths, and of the run whose hidden code is watched."""
_WINDOW = 0.75
"""Where the part of a run begins, as a share of its length, over which the error is averaged."""
_DRIFT_STEPS = {"smoke": 8000, "standard": 32_000, "full": 32_000}
_SEEN = 40
"""Moments at which the drifting weights are seen."""
_THEORY_EVERY, _FIRST = 4, 5
_OWN = "this project"


class _Extent(NamedTuple):
    """Networks, and the lengths of runs in steps."""

    networks: int
    lengths: tuple[int, ...]


_EXTENTS = {
    "smoke": _Extent(8, (1000, 8000)),
    "standard": _Extent(8, (4000, 8000, 16_000, 40_000)),
    "full": _Extent(12, (4000, 8000, 16_000, 32_000, 64_000)),
}


@unswept
def figure_run_length(size: str, key: Array) -> Reproduction:
    """The crudest rule's sweet spot against the length of the run, and a hidden code that drifts while the error stays.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 8, 8 or 12 networks, up to 8000, 40 000 or 64 000 steps.
        key: random key.

    Source: this project, beyond the paper.
    """
    key_circuits, key_lengths, key_drift = jax.random.split(key, 3)
    extent = _EXTENTS[size]
    circuits = NONLINEAR.circuits("mixed", extent.networks, key_circuits)
    lengths, drift = _lengths(circuits, extent.lengths, key_lengths), _drift(circuits, _DRIFT_STEPS[size], key_drift)
    figure = curve_panels(_panels(lengths, drift), "Far from the solution: run length and drift (12-20-10 circuit)", 2)
    return Reproduction(lengths.merge(drift), figure, (*_length_claims(lengths), *_drift_claims(drift)))


def _lengths(circuits: list[StudentTeacher], lengths: tuple[int, ...], key: Array) -> xr.Dataset:
    """Errors over that of a constant output, over (length, ratio, replica), from one run that is read at several lengths."""
    key_run, key_theory = jax.random.split(key)
    rule = pd.rules.noisy_gradient(pd.axis("ratio", _RATIOS) * _SIZE, _CRUDE) + pd.fluctuations.white(_SIZE)
    record = [pd.observe("loss", every=20)]
    run = pd.simulate(circuits, rule, steps=lengths[-1], key=key_run, record=record, progress=False)
    parts = [run.loss.sel(step=slice(int(_WINDOW * end), end)).mean("step") for end in lengths]
    simulated = cast(xr.DataArray, xr.concat(parts, xr.DataArray(list(lengths), dims="length", name="length")))
    steps = np.array(lengths)[:, None] * (1 + _WINDOW) / 2
    expected = [free_hidden_loss(c, _RATIOS * _SIZE, _SIZE, _CRUDE, steps, key_theory) for c in circuits]
    free = xr.DataArray(np.array(expected), dims=("replica", "length", "ratio"))
    trivial = xr.DataArray([trivial_loss(c) for c in circuits], dims="replica")
    data = xr.Dataset({"error": simulated / trivial, "free_error": free / trivial}).transpose("length", "ratio", "replica")
    for name, losses in (("optimum", data.error), ("free_optimum", data.free_error)):
        spot = pd.measure.sweet_spot(losses)
        data[name], data[f"{name}_error"] = spot.ratio, spot.standard_error
    return data


def _drift(circuits: list[StudentTeacher], steps: int, key: Array) -> xr.Dataset:
    """Cosine of hidden weights with those at the solution, their distance, and the error, over (moment, replica)."""
    key_run, key_theory = jax.random.split(key)
    rule = pd.rules.noisy_gradient(_SIZE, _LESS_CRUDE) + pd.fluctuations.white(_SIZE)
    every = steps // _SEEN
    record = [pd.observe("loss", every=10), pd.observe("weights", every=every)]
    run = pd.simulate(circuits, rule, steps=steps, key=key_run, record=record, progress=False)
    starts = np.array([np.ravel(c.teacher.kernels[0]) for c in circuits], float)
    hidden = run.weights_recorded.transpose("step_weights", "replica", "weight").values[:, :, : starts.shape[1]].astype(float)
    seen = run.step_weights.values > 0
    moments, hidden = run.step_weights.values[seen], hidden[seen]
    norms = np.linalg.norm(starts, axis=1)
    step = _SIZE * np.sqrt((1 + 1 / (1 + _LESS_CRUDE**2)) / NONLINEAR.weights)
    expected_cosine = theory.diffusion_cosine(norms, starts.shape[1], step, moments[:, None])
    free = step**2 * starts.shape[1] * moments[:, None]
    some = moments[::_THEORY_EVERY]
    expected = [free_hidden_loss(c, _SIZE, _SIZE, _LESS_CRUDE, some, key_theory) / trivial_loss(c) for c in circuits]
    means = run.loss.groupby_bins("step", [0, *moments]).mean().transpose(..., "replica").values
    dims = ("moment", "replica")
    return xr.Dataset(
        {
            "cosine": (dims, _cosine(hidden, starts)),
            "free_cosine": (dims, expected_cosine),
            # The part of the way that both have in common is the first one's.
            "later_cosine": (dims, _cosine(hidden, hidden[-1])),
            "free_later_cosine": (dims, expected_cosine[-1] / expected_cosine),
            "distance_over_free": (dims, np.sum((hidden - starts) ** 2, axis=-1) / free),
            "free_drifting_error": (("replica", "some_moment"), np.array(expected)),
            "drifting_error": (dims, means / [trivial_loss(c) for c in circuits]),
        },
        coords={"moment": moments, "some_moment": some},
    )


def _cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.sum(first * second, axis=-1) / (np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1))


def _panels(lengths: xr.Dataset, drift: xr.Dataset) -> list[Panel]:
    ratio, over = r"$|\Delta c|\,/\,|\Delta\epsilon|$", r"$F\,/\,\mathrm{var}(y^*)$"
    curves = []
    for end, colour in zip(lengths.length.values[[0, -1]], (style.SIMULATION, style.FAR), strict=True):
        own = lengths.sel(length=end)
        mean, error = _mean(own.error)
        curves.append(Curve(f"{end} steps, simulated", own.ratio, mean, error, {"color": colour, "fmt": "o"}))
        curves.append(Curve(f"{end} steps, theory", own.ratio, own.free_error.mean("replica"), look={"color": colour}))
    simulated = {"color": style.SIMULATION, "fmt": "o"}
    spots = [
        Curve("simulated ± s.e.", lengths.length, lengths.optimum, lengths.optimum_error, simulated),
        Curve("free hidden layer, theory", lengths.length, lengths.free_optimum, look={"color": style.THEORY}),
    ]
    cosine, error = _mean(drift.cosine)
    code = [
        Curve("simulated ± s.e.", drift.moment, cosine, error, {"color": style.SIMULATION, "fmt": "o"}),
        Curve("free diffusion, theory", drift.moment, drift.free_cosine.mean("replica"), look={"color": style.THEORY}),
    ]
    error, spread = _mean(drift.drifting_error)
    flat = {"color": "0.35", "ls": "--", "lw": 1}
    errors = [
        Curve("simulated ± s.e.", drift.moment, error, spread, simulated),
        Curve(
            "free hidden layer, theory",
            drift.some_moment,
            drift.free_drifting_error.mean("replica"),
            look={"color": style.THEORY},
        ),
        Curve("constant output", drift.moment, np.ones(drift.sizes["moment"]), look=flat),
    ]
    return [
        Panel("precision 1/50: longer runs want more plasticity", ratio, over, curves, scales=("log", "log")),
        Panel("precision 1/50: sweet spot", "steps", f"best {ratio}", spots, scales=("log", "linear")),
        Panel("precision 1/20: the hidden code drifts ...", "steps", r"$\cos(W_1, W_1^*)$", code),
        Panel("... while the error stays", "steps", over, errors),
    ]


def _mean(each: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean over networks and its standard error."""
    return each.mean("replica"), each.std("replica", ddof=1) / each.sizes["replica"] ** 0.5


def _known(each: xr.DataArray) -> tuple[float, float]:
    """Of one number a network: mean and standard error by Student's law."""
    mean, error = _mean(each)
    return float(mean), widened(error, each.sizes["replica"])


def _tilt(error: xr.DataArray) -> xr.DataArray:
    """``ln F(0.4) / F(1.3)``: a curve that leans to more plasticity has a larger one."""
    return cast(xr.DataArray, np.log(error.sel(ratio=0.4, drop=True) / error.sel(ratio=1.3, drop=True)))


def _length_claims(data: xr.Dataset) -> list[Claim]:
    source = Source(NAME, "beyond3")
    off = cast(xr.DataArray, np.log(data.error / data.free_error))
    mean, error = _mean(off)
    known = widened(1.0, off.sizes["replica"]) * error
    at = np.unravel_index(int((abs(mean) - 3 * known).values.argmax()), mean.shape)
    farthest = float(mean.values[at]), float(known.values[at])
    simulated, expected = (_tilt(each.isel(length=-1)) - _tilt(each.isel(length=0)) for each in (data.error, data.free_error))
    ends = f"from {data.length.values[0]} to {data.length.values[-1]} steps"
    claims = [
        source.equal("precision 1/50: ln of the error over theory, where farthest from 0", _OWN, 0.0, 0.3, *farthest),
        source.at_least(f"the sweet spot rises {ends}: change of ln F(0.4) / F(1.3)", _OWN, 0.0, 0.0, *_known(simulated)),
        source.equal(f"the same change, less the theory's: {ends}", _OWN, 0.0, 0.3, *_known(simulated - expected)),
    ]
    for end in data.length.values:
        own = data.sel(length=end)
        error = widened(float(own.optimum_error), data.sizes["replica"])
        name = f"sweet spot after {end} steps, against theory"
        claims.append(source.equal(name, _OWN, float(own.free_optimum), 0.15, float(own.optimum), error))
    return claims


def _drift_claims(data: xr.Dataset) -> list[Claim]:
    source = Source(NAME, "beyond3")
    steps = int(data.moment[-1])
    late = data.sel(moment=slice(steps / 4, None))
    early, end = (late.drifting_error.isel(moment=part).mean("moment") for part in (slice(None, 10), slice(-10, None)))
    change = cast(xr.DataArray, np.log(end / early))
    first = data.sel(moment=steps / 4, method="nearest")
    # Later both are small, and chance overlaps of a few hundred weights hide the difference.
    off = (data.cosine - data.free_cosine).isel(moment=slice(None, _FIRST)).mean("moment")
    return [
        source.equal(
            f"hidden weights diffuse: ln of their squared distance over n s^2 T after {steps} steps",
            _OWN,
            0.0,
            0.25,
            *_known(cast(xr.DataArray, np.log(data.distance_over_free.isel(moment=-1)))),
        ),
        source.equal(
            "cosine with the solution's hidden weights, less the closed form's, first moments", _OWN, 0.0, 0.1, *_known(off)
        ),
        source.equal(
            f"cosine between hidden weights after {steps // 4} and {steps} steps, less the closed form's",
            _OWN,
            0.0,
            0.15,
            *_known(first.later_cosine - first.free_later_cosine),
        ),
        source.at_most(f"that cosine, after {steps // 4} and {steps} steps", _OWN, 0.75, 0.0, *_known(first.later_cosine)),
        source.equal("while the error stays: ln of its change in the same time", _OWN, 0.0, 0.3, *_known(change)),
    ]
