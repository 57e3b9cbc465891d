"""Perturbations of the error that teaches a memory's first site: additive ones, and ones as large as a share of the error."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from plastodyn import checks
from plastodyn.types import Number, Parameter

__all__ = ["Perturbation", "noise", "signal_dependent", "sinusoid", "worst_case"]


def uniform_at(key: Array, index: Array, dtype: DTypeLike) -> Array:
    """A number of a random sequence, uniform within [0, 1), by its place in it.

    Args:
        key: random key of the sequence.
        index: place, a whole number.
        dtype: of the result.

    Source: the words of the folded key themselves: one hash, and the same whatever JAX's layout of random bits.

    >>> a, b = (float(uniform_at(jax.random.key(0), index, "float32")) for index in (0, 1))
    >>> 0 <= a < 1, a == b
    (True, False)
    """
    word = jax.random.key_data(jax.random.fold_in(key, index))[-1]
    return (word >> 8).astype(dtype) * 2.0**-24


class Perturbation(eqx.Module):
    """What is added to the error; a function of the error, of the first site's output and of time. None by default."""

    def __call__(self, error: Array, output: Array, time: Array) -> Array:
        """Xi, in units of the error."""
        del output, time
        return jnp.zeros_like(error)


class Sinusoid(Perturbation):
    """A sinusoidal probe; see `sinusoid`."""

    amplitude: Parameter
    frequency: Parameter

    def __call__(self, error: Array, output: Array, time: Array) -> Array:
        """``amplitude sin(frequency t)``, whatever the error."""
        del output
        return jnp.asarray(self.amplitude * jnp.sin(self.frequency * time), error.dtype)


class Held(Perturbation):
    """Random values that are held for some time; see `noise` and `signal_dependent`."""

    bound: Parameter
    hold: Parameter
    key: Array
    relative: bool = eqx.field(static=True)

    def __call__(self, error: Array, output: Array, time: Array) -> Array:
        """The value of the present interval, times the error where it is relative."""
        del output
        # A function of time alone: any solver may ask for any instant, and the answer does not depend on the step.
        interval = jnp.floor(time / self.hold + 1e-6).astype("uint32")
        value = self.bound * (2 * uniform_at(self.key, interval, error.dtype) - 1)
        return value * error if self.relative else value * jnp.ones_like(error)


class WorstCase(Perturbation):
    """The perturbation that makes a two-stage circuit grow most; see `worst_case`."""

    bound: Parameter

    def __call__(self, error: Array, output: Array, time: Array) -> Array:
        """``bound sign(e w1 x) e``."""
        del time
        return self.bound * jnp.sign(error * output) * error


def sinusoid(amplitude: Number, frequency: Number) -> Sinusoid:
    """An additive sinusoidal perturbation, ``xi = amplitude sin(frequency t)``.

    Args:
        amplitude: in units of the error; a number or an axis.
        frequency: angular, per unit of time, at least 0; a number or an axis.

    Raises:
        ValueError: if an argument is out of range.

    Source: Alemi, Aksay and Goldman, figures 1 and 3.

    >>> float(sinusoid(0.5, jnp.pi)(jnp.float32(0), jnp.float32(0), jnp.float32(0.5)))
    0.5
    """
    checks.parameter("amplitude", amplitude)
    checks.parameter("frequency", frequency, at_least=0)
    return Sinusoid(amplitude, frequency)


def noise(bound: Number, hold: Number, key: Array) -> Held:
    """Additive bounded noise: uniform within +-bound, drawn afresh every ``hold`` units of time.

    Args:
        bound: in units of the error, at least 0; a number or an axis.
        hold: units of time, above 0. Where the value jumps, a solver of any order is of first order.
        key: random key; a list of circuits gives each replica its own.

    Raises:
        ValueError: if an argument is out of range.

    Source: Alemi, Aksay and Goldman, figure 1C, D (additive perturbation).

    >>> xi = noise(0.5, hold=1.0, key=jax.random.key(0))
    >>> a, b, c = (float(xi(jnp.float32(9), jnp.float32(0), jnp.float32(t))) for t in (0.1, 0.9, 1.1))
    >>> a == b != c
    True
    """
    return _held(bound, hold, key, relative=False)


def signal_dependent(bound: Number, hold: Number, key: Array) -> Held:
    """Random signal-dependent perturbation: ``xi = delta e``, delta uniform within +-bound and held for ``hold``.

    Args:
        bound: mu, relative to the error, at least 0; a number or an axis.
        hold: units of time, above 0.
        key: random key; a list of circuits gives each replica its own.

    Raises:
        ValueError: if an argument is out of range.

    Source: Alemi, Aksay and Goldman, figure 1E, F (signal-dependent perturbation).

    >>> xi = signal_dependent(0.5, hold=1.0, key=jax.random.key(0))
    >>> float(xi(jnp.float32(0), jnp.float32(1), jnp.float32(0.1)))
    0.0
    """
    return _held(bound, hold, key, relative=True)


def worst_case(bound: Number) -> WorstCase:
    """The worst signal-dependent perturbation of a two-stage circuit: ``xi = mu sign(e w1 x) e``.

    It strengthens the error while the early weight adds to the overshoot and weakens it while the early weight has to be
    given back; of all ``|xi| <= mu |e|`` it makes the state grow most in each turn (`theory.consolidation.worst_growth`).

    Args:
        bound: mu, relative to the error, at least 0; a number or an axis.

    Raises:
        ValueError: if ``bound`` is negative or not finite.

    Source: this project; the extremal trajectory of the planar inclusion.

    >>> [float(worst_case(0.5)(jnp.float32(2), jnp.float32(w1), jnp.float32(0))) for w1 in (1, -1)]
    [1.0, -1.0]
    """
    checks.parameter("bound", bound, at_least=0)
    return WorstCase(bound)


def _held(bound: Number, hold: Number, key: Array, *, relative: bool) -> Held:
    checks.parameter("bound", bound, at_least=0)
    checks.parameter("hold", hold, above=0)
    checks.key("key", key)
    return Held(bound, hold, key, relative)
