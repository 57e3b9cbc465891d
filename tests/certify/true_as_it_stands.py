"""What a certificate says, judged anew in floats, from its data, by code that shares nothing with the library.

A verdict that is true by less than the rounding of floats is let pass: forgeries are wrong by more.
"""

from fractions import Fraction

import numpy as np
from scipy.linalg import expm

_ROUNDING = 1e-7


def true_as_it_stands(found):
    """Whether verdict, margin, region and witness hold; an unknown verdict claims nothing, and must hold nothing else."""
    if found.verdict == "unknown":
        return (found.lyapunov, found.margin, found.domain, found.witness, found.boxes) == (None,) * 5 and not found.conditions
    judges = {"linear_inclusion": _inclusion, "smooth_field": _field, "consolidation": _memory, "colearning": _colearning}
    return judges[found.kind](found)


def _colearning(found):
    """The form ``-x^2 + c M x y - c eps lambda y^2``, by its eigenvalues scaled."""
    names = ("weight_share", "rate", "slope", "gain", "decay")
    share, rate, slope, gain, decay = (float(Fraction(found.system[name])) for name in names)
    moves = gain / decay * found.system["oscillators"] ** 0.5 * (2**0.5 + slope / 4)
    right = found.verdict == "certified" and found.statement == "composite_energy_falls" and found.time == "continuous"
    nothing = (found.lyapunov, found.margin, found.domain, found.witness, found.boxes) == (None,) * 5
    return right and nothing and share > 0 and share * moves**2 <= 4 * rate * decay * (1 + _ROUNDING)


def _matrix(rows):
    return np.array([[float(Fraction(x)) for x in row] for row in rows])


def _vector(values):
    return np.array([float(Fraction(x)) for x in values])


def _growth(a, time):
    values = np.linalg.eigvals(a)
    return np.abs(values).max() - 1 if time == "discrete" else values.real.max()


def _decreases(a, p, time, margin):
    fall = (1 - margin) ** 2 * p - a.T @ p @ a if time == "discrete" else -(a.T @ p + p @ a) - 2 * margin * p
    return np.linalg.eigvalsh(fall).min() > -_ROUNDING * np.abs(p).max() and np.linalg.eigvalsh(p).min() > 0


def _inclusion(found, vertices=None, statement="asymptotically_stable"):
    vertices = [_matrix(rows) for rows in found.system["vertices"]] if vertices is None else vertices
    if found.verdict == "certified":
        margin = float(Fraction(found.margin))
        right = found.statement == statement and margin >= 0 and (found.time == "continuous" or margin < 1)
        p = _matrix(found.lyapunov)
        return right and found.domain is found.witness is None and all(_decreases(a, p, found.time, margin) for a in vertices)
    witness = found.witness
    if witness["kind"] == "state":
        p, z = _matrix(found.lyapunov), _vector(witness["state"])
        if witness["vertex"] is not None:
            a = vertices[witness["vertex"]]
            p = p - a.T @ p @ a if found.time == "discrete" else -(a.T @ p + p @ a)
        return found.statement == "is_lyapunov_function" and z @ p @ z <= _ROUNDING and np.abs(z).max() > 0
    turn = np.eye(len(vertices[0]))
    if witness["kind"] == "member":
        shares = _vector(witness["shares"])
        member = sum(s * a for s, a in zip(shares, vertices, strict=True))
        grows = _growth(member, found.time) > -_ROUNDING and shares.min() >= 0 and abs(shares.sum() - 1) < _ROUNDING
        return grows and found.statement == statement
    durations = [1] * len(witness["vertices"]) if found.time == "discrete" else _vector(witness["durations"])
    for i, duration in zip(witness["vertices"], durations, strict=True):
        turn = (vertices[i] if found.time == "discrete" else expm(vertices[i] * duration)) @ turn
    return found.statement == statement and np.abs(np.linalg.eigvals(turn)).max() > 1 - _ROUNDING


def _memory(found):
    alpha, mu = float(Fraction(found.system["alpha"])), float(Fraction(found.system["mu"]))
    vertices = [np.array([[-(1 + d), -alpha], [1 + d, 0.0]]) for d in (-mu, mu)]
    if found.time != "continuous":
        return False
    if found.lyapunov is not None or found.witness is not None:
        return _inclusion(found, vertices, "memory_stable")
    # Half a turn under the worst perturbation, integrated from one sign change of w1 g to the next.
    state, growth = np.array([1.0, 0.0]), None
    step = expm(vertices[0] * 1e-3), expm(vertices[1] * 1e-3)
    for _ in range(200_000):
        following = step[int(state[0] * state[1] > 0 or state[1] == 0)] @ state
        if following[0] < 0 < state[0] and following[1] < 0:
            growth = np.linalg.norm(following)
            break
        if following[1] < 0 and state[1] >= 0:
            growth = np.linalg.norm(following)
            break
        state = following
    stable = growth is None or growth < 1 + 1e-2
    return found.statement == "memory_stable" and (found.verdict == "certified") == stable


def _value(system, z):
    values = []
    for name, *arguments in system["operations"]:
        if name == "input":
            values.append(z[arguments[0]])
        elif name == "constant":
            values.append(float.fromhex(arguments[0]))
        elif name == "power":
            values.append(values[arguments[0]] ** float(arguments[1]))
        else:
            x = [values[i] for i in arguments]
            values.append(_OPERATIONS[name](*x))
    return np.array([values[i] for i in system["outputs"]])


_OPERATIONS = {
    **{"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative},
    **{name: getattr(np, name) for name in ("exp", "log", "tanh", "sin", "cos", "sqrt")},
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
}


def _field(found):
    with np.errstate(all="ignore"):
        return _field_holds(found)


def _field_holds(found):  # noqa: PLR0911 - one for each kind of witness
    size, witness = len(found.system["outputs"]), found.witness
    if witness is not None and witness["kind"] == "candidate":
        z = _vector(witness["state"])
        return found.statement == "decreases_in_region" and z @ _matrix(found.lyapunov) @ z <= _ROUNDING and np.abs(z).max() > 0
    centre = _vector([middle for middle, _ in found.domain["equilibrium"]])
    reach = max(float(Fraction(radius)) for _, radius in found.domain["equilibrium"])
    rest = _value(found.system, centre) - (centre if found.time == "discrete" else 0)
    slope = np.stack(
        [(_value(found.system, centre + h) - _value(found.system, centre - h)) / 2e-5 for h in 1e-5 * np.eye(size)], axis=1
    )
    if len(centre) != size or np.abs(rest).max() > (1 + np.abs(slope).max() * size) * reach + _ROUNDING:
        return False
    if witness is not None and witness["kind"] == "unstable equilibrium":
        return found.statement == "equilibrium_stable" and _growth(slope, found.time) > -1e-4
    p, level, box = _matrix(found.lyapunov), float(Fraction(found.domain["level"])), _matrix(found.domain["box"])
    # The region within the box: its farthest extent along each coordinate.
    extent = np.sqrt(level * np.diag(np.linalg.inv(p)))
    if not (np.linalg.eigvalsh(p).min() > 0 and (centre - extent >= box[:, 0] - 1e-6).all()):
        return False
    if not (centre + extent <= box[:, 1] + 1e-6).all() or found.statement != "decreases_in_region":
        return False
    if witness is not None:
        z = _vector(witness["state"])
        return (z - centre) @ p @ (z - centre) <= level + _ROUNDING and _change(found, p, centre, z) >= -_ROUNDING
    margin = float(Fraction(found.margin))
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(200, size)) @ np.linalg.inv(np.linalg.cholesky(p))
    directions /= np.sqrt(np.einsum("ki,ij,kj->k", directions, p, directions))[:, None]
    states = centre + directions * np.sqrt(level * rng.uniform(0.01, 0.999, 200))[:, None]
    near = _decreases(slope, p, found.time, margin - 1e-4)
    return margin >= 0 and near and all(_change(found, p, centre, z) < _ROUNDING for z in states)


def _change(found, p, centre, z):
    moved, away = _value(found.system, z), z - centre
    if found.time == "discrete":
        return (moved - centre) @ p @ (moved - centre) - away @ p @ away
    return 2 * away @ p @ moved
