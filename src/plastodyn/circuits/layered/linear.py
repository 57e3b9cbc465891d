"""Linear student-teacher circuits through their input covariance: a cost that does not depend on the number of inputs."""

from collections.abc import Callable
from functools import reduce

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from plastodyn import checks
from plastodyn.circuits.layered.student_teacher import (
    Layers,
    StudentTeacher,
    half_squared_error,
    mean_squared_error,
    with_teacher,
)
from plastodyn.protocol import AbstractCircuit, Moment, Symmetry


@jax.custom_jvp
def quadratic_form(error: Float[Array, "outputs inputs"], covariance: Float[Array, "..."]) -> Float[Array, ""]:
    """``tr(E C E')`` for a symmetric C, or the vector of a diagonal one; its derivative takes one product with C, not two.

    >>> float(quadratic_form(jnp.ones((1, 2)), jnp.eye(2)))
    2.0
    """
    return jnp.vdot(error, _through(error, covariance))


@quadratic_form.defjvp
def _quadratic_form_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    error, covariance = primals
    change, covariance_change = tangents
    driven = _through(error, covariance)
    return jnp.vdot(error, driven), 2 * jnp.vdot(driven, change) + jnp.vdot(error, _through(error, covariance_change))


def _through(error: Array, covariance: Array) -> Array:
    return error * covariance if covariance.ndim == 1 else error @ covariance


class LinearStudentTeacher(AbstractCircuit):
    """A linear student that is measured against a teacher through the covariance of the inputs; see `through_covariance`."""

    weights: Layers
    teacher: Layers
    target_map: Float[Array, "outputs inputs"]
    covariance: Array
    test_covariance: Array
    scale: float = eqx.field(static=True)
    symmetries: frozenset[Symmetry] = eqx.field(static=True, default=frozenset())  # pyright: ignore[reportIncompatibleMethodOverride]

    @property
    def signals(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What it offers; the teacher if it is of the student's widths."""
        return with_teacher(frozenset({"loss"}), self.weights, self.teacher)

    def error(self, weights: Layers) -> Float[Array, "outputs inputs"]:
        """The distance of the student's input-output map from the teacher's, shape (outputs, inputs)."""
        # From the output end: with few outputs these are products of small matrices.
        return reduce(jnp.matmul, reversed(weights.kernels)) - self.target_map

    def loss(self, moment: Moment) -> Array:
        """The task error F(w) = scale tr(E C E')."""
        return self.scale * quadratic_form(self.error(moment.weights), self.covariance)

    def test_error(self, weights: Layers) -> Array:
        """The task error on the test inputs."""
        return self.scale * quadratic_form(self.error(weights), self.test_covariance)


def input_covariance(inputs: Float[Array, "features samples"]) -> Float[Array, "features features"]:
    """Second moments of the inputs, ``C = X X' / P``.

    Args:
        inputs: X, shape (features, P).

    Returns:
        Shape (features, features), in squared units of the inputs.

    >>> input_covariance(jnp.array([[1.0, -1.0]])).tolist()
    [[1.0]]
    """
    checks.matrix("inputs", inputs)
    return inputs @ inputs.T / inputs.shape[1]


def through_covariance(
    circuit: StudentTeacher, covariance: Array | None = None, test_covariance: Array | None = None
) -> LinearStudentTeacher:
    """The same linear circuit, its data kept only as the covariance of the inputs: ``F = s tr(E C E')``, ``E = W_L...W_1 - T``.

    The loss, its gradient and every rule that reads only the loss are the same; a step costs the same for any number of
    inputs. The inputs of many replicas are kept once where the circuits of a list are given the same ``covariance``.

    Args:
        circuit: a student-teacher circuit, linear in every layer and without biases, whose normalisation is
            `half_squared_error` or `mean_squared_error`.
        covariance: C, shape (inputs, inputs), if it is to be shared; that of the circuit's inputs unless given.
        test_covariance: of the inputs on which ``test_error`` is measured; C unless given.

    Raises:
        ValueError: if a layer is not linear, a bias is present, or the loss is not a mean of squares.

    Source: this project; the error enters through the data's second moments alone, as in the theory of deep linear networks.

    >>> from plastodyn.circuits import student_teacher
    >>> full = student_teacher([3, 2, 1], hidden="linear", inputs=50, key=jax.random.key(0), displacement=0.5)
    >>> bool(jnp.allclose(through_covariance(full).loss_at(full.weights), full.loss_at(full.weights)))
    True
    """
    if not isinstance(circuit, StudentTeacher):
        raise ValueError(f"circuit must be a student-teacher circuit; got {type(circuit).__name__}")
    if set(circuit.activations) != {"linear"}:
        raise ValueError(f"circuit must be linear in every layer; got the activations {circuit.activations}")
    if circuit.fixed_biases or circuit.weights.biases:
        raise ValueError("circuit must have no biases; got some")
    outputs = circuit.targets.shape[0]
    scales: dict[Callable[[Array], Array], float] = {half_squared_error: 0.5, mean_squared_error: 1 / outputs}
    if circuit.normalisation not in scales:
        raise ValueError(
            f"circuit must use half_squared_error or mean_squared_error; got {checks.shown(circuit.normalisation)}"
        )
    covariance = input_covariance(circuit.inputs) if covariance is None else covariance
    test_covariance = covariance if test_covariance is None else test_covariance
    features = circuit.inputs.shape[0]
    for name, found in (("covariance", covariance), ("test_covariance", test_covariance)):
        checks.number(name, found)
        if jnp.shape(found) != (features, features):
            raise ValueError(f"{name} must have shape {(features, features)}; got {jnp.shape(found)}")
        # Rounding of a mean of products, not more: the derivative of the loss takes C to be symmetric.
        if not jnp.allclose(found, jnp.transpose(jnp.asarray(found)), rtol=1e-4, atol=1e-6):
            raise ValueError(f"{name} must be finite and symmetric; got {checks.shown(found)}")
    target_map = reduce(jnp.matmul, reversed(circuit.teacher.kernels))
    scale = scales[circuit.normalisation]
    return LinearStudentTeacher(circuit.weights, circuit.teacher, target_map, covariance, test_covariance, scale)
