"""Smooth nonlinear systems: is an equilibrium stable, and from how far away does the state return?"""

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import jax
import numpy as np
from flint import arb, ctx, fmpq
from jax import Array
from jaxtyping import Float
from scipy.linalg import solve_continuous_lyapunov, solve_discrete_lyapunov

from plastodyn import checks
from plastodyn.certify import rational
from plastodyn.certify.balls import BALLS
from plastodyn.certify.certificate import Certificate
from plastodyn.certify.rational import Rows
from plastodyn.certify.region import Region, System, dual_jacobian, enclose_equilibrium, lowest_on_faces, settle
from plastodyn.certify.tape import Tape, transcribe
from plastodyn.certify.words import named
from plastodyn.theory.roots import bisect
from plastodyn.types import Json

_DIGITS = 6
_LEVELS = 12
_DOMAIN = {"box", "equilibrium", "level"}
_CONDITIONS = ("positive", "region_in_box", "decreases_in_region", "decreases_at_margin")
_REFUTATIONS = {
    "unstable equilibrium": ["equilibrium_unstable"],
    "candidate": ["not_positive"],
    "state": ["not_decreasing"],
}
_BOXES = 20_000
_BITS = 64
_SPARED = fmpq(999_999, 1_000_000)
_RECHECK_BITS = 128


Field = Callable[[Array], Array]
"""A function of a vector of length n that returns as many numbers, traceable by JAX."""
Bounds = Sequence[Sequence[float]] | Float[np.ndarray, "n 2"]
"""Lower and upper bound of each coordinate."""


def smooth_field(
    field: Field,
    box: Bounds,
    *,
    equilibrium: Sequence[float] | None = None,
    candidate: Rows | None = None,
    level: float | None = None,
    time: str = "continuous",
    boxes: int = _BOXES,
) -> Certificate:
    """Is an equilibrium asymptotically stable, with every state of a region ``V(z) <= level`` coming back to it?

    ``V = (z - z*)' P (z - z*)``. Certified: V' < 0 (continuous time, ``z' = f(z)``) or V(f(z)) < V(z) (discrete time,
    ``z <- f(z)``) at all states of the region but z*, and the region lies within the box. Near the equilibrium this follows
    from the Jacobian, ``f(z) = J (z - z*)`` with J in its enclosure; elsewhere from enclosures of V' on boxes that are split
    until the answer is clear. Refuted: a state of the region where V surely grows; or an equilibrium that is surely
    unstable. Unknown: boxes were left when the allowance was used up.

    Args:
        field: f, a JAX function of a vector of length n, such as `measure.rule_field`; elementary operations only.
        box: lower and upper bound of each coordinate, shape (n, 2).
        equilibrium: z*, near enough for Newton's method; the origin unless given. It need not be a float: a ball that surely
            holds it is found.
        candidate: P, symmetric; from the Lyapunov equation of the linearised field unless given.
        level: of V that bounds the region; the largest within the box unless given.
        time: ``continuous`` or ``discrete``.
        boxes: how many boxes to look at, at most.

    Returns:
        A `Certificate`; its margin is the rate of decay of V next to the equilibrium.

    Raises:
        ValueError: if an argument is malformed, the field is not made of elementary operations, or no equilibrium is there.

    Source: Lyapunov's theorem; verified computing after Moore and Rump. This project's own combination.

    >>> import jax.numpy as jnp
    >>> pendulum = lambda z: jnp.stack([z[1], -jnp.sin(z[0]) - z[1]])
    >>> found = smooth_field(pendulum, [[-2, 2], [-2, 2]])
    >>> found.verdict, found.recheck()
    ('certified', True)
    """
    return _Setting(field, box, equilibrium, candidate, time, boxes).answer(level)


def region_of_attraction(
    field: Field,
    box: Bounds,
    *,
    equilibrium: Sequence[float] | None = None,
    candidate: Rows | None = None,
    time: str = "continuous",
    boxes: int = _BOXES,
) -> Certificate:
    """The largest certified region ``V(z) <= level`` that returns to an equilibrium, by bisection of the level.

    Args:
        field: as in `smooth_field`; so are the other arguments.
        box: lower and upper bound of each coordinate, shape (n, 2).
        equilibrium: z*; the origin unless given.
        candidate: P; from the Lyapunov equation unless given.
        time: ``continuous`` or ``discrete``.
        boxes: how many boxes to look at for each level, at most.

    Returns:
        The certificate of the largest level that is certified, to 1 part in 4000 of the first, or of the first if none is.

    Raises:
        ValueError: as for `smooth_field`.

    Source: this project.

    >>> import jax.numpy as jnp
    >>> found = region_of_attraction(lambda z: z * (z**2 - 1), [[-2, 2]], candidate=[[1]])
    >>> found.verdict, found.summary()["region"]
    ('certified', 'V <= 0.999023')
    """
    setting = _Setting(field, box, equilibrium, candidate, time, boxes)
    first = setting.answer(None)
    if first.verdict == "certified" or "level" not in first.domain:
        return first
    found = [first]

    def certified(level: fmpq) -> bool:
        at = setting.judge(level)
        if at.verdict == "certified":
            found.append(at)
        return at.verdict == "certified"

    bisect(certified, fmpq(0), rational.exact(first.domain["level"]), _LEVELS)
    return found[-1]


class _Setting:
    """A question about one field, prepared once: its operations, its equilibrium and its quadratic function."""

    def __init__(
        self, field: Field, box: Bounds, equilibrium: Sequence[float] | None, candidate: Rows | None, time: str, boxes: int
    ) -> None:
        checks.one_of("time", time, ("continuous", "discrete"))
        checks.count("boxes", boxes, at_least=1)
        bounds = _bounds(box)
        guess = np.zeros(len(bounds)) if equilibrium is None else np.asarray(equilibrium, float)
        if guess.shape != (len(bounds),) or not np.isfinite(guess).all():
            raise ValueError(f"equilibrium must hold {len(bounds)} finite numbers, as the box has; got {equilibrium!r}")
        if not callable(field):
            raise ValueError(f"field must be a function of a vector; got {field!r}")
        self.bounds, self.time, self.boxes = bounds, time, boxes
        self.tape = transcribe(field, len(bounds))
        if len(self.tape.outputs) != len(bounds):
            raise ValueError(f"field must return {len(bounds)} numbers, as many as it takes; got {len(self.tape.outputs)}")
        slopes = transcribe(jax.jacfwd(field), len(bounds))
        self.system = System(self.tape, lambda point: _rows(slopes, point), time)
        with ctx.workprec(_BITS):
            self.centre = enclose_equilibrium(self.system, guess)
            self.jacobian = np.array([[float(x.mid()) for x in row] for row in self.system.jacobian(self.centre)])
        self.p = self._quadratic(candidate)

    def _quadratic(self, candidate: Rows | None) -> rational.Matrix | None:
        size = len(self.bounds)
        if candidate is not None:
            return rational.symmetric("candidate", candidate, size)
        solved: np.ndarray = np.full((size, size), np.nan)
        with warnings.catch_warnings(), suppress(np.linalg.LinAlgError, ValueError):
            # Where an eigenvalue lies on the boundary the equation has no solution, and what comes out is no candidate.
            warnings.simplefilter("ignore", RuntimeWarning)
            if self.time == "discrete":
                solved = solve_discrete_lyapunov(self.jacobian.T, np.eye(size))
            else:
                solved = solve_continuous_lyapunov(self.jacobian.T, -np.eye(size))
        if not np.isfinite(solved).all() or np.linalg.eigvalsh((solved + solved.T) / 2).min() <= 0:
            return None
        solved = solved / np.abs(solved).max()
        return rational.rounded_symmetric(solved, _DIGITS)

    def answer(self, level: float | None) -> Certificate:
        """The verdict on the region of a level, or on the largest one within the box."""
        refuted = self.unstable()
        if refuted is not None:
            return refuted
        if self.p is None:
            left = "the Jacobian at the equilibrium gives no quadratic function: an eigenvalue on the boundary?"
            return self.verdict("unknown", remaining=[left])
        bad = rational.not_positive(self.p)
        if bad is not None:
            witness = {"kind": "candidate", "state": [str(x) for x in bad]}
            return self.verdict("refuted", witness=witness)
        largest = self.largest_level()
        chosen = largest if level is None else rational.exact(level)
        if not 0 < chosen <= largest:
            most = rational.as_float(largest)
            raise ValueError(f"level must lie above 0 and at most {most:.6g}, within the box; got {level!r}")
        return self.judge(chosen)

    def largest_level(self) -> fmpq:
        """The largest level whose region lies within the box."""
        assert self.p is not None
        lowest = lowest_on_faces(self.p, self.centre, self.bounds)
        # Where the equilibrium is only enclosed, another enclosure of it must come to the same answer.
        return lowest if all(x.rad() == 0 for x in self.centre) else lowest * _SPARED

    def judge(self, level: fmpq) -> Certificate:
        """The verdict on one region."""
        assert self.p is not None
        with ctx.workprec(_BITS):
            region = Region(self.system, self.centre, self.p, level, self.bounds)
            found = settle(region, self.boxes)
            margin = str(region.local_margin()) if found.verdict == "certified" else None
        about = {"level": str(level)}
        if found.verdict == "certified":
            return self.verdict("certified", about, margin=margin)
        if found.verdict == "refuted":
            return self.verdict("refuted", about, witness={"kind": "state", "state": found.witness})
        return self.verdict("unknown", about, remaining=found.remaining)

    def unstable(self) -> Certificate | None:
        """A refutation, where the Jacobian at the equilibrium surely has an eigenvalue that grows."""
        values, vectors = np.linalg.eig(self.jacobian)
        growth = np.abs(values) - 1 if self.time == "discrete" else np.real(values)
        worst = int(np.argmax(growth))
        if growth[worst] <= 0:
            return None
        state = np.real(vectors[:, worst])
        witness = {
            "kind": "unstable equilibrium",
            "state": [float(x.mid()) + 1e-3 * float(s) for x, s in zip(self.centre, state, strict=True)],
            "eigenvalue": [float(values[worst].real), float(values[worst].imag)],
        }
        found = self.verdict("refuted", witness=witness)
        return found if check(found) else None

    def verdict(self, verdict: str, about: Json | None = None, **rest: Any) -> Certificate:
        """A certificate about this field."""
        centre = [[str(x.mid().fmpq()), str(x.rad().fmpq())] for x in self.centre]
        box = [[str(rational.exact(bound)) for bound in pair] for pair in self.bounds]
        domain = {"box": box, "equilibrium": centre, **(about or {})}
        statement, conditions = _stated(self.time, rest.get("witness"))
        return Certificate(
            "smooth_field",
            verdict,
            statement,
            self.time,
            self.tape.to_lists(),
            lyapunov=None if self.p is None else rational.texts(self.p),
            domain=domain,
            conditions=[] if verdict == "unknown" else conditions,
            tolerances={"boxes": self.boxes, "bits": _BITS},
            **rest,
        )


def _stated(time: str, witness: Json | None) -> tuple[str, list[str]]:
    """The statement, and the conditions that prove or refute it."""
    if witness is None:
        return named("decreases_in_region", time), list(_CONDITIONS)
    statement = "equilibrium_stable" if witness["kind"] == "unstable equilibrium" else "decreases_in_region"
    return named(statement, time), list(_REFUTATIONS[witness["kind"]])


def _bounds(box: Bounds) -> list[tuple[float, float]]:
    found: np.ndarray = np.zeros((0, 0))
    with suppress(TypeError, ValueError):
        found = np.asarray(box, float)
    if found.ndim != 2 or found.shape[-1] != 2 or not len(found) or not np.isfinite(found).all():
        raise ValueError(f"box must hold a finite lower and upper bound for each coordinate; got {box!r}")
    if not (found[:, 0] < found[:, 1]).all():
        raise ValueError(f"box must have each lower bound below its upper bound; got {box!r}")
    return [(float(low), float(high)) for low, high in found]


def _rows(slopes: Tape, point: Sequence[arb]) -> list[list[arb]]:
    flat, size = slopes.run(point, BALLS), len(point)
    return [flat[i * size : (i + 1) * size] for i in range(size)]


def check(certificate: Certificate) -> bool:
    """Recheck a certificate on a smooth field: its list of operations, dual numbers for slopes, 128 bits."""
    witness, domain = certificate.witness, certificate.domain
    if (certificate.statement, certificate.conditions) != _stated(certificate.time, witness) or not set(domain) <= _DOMAIN:
        return False
    tape = Tape.from_lists(certificate.system)
    system = System(tape, lambda point: dual_jacobian(tape, point), certificate.time)
    bounds = [(rational.as_float(low), rational.as_float(high)) for low, high in domain["box"]]
    with ctx.workprec(_RECHECK_BITS):
        claimed = [arb(rational.exact(mid), arb(rational.exact(rad))) for mid, rad in domain["equilibrium"]]
        centre = enclose_equilibrium(system, np.array([float(x.mid()) for x in claimed]))
        same = all(x.overlaps(y) for x, y in zip(claimed, centre, strict=True))
        if certificate.verdict == "certified":
            region = Region(system, centre, *_quadratic(certificate), bounds)
            return same and witness is None and _decreases(certificate, region)
        return same and witness is not None and _refutes(certificate, witness, system, centre, bounds)


def _quadratic(certificate: Certificate) -> tuple[rational.Matrix, fmpq]:
    p = rational.symmetric("P", certificate.lyapunov, len(certificate.domain["box"]))
    return p, rational.exact(certificate.domain["level"])


def _decreases(certificate: Certificate, region: Region) -> bool:
    margin = rational.exact(certificate.margin)
    return (
        rational.not_positive(region.p) is None
        and bool(0 < region.level <= lowest_on_faces(region.p, region.centre, region.bounds))
        and bool(margin >= 0)
        and region.decreases_by_slope(region.centre, margin)
        and settle(region, 10 * certificate.tolerances["boxes"]).verdict == "certified"
    )


def _refutes(
    certificate: Certificate, witness: Json, system: System, centre: list[arb], bounds: list[tuple[float, float]]
) -> bool:
    if witness["kind"] == "unstable equilibrium":
        return system.surely_unstable(centre)
    if witness["kind"] == "candidate":
        p, state = rational.matrix("P", certificate.lyapunov), [rational.exact(x) for x in witness["state"]]
        return any(x != 0 for x in state) and bool(rational.value(state, p) <= 0)
    region = Region(system, centre, *_quadratic(certificate), bounds)
    return region.surely_grows([arb(x) for x in witness["state"]])


Certificate.checkers["smooth_field"] = check
