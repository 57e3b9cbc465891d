"""Oscillators that are coupled through the weights their own phases have grown, some of them with the opposite sign.

At rest ``W_ij = s_j (eta / lambda) G(r) cos(theta_i - theta_j)``, with s_j = -1 for the synapses that a flipped oscillator
sends. Cosine times sine is half the sine of twice the angle, so that each oscillator feels

``omega_i = a sin(2 (theta_i - psi))``, ``a = (1 - 2 f) (K eta / (2 lambda)) G(r) <cos 2 (theta - psi)>``,

f being the flipped fraction, wherever the flipped ones are. All are locked while ``a >= max |omega|``.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from plastodyn import checks
from plastodyn.theory.roots import bisect
from plastodyn.types import Floats

_POINTS, _BISECTIONS = 4000, 60
_STILL = 1e-9
"""Share of the coupling below which a pull counts as none."""


def locked_coherence(
    flipped_fraction: ArrayLike,
    frequencies: ArrayLike,
    coupling: float,
    *,
    gain: float = 1.0,
    slope: float = 20.0,
    centre: float = 0.5,
) -> Floats:
    """Coherence of the locked state of oscillators coupled through Hebbian weights, a fraction of them flipped.

    ``r = <cos theta>`` with ``sin 2 theta = omega / a``; the larger of the two solutions for the pull a, which is the stable
    one.

    Args:
        flipped_fraction: f, of oscillators whose synapses onto others learn with the opposite sign, from 0 to 1.
        frequencies: omega, shape (N,), counted from their mean.
        coupling: K, above 0, per unit of time.
        gain: eta / lambda, growth over decay, above 0.
        slope: beta of the gate; 0 with twice the gain for none.
        centre: r_c of the gate.

    Returns:
        r, of the shape of ``flipped_fraction``; NaN where no locked state exists.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project.

    >>> locked_coherence([0.0, 0.4], np.linspace(-0.5, 0.5, 101), 4.0).round(4).tolist()
    [0.9973, nan]
    """
    checks.number("flipped_fraction", flipped_fraction, at_least=0, at_most=1)
    branch = _Branch(frequencies, coupling, gain, slope, centre)
    fractions = np.asarray(flipped_fraction, float)
    return np.array([branch.coherence(one) for one in fractions.ravel()]).reshape(fractions.shape)


def critical_flipped_fraction(
    frequencies: ArrayLike, coupling: float, *, gain: float = 1.0, slope: float = 20.0, centre: float = 0.5
) -> float:
    """The fraction of flipped oscillators above which no locked state exists.

    ``f_c = max_a (1 - 2 a / (K (eta / lambda) G(r) <sqrt(1 - omega^2 / a^2)>)) / 2``. For frequencies evenly spread up to h and
    an open gate it is ``(1 - 2 K_c lambda / (K eta)) / 2`` with Kuramoto's ``K_c = 4 h / pi``: the rhythm bears fewer flips
    than half, and none where ``K eta < 2 K_c lambda``, since the coupling acts on twice the angle.

    Args:
        frequencies: omega, shape (N,), counted from their mean.
        coupling: K, above 0, per unit of time.
        gain: eta / lambda, above 0.
        slope: beta of the gate; 0 with twice the gain for none.
        centre: r_c of the gate.

    Returns:
        f_c, at most 0.5; below 0 where even without flips no locked state exists.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project.

    >>> even = 0.5 * (2 * (np.arange(2000) + 0.5) / 2000 - 1)
    >>> round(critical_flipped_fraction(even, 4.0), 3), round((1 - 2 * (2 / np.pi) / 4.0) / 2, 3)
    (0.341, 0.341)
    """
    return float(_Branch(frequencies, coupling, gain, slope, centre).fractions.max())


class _Branch:
    """Locked states, each at its own pull a, and the flipped fraction that it belongs to."""

    def __init__(self, frequencies: ArrayLike, coupling: float, gain: float, slope: float, centre: float) -> None:
        checks.number("frequencies", frequencies)
        checks.one_number("coupling", coupling, above=0)
        checks.one_number("gain", gain, above=0)
        checks.one_number("slope", slope)
        checks.one_number("centre", centre)
        self._omega = np.ravel(np.asarray(frequencies, float))
        self._strength, self._slope, self._centre = coupling * gain, slope, centre
        least = max(float(np.abs(self._omega).max()), _STILL * self._strength)
        self.pulls = np.linspace(least, max(self._strength / 2, 2 * least), _POINTS)
        self.fractions = np.array([self.fraction(pull) for pull in self.pulls])

    def fraction(self, pull: float) -> float:
        """The flipped fraction with this pull."""
        cosine = np.sqrt(np.clip(1 - (self._omega / pull) ** 2, 0, None)).mean()
        opening = expit(self._slope * (self._at(pull) - self._centre))
        # Where the pull vanishes so may the cosine.
        return float((1 - 2 * pull / (self._strength * opening * max(cosine, _STILL))) / 2)

    def _at(self, pull: float) -> float:
        """Coherence with this pull."""
        return float(np.cos(0.5 * np.arcsin(np.clip(self._omega / pull, -1, 1))).mean())

    def coherence(self, fraction: float) -> float:
        """Coherence at a flipped fraction; NaN where nothing is locked."""
        if not (self.fractions >= fraction).any():
            return float("nan")
        last = int(np.flatnonzero(self.fractions >= fraction)[-1])
        high = self.pulls[min(last + 1, _POINTS - 1)]
        pull, _ = bisect(lambda a: self.fraction(a) >= fraction, float(self.pulls[last]), float(high), _BISECTIONS)
        return self._at(pull)
