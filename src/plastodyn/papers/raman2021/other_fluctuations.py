"""Fluctuations that spare steep directions, are confined to some synapses, grow with size, or keep their direction."""

from collections.abc import Callable
from typing import NamedTuple, cast

import jax
import numpy as np
import xarray as xr
from jax import Array
from jax.flatten_util import ravel_pytree

import plastodyn as pd
from plastodyn.circuits import LinearStudentTeacher
from plastodyn.figures import Curve, Marks, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source, widened
from plastodyn.papers.raman2021.catalogue import NAME
from plastodyn.papers.raman2021.setups import INPUT_LAWS, LINEAR
from plastodyn.papers.raman2021.sweeps import paired
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.rules import Rule
from plastodyn.theory import ratio as theory

_SIZE = 0.002 * LINEAR.weights**0.5
"""|de| per step: a tenth of figure 5's, so that multiplicative changes are small beside the weights. It cancels."""
_PRECISION = 10.0
_MEMORY, _WANDER = 20.0, 1e4
"""Correlation times of the coloured and of the multiplicative fluctuations, in steps."""
_BELOW = np.array([0.2, 0.35, 0.5, 0.65, 0.8, 1.0, 1.3, 1.8, 2.5])
_ABOVE = np.array([0.7, 1.1, 1.2, 1.35, 1.5, 1.8, 2.5])
_TRUSTED = ((0.5, 2.5), (1.15, 1.9))
"""Ratios at which theory and simulation are compared, for independent fluctuations and for those with a memory. Below, flat
directions have not settled in runs of this length, or plasticity and push are so even that the norm's fluctuations count;
above, the steepest direction alone makes up the gradient."""
_NEARER = 0.01
"""In ln of the loss: a theory that is no other than that for white fluctuations is nearer by 0."""
_REPETITIONS = {"smoke": 4, "standard": 6, "full": 16}
_STEPS = {"smoke": 6000, "standard": 12_000, "full": 24_000}
_FINE = np.geomspace(0.15, 2.8, 200)


class _Network(NamedTuple):
    """A circuit, and the eigenvalues and eigenvectors (columns) of its Hessian."""

    circuit: LinearStudentTeacher
    eigenvalues: np.ndarray
    vectors: np.ndarray


class _Kind(NamedTuple):
    """Fluctuations of norm `_SIZE`: the rule, and what the theory is told of them, for one network."""

    label: str
    ratios: np.ndarray
    make: Callable[[_Network], tuple[Rule, dict[str, np.ndarray | float]]]
    law: str = "mixed"
    """Of the inputs. A constant push along a flat direction takes longer than these runs to settle."""


def _white(network: _Network) -> tuple[Rule, dict[str, np.ndarray | float]]:
    del network
    return pd.fluctuations.white(_SIZE), {}


def _on_some(network: _Network) -> tuple[Rule, dict[str, np.ndarray | float]]:
    mask = (np.arange(LINEAR.weights) % LINEAR.widths[0] < LINEAR.widths[0] // 3).astype(np.float32)
    shaped = ravel_pytree(network.circuit.weights)[1](jax.numpy.asarray(mask))
    return pd.fluctuations.confined(pd.fluctuations.white(_SIZE), shaped), {"shares": mask @ network.vectors**2 / mask.sum()}


def _sparing_steep(network: _Network) -> tuple[Rule, dict[str, np.ndarray | float]]:
    half = LINEAR.weights // 2
    steep = jax.numpy.asarray(network.vectors[:, half:].T, jax.numpy.float32)
    shares = np.where(np.arange(LINEAR.weights) < half, 1 / half, 0.0)
    return pd.fluctuations.sparing(pd.fluctuations.white(_SIZE), steep), {"shares": shares}


def _multiplicative(network: _Network) -> tuple[Rule, dict[str, np.ndarray | float]]:
    squares = np.asarray(ravel_pytree(network.circuit.weights)[0], float) ** 2
    spread = _SIZE / np.sqrt(squares.sum() * (1 - np.exp(-2 / _WANDER)))
    rule = pd.fluctuations.log_normal(float(np.median(squares) ** 0.5), float(spread), _WANDER)
    return rule, {"shares": squares @ network.vectors**2 / squares.sum()}


def _coloured(network: _Network) -> tuple[Rule, dict[str, np.ndarray | float]]:
    del network
    return pd.fluctuations.ornstein_uhlenbeck(_SIZE, _MEMORY), {"correlation_time": _MEMORY}


def _systematic(network: _Network) -> tuple[Rule, dict[str, np.ndarray | float]]:
    del network
    return pd.fluctuations.drift(_SIZE), {"correlation_time": np.inf}


WHITE, SPARING, MULTIPLICATIVE = "white", "sparing the steeper half", "multiplicative"
"""Multiplicative ones hardly prefer a direction here: their theory is that of white ones to 0.2 %."""
COLOURED, SYSTEMATIC = "coloured, 20 steps (isotropic inputs)", "constant direction (isotropic inputs)"
_KINDS = (
    _Kind(WHITE, _BELOW, _white),
    _Kind("a third of the synapses", _BELOW, _on_some),
    _Kind(SPARING, _BELOW, _sparing_steep),
    _Kind(MULTIPLICATIVE, _BELOW, _multiplicative),
    _Kind(COLOURED, _ABOVE, _coloured, "isotropic"),
    _Kind(SYSTEMATIC, _ABOVE, _systematic, "isotropic"),
)


@unswept
def figure_other_fluctuations(size: str, key: Array) -> Reproduction:
    """Sweet spots of the linear circuit under six kinds of fluctuations of the same norm, simulated and in stationary theory.

    The paper's discussion expects less plasticity where fluctuations keep to shallow directions; of fluctuations that keep
    their direction (systematic ones, box 1) it says only that they count as fluctuations.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 4, 6 or 16 networks, 6000, 12 000 or 24 000 steps.
        key: random key.

    Source: discussion and box 1 of the paper; the theory is this project's.
    """
    key_circuits, key_run = jax.random.split(key)
    count, steps = _REPETITIONS[size], _STEPS[size]
    networks = {law: [_network(c) for c in LINEAR.circuits(law, count, key_circuits)] for law in INPUT_LAWS}
    found = {kind.label: _swept(kind, networks[kind.law], steps, key_run) for kind in _KINDS}
    panels = [_panel(label, data) for label, data in found.items()]
    figure = curve_panels(panels, "Fluctuations of other kinds, linear circuit, precision 10", 3)
    parts = [data.drop_vars(["losses", "off", "off_white"]).rename(ratio=f"ratio_{i}") for i, data in enumerate(found.values())]
    data = xr.merge([part.rename({n: f"{n}_{i}" for n in part.data_vars}) for i, part in enumerate(parts)])
    return Reproduction(data.assign_attrs(kinds=list(found)), figure, tuple(_claims(found)))


def _network(circuit: pd.circuits.StudentTeacher) -> _Network:
    small = pd.circuits.through_covariance(circuit)
    hessian = -np.asarray(pd.measure.dense_jacobian(pd.measure.rule_field(small, pd.rules.gradient(1.0)), small.weights), float)
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
    return _Network(small, values.clip(0), vectors)


def _swept(kind: _Kind, networks: list[_Network], steps: int, key: Array) -> xr.Dataset:
    """Loss of every network at every ratio, its theory, and where both are lowest."""
    losses, theories, curves, uninformed = [], [], [], []
    for network, own in zip(networks, jax.random.split(key, len(networks)), strict=True):
        fluctuation, known = kind.make(network)
        rule = pd.rules.noisy_gradient(pd.axis("ratio", kind.ratios) * _SIZE, _PRECISION) + fluctuation
        record = [pd.observe("loss", start=steps // 3, every=11)]
        run = pd.simulate(network.circuit, rule, steps=steps, key=own, record=record, progress=False)
        losses.append(run.loss.mean("step").isel(replica=0, drop=True))
        at, fine = (
            theory.stationary_loss(network.eigenvalues, ratios * _SIZE, _SIZE, _PRECISION, **known)
            for ratios in (kind.ratios, _FINE)
        )
        theories.append(xr.DataArray(at, dims="ratio", coords={"ratio": kind.ratios}))
        plain = theory.stationary_loss(network.eigenvalues, kind.ratios * _SIZE, _SIZE, _PRECISION)
        uninformed.append(xr.DataArray(plain, dims="ratio", coords={"ratio": kind.ratios}))
        curves.append(xr.DataArray(fine, dims="fine_ratio", coords={"fine_ratio": _FINE}))
    simulated, expected, curve, white = (_stacked(each) for each in (losses, theories, curves, uninformed))
    spot, predicted = pd.measure.sweet_spot(simulated), _FINE[np.argmin(curve.mean("replica").values)]
    both = {"simulated": spot.ratio, "simulated_error": spot.standard_error, "theory": float(predicted)}
    columns = {**paired("loss", simulated, expected), "curve": curve.mean("replica"), "losses": simulated}
    columns |= {"off": np.log(simulated / expected), "off_white": np.log(simulated / white)}
    return xr.Dataset(columns, attrs={**both, "place": spot.place})


def _stacked(networks: list[xr.DataArray]) -> xr.DataArray:
    return cast(xr.DataArray, xr.concat(networks, "replica"))


def _panel(label: str, data: xr.Dataset) -> Panel:
    finite = data.curve.where(np.isfinite(data.curve) & (data.curve < 30 * float(data.loss.max())))
    curves = [
        Curve("stationary theory", data.fine_ratio, finite, look={"color": style.THEORY}),
        Curve("simulation ± s.e.", data.ratio, data.loss, data.loss_error, {"color": style.SIMULATION, "fmt": "o"}),
    ]
    marks = [Marks("lowest, theory", [data.attrs["theory"]])]
    ratio, loss = r"$|\Delta c|\,/\,|\Delta\epsilon|$", "task error $F$"
    return Panel(label, ratio, loss, curves, marks, ("log", "log"))


def _mean(each: xr.DataArray) -> tuple[float, float]:
    """Mean over networks and its standard error, by Student's law."""
    count = each.sizes["replica"]
    return float(each.mean()), widened(each.std(ddof=1) / count**0.5, count)


def _claims(found: dict[str, xr.Dataset]) -> list[Claim]:
    source = Source(NAME, "beyond1")
    claims = []
    for label, data in found.items():
        low, high = _TRUSTED[label in (COLOURED, SYSTEMATIC)]
        near = data.sel(ratio=slice(low, high))
        farthest = near.off.isel(ratio=int(abs(near.off.mean("replica")).argmax()))
        name = f"{label}: ln of loss over theory, where it is farthest from 0, ratios from {low:g} to {high:g}"
        claims.append(source.equal(name, "this project", 0.0, 0.05, *_mean(farthest)))
        if label in (WHITE, MULTIPLICATIVE):
            continue
        gain = (abs(near.off_white) - abs(near.off)).mean("ratio")
        name = f"{label}: by how much nearer the theory for it is than that for white ones, in ln of the loss"
        claims.append(source.at_least(name, "this project", _NEARER, 0.0, *_mean(gain)))
    white, spared = found[WHITE].attrs, found[SPARING].attrs
    fall = white["simulated"] - spared["simulated"]
    count = found[WHITE].losses.sizes["replica"]
    error = widened(np.hypot(white["simulated_error"], spared["simulated_error"]), 2 * count - 1)
    name = "fluctuations in shallow directions want less plasticity: fall of the sweet spot"
    claims.append(source.at_least(name, "discussion", 0.0, 0.0, fall, error))
    for label in (COLOURED, SYSTEMATIC):
        losses = found[label].losses
        fall = cast(xr.DataArray, np.log10(losses.sel(ratio=0.7) / losses.sel(ratio=1.1)))
        name = f"{label}: plasticity must outweigh the push: log10 of the error at a ratio of 0.7 over that at 1.1"
        claims.append(source.at_least(name, "this project", 0.0, 0.0, *_mean(fall)))
        rise = losses.sel(ratio=2.5) / losses.sel(ratio=1.1) - 1
        rises = f"{label}: rise of the error from a ratio of 1.1 to 2.5"
        claims.append(source.at_least(rises, "this project", 0.0, 0.0, *_mean(rise)))
    return claims
