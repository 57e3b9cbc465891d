"""Smooth systems in balls: equilibria, and branch and bound on a region in which a quadratic function is to decrease."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from flint import arb, arb_mat, fmpq, fmpq_mat, fmpq_poly

from plastodyn.certify import rational
from plastodyn.certify.balls import BALLS, Vector, duals, variables
from plastodyn.certify.elimination import failing_pivot, hurwitz_matrix
from plastodyn.certify.premises import require
from plastodyn.certify.tape import Tape

Box = tuple[tuple[fmpq, fmpq], ...]
"""Lower and upper bound of each coordinate."""

_NO_MARGIN = fmpq(0)


class System(NamedTuple):
    """A field that balls can be put into: its operations, and how it moves the state."""

    tape: Tape
    time: str

    def velocity(self, point: Sequence[arb]) -> Vector:
        """F at a box."""
        return self.tape.run(point, BALLS)

    def jacobian(self, point: Sequence[arb]) -> list[Vector]:
        """Slopes of the operations themselves, by dual numbers; not numbers where the field is none."""
        found = self.tape.run(variables(point), duals(len(point)))
        undefined = arb("nan")
        return [out.slope if out.value.is_finite() else [undefined] * len(point) for out in found]

    def residual(self, point: Sequence[arb]) -> Vector:
        """What vanishes at an equilibrium: f(z), or f(z) - z in discrete time."""
        found = self.velocity(point)
        return found if self.time == "continuous" else [f - z for f, z in zip(found, point, strict=True)]

    def residual_slope(self, point: Sequence[arb]) -> list[Vector]:
        """The Jacobian of the residual."""
        rows = self.jacobian(point)
        if self.time == "continuous":
            return rows
        return [[x - int(i == j) for j, x in enumerate(row)] for i, row in enumerate(rows)]

    def equilibrium(self, enclosure: Sequence[tuple[fmpq, fmpq]]) -> Vector:
        """Balls ``middle +- radius`` that surely hold one equilibrium: a point where f is exactly 0, or by Krawczyk's test.

        ``K(X) = m - Y r(m) + (I - Y R(X)) (X - m)`` inside X proves one zero of r in X, whatever Y is.

        Raises:
            Unproved: if they do not surely hold one.
        """
        middle = [arb(m) for m, _ in enclosure]
        require(len(middle) == len(self.tape.outputs), "an equilibrium must have all coordinates")
        if all(radius == 0 for _, radius in enclosure):
            exact = all(x == m for x, (m, _) in zip(middle, enclosure, strict=True))
            require(exact and all(x == 0 for x in self.residual(middle)), "the field must vanish at the equilibrium")
            return middle
        require(all(radius > 0 for _, radius in enclosure), "radii must be positive")
        box = [arb(m, arb(radius).upper()) for m, (_, radius) in zip(middle, enclosure, strict=True)]
        rough, size = self._rough_inverse(middle), range(len(middle))
        residual, slope = self.residual(middle), self.residual_slope(box)
        for i in size:
            shift = sum((rough[i][k] * residual[k] for k in size), arb(0))
            left = [arb(int(i == j)) - sum((rough[i][k] * slope[k][j] for k in size), arb(0)) for j in size]
            found = middle[i] - shift + sum((left[j] * (box[j] - middle[j]) for j in size), arb(0))
            (m, radius) = enclosure[i]
            surely = box[i].contains_interior(found) and abs(found - m) <= radius
            require(surely, "one equilibrium must surely lie in the enclosure")
        return box

    def _rough_inverse(self, point: Sequence[arb]) -> list[Vector]:
        slope = np.array([[float(x.mid()) for x in row] for row in self.residual_slope(point)])
        try:
            return [[arb(float(x)) for x in row] for row in np.linalg.inv(slope)]
        except np.linalg.LinAlgError:
            return [[arb(0)] * len(point)] * len(point)

    def surely_unstable(self, centre: Sequence[arb]) -> bool:
        """Whether the Jacobian surely has an eigenvalue that grows.

        Where none does, the coefficients of its characteristic polynomial and Hurwitz's determinants are not negative.
        """
        rows = self.jacobian(centre)
        size = len(rows)
        polynomial = arb_mat(size, size, [x for row in rows for x in row]).charpoly()
        found = [polynomial[k] for k in range(size + 1)]
        if self.time == "discrete":
            found = _through_the_unit_circle(found)
        hurwitz = hurwitz_matrix(found.__getitem__, size, arb(0))
        minors = (arb_mat(k, k, [hurwitz[i][j] for i in range(k) for j in range(k)]).det() for k in range(1, size + 1))
        return any(each < 0 for each in found) or (bool(found[-1] > 0) and any(minor < 0 for minor in minors))


def _through_the_unit_circle(coefficients: Sequence[arb]) -> list[arb]:
    """A polynomial in ``z = (1 + s) / (1 - s)``, times ``(1 - s)^n``: the unit disc goes to the left half plane."""
    degree = len(coefficients) - 1
    found = [arb(0)] * (degree + 1)
    for k, coefficient in enumerate(coefficients):
        mapped = fmpq_poly([1, 1]) ** k * fmpq_poly([1, -1]) ** (degree - k)
        found = [sum_so_far + coefficient * mapped[i] for i, sum_so_far in enumerate(found)]
    return found


class Outcome(NamedTuple):
    """What branch and bound came to: the verdict, how many boxes it looked at, and a state where V surely grows."""

    verdict: str
    examined: int
    witness: list[fmpq] | None = None


class Region(NamedTuple):
    """The states with ``V = (z - z*)' P (z - z*) <= level`` of a system, within a box."""

    system: System
    centre: Vector
    p: rational.Matrix
    level: fmpq
    bounds: Sequence[tuple[fmpq, fmpq]]

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

    def surely_grows(self, point: Sequence[arb]) -> bool:
        """Whether V surely does not decrease at a state that is surely of the region, and not the equilibrium."""
        inside = bool(self.value(point) <= arb(self.level)) and bool(self.value(point) > 0)
        return inside and bool(self.change(point) >= 0)

    def settle(self, boxes: int) -> Outcome:
        """Look at boxes, largest first, until all are settled, a state is found where V grows, or the allowance is used up."""
        queue: deque[Box] = deque([tuple(self.bounds)])
        examined = 0
        while queue and examined < boxes:
            box = queue.popleft()
            examined += 1
            ball = [arb(low).union(arb(high)) for low, high in box]
            if self.value(ball) > arb(self.level):
                continue
            if bool(self.change(ball) < 0) or self.decreases_by_slope(ball):
                continue
            middle = [(low + high) / 2 for low, high in box]
            if self.surely_grows([arb(x) for x in middle]):
                return Outcome("refuted", examined, middle)
            queue.extend(_halves(box, self.bounds))
        return Outcome("unknown" if queue else "certified", examined)


def _halves(box: Box, whole: Sequence[tuple[fmpq, fmpq]]) -> list[Box]:
    """A box cut across the coordinate in which it is widest relative to the whole."""
    widths = [(high - low) / (b - a) for (low, high), (a, b) in zip(box, whole, strict=True)]
    at = max(range(len(widths)), key=widths.__getitem__)
    low, high = box[at]
    middle = (low + high) / 2
    return [(*box[:at], half, *box[at + 1 :]) for half in ((low, middle), (middle, high))]


def _form(x: Sequence[arb], p: rational.Matrix) -> arb:
    """The form x' P x, squares kept as squares so that they are not negative."""
    size = range(len(x))
    squares = sum((p[i][i] * BALLS["power"](x[i], 2) for i in size), arb(0))
    return squares + 2 * sum((p[i][j] * x[i] * x[j] for i in size for j in size if j < i), arb(0))


def lowest_on_faces(p: rational.Matrix, centre: Sequence[arb], bounds: Sequence[tuple[fmpq, fmpq]]) -> fmpq:
    """The lowest V on the faces of the box, rounded down: ``min d_i^2 / (P^-1)_ii``, d_i the distance to a face.

    Raises:
        ValueError: if the equilibrium does not lie inside the box.
    """
    size = len(p)
    inverse = fmpq_mat(size, size, [x for row in p for x in row]).inv()
    lowest = []
    for i, (c, (low, high)) in enumerate(zip(centre, bounds, strict=True)):
        near = min(_down(c - low), _down(high - c))
        if near <= 0:
            where = f"{float(c.mid()):.6g}"
            shown = (rational.as_float(low), rational.as_float(high))
            raise ValueError(f"box must have the equilibrium inside; got {shown} for coordinate {i}, which is {where}")
        lowest.append(near**2 / inverse[i, i])
    return min(lowest)


def _down(x: arb) -> fmpq:
    """A rational that is surely at most x."""
    return x.lower().mid().fmpq()
