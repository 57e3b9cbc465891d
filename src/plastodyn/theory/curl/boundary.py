"""Where curl descent loses stability: the left edge of the spectrum of J is 0, in closed form.

At the boundary ``z = 0`` and ``z' = 0`` hold together, and both are linear in alpha. Eliminating alpha leaves a cubic:

* hidden, ``x = -omega`` from 1 to 2: ``c = (x^2 + 1) / (x^2 (2x + 1))``, ``alpha = (x-1)^2 (x^2 + 2x + 2) / (2 (x^2 + 1))``;
* readout, m from 0 to 1: ``c = m^2 / ((1-m)(1 + m + 2m^2))``, ``alpha = (1-m)(1 + m^2) / (2 (1 + m + 2m^2))``.
"""

import numpy as np
from jaxtyping import Bool
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.theory.curl.spectrum import LAYERS, spectral_edge
from plastodyn.theory.roots import bracketed_newton, positive_cubic_root
from plastodyn.types import Floats

_ALWAYS_STABLE_UP_TO = 1 / 4
_NEVER_STABLE_FROM = 2 / 3


def critical_fraction(c: ArrayLike, *, layer: str) -> Floats:
    """The fraction of flipped neurons at which solutions lose stability, in closed form.

    * hidden: ``y = 1/x`` is the positive root of ``y^3 + (1-c) y - 2c = 0``; 1 for c <= 1/4, where even ``alpha = 1`` is
      stable, and 0 for c >= 2/3, where one flipped input is enough; ``(81/80) (2/3 - c)^2`` just below 2/3.
    * readout: ``y = 1/m`` is the positive root of ``y^3 + (1 - 1/c) y - 2 = 0``; never 0 or 1:
      ``1/2 - sqrt(c) + c/2`` for c -> 0 and ``1/(16c)`` for c -> infinity.

    Args:
        c: inputs per hidden unit N / M, above 0.
        layer: "hidden" (flipped inputs) or "readout" (flipped hidden units).

    Returns:
        The critical fraction, in [0, 1], of the shape of ``c``.

    Raises:
        ValueError: if an argument is out of range.

    Source: the curves of figure 2; the closed forms are this project's.

    >>> critical_fraction([0.2, 0.4, 0.8], layer="hidden").round(4)
    array([1.    , 0.1772, 0.    ])
    >>> round(float(critical_fraction(1.0, layer="readout")), 4)
    0.0551
    """
    checks.one_of("layer", layer, LAYERS)
    checks.number("c", c, above=0)
    c = np.asarray(c, float)
    if layer == "hidden":
        between = np.clip(c, _ALWAYS_STABLE_UP_TO, _NEVER_STABLE_FROM)
        x = 1 / positive_cubic_root(1 - between, between)
        fraction = (x - 1) ** 2 * (x**2 + 2 * x + 2) / (2 * (x**2 + 1))
        return np.where(c <= _ALWAYS_STABLE_UP_TO, 1.0, np.where(c >= _NEVER_STABLE_FROM, 0.0, fraction))[()]
    m = 1 / positive_cubic_root(1 - 1 / c, np.ones(c.shape))
    # 1 - m written with c, which keeps all digits as m -> 1.
    return m**2 * (1 + m**2) / (2 * c * (1 + m + 2 * m**2) ** 2)


def critical_compression(alpha: ArrayLike, *, layer: str) -> Floats:
    """The inputs per hidden unit at which solutions lose stability: the inverse of `critical_fraction`.

    Args:
        alpha: fraction of flipped neurons, in [0, 1].
        layer: "hidden" or "readout".

    Returns:
        The critical c; solutions are stable below it. hidden: from 2/3 (alpha -> 0) to 1/4 (alpha = 1). readout: infinite
        at ``alpha = 0``, and 0 for ``alpha >= 1/2``, where no c is stable.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project, from the same closed forms.

    >>> critical_compression([0.0, 0.4, 1.0], layer="hidden").round(4)
    array([0.6667, 0.3294, 0.25  ])
    """
    checks.one_of("layer", layer, LAYERS)
    checks.number("alpha", alpha, at_least=0, at_most=1)
    alpha = np.asarray(alpha, float)
    if layer == "hidden":
        x = _hidden_parameter(alpha)
        return (x**2 + 1) / (x**2 * (2 * x + 1))
    m = 1 - _readout_parameter(alpha)
    with np.errstate(divide="ignore"):
        return m**2 / (1 - m) / (1 + m + 2 * m**2)


def hidden_end_points() -> tuple[float, float]:
    """The c up to which the critical hidden fraction is 1, and the c from which it is 0: 1/4 and 2/3.

    With all inputs flipped ``J = S - I``, and its edge ``(1/sqrt(c) - 1)^2 - 1`` is positive for c < 1/4. With one input
    flipped, J has an eigenvalue ``2/(3c) - 1`` outside the rest of its spectrum, negative for c > 2/3.

    Returns:
        The two values of c.

    Source: this project's derivation.

    >>> hidden_end_points()
    (0.25, 0.6666666666666666)
    """
    return _ALWAYS_STABLE_UP_TO, _NEVER_STABLE_FROM


def phase_diagram(c_values: ArrayLike, alpha_values: ArrayLike, *, layer: str) -> Bool[np.ndarray, "alphas cs"]:
    """Where solutions are stable on a grid, ``spectral_edge > 0``; `spectral_edge` itself gives the margin.

    Args:
        c_values: inputs per hidden unit, shape (C,), above 0.
        alpha_values: fractions of flipped neurons, shape (A,), in [0, 1].
        layer: "hidden" or "readout".

    Returns:
        True where stable, shape (A, C).

    Raises:
        ValueError: if an argument is out of range, or not one-dimensional.

    Source: figure 2.

    >>> phase_diagram([0.2, 0.5, 0.8], [0.01, 0.5], layer="hidden")
    array([[ True,  True, False],
           [ True, False, False]])
    """
    checks.number("c_values", c_values, above=0)
    checks.number("alpha_values", alpha_values, at_least=0, at_most=1)
    for name, values in (("c_values", c_values), ("alpha_values", alpha_values)):
        if np.ndim(values) != 1:
            raise ValueError(f"{name} must be one-dimensional; got shape {np.shape(values)}")
    return spectral_edge(np.asarray(c_values, float)[None], np.asarray(alpha_values, float)[:, None], layer=layer) > 0


def _hidden_parameter(alpha: Floats) -> Floats:
    """X in [1, 2] of ``(x-1) sqrt(x^2 + 2x + 2) = sqrt(2 alpha (x^2 + 1))``; the left side grows faster."""

    def mismatch(x: Floats) -> tuple[Floats, Floats]:
        left, right = np.sqrt(x**2 + 2 * x + 2), np.sqrt(2 * alpha * (x**2 + 1))
        return (x - 1) * left - right, left + (x**2 - 1) / left - x * right / (x**2 + 1)

    return bracketed_newton(mismatch, np.ones(alpha.shape), np.full(alpha.shape, 2.0))


def _readout_parameter(alpha: Floats) -> Floats:
    """``n = 1 - m`` in [0, 1] of ``alpha = (1-m)(1 + m^2) / (2 (1 + m + 2m^2))``; 1 for alpha >= 1/2."""
    alpha = np.minimum(alpha, 0.5)

    def mismatch(n: Floats) -> tuple[Floats, Floats]:
        m = 1 - n
        return n * (1 + m**2) - 2 * alpha * (1 + m + 2 * m**2), 1 + m**2 - 2 * n * m + 2 * alpha * (1 + 4 * m)

    return bracketed_newton(mismatch, np.zeros(alpha.shape), np.ones(alpha.shape))
