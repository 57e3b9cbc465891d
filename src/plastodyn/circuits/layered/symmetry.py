"""Linear circuits in coordinates in which the same learning costs less: rotations that gradients and norms do not see."""

from collections.abc import Sequence
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from plastodyn import checks
from plastodyn.circuits.layered.linear import LinearStudentTeacher
from plastodyn.circuits.layered.student_teacher import Layers
from plastodyn.protocol import HIDDEN_SPAN, INPUT_ROTATION, Symmetry, hidden_span_by_sign


def reachable(circuit: LinearStudentTeacher) -> LinearStudentTeacher:
    """The same two-layer circuit with only the hidden directions that learning can reach: ``W1 -> Q' W1``, ``W2 -> W2 Q``.

    The columns of Q span the columns of W1 and the rows of W2. Gradients of either matrix lie in that span, so that
    learning does not leave it: with N inputs and K outputs, N + K hidden directions do the work of any number of hidden
    units. Errors, norms and inner products are those of the whole circuit; single hidden units are not there any more.
    Nothing is cut where there are no more than N + K hidden units.

    Exact for rules that treat hidden units alike: gradients, signs by input neuron, norm constraints; not for signs by
    hidden unit, nor for fluctuations, which would have more directions to move in.

    Args:
        circuit: a linear student-teacher circuit with one hidden layer, from `through_covariance`.

    Raises:
        ValueError: if the circuit is another one.

    Source: this project; the rotational symmetry of hidden layers of linear networks.

    >>> from plastodyn.circuits import student_teacher, through_covariance
    >>> import jax
    >>> full = student_teacher([3, 9, 1], hidden="linear", inputs=50, key=jax.random.key(0), displacement=0.5)
    >>> small = reachable(through_covariance(full))
    >>> small.weights.kernels[0].shape, bool(jnp.allclose(small.loss_at(small.weights), full.loss_at(full.weights)))
    ((4, 3), True)
    """
    first, second = _two_layers(circuit)
    if first.shape[0] <= first.shape[1] + second.shape[0]:
        return circuit
    return _with_layers(circuit, *_rotated(first, second), HIDDEN_SPAN)


def reachable_by_sign(
    circuit: LinearStudentTeacher, signs: ArrayLike | Sequence[int]
) -> tuple[LinearStudentTeacher, np.ndarray]:
    """`reachable` where some hidden units learn with the opposite sign: flipped units are alike, and so are the others.

    ``W1 -> Q' W1``, ``W2 -> W2 Q`` with Q made of two blocks that do not mix signs: ``2 (N + K)`` hidden units do the work
    of any number. The first N + K are flipped, the others are not; a block with fewer directions is filled up with units
    of weights 0, which nothing moves, so that the shape is the same for any share of flipped units. Nothing is cut where
    there are no more than ``2 (N + K)``.

    Exact for gradients with signs by hidden unit, and for norm constraints; not for fluctuations.

    Args:
        circuit: as for `reachable`.
        signs: +1 or -1 for each hidden unit, shape (M,).

    Returns:
        The circuit, and the signs of its hidden units for `rules.presynaptic` at layer 1 or `rules.postsynaptic` at layer 0.

    Raises:
        ValueError: if the circuit is another one, or ``signs`` is not one sign for each hidden unit.

    Source: this project; the rotations of hidden units that commute with the signs.

    >>> from plastodyn.circuits import student_teacher, through_covariance
    >>> import jax
    >>> full = student_teacher([1, 9, 1], hidden="linear", inputs=50, key=jax.random.key(0), displacement=0.5)
    >>> small, signs = reachable_by_sign(through_covariance(full), [-1] * 3 + [1] * 6)
    >>> signs.tolist(), bool(jnp.allclose(small.loss_at(small.weights), full.loss_at(full.weights)))
    ([-1.0, -1.0, 1.0, 1.0], True)
    """
    first, second = _two_layers(circuit)
    checks.entries("signs", signs, (1, -1))
    units = np.asarray(signs)
    if units.shape != first.shape[:1] or not np.isin(units, (-1, 1)).all():
        raise ValueError(f"signs must hold +1 or -1 for each of the {first.shape[0]} hidden units; got {checks.shown(signs)}")
    directions = first.shape[1] + second.shape[0]
    if len(units) <= 2 * directions:
        return circuit, units.astype(float)
    blocks = [_rotated(first[units == sign], second[:, units == sign], directions) for sign in (-1, 1)]
    lower, upper = (np.concatenate(parts, axis) for axis, parts in enumerate(zip(*blocks, strict=True)))
    kept = np.repeat([-1.0, 1.0], directions)
    return _with_layers(circuit, lower, upper, hidden_span_by_sign(kept)), kept


def _rotated(first: np.ndarray, second: np.ndarray, size: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Both layers in an orthonormal basis of the directions that they reach, filled up with zeros to at least ``size``."""
    basis, _ = np.linalg.qr(np.concatenate([first, second.T], axis=1))
    missing = (0, max(0, size - basis.shape[1]))
    return np.pad(basis.T @ first, (missing, (0, 0))), np.pad(second @ basis, ((0, 0), missing))


def principal_axes(circuits: Sequence[LinearStudentTeacher]) -> list[LinearStudentTeacher]:
    """The same circuits with their inputs rotated to principal axes: ``W1 -> W1 R``, ``R' C R`` diagonal and kept as a vector.

    A step then multiplies by variances where it multiplied by a matrix. Errors and norms are those of the circuits in
    their own coordinates; single inputs are not there any more.

    Exact for rules that treat inputs alike: gradients, signs by hidden unit, norm constraints; not for signs by input.

    Args:
        circuits: linear student-teacher circuits, from `through_covariance`; a covariance that they have in common is
            turned once and stays in common.

    Raises:
        ValueError: if a circuit is another one.

    Source: this project; the rotational symmetry of the inputs of linear networks.

    >>> from plastodyn.circuits import student_teacher, through_covariance
    >>> import jax
    >>> layered = student_teacher([3, 2, 1], hidden="linear", inputs=50, key=jax.random.key(0), displacement=0.5)
    >>> full = through_covariance(layered)
    >>> (turned,) = principal_axes([full])
    >>> turned.covariance.shape, bool(jnp.allclose(turned.loss_at(turned.weights), full.loss_at(full.weights), rtol=1e-4))
    ((3,), True)
    """
    if not isinstance(circuits, list | tuple):
        checks.refuse("circuits", circuits, "a list of linear student-teacher circuits")
    axes: dict[tuple[int, int], tuple[Array, Array, Array]] = {}
    found = []
    for circuit in circuits:
        _check(circuit, "circuits")
        common = (id(circuit.covariance), id(circuit.test_covariance))
        if common not in axes:
            variances, rotation = jnp.linalg.eigh(circuit.covariance)
            axes[common] = (variances, rotation, rotation.T @ circuit.test_covariance @ rotation)
        variances, rotation, test = axes[common]
        found.append(
            LinearStudentTeacher(
                _turned(circuit.weights, rotation),
                _turned(circuit.teacher, rotation),
                circuit.target_map @ rotation,
                variances,
                test,
                circuit.scale,
                circuit.symmetries | {INPUT_ROTATION},
            )
        )
    return found


def _with_layers(circuit: LinearStudentTeacher, first: np.ndarray, second: np.ndarray, asks: Symmetry) -> LinearStudentTeacher:
    cut = Layers((jnp.asarray(first), jnp.asarray(second)), ())
    return replace(circuit, weights=cut, symmetries=circuit.symmetries | {asks})


def _two_layers(circuit: LinearStudentTeacher) -> tuple[np.ndarray, np.ndarray]:
    """On the host: a block has as many rows as units of its sign, and JAX would compile for each such shape."""
    _check(circuit)
    if len(circuit.weights.kernels) != 2:
        raise ValueError(f"circuit must have one hidden layer; got {len(circuit.weights.kernels) - 1}")
    first, second = map(np.asarray, circuit.weights.kernels)
    return first, second


def _turned(layers: Layers, rotation: Array) -> Layers:
    return layers._replace(kernels=(layers.kernels[0] @ rotation, *layers.kernels[1:]))


def _check(circuit: LinearStudentTeacher, name: str = "circuit") -> None:
    if not isinstance(circuit, LinearStudentTeacher):
        raise ValueError(f"{name} must be a linear student-teacher circuit; got {type(circuit).__name__}")
