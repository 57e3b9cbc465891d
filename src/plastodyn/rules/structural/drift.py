"""Oscillators that move towards those they are bound to, in hyperbolic space, and are wired to who is near."""

from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from plastodyn import checks
from plastodyn.geometry import (
    LARGEST_NORM,
    Nearby,
    candidate_count,
    distance,
    exponential,
    into_ball,
    logarithm,
    refreshed,
)
from plastodyn.protocol import Event, Moment, Rule, event
from plastodyn.rules.structural.slots import carried, positions_of
from plastodyn.rules.wrap.gated import Gate
from plastodyn.types import Number, Parameter

_FAINT = 1e-8
"""Added to the sum of weights, so that an oscillator without any is not pulled."""


class HyperbolicDrift(Rule):
    """Positions follow the weights, and neighbours the positions; see `hyperbolic_drift`."""

    rate: Parameter
    spacing: Parameter
    gate: Gate | None
    every: float = eqx.field(static=True)

    @property
    def reads(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What the gate reads."""
        return frozenset() if self.gate is None else self.gate.reads

    @property
    def events(self) -> tuple[Event, ...]:
        """The drift, and the wiring that follows it."""
        return (event(self.move, every=self.every),)

    @property
    def writes(self) -> frozenset[str]:
        """Who is whose neighbour."""
        return frozenset({"neighbours"})

    def init(self, moment: Moment, key: Array) -> Nearby:
        """A table of who is near whom that knows nothing yet."""
        positions = positions_of(moment, "hyperbolic_drift")
        neighbours = moment.structure.neighbours
        if len(neighbours) >= len(positions):
            raise ValueError(f"hyperbolic_drift needs fewer slots than oscillators, {len(positions)}; got {len(neighbours)}")
        if self.gate is not None and self.gate.start(moment, key) is not None:
            raise ValueError("gate of hyperbolic_drift must be one without a memory: it is read at the drift alone")
        slots, units = neighbours.shape
        # A reach of less than nothing: the first drift searches for all.
        candidates = jnp.zeros((candidate_count(units, slots), units), neighbours.dtype)
        return _table(neighbours, candidates, jnp.full_like(positions[:, 0], -jnp.inf), positions)

    def move(self, moment: Moment, state: Nearby, key: Array) -> tuple[Moment, Nearby]:
        """Positions one drift later, neighbours anew, and the weights of edges that stay."""
        del key
        graph = moment.structure
        opening = 1.0 if self.gate is None else self.gate.opening(moment, None)
        length = self.rate * self.every * jnp.asarray(opening, graph.positions.dtype)
        moved = drifted(graph.positions, graph.neighbours, moment.weights, length, self.spacing)
        # Where numbers have run away, positions stay: they must remain within the ball.
        moved = jnp.where(jnp.isfinite(moved), moved, graph.positions)
        table = _refreshed(state, moved)
        near = jnp.asarray(table.neighbours)
        weights = carried(moment.weights, graph.neighbours, near)
        return moment.replace(weights=weights, structure=graph._replace(neighbours=near, positions=moved)), table


def drifted(
    positions: Float[Array, "oscillators dimensions"], neighbours: Array, weights: Array, length: Array, spacing: Parameter
) -> Float[Array, "oscillators dimensions"]:
    """Positions after a drift along geodesics; see `hyperbolic_drift` for the vector.

    Args:
        positions: p, shape (n, d).
        neighbours: shape (k, n).
        weights: W, shape (k, n).
        length: what the vector is multiplied by: a scalar, or one for each oscillator, shape (n,).
        spacing: distance at which an edge neither pulls nor pushes.

    >>> p = jnp.array([[-0.1, 0.0], [0.1, 0.0]])
    >>> moved = drifted(p, jnp.array([[1, 0]]), jnp.ones((1, 2)), jnp.asarray(0.5), 0.0)
    >>> [abs(round(float(x), 4)) for x in moved[:, 0]]
    [0.0, 0.0]
    """

    def add_slot(sums: tuple[Array, Array, Array], slot: tuple[Array, Array]) -> tuple[tuple[Array, Array, Array], None]:
        near, weight = slot
        other = positions.at[near].get(mode="promise_in_bounds")
        vector, apart = logarithm(positions, other), distance(positions, other)[:, None]
        unit = vector / jnp.where(apart > 0, apart, 1.0)
        bond = jnp.maximum(weight, 0)[:, None]
        return (sums[0] + bond * vector, sums[1] + bond, sums[2] + unit), None

    zeros = jnp.zeros_like(positions)
    (pull, bonds, push), _ = jax.lax.scan(add_slot, (zeros, zeros[:, :1], zeros), (neighbours, weights))
    vector = pull / (bonds + _FAINT) - spacing * push / neighbours.shape[0]
    return into_ball(exponential(positions, jnp.reshape(length, (-1, 1)) * vector), LARGEST_NORM)


def hyperbolic_drift(rate: Number, every: float, *, spacing: Number = 0.0, gate: Gate | None = None) -> HyperbolicDrift:
    """Structural plasticity by drift: positions follow the weights, and each oscillator is wired to the k nearest.

    ``p_i <- exp_{p_i}( rate every G [ sum_j [W_ij]_+ log_{p_i} p_j / sum_j [W_ij]_+ - (spacing / k) sum_j u_ij ] )``, where
    ``u_ij`` is the vector of hyperbolic length 1 from i towards j. Then the neighbours are the k nearest in hyperbolic
    distance, exactly, at each event and whatever the rate; the weights of edges that stay are kept, new ones begin at 0.
    Attraction alone draws connected oscillators into one point; the spacing is the distance at which an edge of mean weight
    neither pulls nor pushes. Neighbours are this rule's alone: it cannot be joined with `prune_and_sprout`.

    Args:
        rate: share of the way to the neighbours, per unit of time, at least 0; a number or an axis; ``rate every`` at most 1.
        every: units of time between two drifts; a whole number of steps.
        spacing: hyperbolic distance at rest, at least 0; a number or an axis.
        gate: multiplies the rate: one without a memory, such as `coherence_gate`; open unless given.

    Raises:
        ValueError: if an argument is out of range; when joined to a circuit without ``neighbours`` and ``positions``.

    Source: Hays (2026) and its parent on resonant sparse geometry networks; the spacing is this project's.

    >>> rule = hyperbolic_drift(0.01, every=2.5, spacing=0.2)
    """
    checks.one_number("every", every, above=0)
    checks.parameter("rate", rate, at_least=0)
    checks.parameter("spacing", spacing, at_least=0)
    if float(np.max(np.asarray(rate))) * every > 1:
        raise ValueError(f"rate times every must be at most 1, the whole way; got {checks.shown(rate)} and {every:g}")
    if gate is not None:
        checks.instance("gate", gate, Gate, "a gate, such as pd.rules.coherence_gate(20.0, 0.5)")
    drift = HyperbolicDrift(rate, spacing, gate, every)
    _ = drift.events
    return drift


def _refreshed(table: Nearby, positions: Array) -> Nearby:
    """`geometry.refreshed` within a traced function; of many members one after the other."""

    def on_host(*arrays: Any) -> Nearby:
        old, points = jax.tree.map(np.asarray, arrays)
        return jax.tree.map(lambda new, like: new.astype(like.dtype), refreshed(old, points), old)

    outline = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), table)
    return jax.pure_callback(on_host, outline, table, positions, vmap_method="sequential")


def _table(*parts: Array) -> Nearby:
    """A table of traced arrays."""
    return Nearby(*cast(tuple[Any, ...], parts))
