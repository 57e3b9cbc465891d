"""What a circuit is: weights, signals, and optionally a fast activity, a structure and events that change it."""

import math
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from plastodyn.protocol.event import Event
from plastodyn.protocol.moment import Moment
from plastodyn.protocol.symmetry import Symmetry
from plastodyn.tree import Weights
from plastodyn.types import Activity, Structure


class AbstractCircuit(eqx.Module):
    """A circuit offers ``weights``, where learning starts, and the signals that it names.

    A signal is data, or a method of the `Moment`, of the same name. A rule declares the signals it reads, and the two
    are checked against each other when they are joined. The fields of a circuit are arrays that the engine may batch,
    so a subclass stores its data as arrays.

    Raises:
        ValueError: when a class is made that names a signal it does not have.

    >>> class Broken(AbstractCircuit):
    ...     weights: Array
    ...     signals = frozenset({"loss"})
    Traceback (most recent call last):
    ...
    ValueError: Broken names the signal 'loss' and has no attribute or method of that name
    """

    weights: eqx.AbstractVar[Weights]
    signals: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **arguments: object) -> None:
        super().__init_subclass__(**arguments)
        if isinstance(cls.signals, property):
            # A circuit made of others offers theirs, each through `read`.
            return
        if isinstance(cls.signals, str):
            raise ValueError(f"signals of {cls.__name__} must be a set of names; got {cls.signals!r}")
        fields = {name for base in cls.__mro__ for name in vars(base).get("__annotations__", {})}
        for name in sorted(cls.signals):
            if name not in fields and not hasattr(cls, name):
                raise ValueError(f"{cls.__name__} names the signal {name!r} and has no attribute or method of that name")

    @property
    def symmetries(self) -> frozenset[Symmetry]:
        """What a rule must keep for this circuit to be exact; most circuits ask for nothing."""
        return frozenset()

    @property
    def activity(self) -> Activity:
        """Fast state at the start (firing rates, phases), floating-point; ``None`` where the circuit has none."""
        return None

    @property
    def structure(self) -> Structure:
        """Arrays of any type (neighbours, masks, ages) that only events change; ``None`` where the circuit has none."""
        return None

    @property
    def events(self) -> tuple[Event, ...]:
        """What happens at known instants, ``action(moment, key) -> moment``; see `event`."""
        return ()

    @property
    def fastest_rate(self) -> float:
        """The fastest rate at which the activity settles, per unit of time; 0 where it is not known. `simulate` warns by it."""
        return 0.0

    def longest_duration(self, dt: float) -> float:
        """Units of time up to which the activity's precision bears steps of this length, where that is known."""
        del dt
        return math.inf

    def read(self, signal: str, moment: Moment) -> Any:
        """One of its signals at a moment: the data of that name, or what the method returns."""
        found = getattr(self, signal)
        return found(moment) if callable(found) else found

    def sample(self, key: Array) -> "AbstractCircuit":
        """The circuit as plasticity sees it during one step: itself, unless its inputs are redrawn."""
        del key
        return self

    def activity_velocity(self, moment: Moment) -> Activity:
        """Time derivative of the activity."""
        return jax.tree.map(jnp.zeros_like, moment.activity)

    def activity_increment(self, moment: Moment, dt: Array, key: Array) -> Activity:
        """Random change of the activity over ``dt``; ``None`` where it has none."""
        del moment, dt, key
        return None

    @property
    def start(self) -> Moment:
        """The circuit before its first step."""
        time = jnp.zeros((), jnp.result_type(*jax.tree.leaves(self.weights)))
        return Moment(self, self.weights, time, self.activity, self.structure)

    def loss_at(self, weights: Weights) -> Array:
        """The task error F(w), all else as at the start: the function of the weights that `measure` and gradients take."""
        return self.start.at(weights).loss()
