"""Student-teacher circuits: a layered network that must keep, or learn, the input-output map of a fixed copy."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from plastodyn import checks
from plastodyn.circuits.layered.layers import ACTIVATIONS, Kernels, activation_names, check_widths, forward, glorot_uniform
from plastodyn.protocol import AbstractCircuit, Moment


class Layers(NamedTuple):
    """The plastic weights of a layered circuit: one (outputs, inputs) kernel a layer, and biases where they learn."""

    kernels: Kernels
    biases: Kernels = ()


_SIGNALS = frozenset({"loss", "presynaptic", "postsynaptic", "nodes", "layers"})


def with_teacher(signals: frozenset[str], weights: Layers, teacher: Layers) -> frozenset[str]:
    """The signals, and the teacher if its arrays are of the student's shapes: only then can a student move towards it.

    >>> weights = Layers((jnp.ones((2, 3)),))
    >>> sorted(with_teacher(frozenset({"loss"}), weights, weights))
    ['loss', 'teacher']
    """
    alike = [kernel.shape for kernel in weights.kernels] == [kernel.shape for kernel in teacher.kernels]
    return signals | {"teacher"} if alike else signals


def mean_squared_error(error: Float[Array, "outputs samples"]) -> Float[Array, ""]:
    """Mean over samples and outputs of the squared error, without the factor 1/2.

    >>> float(mean_squared_error(jnp.array([[1.0, -1.0], [3.0, 1.0]])))
    3.0
    """
    checks.matrix("error", error)
    return _mean(jnp.sum(error**2, axis=0)) / error.shape[0]


def half_squared_error(error: Float[Array, "outputs samples"]) -> Float[Array, ""]:
    """Half the squared error, summed over outputs and averaged over samples.

    >>> float(half_squared_error(jnp.array([[1.0, -1.0], [3.0, 1.0]])))
    3.0
    """
    checks.matrix("error", error)
    return 0.5 * _mean(jnp.sum(error**2, axis=0))


def _mean(values: Float[Array, " samples"]) -> Float[Array, ""]:
    """Mean of a vector as a product: XLA on a CPU otherwise adds up a long vector number by number."""
    return values @ jnp.full(values.size, 1 / values.size, values.dtype)


class StudentTeacher(AbstractCircuit):
    """A student that starts at ``weights`` and is measured against the outputs of ``teacher``; see `student_teacher`."""

    weights: Layers
    teacher: Layers
    fixed_biases: Kernels
    inputs: Float[Array, "features samples"]
    targets: Float[Array, "outputs samples"]
    activations: tuple[str, ...] = eqx.field(static=True)
    normalisation: Callable[[Array], Array] = eqx.field(static=True)

    @property
    def signals(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What it offers; see `with_teacher`."""
        return with_teacher(_SIGNALS, self.weights, self.teacher)

    def rates(self, weights: Layers, perturbations: Kernels | None = None) -> tuple[Array, ...]:
        """Firing rates of every layer, each (features, samples), inputs first."""
        biases = weights.biases or self.fixed_biases
        return forward(weights.kernels, biases, self.activations, self.inputs, perturbations)

    def loss(self, moment: Moment) -> Array:
        """The task error F(w): the normalised squared distance of the outputs from the teacher's."""
        return self.normalisation(self.rates(moment.weights)[-1] - self.targets)

    def presynaptic(self, moment: Moment) -> Layers:
        """Rates of the neurons that send each kernel's synapses, (inputs, samples); ones, (samples,), for biases."""
        *sending, outputs = self.rates(moment.weights)
        ones = jnp.ones(outputs.shape[-1], outputs.dtype)
        return Layers(tuple(sending), tuple(ones for _ in moment.weights.biases))

    def postsynaptic(self, moment: Moment) -> Layers:
        """Rates of the neurons that receive each kernel's synapses, (outputs, samples); the same for biases."""
        _, *receiving = self.rates(moment.weights)
        return Layers(tuple(receiving), tuple(receiving) if moment.weights.biases else ())

    def nodes(self, moment: Moment) -> Callable[[Kernels], tuple[Array, tuple[Array, ...]]]:
        """A function of noise on every unit's drive: loss of each sample, shape (samples,), and the rates."""

        def perturbed(perturbations: Kernels) -> tuple[Array, tuple[Array, ...]]:
            rates = self.rates(moment.weights, perturbations)
            error = rates[-1] - self.targets
            return jax.vmap(lambda column: self.normalisation(column[:, None]), in_axes=1)(error), rates

        return perturbed

    def layers(self, moment: Moment) -> tuple[tuple[Array, ...], tuple[Array, ...], Array]:
        """Rates of every layer, inputs first; slopes phi'(a) of every layer of units; and dF/dy at the outputs."""
        weights = moment.weights
        rates = self.rates(weights)
        biases = weights.biases or self.fixed_biases
        drives = [kernel @ rate for kernel, rate in zip(weights.kernels, rates[:-1], strict=True)]
        if biases:
            drives = [drive + bias[:, None] for drive, bias in zip(drives, biases, strict=True)]
        slopes = tuple(
            jax.jvp(ACTIVATIONS[name], (drive,), (jnp.ones_like(drive),))[1]
            for name, drive in zip(self.activations, drives, strict=True)
        )
        return rates, slopes, jax.grad(self.normalisation)(rates[-1] - self.targets)


def gaussian_inputs(key: Array, features: int, samples: int, dtype: jnp.dtype) -> Float[Array, "features samples"]:
    """Isotropic inputs: independent standard normal components, shape (features, samples).

    >>> gaussian_inputs(jax.random.key(0), 12, 1000, jnp.dtype("float32")).shape
    (12, 1000)
    """
    _check_draw(key, features, samples, dtype)
    return jax.random.normal(key, (features, samples), dtype)


def mixed_inputs(key: Array, features: int, samples: int, dtype: jnp.dtype) -> Float[Array, "features samples"]:
    """Anisotropic inputs x = A z, with one standard-normal matrix A (features x features) for the whole set.

    The law of inputs that the stored results of Raman and O'Leary (2021) agree with.

    >>> mixed_inputs(jax.random.key(0), 12, 1000, jnp.dtype("float32")).shape
    (12, 1000)
    """
    _check_draw(key, features, samples, dtype)
    key_mixing, key_inputs = jax.random.split(key)
    mixing = jax.random.normal(key_mixing, (features, features), dtype)
    return mixing @ gaussian_inputs(key_inputs, features, samples, dtype)


def _check_draw(key: Array, features: int, samples: int, dtype: jnp.dtype) -> None:
    checks.key("key", key)
    checks.count("features", features, at_least=1)
    checks.count("samples", samples, at_least=1)
    checks.precision("dtype", dtype)


InputLaw = Callable[[Array, int, int, jnp.dtype], Array]


def student_teacher(
    widths: Sequence[int],
    *,
    key: Array,
    hidden: str | Sequence[str] = "sigmoid",
    output: str = "linear",
    inputs: int | Array = 1000,
    input_law: InputLaw = gaussian_inputs,
    normalisation: Callable[[Array], Array] = mean_squared_error,
    displacement: float = 1e-3,
    teacher: Sequence[Array] | None = None,
    student: Sequence[Array] | None = None,
    biases: bool = False,
    plastic_biases: bool = False,
    dtype: str = "float32",
) -> StudentTeacher:
    """A layered student that is to have the input-output map of its teacher, by default the network that it starts from.

    Unless told otherwise the student starts at ``(1 + displacement z) w_teacher``, one standard normal z for all
    weights: at exactly the teacher the first gradient has no direction. The loss is
    ``normalisation(y(w) - y(w_teacher))``.

    Args:
        widths: units in each layer, inputs first, such as ``[12, 20, 10]``.
        key: random key; it decides the teacher, the inputs and the displacement.
        hidden: ``sigmoid``, ``tanh``, ``relu`` or ``linear``, for all hidden layers or one for each.
        output: the activation of the last layer.
        inputs: how many inputs to draw, or the inputs themselves, shape (widths[0], samples).
        input_law: function of (key, features, samples, dtype) that draws them.
        normalisation: function from the error, shape (outputs, samples), to the loss, averaging over samples:
            `mean_squared_error` or `half_squared_error`.
        displacement: relative distance between student and teacher at the start.
        teacher: kernels of the teacher, (outputs, inputs) each, between the same inputs and outputs; its hidden layers may be
            of other widths. Glorot's uniform law unless given.
        student: kernels at which the student starts; the displaced teacher unless given, or, beside a teacher of other
            widths, Glorot's uniform law.
        biases: give each unit a bias; it starts at 0.
        plastic_biases: let biases learn and fluctuate as weights do; otherwise they stay fixed.
        dtype: ``float32`` or ``float64`` (the latter needs JAX's x64 mode).

    Returns:
        A circuit with signals ``loss``, ``teacher`` (of the student's widths), ``presynaptic``, ``postsynaptic``, ``nodes``
        and ``layers``.

    Raises:
        ValueError: if a width, activation, number of inputs or the shape of given inputs is not valid.

    Source: Raman and O'Leary (2021), methods: 12-20-10 and 12-10 circuits, 1000 inputs, 440 and 120 weights.

    >>> circuit = student_teacher([12, 20, 10], key=jax.random.key(0))
    >>> sum(kernel.size for kernel in circuit.weights.kernels)
    440
    >>> bool(circuit.loss_at(circuit.teacher) == 0)
    True
    """
    check_widths(widths)
    widths = list(widths)
    checks.key("key", key)
    checks.one_number("displacement", displacement)
    checks.flag("biases", biases)
    checks.flag("plastic_biases", plastic_biases)
    checks.function("input_law", input_law, takes=4, of=" of (key, features, samples, dtype)")
    checks.function("normalisation", normalisation, takes=1, of=" of the error")
    checks.one_of("dtype", dtype, ("float32", "float64"))
    activations = activation_names(widths, hidden, output)
    kind = jnp.zeros((), dtype).dtype
    key_weights, key_inputs, key_displacement = jax.random.split(key, 3)
    data = _inputs(inputs, input_law, key_inputs, widths[0], kind)

    master = widths if teacher is None else _teacher_widths(teacher, widths)
    drawn = glorot_uniform(key_weights, widths, kind)
    goal = drawn if teacher is None else _kernels("teacher", teacher, master, kind)
    factor = 1 + float(displacement) * jax.random.normal(key_displacement, (), kind)
    own = tuple(factor * kernel for kernel in goal) if master == widths else drawn
    start = own if student is None else _kernels("student", student, widths, kind)

    resting = biases or plastic_biases
    zeros, zeros_there = (tuple(jnp.zeros(n, kind) for n in sizes[1:]) if resting else () for sizes in (widths, master))
    targets = forward(goal, zeros_there, activation_names(master, hidden, output), data)[-1]
    checks.scalar_loss("normalisation", normalisation, targets)
    weights = Layers(start, zeros if plastic_biases else ())
    answer = Layers(goal, zeros_there if plastic_biases else ())
    return StudentTeacher(weights, answer, () if plastic_biases else zeros, data, targets, activations, normalisation)


def _teacher_widths(teacher: Sequence[Array], widths: list[int]) -> list[int]:
    """Units in each layer of a given teacher, whose inputs and outputs are the student's."""
    shapes = [jnp.shape(kernel) for kernel in teacher] if isinstance(teacher, list | tuple) else []
    chained = all(len(shape) == 2 for shape in shapes) and all(after[1] == before[0] for before, after in pairwise(shapes))
    if not shapes or not chained or (shapes[0][1], shapes[-1][0]) != (widths[0], widths[-1]):
        return widths  # What is wrong with it is said where it is read.
    return [widths[0], *(shape[0] for shape in shapes)]


def _kernels(name: str, kernels: Sequence[Array], widths: list[int], dtype: jnp.dtype) -> Kernels:
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    if not isinstance(kernels, list | tuple):
        checks.refuse(name, kernels, f"a list of kernels of shapes {shapes}")
    for layer, kernel in enumerate(kernels):
        checks.number(f"{name}[{layer}]", kernel)
    found = tuple(jnp.asarray(kernel, dtype) for kernel in kernels)
    if [kernel.shape for kernel in found] != shapes:
        raise ValueError(f"{name} must hold kernels of shapes {shapes}; got {[kernel.shape for kernel in found]}")
    checks.weights(name, found)
    return found


def _inputs(inputs: int | Array, law: InputLaw, key: Array, features: int, dtype: jnp.dtype) -> Array:
    if isinstance(inputs, int | np.integer):
        checks.count("inputs", inputs, at_least=1)
        try:
            drawn = law(key, features, int(inputs), dtype)
        except Exception as error:
            first = (str(error).strip() or "no message").splitlines()[0]
            raise ValueError(f"input_law failed: {type(error).__name__}: {first}") from error
        if getattr(drawn, "shape", None) != (features, inputs):
            raise ValueError(f"input_law must return an array of shape {(features, inputs)}; got {checks.shown(drawn)}")
        return drawn
    checks.number("inputs", inputs)
    data = jnp.asarray(inputs, dtype)
    if data.ndim != 2 or data.shape[0] != features:
        raise ValueError(f"inputs must have shape ({features}, samples), features first; got {data.shape}")
    checks.weights("inputs", data)
    return data
