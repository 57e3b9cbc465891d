"""The oculomotor integrator with its cerebellum: firing rates that hold the eye where a saccade has put it."""

from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from plastodyn import checks
from plastodyn.circuits.perturbations import Perturbation, uniform_at
from plastodyn.protocol import AbstractCircuit, Event, Moment
from plastodyn.protocol.event import event
from plastodyn.types import Number, Parameter

_POWER_ITERATIONS = 40
_OTHER_MODES = 0.3


class Sites(NamedTuple):
    """Synapses onto the Purkinje cell, shape (1, N), and between integrator neurons, shape (N, N)."""

    purkinje: Float[Array, "1 neurons"]
    recurrent: Float[Array, "neurons neurons"]


class Integrator(AbstractCircuit):
    """Integrator neurons, a Purkinje cell and saccades; see `integrator`."""

    weights: Sites
    mode: Array
    rates: Array
    perturbation: Perturbation
    cerebellum: Parameter
    saccades: Array
    interval: float = eqx.field(static=True)
    time_constant: float = eqx.field(static=True)
    stages: ClassVar[Sites] = Sites(0, 1)  # pyright: ignore[reportArgumentType]
    signals: ClassVar[frozenset[str]] = frozenset({"loss", "teaching", "stages"})

    @property
    def activity(self) -> Array:
        """Firing rates at the start, shape (N,)."""
        return self.rates

    def target(self, saccade: Array) -> Array:
        """Where a saccade puts the eye: uniform, of unit variance."""
        return 3**0.5 * (2 * uniform_at(self.saccades, saccade, self.mode.dtype) - 1)

    def eye(self, activity: Array) -> Array:
        """Eye position, ``E = d' r``."""
        return self.mode @ activity

    def feedback(self, weights: Sites) -> Array:
        """Strength of the loop through the cerebellum, ``w_PC' v``."""
        return weights.purkinje[0] @ self.mode

    def leading_eigenvalue(self, weights: Sites) -> Array:
        """Of the recurrent weights, by power iteration from the integrating mode."""

        def turn(_: Array, vector: Array) -> Array:
            """One multiplication, and back to unit length."""
            moved = weights.recurrent @ vector
            return moved / jnp.linalg.norm(moved)

        vector = jax.lax.fori_loop(0, _POWER_ITERATIONS, turn, self.mode)
        return vector @ (weights.recurrent @ vector)

    def loss(self, moment: Moment) -> Array:
        """Half the squared gain error along the integrating mode, ``(1 - w_PC' v - d' Omega v)^2 / 2``."""
        weights = moment.weights
        return (1 - self.feedback(weights) - self.mode @ weights.recurrent @ self.mode) ** 2 / 2

    def activity_velocity(self, moment: Moment) -> Array:
        """``tau dr/dt = -r + Omega r + v p``, with ``p = w_PC' r`` times the cerebellum's share of work."""
        weights, activity = moment.weights, moment.activity
        purkinje = self.cerebellum * (weights.purkinje[0] @ activity)
        return (weights.recurrent @ activity - activity + self.mode * purkinje) / self.time_constant

    @property
    def events(self) -> tuple[Event, ...]:
        """A saccade at every multiple of the interval."""
        return (event(self.saccade, every=self.interval),)

    def saccade(self, moment: Moment, key: Array) -> Moment:
        """A pulse ``b s`` along the mode puts the eye on a new target."""
        # The sequence of targets is the circuit's own, so that every rule meets the same one.
        del key
        target = self.target(jnp.round(moment.time / self.interval).astype("uint32"))
        return moment.replace(activity=moment.activity + self.mode * (target - self.eye(moment.activity)))

    def teaching(self, moment: Moment) -> Sites:
        """``(e + xi) r'`` for the Purkinje cell, retinal slip ``e = -dE/dt``; ``v p r'`` for the integrator."""
        weights, activity = moment.weights, moment.activity
        slip = -self.eye(self.activity_velocity(moment))
        purkinje = weights.purkinje[0] @ activity
        slip = slip + self.perturbation(slip, purkinje, moment.time)
        return Sites((slip * activity)[None], jnp.outer(self.mode * purkinje, activity))


def integrator(
    neurons: int,
    *,
    key: Array,
    eigenvalue: Number = 1.15,
    cerebellum: Number = 1.0,
    interval: float = 2.0,
    time_constant: float = 1.0,
    perturbation: Perturbation | None = None,
    dtype: str = "float32",
) -> Integrator:
    """An oculomotor integrator, ``tau dr/dt = -r + Omega r + v p``, ``E = d' r``, ``p = w_PC' r``, and its saccades.

    ``v = d`` is a random unit vector of positive entries, the integrating mode: ``Omega = eigenvalue v v' + M``, where M acts
    on the other modes only and makes them decay. Along the mode this is the tracking circuit with ``w* = 1``, w1 the
    feedback through the cerebellum, w2 the leading eigenvalue, and an input that saccades change. The cerebellar weights
    start at 0.

    Args:
        neurons: N, at least 1: the scalar reduction, in which only the integrating mode is left.
        key: random key of the mode, of the other modes and of the saccades.
        eigenvalue: of the integrating mode at the start; a number.
        cerebellum: how far the Purkinje cell drives the integrator: 1, or 0 when it is inactivated; a number or an axis.
        interval: between saccades, in units of time, above 0; a multiple of the step of the simulation.
        time_constant: tau, in units of time, above 0.
        perturbation: of the slip; none unless given.
        dtype: ``float32`` or ``float64``.

    Returns:
        A circuit whose weights are `Sites`, for `rules.early` and `rules.late`; its activity is the N firing rates.

    Raises:
        ValueError: if an argument is out of range.

    Source: Alemi, Aksay and Goldman, figure 4; the sizes of the other modes are this project's choice.

    >>> circuit = integrator(20, key=jax.random.key(0))
    >>> round(float(circuit.leading_eigenvalue(circuit.weights)), 4)
    1.15
    """
    checks.count("neurons", neurons, at_least=1)
    checks.key("key", key)
    checks.one_number("eigenvalue", eigenvalue)
    checks.parameter("cerebellum", cerebellum)
    for name, value in (("interval", interval), ("time_constant", time_constant)):
        checks.one_number(name, value, above=0)
    checks.one_of("dtype", dtype, ("float32", "float64"))
    if perturbation is not None and not isinstance(perturbation, Perturbation):
        raise ValueError(f"perturbation must be one of pd.perturbations; got {checks.shown(perturbation)}")
    key_mode, key_others, key_saccades = jax.random.split(key, 3)
    kind = jnp.dtype(dtype)
    mode = jnp.abs(jax.random.normal(key_mode, (neurons,), kind))
    mode = mode / jnp.linalg.norm(mode)
    others = jnp.eye(neurons, dtype=kind) - jnp.outer(mode, mode)
    noise = _OTHER_MODES * neurons**-0.5 * jax.random.normal(key_others, (neurons, neurons), kind)
    weights = Sites(jnp.zeros((1, neurons), kind), float(eigenvalue) * jnp.outer(mode, mode) + others @ noise @ others)
    circuit = Integrator(
        weights, mode, mode, perturbation or Perturbation(), cerebellum, key_saccades, float(interval), float(time_constant)
    )
    return eqx.tree_at(lambda c: c.rates, circuit, mode * circuit.target(jnp.uint32(0)))
