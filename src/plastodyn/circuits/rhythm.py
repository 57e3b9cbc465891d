"""A circuit that learns while a rhythm of its own runs beside it: any memory, and the oscillators that pace it."""

from typing import Any

from jax import Array

from plastodyn import checks
from plastodyn.protocol import AbstractCircuit, Event, Moment, Symmetry
from plastodyn.tree import Weights
from plastodyn.types import Activity, Structure


class WithRhythm(AbstractCircuit):
    """The weights and signals of one circuit, the activity and signals of another; see `with_rhythm`."""

    weights: Weights
    circuit: AbstractCircuit
    rhythm: AbstractCircuit

    @property
    def signals(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Those of both."""
        return self.circuit.signals | self.rhythm.signals

    @property
    def symmetries(self) -> frozenset[Symmetry]:
        """Those of the circuit that learns."""
        return self.circuit.symmetries

    @property
    def events(self) -> tuple[Event, ...]:
        """Those of the circuit that learns."""
        return self.circuit.events

    @property
    def activity(self) -> Activity:
        """That of the rhythm."""
        return self.rhythm.activity

    @property
    def structure(self) -> Structure:
        """That of the rhythm."""
        return self.rhythm.structure

    @property
    def fastest_rate(self) -> float:
        """That of the rhythm."""
        return self.rhythm.fastest_rate

    def longest_duration(self, dt: float) -> float:
        """That of the rhythm."""
        return self.rhythm.longest_duration(dt)

    def read(self, signal: str, moment: Moment) -> Any:
        """A signal of the part that offers it."""
        if signal in self.rhythm.signals:
            return self._rhythmic(moment).signal(signal)
        return Moment(self.circuit, moment.weights, moment.time).signal(signal)

    def sample(self, key: Array) -> "WithRhythm":
        """With inputs redrawn, where the circuit that learns redraws them."""
        return WithRhythm(self.weights, self.circuit.sample(key), self.rhythm)

    def activity_velocity(self, moment: Moment) -> Activity:
        """That of the rhythm, which knows nothing of what is learned."""
        return self.rhythm.activity_velocity(self._rhythmic(moment))

    def activity_increment(self, moment: Moment, dt: Array, key: Array) -> Activity:
        """That of the rhythm."""
        return self.rhythm.activity_increment(self._rhythmic(moment), dt, key)

    def _rhythmic(self, moment: Moment) -> Moment:
        return Moment(self.rhythm, self.rhythm.weights, moment.time, moment.activity, moment.structure)


def with_rhythm(circuit: AbstractCircuit, rhythm: AbstractCircuit) -> WithRhythm:
    """A circuit that learns beside a rhythm, so that any rule for it can be gated by the rhythm's coherence.

    The rhythm's own weights stay as they are, and it knows nothing of what is learned. Of its signals ``coherence`` is one
    number and gates any rule; those with a number for each oscillator fit weights of as many rows only, and their row i then
    goes with oscillator i.

    Args:
        circuit: what learns: one without an activity of its own, such as `tracking`, `student_teacher` or a loss of yours.
        rhythm: one with an activity, such as `kuramoto`.

    Returns:
        A circuit with the weights of the first, the activity of the second and the signals of both.

    Raises:
        ValueError: if the first has an activity or a structure, the second has none or has events, or both offer a signal of
            one name.

    Source: this project.

    >>> import jax
    >>> from plastodyn import circuits
    >>> pair = circuits.kuramoto([0.5, -0.5], coupling=0.5, phases=[0.0, 0.0])
    >>> both = with_rhythm(circuits.tracking([0.5, 0.25]), pair)
    >>> float(both.start.loss()), float(both.start.signal("coherence"))
    (0.03125, 1.0)
    """
    checks.instance("circuit", circuit, AbstractCircuit, "a plastodyn circuit, such as pd.circuits.tracking()")
    checks.instance("rhythm", rhythm, AbstractCircuit, "a plastodyn circuit, such as pd.circuits.kuramoto(...)")
    if circuit.activity is not None or circuit.structure is not None:
        raise ValueError(f"circuit must have no activity and no structure of its own; {type(circuit).__name__} has")
    if rhythm.activity is None or rhythm.events:
        got = "no activity" if rhythm.activity is None else "events"
        raise ValueError(f"rhythm must have an activity and no events; {type(rhythm).__name__} has {got}")
    if both := sorted(circuit.signals & rhythm.signals):
        raise ValueError(f"circuit and rhythm must offer signals of different names; both offer {', '.join(both)}")
    return WithRhythm(circuit.weights, circuit, rhythm)
