"""How far the smallest eigenvalue of a finite circuit lies from the edge of the limit, to order 1/N."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.theory.curl.spectrum import checked, hidden_maximiser, readout_maximiser, spectral_edge
from plastodyn.types import Floats

_TRACY_WIDOM_MEAN = -1.2065335745820  # of the real symmetric ensemble


class _Edge(NamedTuple):
    """What a finite circuit adds to the edge: ``1.2065 scale N^(-2/3) + shift / N``."""

    scale: Floats
    shift: Floats


def finite_size_edge(c: ArrayLike, alpha: ArrayLike, inputs: ArrayLike, *, layer: str, excess_kurtosis: float = 0.0) -> Floats:
    """Mean smallest eigenvalue of J with N inputs: ``edge + 1.2065 sigma N^(-2/3) + b / N``.

    Near the edge z is a parabola in m, so the density is a square root, and the smallest eigenvalue fluctuates as Tracy and
    Widom's law on the scale ``sigma N^(-2/3)``, ``sigma = |z''(m) / 2|^(1/3)``. The second term is how far the edge itself
    moves with real weights: their mean transform differs from the limit by ``m_1(z) / N``, whose part in
    ``(z - edge)^(-1/2)`` is a shift,

    * hidden: ``b = z''' / (6 z'' m') + kappa z'' / (2 m')``, derivatives in omega;
    * readout: ``b = z''' / (6 z'') + 1 / m + kappa m^2 z'' / 2``, derivatives in m,

    kappa the excess kurtosis of a weight. All are positive for Gaussian and uniform weights: a finite circuit is more stable
    than the limit. They are 0 where the edge is an atom, and hold only if many neurons are flipped (or none): they are no
    better than a guess unless ``alpha N >> 1``.

    Args:
        c: inputs per hidden unit N / M, above 0.
        alpha: fraction of flipped neurons, in [0, 1].
        inputs: N, at least 1.
        layer: "hidden" or "readout".
        excess_kurtosis: kappa of the weights' law, at least -2: 0 for Gaussian weights, -1.2 for uniform ones.

    Returns:
        The mean smallest eigenvalue, in units of ``|w2|^2``, broadcast over ``c``, ``alpha`` and ``inputs``.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project, `docs/theory_curl.md`; without flips b is that of Johnstone and Ma (2012) for Wishart matrices.

    >>> finite_size_edge(0.5, 0.5, [100, 1000], layer="hidden").round(3)
    array([-0.555, -0.579])
    """
    checks.number("inputs", inputs, at_least=1)
    checks.one_number("excess_kurtosis", excess_kurtosis, at_least=-2)
    edge = spectral_edge(c, alpha, layer=layer)
    c, alpha = checked(c, alpha, layer)
    checks.broadcast(c=c, alpha=alpha, inputs=inputs)
    with np.errstate(all="ignore"):
        flipped = (_hidden if layer == "hidden" else _readout)(c, alpha, excess_kurtosis)
    # A fraction whose powers leave the range of floats is that of less than one neuron.
    split = (alpha > 0) & ((alpha * c < 1) | (layer == "readout")) & np.isfinite(flipped.scale + flipped.shift)
    unflipped = _unflipped(c, alpha, excess_kurtosis)
    scale, shift = (np.where(split, own, without) for own, without in zip(flipped, unflipped, strict=True))
    count = np.asarray(inputs, float)
    return edge - _TRACY_WIDOM_MEAN * scale * count ** (-2 / 3) + shift / count


def _unflipped(c: Floats, alpha: Floats, kurtosis: float) -> _Edge:
    """That of the Wishart matrix of ``alpha = 0``, where it has full rank; 0 for an atom."""
    gap = np.where(alpha > 0, 0.0, np.maximum(1 - np.sqrt(c), 0))
    return _Edge(gap ** (4 / 3) / np.sqrt(c), (0.5 - kurtosis) * gap**2 / np.sqrt(c))


def _hidden(c: Floats, alpha: Floats, kurtosis: float) -> _Edge:
    s = hidden_maximiser(c, alpha)
    # The derivatives of m(omega), and those of z = omega + (1/c) / (1 + m) by the chain rule.
    m, d1, d2, d3 = (f * ((1 - alpha) / (2 + s) ** k + alpha / s**k) for k, f in ((1, 1), (2, 1), (3, 2), (4, 6)))
    inverse = 1 / (1 + m)
    z2 = (2 * d1**2 * inverse - d2) * inverse**2 / c
    z3 = (6 * d1 * d2 * inverse - d3 - 6 * d1**3 * inverse**2) * inverse**2 / c
    return _Edge(np.cbrt(-z2 / 2 / d1**2), (z3 / (6 * z2) + kurtosis * z2 / 2) / d1)


def _readout(c: Floats, alpha: Floats, kurtosis: float) -> _Edge:
    n = readout_maximiser(c, alpha)
    m = 1 - n
    z2 = 2 * (((1 - alpha) / (2 - n) ** 3 - alpha / n**3) / c - 1 / m**3)
    z3 = 6 * (1 / m**4 - ((1 - alpha) / (2 - n) ** 4 + alpha / n**4) / c)
    return _Edge(np.cbrt(-z2 / 2), z3 / (6 * z2) + 1 / m + kurtosis * m**2 * z2 / 2)
