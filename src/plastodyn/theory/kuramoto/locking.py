"""How strongly oscillators of different frequencies must be coupled to lock, and how coherent they then are."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.theory.roots import bisect
from plastodyn.types import Floats

_BISECTIONS = 50
_NODES = 4096
_ANGLES = np.pi * ((np.arange(_NODES) + 0.5) / _NODES - 0.5)
"""Midpoints of a period, -pi/2 to pi/2: for a smooth g the sum over them converges faster than any power."""


def critical_coupling(central_density: ArrayLike) -> Floats:
    """The coupling above which the incoherent state of infinitely many oscillators is unstable: ``K_c = 2 / (pi g(0))``.

    That is twice the half-width of a Lorentzian, ``sqrt(8 / pi)`` standard deviations of a Gaussian, and 4 / pi times the
    half-width of a uniform law.

    Args:
        central_density: g(0), the density of natural frequencies at its centre, above 0, in units of time.

    Returns:
        K_c, per unit of time.

    Raises:
        ValueError: if the density is not positive.

    Source: Kuramoto (1975).

    >>> round(float(critical_coupling(1 / np.pi)), 6)
    2.0
    """
    checks.number("central_density", central_density, above=0)
    return 2 / (np.pi * np.asarray(central_density, float))


def order_parameter(coupling: ArrayLike, density: Callable[[Floats], Floats]) -> Floats:
    """The coherence r that infinitely many oscillators settle at, from ``1 = K integral cos(x)^2 g(K r sin(x)) dx``.

    The integral goes over the locked oscillators, x from -pi/2 to pi/2; those that drift add nothing where g is symmetric.
    Below the critical coupling r = 0. For a Lorentzian of half-width gamma, ``r = sqrt(1 - 2 gamma / K)``.

    Args:
        coupling: K, at least 0, per unit of time.
        density: g, a function of arrays of frequencies counted from the centre; symmetric, and falling to both sides.

    Returns:
        r, between 0 and 1, of the shape of ``coupling``.

    Raises:
        ValueError: if a coupling is negative, or ``density`` is no function that returns numbers at least 0.

    Source: Kuramoto (1975).

    >>> lorentzian = lambda x: 1 / (np.pi * (1 + x**2))
    >>> order_parameter([1.0, 2.5, 4.0], lorentzian).round(4).tolist()
    [0.0, 0.4472, 0.7071]
    """
    checks.number("coupling", coupling, at_least=0)
    checks.function("density", density, takes=1, of=" of an array of frequencies")
    strength = np.asarray(coupling, float)
    try:
        found = density(np.zeros(1))
    except Exception as error:
        raise ValueError(f"density must be a function of an array of frequencies; it failed: {type(error).__name__}") from error
    checks.number("density", found, at_least=0)

    def grows(r: Floats) -> Floats:
        """Whether so coherent a field locks enough oscillators to be more coherent still."""
        detuning = (strength * r)[..., None] * np.sin(_ANGLES)
        locked = np.pi * np.mean(np.cos(_ANGLES) ** 2 * density(detuning), axis=-1)
        return np.asarray(strength * locked > 1)

    low, high = bisect(grows, np.zeros_like(strength), np.ones_like(strength), _BISECTIONS)
    return np.where(high < 1e-9, 0.0, 0.5 * (low + high))


def ott_antonsen(time: ArrayLike, coupling: ArrayLike, half_width: ArrayLike, start: ArrayLike) -> Floats:
    """The coherence in time for a Lorentzian law: ``dr/dt = (K/2 - gamma) r - (K/2) r^3``, solved in closed form.

    ``1 / r^2 = exp(-2 a t) / r0^2 + K (1 - exp(-2 a t)) / (2 a)`` with ``a = K/2 - gamma``. It holds for phases that start
    as a wrapped Cauchy law around one angle, whatever their frequencies.

    Args:
        time: t, at least 0.
        coupling: K, at least 0, per unit of time.
        half_width: gamma of the Lorentzian, at least 0, per unit of time.
        start: the coherence r0 at time 0, from 0 to 1.

    Returns:
        r, broadcast over all arguments.

    Raises:
        ValueError: if an argument is out of range.

    Source: Ott and Antonsen (2008).

    >>> ott_antonsen([0.0, 2.0, 20.0], 4.0, 1.0, 0.1).round(4).tolist()
    [0.1, 0.5133, 0.7071]
    """
    for name, value in (("time", time), ("coupling", coupling), ("half_width", half_width)):
        checks.number(name, value, at_least=0)
    checks.number("start", start, at_least=0, at_most=1)
    checks.broadcast(time=time, coupling=coupling, half_width=half_width, start=start)
    t, strength, width, r0 = np.broadcast_arrays(*(np.asarray(x, float) for x in (time, coupling, half_width, start)))
    growth = strength / 2 - width
    # (1 - exp(-2 a t)) / (2 a), which is t where a is 0.
    small = np.abs(growth * t) < 1e-12
    with np.errstate(over="ignore"):
        # Beyond the range of floats the incoherent state is reached.
        waited = np.where(small, t, -np.expm1(-2 * growth * t) / np.where(small, 1.0, 2 * growth))
        return r0 / np.sqrt(np.exp(-2 * growth * t) + strength * r0**2 * waited)


def random_coherence(oscillators: ArrayLike) -> Floats:
    """Mean coherence of phases that know nothing of each other, ``sqrt(pi / (4 N))``, and a scale for any finite circuit.

    By chance r exceeds x with probability ``exp(-N x^2)``; both hold for more than a few oscillators.

    Args:
        oscillators: N, at least 1.

    Returns:
        The mean of r.

    Raises:
        ValueError: if a number is below 1.

    Source: Rayleigh (1880).

    >>> round(float(random_coherence(100)), 4)
    0.0886
    """
    checks.number("oscillators", oscillators, at_least=1)
    return np.sqrt(np.pi / (4 * np.asarray(oscillators, float)))
