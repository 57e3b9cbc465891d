"""Gates: plasticity that acts only as far as a function of the circuit's state lets it."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from plastodyn import checks, tree
from plastodyn.protocol import Moment, Rule, Scaled, Wrapped
from plastodyn.tree import Weights
from plastodyn.types import Number, Parameter, State


class Gate(eqx.Module):
    """A number for each moment, and what it remembers from step to step; see `gated`."""

    @property
    def reads(self) -> frozenset[str]:
        """The signals that it needs."""
        return frozenset()

    def start(self, moment: Moment, key: Array) -> State:
        """Its memory at the start; ``None`` where it has none."""
        del moment, key
        return None

    def opening(self, moment: Moment, memory: State) -> Array:
        """How far it is open: a scalar, or an array that broadcasts against the weights."""
        raise NotImplementedError

    def remember(self, memory: State, moment: Moment, dt: Array) -> State:
        """Its memory after a step of length ``dt`` from this moment."""
        del moment, dt
        return memory


class Memoryless(Gate):
    """A function of the moment as a gate."""

    function: Callable[[Moment], Array]

    @property
    def reads(self) -> frozenset[str]:
        """The signals that the function declares, where it declares any."""
        return frozenset(getattr(self.function, "reads", ()))

    def opening(self, moment: Moment, memory: None) -> Array:
        """The function's value."""
        del memory
        return self.function(moment)


class Averaged(Gate):
    """A running mean of another gate; see `averaged`."""

    gate: Gate
    averaging_time: Parameter

    @property
    def reads(self) -> frozenset[str]:
        """What the inner gate reads."""
        return self.gate.reads

    def start(self, moment: Moment, key: Array) -> tuple[State, Array]:
        """The inner memory, and the inner gate's value at the start."""
        inner = self.gate.start(moment, key)
        return inner, jnp.asarray(self.gate.opening(moment, inner))

    def opening(self, moment: Moment, memory: tuple[State, Array]) -> Array:
        """The running mean."""
        del moment
        return memory[1]

    def remember(self, memory: tuple[State, Array], moment: Moment, dt: Array) -> tuple[State, Array]:
        """``m <- m + (1 - exp(-dt / tau)) (g - m)``."""
        inner, mean = memory
        share = -jnp.expm1(-dt / self.averaging_time)
        now = self.gate.opening(moment, inner)
        return self.gate.remember(inner, moment, dt), mean + jnp.asarray(share * (now - mean), mean.dtype)


class Gated(Wrapped):
    """A rule multiplied by a gate; see `gated`."""

    rule: Rule
    gate: Gate

    @property
    def reads(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The signals that the gate declares."""
        return self.gate.reads

    def start(self, moment: Moment, key: Array) -> State:
        """The gate's memory."""
        return self.gate.start(moment, key)

    def transform(self, change: Weights, moment: Moment, own: State, dt: Array | float) -> Weights:
        """The gate's opening times the change."""
        del dt
        opening = jnp.asarray(self.gate.opening(moment, own))
        for leaf in jax.tree.leaves(change):
            _check_fits(opening.shape, leaf.shape)
        return tree.scale(opening, change)

    def remember(self, own: State, moment: Moment, dt: Array) -> State:
        """The gate's memory, one step later."""
        return self.gate.remember(own, moment, dt)


def gated(rule: Rule, gate: Gate | Callable[[Moment], Array] | float | Array) -> Wrapped:
    """A rule that acts only as far as a gate is open: ``dw -> g dw``.

    Args:
        rule: the rule to gate.
        gate: a number, an axis, a function of the `Moment` that returns a scalar, or a `Gate`, which may have a memory,
            such as `averaged` makes. A function may carry an attribute ``reads`` that names the signals it needs.

    Raises:
        ValueError: if a fixed gate is not finite.

    Source: the gate on plasticity of Hebbian-oscillatory co-learning (Hays 2026).

    >>> from plastodyn import rules
    >>> import jax.numpy as jnp
    >>> rule = gated(rules.gradient(0.1), lambda moment: jnp.cos(moment.time) ** 2)
    """
    checks.instance("rule", rule, Rule, "a plastodyn rule, such as pd.rules.gradient(0.1)")
    if isinstance(gate, Gate):
        return Gated(rule, gate)
    if callable(gate):
        checks.function("gate", gate, takes=1, of=" of the moment")
        return Gated(rule, Memoryless(gate))
    checks.parameter("gate", gate)
    return Scaled(rule, gate)


def _check_fits(opening: tuple[int, ...], weights: tuple[int, ...]) -> None:
    """Refuse a gate that opens by more numbers than the weights have places for."""
    try:
        fits = jnp.broadcast_shapes(opening, weights) == weights
    except ValueError:
        fits = False
    if not fits:
        wanted = "one number, or an array that broadcasts against the weights"
        raise ValueError(f"gate must open by {wanted}, shape {weights}; got shape {opening}")


def averaged(gate: Gate | Callable[[Moment], Array], averaging_time: Number) -> Averaged:
    """A gate with a memory: the running mean of another, ``tau dm/dt = g - m``, started at g.

    Args:
        gate: a function of the `Moment` that returns a scalar, or a `Gate`.
        averaging_time: tau, in units of time (steps), above 0; a number or an axis.

    Raises:
        ValueError: if ``gate`` is no gate, or ``averaging_time`` not positive.

    Source: this project.

    >>> from plastodyn import rules
    >>> rule = gated(rules.gradient(0.1), averaged(lambda moment: jnp.cos(moment.time), averaging_time=20.0))
    """
    checks.parameter("averaging_time", averaging_time, above=0)
    if not isinstance(gate, Gate):
        checks.function("gate", gate, takes=1, of=" of the moment, or a gate")
    return Averaged(gate if isinstance(gate, Gate) else Memoryless(gate), averaging_time)
