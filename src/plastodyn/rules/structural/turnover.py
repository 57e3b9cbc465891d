"""Edges that come and go: weak ones are pruned, and aligned neighbours of neighbours are connected, in fixed slots."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from plastodyn import checks
from plastodyn.protocol import Event, Moment, Rule, event
from plastodyn.rules.structural.slots import graph_of
from plastodyn.rules.wrap.gated import Gate
from plastodyn.tree import Weights
from plastodyn.types import Noise, Number, Parameter

_WATCHED = 4
"""Pairs watched for each that may be connected at a time."""
_WAYS = 16
"""Random ways of two edges tried for each."""
_OPEN = 0.5
"""Of the gate: below it nothing is pruned, since nothing had a chance to grow."""


class Turnover(NamedTuple):
    """What the rule remembers: when edges were born, and pairs that may be connected next.

    ``born`` has shape (k, n), in units of time; ``pairs`` (2, m), an oscillator and a neighbour of its neighbours;
    ``together`` (m,), the running mean of the cosine of their phase difference.
    """

    born: Float[Array, "slots oscillators"]
    pairs: Int[Array, "two watched"]
    together: Float[Array, " watched"]


class PruneAndSprout(Rule):
    """Weak old edges are freed and aligned pairs connected; see `prune_and_sprout`."""

    weak: Parameter
    least_age: Parameter
    first_weight: Parameter
    alignment: Parameter
    averaging_time: Parameter
    gate: Gate | None
    every: float = eqx.field(static=True)
    most_pruned: int = eqx.field(static=True)
    most_sprouted: int = eqx.field(static=True)

    @property
    def reads(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What the gate reads."""
        return frozenset() if self.gate is None else self.gate.reads

    @property
    def events(self) -> tuple[Event, ...]:
        """The turnover."""
        return (event(self.turn_over, every=self.every),)

    @property
    def writes(self) -> frozenset[str]:
        """Who is whose neighbour."""
        return frozenset({"neighbours"})

    def init(self, moment: Moment, key: Array) -> Turnover:
        """All edges are born at the start."""
        graph = graph_of(moment, "prune_and_sprout")
        if self.gate is not None and self.gate.start(moment, key) is not None:
            raise ValueError("gate of prune_and_sprout must be one without a memory: it is read at the event alone")
        if self.gate is not None and jnp.ndim(self.gate.opening(moment, None)):
            raise ValueError("gate of prune_and_sprout must give one number, as one on the coherence of all does")
        pairs = watched_pairs(graph.neighbours, _WATCHED * self.most_sprouted, key)
        return Turnover(jnp.zeros_like(moment.weights), pairs, _alignment(moment, pairs))

    def increment(self, moment: Moment, state: Turnover, dt: Array, noise: Noise) -> tuple[Weights | None, Turnover]:
        """No change of weights; the running means move on."""
        del noise
        share = -jnp.expm1(-dt / self.averaging_time)
        moved = state.together + share * (_alignment(moment, state.pairs) - state.together)
        return None, state._replace(together=moved.astype(state.together.dtype))

    def turn_over(self, moment: Moment, state: Turnover, key: Array) -> tuple[Moment, Turnover]:
        """Prune, sprout, and choose whom to watch until the next event."""
        graph = moment.structure
        neighbours, weights = self._pruned(moment, state)
        neighbours, weights, born = self._sprouted(neighbours, weights, moment.time, state)
        pairs = watched_pairs(neighbours, state.pairs.shape[1], key)
        after = moment.replace(weights=weights, structure=graph._replace(neighbours=neighbours))
        return after, Turnover(born, pairs, _alignment(moment, pairs))

    def _pruned(self, moment: Moment, state: Turnover) -> tuple[Array, Array]:
        """Neighbours and weights without the weakest of the old edges that are weak."""
        near, weights = moment.structure.neighbours, moment.weights
        own = jnp.arange(near.shape[1], dtype=near.dtype)
        opening = 1.0 if self.gate is None else self.gate.opening(moment, None)
        size, old = jnp.abs(weights), moment.time - state.born >= self.least_age
        ready = (near != own) & (size < self.weak) & old & (opening > _OPEN)
        strength, which = jax.lax.top_k(jnp.where(ready, -size, -jnp.inf).reshape(-1), min(self.most_pruned, near.size))
        slot, column = jnp.unravel_index(which, near.shape)
        # An index beyond the end is left out.
        slot = jnp.where(jnp.isfinite(strength), slot, near.shape[0])
        return near.at[slot, column].set(column.astype(near.dtype), mode="drop"), weights.at[slot, column].set(0, mode="drop")

    def _sprouted(self, near: Array, weights: Array, time: Array, state: Turnover) -> tuple[Array, Array, Array]:
        """Neighbours, weights and births with the most aligned of the watched pairs connected."""
        best, order = jax.lax.top_k(state.together, self.most_sprouted)

        def connect(place: Array, edges: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            near, weights, born = edges
            one, other = state.pairs[:, order[place]]
            column = near[:, one]
            slot = jnp.argmax(column == one)
            wanted = (best[place] > self.alignment) & (column[slot] == one) & ~(column == other).any() & (one != other)
            slot = jnp.where(wanted, slot, near.shape[0])
            return (
                near.at[slot, one].set(other, mode="drop"),
                weights.at[slot, one].set(self.first_weight, mode="drop"),
                born.at[slot, one].set(time, mode="drop"),
            )

        return jax.lax.fori_loop(0, self.most_sprouted, connect, (near, weights, state.born))


def watched_pairs(neighbours: Int[Array, "slots oscillators"], count: int, key: Array) -> Int[Array, "two watched"]:
    """Pairs (i, l), where i has a free slot and l is a neighbour of a neighbour of i and not yet its own, drawn at random.

    (0, 0) where none was found.

    Args:
        neighbours: shape (k, n).
        count: how many.
        key: random key.

    >>> watched_pairs(jnp.array([[1, 2, 1], [0, 0, 2]]), 2, jax.random.key(0)).tolist()
    [[2, 0], [0, 2]]
    """
    slots, units = neighbours.shape
    key_start, key_ways = jax.random.split(key)
    free = (neighbours == jnp.arange(units)).any(0)
    # The first with a free slot behind a random place, so that all come to their turn.
    start = jax.random.randint(key_start, (), 0, units)
    turned = jnp.nonzero(jnp.roll(free, -start), size=count, fill_value=-1)[0]
    turned = turned[jnp.arange(count) % jnp.clip(free.sum(), 1, count)]
    one = jnp.where(turned < 0, 0, (turned + start) % units)
    first, second = jax.random.randint(key_ways, (2, _WAYS, count), 0, slots)
    middle = neighbours[first, one]
    others = neighbours[second, middle]
    # A way over a free slot leads back, or to one that is known.
    new = (others != one) & ~(neighbours[:, None, one] == others).any(0)
    found = jnp.take_along_axis(others, jnp.argmax(new, 0)[None], 0)[0]
    return jnp.where((turned < 0) | ~new.any(0), 0, jnp.stack([one.astype(found.dtype), found]))


def _alignment(moment: Moment, pairs: Array) -> Array:
    found = jnp.cos(moment.activity[pairs[0]] - moment.activity[pairs[1]])
    return jnp.where(pairs[0] == pairs[1], -1, found)


def prune_and_sprout(
    every: float,
    *,
    weak: Number = 0.01,
    least_age: Number = 50.0,
    first_weight: Number = 0.05,
    alignment: Number = 0.7,
    averaging_time: Number = 5.0,
    gate: Gate | None = None,
    most_pruned: int = 50,
    most_sprouted: int = 20,
) -> PruneAndSprout:
    """Structural plasticity by turnover: weak old edges are freed, aligned neighbours of neighbours connected.

    An edge is pruned if ``|W| < weak``, it is older than ``least_age`` and the gate is more than half open; its slot then
    holds the oscillator's own number. A free slot of i is filled with a neighbour l of a neighbour if the running mean of
    ``cos(theta_i - theta_l)`` since the last event exceeds ``alignment``. No oscillator gets an edge to itself, a second one
    to the same other, or more than k. Slots are this rule's alone: it cannot be joined with `hyperbolic_drift`.

    Args:
        every: units of time between two events; a whole number of steps.
        weak: of weights, above 0; a number or an axis. Hays: 0.01 eta / lambda.
        least_age: units of time, at least 0. Hays: 1 / (eps lambda), so that an edge has had time to grow.
        first_weight: of a new edge. Hays: 0.05 eta / lambda.
        alignment: from -1 to 1.
        averaging_time: of the running mean, above 0.
        gate: one without a memory that gives one number, such as `coherence_gate`; open unless given.
        most_pruned: edges freed at an event, at least 1.
        most_sprouted: edges made at an event, at least 1.

    Raises:
        ValueError: if an argument is out of range; when joined to a circuit without ``neighbours``.

    Source: Hays (2026); constants of its parent on resonant sparse geometry networks. Whom to watch is this project's choice.

    >>> rule = prune_and_sprout(every=2.5, gate=None)
    """
    checks.one_number("every", every, above=0)
    checks.parameter("weak", weak, above=0)
    checks.parameter("least_age", least_age, at_least=0)
    checks.parameter("first_weight", first_weight)
    checks.parameter("alignment", alignment, at_least=-1, at_most=1)
    checks.parameter("averaging_time", averaging_time, above=0)
    checks.count("most_pruned", most_pruned, at_least=1)
    checks.count("most_sprouted", most_sprouted, at_least=1)
    if gate is not None:
        checks.instance("gate", gate, Gate, "a gate, such as pd.rules.coherence_gate(20.0, 0.5)")
    rule = PruneAndSprout(
        weak, least_age, first_weight, alignment, averaging_time, gate, every, int(most_pruned), int(most_sprouted)
    )
    _ = rule.events
    return rule
