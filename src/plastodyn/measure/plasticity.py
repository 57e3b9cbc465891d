"""The user's question in one call: how much plasticity should counteract fluctuations of a given kind and size?"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array
from jaxtyping import Float

from plastodyn import checks, tree
from plastodyn.fluctuations import white
from plastodyn.measure import estimate
from plastodyn.measure.curvature import hessian_product
from plastodyn.measure.estimate import Estimate
from plastodyn.measure.spectrum import extreme_eigenvalues
from plastodyn.protocol import AbstractCircuit, Rule, check_joined, rule_change
from plastodyn.rules import gradient
from plastodyn.tree import Weights
from plastodyn.types import Key

_NEGATIVE_CURVATURE = 1e-3
"""Share of the largest curvature below which a negative one counts as rounding."""


Answers = Float[np.ndarray, " *states"] | xr.DataArray
"""A number for each of the states asked about."""


class PlasticityRatio(NamedTuple):
    """The answer of `plasticity_ratio`; each field is one number, or an array over the states asked about."""

    ratio: Answers
    standard_error: Answers
    curvature_fluctuation: Answers
    curvature_fluctuation_error: Answers
    curvature_plasticity: Answers
    curvature_plasticity_error: Answers
    smallest_curvature: Answers
    largest_curvature: Answers
    loss: Answers

    @property
    def state(self) -> str | np.ndarray:
        """``highly trained`` (H >= 0), ``partially trained`` (tr H > 0) or ``not trained``, as box 2 defines them.

        A negative curvature below a thousandth of the largest counts as rounding.
        """
        low, high = np.asarray(self.smallest_curvature), np.asarray(self.largest_curvature)
        convex = low >= -_NEGATIVE_CURVATURE * np.abs(high)
        names = np.where(np.asarray(self.curvature_fluctuation) > 0, "partially trained", "not trained")
        found = np.where(np.isnan(low), "unknown", np.where(convex, "highly trained", names))
        return found.item() if found.ndim == 0 else found


def plasticity_ratio(
    circuit: AbstractCircuit,
    weights: Weights | xr.DataArray | None = None,
    *,
    key: Key | None = None,
    rule: Rule | None = None,
    fluctuation: Rule | None = None,
    samples: int = 32,
    depth: int = 30,
) -> PlasticityRatio:
    """The ratio of plasticity to fluctuations that equation 9 calls best: ``|dc|* / |de| = sqrt(Q[de] / Q[dc])``.

    Curvatures are means over draws of the actual changes, ``E[v'Hv] / E|v|^2``, by Hessian-vector products. For white
    fluctuations Q[de] estimates ``tr H / N`` (equation 12).

    Equation 9 speaks of the steady state under fluctuations. At weights that noiseless descent has brought to rest, what
    is left of the gradient points along flat directions, and the ratio comes out too large: measure along a run with
    fluctuations (``run.weights``), or ask `theory.ratio.stationary_optimum` with the spectrum of the Hessian.

    Args:
        circuit: any circuit; for your own loss, ``pd.Circuit(loss=..., weights=...)``.
        weights: where to measure: the circuit's own unless given; a pytree, or an array or DataArray whose last
            dimension runs over the raveled weights (``run.weights``), answered for each of its states.
        key: random key; ``jax.random.key(0)`` unless given.
        rule: the plasticity whose direction counts; plain gradient descent unless given.
        fluctuation: the synaptic fluctuations; white unless given.
        samples: draws of each change, at least 2.
        depth: Lanczos steps to tell a highly from a partially trained state; memory is as many vectors. 0 leaves the
            extreme curvatures out (NaN) and the state ``unknown``.

    Returns:
        `PlasticityRatio`: the ratio, its standard error (delta method), both curvatures with theirs, the extreme
        curvatures found and the loss; ``.state`` names the kind of state. The ratio is NaN where a curvature is not
        positive: equation 9 then has no answer.

    Raises:
        ValueError: if an argument is out of range, or a rule reads a signal the circuit lacks.

    Source: Raman and O'Leary (2021), equations 9 and 12, box 2.

    >>> import math
    >>> import plastodyn as pd
    >>> circuit = pd.Circuit(loss=lambda w: jnp.sum(jnp.array([1.0, 1.0, 4.0]) * w**2), weights=jnp.ones(3))
    >>> answer = plasticity_ratio(circuit, key=jax.random.key(0), samples=4000)
    >>> abs(float(answer.ratio) - math.sqrt(4 / (132 / 18))) < 5 * float(answer.standard_error)
    True
    """
    rule = gradient() if rule is None else rule
    fluctuation = white(1.0) if fluctuation is None else fluctuation
    key = jax.random.key(0) if key is None else key
    checks.key("key", key)
    checks.count("samples", samples, at_least=2)
    checks.count("depth", depth, at_least=0)
    checks.instance("circuit", circuit, AbstractCircuit, "a circuit, such as pd.Circuit(loss=..., weights=...)")
    for name, part in (("rule", rule), ("fluctuation", fluctuation)):
        checks.instance(name, part, Rule, "a plastodyn rule, such as pd.rules.gradient(0.1)")
    check_joined(circuit, gradient() + rule + fluctuation)
    rule, fluctuation = _as_arrays(rule), _as_arrays(fluctuation)
    start = circuit.weights if weights is None else weights
    if not isinstance(start, xr.DataArray) and checks.are_alike(start, circuit.weights):
        checks.weights("weights", start)
        flat, leading = tree.ravel(start)[None], ()
    else:
        flat, leading = _states(circuit, start)
    keys = jax.random.split(key, len(flat))
    found = _measure_all(circuit, flat, rule, fluctuation, keys, samples, depth)
    fields = [np.asarray(field, float).reshape(leading) for field in found]
    if isinstance(start, xr.DataArray):
        dims = start.dims[:-1]
        coords = {name: c for name, c in start.coords.items() if set(c.dims) <= set(dims)}
        fields = [xr.DataArray(field, dims=dims, coords=coords) for field in fields]
    return PlasticityRatio(*fields)


def _as_arrays(rule: Rule) -> Rule:
    """Numbers as arrays, so that a rule with other numbers does not compile again."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32) if isinstance(leaf, float | np.floating) else leaf, rule)


def _states(circuit: AbstractCircuit, states: Weights | xr.DataArray) -> tuple[Array, tuple[int, ...]]:
    """Raveled states, shape (states, N), and the shape that they came in."""
    count = tree.size(circuit.weights)
    checks.real("weights", states)
    shape = np.shape(states) if isinstance(states, xr.DataArray | jax.Array | np.ndarray) else ()
    if not shape or shape[-1] != count or 0 in shape:
        raise ValueError(f"weights must be a pytree like circuit.weights, or end in a dimension of {count}; got shape {shape}")
    return jnp.asarray(np.asarray(states).reshape(-1, count), tree.ravel(circuit.weights).dtype), shape[:-1]


@eqx.filter_jit
def _measure_all(
    circuit: AbstractCircuit, states: Array, rule: Rule, fluctuation: Rule, keys: Array, samples: int, depth: int
) -> tuple[Array, ...]:
    def one(state: tuple[Array, Array]) -> tuple[Array, ...]:
        weights = tree.unravel(circuit.weights, state[0])
        return _measure(circuit, weights, rule, fluctuation, state[1], samples, depth)

    return jax.lax.map(one, (states, keys))


def _measure(
    circuit: AbstractCircuit, weights: Weights, rule: Rule, fluctuation: Rule, key: Key, samples: int, depth: int
) -> tuple[Array, ...]:
    key_rule, key_fluctuation, key_lanczos = jax.random.split(key, 3)
    q_dc, e_dc, _ = _mean_curvature(circuit, weights, rule, key_rule, samples)
    q_de, e_de, _ = _mean_curvature(circuit, weights, fluctuation, key_fluctuation, samples)
    ratio = jnp.sqrt(q_de / q_dc)
    error = 0.5 * ratio * jnp.sqrt((e_de / q_de) ** 2 + (e_dc / q_dc) ** 2)
    low = high = jnp.full((), jnp.nan)
    if depth:
        low, high = extreme_eigenvalues(circuit.loss_at, weights, key=key_lanczos, depth=depth)
    return ratio, error, q_de, e_de, q_dc, e_dc, low, high, circuit.loss_at(weights)


def _mean_curvature(circuit: AbstractCircuit, weights: Weights, rule: Rule, key: Key, samples: int) -> Estimate:
    """``E[v'Hv] / E|v|^2`` over changes v that the rule makes in one step, and its standard error."""
    product = hessian_product(circuit.loss_at, weights)
    dtype = jnp.result_type(*jax.tree.leaves(weights))

    def draw(sample_key: Key) -> tuple[Array, Array]:
        key_init, key_step, key_inputs = jax.random.split(sample_key, 3)
        moment = circuit.start.replace(circuit=circuit.sample(key_inputs), weights=weights)
        change, _ = rule_change(rule, moment, rule.init(moment, key_init), rule.draw(weights, key_step), jnp.ones((), dtype))
        return tree.dot(change, product(change)), tree.dot(change, change)

    forms, squares = jax.lax.map(draw, jax.random.split(key, samples))
    return estimate.ratio_of_means(forms, squares)
