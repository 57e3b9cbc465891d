"""Fluctuations that spare some synapses or some directions."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn import checks, tree
from plastodyn.protocol import Moment, Rule, Wrapped
from plastodyn.tree import Weights


class Mask(eqx.Module):
    """Projection onto a subset of synapses."""

    mask: Weights

    def __call__(self, change: Weights) -> Weights:
        """The change at the chosen synapses, 0 elsewhere."""
        return jax.tree.map(lambda leaf, keep: leaf * keep, change, self.mask)


class Complement(eqx.Module):
    """Projection onto the directions orthogonal to an orthonormal set."""

    directions: Array

    def __call__(self, change: Weights) -> Weights:
        """The change less its components along the directions."""
        flat = tree.ravel(change)
        return tree.unravel(change, flat - self.directions.T @ (self.directions @ flat))


class Confined(Wrapped):
    """A rule projected, then brought back to its own norm; see `confined` and `sparing`."""

    rule: Rule
    projection: Callable[[Weights], Weights]

    def transform(self, change: Weights, moment: Moment, own: None, dt: Array | float) -> Weights:
        """``|v| P v / |P v|``."""
        del moment, own, dt
        return tree.scale(tree.norm(change), tree.unit(self.projection(change)))


def confined(rule: Rule, mask: Weights) -> Confined:
    """Fluctuations on a subset of synapses, at the same total magnitude: ``de -> |de| m.de / |m.de|``.

    Args:
        rule: the fluctuation to confine.
        mask: pytree in the structure of the weights; 1 where a synapse fluctuates, 0 where it does not.

    Raises:
        ValueError: if the mask holds anything but 0 and 1, or selects nothing.

    Source: Raman and O'Leary (2021), discussion; volatile subsets of Clopath et al. (2017), Mongillo et al. (2018).

    >>> from plastodyn import fluctuations
    >>> confined(fluctuations.white(0.1), jnp.array([1.0, 0.0])).rule.rate
    0.1
    """
    checks.instance("rule", rule, Rule, "a plastodyn rule, such as pd.fluctuations.white(0.1)")
    checks.entries("mask", mask, (0, 1))
    if not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(mask)):
        raise ValueError("mask must hold at least one 1; got only 0")
    return Confined(rule, Mask(jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), mask)))


def sparing(rule: Rule, directions: Array) -> Confined:
    """Fluctuations of low curvature: at the same magnitude, but orthogonal to the directions to be spared.

    With the leading Hessian eigenvectors (`measure.leading_directions`), fluctuations keep to shallow directions, and
    equation 9 predicts that less plasticity is needed.

    Args:
        rule: the fluctuation to confine.
        directions: orthonormal rows, shape (count, N).

    Raises:
        ValueError: if the rows are not orthonormal.

    Source: Raman and O'Leary (2021), discussion: fluctuations in globally insensitive directions.

    >>> from plastodyn import fluctuations
    >>> sparing(fluctuations.white(0.1), jnp.eye(3)[:1]).projection.directions.shape
    (1, 3)
    """
    checks.instance("rule", rule, Rule, "a plastodyn rule, such as pd.fluctuations.white(0.1)")
    checks.weights("directions", directions)
    rows = np.asarray(directions)
    if rows.ndim != 2 or not np.allclose(rows @ rows.T, np.eye(len(rows)), atol=1e-3):
        raise ValueError(f"directions must be orthonormal rows of shape (count, N); got shape {rows.shape}")
    return Confined(rule, Complement(directions))
