"""Certificates of format 1, whose statement, domain and conditions were sentences, read as those of format 2.

The sentences are frozen here as they were written. One that is not the expected one stays as it is, and fails the recheck.
"""

import re

from plastodyn.types import Json

_LAWS = {"continuous": "z' = A z", "discrete": "z <- A z"}
_MEMORY = "uniformly asymptotically stable: a two-stage memory under any perturbation |xi| <= mu |e| of the error"
_REGION = "V = (z - z*)' P (z - z*) is positive and decreases along {}, z* apart, wherever V <= level, a region within the box"
_EVERYWHERE = "for any switching within the polytope of the vertices"
_POSITIVE = "P is positive definite (exact)"
_SMOOTH = {
    _POSITIVE: "positive",
    "the region lies within the box (exact)": "region_in_box",
    "V decreases at every state of the region but z* (balls, 64 bits)": "decreases_in_region",
    "next to z* it does so at the rate of the margin (balls, 64 bits)": "decreases_at_margin",
}
_TURNS = "under the worst perturbation the state shrinks in each half turn, or never turns (balls, 128 bits)"
_REFUTATIONS = {
    "member: not asymptotically stable, checked by the exact characteristic polynomial": "member_unstable",
    "switching: not asymptotically stable, checked by exact product": "switching_grows",
    "switching: not asymptotically stable, checked by ball arithmetic, 200 bits": "switching_grows",
    "V is not positive at the witness state (exact)": "not_positive",
    "V does not decrease at the witness state (exact)": "not_decreasing",
}
_SMOOTH_WITNESSES = {
    "unstable equilibrium": "equilibrium_unstable",
    "candidate": "not_positive",
    "state": "not_decreasing",
}
_ANSWER = re.compile(r"(?:alpha <=|mu <) (\S+): (.*)")


def translated(values: Json) -> Json:
    """The fields of a certificate of format 1, as format 2 has them.

    >>> old = {"kind": "smooth_field", "time": "discrete", "verdict": "refuted", "system": {}}
    >>> translated({**old, "statement": "the equilibrium z* of z <- f(z) is stable"})["statement"]
    'equilibrium_stable in discrete time'
    """
    found = dict(values)
    code = _sentences(values).get(values["statement"])
    found["statement"] = values["statement"] if code is None else f"{code} in {values['time']} time"
    found["conditions"] = _conditions(values)
    found["domain"] = _domain(values.get("domain", {}))
    if values.get("witness") is not None:
        found["witness"] = {k: v for k, v in values["witness"].items() if k not in ("what", "checked_by")}
    return found


def _sentences(values: Json) -> dict[str, str]:
    """The statements that a file of this kind, time and system could make, and what they are called now."""
    if values["kind"] == "consolidation":
        return {_MEMORY: "memory_stable"}
    if values["kind"] == "smooth_field":
        law = {"continuous": "z' = f(z)", "discrete": "z <- f(z)"}[values["time"]]
        return {f"the equilibrium z* of {law} is stable": "equilibrium_stable", _REGION.format(law): "decreases_in_region"}
    vertices = values["system"].get("vertices") or [[]]
    size, law = len(vertices[0]), _LAWS[values["time"]]
    system = f"{law}, A anywhere in the polytope of {len(vertices)} {size} x {size} matrices"
    return {
        f"uniformly asymptotically stable: {system}": "asymptotically_stable",
        f"the given V = z' P z is a Lyapunov function of {system}": "is_lyapunov_function",
    }


def _conditions(values: Json) -> list[str]:
    written: list[str] = values.get("conditions", [])
    witness = values.get("witness")
    if witness is not None:
        if values["kind"] == "smooth_field" and not written:
            return [_SMOOTH_WITNESSES[witness["kind"]]]
        return [_REFUTATIONS.get(sentence, sentence) for sentence in written]
    if written == list(_SMOOTH):
        return list(_SMOOTH.values())
    if written == [_TURNS]:
        return ["shrinks_each_half_turn"]
    count = 2 if values["kind"] == "consolidation" else len(values["system"].get("vertices", ()))
    falls = [f"V decreases at the margin's rate at vertex {i} (exact)" for i in range(count)]
    return ["positive", "decreases_at_vertices"] if written == [_POSITIVE, *falls] else written


def _domain(domain: Json) -> Json:
    found = dict(domain)
    if "holds" in found:
        found["switching"] = "any" if found.pop("holds") == _EVERYWHERE else domain["holds"]
    if "answers" in found:
        found["answers"] = {name: _answer(text) for name, text in found["answers"].items()}
    return found


def _answer(text: str) -> Json | str:
    parts = _ANSWER.fullmatch(text)
    return text if parts is None else {"bound": float(parts[1]), "found": parts[2]}
