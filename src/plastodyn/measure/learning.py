"""How fast a circuit of the user's own can learn, and what it can bear: its landscape measured, and the bounds that follow."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn import checks, tree
from plastodyn.measure import estimate
from plastodyn.measure.curvature import Loss, check_loss
from plastodyn.protocol import AbstractCircuit
from plastodyn.runtime.convolutions import compiled
from plastodyn.theory import bounds
from plastodyn.theory.bounds import Landscape, Plasticity
from plastodyn.tree import Weights
from plastodyn.types import Floats, Key


class MeasuredLandscape(NamedTuple):
    """The numbers that `theory.bounds` needs, their standard errors (0 where exact), and the probes they come from."""

    value: Landscape
    standard_error: Landscape
    samples: int


class LearningBounds(NamedTuple):
    """The answer of `learning_bounds`; rates are per unit of time, differences in sizes of changes as of `Plasticity`."""

    learning_rate: float
    """k over an interval, mean over directions."""
    learning_rate_error: float
    learning_rate_spread: float
    """Standard deviation of k over directions."""
    task_difficulty: float
    task_difficulty_error: float
    largest_difficulty: float
    """Below it the error falls."""
    largest_irrelevant: float
    """gamma2 at which learning stops."""
    largest_noise: float
    """gamma3 at which learning stops."""
    best_interval: float
    """T after which most error is gone."""
    landscape: MeasuredLandscape

    @property
    def learns(self) -> bool:
        """Whether the error falls, on average."""
        return bool(self.learning_rate > 0)


def landscape(loss: Loss, weights: Weights, *, key: Key, samples: int = 32) -> MeasuredLandscape:
    """What `theory.bounds` needs to know of a loss: F, |grad F|, g'Hg, tr H, tr H^2 and |Hg|.

    ``tr H = E v'Hv`` and ``tr H^2 = E |Hv|^2`` over random signs v, one product each; all else is exact.

    Args:
        loss: scalar function of the weights, above 0.
        weights: pytree of finite floating-point arrays, N in all, where the gradient does not vanish.
        key: random key.
        samples: number of probes, at least 2.

    Returns:
        `MeasuredLandscape`: values as a `theory.bounds.Landscape`, and their standard errors as another one.

    Raises:
        ValueError: if the loss is not positive, its gradient vanishes, or an argument is out of range.

    Source: Hutchinson (1990); Raman, Rotondo and O'Leary (2019) for what is needed.

    >>> found = landscape(lambda w: jnp.sum(w**2), jnp.ones(4), key=jax.random.key(0), samples=4)
    >>> [float(number) for number in found.value]
    [4.0, 4.0, 2.0, 8.0, 4.0, 16.0, 2.0]
    """
    check_loss(loss, weights)
    checks.key("key", key)
    checks.count("samples", samples, at_least=2)
    exact, probed = _measured(loss, weights, jax.random.split(key, samples))
    value, slope, curvature, image = (float(number) for number in exact)
    if not value > 0:
        raise ValueError(f"loss must be above 0 at these weights; got {value:g}")
    if not slope > 0:
        raise ValueError("weights must not be where the gradient vanishes: it has no direction there")
    means, errors, _ = estimate.mean(jnp.asarray(probed))
    size = tree.size(weights)
    found = Landscape(value, slope, curvature, float(means[0]), size, float(means[1]), image)
    return MeasuredLandscape(found, Landscape(0.0, 0.0, 0.0, float(errors[0]), 0, float(errors[1]), 0.0), samples)


@compiled
def _measured(loss: Loss, weights: Weights, keys: Array) -> tuple[tuple[Array, ...], Array]:
    """Loss, norm of the gradient, curvature along it and length of its image; ``v'Hv`` and ``|Hv|^2`` of each probe."""
    value = loss(weights)
    gradient, product = jax.linearize(jax.grad(loss), weights)
    slope = tree.norm(gradient)
    along = tree.unit(gradient)
    image = product(along)

    def one(key: Array) -> Array:
        probe = tree.signs_like(key, weights)
        found = product(probe)
        return jnp.stack([tree.dot(probe, found), tree.dot(found, found)])

    return (value, slope, tree.dot(along, image), tree.norm(image)), jax.lax.map(one, keys)


def learning_bounds(
    circuit: AbstractCircuit, plasticity: Plasticity, *, key: Key, weights: Weights | None = None, samples: int = 32
) -> LearningBounds:
    """Can this circuit learn with such plasticity, how fast, and how much worse might it be?

    The formulas of `theory.bounds` at the measured landscape: learning rate k with its standard error and its spread over
    directions, local task difficulty against the largest at which the error falls, the largest task-irrelevant plasticity and
    synaptic noise, and the best interval between two pieces of feedback.

    Args:
        circuit: with the signal ``loss``; for a loss of your own, ``pd.Circuit(loss, weights)``.
        plasticity: gamma1, gamma2, gamma3 and T, as numbers.
        key: random key.
        weights: where to measure; where learning starts, unless given.
        samples: number of probes for traces, at least 2.

    Returns:
        `LearningBounds`.

    Raises:
        ValueError: if the circuit has no loss, the loss is not positive, or an argument is out of range.

    Source: Raman, Rotondo and O'Leary (2019).

    >>> from plastodyn.circuits import Circuit
    >>> bowl = Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(4))
    >>> found = learning_bounds(bowl, Plasticity(0.5, 0.5, 0.1), key=jax.random.key(0))
    >>> round(found.learning_rate, 3), found.learns, round(found.best_interval, 3)
    (0.365, True, 1.96)
    """
    checks.instance("circuit", circuit, AbstractCircuit, "a plastodyn circuit, such as pd.Circuit(loss, weights)")
    if "loss" not in circuit.signals:
        raise ValueError(f"circuit must have the signal 'loss'; got {', '.join(sorted(circuit.signals)) or 'no signals'}")
    checks.instance("plasticity", plasticity, Plasticity, "a pd.theory.bounds.Plasticity")
    for name, value in plasticity._asdict().items():
        checks.one_number(f"plasticity.{name}", value)
    here = landscape(circuit.loss_at, circuit.weights if weights is None else weights, key=key, samples=samples)
    return bounds_at(here, plasticity)


def bounds_at(here: MeasuredLandscape, plasticity: Plasticity) -> LearningBounds:
    """The bounds at a measured landscape; errors to first order, those of different numbers taken for independent.

    >>> sharp = Landscape(2.0, 2.0, 1.0, 4.0, 4, hessian_square=4.0, gradient_image=1.0)
    >>> vague = Landscape(0.0, 0.0, 0.0, 0.4, 0, hessian_square=0.0, gradient_image=0.0)
    >>> found = bounds_at(MeasuredLandscape(sharp, vague, 8), Plasticity(0.5, 1.0, 0.5))
    >>> found.learning_rate, round(found.learning_rate_error, 6)
    (-0.0625, 0.05)
    """
    value = here.value
    return LearningBounds(
        float(bounds.learning_rate(value, plasticity)),
        _error(bounds.learning_rate, here, plasticity),
        float(np.sqrt(bounds.learning_rate_variance(value, plasticity))),
        float(bounds.task_difficulty(value, plasticity)),
        _error(bounds.task_difficulty, here, plasticity),
        float(bounds.largest_difficulty(value.size, plasticity)),
        float(bounds.largest_irrelevant(value, plasticity)),
        float(bounds.largest_noise(value, plasticity)),
        float(bounds.best_interval(value, plasticity)),
        here,
    )


_STEP = 1e-4
"""Of a difference quotient, in standard errors: the formulas are smooth."""
_SAMPLED = ("loss", "gradient_norm", "gradient_curvature", "hessian_trace")


def _error(formula: Callable[[Landscape, Plasticity], Floats], here: MeasuredLandscape, plasticity: Plasticity) -> float:
    """Propagation of the landscape's standard errors, number by number."""
    total = 0.0
    for name in _SAMPLED:
        value, step = float(getattr(here.value, name)), _STEP * float(getattr(here.standard_error, name))
        up, down = (formula(here.value._replace(**{name: value + change}), plasticity) for change in (step, -step))
        total += float((up - down) / (2 * _STEP)) ** 2
    return total**0.5
