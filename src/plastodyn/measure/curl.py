"""How far a field is from being a gradient: its curl, and its angle with the direction of descent."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from plastodyn import checks, tree
from plastodyn.measure import estimate
from plastodyn.measure.curvature import Loss, check_loss
from plastodyn.measure.estimate import Estimate
from plastodyn.measure.field import Field, check_field
from plastodyn.measure.spectrum import DENSE_LIMIT
from plastodyn.runtime.pieces import each
from plastodyn.runtime.progress import Bar
from plastodyn.tree import Weights
from plastodyn.types import Key, Scalar


def curl(field: Field, weights: Weights, *, key: Key | None = None, probes: int = 64) -> Estimate:
    """The share of a field's Jacobian J that is antisymmetric: ``|A|_F / |J|_F`` with ``A = (J - J') / 2``.

    0 for a gradient, 1 for a pure rotation. For random signs z, ``E|Jz - J'z|^2 = 4 |A|_F^2``, and
    ``E(|Jz|^2 + |J'z|^2) = 2 |J|_F^2``: each probe costs one Jacobian-vector and one vector-Jacobian product, and J is
    not formed. The standard error is that of a ratio of means (delta method); in rounding, a gradient's curl is not 0
    but about the machine precision.

    Args:
        field: function of the weights, such as `rule_field` gives.
        weights: pytree of finite floating-point arrays, N in all.
        key: random key. Without one each of the N unit vectors is a probe: exact, for at most 2000 weights.
        probes: number of random probes, at least 2.

    Returns:
        `Estimate` of the share, between 0 and 1, and its standard error (0 where it is exact); NaN where J is zero.

    Raises:
        ValueError: if an argument is out of range, ``field`` does not map to pytrees like ``weights``, or there is
            neither a key nor a small circuit.

    Source: this project; the curl of a plasticity rule is the subject of Ninou, Kadmon and Cayco-Gajic (2025).

    >>> shear = lambda w: jnp.array([w[1], 0.0])
    >>> found = curl(shear, jnp.ones(2))
    >>> round(float(found.value), 4), float(found.standard_error)
    (0.7071, 0.0)
    """
    check_field("field", field, weights)
    checks.count("probes", probes, at_least=2)
    size = tree.size(weights)
    if key is None:
        if size > DENSE_LIMIT:
            raise ValueError(f"key must be given for more than {DENSE_LIMIT} weights; got None for {size}")
        units = jnp.eye(size, dtype=tree.ravel(weights).dtype)
        with Bar("curl", size) as bar:
            antisymmetric, whole = each(_squares_of_unit, (field, weights), units, bar)
        return estimate.exact(jnp.sqrt(jnp.sum(antisymmetric) / jnp.sum(whole)))
    checks.key("key", key)
    with Bar("curl", probes) as bar:
        antisymmetric, whole = each(_squares_of_signs, (field, weights), jax.random.split(key, probes), bar)
    square = estimate.ratio_of_means(antisymmetric, whole)
    share = jnp.sqrt(square.value)
    return square._replace(value=share, standard_error=square.standard_error / jnp.where(share > 0, 2 * share, 1))


def _squares_of_unit(system: tuple[Field, Weights]) -> Callable[[Array], tuple[Array, Array]]:
    squares = _squares(*system)
    return lambda unit: squares(tree.unravel(system[1], unit))


def _squares_of_signs(system: tuple[Field, Weights]) -> Callable[[Key], tuple[Array, Array]]:
    squares = _squares(*system)
    return lambda key: squares(tree.signs_like(key, system[1]))


def _squares(field: Field, weights: Weights) -> Callable[[Weights], tuple[Array, Array]]:
    """Of a probe z: ``|Az|^2`` and ``|Az|^2 + |Sz|^2``, of the antisymmetric and symmetric parts of the Jacobian."""
    _, push = jax.linearize(field, weights)
    pull = jax.linear_transpose(push, weights)

    def of_probe(probe: Weights) -> tuple[Array, Array]:
        forward, (backward,) = push(probe), pull(probe)
        half_difference = jax.tree.map(lambda a, b: (a - b) / 2, forward, backward)
        return tree.dot(half_difference, half_difference), (tree.dot(forward, forward) + tree.dot(backward, backward)) / 2

    return of_probe


def descent_angle(field: Field, loss: Loss, weights: Weights) -> Scalar:
    """The angle between a field and the direction of steepest descent: ``angle(f(w), -gradF(w))``.

    Below pi/2 the field lowers the loss at first; at pi it climbs as steeply as it can.

    Args:
        field: function of the weights, such as `rule_field` gives.
        loss: scalar function of the weights.
        weights: pytree of finite floating-point arrays.

    Returns:
        A scalar in radians, from 0 to pi; NaN where the field or the gradient vanishes.

    Raises:
        ValueError: if ``field`` does not map to pytrees like ``weights``.

    Source: this project.

    >>> loss = lambda w: 0.5 * jnp.sum(w**2)
    >>> flipped = lambda w: jnp.array([-w[0], w[1]])
    >>> round(float(descent_angle(flipped, loss, jnp.array([1.0, 1.0]))), 4)
    1.5708
    """
    check_field("field", field, weights)
    check_loss(loss, weights)
    along, down = field(weights), tree.scale(-1.0, jax.grad(loss)(weights))
    first, second = tree.unit(along), tree.unit(down)
    # Half the angle from sum and difference: an arc cosine loses half the digits where the two nearly align.
    sum_ = tree.norm(tree.add(first, second))
    difference = tree.norm(tree.add(first, tree.scale(-1.0, second)))
    defined = (tree.norm(along) > 0) & (tree.norm(down) > 0)
    return jnp.where(defined, 2 * jnp.arctan2(difference, sum_), jnp.nan)
