"""The moment: all that a signal, a rule, an event or an observable may read, in one argument."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
from jax import Array

from plastodyn.tree import Weights
from plastodyn.types import Activity, State, Structure

if TYPE_CHECKING:
    from plastodyn.protocol.circuit import AbstractCircuit
    from plastodyn.protocol.rule import Rule


class Moment(eqx.Module):
    """A circuit at one instant: its weights, fast activity, structure and the time.

    Rules and circuits read signals through it; `check_joined` has made sure that the circuit offers what the rule
    declares. Observables, and they alone, also find the ``rule`` that moves the weights and its ``state``.

    >>> import jax.numpy as jnp, plastodyn as pd
    >>> moment = pd.Circuit(lambda w: jnp.sum(w**2), jnp.ones(3)).start
    >>> float(moment.loss()), moment.gradient().tolist(), float(moment.at(jnp.zeros(3)).loss())
    (3.0, [2.0, 2.0, 2.0], 0.0)
    """

    circuit: AbstractCircuit
    weights: Weights
    time: Array
    activity: Activity = None
    structure: Structure = None
    rule: Rule | None = None
    state: State = None

    def signal(self, name: str) -> Any:
        """A signal of the circuit here, by name.

        Raises:
            ValueError: if the circuit does not offer it.
        """
        if name not in self.circuit.signals:
            raise ValueError(missing(self.circuit, f"the signal {name!r} is read"))
        return self.circuit.read(name, self)

    def loss(self) -> Array:
        """The task error F, the signal ``loss``."""
        return self.signal("loss")

    def gradient(self) -> Weights:
        """The gradient of the task error with respect to the weights."""
        return jax.grad(lambda weights: self.at(weights).loss())(self.weights)

    def at(self, weights: Weights) -> Moment:
        """The same instant at other weights."""
        return replace(self, weights=weights)

    def replace(self, **changes: Any) -> Moment:
        """The moment with other ``weights``, ``activity`` or ``structure``: what an event returns."""
        return replace(self, **changes)


def missing(circuit: AbstractCircuit, complaint: str) -> str:
    """A complaint about a signal, and what the circuit offers instead."""
    offered = ", ".join(map(repr, sorted(circuit.signals))) or "no signals"
    return f"{complaint}, which the circuit does not offer; {type(circuit).__name__} offers {offered}"
