"""Matching losses: the loss of a nonlinear output whose delta is the plain error."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from plastodyn import checks
from plastodyn.circuits.layered.layers import forward
from plastodyn.circuits.layered.student_teacher import Layers, StudentTeacher, with_teacher
from plastodyn.protocol import AbstractCircuit, Moment

# Integrals of the activations: Phi' = phi.
_INTEGRALS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda drive: drive**2 / 2,
    # log cosh a = |a| + log(1 + exp(-2|a|)) - log 2, which does not overflow.
    "tanh": lambda drive: jnp.abs(drive) + jnp.log1p(jnp.exp(-2 * jnp.abs(drive))) - jnp.log(2.0),
    "sigmoid": jax.nn.softplus,
}


class Matched(AbstractCircuit):
    """A student-teacher circuit that descends its output's matching loss; see `matched`."""

    weights: Layers
    circuit: StudentTeacher

    @property
    def signals(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What it offers; the teacher if it is of the student's widths."""
        return with_teacher(frozenset({"loss"}), self.weights, self.teacher)

    @property
    def teacher(self) -> Layers:
        """The weights at which the error vanishes."""
        return self.circuit.teacher

    def loss(self, moment: Moment) -> Array:
        """``mean_s sum_o Phi(a_o) - y*_o a_o``, a the drive of the output units."""
        inner, weights = self.circuit, moment.weights
        biases = weights.biases or inner.fixed_biases
        names = (*inner.activations[:-1], "linear")
        drive = forward(weights.kernels, biases, names, inner.inputs)[-1]
        each = _INTEGRALS[inner.activations[-1]](drive) - inner.targets * drive
        samples = each.shape[-1]
        return jnp.sum(each, axis=0) @ jnp.full(samples, 1 / samples, each.dtype)

    def task_error(self, weights: Layers) -> Array:
        """The error that the circuit is judged by: the inner circuit's loss."""
        return self.circuit.loss_at(weights)


def matched(circuit: StudentTeacher) -> Matched:
    """The same circuit with the loss ``F = mean_s sum_o [Phi(a_o) - y*_o a_o]``, ``Phi' = phi``, of its output units.

    Its gradient at the output drive is the plain error ``phi(a) - y*``, without the factor phi'(a): what a rule descends
    that leaves out the derivative of its output units. For tanh units ``Phi = log cosh``. It is smallest where the
    outputs are right, but its value there is not 0; ``task_error`` is the squared error.

    Args:
        circuit: a student-teacher circuit with linear, tanh or sigmoid output.

    Raises:
        ValueError: if the output's activation has no matching loss here.

    Source: the update in the scripts of Ninou, Kadmon and Cayco-Gajic (2025), figure 5; matching losses are due to
        Auer, Herbster and Warmuth (1996).

    >>> from plastodyn.circuits import student_teacher
    >>> circuit = student_teacher([3, 2, 1], hidden="tanh", output="tanh", inputs=20, key=jax.random.key(0))
    >>> slope = jax.grad(matched(circuit).loss_at)(circuit.teacher)
    >>> bool(jnp.abs(slope.kernels[0]).max() < 1e-6)
    True
    """
    if not isinstance(circuit, StudentTeacher):
        raise ValueError(f"circuit must be a student-teacher circuit; got {type(circuit).__name__}")
    checks.one_of("circuit's output activation", circuit.activations[-1], _INTEGRALS)
    return Matched(circuit.weights, circuit)
