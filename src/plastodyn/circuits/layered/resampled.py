"""Minibatches: a circuit whose rule is taught by inputs redrawn at every step."""

from collections.abc import Callable

import equinox as eqx
import jax
from jax import Array

from plastodyn import checks
from plastodyn.circuits.layered.layers import Kernels
from plastodyn.circuits.layered.student_teacher import Layers, StudentTeacher
from plastodyn.protocol import AbstractCircuit, Moment


class Resampled(AbstractCircuit):
    """A student-teacher circuit whose rule sees a fresh draw of the inputs at each step; see `resampled`.

    Observables read its signals over the whole set of inputs.
    """

    weights: Layers
    circuit: StudentTeacher
    samples: int = eqx.field(static=True)

    @property
    def signals(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Those of the inner circuit."""
        return self.circuit.signals

    @property
    def teacher(self) -> Layers:
        """The weights of the teacher."""
        return self.circuit.teacher

    def loss(self, moment: Moment) -> Array:
        """The task error over the whole set of inputs."""
        return self.circuit.loss(moment)

    def presynaptic(self, moment: Moment) -> Layers:
        """As of the inner circuit."""
        return self.circuit.presynaptic(moment)

    def postsynaptic(self, moment: Moment) -> Layers:
        """As of the inner circuit."""
        return self.circuit.postsynaptic(moment)

    def nodes(self, moment: Moment) -> Callable[[Kernels], tuple[Array, Kernels]]:
        """As of the inner circuit."""
        return self.circuit.nodes(moment)

    def layers(self, moment: Moment) -> tuple[Kernels, Kernels, Array]:
        """As of the inner circuit."""
        return self.circuit.layers(moment)

    def sample(self, key: Array) -> StudentTeacher:
        """The circuit on ``samples`` inputs drawn with replacement."""
        available = self.circuit.inputs.shape[1]
        chosen = jax.random.randint(key, (self.samples,), 0, available)
        return eqx.tree_at(
            lambda c: (c.inputs, c.targets),
            self.circuit,
            (self.circuit.inputs[:, chosen], self.circuit.targets[:, chosen]),
        )


def resampled(circuit: StudentTeacher, samples: int | None = None) -> Resampled:
    """The same circuit, its rule taught at each step by inputs redrawn with replacement from the fixed set.

    The bootstrap of the script of Raman and O'Leary (2021) draws as many as there are; fewer make a minibatch.

    Args:
        circuit: a student-teacher circuit.
        samples: inputs a step; as many as the circuit has, unless given.

    Raises:
        ValueError: if ``circuit`` is another one (see `minibatches` for a loss of your own), or ``samples`` is not a positive
            whole number.

    >>> from plastodyn.circuits import student_teacher
    >>> circuit = student_teacher([3, 2], inputs=50, key=jax.random.key(0))
    >>> resampled(circuit, samples=10).sample(jax.random.key(1)).inputs.shape
    (3, 10)
    """
    if not isinstance(circuit, StudentTeacher):
        raise ValueError(
            "circuit must be a student-teacher circuit, whose inputs are redrawn; for a loss of your own see "
            f"pd.circuits.minibatches; got {type(circuit).__name__}"
        )
    samples = circuit.inputs.shape[1] if samples is None else samples
    checks.count("samples", samples, at_least=1)
    return Resampled(circuit.weights, circuit, samples)
