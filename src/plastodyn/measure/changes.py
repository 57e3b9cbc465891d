"""The changes that a rule makes at given weights, and what equation 9 supposes of fluctuations among them."""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn import tree
from plastodyn.fluctuations.coloured import OrnsteinUhlenbeck
from plastodyn.fluctuations.systematic import Drift
from plastodyn.measure import estimate
from plastodyn.measure.estimate import Estimate
from plastodyn.protocol import AbstractCircuit, Rule, Wrapped, rule_change
from plastodyn.runtime.convolutions import compiled
from plastodyn.tree import Weights
from plastodyn.types import Key

_SIGNIFICANT = 5.0
_CORRELATED = 0.1
_DOWNHILL = 0.5
_DRAWS = 32
_ADVICE = {
    False: "",
    True: ": it undoes itself, as fast fluctuations about a set point do, and no theory here holds for it; simulate it",
}


class Premises(NamedTuple):
    """What equation 9 takes to be 0, each with its standard error over draws, as arrays over the states measured."""

    correlation: Array
    """``E[de_t' de_(t+1)] / E|de|^2``: of the changes in two steps after another."""
    correlation_error: Array
    slope: Array
    """``E[de' gradF] / E[de' H de / 2]``: what fluctuations do to the error at first order, over what they do at second."""
    slope_error: Array


def two_changes(circuit: AbstractCircuit, weights: Weights, rule: Rule, key: Key) -> tuple[Weights, Weights]:
    """What a rule changes in two steps after another, the second where the first has led.

    Args:
        circuit: what learns; its inputs are drawn anew for each of the steps.
        weights: where.
        rule: how; its state is that of a start here, and moves on from step to step.
        key: random key.

    Returns:
        Two changes, each of the structure of the weights.

    >>> import plastodyn as pd
    >>> circuit = pd.Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(3))
    >>> first, second = two_changes(circuit, jnp.ones(3), pd.fluctuations.drift(0.1), jax.random.key(0))
    >>> bool(jnp.allclose(first, second))  # a constant direction
    True
    """
    key_init, *steps = jax.random.split(key, 3)
    dt = jnp.ones((), jnp.result_type(*jax.tree.leaves(weights)))
    moment = circuit.start.replace(weights=weights)
    state, changes = rule.init(moment, key_init), []
    for step in steps:
        key_draw, key_inputs = jax.random.split(step)
        here = moment.replace(circuit=circuit.sample(key_inputs))
        change, state = rule_change(rule, here, state, rule.draw(weights, key_draw), dt)
        moment = moment.at(tree.add(moment.weights, change))
        changes.append(change)
    return changes[0], changes[1]


def premises(squares: Array, products: Array, forms: Array, slopes: Array) -> Premises:
    """From draws of ``|de|^2``, ``de_t' de_(t+1)``, ``de' H de`` and ``de' gradF``, each of shape (draws,).

    >>> ones = jnp.ones(4)
    >>> float(premises(ones, ones, ones, 0 * ones).correlation)
    1.0
    """
    correlation: Estimate = estimate.ratio_of_means(products, squares)
    slope: Estimate = estimate.ratio_of_means(slopes, forms / 2)
    return Premises(correlation.value, correlation.standard_error, slope.value, slope.standard_error)


def require_equation_9(found: Premises) -> None:
    """Refuse fluctuations that are not what equation 9 supposes; all states are judged together.

    Raises:
        ValueError: if changes in two steps after another are correlated, or go up or down the error on average.
    """
    correlation, correlation_error = _pooled(found.correlation, found.correlation_error)
    if abs(correlation) > max(_CORRELATED, _SIGNIFICANT * correlation_error):
        raise ValueError(
            "fluctuation must be independent from step to step for equation 9; its changes in two steps after another "
            f"correlate by {correlation:.2g}{_ADVICE[correlation < 0] or ': measure.stationary_ratio has the theory for them'}"
        )
    slope, slope_error = _pooled(found.slope, found.slope_error)
    if abs(slope) > max(_DOWNHILL, _SIGNIFICANT * slope_error):
        raise ValueError(
            "fluctuation must not know the task for equation 9, E[de' gradF] = 0; at these weights it changes the error by "
            f"{slope:.2g} times as much at first order as at second"
        )


def require_correlation_time(circuit: AbstractCircuit, weights: Weights, rule: Rule, time: float, key: Key) -> None:
    """Refuse a correlation time that does not fit what a fluctuation does: ``E[de_t' de_(t+1)] / E|de|^2 = exp(-1 / time)``.

    Args:
        circuit: what learns.
        weights: where.
        rule: the fluctuation.
        time: in steps; 0 for white ones, infinite for a constant direction.
        key: random key.

    Raises:
        ValueError: if measured changes correlate by more or less.
    """

    def one(own: Key) -> tuple[Array, Array]:
        first, second = two_changes(circuit, weights, rule, own)
        return tree.dot(first, second), tree.dot(first, first)

    products, squares = compiled(partial(jax.lax.map, one))(jax.random.split(key, _DRAWS))
    found = estimate.ratio_of_means(products, squares)
    correlation, error = float(found.value), float(found.standard_error)
    expected = math.exp(-1 / time) if time > 0 else 0.0
    if abs(correlation - expected) > max(_CORRELATED, _SIGNIFICANT * error):
        raise ValueError(
            f"correlation_time must be that of fluctuation: {time:g} gives a correlation of {expected:.2g} from step to step, "
            f"and its changes correlate by {correlation:.2g}{_ADVICE[correlation < 0]}"
        )


def memory_time(rule: Rule) -> float:
    """The correlation time of a fluctuation of this library, in steps: 0 of those that are drawn anew at every step.

    >>> import plastodyn as pd
    >>> memory_time(2.0 * pd.fluctuations.drift(0.1)), memory_time(pd.fluctuations.white(0.1))
    (inf, 0.0)
    """
    if isinstance(rule, Wrapped):
        return memory_time(rule.rule)
    if isinstance(rule, OrnsteinUhlenbeck):
        return float(rule.correlation_time)
    return float(rule.turning_time) if isinstance(rule, Drift) else 0.0


def _pooled(values: Array, errors: Array) -> tuple[float, float]:
    """Mean over the states that have a value, and its standard error."""
    each, error = np.ravel(np.asarray(values, float)), np.ravel(np.asarray(errors, float))
    known = np.isfinite(each) & np.isfinite(error)
    if not known.any():
        return 0.0, 0.0
    return float(each[known].mean()), float(np.sqrt(np.sum(error[known] ** 2)) / known.sum())
