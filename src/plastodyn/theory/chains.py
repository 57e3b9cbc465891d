"""Memory chains of any number of stages: each site is taught by the output of the one before it."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from plastodyn import checks
from plastodyn.theory.roots import bisect, geometric_midpoint

_BISECTIONS = 60


def chain_matrix(
    ratios: Sequence[float] | Float[np.ndarray, " later"], delta: float = 0.0
) -> Float[np.ndarray, "stages stages"]:
    """The matrix of a chain, ``z' = A z`` with ``z = (g, w_1, ..., w_{n-1})``, under a perturbation ``xi = delta e``.

    ``g' = -(1 + delta) g - sum_k alpha_k w_{k-1}``, ``w_1' = (1 + delta) g``, ``w_k' = alpha_k w_{k-1}``. The last weight
    follows from the gain error ``g = w* - sum_k w_k``.

    Args:
        ratios: alpha_2, ..., alpha_n: rate of each later site over the first one's, at least one, each above 0.
        delta: the perturbation relative to the error.

    Returns:
        Shape (n, n), per unit of time (one over the first site's rate).

    Raises:
        ValueError: if a ratio is not positive or none is given.

    Source: the two-stage model of Alemi, Aksay and Goldman, continued to n stages.

    >>> chain_matrix([0.5], delta=0.25).tolist()
    [[-1.25, -0.5], [1.25, 0.0]]
    """
    checks.number("ratios", ratios, above=0)
    if np.ndim(ratios) > 1:
        raise ValueError(f"ratios must be a list, one for each later site; got shape {np.shape(ratios)}")
    checks.one_number("delta", delta)
    alpha = np.atleast_1d(np.asarray(ratios, float))
    stages = len(alpha) + 1
    matrix = np.zeros((stages, stages))
    matrix[0, 0] = -(1 + delta)
    matrix[0, 1:] = -alpha
    matrix[1, 0] = 1 + delta
    for k in range(2, stages):
        matrix[k, k - 1] = alpha[k - 2]
    return matrix


def chain_ratios(alpha: float, stages: int, slowing: str = "equal") -> Float[np.ndarray, " later"]:
    """Rates of the later sites over the first one's: all ``alpha``, or each ``alpha`` times that of the site before it.

    Args:
        alpha: consolidation speed, above 0.
        stages: number of sites, at least 2.
        slowing: ``equal`` (alpha, alpha, ...) or ``geometric`` (alpha, alpha^2, ...).

    Returns:
        Shape (stages - 1,).

    Raises:
        ValueError: if an argument is out of range.

    Source: this project.

    >>> chain_ratios(0.5, 4, "geometric").tolist()
    [0.5, 0.25, 0.125]
    """
    checks.one_number("alpha", alpha, above=0)
    checks.count("stages", stages, at_least=2)
    checks.one_of("slowing", slowing, ("equal", "geometric"))
    return alpha ** (np.arange(1, stages) if slowing == "geometric" else np.ones(stages - 1))


def critical_alpha(stages: int, slowing: str = "equal") -> float:
    """The consolidation speed at which an unperturbed chain loses stability; infinite if none, 0 if no speed is stable.

    The characteristic polynomial is ``s^n + sum_k (alpha_2 ... alpha_k) s^(n-k)``. Two equal stages are stable at any
    speed, three below 1, and four or more at none: a deep chain must slow down from site to site.

    Args:
        stages: number of sites, at least 2.
        slowing: as in `chain_ratios`.

    Returns:
        alpha, without units.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project; Routh's criterion for up to four stages, eigenvalues beyond.

    >>> [round(critical_alpha(n), 6) for n in (2, 3, 4, 5)]
    [inf, 1.0, 0.0, 0.0]
    """
    checks.count("stages", stages, at_least=2)
    checks.one_of("slowing", slowing, ("equal", "geometric"))
    if stages == 2:
        return np.inf
    # In a slow chain n - 1 roots are alpha times the n-th roots of unity other than 1: four or more stages cannot be stable.
    if slowing == "equal" and stages > 3:
        return 0.0

    def stable(alpha: float) -> bool:
        return np.linalg.eigvals(chain_matrix(chain_ratios(alpha, stages, slowing))).real.max() < 0

    return float(geometric_midpoint(*bisect(stable, 1e-6, 10.0, _BISECTIONS, geometric_midpoint)))
