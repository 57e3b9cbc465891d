"""Beyond the paper: synaptic fluctuations next to the boundary."""

from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.circuits import LinearStudentTeacher
from plastodyn.figures import Curve, Marks, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source, widened
from plastodyn.papers.ninou2025.catalogue import NAME
from plastodyn.papers.ninou2025.setups import RATE, curl_descent, linear_networks
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import curl

_RATES = (1e-3, 3e-3)
"""|de| per epoch."""
_COMPRESSION = 0.4
_FARTHEST = 3
"""Times the critical fraction: at twice it, one of ten circuits of 62 inputs was still stable."""
_COLOURS = (style.SIMULATION, style.THEORY)


class _Extent(NamedTuple):
    fractions: int
    seeds: int
    epochs: int


_EXTENTS = {"smoke": _Extent(5, 2, 4000), "standard": _Extent(7, 4, 12_000), "full": _Extent(13, 8, 60_000)}


@unswept
def figure_fluctuations(size: str, key: Array) -> Reproduction:
    """Curl descent with synaptic fluctuations, next to the boundary: c = 0.4, from no flips to beyond the critical fraction.

    The stationary error of the linearised flow, ``E' = -eta E C J + noise``, solves a Lyapunov equation; it grows without
    bound where the left edge reaches 0. Simulation and theory stand on the same axes.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 4000, 12 000 or 60 000 epochs.
        key: random key.

    Source: this project; fluctuations of Raman and O'Leary (2021) on the circuit of Ninou et al. (2025).
    """
    extent = _EXTENTS[size]
    critical = float(curl.critical_fraction(_COMPRESSION, layer="hidden"))
    data = _errors(np.linspace(0, _FARTHEST * critical, extent.fractions), extent, key).assign_attrs(critical_fraction=critical)
    figure = curve_panels([_panel(data, critical)], "Beyond the paper: fluctuations near the boundary")
    return Reproduction(data, figure, tuple(_claims(data, critical)))


def _errors(fractions: np.ndarray, extent: _Extent, key: Array) -> xr.Dataset:
    """The stationary error against the flipped fraction, simulated and in theory."""
    with jax.enable_x64(True):
        networks = linear_networks(_COMPRESSION, extent.seeds, "teacher", key)
        rule = curl_descent(pd.axis("fraction", fractions), "hidden")
        noise = pd.fluctuations.white(pd.axis("fluctuation", _RATES))
        record = [pd.observe("loss", every=25, start=-(extent.epochs // 2))]
        run = pd.simulate(networks, rule + noise, steps=extent.epochs, key=key, record=record)
        theory = np.array([[_stationary(network, f, _RATES) for f in fractions] for network in networks])
    loss, units = run.loss.mean("step"), {"units": "squared output"}
    over = loss / xr.DataArray(theory, dims=("replica", "fraction", "fluctuation"))
    columns = {
        "loss": loss.mean("replica").assign_attrs(units),
        "loss_error": loss.std("replica", ddof=1) / extent.seeds**0.5,
        "stationary_loss": (("fraction", "fluctuation"), theory.mean(axis=0), units),
        "loss_over_theory": over.assign_attrs(units="1"),
    }
    return xr.Dataset(columns, attrs=run.attrs)


def _panel(data: xr.Dataset, critical: float) -> Panel:
    curves = []
    for colour, rate in zip(_COLOURS, _RATES, strict=True):
        own, look = data.sel(fluctuation=rate), {"color": colour}
        curves += [
            Curve(f"simulation, |de| = {rate:g}", own.fraction, own.loss, own.loss_error, {**look, "fmt": "o"}),
            Curve(f"stationary theory, |de| = {rate:g}", own.fraction, own.stationary_loss, look=look),
        ]
    marks = [Marks("boundary without fluctuations, theory", [critical])]
    fraction, error = r"flipped fraction of inputs $\alpha_h$", "stationary training error (squared output)"
    return Panel("c = 0.4", fraction, error, curves, marks, ("linear", "log"))


def _stationary(network: LinearStudentTeacher, fraction: float, rates: tuple[float, ...]) -> np.ndarray:
    """Stationary error of the linearised step at the teacher, for each |de|; NaN where a direction grows."""
    w1, w2 = (np.asarray(kernel, float) for kernel in network.teacher.kernels)
    covariance = np.asarray(network.covariance, float)
    signs = np.where(np.arange(w1.shape[1]) < round(fraction * w1.shape[1]), -1.0, 1.0)
    weights = w1.size + w2.size
    gram = w1.T @ w1
    # One step: e' = e (1 - eta C J) + noise, with J = W1'W1 + |w2|^2 D1 and noise covariance |de|^2 / n (W1'W1 + |w2|^2).
    square = float(np.sum(w2**2))
    step = np.eye(len(gram)) - RATE * (gram + square * np.diag(signs)) @ covariance
    rates_of, vectors = np.linalg.eig(step)
    if np.abs(rates_of).max() >= 1:
        return np.full(len(rates), np.nan)
    inverse = np.linalg.inv(vectors)
    driven = inverse @ (gram + square * np.eye(len(gram))) @ inverse.conj().T / weights
    spread = vectors @ (driven / (1 - np.outer(rates_of, rates_of.conj()))) @ vectors.conj().T
    return 0.5 * float(np.trace(covariance @ spread.real)) * np.square(rates)


def _claims(data: xr.Dataset, critical: float) -> list[Claim]:
    source = Source(NAME, "beyond2")
    below = data.sel(fraction=data.fraction[data.fraction < 0.8 * critical])
    ratio = below.loss_over_theory.mean(["fraction", "fluctuation"])
    error = widened(ratio.std("replica", ddof=1) / ratio.size**0.5, ratio.size)
    small = data.sel(fluctuation=_RATES[0]).loss
    rise = small.isel(fraction=-1) / small.isel(fraction=0)
    return [
        # The slowest directions decorrelate in some hundred epochs: a record of the smallest size has tens of such times.
        source.equal(
            "below the boundary: simulated over stationary error, same networks", "this project", 1.0, 0.1, ratio.mean(), error
        ),
        source.at_least("error beyond the boundary over that without flips, |de| = 0.001", "this project", 100.0, 0.0, rise),
    ]
