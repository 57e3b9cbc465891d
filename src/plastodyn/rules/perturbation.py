"""Zeroth-order rules: perturb, watch the task error, and keep or oppose the perturbation."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from plastodyn import checks, tree
from plastodyn.circuits.layered.student_teacher import Layers
from plastodyn.protocol import INPUT_ROTATION, Moment, Rule, Symmetry
from plastodyn.tree import Weights
from plastodyn.types import Number, Parameter, State


class KeepOrOppose(Rule):
    """Random steps of exact norm, reversed where they raise the error; see `keep_or_oppose`."""

    rate: Parameter
    reads: ClassVar[frozenset[str]] = frozenset({"loss"})

    def keeps(self, symmetry: Symmetry) -> bool:
        """Rotations of the inputs: no direction is preferred."""
        return symmetry == INPUT_ROTATION

    def draw(self, weights: Weights, key: Array) -> Weights:
        """A direction uniform on the unit sphere."""
        return tree.unit(tree.normal_like(key, weights))

    def increment(self, moment: Moment, state: State, dt: Array, noise: Weights) -> tuple[Weights, State]:
        """``-sign(F(w + p) - F(w)) p``, p white of norm ``rate * dt``."""
        step = tree.scale(self.rate * dt, noise)
        change = moment.at(tree.add(moment.weights, step)).loss() - moment.loss()
        return tree.scale(-jnp.sign(change), step), state


class WeightPerturbation(Rule):
    """Random steps weighted by the change of error; see `weight_perturbation`."""

    rate: Parameter
    scale: Parameter
    reads: ClassVar[frozenset[str]] = frozenset({"loss"})

    def keeps(self, symmetry: Symmetry) -> bool:
        """Rotations of the inputs: no direction is preferred."""
        return symmetry == INPUT_ROTATION

    def draw(self, weights: Weights, key: Array) -> Weights:
        """Standard normal, one for each weight."""
        return tree.normal_like(key, weights)

    def increment(self, moment: Moment, state: State, dt: Array, noise: Weights) -> tuple[Weights, State]:
        """``-rate dt (F(w + scale xi) - F(w)) / scale * xi``."""
        trial = tree.add(moment.weights, tree.scale(self.scale, noise))
        slope = (moment.at(trial).loss() - moment.loss()) / self.scale
        return tree.scale(-self.rate * dt * slope, noise), state


class NodePerturbation(Rule):
    """Noise on every unit's drive, correlated with each sample's change of error; see `node_perturbation`."""

    rate: Parameter
    scale: Parameter
    reads: ClassVar[frozenset[str]] = frozenset({"nodes"})

    def draw(self, weights: Weights, key: Array) -> Array:
        """The key: noise has the shape of the circuit's activity, which only the moment knows."""
        del weights
        return key

    def increment(self, moment: Moment, state: State, dt: Array, noise: Array) -> tuple[Layers, State]:
        """``-rate dt mean_s (F_s(xi) - F_s(0)) / scale * xi_s h_s'`` for each kernel."""
        weights, nodes = moment.weights, moment.signal("nodes")
        silent, rates = nodes(tuple(jnp.zeros((k.shape[0], 1), k.dtype) for k in weights.kernels))
        keys = jax.random.split(noise, len(weights.kernels))
        fresh = tuple(jax.random.normal(k, layer.shape, layer.dtype) for k, layer in zip(keys, rates[1:], strict=True))
        perturbed, perturbed_rates = nodes(tree.scale(self.scale, fresh))
        slope = (perturbed - silent) / self.scale
        eligibility = tuple(slope * xi for xi in fresh)
        samples = silent.shape[0]
        factor = -self.rate * dt / samples
        kernels = tuple(factor * e @ h.T for e, h in zip(eligibility, perturbed_rates[:-1], strict=True))
        biases = tuple(factor * e.sum(axis=1) for e in eligibility) if weights.biases else ()
        return Layers(kernels, biases), state


def keep_or_oppose(rate: Number) -> KeepOrOppose:
    """Perturb all weights by a random step of exact norm; keep it if the error falls, oppose it if it rises.

    ``dc = -sign(F(w + p) - F(w)) p`` with ``p = rate * xi_hat``, xi white. Its direction has the mean curvature of
    all directions, as fluctuations have, and for that reason its optimal magnitude is that of the fluctuations.

    Args:
        rate: magnitude |dc| per step, at least 0.

    Raises:
        ValueError: if ``rate`` is negative.

    Source: Raman and O'Leary (2021), zeroth-order algorithms, table 2.

    >>> keep_or_oppose(0.2).rate
    0.2
    """
    checks.parameter("rate", rate, at_least=0)
    return KeepOrOppose(rate)


def weight_perturbation(rate: Number, scale: Number = 1e-3) -> WeightPerturbation:
    """Weight perturbation: ``dc = -rate (F(w + scale xi) - F(w)) / scale * xi``, xi standard normal.

    In expectation, for small ``scale``, it is gradient descent with the same rate.

    Args:
        rate: learning rate, at least 0.
        scale: standard deviation of the perturbation of each weight, above 0.

    Raises:
        ValueError: if ``rate`` is negative or ``scale`` not positive.

    Source: Williams (1992) and Seung (2003), as cited by Raman and O'Leary (2021).

    >>> weight_perturbation(0.1).scale
    0.001
    """
    checks.parameter("rate", rate, at_least=0)
    checks.parameter("scale", scale, above=0)
    return WeightPerturbation(rate, scale)


def node_perturbation(rate: Number, scale: Number = 1e-2) -> NodePerturbation:
    """Node perturbation on a layered circuit: noise on each unit's drive, credited by each sample's error.

    ``dW_k = -rate mean_s [(F_s(xi) - F_s(0)) / scale * xi_ks h_(k-1)s']``: in expectation, for small ``scale``,
    gradient descent with the same rate, at a variance that grows with units rather than with weights.

    Args:
        rate: learning rate, at least 0.
        scale: standard deviation of the noise on each unit's drive, above 0.

    Raises:
        ValueError: if ``rate`` is negative or ``scale`` not positive.

    Source: Fiete, Fee and Seung (2007); Bouvier et al. (2018), as cited by Raman and O'Leary (2021).

    >>> node_perturbation(0.1).scale
    0.01
    """
    checks.parameter("rate", rate, at_least=0)
    checks.parameter("scale", scale, above=0)
    return NodePerturbation(rate, scale)
