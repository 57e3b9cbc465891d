"""The circuits of the paper and what is asked of them in every figure."""

from collections.abc import Sequence
from typing import cast

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.circuits import AbstractCircuit, Integrator, perturbations
from plastodyn.rules import Moment, Rule

Circuits = AbstractCircuit | Sequence[AbstractCircuit]

DT = 0.02
"""Time step of the tracking circuits, in units of one over the early learning rate."""

ETA_FAST, ETA_SLOW = 0.12, 0.006
"""Learning rates of the integrator, per second: the choice of the specification, which satisfies the captions."""
EIGENVALUE = 1.15
NEURONS = 20
SACCADE_EVERY = 2.0
INTEGRATOR_DT = 0.04
"""Seconds."""


def sites(moment: Moment) -> Array:
    """The weight of each site."""
    return moment.weights


def two_stage(alpha: float | xr.DataArray) -> Rule:
    """Early and late stage, ``dw1 = x (e + xi)``, ``dw2 = alpha x (w1 x)``."""
    return pd.rules.staged(pd.rules.early(), pd.rules.late(), alpha)


def track(
    circuits: Circuits, rule: Rule, duration: float, key: Array, every: int = 5, replicas: int | None = None, dt: float = DT
) -> xr.DataArray:
    """Weights of the sites in time: (axes..., replica, time, site)."""
    run = pd.simulate(
        circuits,
        rule,
        duration=duration,
        dt=dt,
        solver=pd.solvers.rk4,
        key=key,
        record=[pd.observe(sites, every=every, name="sites")],
        replicas=replicas,
        progress=False,
    )
    return run.sites.rename(sites_0="site") if "sites_0" in run.sites.dims else run.sites


def feedback(moment: Moment) -> Array:
    """Strength of the loop through the cerebellum."""
    return cast(Integrator, moment.circuit).feedback(moment.weights)


def eigenvalue(moment: Moment) -> Array:
    """Leading eigenvalue of the integrator's recurrent weights."""
    return cast(Integrator, moment.circuit).leading_eigenvalue(moment.weights)


def eye(moment: Moment) -> Array:
    """Eye position."""
    return cast(Integrator, moment.circuit).eye(moment.activity)


def consolidate(
    circuits: Circuits, eta_early: float, eta_late: float, seconds: float, key: Array, every: int = 25
) -> xr.Dataset:
    """Integrators that learn at both sites: feedback, leading eigenvalue and eye position in time."""
    record = [pd.observe(what, every=every) for what in (feedback, eigenvalue, eye)]
    rule = pd.rules.staged(pd.rules.early(eta_early), pd.rules.late(eta_early), eta_late / eta_early)
    run = pd.simulate(circuits, rule, duration=seconds, dt=INTEGRATOR_DT, solver=pd.solvers.rk4, key=key, record=record)
    run.time.attrs = {"units": "s"}
    return run


def late_slope(time: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Slope of ``log |values|`` in time, least squares along the last axis."""
    level = np.log(np.maximum(np.abs(values), 1e-300))
    centred = time - time.mean()
    return (level * centred).sum(-1) / (centred**2).sum()


def double(weights: Sequence[float], perturbation: perturbations.Perturbation | None = None) -> pd.circuits.Tracking:
    """A tracking circuit in double precision."""
    return pd.circuits.tracking(jnp.asarray(weights, "float64"), perturbation=perturbation, dtype="float64")
