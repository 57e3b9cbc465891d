"""Linear systems that may change at any time within a polytope: ``z' in co{A_1, ..., A_m} z``, or ``z <- A z``."""

import warnings
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from flint import fmpq

from plastodyn import checks
from plastodyn.certify import rational, switching
from plastodyn.certify.certificate import Certificate
from plastodyn.certify.margin import largest_margin
from plastodyn.certify.rational import Matrix, Rows
from plastodyn.certify.words import named
from plastodyn.types import Json

_DIGITS = (3, 6, 9, 12)
_MARGIN_BISECTIONS = 30
_GRID = 8
_EVERYWHERE = {"states": "all", "switching": "any"}
_STABLE, _GIVEN = "asymptotically_stable", "is_lyapunov_function"
_CONDITIONS = ["positive", "decreases_at_vertices"]
_REFUTATIONS = {"member": ["member_unstable"], "switching": ["switching_grows"]}


def linear_inclusion(vertices: Sequence[Rows], *, candidate: Rows | None = None, time: str = "continuous") -> Certificate:
    """Is every solution of a linear inclusion stable, however its matrix moves within the polytope of its vertices?

    Certified: ``V = z' P z`` decreases for every vertex, hence for all of the polytope:
    ``A_i' P + P A_i + 2 margin P < 0`` (continuous time), ``A_i' P A_i - (1 - margin)^2 P < 0`` (discrete time), and
    P > 0. A semidefinite program finds P; it is rounded to rationals and checked exactly. Refuted: a matrix of the
    polytope that is not asymptotically stable (exactly), or a periodic switching among vertices that grows. Otherwise
    unknown: no quadratic function serves and no destabilising switching was found.

    Args:
        vertices: square matrices of one size, at least one; entries are numbers or text such as ``"1/3"``.
        candidate: P of a quadratic function to be judged instead; then ``refuted`` refers to it, with a state at which it
            fails to decrease.
        time: ``continuous`` or ``discrete``.

    Returns:
        A `Certificate`.

    Raises:
        ValueError: if the matrices are not square, finite and of one size, or the candidate is not symmetric.

    Source: Boyd, El Ghaoui, Feron and Balakrishnan, Linear matrix inequalities, chapter 5; the exact check is this project's.

    >>> from plastodyn.theory.chains import chain_matrix
    >>> found = linear_inclusion([chain_matrix([0.5], delta) for delta in (-0.75, 0.75)])
    >>> found.verdict, found.recheck()
    ('certified', True)
    >>> linear_inclusion([chain_matrix([0.5], delta) for delta in (-0.9, 0.9)]).verdict
    'refuted'
    """
    checks.one_of("time", time, ("continuous", "discrete"))
    matrices = _vertices(vertices)
    if candidate is not None:
        return _judge(matrices, rational.symmetric("candidate", candidate, len(matrices[0])), time)
    system = {"vertices": [rational.texts(m) for m in matrices]}
    found = _synthesise(matrices, time)
    if found is not None:
        return _certified(matrices, found, time)
    witness = _unstable_member(matrices, time) or switching.growing(matrices, time)
    if witness is not None:
        claim, conditions = named(_STABLE, time), list(_REFUTATIONS[witness["kind"]])
        return Certificate("linear_inclusion", "refuted", claim, time, system, witness=witness, conditions=conditions)
    left = "no common quadratic function was found, and no member or periodic switching that grows"
    return Certificate("linear_inclusion", "unknown", named(_STABLE, time), time, system, remaining=[left])


def _vertices(vertices: Sequence[Rows]) -> list[Matrix]:
    if isinstance(vertices, str) or not len(vertices):
        raise ValueError(f"vertices must be a list of square matrices, at least one; got {vertices!r}")
    found = [rational.matrix(f"vertices[{i}]", rows) for i, rows in enumerate(vertices)]
    if len({len(m) for m in found}) > 1:
        raise ValueError(f"vertices must have one size; got {[len(m) for m in found]}")
    return found


def decrease(a: Matrix, p: Matrix, time: str, margin: fmpq) -> Matrix:
    """The matrix that must be positive definite for V to decrease at the rate ``margin``."""
    if time == "discrete":
        moved = rational.times(rational.transposed(a), rational.times(p, a))
        return rational.combined([((1 - margin) ** 2, p), (fmpq(-1), moved)])
    pa = rational.times(p, a)
    return rational.combined([(fmpq(-1), pa), (fmpq(-1), rational.transposed(pa)), (-2 * margin, p)])


def _holds(matrices: list[Matrix], p: Matrix, time: str, margin: fmpq) -> bool:
    return rational.not_positive(p) is None and all(
        rational.not_positive(decrease(a, p, time, margin)) is None for a in matrices
    )


def _certified(matrices: list[Matrix], p: Matrix, time: str) -> Certificate:
    return Certificate(
        "linear_inclusion",
        "certified",
        named(_STABLE, time),
        time,
        {"vertices": [rational.texts(m) for m in matrices]},
        lyapunov=rational.texts(p),
        margin=str(largest_margin(lambda margin: _holds(matrices, p, time, margin), time, _MARGIN_BISECTIONS)),
        domain=dict(_EVERYWHERE),
        conditions=list(_CONDITIONS),
        tolerances={"solver": "clarabel; its answer is rounded to rationals and checked exactly"},
    )


def _judge(matrices: list[Matrix], p: Matrix, time: str) -> Certificate:
    """The verdict on a given quadratic function."""
    at = rational.not_positive(p)
    vertex = None
    for i, a in enumerate(matrices):
        if at is not None:
            break
        at, vertex = rational.not_positive(decrease(a, p, time, fmpq(0))), i
    if at is None:
        return _certified(matrices, p, time)
    witness = {"kind": "state", "state": [str(x) for x in at], "vertex": vertex}
    system = {"vertices": [rational.texts(m) for m in matrices]}
    claim, candidate, conditions = named(_GIVEN, time), rational.texts(p), _failing(vertex)
    return Certificate(
        "linear_inclusion", "refuted", claim, time, system, lyapunov=candidate, witness=witness, conditions=conditions
    )


def _failing(vertex: int | None) -> list[str]:
    return ["not_positive" if vertex is None else "not_decreasing"]


def _synthesise(matrices: list[Matrix], time: str) -> Matrix | None:
    """A rational P that passes the exact check, or None."""
    for values in _programs(matrices, time):
        for digits in _DIGITS:
            p = rational.rounded_symmetric(values, digits)
            if _holds(matrices, p, time, fmpq(0)):
                return p
    return None


def _programs(matrices: list[Matrix], time: str) -> list[np.ndarray]:
    """Candidates from the semidefinite program: ``max t``, ``t I <= P <= I``, decrease at each vertex by ``t I``."""
    # Optional: a user who only simulates does not need a solver.
    import cvxpy as cp  # noqa: PLC0415

    floats = [rational.floats(m) for m in matrices]
    size = len(floats[0])
    p, t, one = cp.Variable((size, size), symmetric=True), cp.Variable(), np.eye(size)
    falls = [p - a.T @ p @ a if time == "discrete" else -(a.T @ p + p @ a) for a in floats]
    constraints = [p << one, p >> t * one, *(fall >> t * one for fall in falls)]
    problem = cp.Problem(cp.Maximize(t), constraints)
    with warnings.catch_warnings(), suppress(cp.SolverError):
        # An inaccurate answer is no harm: it is checked exactly.
        warnings.simplefilter("ignore", UserWarning)
        problem.solve(solver=cp.CLARABEL)
    return [] if p.value is None or not np.isfinite(p.value).all() else [p.value]


def _unstable_member(matrices: list[Matrix], time: str) -> Json | None:
    """A fixed matrix of the polytope that is not asymptotically stable, and a state that it does not bring back."""
    stable = rational.is_schur if time == "discrete" else rational.is_hurwitz
    for shares in _shares(len(matrices)):
        member = rational.combined(list(zip(shares, matrices, strict=True)))
        if not stable(member):
            values, vectors = np.linalg.eig(rational.floats(member))
            worst = np.argmax(np.abs(values) if time == "discrete" else np.real(values))
            state = np.real(vectors[:, worst])
            return {
                "kind": "member",
                "shares": [str(x) for x in shares],
                "state": (state / np.linalg.norm(state)).tolist() if np.any(state) else state.tolist(),
                "eigenvalue": [float(values[worst].real), float(values[worst].imag)],
            }
    return None


def _shares(count: int) -> list[list[fmpq]]:
    """Vertices first, then points between each two of them."""
    corners = [[fmpq(int(i == j)) for j in range(count)] for i in range(count)]
    between = [
        [fmpq(k, _GRID) * x + fmpq(_GRID - k, _GRID) * y for x, y in zip(corners[i], corners[j], strict=True)]
        for i in range(count)
        for j in range(i)
        for k in range(1, _GRID)
    ]
    return corners + between


def check(certificate: Certificate) -> bool:
    """Recheck a certificate on a linear inclusion with exact rationals, and growth of a switching with balls."""
    matrices, time = _vertices(certificate.system["vertices"]), certificate.time
    given = certificate.verdict == "refuted" and certificate.lyapunov is not None
    # A candidate that holds is certified under the plain statement.
    if certificate.statement != named(_GIVEN if given else _STABLE, time):
        return False
    if certificate.verdict == "certified":
        p = rational.symmetric("P", certificate.lyapunov, len(matrices[0]))
        margin = rational.exact(certificate.margin)
        # Beyond 1 the factor (1 - margin)^2 of discrete time would grow again.
        possible = margin >= 0 and (time == "continuous" or margin < 1)
        stated = certificate.domain == _EVERYWHERE and certificate.conditions == _CONDITIONS and certificate.witness is None
        return bool(possible) and stated and _holds(matrices, p, time, margin)
    witness = certificate.witness or {}
    if given:
        p = rational.symmetric("P", certificate.lyapunov, len(matrices[0]))
        return certificate.conditions == _failing(witness["vertex"]) and _fails(matrices, p, witness, time)
    if certificate.conditions != _REFUTATIONS[witness["kind"]]:
        return False
    return _unstable(matrices, witness, time) if witness["kind"] == "member" else switching.grows(matrices, witness, time)


def _fails(matrices: list[Matrix], p: Matrix, witness: Json, time: str) -> bool:
    """Whether V is not positive, or does not decrease, at a witness state."""
    state = [rational.exact(x) for x in witness["state"]]
    symmetric = p if witness["vertex"] is None else decrease(matrices[witness["vertex"]], p, time, fmpq(0))
    return len(state) == len(p) and any(x != 0 for x in state) and bool(rational.value(state, symmetric) <= 0)


def _unstable(matrices: list[Matrix], witness: Json, time: str) -> bool:
    """Whether a fixed member of the polytope is not asymptotically stable."""
    shares = [rational.exact(x) for x in witness["shares"]]
    if len(shares) != len(matrices) or sum(shares, fmpq(0)) != 1 or any(x < 0 for x in shares):
        return False
    member = rational.combined(list(zip(shares, matrices, strict=True)))
    return not (rational.is_schur(member) if time == "discrete" else rational.is_hurwitz(member))


Certificate.checkers["linear_inclusion"] = check
