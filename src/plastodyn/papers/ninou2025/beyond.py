"""Beyond the paper: other circuits at the boundary, and synaptic fluctuations next to it."""

from itertools import product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.circuits import StudentTeacher
from plastodyn.figures import Curve, Marks, Panel, curve_panels
from plastodyn.papers.claims import Source
from plastodyn.papers.ninou2025.catalogue import NAME
from plastodyn.papers.ninou2025.setups import RATE, curl_descent, inputs, linear_networks
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import curl

_COMPRESSIONS = (0.25, 0.4, 0.6)
_RANK = 1e-9
"""Curvatures below this share of the largest count as zero."""
_GROWING = 1e-9
"""Growth rate, over the largest decay rate, above which a solution counts as unstable."""


class _Kind(NamedTuple):
    """A circuit other than the theory's: activation of the hidden layer and number of outputs."""

    label: str
    hidden: str
    outputs: int


_KINDS = (
    _Kind("linear, 1 output", "linear", 1),
    _Kind("linear, 2 outputs", "linear", 2),
    _Kind("tanh hidden layer, 1 output", "tanh", 1),
    _Kind("relu hidden layer, 1 output", "relu", 1),
)


class _Extent(NamedTuple):
    units: int
    fractions: int
    seeds: int


_EXTENTS = {"smoke": _Extent(44, 11, 2), "standard": _Extent(66, 21, 4), "full": _Extent(88, 41, 10)}


@unswept
def figure_other_circuits(size: str, key: Array) -> Reproduction:
    """Does the linear theory's boundary hold for two outputs and for nonlinear hidden layers?

    At the teacher's weights the Jacobian of the flipped rule is formed for each circuit; the share of circuits with an
    unstable direction, and its growth rate, are shown against the flipped fraction of inputs, the linear theory's
    boundary dashed.

    Args:
        size: ``smoke``, ``standard`` or ``full``: circuits of 44, 66 or 88 inputs and hidden units together.
        key: random key.

    Source: this project.
    """
    extent = _EXTENTS[size]
    fractions = np.linspace(0, 1, extent.fractions)
    growth = np.zeros((len(_KINDS), len(_COMPRESSIONS), extent.fractions, extent.seeds))
    with jax.enable_x64(True):
        for (i, kind), (j, c), seed in product(enumerate(_KINDS), enumerate(_COMPRESSIONS), range(extent.seeds)):
            circuit = _at_teacher(kind, c, extent.units, jax.random.fold_in(key, seed))
            growth[i, j, :, seed] = _growth(circuit, fractions)
    data = xr.Dataset(
        {"growth": (("kind", "compression", "fraction", "seed"), growth, {"units": "1 / time", "long_name": "growth rate"})},
        coords={"kind": [k.label for k in _KINDS], "compression": list(_COMPRESSIONS), "fraction": fractions},
    )
    data["unstable_share"] = (data.growth > _GROWING).mean("seed").assign_attrs(units="1")
    # All those that are stable below count, so that the fraction is located between grid points.
    data["critical_fraction"] = (1 - data.unstable_share).mean("fraction").assign_attrs(units="1")
    data["critical_fraction_theory"] = ("compression", curl.critical_fraction(np.array(_COMPRESSIONS), layer="hidden"))
    panels = [
        Panel(
            f"c = {c:g}", r"flipped fraction of inputs $\alpha_h$", label,
            [Curve(kind, fractions, values.sel(kind=kind, compression=c), look={"marker": "o", "ms": 3})
             for kind in data.kind.values],
            [Marks("boundary, linear theory", [float(curl.critical_fraction(c, layer="hidden"))])],
        )
        for label, values in (
            ("share of circuits that are unstable", data.unstable_share),
            ("growth rate / largest decay rate", data.growth.mean("seed")),
        )
        for c in _COMPRESSIONS
    ]  # fmt: skip
    source = Source(NAME, "beyond1")
    spacing = 1 / (extent.fractions - 1)
    one, two = (data.critical_fraction.isel(kind=i) for i in (0, 1))
    claims = [
        # Finite size moves the boundary outwards, never inwards.
        source.at_least("linear, 1 output: critical fraction minus the theory's, mean over c", "this project", 0.0, spacing,
                        (one - data.critical_fraction_theory).mean()),
        # Two circuits of some 30 inputs each, whose edges scatter by N^(-2/3) = 0.1.
        source.equal("2 outputs minus 1 output: critical fraction, mean over c", "this project", 0.0, 0.1, (two - one).mean()),
        # Where the weights are identifiable H has full rank, and by Sylvester's law -D H has a growing direction for every
        # flipped weight: only the linear circuit's degeneracy protects its solutions.
        *(source.at_most(f"{kind}: critical fraction, mean over c", "this project", 0.0, spacing,
                         data.critical_fraction.sel(kind=kind).mean()) for kind in data.kind.values[2:]),
    ]  # fmt: skip
    return Reproduction(data, curve_panels(panels, "Beyond the paper: the boundary in other circuits", 3), tuple(claims))


def _at_teacher(kind: _Kind, c: float, units: int, key: Array) -> StudentTeacher:
    sizes = [max(2, int(units / (1 + 1 / c))), max(2, int(units / (1 + c))), kind.outputs]
    key_weights, key_inputs = jax.random.split(key)
    dtype = jnp.dtype("float64")
    teacher = pd.circuits.fan_in_uniform(key_weights, sizes, dtype)
    return pd.circuits.student_teacher(
        sizes,
        key=key,
        hidden=kind.hidden,
        inputs=inputs(key_inputs, sizes[0], 2000, dtype),
        normalisation=pd.circuits.half_squared_error,
        teacher=teacher,
        student=teacher,
        dtype="float64",
    )


def _growth(circuit: StudentTeacher, fractions: np.ndarray) -> np.ndarray:
    """The largest growth rate at the solution for each flipped fraction, over the largest decay rate without flips.

    At zero error H is positive semidefinite, and the field's Jacobian ``-D H`` has the nonzero eigenvalues of the
    symmetric ``-R' D R``, ``H = R R'``, whose size is the rank of H.
    """
    field = pd.measure.rule_field(circuit, pd.rules.gradient(1.0))
    hessian = -np.asarray(pd.measure.dense_jacobian(field, circuit.weights), float)
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
    kept = values > _RANK * values[-1]
    root = vectors[:, kept] * np.sqrt(values[kept])
    found = []
    for fraction in fractions:
        signs = pd.rules.presynaptic(float(fraction)).signs(circuit.weights)
        pairs = zip(*map(jax.tree.leaves, (signs, circuit.weights)), strict=True)
        diagonal = np.concatenate([np.broadcast_to(sign, weight.shape).ravel() for sign, weight in pairs])
        found.append(-np.linalg.eigvalsh(root.T @ (diagonal[:, None] * root))[0] / values[-1])
    return np.array(found)


_RATES = (1e-3, 3e-3)
_COMPRESSION = 0.4
_NOISE_EXTENTS: dict[str, tuple[int, int, int]] = {"smoke": (4, 2, 4000), "standard": (7, 4, 12_000), "full": (13, 8, 60_000)}


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
    points, seeds, epochs = _NOISE_EXTENTS[size]
    critical = float(curl.critical_fraction(_COMPRESSION, layer="hidden"))
    fractions = np.linspace(0, 2 * critical, points)
    with jax.enable_x64(True):
        networks = linear_networks(_COMPRESSION, seeds, "teacher", key)
        rule = curl_descent(pd.axis("fraction", fractions), "hidden")
        noise = pd.fluctuations.white(pd.axis("fluctuation", _RATES))
        record = [pd.observe("loss", every=25, start=-(epochs // 2))]
        run = pd.simulate(networks, rule + noise, steps=epochs, key=key, record=record)
        theory = np.mean([[_stationary(n, f, _RATES) for f in fractions] for n in networks], axis=0)
    loss = run.loss.mean("step")
    data = xr.Dataset(
        {
            "loss": loss.mean("replica").assign_attrs(units="squared output"),
            "loss_error": loss.std("replica", ddof=1) / seeds**0.5,
            "stationary_loss": (("fraction", "fluctuation"), theory, {"units": "squared output"}),
        },
        attrs={**run.attrs, "critical_fraction": critical},
    )
    curves = []
    for colour, size_of in zip(("#1b6ca8", "#d1495b"), _RATES, strict=True):
        own = data.sel(fluctuation=size_of)
        curves += [
            Curve(f"simulation, |de| = {size_of:g}", fractions, own.loss, own.loss_error, {"color": colour, "fmt": "o"}),
            Curve(f"stationary theory, |de| = {size_of:g}", fractions, own.stationary_loss, look={"color": colour}),
        ]
    panel = Panel("c = 0.4", r"flipped fraction of inputs $\alpha_h$", "stationary training error (squared output)", curves,
                  [Marks("boundary without fluctuations, theory", [critical])], ("linear", "log"))  # fmt: skip
    return Reproduction(
        data, curve_panels([panel], "Beyond the paper: fluctuations near the boundary"), tuple(_noise_claims(data))
    )


def _stationary(network: Any, fraction: float, rates: tuple[float, ...]) -> np.ndarray:
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


def _noise_claims(data: xr.Dataset) -> list:
    source = Source(NAME, "beyond2")
    critical = data.attrs["critical_fraction"]
    below = data.sel(fraction=data.fraction[data.fraction < 0.8 * critical])
    ratio = (below.loss / below.stationary_loss).mean()
    small = data.sel(fluctuation=_RATES[0]).loss
    rise = small.sel(fraction=2 * critical, method="nearest") / small.isel(fraction=0)
    return [
        # The slowest directions decorrelate in some hundred epochs: a record of the smallest size has tens of such times.
        source.equal("below the boundary: simulated over stationary error", "this project", 1.0, 0.15, ratio),
        source.at_least("error beyond the boundary over that without flips, |de| = 0.001", "this project", 100.0, 0.0, rise),
    ]
