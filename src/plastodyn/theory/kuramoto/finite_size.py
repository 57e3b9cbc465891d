"""What a finite number of oscillators adds to the coherence: chance below the critical coupling, spread above it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.theory.kuramoto.locking import checked_density, critical_coupling, locked, order_parameter
from plastodyn.types import Floats

_NODES, _FAR = 1024, 1e6
_DECADES = 14.0
"""Of distances over which the principal value is summed, evenly in their logarithm."""


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


def incoherent_coherence(oscillators: int, coupling: float, density: Callable[[Floats], Floats]) -> float:
    """Root mean square coherence of oscillators too weakly coupled to lock: chance, which the coupling amplifies.

    ``N <r^2> = integral g(x) / |1 - (K/2) (pi g(x) - i H(x))|^2 dx`` with ``H(x) = integral g(y) / (x - y) dy``, its principal
    value: linear response to the oscillators' own phases. For a Lorentzian it is ``1 / (1 - K / K_c)``. It holds where r stays
    small.

    Args:
        oscillators: N, at least 1.
        coupling: K, at least 0, below the critical one.
        density: g, a function of arrays of frequencies counted from the centre; symmetric, and falling to both sides.

    Returns:
        The root of the mean of r^2 over time and circuits, each with frequencies of its own; NaN so near to the critical
        coupling that it would exceed 1.

    Raises:
        ValueError: if an argument is out of range.

    Source: Daido (1990), whose law of growth this is; the formula for any density is this project's.

    >>> lorentzian = lambda x: 1 / (np.pi * (1 + x**2))
    >>> round(incoherent_coherence(100, 1.0, lorentzian), 4), round((100 * (1 - 1 / 2)) ** -0.5, 4)
    (0.1414, 0.1414)
    """
    checks.count("oscillators", oscillators, at_least=1)
    checks.one_number("coupling", coupling, at_least=0)
    central = checked_density(density)
    critical = float(critical_coupling(central))
    if coupling >= critical:
        raise ValueError(f"coupling must be below the critical one, {critical:.6g}; got {coupling:g}")
    width, narrow = 1 / (np.pi * central), 1 - coupling / critical
    # What is amplified lies within the narrow part of the centre; evenly spaced in its logarithm further out.
    steps = np.linspace(-1, 1, _NODES) * np.arcsinh(_FAR / narrow)
    places, spacing = width * narrow * np.sinh(steps), width * narrow * np.cosh(steps) * (steps[1] - steps[0])
    here = np.asarray(density(places), float)
    response = np.pi * here - 1j * _principal_value(places, width, density)
    amplified = here / np.abs(1 - 0.5 * coupling * response) ** 2
    # Over the area that the nodes see, which a density that ends with a jump needs.
    found = float((amplified * spacing).sum() / (here * spacing).sum() / oscillators) ** 0.5
    return found if found <= 1 else float("nan")


def _principal_value(places: Floats, width: float, density: Callable[[Floats], Floats]) -> Floats:
    """``integral_0^inf (g(x - s) - g(x + s)) ds / s``, over the logarithm of s."""
    logarithms = np.linspace(-0.5, 0.5, 4 * _NODES) * _DECADES * np.log(10)
    apart = width * np.exp(logarithms)
    differences = [np.asarray(density(x - apart) - density(x + apart)).sum() for x in places]
    return np.array(differences) * (logarithms[1] - logarithms[0])


def coherence_spread(oscillators: int, coupling: float, density: Callable[[Floats], Floats]) -> float:
    """How much the coherence of locked circuits differs from one to the next, since each has drawn its own frequencies.

    ``sd r = sqrt((<cos^2 x> - r^2) / N) / (1 - F'(r))`` above the critical coupling. A locked oscillator stands at the angle x,
    with frequency ``K r sin x``; the mean of ``cos^2 x`` counts 0 for those that drift; ``F(r) = <cos x>`` is what
    `order_parameter` makes equal to r, and ``F'(r) = K integral sin^2 x g(K r sin x) dx``.

    Args:
        oscillators: N, at least 1.
        coupling: K, above the critical one.
        density: g, a function of arrays of frequencies counted from the centre; symmetric, and falling to both sides.

    Returns:
        Standard deviation over circuits of the mean coherence of each; what fluctuates in time comes on top.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project, by linear response of the self-consistency to its own sampling error.

    >>> gaussian = lambda x: np.exp(-0.5 * (x / 0.8) ** 2) / (0.8 * np.sqrt(2 * np.pi))
    >>> round(coherence_spread(50, 2.0, gaussian), 4)
    0.0437
    """
    checks.count("oscillators", oscillators, at_least=1)
    checks.one_number("coupling", coupling, above=0)
    central = checked_density(density)
    critical = float(critical_coupling(central))
    if coupling <= critical:
        raise ValueError(f"coupling must be above the critical one, {critical:.6g}; got {coupling:g}")
    r = float(order_parameter(coupling, density))
    share, cosine, sine = locked(coupling * r, density, 1 / (np.pi * central))
    # Deviations are squared before they are summed, since the difference of the sums would lose what is left of a spread where
    # nearly all oscillators stand close to one another.
    variance = (share * (cosine - r) ** 2).sum() + r**2 * max(0.0, 1 - share.sum())
    slope = (share * sine**2 / cosine).sum() / r
    return float(np.sqrt(variance / oscillators) / (1 - slope))
