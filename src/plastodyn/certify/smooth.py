"""Smooth nonlinear systems: is an equilibrium stable, and from how far away does the state return?"""

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
from flint import ctx, fmpq
from jax import Array
from jaxtyping import Float
from scipy.linalg import solve_continuous_lyapunov, solve_discrete_lyapunov

from plastodyn import checks
from plastodyn.certify import rational
from plastodyn.certify.certificate import Certificate
from plastodyn.certify.checker import BITS, MOST_BOXES, most_boxes
from plastodyn.certify.equilibrium import enclosed
from plastodyn.certify.margin import largest_margin
from plastodyn.certify.premises import Premises, Unproved
from plastodyn.certify.quadratic import roundings
from plastodyn.certify.rational import Exact, Rows
from plastodyn.certify.region import Region, System, lowest_on_faces
from plastodyn.certify.transcribe import transcribe
from plastodyn.theory.roots import bisect

Field = Callable[[Array], Array]
"""A function of a vector of length n that returns as many numbers, traceable by JAX."""
Bounds = Sequence[Sequence[Exact]] | Float[np.ndarray, "n 2"]
"""Lower and upper bound of each coordinate."""

_DIGITS = 6
"""Decimals of P, and more where these do not serve."""
_LEVELS = 12
_BOXES = 20_000
_MARGIN_BISECTIONS = 20


def smooth_field(
    field: Field,
    box: Bounds,
    *,
    equilibrium: Sequence[float] | None = None,
    candidate: Rows | None = None,
    level: Exact | None = None,
    time: str = "continuous",
    boxes: int = _BOXES,
) -> Certificate:
    """Is an equilibrium asymptotically stable, with every state of a region ``V(z) <= level`` coming back to it?

    ``V = (z - z*)' P (z - z*)``. Certified: V' < 0 (continuous time, ``z' = f(z)``) or V(f(z)) < V(z) (discrete time,
    ``z <- f(z)``) at all states of the region but z*, and the region lies within the box. Near the equilibrium this follows
    from the Jacobian, ``f(z) = J (z - z*)`` with J in its enclosure; elsewhere from enclosures of V' on boxes that are split
    until the answer is clear. Refuted: a state of the region where V surely grows; or an equilibrium that is surely
    unstable. Unknown: boxes were left when the allowance was used up.

    Slopes are those of the operations that JAX traces: a derivative that the field brings along (``custom_jvp``,
    ``stop_gradient``) is not believed.

    Args:
        field: f, a JAX function of a vector of length n, such as `measure.rule_field`; elementary operations only.
        box: lower and upper bound of each coordinate, shape (n, 2).
        equilibrium: z*, near enough for Newton's method; the origin unless given. It need not be a float: a ball that surely
            holds it is found.
        candidate: P, symmetric; from the Lyapunov equation of the linearised field unless given.
        level: of V that bounds the region; the largest within the box unless given.
        time: ``continuous`` or ``discrete``.
        boxes: how many boxes to look at, at most; at most a million, or as many as a field of many operations leaves time for.

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
    undecided = first.verdict == "unknown" and setting.p is not None
    if not undecided and (first.witness is None or first.witness["kind"] != "state"):
        return first
    found = [first]

    def certified(level: fmpq) -> bool:
        at = setting.judge(level)
        if at.verdict == "certified":
            found.append(at)
        return at.verdict == "certified"

    bisect(certified, fmpq(0), setting.largest_level(), _LEVELS)
    return found[-1]


class _Setting:
    """A question about one field, prepared once: its operations, its equilibrium and its quadratic function."""

    def __init__(
        self, field: Field, box: Bounds, guess: Sequence[float] | None, candidate: Rows | None, time: str, boxes: int
    ) -> None:
        checks.one_of("time", time, ("continuous", "discrete"))
        checks.count("boxes", boxes, at_least=1)
        checks.number("boxes", boxes, at_most=MOST_BOXES)
        checks.function("field", field, takes=1, of=" of a vector")
        self.bounds, self.time, self.boxes = _bounds(box), time, boxes
        tape = transcribe(field, len(self.bounds))
        if len(tape.outputs) != len(self.bounds):
            raise ValueError(f"field must return {len(self.bounds)} numbers, as many as it takes; got {len(tape.outputs)}")
        most = most_boxes(len(tape.operations), len(self.bounds))
        if boxes > most:
            raise ValueError(
                f"boxes must be at most {most} for a field of {len(tape.operations)} operations, so that they can be looked at "
                f"in seconds; got {boxes}"
            )
        self.system = System(tape, time)
        with ctx.workprec(BITS):
            self.enclosure = enclosed(self.system, _guess(guess, len(self.bounds)))
            self.centre = self.system.equilibrium(self.enclosure)
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
        return next((p for p in roundings(solved, _DIGITS) if self._serves(p)), None)

    def _serves(self, p: rational.Matrix) -> bool:
        """Whether V is positive and decreases next to the equilibrium: what was found in floats has been rounded."""
        if rational.not_positive(p) is not None:
            return False
        with ctx.workprec(BITS):
            return Region(self.system, self.centre, p, fmpq(1), self.bounds).decreases_by_slope(self.centre)

    def answer(self, level: Exact | None) -> Certificate:
        """The verdict on the region of a level, or on the largest one within the box."""
        with suppress(Unproved):
            return Certificate.concluded(self.premises(witness={"kind": "unstable equilibrium"}, domain=self._place()))
        if self.p is None:
            return Certificate.unknown(self.premises(), "no_quadratic_at_equilibrium")
        bad = rational.not_positive(self.p)
        if bad is not None:
            witness = {"kind": "candidate", "state": [str(x) for x in bad]}
            return Certificate.concluded(self.premises(witness=witness, lyapunov=rational.texts(self.p)))
        largest = self.largest_level()
        chosen = largest if level is None else rational.exact(level, "level")
        if not 0 < chosen <= largest:
            most = rational.as_float(largest)
            raise ValueError(f"level must lie above 0 and at most {most:.6g}, within the box; got {checks.shown(level)}")
        return self.judge(chosen)

    def largest_level(self) -> fmpq:
        """The largest level whose region surely lies within the box."""
        assert self.p is not None
        with ctx.workprec(BITS):
            return lowest_on_faces(self.p, self.centre, self.bounds)

    def judge(self, level: fmpq) -> Certificate:
        """The verdict on one region."""
        assert self.p is not None
        premises = self.premises(domain=self._place(level), lyapunov=rational.texts(self.p))
        with ctx.workprec(BITS):
            region = Region(self.system, self.centre, self.p, level, self.bounds)
            found = region.settle(self.boxes)
            if found.verdict == "certified" and region.decreases_by_slope(self.centre):
                margin = largest_margin(lambda m: region.decreases_by_slope(self.centre, m), self.time, _MARGIN_BISECTIONS)
                return Certificate.concluded(premises._replace(margin=str(margin), boxes=found.examined))
        if found.witness is not None:
            witness = {"kind": "state", "state": [str(x) for x in found.witness]}
            return Certificate.concluded(premises._replace(witness=witness))
        return Certificate.unknown(premises, "boxes_left")

    def premises(self, **decided: object) -> Premises:
        """Premises about this field."""
        return Premises("smooth_field", self.time, self.system.tape.to_lists())._replace(**decided)

    def _place(self, level: fmpq | None = None) -> dict[str, object]:
        found: dict[str, object] = {"equilibrium": [[str(middle), str(radius)] for middle, radius in self.enclosure]}
        if level is not None:
            found |= {"box": [[str(low), str(high)] for low, high in self.bounds], "level": str(level)}
        return found


def _guess(guess: Sequence[float] | None, size: int) -> np.ndarray:
    if guess is None:
        return np.zeros(size)
    checks.number("equilibrium", guess)
    found = np.asarray(guess, float)
    if found.shape != (size,):
        raise ValueError(f"equilibrium must hold {size} finite numbers, as the box has; got {checks.shown(guess)}")
    return found


def _bounds(box: Bounds) -> list[tuple[fmpq, fmpq]]:
    if not isinstance(box, list | tuple | np.ndarray) or getattr(box, "ndim", 1) == 0:
        checks.refuse("box", box, "a list with a finite lower and upper bound of each coordinate")
    found = []
    for bounds in box:
        if not isinstance(bounds, list | tuple | np.ndarray) or getattr(bounds, "ndim", 1) == 0 or len(bounds) != 2:
            checks.refuse("box", box, "a list with a finite lower and upper bound of each coordinate")
        found.append((rational.exact(bounds[0], "box"), rational.exact(bounds[1], "box")))
    if not found or not all(low < high for low, high in found):
        raise ValueError(f"box must have each lower bound below its upper bound; got {checks.shown(box)}")
    return found
