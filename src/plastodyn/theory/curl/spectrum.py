"""Spectrum of the stability matrix J: left edge, density and atoms.

Free convolution gives an explicit z as a function of one variable, and the left edge is its maximum:

* hidden: ``z(omega) = omega + (1/c) / (1 + m(omega))``, ``m = (1-alpha)/(1-omega) + alpha/(-1-omega)``, omega < -1;
* readout: ``z(m) = 1 - 1/m + (1/c) [(1-alpha)/(1+m) - alpha/(1-m)]``, 0 < m < 1.

m is the Stieltjes transform ``tr (J - z)^-1 / N``. `docs/theory_curl.md` derives both.
"""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.theory.roots import bracketed_newton, complex_cubic_root
from plastodyn.types import Floats

LAYERS = ("hidden", "readout")


def spectral_edge(c: ArrayLike, alpha: ArrayLike, *, layer: str) -> Floats:
    """Left edge of the spectrum of J: ``max z(omega)`` (hidden) or ``max z(m)`` (readout); a solution is stable above 0.

    The edge does not rise with alpha. At ``alpha = 0`` both layers have the edge ``1 + max(1/sqrt(c) - 1, 0)^2`` of a
    circuit without flips; the limit alpha -> 0 is lower, because one flipped neuron already splits an eigenvalue off:
    for c > 1/9 it lies at ``2/(3c) - 1`` (hidden), for c > 1/4 at ``1/(2c)`` (readout). Where flipped inputs outnumber
    hidden units, ``alpha c >= 1``, the hidden edge is -1.

    Args:
        c: inputs per hidden unit N / M, above 0.
        alpha: fraction of flipped neurons, in [0, 1].
        layer: "hidden" (flipped inputs) or "readout" (flipped hidden units).

    Returns:
        The edge, in units of ``|w2|^2``, broadcast over ``c`` and ``alpha``.

    Raises:
        ValueError: if an argument is out of range.

    Source: the paper's phase diagrams, figure 2; the equations are this project's derivation.

    >>> float(spectral_edge(0.25, 1.0, layer="hidden"))
    0.0
    >>> spectral_edge([0.1, 1.0], 0.1, layer="readout").round(4)
    array([ 3.2793, -0.2186])
    """
    c, alpha = checked(c, alpha, layer)
    if layer == "hidden":
        s = hidden_maximiser(c, alpha)
        edge = s * (s + 2) / c / np.where(alpha > 0, s**2 + 3 * s + 2 * alpha, 1.0) - (1 + s)
    else:
        n = readout_maximiser(c, alpha)
        edge = 1 - 1 / (1 - n) + ((1 - alpha) / (2 - n) - alpha / n) / c
    return np.where(alpha > 0, edge, 1 + np.maximum(1 / np.sqrt(c) - 1, 0) ** 2)[()]


def spectral_density(c: ArrayLike, alpha: ArrayLike, *, layer: str, eigenvalues: ArrayLike) -> Floats:
    """Density of the spectrum of J at given points, without its atoms: ``Im m / pi`` from a cubic with a complex pair.

    * hidden: ``omega^3 + (1/c - z - 1) omega^2 + (z - 2 + 2 alpha) omega + 2 (1 - alpha) z - 1/c = 0``, and
      ``m = 1 / (c (z - omega)) - 1``;
    * readout, with ``y = 1/m`` and ``e = z - 1``: ``y^3 + (e - (1-2 alpha)/c) y^2 - (1 - 1/c) y - e = 0``.

    A cubic with real coefficients has at most one complex pair, so no root is searched for. The density integrates to
    1 minus the masses of `spectral_atoms`.

    Args:
        c: inputs per hidden unit N / M, above 0.
        alpha: fraction of flipped neurons, in [0, 1].
        layer: "hidden" or "readout".
        eigenvalues: points, in units of ``|w2|^2``.

    Returns:
        The density per unit of eigenvalue, broadcast over ``c``, ``alpha`` and ``eigenvalues``; infinite at the one or two
        points where an atom is about to appear.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project's derivation.

    >>> spectral_density(0.5, 0.5, layer="hidden", eigenvalues=[-0.7, 0.0, 2.0]).round(4)
    array([0.    , 0.2554, 0.1838])
    """
    checks.number("eigenvalues", eigenvalues)
    c, alpha = checked(c, alpha, layer)
    checks.broadcast(c=c, alpha=alpha, eigenvalues=eigenvalues)
    c, alpha, z = np.broadcast_arrays(c, alpha, np.asarray(eigenvalues, float))
    if layer == "hidden":
        ordinary = 2 * (1 - alpha)
        real, imaginary = complex_cubic_root(1 / c - z - 1, z - ordinary, ordinary * z - 1 / c)
        squared = c * ((z - real) ** 2 + imaginary**2)
    else:
        real, imaginary = complex_cubic_root((z - 1) - (1 - 2 * alpha) / c, 1 / c - 1, 1 - z)
        squared = real**2 + imaginary**2
    density = np.where(imaginary > 0, imaginary / (np.pi * squared), 0.0)
    locations, excess = _excess(c, alpha, layer)
    at_threshold = ((excess == 0) & (z[..., None] == locations)).any(-1)
    return np.where(at_threshold, np.inf, density)[()]


def spectral_atoms(
    c: ArrayLike, alpha: ArrayLike, *, layer: str
) -> tuple[Float[np.ndarray, " atoms"], Float[np.ndarray, "*points atoms"]]:
    """Eigenvalues of J that a finite fraction of directions share, because N inputs exceed M hidden units.

    hidden: ``max(alpha - 1/c, 0)`` at -1 and ``max(1 - alpha - 1/c, 0)`` at 1; readout: ``max(1 - 1/c, 0)`` at 1.

    Args:
        c: inputs per hidden unit N / M, above 0.
        alpha: fraction of flipped neurons, in [0, 1].
        layer: "hidden" or "readout".

    Returns:
        The locations, shape (2,) for hidden and (1,) for readout, and the masses, fractions of N, shape (..., 2) or (..., 1).

    Raises:
        ValueError: if an argument is out of range.

    Source: this project's derivation.

    >>> locations, masses = spectral_atoms(4.0, 0.5, layer="hidden")
    >>> print(locations, masses)
    [-1.  1.] [0.25 0.25]
    """
    locations, excess = _excess(*checked(c, alpha, layer), layer)
    return locations, np.maximum(excess, 0.0)


def checked(c: ArrayLike, alpha: ArrayLike, layer: str) -> tuple[Floats, Floats]:
    """The compression ratio and the fraction as arrays of one shape, after the checks that all functions share."""
    checks.one_of("layer", layer, LAYERS)
    checks.number("c", c, above=0)
    checks.number("alpha", alpha, at_least=0, at_most=1)
    checks.broadcast(c=c, alpha=alpha)
    compression, fraction = np.broadcast_arrays(np.asarray(c, float), np.asarray(alpha, float))
    return compression, fraction


def _excess(c: Floats, alpha: Floats, layer: str) -> tuple[Floats, Floats]:
    """Where the atoms are, and by which fraction of N their neurons exceed the hidden units."""
    if layer == "hidden":
        return np.array([-1.0, 1.0]), np.stack([alpha - 1 / c, 1 - alpha - 1 / c], axis=-1)
    return np.array([1.0]), (1 - 1 / c)[..., None]


def hidden_maximiser(c: Floats, alpha: Floats) -> Floats:
    """``s = -1 - omega`` at the maximum of z(omega), between 0 and 1/sqrt(c): a quartic with one root there."""
    # Where alpha c >= 1, z rises up to s = 0.
    interior = (alpha > 0) & (alpha * c < 1)
    c, alpha = np.where(interior, c, 1.0), np.where(interior, alpha, 0.5)
    root = np.sqrt(c)

    def slope_of_z(s: Floats) -> tuple[Floats, Floats]:
        norm = np.sqrt(s**2 + 4 * alpha * (1 + s))
        return root * (s**2 + 3 * s + 2 * alpha) - norm, root * (2 * s + 3) - (s + 2 * alpha) / norm

    return np.where(interior, bracketed_newton(slope_of_z, np.zeros(c.shape), 1 / root), 0.0)


def readout_maximiser(c: Floats, alpha: Floats) -> Floats:
    """``n = 1 - m`` at the maximum of z(m), between 0 and 1: a quartic with one root there. For alpha > 0."""
    alpha = np.where(alpha > 0, alpha, 0.5)
    root = np.sqrt(c)

    def slope_of_z(n: Floats) -> tuple[Floats, Floats]:
        norm = np.sqrt(n**2 + 4 * alpha * (1 - n))
        value = root * n * (2 - n) - (1 - n) * norm
        return value, 2 * root * (1 - n) + norm - (1 - n) * (n - 2 * alpha) / norm

    return bracketed_newton(slope_of_z, np.zeros(c.shape), np.ones(c.shape))
