"""The user's question in one call: how much plasticity should counteract fluctuations of a given kind and size?"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array
from jaxtyping import Float

from plastodyn import checks, tree
from plastodyn.fluctuations import white
from plastodyn.measure import estimate
from plastodyn.measure.changes import premises, require_equation_9, two_changes
from plastodyn.measure.curvature import hessian_product
from plastodyn.measure.operator import Operator
from plastodyn.measure.spectrum import ends
from plastodyn.protocol import AbstractCircuit, Rule, check_joined
from plastodyn.rules import gradient
from plastodyn.runtime.pieces import each
from plastodyn.runtime.progress import Bar
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
    fluctuations (``run.weights``), or ask `stationary_ratio`.

    It also supposes fluctuations that are independent from step to step and know nothing of the task. Both are measured here,
    and fluctuations that are not so are refused: Ornstein-Uhlenbeck noise and a steady drift, for which `stationary_ratio` has
    the theory, and those that undo themselves within a few steps, such as fast `mean_reverting` ones.

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
        ValueError: if an argument is out of range, a rule reads a signal the circuit lacks, or the fluctuations are correlated
            from step to step or go along the gradient.

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
    found = _measured(circuit, flat, rule, fluctuation, key, samples, min(depth, flat.shape[1]))
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


def _measured(
    circuit: AbstractCircuit, states: Array, rule: Rule, fluctuation: Rule, key: Key, samples: int, depth: int
) -> tuple[Array, ...]:
    """The fields of the answer, each of shape (states,)."""
    keys = jax.vmap(lambda own: jax.random.split(own, 3))(jax.random.split(key, len(states)))
    with Bar("plasticity ratio", len(states) * (2 * samples + depth + 1)) as bar:
        losses, gradients = each(_loss_and_gradient, circuit, states, bar)
        known = (circuit, states, gradients)
        of_rule = _draws((*known, rule), keys[:, 0], samples, bar)
        of_fluctuation = _draws((*known, fluctuation), keys[:, 1], samples, bar)
        low, high = _extremes(circuit, states, keys[:, 2], depth, bar)
    forms, squares, products, slopes = of_fluctuation
    require_equation_9(jax.vmap(premises)(squares, products, forms, slopes))
    q_dc, e_dc = _ratio(*of_rule[:2])
    q_de, e_de = _ratio(forms, squares)
    ratio = jnp.sqrt(q_de / q_dc)
    error = 0.5 * ratio * jnp.sqrt((e_de / q_de) ** 2 + (e_dc / q_dc) ** 2)
    return ratio, error, q_de, e_de, q_dc, e_dc, low, high, losses


def _loss_and_gradient(circuit: AbstractCircuit) -> Callable[[Array], tuple[Array, Array]]:
    def at(state: Array) -> tuple[Array, Array]:
        loss, slope = jax.value_and_grad(circuit.loss_at)(tree.unravel(circuit.weights, state))
        return loss, tree.ravel(slope)

    return at


def _draws(system: tuple[AbstractCircuit, Array, Array, Rule], keys: Array, samples: int, bar: Bar) -> tuple[Array, ...]:
    """What `_draw` gives, for every state and sample: each of shape (states, samples)."""
    states = len(keys)
    own = jax.vmap(lambda key: jax.random.split(key, samples))(keys).reshape(states * samples)
    found = each(_draw, system, (jnp.repeat(jnp.arange(states), samples), own), bar)
    return tuple(values.reshape(states, samples) for values in found)


def _draw(system: tuple[AbstractCircuit, Array, Array, Rule]) -> Callable[[tuple[Array, Key]], tuple[Array, ...]]:
    """``v'Hv``, ``|v|^2``, ``v'v+`` and ``v'gradF`` for the rule's change v in one step at a state, and the next one v+."""
    circuit, states, gradients, rule = system

    def draw(item: tuple[Array, Key]) -> tuple[Array, ...]:
        index, key = item
        weights = tree.unravel(circuit.weights, states[index])
        change, following = two_changes(circuit, weights, rule, key)
        return (
            tree.dot(change, hessian_product(circuit.loss_at, weights)(change)),
            tree.dot(change, change),
            tree.dot(change, following),
            tree.dot(change, tree.unravel(circuit.weights, gradients[index])),
        )

    return draw


def _ratio(numerators: Array, denominators: Array) -> tuple[Array, Array]:
    """The ratio of means over samples of every state, and its standard error."""
    found = jax.vmap(estimate.ratio_of_means)(numerators, denominators)
    return found.value, found.standard_error


def _extremes(circuit: AbstractCircuit, states: Array, keys: Array, depth: int, bar: Bar) -> tuple[Array, Array]:
    """The smallest and largest curvature found at every state; NaN if none is asked for."""
    if not depth:
        return jnp.full(len(states), jnp.nan), jnp.full(len(states), jnp.nan)
    found = []
    for state, key in zip(states, keys, strict=True):
        weights = tree.unravel(circuit.weights, state)
        found.append(ends(Operator(hessian_product(circuit.loss_at, weights), weights), key, depth, bar))
    low, high = zip(*found, strict=True)
    return jnp.stack(low), jnp.stack(high)
