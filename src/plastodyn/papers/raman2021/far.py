"""Far from the solution: the theories that hold there, for a circuit of one hidden layer."""

import jax
import numpy as np
from jax import Array
from numpy.typing import ArrayLike

from plastodyn.circuits import StudentTeacher
from plastodyn.theory import ratio as theory


def trivial_loss(circuit: StudentTeacher) -> float:
    """The task error of the best constant output: the variance of the targets over inputs, mean over outputs.

    >>> from plastodyn.papers.raman2021.setups import NONLINEAR
    >>> circuit = NONLINEAR.circuits("mixed", 1, jax.random.key(0))[0]
    >>> 0.1 < trivial_loss(circuit) < 0.3
    True
    """
    *hidden, last = circuit.teacher.kernels
    answer = circuit.inputs
    for kernel in hidden:
        answer = jax.nn.sigmoid(kernel @ answer)
    return float(np.asarray(last @ answer, float).var(axis=1).mean())


def free_hidden_loss(
    circuit: StudentTeacher,
    plasticity: ArrayLike,
    fluctuation: ArrayLike,
    precision: ArrayLike,
    steps: ArrayLike,
    key: Array,
) -> np.ndarray:
    """`theory.ratio.adiabatic_loss` of a circuit with one sigmoid hidden layer and a linear output.

    Args:
        circuit: one sigmoid hidden layer, linear output.
        plasticity: |dc| per step.
        fluctuation: |de| per step.
        precision: gamma1 / gamma2.
        steps: T.
        key: random key.

    Returns:
        The error, broadcast.
    """
    first, second = circuit.teacher.kernels
    return theory.adiabatic_loss(circuit.inputs, first, second, plasticity, fluctuation, precision, steps, key)
