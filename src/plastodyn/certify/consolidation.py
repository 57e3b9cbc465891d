"""Is a two-stage memory safe at its consolidation speed? Three answers, each sharper than the one before."""

from dataclasses import replace
from typing import SupportsFloat

from flint import arb, ctx, fmpq

from plastodyn.certify import linear, rational
from plastodyn.certify.certificate import Certificate
from plastodyn.certify.linear import linear_inclusion
from plastodyn.certify.rational import Exact, exact
from plastodyn.certify.words import named
from plastodyn.theory import consolidation as theory
from plastodyn.types import Json

_BITS = 128
_TURNS = "shrinks_each_half_turn"
_STATEMENT = named("memory_stable", "continuous")


def consolidation(alpha: Exact, mu: Exact) -> Certificate:
    """Is a two-stage memory stable at a consolidation speed, whatever perturbation ``|xi| <= mu |e|`` of the error?

    Asked in turn: the paper's bound (``alpha <= 1 - mu``), a quadratic Lyapunov function of the linear inclusion, and the
    exact growth under the worst perturbation, ``theory.consolidation.worst_growth`` in ball arithmetic, which decides
    what no quadratic function can. Where the memory is not stable, the witness is that perturbation: a periodic
    switching, which `perturbations.worst_case` simulates.

    Args:
        alpha: late over early learning rate, above 0; a number or text such as ``"1/3"``.
        mu: bound of the perturbation, at least 0 and below 1.

    Returns:
        A `Certificate`; its ``domain`` holds the three bounds and what each of them says.

    Raises:
        ValueError: if an argument is out of range.

    Source: Alemi, Aksay and Goldman, figure 2C; the two sharper answers are this project's.

    >>> [consolidation("1/2", mu).verdict for mu in ("0.4", "0.75", "0.85", "0.9")]
    ['certified', 'certified', 'certified', 'refuted']
    """
    a, m = exact(alpha), exact(mu)
    if not a > 0:
        raise ValueError(f"alpha must be a number > 0; got {alpha!r}")
    if not 0 <= m < 1:
        raise ValueError(f"mu must be a number >= 0 and < 1; got {mu!r}")
    found = linear_inclusion(_vertices(a, m))
    if found.verdict == "unknown" and _decays(a, m):
        found = replace(found, verdict="certified", conditions=[_TURNS], remaining=[])
    system = {"alpha": str(a), "mu": str(m)}
    domain = {**found.domain, "answers": _answers(a, m, found)}
    return replace(found, kind="consolidation", statement=_STATEMENT, system=system, domain=domain)


def _vertices(alpha: fmpq, mu: fmpq) -> list[list[list[fmpq]]]:
    return [[[-(1 + delta), -alpha], [1 + delta, fmpq(0)]] for delta in (-mu, mu)]


def _answers(alpha: fmpq, mu: fmpq, found: Certificate) -> dict[str, Json]:
    """Three bounds, to four digits, and what each says of this alpha and mu."""
    speed, bound = rational.as_float(alpha), rational.as_float(mu)
    guaranteed = "guaranteed" if alpha + mu <= 1 else "not guaranteed"
    quadratic = "no such function was found" if found.lyapunov is None else "certified"
    exactly = {"certified": "stable", "refuted": "unstable"}.get(found.verdict, found.verdict)
    return {
        "paper": {"bound": _short(theory.guaranteed_alpha(bound)), "found": guaranteed},
        "quadratic": {"bound": _short(theory.quadratic_bound(speed)), "found": quadratic},
        "exact": {"bound": _short(theory.exact_bound(speed)), "found": exactly},
    }


def _short(bound: SupportsFloat) -> float:
    """To four digits: what another computer's logarithms may change is not read as another answer."""
    return float(f"{float(bound):.4g}")


def _decays(alpha: fmpq, mu: fmpq) -> bool:
    """Whether the worst perturbation surely shrinks the state: `worst_growth` in balls."""
    with ctx.workprec(_BITS):
        weak, strong = arb(1 - mu), arb(1 + mu)
        if 4 * alpha <= 1 - mu:
            return True
        turning = (arb(alpha) / weak - fmpq(1, 4)).sqrt()
        second = (arb.pi() - (2 * turning).atan()) / turning
        excess = alpha / (1 + mu) - fmpq(1, 4)
        if excess == 0:
            first = arb(2)
        elif excess > 0:
            first = (2 * arb(excess).sqrt()).atan() / arb(excess).sqrt()
        else:
            first = (2 * arb(-excess).sqrt()).atanh() / arb(-excess).sqrt()
        return bool((strong / weak).log() - first - second < 0)


def check(certificate: Certificate) -> bool:
    """Recheck: the proof of the linear inclusion that alpha and mu make, or the exact growth in balls; and the answers."""
    alpha, mu = exact(certificate.system["alpha"]), exact(certificate.system["mu"])
    domain = dict(certificate.domain)
    if certificate.statement != _STATEMENT or domain.pop("answers") != _answers(alpha, mu, certificate):
        return False
    if not (alpha > 0 and 0 <= mu < 1):
        return False
    if certificate.conditions == [_TURNS]:
        proof = (certificate.verdict, certificate.time, domain) == ("certified", "continuous", {})
        return proof and _decays(alpha, mu)
    inclusion = {"vertices": [rational.texts(m) for m in _vertices(alpha, mu)]}
    stable = named("asymptotically_stable", certificate.time)
    return linear.check(replace(certificate, system=inclusion, domain=domain, statement=stable))


Certificate.checkers["consolidation"] = check
