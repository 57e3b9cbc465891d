"""Is a two-stage memory safe at its consolidation speed? A quadratic function where one serves, else the exact growth."""

from contextlib import suppress

from plastodyn import checks
from plastodyn.certify import quadratic, rational
from plastodyn.certify.certificate import Certificate
from plastodyn.certify.checker import growth_of_half_a_turn, memory
from plastodyn.certify.linear import with_quadratic
from plastodyn.certify.premises import Premises, Unproved
from plastodyn.certify.rational import Exact, exact
from plastodyn.theory import consolidation as theory

_DIGITS = 9


def consolidation(alpha: Exact, mu: Exact) -> Certificate:
    """Is a two-stage memory stable at a consolidation speed, whatever perturbation ``|xi| <= mu |e|`` of the error?

    Decided by the exact growth of half a turn under the worst perturbation, ``theory.consolidation.worst_growth`` in ball
    arithmetic. Where a quadratic Lyapunov function of the linear inclusion serves as well, the certificate holds it, with
    its rate of decay. Where the memory is not stable, the witness is the worst perturbation: a periodic switching, which
    `perturbations.worst_case` simulates.

    Args:
        alpha: late over early learning rate, above 0; a number or text such as ``"1/3"``.
        mu: bound of the perturbation, at least 0 and below 1.

    Returns:
        A `Certificate`; its summary shows the bounds of the paper, of quadratic functions and the exact one.

    Raises:
        ValueError: if an argument is out of range.

    Source: Alemi, Aksay and Goldman, figure 2C; the two sharper answers are this project's.

    >>> [consolidation("1/2", mu).verdict for mu in ("0.4", "0.75", "0.85", "0.9")]
    ['certified', 'certified', 'certified', 'refuted']
    """
    a, m = exact(alpha, "alpha"), exact(mu, "mu")
    if not a > 0:
        raise ValueError(f"alpha must be a number > 0; got {checks.shown(alpha)}")
    if not 0 <= m < 1:
        raise ValueError(f"mu must be a number >= 0 and < 1; got {checks.shown(mu)}")
    premises, growth = Premises("consolidation", "continuous", {"alpha": str(a), "mu": str(m)}), growth_of_half_a_turn(a, m)
    if growth > 0:
        with suppress(Unproved):
            return Certificate.concluded(premises._replace(witness=_switching(rational.as_float(a), rational.as_float(m))))
        return Certificate.concluded(premises)
    if not growth < 0:
        return Certificate.unknown(premises, "too_near")
    vertices = memory(a, m)
    p = quadratic.common(vertices, "continuous") if rational.as_float(m) <= _quadratic_bound(a) else None
    return Certificate.concluded(premises if p is None else with_quadratic(premises, vertices, p))


def _quadratic_bound(alpha: Exact) -> float:
    return float(theory.quadratic_bound(rational.as_float(alpha)))


def _switching(alpha: float, mu: float) -> dict[str, object]:
    """Half a turn of the worst perturbation: strengthened, then weakened, for as long as `theory.consolidation` says."""
    strong, weak = theory.quarters(alpha, mu)
    return {
        "kind": "switching",
        "vertices": [1, 0],
        "durations": [str(rational.rounded(float(duration), _DIGITS)) for duration in (strong, weak)],
    }
