"""Two-stage consolidation of a memory: how fast the late site may learn, and what a perturbation of the error then does.

Time is in units of one over the early learning rate. The state is ``z = (g, w1)``: the gain error ``g = w* - w1 - w2`` and
the early weight. A perturbation bounded by ``|xi| <= mu |e|`` is ``xi = delta(t) e`` with ``|delta| <= mu``, so that
``z' = A(delta) z`` with ``A(delta) = [[-(1 + delta), -alpha], [1 + delta, 0]]``.
"""

import numpy as np
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.theory.roots import bisect, midpoint
from plastodyn.types import Floats

_BISECTIONS = 80


def damping_ratio(alpha: ArrayLike) -> Floats:
    """Damping ratio of the oscillator that the late weight is, ``zeta = 1 / (2 sqrt(alpha))``.

    ``w2'' + eta1 w2' + eta1 eta2 (w2 - w*) = eta1 eta2 xi``: natural frequency ``sqrt(eta1 eta2)``, critical at alpha = 1/4.

    Args:
        alpha: consolidation speed, late over early learning rate, above 0.

    Returns:
        zeta, without units, in the shape of alpha.

    Raises:
        ValueError: if alpha is not positive.

    Source: Alemi, Aksay and Goldman, mapping to a damped driven oscillator.

    >>> float(damping_ratio(0.25))
    1.0
    """
    checks.number("alpha", alpha, above=0)
    return 1 / (2 * np.sqrt(np.asarray(alpha, float)))


def gain(alpha: ArrayLike, u: ArrayLike) -> Floats:
    """Gain from a sinusoidal probe on the error to the late weight, ``1 / sqrt((1 - u^2)^2 + u^2 / alpha)``.

    Args:
        alpha: consolidation speed, above 0.
        u: frequency of the probe over the natural frequency, at least 0; broadcasts with alpha.

    Returns:
        Amplitude of w2 over that of the probe, without units; ``sqrt(alpha)`` at u = 1.

    Raises:
        ValueError: if alpha is not positive or u negative.

    Source: figure 3B.

    >>> round(100 * float(gain(3.0, 1.0)) - 100, 1), round(100 * float(gain(0.33, 1.0)) - 100, 1)
    (73.2, -42.6)
    """
    checks.number("alpha", alpha, above=0)
    checks.number("u", u, at_least=0)
    checks.broadcast(alpha=alpha, u=u)
    alpha, u = np.asarray(alpha, float), np.asarray(u, float)
    return 1 / np.sqrt((1 - u**2) ** 2 + u**2 / alpha)


def peak_frequency(alpha: ArrayLike) -> Floats:
    """Frequency of the largest gain over the natural frequency, ``u^2 = 1 - 1 / (2 alpha)``; 0 where alpha <= 1/2.

    Args:
        alpha: consolidation speed, above 0.

    Returns:
        u, without units.

    Raises:
        ValueError: if alpha is not positive.

    Source: the maximum of `gain` over u.

    >>> round(float(peak_frequency(2.0)) ** 2, 6), float(peak_frequency(0.4))
    (0.75, 0.0)
    """
    checks.number("alpha", alpha, above=0)
    return np.sqrt(np.maximum(1 - 1 / (2 * np.asarray(alpha, float)), 0))


def guaranteed_alpha(mu: ArrayLike) -> Floats:
    """The consolidation speed up to which the paper's Lyapunov function guarantees stability, ``alpha_c = 1 - mu``.

    ``L = g^2/2 + (w* - w2)^2/2`` has ``L' <= -(1 - mu - alpha) g^2 - alpha (w* - w2)^2``. Below alpha_c convergence is
    asymptotic (where the input keeps exciting: the integral of x^2 diverges).

    Args:
        mu: bound of the perturbation relative to the error, within [0, 1].

    Returns:
        alpha_c, without units.

    Raises:
        ValueError: if mu is out of range.

    Source: figure 2C.

    >>> guaranteed_alpha([0.0, 0.25, 1.0]).tolist()
    [1.0, 0.75, 0.0]
    """
    checks.number("mu", mu, at_least=0, at_most=1)
    return 1 - np.asarray(mu, float)


def quadratic_bound(alpha: ArrayLike) -> Floats:
    """The largest perturbation for which some one quadratic Lyapunov function serves all perturbations.

    The circle criterion, ``mu < 1 / max_omega sqrt((omega^2 + alpha^2) / ((alpha - omega^2)^2 + omega^2))``, whose
    maximum lies at ``omega^2 = alpha^2 (sqrt(1 + 2/alpha) - 1)``: no search is needed.

    Args:
        alpha: consolidation speed, above 0.

    Returns:
        mu, without units.

    Raises:
        ValueError: if alpha is not positive.

    Source: circle criterion (Zames; Yakubovich); the place of the maximum is this project's.

    >>> [round(float(quadratic_bound(a)), 4) for a in (0.5, 1.0)]
    [0.7862, 0.6813]
    """
    checks.number("alpha", alpha, above=0)
    alpha = np.asarray(alpha, float)
    root = np.sqrt(1 + 2 / alpha) + 1
    # omega^2 = alpha^2 (sqrt(1 + 2 / alpha) - 1) and alpha - omega^2, without differences that lose digits at large alpha.
    square, apart = 2 * alpha / root, 2 / root**2
    return np.sqrt((apart**2 + square) / (square + alpha**2))


def exact_bound(alpha: ArrayLike) -> Floats:
    """The largest perturbation that no switching within it can turn into growth: the exact boundary of stability.

    The worst perturbation is ``delta = mu sign(g w1)`` (`perturbations.worst_case`). In half a turn it multiplies the
    state by ``exp(worst_growth)``; the boundary solves ``log(p+ / p-) = phi(alpha / p+) + psi(alpha / p-)``,
    ``p+- = 1 +- mu``, see `worst_growth`.

    Args:
        alpha: consolidation speed, above 0.

    Returns:
        mu, without units, in the shape of alpha.

    Raises:
        ValueError: if alpha is not positive.

    Source: this project; derivation in the documentation, consolidation.

    >>> [round(float(exact_bound(a)), 3) for a in (0.2, 1.0)]
    [0.947, 0.817]
    """
    checks.number("alpha", alpha, above=0)
    alpha = np.asarray(alpha, float)
    # In log p-: at the upper end the state no longer turns, so that nothing grows; at the lower end it grows.
    high = np.log(np.minimum(1.0, 4 * alpha))
    low = high - 60
    ends = bisect(lambda at: _log_growth(alpha, np.exp(at)) > 0, low, high, _BISECTIONS)
    return 1 - np.exp(midpoint(*ends))


def worst_growth(alpha: ArrayLike, mu: ArrayLike) -> Floats:
    """Logarithm of the growth of the state over half a turn under the worst perturbation; minus infinity where none turns it.

    ``[log(p+ / p-) - phi(alpha / p+) - psi(alpha / p-)] / 2`` with ``p+- = 1 +- mu``, ``s = sqrt(|r - 1/4|)``,
    ``phi(r) = atan(2 s) / s`` (``atanh(2 s) / s`` for r < 1/4) and ``psi(r) = (pi - atan(2 s)) / s``. The two quarters of a
    turn are those of linear spirals: g w1 > 0 with A(mu), g w1 < 0 with A(-mu). For ``alpha <= (1 - mu) / 4`` no
    perturbation turns the state all around, and every one decays.

    Args:
        alpha: consolidation speed, above 0.
        mu: bound of the perturbation relative to the error, at least 0 and below 1; broadcasts with alpha.

    Returns:
        Logarithm of a ratio of amplitudes; above 0 the perturbation grows without bound.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project; the extremal trajectory of the planar inclusion.

    >>> [round(float(worst_growth(1.0, mu)), 3) for mu in (0.5, 0.8, 0.9)]
    [-0.887, -0.069, 0.424]
    """
    return _log_growth(*_speed_and_weakening(alpha, mu))


def half_turn(alpha: ArrayLike, mu: ArrayLike) -> Floats:
    """How long the state takes for half a turn under the worst perturbation; infinite where none turns it.

    ``phi(alpha / p+) / p+ + psi(alpha / p-) / p-``, the two quarters of `worst_growth`.

    Args:
        alpha: consolidation speed, above 0.
        mu: bound of the perturbation relative to the error, at least 0 and below 1; broadcasts with alpha.

    Returns:
        In units of one over the early learning rate.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project; without a perturbation half a period, ``pi / sqrt(alpha - 1/4)``.

    >>> round(float(half_turn(0.5, 0.0)) / np.pi, 6)
    2.0
    """
    return sum(quarters(alpha, mu), np.zeros(()))


def quarters(alpha: ArrayLike, mu: ArrayLike) -> tuple[Floats, Floats]:
    """How long the worst perturbation strengthens, and then weakens, the early site in each `half_turn`.

    ``phi(alpha / p+) / p+`` and ``psi(alpha / p-) / p-``; the second is infinite where no perturbation turns the state.

    Args:
        alpha: consolidation speed, above 0.
        mu: bound of the perturbation relative to the error, at least 0 and below 1; broadcasts with alpha.

    Returns:
        Two durations, in units of one over the early learning rate.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project.

    >>> [round(float(duration), 3) for duration in quarters(0.5, 0.9)]
    [1.035, 8.242]
    """
    alpha, weakened = _speed_and_weakening(alpha, mu)
    turns, first, second = _quarters(alpha, weakened)
    return first / (2 - weakened), np.where(turns, second / weakened, np.inf)


def _speed_and_weakening(alpha: ArrayLike, mu: ArrayLike) -> tuple[Floats, Floats]:
    """Alpha and ``p- = 1 - mu``, checked and broadcast."""
    checks.number("alpha", alpha, above=0)
    checks.number("mu", mu, at_least=0)
    checks.broadcast(alpha=alpha, mu=mu)
    if np.any(np.asarray(mu) >= 1):
        raise ValueError(f"mu must be below 1; got {checks.shown(mu)}")
    speed, bound = np.broadcast_arrays(np.asarray(alpha, float), np.asarray(mu, float))
    return speed, 1 - bound


def _log_growth(alpha: Floats, weakened: Floats) -> Floats:
    """As a function of ``p- = 1 - mu``, which keeps its digits where mu comes close to 1."""
    turns, first, second = _quarters(alpha, weakened)
    return np.where(turns, (np.log((2 - weakened) / weakened) - first - second) / 2, -np.inf)


def _quarters(alpha: Floats, weakened: Floats) -> tuple[Floats, Floats, Floats]:
    """Whether the state turns, and ``phi(alpha / p+)`` and ``psi(alpha / p-)``: damping times duration of each quarter."""
    excess = alpha / weakened - 0.25
    s = np.sqrt(np.where(excess > 0, excess, 1.0))
    return excess > 0, _first_quarter(alpha / (2 - weakened)), (np.pi - np.arctan(2 * s)) / s


def _first_quarter(ratio: Floats) -> Floats:
    """``atan(2 s) / s``, continued through s = 0, where it is 2, to ``atanh(2 s) / s``."""
    excess = ratio - 0.25
    s = np.sqrt(np.maximum(np.abs(excess), 1e-12))
    return np.where(excess > 0, np.arctan(2 * s), np.arctanh(np.minimum(2 * s, 1 - 1e-16))) / s


def stationary_error(alpha: ArrayLike, early: ArrayLike, late: ArrayLike) -> tuple[Floats, Floats]:
    """Mean squared errors that synaptic fluctuations sustain: of the whole circuit, and without its early site.

    ``E g^2 = (early^2 (1 + alpha) + late^2) / 2`` and ``E (w* - w2)^2 = (alpha early^2 + late^2 + late^2 / alpha) / 2``, for
    ``dg = -(g + alpha w1) dt - early dB1 - late dB2``, ``dw1 = g dt + early dB1``.

    Args:
        alpha: consolidation speed, above 0.
        early: size of the fluctuations of w1, weight per square root of time, at least 0.
        late: of w2; all three broadcast.

    Returns:
        Error with both sites at work, and with the early one inactivated, in squared weight.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project; the Lyapunov equation of the linear circuit in its stationary state.

    >>> [round(float(error), 3) for error in stationary_error(0.5, 1.0, 0.5)]
    [0.875, 0.625]
    """
    checks.number("alpha", alpha, above=0)
    checks.number("early", early, at_least=0)
    checks.number("late", late, at_least=0)
    checks.broadcast(alpha=alpha, early=early, late=late)
    alpha, first, second = np.asarray(alpha, float), np.square(early), np.square(late)
    return (first * (1 + alpha) + second) / 2, (alpha * first + second + second / alpha) / 2


def optimal_alpha(early: ArrayLike, late: ArrayLike) -> Floats:
    """The consolidation speed that keeps the memory best in the late site alone, ``alpha = late / early``.

    Slower, fluctuations of the late site go uncorrected; faster, it follows those of the early one.

    Args:
        early: size of the fluctuations of w1, above 0.
        late: of w2, at least 0; broadcasts.

    Returns:
        alpha, without units: the minimum of the second `stationary_error`.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project.

    >>> float(optimal_alpha(2.0, 0.5))
    0.25
    """
    checks.number("early", early, above=0)
    checks.number("late", late, at_least=0)
    checks.broadcast(early=early, late=late)
    return np.asarray(late, float) / np.asarray(early, float)
