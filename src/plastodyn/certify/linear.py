"""Linear systems that may change at any time within a polytope: ``z' in co{A_1, ..., A_m} z``, or ``z <- A z``."""

from collections.abc import Sequence

import numpy as np
from flint import fmpq

from plastodyn import checks
from plastodyn.certify import quadratic, rational, switching
from plastodyn.certify.certificate import Certificate
from plastodyn.certify.checker import fall, require_little_work
from plastodyn.certify.margin import largest_margin
from plastodyn.certify.premises import Premises, Unproved
from plastodyn.certify.rational import Matrix, Rows
from plastodyn.types import Json

_MARGIN_BISECTIONS = 30
_GRID = 8


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
    premises = Premises("linear_inclusion", time, {"vertices": [rational.texts(m) for m in matrices]})
    if candidate is not None:
        return _judged(premises, matrices, rational.symmetric("candidate", candidate, len(matrices[0])))
    unstable = _unstable_member(matrices, time)
    if unstable is not None:
        return Certificate.concluded(premises._replace(witness=unstable))
    found = quadratic.common(matrices, time)
    if found is not None:
        return Certificate.concluded(with_quadratic(premises, matrices, found))
    witness = switching.growing(matrices, time)
    if witness is not None:
        return Certificate.concluded(premises._replace(witness=witness))
    return Certificate.unknown(premises, "no_quadratic_nor_switching")


def _vertices(vertices: Sequence[Rows]) -> list[Matrix]:
    if not isinstance(vertices, list | tuple | np.ndarray) or getattr(vertices, "ndim", 1) == 0 or not len(vertices):
        checks.refuse("vertices", vertices, "a list of square matrices, at least one")
    found = [rational.matrix(f"vertices[{i}]", rows) for i, rows in enumerate(vertices)]
    if len({len(m) for m in found}) > 1:
        raise ValueError(f"vertices must have one size; got {[len(m) for m in found]}")
    try:
        require_little_work(found, 2)
    except Unproved as error:
        raise ValueError(f"vertices: {error}") from None
    return found


def with_quadratic(premises: Premises, matrices: Sequence[Matrix], p: Matrix) -> Premises:
    """The premises for V to decrease, P being a common quadratic function, at the largest margin.

    Args:
        premises: what is asked.
        matrices: its vertices.
        p: a matrix for which V decreases at each of them.
    """
    margin = largest_margin(lambda m: quadratic.decreases(matrices, p, premises.time, m), premises.time, _MARGIN_BISECTIONS)
    return premises._replace(lyapunov=rational.texts(p), margin=str(margin))


def _judged(premises: Premises, matrices: list[Matrix], p: Matrix) -> Certificate:
    """The verdict on a given quadratic function."""
    at, vertex = rational.not_positive(p), None
    for i, a in enumerate(matrices):
        if at is not None:
            break
        at, vertex = rational.not_positive(fall(a, p, premises.time)), i
    if at is None:
        return Certificate.concluded(with_quadratic(premises, matrices, p))
    witness = {"kind": "state", "state": [str(x) for x in at], "vertex": vertex}
    return Certificate.concluded(premises._replace(lyapunov=rational.texts(p), witness=witness))


def _unstable_member(matrices: list[Matrix], time: str) -> Json | None:
    """A fixed matrix of the polytope that is not asymptotically stable."""
    stable = rational.is_schur if time == "discrete" else rational.is_hurwitz
    for shares in _shares(len(matrices)):
        if not stable(rational.combined(list(zip(shares, matrices, strict=True)))):
            return {"kind": "member", "shares": [str(x) for x in shares]}
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
