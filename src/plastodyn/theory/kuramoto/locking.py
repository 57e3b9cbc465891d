"""How strongly oscillators of different frequencies must be coupled to lock, and how coherent they then are."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.theory.roots import bisect
from plastodyn.types import Floats

_BISECTIONS = 50
_NODES = 4096
_ROUNDING, _AREA = 1e-6, 0.02
"""How far a density may be from symmetric and falling, in terms of its centre, and from area 1."""
_ANGLES = np.pi * ((np.arange(_NODES) + 0.5) / _NODES - 0.5)
"""Midpoints from -pi/2 to pi/2: for a smooth g the sum over them converges fast."""


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
        ValueError: if a coupling is negative, or ``density`` is no function of area 1 that is symmetric and falls to both
            sides.

    Source: Kuramoto (1975).

    >>> lorentzian = lambda x: 1 / (np.pi * (1 + x**2))
    >>> order_parameter([1.0, 2.5, 4.0], lorentzian).round(4).tolist()
    [0.0, 0.4472, 0.7071]
    """
    checks.number("coupling", coupling, at_least=0)
    central = checked_density(density)
    strength, scale = np.asarray(coupling, float), 1 / (np.pi * central)

    def grows(r: Floats) -> Floats:
        """Whether so coherent a field locks enough oscillators to be more coherent still."""
        share, cosine, _ = locked(strength * r, density, scale)
        return np.asarray((share * cosine).sum(-1) > r)

    low, high = bisect(grows, np.zeros_like(strength), np.ones_like(strength), _BISECTIONS)
    return np.where(high < 1e-9, 0.0, 0.5 * (low + high))


def locked(field: ArrayLike, density: Callable[[Floats], Floats], scale: float) -> tuple[Floats, Floats, Floats]:
    """Shares of oscillators that a field K r locks, and cosine and sine of the angles at which they stand, at nodes.

    Frequencies ``w = s tan(p sin x)``, ``tan p = K r / s``, at midpoints x of half a turn: close to one another where the law
    of scale s has its oscillators, and at the ends, where the cosine has a root.

    Args:
        field: K r, shape (...), at least 0, per unit of time.
        density: of frequencies.
        scale: s, above 0: its width.

    Returns:
        Three arrays of shape (..., nodes); the first sums up to the share of oscillators that are locked.
    """
    pull = np.asarray(field, float)[..., None]
    most = np.arctan(pull / scale)
    bend = most * np.sin(_ANGLES)
    frequency = scale * np.tan(bend)
    sine = np.clip(frequency / np.where(pull > 0, pull, 1.0), -1, 1)
    width = np.pi / _NODES * most * np.cos(_ANGLES) * scale / np.cos(bend) ** 2
    return width * density(frequency), np.sqrt((1 - sine) * (1 + sine)), sine


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
    # Both forms are the same; each overflows where the other does not. (exp(2 a t) - 1) / (2 a) is t where a is 0.
    falls, small = growth <= 0, np.abs(growth * t) < 1e-12
    exponent = -2 * np.abs(growth) * t
    waited = np.where(small, t, -np.expm1(exponent) / np.where(small, 1.0, 2 * np.abs(growth)))
    left = np.exp(exponent)
    below = np.where(falls, 1.0, np.where(r0 > 0, left, 1.0))
    return r0 * np.where(falls, np.sqrt(left), 1.0) / np.sqrt(below + strength * r0**2 * waited)


def checked_density(density: Callable[[Floats], Floats]) -> float:
    """The density at its centre, above 0, once it is seen to be symmetric, of area 1, and to fall to both sides."""
    checks.function("density", density, takes=1, of=" of an array of frequencies")
    try:
        found = density(np.zeros(1))
    except Exception as error:
        raise ValueError(f"density must be a function of an array of frequencies; it failed: {type(error).__name__}") from error
    checks.number("density", found, above=0)
    central = float(np.ravel(found)[0])
    places = np.tan(_ANGLES) / (np.pi * central)
    here = np.asarray(density(places), float)
    checks.number("density", here, at_least=0)
    area = float(np.mean(here / np.cos(_ANGLES) ** 2) / central)
    rises = (np.diff(here[: _NODES // 2]) < -_ROUNDING * central).any()
    if rises or not np.allclose(here, here[::-1], atol=_ROUNDING * central) or abs(area - 1) > _AREA:
        got = f"area {area:.3g}" if abs(area - 1) > _AREA else "one that does not"
        raise ValueError(f"density must have area 1, be symmetric about 0 and fall to both sides; got {got}")
    return central
