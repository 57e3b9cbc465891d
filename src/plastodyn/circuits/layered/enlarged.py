"""The same function in a larger circuit: more neurons, and more synapses, than the task asks for."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from plastodyn import checks
from plastodyn.circuits.layered.layers import Kernels, check_widths
from plastodyn.circuits.layered.student_teacher import Layers, StudentTeacher
from plastodyn.protocol import AbstractCircuit, Moment

MEASURED = ("expanded", "original")
"""Where the error of an expanded circuit is measured."""

_ROUNDING = 1e-4


class ReadBack(AbstractCircuit):
    """A circuit whose error is measured after its outputs were brought back to the original ones; see `expanded`."""

    weights: Layers
    circuit: StudentTeacher
    readout: Float[Array, "outputs original"]

    @property
    def signals(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The error, and the teacher where the inner circuit offers it."""
        return self.circuit.signals & {"loss", "teacher"}

    @property
    def teacher(self) -> Layers:
        """The weights at which the error vanishes."""
        return self.circuit.teacher

    def loss(self, moment: Moment) -> Array:
        """``normalisation(D' (y - y*))``."""
        error = self.circuit.rates(moment.weights)[-1] - self.circuit.targets
        return self.circuit.normalisation(self.readout.T @ error)


def semi_orthogonal(key: Array, rows: int, columns: int, dtype: str = "float32") -> Float[Array, "rows columns"]:
    """A random matrix of orthonormal columns, ``B' B = 1``, uniform among these.

    Args:
        key: random key.
        rows: at least as many as columns.
        columns: at least 1.
        dtype: ``float32`` or ``float64`` (the latter needs JAX's x64 mode).

    Returns:
        B, shape (rows, columns).

    Raises:
        ValueError: if there are fewer rows than columns.

    Source: standard; the orthogonal factor of a normal matrix, its signs made unique.

    >>> basis = semi_orthogonal(jax.random.key(0), 5, 2)
    >>> bool(jnp.allclose(basis.T @ basis, jnp.eye(2), atol=1e-6))
    True
    """
    checks.key("key", key)
    checks.count("columns", columns, at_least=1)
    checks.count("rows", rows, at_least=1)
    if rows < columns:
        raise ValueError(f"rows must be at least the number of columns, {columns}; got {rows}")
    checks.one_of("dtype", dtype, ("float32", "float64"))
    factor, upper = jnp.linalg.qr(jax.random.normal(key, (rows, columns), dtype))
    return factor * jnp.sign(jnp.diagonal(upper))


def expanded(
    circuit: StudentTeacher, inputs: int, outputs: int, *, key: Array, measured: str = "expanded"
) -> StudentTeacher | ReadBack:
    """A linear circuit with more inputs and outputs than its task has: ``W' = D W B'`` of inputs ``B x``.

    B and D have orthonormal columns. Function, error and norm of the gradient stay as they are. Where the error is measured
    in the expanded outputs, ``normalisation(W' B x - D y*)``, the Hessian is ``1 (x) B C B'`` over all of them, and tr H grows
    as the number of outputs does; where they are brought back first, ``normalisation(D' W' B x - y*)``, it is
    ``D D' (x) B C B'``, and tr H does not grow.

    Args:
        circuit: one layer of linear weights without biases, whose normalisation does not change when errors are embedded:
            `half_squared_error`, not a mean over outputs.
        inputs: how many, at least as many as the circuit's.
        outputs: how many, at least as many as the circuit's.
        key: random key; it decides B and D.
        measured: ``expanded`` or ``original``: which outputs the error is measured in.

    Returns:
        A circuit that starts at ``D W B'`` and whose teacher is ``D W* B'``.

    Raises:
        ValueError: if the circuit is not one linear layer, its normalisation changes, or an argument is out of range.

    Source: Raman, Rotondo and O'Leary (2019), slides, which state both forms as one.

    >>> from plastodyn.circuits import half_squared_error, student_teacher
    >>> small = student_teacher(
    ...     [3, 2], normalisation=half_squared_error, displacement=0.5, inputs=50, key=jax.random.key(0)
    ... )
    >>> large = expanded(small, 9, 4, key=jax.random.key(1))
    >>> large.weights.kernels[0].shape, bool(jnp.allclose(large.loss_at(large.weights), small.loss_at(small.weights)))
    ((4, 9), True)
    """
    _check_expandable(circuit, inputs, outputs, key, measured)
    original, features = circuit.targets.shape[0], circuit.inputs.shape[0]
    key_inputs, key_outputs = jax.random.split(key)
    dtype = str(circuit.inputs.dtype)
    into = semi_orthogonal(key_inputs, inputs, features, dtype)
    out = semi_orthogonal(key_outputs, outputs, original, dtype)
    error = circuit.rates(circuit.weights)[-1] - circuit.targets
    if not jnp.allclose(circuit.normalisation(out @ error), circuit.normalisation(error), rtol=_ROUNDING):
        raise ValueError(
            "circuit must have a normalisation that embedding leaves as it is, such as half_squared_error; got "
            f"{checks.shown(circuit.normalisation)}"
        )

    def embedded(layers: Layers) -> Layers:
        return Layers((out @ layers.kernels[0] @ into.T,))

    student, teacher = embedded(circuit.weights), embedded(circuit.teacher)
    data, targets = into @ circuit.inputs, out @ circuit.targets
    larger = StudentTeacher(student, teacher, (), data, targets, circuit.activations, circuit.normalisation)
    return larger if measured == "expanded" else ReadBack(student, larger, out)


def _check_expandable(circuit: StudentTeacher, inputs: int, outputs: int, key: Array, measured: str) -> None:
    if not isinstance(circuit, StudentTeacher):
        raise ValueError(f"circuit must be a student-teacher circuit; got {type(circuit).__name__}")
    if circuit.activations != ("linear",) or circuit.weights.biases or circuit.fixed_biases:
        raise ValueError(f"circuit must be one linear layer without biases; got activations {circuit.activations}")
    checks.count("inputs", inputs, at_least=circuit.inputs.shape[0])
    checks.count("outputs", outputs, at_least=circuit.targets.shape[0])
    checks.key("key", key)
    checks.one_of("measured", measured, MEASURED)


def enlarged(circuit: StudentTeacher, widths: Sequence[int]) -> StudentTeacher:
    """The same function with more hidden neurons; the weights of the new ones are 0, and learn and fluctuate as all do.

    Args:
        circuit: of any depth and activations.
        widths: units in each layer, inputs first; those of the inputs and outputs stay, and no hidden layer shrinks.

    Returns:
        A circuit that starts at the same function and has the same targets; its teacher is enlarged in the same way.

    Raises:
        ValueError: if the widths do not fit.

    Source: Raman, Rotondo and O'Leary (2019), nonlinear circuits of several sizes.

    >>> from plastodyn.circuits import student_teacher
    >>> small = student_teacher([4, 3, 2], displacement=0.5, inputs=50, key=jax.random.key(0))
    >>> large = enlarged(small, [4, 7, 2])
    >>> large.weights.kernels[0].shape, bool(large.loss_at(large.weights) == small.loss_at(small.weights))
    ((7, 4), True)
    """
    if not isinstance(circuit, StudentTeacher):
        raise ValueError(f"circuit must be a student-teacher circuit; got {type(circuit).__name__}")
    check_widths(widths)
    widths = [int(width) for width in widths]
    present = [circuit.inputs.shape[0], *(kernel.shape[0] for kernel in circuit.weights.kernels)]
    fits = len(widths) == len(present) and all(new >= old for new, old in zip(widths, present, strict=True))
    if not fits or widths[0] != present[0] or widths[-1] != present[-1]:
        raise ValueError(f"widths must be those of the circuit, {present}, with hidden layers as large or larger; got {widths}")

    def padded(kernels: Kernels) -> Kernels:
        shapes = zip(kernels, widths[1:], widths[:-1], strict=True)
        return tuple(_pad(kernel, (rows, columns)) for kernel, rows, columns in shapes)

    def lengthened(biases: Kernels) -> Kernels:
        return tuple(_pad(bias, (width,)) for bias, width in zip(biases, widths[1:], strict=False))

    def grown(layers: Layers) -> Layers:
        return Layers(padded(layers.kernels), lengthened(layers.biases))

    student = grown(circuit.weights)
    teacher = grown(circuit.teacher) if "teacher" in circuit.signals else circuit.teacher
    places = lambda c: (c.weights, c.teacher, c.fixed_biases)  # noqa: E731 - what equinox asks for
    return eqx.tree_at(places, circuit, (student, teacher, lengthened(circuit.fixed_biases)))


def _pad(array: Array, shape: tuple[int, ...]) -> Array:
    return jnp.pad(array, [(0, more - have) for more, have in zip(shape, array.shape, strict=True)])
