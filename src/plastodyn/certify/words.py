"""What a certificate's data say, in words. Only shown: nothing here is stored, and nothing is proved from it."""

from fractions import Fraction
from typing import TYPE_CHECKING

from plastodyn.types import Json

if TYPE_CHECKING:
    from plastodyn.certify.certificate import Certificate

CONDITIONS = {
    "positive": "P is positive definite (exact)",
    "decreases_at_vertices": "V decreases at the margin's rate at every vertex (exact)",
    "region_in_box": "the region lies within the box (exact)",
    "decreases_in_region": "V decreases at every state of the region but z* (balls, 64 bits)",
    "decreases_at_margin": "next to z* it does so at the rate of the margin (balls, 64 bits)",
    "shrinks_each_half_turn": (
        "under the worst perturbation the state shrinks in each half turn, or never turns (balls, 128 bits)"
    ),
    "member_unstable": "a member of the polytope is not asymptotically stable (exact characteristic polynomial)",
    "switching_grows": "a periodic switching does not decay (exact product, or balls, 200 bits)",
    "not_positive": "V is not positive at the witness state (exact)",
    "not_decreasing": "V does not decrease at the witness state (exact, or balls)",
    "equilibrium_unstable": "the Jacobian at z* has an eigenvalue that grows (balls, 128 bits)",
}
_OF_INCLUSIONS = {
    "asymptotically_stable": "uniformly asymptotically stable: {}",
    "is_lyapunov_function": "the given V = z' P z is a Lyapunov function of {}",
}
_OTHERS = {
    "memory_stable": ("uniformly asymptotically stable: a two-stage memory under any perturbation |xi| <= mu |e| of the error"),
    "equilibrium_stable": "the equilibrium z* of {} is stable",
    "decreases_in_region": (
        "V = (z - z*)' P (z - z*) is positive and decreases along {}, z* apart, wherever V <= level, a region within the box"
    ),
}
_ANSWERS = {"paper": "alpha <=", "quadratic": "mu <", "exact": "mu <"}


def named(code: str, time: str) -> str:
    """A statement as it is stored: what holds, and in which time, so that neither is changed without the other.

    >>> named("equilibrium_stable", "discrete")
    'equilibrium_stable in discrete time'
    """
    return f"{code} in {time} time"


def statement(certificate: "Certificate") -> str:
    """What is certified or refuted, as a sentence.

    >>> from plastodyn.certify import linear_inclusion
    >>> statement(linear_inclusion([[[-1]]]))
    "uniformly asymptotically stable: z' = A z, A anywhere in the polytope of 1 1 x 1 matrices"
    """
    code = certificate.statement.removesuffix(f" in {certificate.time} time")
    if code in _OF_INCLUSIONS:
        vertices = certificate.system.get("vertices") or [[]]
        size, count = len(vertices[0]), len(vertices)
        law = "z' = A z" if certificate.time == "continuous" else "z <- A z"
        system = f"{law}, A anywhere in the polytope of {count} {size} x {size} matrices"
        return _OF_INCLUSIONS[code].format(system)
    law = "z' = f(z)" if certificate.time == "continuous" else "z <- f(z)"
    return _OTHERS.get(code, f"not a known statement: {certificate.statement}").format(law)


def rows(certificate: "Certificate") -> dict[str, str]:
    """What a reader wants first: the verdict, the statement, and what supports it.

    >>> from plastodyn.certify import linear_inclusion
    >>> rows(linear_inclusion([[[1]]]))["conditions"]
    'a member of the polytope is not asymptotically stable (exact characteristic polynomial)'
    """
    found = {"verdict": certificate.verdict, "statement": statement(certificate)}
    if certificate.lyapunov is not None:
        found["V = z' P z, P"] = str(certificate.lyapunov)
    if certificate.margin is not None:
        unit = "unit of time" if certificate.time == "continuous" else "step"
        found["margin"] = f"{float(Fraction(certificate.margin)):.6g} per {unit}"
    if "level" in certificate.domain:
        found["region"] = f"V <= {float(Fraction(certificate.domain['level'])):.6g}"
    found |= {name: _answer(name, given) for name, given in certificate.domain.get("answers", {}).items()}
    if certificate.conditions:
        found["conditions"] = "; ".join(
            CONDITIONS.get(code, f"not a known condition: {code}") for code in certificate.conditions
        )
    if certificate.witness is not None:
        found["witness"] = "; ".join(f"{name} {value}" for name, value in certificate.witness.items())
    if certificate.remaining:
        found["left"] = "; ".join(map(str, certificate.remaining))
    return found


def _answer(name: str, given: Json | str) -> str:
    if isinstance(given, str):
        return f"not a known answer: {given}"
    return f"{_ANSWERS[name]} {given['bound']:.4g}: {given['found']}"
