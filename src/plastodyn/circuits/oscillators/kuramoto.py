"""Phase oscillators with plastic weights, all with all or on a sparse graph, coupled evenly or through their weights."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.circuits.oscillators import pairs
from plastodyn.circuits.oscillators.graph import Graph, graph_of
from plastodyn.protocol import AbstractCircuit, Moment
from plastodyn.types import Number, Parameter

_ROUNDED = 0.01
"""Of what a step adds to a phase: the share that rounding may take."""


class Oscillators(AbstractCircuit):
    """Phases ``dtheta_i/dt = omega_i + K pull_i``, and a weight for each pair; see `kuramoto` and `weighted_kuramoto`."""

    weights: Array
    first_phases: Float[Array, " oscillators"]
    frequencies: Float[Array, " oscillators"]
    coupling: Parameter
    selectivity: Parameter | None
    phase_noise: Parameter | None
    graph: Graph | None
    clusters: Int[Array, " oscillators"]
    cluster_count: int = eqx.field(static=True)
    signals: ClassVar[frozenset[str]] = frozenset(
        {"alignment", "coherence", "cluster_coherence", "local_coherence", "frequencies", "phases"}
    )

    @property
    def activity(self) -> Array:
        """Phases at the start, in radians, shape (N,); they are not wrapped."""
        return self.first_phases

    @property
    def structure(self) -> Graph | None:
        """The graph of a sparse circuit."""
        return self.graph

    def longest_duration(self, dt: float) -> float:
        """How long phases may be lifted until rounding takes a hundredth of what a step adds to them."""
        return _ROUNDED * dt / float(jnp.finfo(self.first_phases.dtype).epsneg)

    def strengths(self, moment: Moment) -> Array | None:
        """What the coupling of each pair is multiplied by, of the shape of the weights; ``None`` for 1."""
        raise NotImplementedError

    def activity_velocity(self, moment: Moment) -> Array:
        """``omega_i + K pull_i``."""
        phases, strengths = moment.activity, self.strengths(moment)
        if moment.structure is not None:
            pull = pairs.sparse_pull(phases, strengths, moment.structure.neighbours)
        else:
            pull = pairs.mean_field_pull(phases) if strengths is None else pairs.dense_pull(phases, strengths)
        return self.frequencies + self.coupling * pull

    def activity_increment(self, moment: Moment, dt: Array, key: Array) -> Array | None:
        """Phase noise of intensity D: independent normal kicks of variance ``2 D dt``."""
        if self.phase_noise is None:
            return None
        kicks = jax.random.normal(key, moment.activity.shape, moment.activity.dtype)
        return jnp.sqrt(2 * self.phase_noise * dt) * kicks

    def likeness(self, moment: Moment) -> Array | None:
        """``C_ij = exp(-a (omega_i - omega_j)^2)`` with the selectivity a; ``None`` for 1."""
        selectivity, omega = self.selectivity, self.frequencies
        if selectivity is None:
            return None
        if moment.structure is None:
            return jnp.exp(-selectivity * (omega[:, None] - omega) ** 2)
        return pairs.each_slot(
            lambda near: jnp.exp(-selectivity * (pairs.at(omega, near) - omega) ** 2), moment.structure.neighbours
        )

    def alignment(self, moment: Moment) -> Array:
        """``cos(theta_i - theta_j)`` of each pair, of the shape of the weights; 0 of an oscillator with itself."""
        if moment.structure is None:
            return pairs.dense_alignment(moment.activity)
        return pairs.sparse_alignment(moment.activity, moment.structure.neighbours)

    def phases(self, moment: Moment) -> Array:
        """The phases, in radians, shape (N,)."""
        return moment.activity

    def coherence(self, moment: Moment) -> Array:
        """``r = |sum_j exp(i theta_j)| / N``."""
        return pairs.coherence(moment.activity)

    def cluster_coherence(self, moment: Moment) -> Array:
        """Coherence of the cluster of each oscillator, shaped as `by_oscillator` says."""
        return self.by_oscillator(pairs.cluster_coherence(moment.activity, self.clusters, self.cluster_count))

    def local_coherence(self, moment: Moment) -> Array:
        """Coherence of the neighbours of each oscillator, shaped as `by_oscillator` says; of all, where all are neighbours."""
        if moment.structure is None:
            return self.by_oscillator(jnp.full_like(moment.activity, self.coherence(moment)))
        return pairs.sparse_coherence(moment.activity, moment.structure.neighbours)

    def by_oscillator(self, values: Array) -> Array:
        """One value for each oscillator, so that it multiplies the weights onto it: shape (N, 1), or (n,) on a sparse graph."""
        return values if self.graph is not None else values[:, None]


class MeanField(Oscillators):
    """Oscillators that pull one another evenly, whatever their weights."""

    @property
    def fastest_rate(self) -> float:
        """K: the energy of the phases falls in Euler's steps up to 2 / K, and need not beyond."""
        return float(np.max(np.abs(np.asarray(self.coupling))))

    def strengths(self, moment: Moment) -> Array | None:
        """``C_ij``."""
        return self.likeness(moment)


class Weighted(Oscillators):
    """Oscillators that pull one another through their weights."""

    @property
    def fastest_rate(self) -> float:
        """K times the largest mean weight onto an oscillator at the start."""
        size = np.abs(np.asarray(self.weights))
        onto = size.mean(-2) if self.graph is not None else size.mean(-1)
        return float(np.max(np.abs(np.asarray(self.coupling)))) * float(onto.max())

    def strengths(self, moment: Moment) -> Array:
        """``W_ij C_ij``."""
        likeness = self.likeness(moment)
        return moment.weights if likeness is None else moment.weights * likeness


def kuramoto(
    frequencies: ArrayLike,
    coupling: Number,
    *,
    key: Array | None = None,
    phases: ArrayLike | None = None,
    weights: ArrayLike | float = 0.0,
    neighbours: ArrayLike | None = None,
    positions: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    selectivity: Number | None = None,
    phase_noise: Number | None = None,
    dtype: str = "float32",
) -> MeanField:
    """Oscillators that pull one another evenly: ``dtheta_i/dt = omega_i + (K/N) sum_j C_ij sin(theta_j - theta_i)``.

    Their weights learn and change nothing: what a rule reads of them is `alignment` and coherence. On a sparse graph the sum
    goes over the k neighbours of each, and N is k.

    Args:
        frequencies: omega, shape (N,), radians per unit of time; see ``pd.circuits.frequencies``.
        coupling: K, per unit of time; a number or an axis.
        key: random key of the phases at the start, uniform on the circle.
        phases: instead of a key, the phases at the start, shape (N,), radians.
        weights: at the start, one number, or an array of shape (N, N), or (k, n) on a sparse graph.
        neighbours: of a sparse graph, slot-major, shape (k, n), whole numbers from 0 to n - 1: column i holds those of i, and i
            itself where a slot is free. All with all unless given.
        positions: of a sparse graph, shape (n, d), within the unit ball; for rules that move oscillators, see
            ``pd.geometry``.
        clusters: the cluster of each oscillator, shape (N,), whole numbers from 0; all in one unless given.
        selectivity: a of ``C_ij = exp(-a (omega_i - omega_j)^2)``; C = 1 unless given.
        phase_noise: D, radians^2 per unit of time: ``<dtheta^2> = 2 D dt`` besides; none unless given.
        dtype: ``float32`` or ``float64``. Phases are not wrapped, so that in single precision they lose digits as they grow:
            `simulate` warns where that matters.

    Returns:
        A circuit whose activity is the phases, with the signals ``alignment``, ``coherence``, ``cluster_coherence``,
        ``local_coherence``, ``frequencies`` and ``phases``.

    Raises:
        ValueError: if an argument is out of range or shapes do not fit.

    Source: Kuramoto (1975); Hays (2026), uniform coupling, as in its figures 2 to 4.

    >>> circuit = kuramoto([-0.5, 0.0, 0.5], coupling=2.0, phases=[0.0, 0.0, 0.0])
    >>> circuit.start.signal("coherence").tolist(), circuit.weights.shape
    (1.0, (3, 3))
    """
    return MeanField(
        *_parts(frequencies, coupling, key, phases, weights, neighbours, positions, clusters, selectivity, phase_noise, dtype)
    )


def weighted_kuramoto(
    frequencies: ArrayLike,
    coupling: Number,
    *,
    key: Array | None = None,
    phases: ArrayLike | None = None,
    weights: ArrayLike | float = 1.0,
    neighbours: ArrayLike | None = None,
    positions: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    selectivity: Number | None = None,
    phase_noise: Number | None = None,
    dtype: str = "float32",
) -> Weighted:
    """Oscillators coupled through weights: ``dtheta_i/dt = omega_i + (K/N) sum_j W_ij C_ij sin(theta_j - theta_i)``.

    On a sparse graph the sum goes over the k neighbours of each, and N is k.

    Args:
        frequencies: omega, shape (N,), radians per unit of time.
        coupling: K, per unit of time; a number or an axis.
        key: random key of the phases at the start, uniform on the circle.
        phases: instead of a key, the phases at the start, shape (N,), radians.
        weights: at the start, one number, or an array of shape (N, N), or (k, n) on a sparse graph.
        neighbours: of a sparse graph, slot-major, shape (k, n): column i holds those of i, and i itself where a slot is free.
            All with all unless given.
        positions: of a sparse graph, shape (n, d), within the unit ball; for rules that move oscillators.
        clusters: the cluster of each oscillator, shape (N,), whole numbers from 0; all in one unless given.
        selectivity: a of ``C_ij = exp(-a (omega_i - omega_j)^2)``; C = 1 unless given.
        phase_noise: D, radians^2 per unit of time; none unless given.
        dtype: ``float32`` or ``float64``.

    Returns:
        A circuit as `kuramoto` makes it, whose weights couple its phases.

    Raises:
        ValueError: if an argument is out of range or shapes do not fit.

    Source: Hays (2026), weighted coupling.

    >>> circuit = weighted_kuramoto([0.0, 0.0], 2.0, phases=[0.0, 1.0], weights=[[0, 1], [0, 0]])
    >>> [round(float(v), 4) for v in circuit.activity_velocity(circuit.start)]
    [0.8415, 0.0]
    """
    return Weighted(
        *_parts(frequencies, coupling, key, phases, weights, neighbours, positions, clusters, selectivity, phase_noise, dtype)
    )


def _parts(
    frequencies: Any,
    coupling: Any,
    key: Any,
    phases: Any,
    weights: Any,
    neighbours: Any,
    positions: Any,
    clusters: Any,
    selectivity: Any,
    phase_noise: Any,
    dtype: str,
) -> tuple[Any, ...]:
    """The fields of a circuit, checked."""
    checks.one_of("dtype", dtype, ("float32", "float64"))
    checks.number("frequencies", frequencies)
    omega = jnp.asarray(frequencies, dtype)
    if omega.ndim != 1:
        raise ValueError(f"frequencies must be a vector, one for each oscillator; got shape {omega.shape}")
    checks.parameter("coupling", coupling)
    for name, value in (("selectivity", selectivity), ("phase_noise", phase_noise)):
        if value is not None:
            checks.parameter(name, value, at_least=0)
    graph = graph_of(neighbours, positions, omega)
    labels, count = _clusters(clusters, omega.size)
    start = _weights(weights, graph, omega)
    return start, _phases(key, phases, omega), omega, coupling, selectivity, phase_noise, graph, labels, count


def _phases(key: Array | None, phases: ArrayLike | None, omega: Array) -> Array:
    if (key is None) == (phases is None):
        got = "neither" if key is None else "both"
        raise ValueError(f"give either a key, for phases uniform on the circle, or phases; got {got}")
    if key is not None:
        checks.key("key", key)
        return jax.random.uniform(key, omega.shape, omega.dtype, maxval=2 * jnp.pi)
    checks.number("phases", phases)
    start = jnp.asarray(phases, omega.dtype)
    if start.shape != omega.shape:
        raise ValueError(f"phases must be one for each of the {omega.size} oscillators; got shape {start.shape}")
    return start


def _weights(weights: ArrayLike, graph: Graph | None, omega: Array) -> Array:
    checks.number("weights", weights)
    shape = (omega.size, omega.size) if graph is None else graph.neighbours.shape
    found = np.asarray(weights, omega.dtype)
    if found.ndim and found.shape != shape:
        raise ValueError(f"weights must be one number, or an array of shape {shape}; got shape {found.shape}")
    start = np.broadcast_to(found, shape).copy()
    if not found.ndim:
        own = np.arange(omega.size)
        start[(own[:, None] if graph is None else np.asarray(graph.neighbours)) == own] = 0
    return jnp.asarray(start)


def _clusters(clusters: ArrayLike | None, oscillators: int) -> tuple[Array, int]:
    if clusters is None:
        return jnp.zeros(oscillators, jnp.int32), 1
    checks.number("clusters", clusters)
    found = np.asarray(clusters)
    if found.dtype.kind not in "iu" or found.shape != (oscillators,) or found.min() < 0:
        wanted = f"whole numbers from 0, one for each of the {oscillators} oscillators"
        raise ValueError(f"clusters must be {wanted}; got {checks.shown(clusters)}")
    if set(found.tolist()) != set(range(int(found.max()) + 1)):
        raise ValueError(f"clusters must use every number from 0 to {found.max()}; got {sorted(set(found.tolist()))}")
    return jnp.asarray(found, jnp.int32), int(found.max()) + 1
