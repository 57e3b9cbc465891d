"""Branch and bound on a region of states: does a quadratic function decrease everywhere in it?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from flint import arb, arb_mat, fmpq, fmpq_mat

from plastodyn.certify import rational
from plastodyn.certify.balls import BALLS, Vector, duals, variables
from plastodyn.certify.elimination import failing_pivot, hurwitz_matrix
from plastodyn.certify.margin import largest_margin
from plastodyn.certify.tape import Tape

Box = tuple[tuple[float, float], ...]
"""Lower and upper bound of each coordinate."""

_NEWTON_STEPS = 30
_INFLATION = 1e-10
_KEPT = 10
_NO_MARGIN = fmpq(0)
_MARGIN_BISECTIONS = 20


class System(NamedTuple):
    """A field that balls can be put into: its operations, its Jacobian, and how it moves the state."""

    tape: Tape
    jacobian: Callable[[Sequence[arb]], list[Vector]]
    time: str

    def velocity(self, point: Sequence[arb]) -> Vector:
        """F at a box."""
        return self.tape.run(point, BALLS)

    def residual(self, point: Sequence[arb]) -> Vector:
        """What vanishes at an equilibrium: f(z), or f(z) - z in discrete time."""
        found = self.velocity(point)
        return found if self.time == "continuous" else [f - z for f, z in zip(found, point, strict=True)]

    def surely_unstable(self, centre: Sequence[arb]) -> bool:
        """Whether the Jacobian surely has an eigenvalue that grows: a principal determinant of Hurwitz is surely negative."""
        rows = self.jacobian(centre)
        size = len(rows)
        matrix = arb_mat(size, size, [x for row in rows for x in row])
        if self.time == "discrete":
            one = arb_mat(fmpq_mat(size, size, [int(i == j) for i in range(size) for j in range(size)]))
            # |det| > 1, or a real eigenvalue beyond 1 or -1.
            return bool(abs(matrix.det()) > 1 or (one - matrix).det() < 0 or (one + matrix).det() < 0)
        polynomial = matrix.charpoly()
        hurwitz = hurwitz_matrix(lambda k: polynomial[k], size, arb(0))
        minors = (arb_mat(k, k, [hurwitz[i][j] for i in range(k) for j in range(k)]).det() for k in range(1, size + 1))
        return any(minor < 0 for minor in minors)


class Region(NamedTuple):
    """The states with ``V = (z - z*)' P (z - z*) <= level`` of a system, within a box."""

    system: System
    centre: Vector
    p: rational.Matrix
    level: fmpq
    bounds: list[tuple[float, float]]

    def value(self, point: Sequence[arb]) -> arb:
        """V at a box."""
        return _form([z - c for z, c in zip(point, self.centre, strict=True)], self.p)

    def change(self, point: Sequence[arb]) -> arb:
        """V' at a box, or V(f(z)) - V(z)."""
        away = [z - c for z, c in zip(point, self.centre, strict=True)]
        moved = self.system.velocity(point)
        if self.system.time == "discrete":
            return _form([f - c for f, c in zip(moved, self.centre, strict=True)], self.p) - _form(away, self.p)
        size = range(len(away))
        return 2 * sum((away[i] * sum((self.p[i][j] * moved[j] for j in size), arb(0)) for i in size), arb(0))

    def decreases_by_slope(self, point: Sequence[arb], margin: fmpq = _NO_MARGIN) -> bool:
        """Whether the Jacobian, all the way from the equilibrium to the box, makes V decrease at all states but z*.

        With a margin: as ``exp(-2 margin t)`` at least, or by the factor ``(1 - margin)^2`` in each step.
        """
        hull = [z.union(c) for z, c in zip(point, self.centre, strict=True)]
        slope = self.system.jacobian(hull)
        size = range(len(hull))
        p = [[arb(x) for x in row] for row in self.p]
        pj = [[sum((p[i][k] * slope[k][j] for k in size), arb(0)) for j in size] for i in size]
        if self.system.time == "discrete":
            kept = (1 - margin) ** 2
            fall = [[kept * p[i][j] - sum((slope[k][i] * pj[k][j] for k in size), arb(0)) for j in size] for i in size]
        else:
            fall = [[-pj[i][j] - pj[j][i] - 2 * margin * p[i][j] for j in size] for i in size]
        return failing_pivot(fall) is None

    def local_margin(self) -> fmpq:
        """The largest margin, to one part in a million, at which V decreases next to the equilibrium."""
        return largest_margin(lambda margin: self.decreases_by_slope(self.centre, margin), self.system.time, _MARGIN_BISECTIONS)

    def surely_grows(self, point: Sequence[arb]) -> bool:
        """Whether V surely does not decrease at a state that is surely of the region, and not the equilibrium."""
        inside = bool(self.value(point) <= arb(self.level)) and bool(self.value(point) > 0)
        return inside and bool(self.change(point) >= 0)


@dataclass
class Outcome:
    """What branch and bound came to."""

    verdict: str
    examined: int
    witness: list[float] | None = None
    remaining: list[object] = field(default_factory=list)


def settle(region: Region, boxes: int) -> Outcome:
    """Look at boxes, largest first, until all are settled, a state is found where V grows, or the allowance is used up."""
    queue: list[Box] = [tuple(region.bounds)]
    examined = 0
    while queue and examined < boxes:
        box = queue.pop(0)
        examined += 1
        ball = [_ball(low, high) for low, high in box]
        if region.value(ball) > arb(region.level):
            continue
        if bool(region.change(ball) < 0) or region.decreases_by_slope(ball):
            continue
        middle = [(low + high) / 2 for low, high in box]
        if region.surely_grows([arb(x) for x in middle]):
            return Outcome("refuted", examined, witness=middle)
        queue += _halves(box, region.bounds)
    if queue:
        first = [[list(pair) for pair in box] for box in queue[:_KEPT]]
        return Outcome("unknown", examined, remaining=[f"{len(queue)} boxes, among them", *first])
    return Outcome("certified", examined)


def _ball(low: float, high: float) -> arb:
    return arb(low).union(arb(high))


def _halves(box: Box, whole: Sequence[tuple[float, float]]) -> list[Box]:
    """A box cut across the coordinate in which it is widest relative to the whole."""
    widths = [(high - low) / (b - a) for (low, high), (a, b) in zip(box, whole, strict=True)]
    at = int(np.argmax(widths))
    low, high = box[at]
    middle = (low + high) / 2
    return [(*box[:at], half, *box[at + 1 :]) for half in ((low, middle), (middle, high))]


def _form(x: Sequence[arb], p: rational.Matrix) -> arb:
    """The form x' P x, squares kept as squares so that they are not negative."""
    size = range(len(x))
    squares = sum((p[i][i] * x[i] ** 2 for i in size), arb(0))
    return squares + 2 * sum((p[i][j] * x[i] * x[j] for i in size for j in size if j < i), arb(0))


def dual_jacobian(tape: Tape, point: Sequence[arb]) -> list[Vector]:
    """The Jacobian by dual numbers, without JAX."""
    return [out.slope for out in tape.run(variables(point), duals(len(point)))]


def lowest_on_faces(p: rational.Matrix, centre: Sequence[arb], bounds: Sequence[tuple[float, float]]) -> fmpq:
    """The lowest V on the faces of the box, rounded down: ``min d_i^2 / (P^-1)_ii``, d_i the distance to a face.

    Raises:
        ValueError: if the equilibrium does not lie inside the box.
    """
    size = len(p)
    inverse = fmpq_mat(size, size, [x for row in p for x in row]).inv()
    lowest = []
    for i, (c, (low, high)) in enumerate(zip(centre, bounds, strict=True)):
        near = min(_down(c - arb(low)), _down(arb(high) - c))
        if near <= 0:
            where = f"{float(c.mid()):.6g}"
            raise ValueError(f"box must have the equilibrium inside; got {(low, high)} for coordinate {i}, which is {where}")
        lowest.append(near**2 / inverse[i, i])
    return min(lowest)


def _down(x: arb) -> fmpq:
    """A rational that is surely at most x."""
    return rational.exact(float(x.lower()) if x.rad() == 0 else float(np.nextafter(float(x.lower()), -np.inf)))


def enclose_equilibrium(system: System, guess: np.ndarray) -> Vector:
    """Balls that surely hold one equilibrium, by Newton's method and Krawczyk's test; points if the guess is exactly one.

    Raises:
        ValueError: if none is found near the guess.
    """
    exact_guess = [arb(float(x)) for x in guess]
    if all(x == 0 for x in system.residual(exact_guess)):
        return exact_guess
    point = np.array(guess, float)
    for _ in range(_NEWTON_STEPS):
        here = [arb(float(x)) for x in point]
        residual = np.array([float(x.mid()) for x in system.residual(here)])
        step = np.linalg.lstsq(_slope(system, here), residual, rcond=None)[0]
        point = point - step
        if not np.isfinite(point).all() or np.abs(step).max() < 1e-15 * (1 + np.abs(point).max()):
            break
    found = _krawczyk(system, point) if np.isfinite(point).all() else None
    if found is None:
        raise ValueError(f"equilibrium must be near a simple zero of the field; none could be enclosed from {guess.tolist()}")
    return found


def _krawczyk(system: System, point: np.ndarray) -> Vector | None:
    """``K(X) = m - Y r(m) + (I - Y R(X)) (X - m)`` inside X proves one zero in it."""
    size = range(len(point))
    radius = _INFLATION * (1 + np.abs(point))
    box = [arb(float(m), float(r)) for m, r in zip(point, radius, strict=True)]
    middle = [arb(float(m)) for m in point]
    try:
        y = np.linalg.inv(_slope(system, middle))
    except np.linalg.LinAlgError:
        return None
    rough = [[arb(float(x)) for x in row] for row in y]
    residual, slope = system.residual(middle), _residual_slope(system, box)
    found = []
    for i in size:
        shift = sum((rough[i][k] * residual[k] for k in size), arb(0))
        left = [arb(int(i == j)) - sum((rough[i][k] * slope[k][j] for k in size), arb(0)) for j in size]
        found.append(middle[i] - shift + sum((left[j] * (box[j] - middle[j]) for j in size), arb(0)))
    return found if all(x.contains_interior(k) for x, k in zip(box, found, strict=True)) else None


def _residual_slope(system: System, point: Sequence[arb]) -> list[Vector]:
    rows = system.jacobian(point)
    if system.time == "continuous":
        return rows
    return [[x - int(i == j) for j, x in enumerate(row)] for i, row in enumerate(rows)]


def _slope(system: System, point: Sequence[arb]) -> np.ndarray:
    return np.array([[float(x.mid()) for x in row] for row in _residual_slope(system, point)])
