"""The checker: what follows from some premises, by exact rationals and balls, whoever made it.

A sceptic may read this file and what it is built on (`premises`, `rational`, `elimination`, `balls`, `tape`, `region`)
and nothing else. Every certificate is what `conclude` returned: whoever looks for proofs calls it before a certificate is
made, and `Certificate.recheck` calls it again and compares the whole. What premises hold beside what is read is refused.
"""

from collections.abc import Callable, Sequence
from typing import Any

from flint import arb, arb_mat, ctx, fmpq, fmpq_mat

from plastodyn.certify import rational
from plastodyn.certify.premises import Conclusion, Premises, Unproved, require
from plastodyn.certify.rational import Matrix
from plastodyn.certify.region import Region, System, lowest_on_faces
from plastodyn.certify.tape import Tape
from plastodyn.types import Json

BITS = 128
_SWITCHING_BITS = 256
_MEMORY_BITS = (128, 512, 2048)
MOST_BOXES = 1_000_000
_LONGEST_WORD = 64
_MOST_DIGITS = 3e9
"""Elimination of a matrix of n rows takes about ``3 n^4`` ns for each bit of its entries: ten seconds in all."""
_OVERHEAD = 5000
"""To which must be added, in the same units, what any matrix costs."""
_CHARACTERISTIC = 6
"""How many times longer the determinants of Hurwitz take."""
_BALLS = 30
"""How many times longer an elimination takes in balls, and with the fractions that come out of a region's faces."""
_MOST_SHARED = 20_000
"""Bits of the shares of a mean, of some thousands of matrices at most."""
_LARGEST_FIELD = 150
"""Numbers of a smooth field: enclosing its equilibrium takes some seconds from there on."""
_MOST_NUMBERS = 100
"""Of an equilibrium that is refuted: Hurwitz's determinants in balls take seconds from there on."""
_MOST_STEPS = 5_000_000
"""Of boxes, each an operation and its n + 1 parts at a time, which take about 3 us: a quarter of a minute in all."""
_MOST_OSCILLATORS = 10**12
_NO_MARGIN = fmpq(0)


def conclude(premises: Premises) -> Conclusion:
    """What follows from some premises.

    Args:
        premises: anything at all; nothing in it is trusted.

    Returns:
        The premises as they were read, and the verdict, statement and conditions that follow.

    Raises:
        Unproved: if nothing follows, or the premises cannot be read.

    >>> conclude(Premises("linear_inclusion", "continuous", {"vertices": [[["-1"]]]}, [["1"]], "1/2")).verdict
    'certified'
    """
    checkers: dict[str, Callable[[Premises, Premises], Conclusion]] = {
        "linear_inclusion": _inclusion,
        "smooth_field": _field,
        "consolidation": _memory,
        "colearning": _colearning,
    }
    asked = question(premises)
    return _sure(lambda: checkers[premises.kind](premises, asked))


def question(premises: Premises) -> Premises:
    """What is asked, in its one spelling, without what decides about it.

    Args:
        premises: anything at all.

    Raises:
        Unproved: if it cannot be read.
    """
    return _sure(lambda: premises._replace(**dict.fromkeys(Premises._fields[3:]), system=_system(premises)))


def _sure(read: Callable[[], Any]) -> Any:
    """What comes of reading premises, any fault of which is theirs."""
    try:
        return read()
    except Unproved:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise Unproved(f"it cannot be read: {error}") from error


def most_boxes(operations: int, size: int) -> int:
    """How many boxes the check of a smooth field looks at, at most.

    Args:
        operations: of the field.
        size: how many numbers it takes.

    >>> most_boxes(1, 1), most_boxes(10_000, 9)
    (1000000, 50)
    """
    return min(MOST_BOXES, _MOST_STEPS // max(1, operations * (size + 1)))


def require_little_work(matrices: Sequence[Matrix], times: int = 1) -> None:
    """Refuse matrices whose check would not end in seconds.

    Args:
        matrices: of rationals.
        times: how often as much work as an elimination of each is done.

    Raises:
        Unproved: naming their size.
    """
    size = max(len(a) for a in matrices)
    bits = max(max(int(x.p).bit_length(), int(x.q).bit_length()) for a in matrices for row in a for x in row)
    require(
        times * len(matrices) * (size**4 + _OVERHEAD) * bits <= _MOST_DIGITS,
        f"matrices must be few, small or short enough to be checked in seconds; got {len(matrices)} of {size} x {size} "
        f"numbers of up to {bits} bits",
    )


def _system(premises: Premises) -> Json:
    require(premises.time in ("continuous", "discrete"), f"time must be continuous or discrete; got {premises.time!r}")
    if premises.kind == "linear_inclusion":
        vertices = [rational.matrix("vertices", rows) for rows in premises.system["vertices"]]
        require(len({len(a) for a in vertices}) == 1, "vertices must have one size")
        require_little_work(vertices)
        return {"vertices": [rational.texts(a) for a in vertices]}
    if premises.kind == "smooth_field":
        return Tape.from_lists(premises.system).to_lists()
    if premises.kind == "colearning":
        return _oscillators(premises)
    require(premises.kind == "consolidation", f"kind must be one of those that are checked; got {premises.kind!r}")
    require(premises.time == "continuous", "a memory is one in continuous time")
    alpha, mu = rational.exact(premises.system["alpha"]), rational.exact(premises.system["mu"])
    require(alpha > 0 and 0 <= mu < 1, f"alpha must be above 0 and mu within [0, 1); got {alpha} and {mu}")
    return {"alpha": str(alpha), "mu": str(mu)}


def _oscillators(premises: Premises) -> Json:
    require(premises.time == "continuous", "oscillators are in continuous time")
    count = _whole(premises.system["oscillators"], _MOST_OSCILLATORS)
    found = {name: rational.exact(premises.system[name]) for name in ("weight_share", "rate", "slope", "gain", "decay")}
    require(count > 0 and found["slope"] >= 0, "oscillators must be above 0, and slope at least 0")
    require(all(value > 0 for name, value in found.items() if name != "slope"), "all other numbers must be above 0")
    return {"oscillators": count, **{name: str(value) for name, value in found.items()}}


def _inclusion(premises: Premises, read: Premises) -> Conclusion:
    """Linear systems ``z' = A z`` or ``z <- A z`` whose A moves anywhere in the polytope of the vertices."""
    vertices, time = [rational.matrix("vertices", rows) for rows in read.system["vertices"]], premises.time
    if premises.witness is None:
        p, margin = decreasing(vertices, premises, time)
        read = read._replace(lyapunov=rational.texts(p), margin=str(margin))
        return Conclusion(read, "certified", "asymptotically_stable", ("positive", "decreases_at_vertices"))
    kind = premises.witness["kind"]
    if kind == "state":
        return _fails(premises, vertices, read)
    if kind == "member":
        shares = _numbers(premises.witness["shares"])
        _grows_at(vertices, shares, time)
        read = read._replace(witness={"kind": "member", "shares": [str(x) for x in shares]})
        return Conclusion(read, "refuted", "asymptotically_stable", ("member_unstable",))
    require(kind == "switching", f"the kind of a witness must be state, member or switching; got {kind!r}")
    read = read._replace(witness=switching_that_grows(vertices, premises.witness, time))
    return Conclusion(read, "refuted", "asymptotically_stable", ("switching_grows",))


def decreasing(vertices: Sequence[Matrix], premises: Premises, time: str) -> tuple[Matrix, fmpq]:
    """P and the margin at which ``V = z' P z`` decreases for every vertex, hence for all of their polytope.

    ``-A'P - PA - 2 margin P > 0`` in continuous time, ``(1 - margin)^2 P - A'PA > 0`` in discrete time, and P > 0: all
    leading minors, in exact rationals.
    """
    p, margin = rational.symmetric("P", premises.lyapunov, len(vertices[0])), rational.exact(premises.margin)
    # Beyond 1 the factor (1 - margin)^2 of discrete time would grow again.
    require(margin >= 0 and (time == "continuous" or margin < 1), f"margin must be a rate; got {margin}")
    require_little_work([*vertices, p, [[margin]]])
    require(rational.not_positive(p) is None, "P must be positive definite")
    require(all(rational.not_positive(fall(a, p, time, margin)) is None for a in vertices), "V must decrease at each vertex")
    return p, margin


def fall(a: Matrix, p: Matrix, time: str, margin: fmpq = _NO_MARGIN) -> Matrix:
    """The matrix that must be positive definite for V to decrease at the rate ``margin``."""
    if time == "discrete":
        moved = rational.times(rational.transposed(a), rational.times(p, a))
        return rational.combined([((1 - margin) ** 2, p), (fmpq(-1), moved)])
    pa = rational.times(p, a)
    return rational.combined([(fmpq(-1), pa), (fmpq(-1), rational.transposed(pa)), (-2 * margin, p)])


def _fails(premises: Premises, vertices: list[Matrix], read: Premises) -> Conclusion:
    """A given V is not positive, or does not decrease for a vertex, at a state."""
    assert premises.witness is not None
    p, state, vertex = rational.symmetric("P", premises.lyapunov, len(vertices[0])), _numbers(premises.witness["state"]), None
    require_little_work([*vertices, p, [state]])
    form, condition = p, "not_positive"
    if premises.witness["vertex"] is not None:
        vertex = _whole(premises.witness["vertex"], len(vertices))
        form, condition = fall(vertices[vertex], p, premises.time), "not_decreasing"
    _not_above(form, state)
    witness = {"kind": "state", "state": [str(x) for x in state], "vertex": vertex}
    read = read._replace(lyapunov=rational.texts(p), witness=witness)
    return Conclusion(read, "refuted", "is_lyapunov_function", (condition,))


def _grows_at(vertices: list[Matrix], shares: list[fmpq], time: str) -> None:
    """Require a matrix of the polytope that is not asymptotically stable, by its characteristic polynomial."""
    require(len(shares) == len(vertices), "shares must be as many as vertices")
    # The denominator of their sum may be as long as all of theirs together.
    digits = sum(int(x.q).bit_length() for x in shares)
    require(digits <= _MOST_SHARED, f"shares must be short: their denominators have {digits} bits in all")
    require(sum(shares, fmpq(0)) == 1 and all(x >= 0 for x in shares), "shares must be those of a mean")
    member = rational.combined(list(zip(shares, vertices, strict=True)))
    require_little_work([member], _CHARACTERISTIC)
    stable = rational.is_schur(member) if time == "discrete" else rational.is_hurwitz(member)
    require(not stable, "the member must not be asymptotically stable")


def switching_that_grows(vertices: Sequence[Matrix], witness: Json, time: str) -> Json:
    """A periodic switching, vertex after vertex, that does not decay: one eigenvalue of a turn lies on or beyond +-1."""
    word = [_whole(i, len(vertices)) for i in witness["vertices"]]
    require(0 < len(word) <= _LONGEST_WORD, f"a switching must hold vertices, at most {_LONGEST_WORD}")
    if time == "discrete":
        # Entries of a product are as long as those of all its factors.
        require_little_work(list(vertices), _CHARACTERISTIC * len(word))
        turn = vertices[word[0]]
        for i in word[1:]:
            turn = rational.times(vertices[i], turn)
        require(not rational.is_schur(turn), "the turn must not decay")
        return {"kind": "switching", "vertices": word}
    durations = _numbers(witness["durations"])
    require(len(durations) == len(word) and all(x >= 0 for x in durations), "durations must be one for each vertex")
    with ctx.workprec(_SWITCHING_BITS):
        size = len(vertices[0])
        turn = one = _identity(size)
        for i, duration in zip(word, durations, strict=True):
            scaled = [duration * x for row in vertices[i] for x in row]
            turn = arb_mat(fmpq_mat(size, size, scaled)).exp() * turn
        # The characteristic polynomial ends positive: a negative value at 1, or its mirror at -1, leaves a root beyond.
        require((one - turn).det() < 0 or (one + turn).det() < 0, "the turn must not decay")
    return {"kind": "switching", "vertices": word, "durations": [str(x) for x in durations]}


def _field(premises: Premises, read: Premises) -> Conclusion:
    """Smooth systems ``z' = f(z)`` or ``z <- f(z)`` next to an equilibrium, ``V = (z - z*)' P (z - z*)``."""
    tape = Tape.from_lists(read.system)
    size, domain = len(tape.outputs), premises.domain or {}
    kind = None if premises.witness is None else premises.witness["kind"]
    if kind == "candidate":
        assert premises.witness is not None
        p, state = rational.symmetric("P", premises.lyapunov, size), _numbers(premises.witness["state"])
        require_little_work([p, [state]])
        _not_above(p, state)
        witness = {"kind": "candidate", "state": [str(x) for x in state]}
        return Conclusion(
            read._replace(lyapunov=rational.texts(p), witness=witness), "refuted", "decreases_in_region", ("not_positive",)
        )
    require(size <= _LARGEST_FIELD, f"a field must be of at most {_LARGEST_FIELD} numbers; got {size}")
    require(most_boxes(len(tape.operations), size) > 0, f"a field must be of fewer operations; got {len(tape.operations)}")
    system = System(tape, premises.time)
    with ctx.workprec(BITS):
        enclosure = [(rational.exact(middle), rational.exact(radius)) for middle, radius in domain["equilibrium"]]
        centre = system.equilibrium(enclosure)
        place = {"equilibrium": [[str(middle), str(radius)] for middle, radius in enclosure]}
        if kind == "unstable equilibrium":
            require(size <= _MOST_NUMBERS, f"an unstable equilibrium must be of at most {_MOST_NUMBERS} numbers; got {size}")
            require(system.surely_unstable(centre), "the equilibrium must be unstable")
            read = read._replace(domain=place, witness={"kind": kind})
            return Conclusion(read, "refuted", "equilibrium_stable", ("equilibrium_unstable",))
        region = _region(premises, system, centre)
        place |= {"box": [[str(low), str(high)] for low, high in region.bounds], "level": str(region.level)}
        read = read._replace(domain=place, lyapunov=rational.texts(region.p))
        if kind == "state":
            assert premises.witness is not None
            state = _numbers(premises.witness["state"])
            require(len(state) == size and region.surely_grows([arb(x) for x in state]), "V must grow at the state")
            read = read._replace(witness={"kind": kind, "state": [str(x) for x in state]})
            return Conclusion(read, "refuted", "decreases_in_region", ("not_decreasing",))
        require(kind is None, f"the kind of a witness must be candidate, state or unstable equilibrium; got {kind!r}")
        margin, boxes = rational.exact(premises.margin), _whole(premises.boxes, most_boxes(len(tape.operations), size) + 1)
        require(margin >= 0 and (premises.time == "continuous" or margin < 1), f"margin must be a rate; got {margin}")
        require(region.decreases_by_slope(centre, margin), "V must decrease at the margin's rate next to the equilibrium")
        require(region.settle(boxes).verdict == "certified", "V must decrease in all of the region")
    read = read._replace(margin=str(margin), boxes=boxes)
    conditions = ("positive", "region_in_box", "decreases_in_region", "decreases_at_margin")
    return Conclusion(read, "certified", "decreases_in_region", conditions)


def _region(premises: Premises, system: System, centre: list[arb]) -> Region:
    """The region that is asked about, within its box, on which V is positive."""
    domain = premises.domain or {}
    bounds = [(rational.exact(low), rational.exact(high)) for low, high in domain["box"]]
    require(len(bounds) == len(centre) and all(low < high for low, high in bounds), "box must bound each coordinate")
    p, level = rational.symmetric("P", premises.lyapunov, len(centre)), rational.exact(domain["level"])
    require_little_work([p, [[level]], [[bound for pair in bounds for bound in pair]]], _BALLS)
    require(rational.not_positive(p) is None, "P must be positive definite")
    require(0 < level <= lowest_on_faces(p, centre, bounds), "the region must lie within the box")
    return Region(system, centre, p, level, bounds)


def _memory(premises: Premises, read: Premises) -> Conclusion:
    """A two-stage memory, ``z' = [[-(1 + d), -alpha], [1 + d, 0]] z`` for any ``|d(t)| <= mu``: decided by alpha and mu."""
    alpha, mu = rational.exact(read.system["alpha"]), rational.exact(read.system["mu"])
    vertices = memory(alpha, mu)
    if premises.witness is not None and premises.witness["kind"] == "switching":
        read = read._replace(witness=switching_that_grows(vertices, premises.witness, "continuous"))
        return Conclusion(read, "refuted", "memory_stable", ("switching_grows",))
    if premises.lyapunov is not None:
        p, margin = decreasing(vertices, premises, "continuous")
        read = read._replace(lyapunov=rational.texts(p), margin=str(margin))
        return Conclusion(read, "certified", "memory_stable", ("positive", "decreases_at_vertices"))
    growth = growth_of_half_a_turn(alpha, mu)
    if growth < 0:
        return Conclusion(read, "certified", "memory_stable", ("shrinks_each_half_turn",))
    require(growth > 0, "the growth of half a turn is too near to 1 to tell")
    return Conclusion(read, "refuted", "memory_stable", ("grows_each_half_turn",))


def memory(alpha: fmpq, mu: fmpq) -> list[Matrix]:
    """The two vertices of a two-stage memory, perturbed by -mu and by mu."""
    return [[[-(1 + delta), -alpha], [1 + delta, fmpq(0)]] for delta in (-mu, mu)]


def growth_of_half_a_turn(alpha: fmpq, mu: fmpq) -> arb:
    """Twice the logarithm of the growth over half a turn under the worst perturbation; minus infinity where none turns.

    ``log(p+ / p-) - phi(alpha / p+) - psi(alpha / p-)``, with ``p+- = 1 +- mu``: see `theory.consolidation.worst_growth`. The
    state turns through two quarters, one for each sign of the product of error and late weight, which are those of spirals
    of the two vertices.
    """
    found = arb(0)
    for bits in _MEMORY_BITS:
        with ctx.workprec(bits):
            if 4 * alpha <= 1 - mu:
                return arb("-inf")
            turning = (arb(alpha) / (1 - mu) - fmpq(1, 4)).sqrt()
            second = (arb.pi() - (2 * turning).atan()) / turning
            excess = alpha / (1 + mu) - fmpq(1, 4)
            root = arb(abs(excess)).sqrt()
            first = arb(2) if excess == 0 else ((2 * root).atan() if excess > 0 else (2 * root).atanh()) / root
            found = (arb(1 + mu) / (1 - mu)).log() - first - second
        if found < 0 or found > 0:
            break
    return found


def _colearning(premises: Premises, read: Premises) -> Conclusion:
    """Phases and gated Hebbian weights: ``-x^2 + c M x y - c eps lambda y^2 <= 0`` for all x and y, ``c M^2 <= 4 eps lambda``.

    ``M^2 = (eta / lambda)^2 N (sqrt(2) + beta / 4)^2``; the square of the sum is ``2 + beta^2 / 16 + beta / sqrt(2)``, so that
    the rest of it must be at least 0 and its square at least ``beta^2 / 2``. That W* moves by M x at most is proved on the
    page on the paper: ``|G'| <= beta / 4``, ``|dr/dt| <= x / sqrt(N)``, and the norm of ``theta_i' - theta_j'`` over pairs is
    ``sqrt(2 N) x``.
    """
    del premises
    share, rate, slope, gain, decay = (
        rational.exact(read.system[n]) for n in ("weight_share", "rate", "slope", "gain", "decay")
    )
    rest = 4 * rate * decay * decay**2 / (share * gain**2 * read.system["oscillators"]) - 2 - slope**2 / 16
    require(rest >= 0 and rest**2 >= slope**2 / 2, "c M^2 must be at most 4 eps lambda")
    return Conclusion(read, "certified", "composite_energy_falls", ("form_not_positive",))


def _not_above(form: Matrix, state: list[fmpq]) -> None:
    require(len(state) == len(form) and any(x != 0 for x in state), "the state of a witness must be one, and not 0")
    require(rational.value(state, form) <= 0, "the form must not be positive at the state")


def _numbers(texts: Any) -> list[fmpq]:
    require(isinstance(texts, list), f"numbers must be a list; got {texts!r}")
    return [rational.exact(x) for x in texts]


def _whole(value: Any, below: int) -> int:
    require(type(value) is int and 0 <= value < below, f"a whole number below {below} is due; got {value!r}")
    return value


def _identity(size: int) -> arb_mat:
    return arb_mat(fmpq_mat(size, size, [int(i == j) for i in range(size) for j in range(size)]))
