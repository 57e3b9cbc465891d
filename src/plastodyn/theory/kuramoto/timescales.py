"""How fast phases lock and weights follow, and how slow plasticity must be for the one to wait for the other."""

import numpy as np
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.types import Floats


def fast_time(coupling: ArrayLike, coherence: ArrayLike) -> Floats:
    """Time in which a phase follows the mean field, ``tau = 1 / (K r)``.

    Args:
        coupling: K, above 0, per unit of time.
        coherence: r, above 0 and at most 1. On a sparse graph take instead of r the second eigenvalue of its normalised
            Laplacian.

    Returns:
        tau, in units of time.

    Raises:
        ValueError: if an argument is out of range.

    Source: linear response of one phase to the mean field.

    >>> float(fast_time(2.0, 1.0))
    0.5
    """
    checks.number("coupling", coupling, above=0)
    checks.number("coherence", coherence, above=0, at_most=1)
    checks.broadcast(coupling=coupling, coherence=coherence)
    return 1 / (np.asarray(coupling, float) * np.asarray(coherence, float))


def slow_time(rate: ArrayLike, decay: ArrayLike) -> Floats:
    """Time in which weights follow the phases, ``tau = 1 / (eps lambda)``.

    Args:
        rate: eps, above 0, per unit of time.
        decay: lambda, above 0.

    Returns:
        tau, in units of time.

    Raises:
        ValueError: if an argument is out of range.

    Source: Hays (2026).

    >>> float(slow_time(0.02, 1.0))
    50.0
    """
    checks.number("rate", rate, above=0)
    checks.number("decay", decay, above=0)
    checks.broadcast(rate=rate, decay=decay)
    return 1 / (np.asarray(rate, float) * np.asarray(decay, float))


def weight_bound(time: ArrayLike, start: ArrayLike, *, gain: float, decay: float, rate: float) -> Floats:
    """Bound of a gated Hebbian weight, ``|W(t)| <= x |W(0)| + (eta / lambda) (1 - x)`` with ``x = exp(-eps lambda t)``.

    Args:
        time: t, at least 0.
        start: W(0).
        gain: eta, at least 0.
        decay: lambda, above 0.
        rate: eps, above 0.

    Returns:
        The bound, broadcast over time and start.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project, from ``|G cos| <= 1``.

    >>> weight_bound([0.0, 1e4], 3.0, gain=2.0, decay=1.0, rate=0.02).tolist()
    [3.0, 2.0]
    """
    checks.number("time", time, at_least=0)
    checks.number("start", start)
    checks.one_number("gain", gain, at_least=0)
    for name, value in (("decay", decay), ("rate", rate)):
        checks.one_number(name, value, above=0)
    checks.broadcast(time=time, start=start)
    left = np.exp(-rate * decay * np.asarray(time, float))
    return left * np.abs(np.asarray(start, float)) + gain / decay * (1 - left)


def collapse_rate(
    coupling: ArrayLike, weight: ArrayLike, *, critical: ArrayLike, coherence: ArrayLike, centre: ArrayLike, decay: ArrayLike
) -> Floats:
    """The rate of plasticity above which weights decay before the phases have locked, in weighted circuits with a gated growth.

    ``eps_max = (K W0 - K_c - K_c ln(K W0 / K_c)) / (2 lambda ln(r_c / r0))``: while the gate is shut the weights fall as
    ``exp(-eps lambda t)``, and coherence grows as ``exp((K W - K_c) t / 2)`` until the coupling is the critical one. An
    estimate from linear growth; simulated circuits reached the gate in 95 % of cases at a quarter of it.

    Args:
        coupling: K, above 0, per unit of time.
        weight: W0, the mean weight at the start, above 0.
        critical: K_c of the frequencies, above 0, per unit of time.
        coherence: r0 at the start, above 0 and below ``centre``.
        centre: r_c, where the gate is half open, at most 1.
        decay: lambda, above 0.

    Returns:
        eps_max, per unit of time; 0 where the coupling at the start is below the critical one.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project.

    >>> round(float(collapse_rate(2.0, 1.0, critical=0.5, coherence=0.3, centre=0.5, decay=1.0)), 4)
    0.7898
    """
    named = {"coupling": coupling, "weight": weight, "critical": critical, "coherence": coherence, "decay": decay}
    for name, value in named.items():
        checks.number(name, value, above=0)
    checks.number("centre", centre, above=0, at_most=1)
    checks.broadcast(**named, centre=centre)
    strength, critical_, r0, r_c, loss = (np.asarray(x, float) for x in (coupling, critical, coherence, centre, decay))
    if np.any(r0 >= r_c):
        got = f"{checks.shown(coherence)} and {checks.shown(centre)}"
        raise ValueError(f"coherence must be below centre, where the gate opens; got {got}")
    over = strength * np.asarray(weight, float) / critical_
    growth = critical_ * (over - 1 - np.log(over))
    return np.where(over > 1, growth / (2 * loss * np.log(r_c / r0)), 0.0)
