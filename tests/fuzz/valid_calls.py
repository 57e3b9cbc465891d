"""A valid call of every public function, and what is valid for each of its arguments. A new function adds one row."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from kinds import (
    Kind,
    circuit,
    count,
    either,
    flag,
    floats,
    function,
    key,
    like,
    nothing,
    numbers,
    one_number,
    one_of,
    optional,
    parameter,
    rule,
    seed,
)

import plastodyn as pd
from plastodyn import certify, circuits, fluctuations, measure, rules, simulation, sweeps
from plastodyn.circuits import perturbations
from plastodyn.solvers import Solver
from plastodyn.sweeps.example import noisy_bowl
from plastodyn.theory import chains, consolidation, curl, ratio

LEFT_OUT = object()
"""Stands for an argument that the valid call leaves out."""
FRESH = object()
"""Stands for the path of a store that is not there yet."""


class Argument(NamedTuple):
    """A valid value, and what else is valid."""

    value: Any
    kind: Kind


def left(kind):
    """An argument that the valid call leaves out."""
    return Argument(LEFT_OUT, kind)


def bowl(w):
    """A loss with known curvatures; at the top level, so that it is compiled once."""
    return 0.5 * jnp.sum(jnp.array([1.0, 3.0]) * w**2)


def decay(w):
    """A field."""
    return -w


def whirl(z):
    """A field that a certificate exists for."""
    return jnp.stack([z[1] - z[0], -z[0] - z[1]])


def constant(moment):
    """A gate or observable."""
    return 0.5 + 0 * moment.time


def done(moment):
    """A condition."""
    return moment.time > 1


def batch_loss(w, x):
    """A loss on a minibatch."""
    return jnp.mean((x @ w) ** 2)


WEIGHTS, SIGNS, KEY = jnp.ones(2), jnp.array([1.0, -1.0]), jax.random.key(0)
BOWL = pd.Circuit(bowl, WEIGHTS)
LAYERED = circuits.student_teacher([3, 4, 2], hidden="linear", inputs=20, key=KEY, displacement=0.3)
LINEAR = circuits.through_covariance(LAYERED)
GRADIENT = rules.gradient(0.1)
OPERATOR = measure.operator(decay, WEIGHTS)
SERIES = np.random.default_rng(0).normal(size=(6, 2))
RUN = pd.simulate(BOWL, GRADIENT, steps=3, key=KEY, progress=False)
DATA = jnp.ones((5, 2))
STORE = Path("store.zarr")

positive, not_negative, share = parameter(above=0), parameter(at_least=0), numbers(at_least=0, at_most=1)
any_positive, any_not_negative = numbers(above=0), numbers(at_least=0)
pair = like((2,))
dtype = one_of("float32", "float64")
any_dtype = lambda value: False  # noqa: E731 - none of the bad values names a type


def _plain(value):
    try:
        found = np.asarray(value)
        return found if found.dtype.kind in "iuf" and found.size else np.zeros(1)
    except Exception:
        return np.zeros(1)


def _distinct(value):
    found = _plain(list(value) if isinstance(value, range) else value)
    single = isinstance(value, dict | set | str | bytes)
    return not single and found.ndim == 1 and found.size == len(np.unique(found)) and _plain(value).size == np.size(value)


def _rate(**bounds):
    return {"rate": Argument(0.1, parameter(at_least=0) if not bounds else parameter(**bounds))}


def signs_of_neurons(value):
    """A fraction, an axis of them, or a vector of signs."""
    found = _plain(value)
    vector = found.ndim == 1 and np.isin(found, (-1, 1)).all() and not isinstance(value, dict)
    return parameter(at_least=0, at_most=1)(value) or vector


def mask(value):
    """Arrays of 0 and 1, truth values among them."""
    leaves = [_plain(np.asarray(leaf) * 1) for leaf in jax.tree.leaves(value)]
    found = np.concatenate([np.ravel(leaf) for leaf in leaves])
    return np.isin(found, (0, 1)).all() and found.any()


def pytree_of_signs(value):
    """Arrays of -1 and 1."""
    leaves = jax.tree.leaves(value)
    return bool(leaves) and all(np.isin(_plain(leaf), (-1, 1)).all() for leaf in leaves)


def name_of_file(value):
    """Any text is the name of a store, made by another case maybe."""
    return isinstance(value, str | Path) and str(value) != ""


layer = {"layer": Argument("hidden", one_of("hidden", "readout"))}
alpha = {"alpha": Argument(0.5, any_positive)}
mu = {"mu": Argument(0.5, numbers(at_least=0, at_most=1 - 1e-16))}
wrapped = Argument(GRADIENT, rule)
loss = Argument(bowl, function)
field = Argument(decay, function)
weights = Argument(WEIGHTS, floats)
a_key = Argument(KEY, key)
no_key = left(optional(key))
a_circuit = Argument(BOWL, circuit)
rate_of_flow = {"rate": Argument(0.1, positive)}
lanczos = {"key": a_key, "depth": left(count(1)), "probes": left(count(1))}
widths = Argument([3, 2], lambda value: isinstance(value, np.ndarray) and value.tolist() == [1, 2])
draws = {"key": a_key, "widths": widths, "dtype": Argument(jnp.dtype("float32"), any_dtype)}
spectrum_of_theory = {
    "eigenvalues": Argument([1.0, 2.0], any_not_negative),
    "fluctuation": Argument(0.3, any_not_negative),
    "precision": Argument(5.0, numbers(above=0, infinite=True)),
    "multiplicities": left(optional(any_not_negative)),
}
neurons = {"neurons": Argument(0.5, signs_of_neurons), "layer": left(count())}
rational = either(one_number(above=0), lambda value: value == "0.1")
rational_below_one = either(one_number(at_least=0, at_most=1 - 1e-16), lambda value: value == "0.1")
question = {
    "field": Argument(whirl, function),
    "box": Argument([[-1, 1], [-1, 1]], nothing),
    "equilibrium": left(optional(numbers(shape=lambda shape: shape == (2,)))),
    "candidate": left(optional(nothing)),
    "time": left(one_of("continuous", "discrete")),
    "boxes": left(count(1, 10**6)),
}

CALLS: dict[Any, dict[str, Argument]] = {
    rules.averaged: {"gate": Argument(constant, function), "averaging_time": Argument(3.0, positive)},
    rules.bcm: {**_rate(), "threshold_time": Argument(3.0, positive)},
    rules.beeline: _rate(),
    rules.constrained: {"rule": wrapped, "keep": Argument("norm", one_of("norm", "sign"))},
    rules.direct_feedback_alignment: _rate(),
    rules.early: _rate(),
    rules.exact_norm: {"rule": wrapped, "magnitude": Argument(0.1, not_negative)},
    rules.feedback_alignment: _rate(),
    rules.flipped: {"rule": wrapped, "signs": Argument(SIGNS, pytree_of_signs)},
    rules.gated: {"rule": wrapped, "gate": Argument(0.5, either(parameter(), function))},
    rules.gradient: _rate(),
    rules.hebbian: _rate(above=-np.inf),
    rules.keep_or_oppose: _rate(),
    rules.late: {**_rate(), "slowing": Argument(0.5, not_negative)},
    rules.newton: {**_rate(), "damping": Argument(0.1, not_negative), "iterations": Argument(5, count(1))},
    rules.node_perturbation: {**_rate(), "scale": Argument(0.1, positive)},
    rules.noisy: {"direction": wrapped, **_rate(), "precision": Argument(3.0, parameter(above=0, infinite=True))},
    rules.noisy_gradient: {**_rate(), "precision": Argument(3.0, parameter(above=0, infinite=True))},
    rules.oja: _rate(),
    rules.postsynaptic: neurons,
    rules.presynaptic: neurons,
    rules.staged: {"first": wrapped, "later": wrapped, "ratio": Argument(0.5, not_negative)},
    rules.weight_perturbation: {**_rate(), "scale": Argument(0.1, positive)},
    fluctuations.confined: {"rule": wrapped, "mask": Argument(WEIGHTS, mask)},
    fluctuations.drift: {**_rate(), "turning_time": Argument(5.0, parameter(above=0, infinite=True))},
    fluctuations.homeostatic_scaling: _rate(),
    fluctuations.log_normal: {
        "median": Argument(0.3, positive),
        "spread": Argument(0.3, not_negative),
        "correlation_time": Argument(5.0, positive),
    },
    fluctuations.ornstein_uhlenbeck: {**_rate(), "correlation_time": Argument(5.0, positive)},
    fluctuations.sparing: {"rule": wrapped, "directions": Argument(jnp.eye(2)[:1], like((2, 2)))},
    fluctuations.white: _rate(),
    fluctuations.wiener: _rate(),
    circuits.Circuit: {"loss": loss, "weights": weights},
    circuits.event: {
        "action": Argument(constant, callable),
        "every": Argument(2.0, optional(one_number(above=0))),
        "times": left(optional(numbers(above=0, shape=lambda shape: len(shape) == 1))),
    },
    circuits.fan_in_normal: {**draws, "scale": left(one_number(above=0))},
    circuits.fan_in_uniform: {**draws, "scale": left(one_number(above=0))},
    circuits.gaussian_inputs: {
        "key": a_key,
        "features": Argument(3, count(1)),
        "samples": Argument(4, count(1)),
        "dtype": Argument(jnp.dtype("float32"), any_dtype),
    },
    circuits.mixed_inputs: {
        "key": a_key,
        "features": Argument(3, count(1)),
        "samples": Argument(4, count(1)),
        "dtype": Argument(jnp.dtype("float32"), any_dtype),
    },
    circuits.glorot_uniform: draws,
    circuits.half_squared_error: {"error": Argument(jnp.ones((2, 3)), numbers(shape=lambda shape: len(shape) == 2))},
    circuits.mean_squared_error: {"error": Argument(jnp.ones((2, 3)), numbers(shape=lambda shape: len(shape) == 2))},
    circuits.input_covariance: {"inputs": Argument(jnp.ones((2, 3)), numbers(shape=lambda shape: len(shape) == 2))},
    circuits.integrator: {
        "neurons": Argument(3, count(1)),
        "key": a_key,
        "eigenvalue": left(one_number()),
        "cerebellum": left(parameter()),
        "interval": left(one_number(above=0)),
        "time_constant": left(one_number(above=0)),
        "perturbation": left(optional(nothing)),
        "dtype": left(dtype),
    },
    circuits.matched: {"circuit": Argument(LAYERED, nothing)},
    circuits.minibatches: {
        "loss": Argument(batch_loss, function),
        "weights": weights,
        "data": Argument(DATA, either(numbers(), lambda value: _plain(value * 1).any())),
        "size": Argument(2, optional(count(1))),
    },
    circuits.pattern_layer: {
        "patterns": Argument(np.eye(3), numbers(shape=lambda shape: len(shape) == 2)),
        "outputs": left(count(1)),
        "key": a_key,
        "samples": left(count(1)),
        "activation": left(one_of("linear", "relu", "tanh", "sigmoid")),
        "scale": left(one_number(above=0)),
        "dtype": left(dtype),
    },
    circuits.principal_axes: {"circuits": Argument([LINEAR], lambda value: value in ([], ()))},
    circuits.reachable: {"circuit": Argument(LINEAR, nothing)},
    circuits.reachable_by_sign: {"circuit": Argument(LINEAR, nothing), "signs": Argument([1, -1, 1, 1], nothing)},
    circuits.resampled: {"circuit": Argument(LAYERED, nothing), "samples": left(optional(count(1)))},
    circuits.student_teacher: {
        **{"widths": widths},
        "key": a_key,
        "hidden": left(either(one_of("sigmoid", "tanh", "relu", "linear"), lambda value: value in ([], (), {}, set()))),
        "output": left(one_of("sigmoid", "tanh", "relu", "linear")),
        "inputs": Argument(20, count(1)),
        "input_law": left(function),
        "normalisation": left(function),
        "displacement": left(one_number()),
        "teacher": left(optional(nothing)),
        "student": left(optional(nothing)),
        "biases": left(flag),
        "plastic_biases": left(flag),
        "dtype": left(dtype),
    },
    circuits.through_covariance: {
        "circuit": Argument(LAYERED, nothing),
        "covariance": left(optional(nothing)),
        "test_covariance": left(optional(nothing)),
    },
    circuits.tracking: {
        "weights": left(numbers(shape=lambda shape: len(shape) == 1)),
        "target": left(parameter()),
        "perturbation": left(optional(nothing)),
        "drive": left(function),
        "dtype": left(dtype),
    },
    perturbations.noise: {"bound": Argument(0.1, not_negative), "hold": Argument(0.5, positive), "key": a_key},
    perturbations.signal_dependent: {"bound": Argument(0.1, not_negative), "hold": Argument(0.5, positive), "key": a_key},
    perturbations.sinusoid: {"amplitude": Argument(0.1, parameter()), "frequency": Argument(0.5, not_negative)},
    perturbations.worst_case: {"bound": Argument(0.5, not_negative)},
    pd.solvers.adaptive: {
        "method": left(optional(nothing)),
        "relative_tolerance": left(one_number(above=0)),
        "absolute_tolerance": left(one_number(above=0)),
    },
    simulation.axis: {
        "name": Argument("ratio", lambda value: value == "abc"),
        "values": Argument([0.1, 0.2], _distinct),
    },
    simulation.observe: {
        "what": Argument("loss", function),
        "every": left(count(1)),
        "start": left(count(-(2**31))),
        "stop": left(optional(count())),
        "name": left(optional(lambda value: value == "abc")),
    },
    simulation.simulate: {
        "circuit": a_circuit,
        "rule": wrapped,
        "key": a_key,
        "steps": Argument(3, count(1, 2**31 - 4)),
        "duration": left(optional(nothing)),
        "dt": left(optional(nothing)),
        "solver": left(lambda value: isinstance(value, Solver)),
        "replicas": left(optional(count(1))),
        "record": left(optional(lambda value: isinstance(value, list | tuple | range) and len(value) == 0)),
        "until": left(optional(function)),
        "weights": left(optional(pair)),
        "start": left(optional(nothing)),
        "chunk": left(optional(count(1))),
        "progress": left(flag),
    },
    simulation.weights_of: {
        "run": Argument(RUN, nothing),
        "circuit": a_circuit,
        "selection": left(lambda value: value == {}),
    },
    sweeps.sweep: {
        "experiment": Argument(noisy_bowl, nothing),
        "axes": Argument({"rate": [0.1], "noise": [0.0]}, nothing),
        "store": Argument(FRESH, name_of_file),
        "seed": Argument(0, seed),
        "parameters": Argument(
            {"steps": 2, "replicas": 1}, lambda value: value is None or (isinstance(value, Mapping) and not value)
        ),
        "chunk": left(lambda value: value is None or (isinstance(value, Mapping) and not value)),
        "workers": Argument(1, optional(count(1))),
        "executor": left(optional(nothing)),
        "progress": left(flag),
    },
    sweeps.verify: {"store": Argument(STORE, name_of_file)},
    sweeps.one_core: {},
    sweeps.LocalWorkers: {"count": Argument(1, count(1))},
    certify.consolidation: {"alpha": Argument(0.5, rational), "mu": Argument("0.4", rational_below_one)},
    certify.linear_inclusion: {
        "vertices": Argument([[[-1.0]]], nothing),
        "candidate": left(optional(like((1, 1)))),
        "time": left(one_of("continuous", "discrete")),
    },
    certify.smooth_field: {**question, "level": left(optional(rational))},
    certify.region_of_attraction: question,
    certify.Certificate.from_json: {"text": Argument(certify.linear_inclusion([[[-1.0]]]).to_json(), nothing)},
    consolidation.damping_ratio: alpha,
    consolidation.gain: {**alpha, "u": Argument(0.5, any_not_negative)},
    consolidation.peak_frequency: alpha,
    consolidation.guaranteed_alpha: {"mu": Argument(0.5, share)},
    consolidation.quadratic_bound: alpha,
    consolidation.exact_bound: alpha,
    consolidation.worst_growth: {**alpha, **mu},
    consolidation.half_turn: {**alpha, **mu},
    consolidation.quarters: {**alpha, **mu},
    consolidation.stationary_error: {
        **alpha,
        "early": Argument(1.0, any_not_negative),
        "late": Argument(1.0, any_not_negative),
    },
    consolidation.optimal_alpha: {"early": Argument(1.0, any_positive), "late": Argument(1.0, any_not_negative)},
    chains.chain_matrix: {
        "ratios": Argument([0.5], numbers(above=0, shape=lambda shape: len(shape) < 2)),
        "delta": left(one_number()),
    },
    chains.chain_ratios: {
        "alpha": Argument(0.5, one_number(above=0)),
        "stages": Argument(3, count(2)),
        "slowing": left(one_of("equal", "geometric")),
    },
    chains.critical_alpha: {"stages": Argument(3, count(2)), "slowing": left(one_of("equal", "geometric"))},
    curl.critical_compression: {"alpha": Argument(0.2, share), **layer},
    curl.critical_fraction: {"c": Argument(0.2, any_positive), **layer},
    curl.finite_size_edge: {
        "c": Argument(0.2, any_positive),
        "alpha": Argument(0.2, share),
        "inputs": Argument(100, numbers(at_least=1)),
        **layer,
    },
    curl.hidden_end_points: {},
    curl.phase_diagram: {
        "c_values": Argument([0.2], numbers(above=0, shape=lambda shape: len(shape) == 1)),
        "alpha_values": Argument([0.2], numbers(at_least=0, at_most=1, shape=lambda shape: len(shape) == 1)),
        **layer,
    },
    curl.spectral_atoms: {"c": Argument(0.2, any_positive), "alpha": Argument(0.2, share), **layer},
    curl.spectral_density: {
        "c": Argument(0.2, any_positive),
        "alpha": Argument(0.2, share),
        **layer,
        "eigenvalues": Argument([0.5], numbers()),
    },
    curl.spectral_edge: {"c": Argument(0.2, any_positive), "alpha": Argument(0.2, share), **layer},
    curl.toy_conserved: {"weights": Argument([1.0, 2.0], numbers(shape=lambda shape: shape[-1:] == (2,)))},
    curl.toy_growth_rate: {"weights": Argument([1.0, 2.0], numbers(shape=lambda shape: shape[-1:] == (2,)))},
    curl.toy_origin_eigenvalues: {"target": Argument(1.0, numbers())},
    curl.toy_velocity: {
        "weights": Argument([1.0, 2.0], numbers(shape=lambda shape: shape[-1:] == (2,))),
        "target": Argument(1.0, numbers()),
    },
    ratio.optimal_magnitude: {
        "gradient_norm": Argument(1.0, any_not_negative),
        "cosine": Argument(-0.5, numbers(at_least=-1, at_most=0)),
        "curvature": Argument(1.0, any_positive),
    },
    ratio.steady_state: {"q_fluctuation": Argument(1.0, any_not_negative), "q_plasticity": Argument(1.0, any_positive)},
    ratio.learning: {
        "q_fluctuation": Argument(1.0, any_not_negative),
        "q_plasticity": Argument(1.0, any_positive),
        "fluctuation": Argument(1.0, any_not_negative),
        "error_change": Argument(-1.0, numbers(at_most=0)),
    },
    ratio.isotropic: {"hessian_trace": Argument(1.0, numbers()), "weights": Argument(3, numbers(at_least=1))},
    ratio.quadratic: {"eigenvalues": Argument([1.0, 3.0], numbers()), "projections": Argument([1.0, 1.0], numbers())},
    ratio.noisy: {
        "q_ideal": Argument(1.0, numbers()),
        "ideal": Argument(1.0, any_not_negative),
        "q_noise": Argument(1.0, numbers()),
        "noise": Argument(1.0, any_not_negative),
    },
    ratio.stationary_loss: {**spectrum_of_theory, "plasticity": Argument(0.3, any_positive)},
    ratio.stationary_curvature: {**spectrum_of_theory, "plasticity": Argument(0.3, any_positive)},
    ratio.stationary_optimum: spectrum_of_theory,
    ratio.greedy_optimum: spectrum_of_theory,
    measure.autocorrelation: {
        "series": Argument(SERIES, numbers(shape=lambda s: len(s) > 1)),
        "lags": left(optional(count(0, 5))),
    },
    measure.principal_components: {"series": Argument(SERIES, numbers(shape=lambda s: len(s) > 1)), "count": left(count(1, 2))},
    measure.order_parameter: {"series": Argument(SERIES, numbers(shape=lambda s: len(s) > 1))},
    measure.curl: {"field": field, "weights": weights, "key": no_key, "probes": left(count(2))},
    measure.descent_angle: {"field": field, "loss": loss, "weights": weights},
    measure.curvature: {"loss": loss, "weights": weights, "direction": Argument(SIGNS, pair)},
    measure.dense_jacobian: {"field": field, "weights": weights},
    measure.extreme_eigenvalues: {"loss": loss, "weights": weights, "key": a_key, "depth": left(count(1))},
    measure.extremes: {"operator": Argument(OPERATOR, nothing), "key": a_key, "depth": left(count(1))},
    measure.flow_map: {"field": field, "dt": Argument(0.1, one_number(above=0))},
    measure.hessian_eigenvalues: {"loss": loss, "weights": weights},
    measure.hessian_operator: {"loss": loss, "weights": weights},
    measure.hessian_product: {"loss": loss, "weights": weights},
    measure.hessian_spectrum: {"loss": loss, "weights": weights, **lanczos},
    measure.hessian_trace: {"loss": loss, "weights": weights, "key": a_key, "samples": left(count(2))},
    measure.hessian_trace_deflated: {"loss": loss, "weights": weights, "key": a_key, "samples": Argument(2, count(2, 2))},
    measure.host_operator: {"product": field, "like": weights},
    measure.jacobian_spectrum: {
        "field": field,
        "weights": weights,
        "count": left(optional(nothing)),
        "key": no_key,
        "tolerance": left(optional(one_number(at_least=0))),
    },
    measure.joint_field: {
        "circuit": Argument(circuits.integrator(2, key=KEY), nothing),
        "rule": Argument(rules.early(0.1), rule),
        "key": no_key,
    },
    measure.leading_directions: {
        "loss": loss,
        "weights": weights,
        "key": a_key,
        "count": Argument(1, count(1, 2)),
        "depth": left(count(1)),
    },
    measure.leading_pairs: {
        "operator": Argument(OPERATOR, nothing),
        "key": a_key,
        "count": Argument(1, count(1, 2)),
        "depth": left(count(1)),
    },
    measure.lyapunov_exponents: {
        "step": field,
        "weights": weights,
        "key": a_key,
        "steps": Argument(20, nothing),
        "warm_up": Argument(2, count()),
        "count": left(count(1, 2)),
        "every": left(count(1)),
        "dt": left(one_number(above=0)),
        "segments": left(count(2)),
    },
    measure.operator: {"product": field, "like": weights},
    measure.plasticity_ratio: {
        "circuit": a_circuit,
        "weights": left(optional(either(floats, numbers(shape=lambda shape: shape[-1:] == (2,))))),
        "key": no_key,
        "rule": left(optional(rule)),
        "fluctuation": left(optional(rule)),
        "samples": left(count(2)),
        "depth": left(count()),
    },
    measure.rule_field: {"circuit": a_circuit, "rule": wrapped, "key": no_key},
    measure.rule_map: {"circuit": a_circuit, "rule": wrapped, "key": no_key},
    measure.sign_stability: {
        "circuit": a_circuit,
        "signs": Argument(SIGNS, either(pytree_of_signs)),
        **rate_of_flow,
        "key": a_key,
        "steps": Argument(100, nothing),
        "keep": left(optional(one_of("norm", "sign"))),
        "seeds": left(count(2)),
        "count": left(optional(count(1))),
        "tolerance": left(optional(one_number(at_least=0))),
    },
    measure.spectrum: {"operator": Argument(OPERATOR, nothing), **lanczos},
    measure.stationary_ratio: {
        "loss": loss,
        "weights": weights,
        **lanczos,
        "precision": left(one_number(above=0, infinite=True)),
    },
    measure.trace: {"operator": Argument(OPERATOR, nothing), "key": a_key, "samples": left(count(2))},
}

ROOMS = (
    pd,
    rules,
    fluctuations,
    circuits,
    perturbations,
    pd.solvers,
    simulation,
    sweeps,
    certify,
    chains,
    consolidation,
    curl,
    ratio,
    measure,
)
"""Where public functions are. Those of `protocol` are for authors of rules and trust what they get; figures and papers draw."""
