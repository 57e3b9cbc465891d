"""What a certificate's data say, in words. Only shown: nothing here is stored, and nothing is proved from it."""

from typing import TYPE_CHECKING

from plastodyn.certify.rational import as_float
from plastodyn.theory import consolidation as theory

if TYPE_CHECKING:
    from plastodyn.certify.certificate import Certificate

CONDITIONS = {
    "positive": "P is positive definite (exact)",
    "decreases_at_vertices": "V decreases at the margin's rate at every vertex (exact)",
    "region_in_box": "the region lies within the box (exact)",
    "decreases_in_region": "V decreases at every state of the region but z* (balls, 128 bits)",
    "decreases_at_margin": "next to z* it does so at the rate of the margin (balls, 128 bits)",
    "shrinks_each_half_turn": "under the worst perturbation the state shrinks in each half turn, or never turns (balls)",
    "grows_each_half_turn": "under the worst perturbation the state grows in each half turn (balls)",
    "member_unstable": "a member of the polytope is not asymptotically stable (exact characteristic polynomial)",
    "switching_grows": "a periodic switching does not decay (exact product, or balls, 256 bits)",
    "not_positive": "V is not positive at the witness state (exact)",
    "not_decreasing": "V does not decrease at the witness state (exact, or balls)",
    "form_not_positive": "the bound of dL/dt, a form in two norms, is nowhere positive (exact)",
    "equilibrium_unstable": "the Jacobian at z* has an eigenvalue that grows (balls, 128 bits)",
}
REMAINING = {
    "no_quadratic_nor_switching": "no common quadratic function was found, and no member or periodic switching that grows",
    "no_quadratic_at_equilibrium": "no quadratic function at the equilibrium: an eigenvalue on the boundary?",
    "boxes_left": "boxes were left when the allowance was used up",
    "too_near": "the growth of half a turn under the worst perturbation is too near to 1 to tell",
    "share_too_large": "the share c of the weights is larger than 4 eps lambda / M^2, up to which this proof goes",
    "not_said": "an earlier format said so, without a proof",
}
REMAINING_OF = {
    "linear_inclusion": ("no_quadratic_nor_switching", "not_said"),
    "smooth_field": ("no_quadratic_at_equilibrium", "boxes_left", "not_said"),
    "consolidation": ("too_near", "not_said"),
    "colearning": ("share_too_large",),
}
"""What an unknown verdict of each kind may leave."""
ASKED = {
    "linear_inclusion": "asymptotically_stable",
    "smooth_field": "decreases_in_region",
    "consolidation": "memory_stable",
    "colearning": "composite_energy_falls",
}
"""The statement of each kind that an unknown verdict leaves open."""
_STATEMENTS = {
    "asymptotically_stable": "uniformly asymptotically stable: {inclusion}",
    "is_lyapunov_function": "the given V = z' P z is a Lyapunov function of {inclusion}",
    "memory_stable": "uniformly asymptotically stable: a two-stage memory under any perturbation |xi| <= mu |e| of the error",
    "composite_energy_falls": (
        "L = U + (c / 2) |W - W*|^2 of evenly coupled oscillators and gated Hebbian weights never rises, at any state"
    ),
    "equilibrium_stable": "the equilibrium z* of {law} is stable",
    "decreases_in_region": (
        "V = (z - z*)' P (z - z*) is positive and decreases along {law}, z* apart, wherever V <= level, a region within the box"
    ),
}


def statement(certificate: "Certificate") -> str:
    """What is certified or refuted, as a sentence.

    >>> from plastodyn.certify import linear_inclusion
    >>> statement(linear_inclusion([[[-1]]]))
    "uniformly asymptotically stable: z' = A z, A anywhere in the polytope of 1 1 x 1 matrices"
    """
    symbol = "A z" if certificate.kind == "linear_inclusion" else "f(z)"
    law = f"z' = {symbol}" if certificate.time == "continuous" else f"z <- {symbol}"
    vertices = certificate.system.get("vertices") or [[]]
    inclusion = f"{law}, A anywhere in the polytope of {len(vertices)} {len(vertices[0])} x {len(vertices[0])} matrices"
    found = _STATEMENTS.get(certificate.statement, "not a known statement: {unknown}")
    return found.format(law=law, inclusion=inclusion, unknown=certificate.statement)


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
        found["margin"] = f"{as_float(certificate.margin):.6g} per {unit}"
    if certificate.domain is not None and "level" in certificate.domain:
        found["region"] = f"V <= {as_float(certificate.domain['level']):.6g}"
    if certificate.kind == "consolidation":
        found |= _bounds(as_float(certificate.system["alpha"]), as_float(certificate.system["mu"]))
    if certificate.conditions:
        found["conditions"] = "; ".join(
            CONDITIONS.get(code, f"not a known condition: {code}") for code in certificate.conditions
        )
    if certificate.witness is not None:
        found["witness"] = "; ".join(f"{name} {value}" for name, value in certificate.witness.items())
    if certificate.remaining:
        found["left"] = "; ".join(REMAINING.get(code, f"not a known word: {code}") for code in certificate.remaining)
    return found


def _bounds(alpha: float, mu: float) -> dict[str, str]:
    """Three bounds of a two-stage memory, each sharper than the one before, from the closed forms."""
    return {
        "paper": f"alpha <= {float(theory.guaranteed_alpha(mu)):.4g}",
        "quadratic": f"mu < {float(theory.quadratic_bound(alpha)):.4g}",
        "exact": f"mu < {float(theory.exact_bound(alpha)):.4g}",
    }
