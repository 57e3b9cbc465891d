"""Beyond the paper: synaptic fluctuations at both sites, and the speed of consolidation that suits them."""

import jax
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.alemi2024.catalogue import NAME
from plastodyn.papers.alemi2024.setups import DT, track, two_stage
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import consolidation

_SPEEDS = np.geomspace(0.02, 2.0, 9)
_EARLY, _LATE = 0.05, (0.005, 0.0125, 0.025)
"""Fluctuations of the early site, and of the late one."""
_REPLICAS = {"smoke": 32, "standard": 128, "full": 1024}
_DURATION = 300.0
_FROM = 100.0
"""Time after which errors count as stationary."""
_PANELS = ("with both sites", "early site inactivated")
_COLOURS = (style.GREEDY, style.CONTRAST, style.THEORY)


@unswept
def figure_fluctuations(size: str, key: Array) -> Reproduction:
    """Stationary errors under synaptic fluctuations against consolidation speed: is there a best one?

    Args:
        size: ``smoke``, ``standard`` or ``full``: 32, 128 or 1024 replicas.
        key: random key.

    Source: this project; fluctuations as in Raman and O'Leary (2021).
    """
    runs = [_errors(late, _REPLICAS[size], jax.random.fold_in(key, index)) for index, late in enumerate(_LATE)]
    each = xr.concat(runs, xr.Variable("late", list(_LATE)))
    mean, spread = each.mean("replica"), each.std("replica", ddof=1) / each.sizes["replica"] ** 0.5
    data = xr.Dataset({"mean": mean, "standard_error": spread})
    panels = [_panel(data, index) for index in range(len(_PANELS))]
    figure = curve_panels(panels, "Beyond the paper: a best speed of consolidation", 2)
    return Reproduction(data, figure, tuple(_claims(data)))


def _errors(late: float, replicas: int, key: Array) -> xr.DataArray:
    """Mean squared errors in time, of the circuit and without its early site, over (error, alpha, replica)."""
    rule = two_stage(pd.axis("alpha", _SPEEDS)) + _on_site(0, _EARLY) + _on_site(1, late)
    weights = track(pd.circuits.tracking([0.0, 1.0]), rule, _DURATION, key, 20, replicas)
    settled = weights.where(weights.time > _FROM, drop=True)
    errors = ((1 - settled.sum("site")) ** 2).mean("time"), ((1 - settled.isel(site=1)) ** 2).mean("time")
    return xr.concat(errors, xr.Variable("error", ["circuit", "late site alone"]))


def _on_site(site: int, rate: float) -> pd.rules.Rule:
    return pd.fluctuations.confined(pd.fluctuations.wiener(rate), np.eye(2, dtype=np.float32)[site])


def _panel(data: xr.Dataset, index: int) -> Panel:
    fine = np.geomspace(0.015, 2.5, 200)
    curves = []
    for late, colour in zip(_LATE, _COLOURS, strict=True):
        own = data.sel(late=late, error=data.error.values[index])
        theory = consolidation.stationary_error(fine, _EARLY, late)[index]
        label = rf"theory, $\sigma_2 / \sigma_1$ = {late / _EARLY:g}"
        curves += [
            Curve(label, fine, theory, look={"color": colour}),
            Curve("_", _SPEEDS, own["mean"], own.standard_error, look={"color": colour, "fmt": "o"}),
        ]
    speed, error = r"consolidation speed $\alpha$", "squared error (squared weight)"
    return Panel(_PANELS[index], speed, error, curves, scales=("log", "log"))


def _claims(data: xr.Dataset) -> list[Claim]:
    source = Source(NAME, "beyond2")
    theory = np.stack([consolidation.stationary_error(_SPEEDS, _EARLY, late) for late in _LATE])
    found = data["mean"].transpose("late", "error", "alpha").values
    error = data.standard_error.transpose("late", "error", "alpha").values
    # A step of length dt adds a bias of order dt to a stationary variance.
    off = (np.maximum(np.abs(found - theory) - 2 * DT * theory, 0) / error).max()
    claims = [source.at_most("errors against theory: standard errors, after 2 dt of bias", "Lyapunov equation", 4.0, 0.0, off)]
    for index, late in enumerate(_LATE):
        best, uncertain = _lowest(_SPEEDS, found[index, 1], error[index, 1])
        name = f"best speed for the late site, late over early fluctuations {late / _EARLY:g}: log10"
        claims.append(source.equal(name, "sigma2 / sigma1", np.log10(late / _EARLY), 4 * uncertain, best))
    # Neighbours among the slowest speeds differ by less than their standard errors.
    middle, relative = len(_SPEEDS) // 2, error[:, 0] / found[:, 0] / np.log(10)
    for index, late in enumerate(_LATE):
        rise = np.log10(found[index, 0, middle] / found[index, 0, 0])
        name = f"with both sites at work slower is better: rise of log10 error with speed, fluctuations {late / _EARLY:g}"
        uncertain = np.hypot(relative[index, middle], relative[index, 0])
        claims.append(source.at_least(name, "no best speed", 0.0, 0.0, rise, uncertain))
    return claims


def _lowest(alpha: np.ndarray, values: np.ndarray, error: np.ndarray) -> tuple[float, float]:
    """Log10 of where ``a alpha + b + c / alpha`` is lowest, and its standard error, by weighted least squares."""
    terms = np.stack([alpha, np.ones_like(alpha), 1 / alpha], axis=1) / error[:, None]
    a, _, c = np.linalg.lstsq(terms, values / error, rcond=None)[0]
    slope = np.array([-1 / a, 0, 1 / c]) / (2 * np.log(10))
    return float(np.log10(c / a) / 2), float(np.sqrt(slope @ np.linalg.inv(terms.T @ terms) @ slope))
