"""The circuits of the paper, its rule, and what is measured of a run."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array
from numpy.typing import ArrayLike

import plastodyn as pd
from plastodyn.circuits import AbstractCircuit
from plastodyn.papers.claims import widened
from plastodyn.rules import Moment, Rule

STEP = 0.05
"""Length of a step, units of time; by Euler's method, as the captions have it."""
SLOPE, CENTRE = 20.0, 0.5
"""Of the gate."""
RATE = 0.02
"""eps, of plasticity, per unit of time; eta = lambda = 1 but in figure 4."""
LOCKED, DRIFTERS = 5, (5.0, -6.0, 7.0)
"""Of figure 3: how many oscillators lock, and near which frequencies the others drift."""


def gate(signal: str = "coherence") -> Any:
    """The gate of the paper, on the coherence of all unless told otherwise."""
    return pd.rules.coherence_gate(SLOPE, CENTRE, signal)


def plasticity(rate: float = RATE, gain: float = 1.0, gated: bool = True) -> Rule:
    """``dW/dt = eps (G eta cos(theta_i - theta_j) - W)``; the control has G = 1."""
    growth = pd.rules.phase_hebbian(gain)
    return rate * ((pd.rules.gated(growth, gate()) if gated else growth) + pd.rules.decay(1.0))


def drawn(
    law: pd.circuits.frequencies.FrequencyLaw, centres: ArrayLike, coupling: float, count: int, key: Array, **options: Any
) -> list[AbstractCircuit]:
    """Circuits of oscillators with frequencies drawn about these centres, and phases uniform on the circle."""
    circuits = []
    for each in jax.random.split(key, count):
        key_frequencies, key_phases = jax.random.split(each)
        frequencies = law.draw(key_frequencies, np.size(centres)) + jnp.asarray(centres, "float32")
        circuits.append(pd.circuits.kuramoto(frequencies, coupling, key=key_phases, **options))
    return circuits


def five_and_three(count: int, key: Array) -> list[AbstractCircuit]:
    """Circuits of figure 3: five oscillators within 0.2 of frequency 0, which lock, and three near 5, -6 and 7, which drift."""
    return drawn(pd.circuits.frequencies.uniform(0.2), [0.0] * LOCKED + list(DRIFTERS), 3.0, count, key)


def run(circuits: Sequence[AbstractCircuit], rule: Rule, steps: int, key: Array, record: Sequence[Any]) -> xr.Dataset:
    """A run by Euler's method, recorded at every step."""
    return pd.simulate(list(circuits), rule, duration=steps * STEP, dt=STEP, key=key, record=list(record))


def mean_and_error(each: xr.DataArray) -> tuple[float, float]:
    """Mean over replicas and its standard error, by Student's law."""
    count = each.sizes["replica"]
    return float(each.mean()), widened(float(each.std(ddof=1)) / count**0.5, count)


def median_and_error(each: np.ndarray) -> tuple[float, float]:
    """Median over replicas and its standard error: half the distance of the order statistics one standard deviation away."""
    ordered, count = np.sort(each), len(each)
    apart = 0.5 * count**0.5
    low, high = ordered[max(0, int(np.floor(count / 2 - apart)))], ordered[min(count - 1, int(np.ceil(count / 2 + apart)))]
    return float(np.median(each)), widened(0.5 * float(high - low), count)


def share_and_error(holds: np.ndarray) -> tuple[float, float]:
    """Share of replicas and its standard error, that of a share one replica away from 0 and 1."""
    count, share = len(holds), float(np.mean(holds))
    inner = min(max(share, 1 / count), 1 - 1 / count)
    return share, (inner * (1 - inner) / count) ** 0.5


def off_diagonal(weights: np.ndarray, units: int) -> np.ndarray:
    """Weights, shape (replica, units, units), the diagonal as NaN."""
    found = np.asarray(weights, float).reshape(-1, units, units).copy()
    found[:, np.arange(units), np.arange(units)] = np.nan
    return found


def mean_change(moment: Moment) -> Array:
    """Mean |dW| of a step, over the pairs."""
    rule = moment.rule
    assert rule is not None
    velocity = jnp.abs(jnp.asarray(rule.velocity(moment, moment.state)))
    units = moment.activity.shape[0]
    return STEP * velocity.sum() / (units * (units - 1))


def mean_speed(moment: Moment) -> Array:
    """Mean |dtheta/dt| of the oscillators."""
    return jnp.abs(moment.circuit.activity_velocity(moment)).mean()
