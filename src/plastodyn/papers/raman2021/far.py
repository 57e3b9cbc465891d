"""Far from the solution: what a circuit with a hidden layer does when its fluctuations have made it forget.

The hidden weights then diffuse freely, and the readout tracks the random features that they make. No number is fitted.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn.circuits import StudentTeacher

_DRAWS = 8
_ITERATIONS = 30
_INPUTS = 300
_FLAT = 1e-9
"""Share of the largest eigenvalue below which a feature is none."""


def trivial_loss(circuit: StudentTeacher) -> float:
    """The task error of the best constant output: the variance of the targets over inputs, mean over outputs.

    >>> from plastodyn.papers.raman2021.setups import NONLINEAR
    >>> circuit = NONLINEAR.circuits("mixed", 1, jax.random.key(0))[0]
    >>> 0.1 < trivial_loss(circuit) < 0.3
    True
    """
    targets = np.asarray(_targets(circuit), float)
    return float(targets.var(axis=1).mean())


def _targets(circuit: StudentTeacher) -> Array:
    """What the teacher answers, shape (outputs, inputs): the loss compares ``W2 h(W1 x)`` of weights and teacher."""
    *hidden, last = circuit.teacher.kernels
    answer = circuit.inputs
    for kernel in hidden:
        answer = jax.nn.sigmoid(kernel @ answer)
    return last @ answer


def free_hidden_loss(
    circuit: StudentTeacher, plasticity: np.ndarray, fluctuation: float, precision: float, steps: int, key: Array
) -> np.ndarray:
    """Task error after ``steps`` of noisy gradient plasticity of exact norm, if the hidden weights diffuse freely.

    ``W1 = W1* + N(0, s^2 T)`` with ``s^2 = (gamma2^2 + |de|^2) / n``. Given W1 the error is quadratic in the readout: with
    ``h = sigmoid(W1 x)`` and ``lam_k`` the eigenvalues of ``(2 / outputs) <h h'>``, a step is linear with the gain ``kappa =
    gamma1 / |gradF|``, the gradient of both layers taken at the readout that follows from kappa. Along each eigenvector

    ``v = s^2 (1 - (1 - kappa lam)^(2T)) / (kappa lam (2 - kappa lam))``,  rest ``(1 - kappa lam)^T (W2* - W2o)``,

    and ``F = Fmin + (1/2) sum lam (outputs v + rest^2)``; mean over draws of W1.

    Args:
        circuit: one sigmoid hidden layer, linear output.
        plasticity: |dc| per step, shape (n,).
        fluctuation: |de| per step.
        precision: gamma1 / gamma2.
        steps: T.
        key: random key.

    Returns:
        The error for each plasticity, shape (n,).

    Source: this project; exact neither near the solution nor for short runs.
    """
    size = sum(kernel.size for kernel in circuit.teacher.kernels)
    directed = plasticity / np.sqrt(1 + 1 / precision**2)
    variance = (plasticity**2 / (1 + precision**2) + fluctuation**2) / size
    arguments = (jnp.asarray(directed, jnp.float32), jnp.asarray(variance, jnp.float32), jnp.float32(steps))
    return np.asarray(_over_draws(circuit, *arguments, jax.random.split(key, _DRAWS)), float)


@eqx.filter_jit
def _over_draws(circuit: StudentTeacher, directed: Array, variance: Array, steps: Array, keys: Array) -> Array:
    def one(pair: tuple[Array, Array]) -> Array:
        return jnp.mean(jax.vmap(lambda key: _settled(circuit, *pair, steps, key))(keys))

    return jax.lax.map(one, (directed, variance))


def _settled(circuit: StudentTeacher, directed: Array, variance: Array, steps: Array, key: Array) -> Array:
    """The error for one draw of hidden weights."""
    key_hidden, key_readout = jax.random.split(key)
    first, second = circuit.teacher.kernels
    outputs = second.shape[0]
    first = first + jnp.sqrt(variance * steps) * jax.random.normal(key_hidden, first.shape)
    targets, features = _targets(circuit), jax.nn.sigmoid(first @ circuit.inputs)
    lam, vectors = jnp.linalg.eigh(2 / outputs * features @ features.T / features.shape[1])
    lam = jnp.clip(lam, _FLAT * lam[-1])
    best = 2 / outputs * (targets @ features.T / features.shape[1]) @ vectors / lam
    least = jnp.mean((targets - best @ (vectors.T @ features)) ** 2)
    start = second @ vectors - best
    draw = jax.random.normal(key_readout, best.shape)
    few, goal = circuit.inputs[:, :_INPUTS], targets[:, :_INPUTS]

    def spread(kappa: Array) -> tuple[Array, Array]:
        kept = 1 - kappa * lam
        return variance * (1 - kept ** (2 * steps)) / (kappa * lam * (2 - kappa * lam)), kept**steps * start

    def hidden_gradient(readout: Array) -> Array:
        slope = jax.grad(lambda w: jnp.mean((readout @ jax.nn.sigmoid(w @ few) - goal) ** 2))(first)
        return jnp.sum(slope**2)

    def closer(_: int, kappa: Array) -> Array:
        v, rest = spread(kappa)
        upper = jnp.sum(lam**2 * (outputs * v + jnp.sum(rest**2, axis=0)))
        lower = hidden_gradient((best + rest + jnp.sqrt(v) * draw) @ vectors.T)
        # Half way, on a logarithmic scale: kappa must be directed / |gradF|, and |gradF| falls as kappa grows.
        return jnp.minimum(jnp.sqrt(kappa * directed / jnp.sqrt(upper + lower)), 1.99 / lam[-1])

    kappa = jax.lax.fori_loop(0, _ITERATIONS, closer, 0.1 / lam[-1])
    v, rest = spread(kappa)
    return least + 0.5 * jnp.sum(lam * (outputs * v + jnp.sum(rest**2, axis=0)))
