"""Nothing false is certified, and no forgery passes: random systems of known truth, and mutations of certificates."""

import copy
import json
import random
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from known_systems import decoupled, matrix_with, scaled_basis, shrinking
from true_as_it_stands import true_as_it_stands

from plastodyn.certify import Certificate, colearning, consolidation, linear_inclusion, smooth_field

MANY = pytest.param(True, marks=pytest.mark.slow)


@pytest.mark.parametrize("many", [False, MANY])
@pytest.mark.parametrize("time", ["continuous", "discrete"])
@pytest.mark.parametrize("kind", ["stable", "unstable", "marginal"])
def test_single_matrices_are_decided(kind, time, many):
    """Eigenvalues are those on the diagonal, exactly; 100 systems each, 1200 in all, or 10."""
    rng = np.random.default_rng([ord(letter) for letter in kind + time])
    for _ in range(200 if many else 10):
        found = linear_inclusion([matrix_with(rng, time, kind)], time=time)
        assert found.verdict == ("certified" if kind == "stable" else "refuted")
        assert Certificate.from_json(found.to_json()).recheck()


@pytest.mark.parametrize("many", [False, MANY])
@pytest.mark.parametrize("time", ["continuous", "discrete"])
def test_stable_inclusions_with_a_margin_are_certified(time, many):
    """Two to four vertices with a common quadratic function, by construction, of margin 1e-3 to 1: at least 95 % certified."""
    rng = np.random.default_rng(len(time))
    verdicts = []
    for _ in range(200 if many else 20):
        margin = 10 ** rng.uniform(-3, 0)
        found = linear_inclusion(shrinking(rng, time, margin), time=time)
        verdicts.append(found.verdict)
        assert found.verdict != "refuted"
        assert Certificate.from_json(found.to_json()).recheck()
    assert np.mean([verdict == "certified" for verdict in verdicts]) >= 0.95


@pytest.mark.parametrize("many", [False, MANY])
@pytest.mark.parametrize("time", ["continuous", "discrete"])
def test_inclusions_with_an_unstable_member_are_not_certified(time, many):
    """The mean of the vertices has an eigenvalue on or beyond the boundary, exactly; no vertex need have one."""
    rng = np.random.default_rng(100 + len(time))
    for _ in range(200 if many else 20):
        member = np.array(matrix_with(rng, time, rng.choice(["unstable", "marginal"])))
        apart = rng.integers(-3, 4, member.shape) / 4
        found = linear_inclusion([member - apart, member + apart], time=time)
        assert found.verdict != "certified"
        assert Certificate.from_json(found.to_json()).recheck()


@pytest.mark.parametrize("many", [False, MANY])
def test_regions_lie_within_the_true_ones(many):
    """``T^-1 (b y^3 - a y)``, y = T z: a state returns just if |y_i| < sqrt(a_i / b_i), and an a_i < 0 is unstable."""
    rng = np.random.default_rng(5)
    verdicts = []
    for _ in range(200 if many else 12):
        field, rows, reach = decoupled(rng)
        width = rng.choice([0.25, 0.5, 1.0, 3.0])
        found = smooth_field(field, [[-width, width]] * len(rows), boxes=3000)
        verdicts.append(found.verdict)
        assert Certificate.from_json(found.to_json()).recheck()
        if (reach <= 0).any():
            assert found.verdict == "refuted"
        elif found.verdict == "certified":
            p = np.array([[float(Fraction(x)) for x in row] for row in found.lyapunov])
            level = float(Fraction(found.domain["level"]))
            # The farthest that the region extends along each row of T.
            farthest = np.sqrt(level * np.einsum("ij,jk,ik->i", rows, np.linalg.inv(p), rows))
            assert (farthest <= reach * (1 + 1e-9)).all()
    assert {"certified", "refuted"} <= set(verdicts)


def _bases():
    cubic = lambda z: z * (z**2 - 1)  # noqa: E731
    saturating = lambda z: jnp.stack([-z[0] + 0.25 * z[1], -jnp.tanh(z[1])])  # noqa: E731
    return [
        linear_inclusion([[[-1, "1/2"], [0, -2]], [[-1, 0], ["1/3", -1]]]),
        linear_inclusion([[["1/2", "1/4"], [0, "1/2"]]], time="discrete"),
        linear_inclusion([[[1, 0], [0, -1]]]),
        linear_inclusion([[[-1, 3], [0, -1]]], candidate=[[1, 0], [0, 1]]),
        linear_inclusion([[[0, "-1.4"], ["0.35", 0]], [[0, "-0.35"], ["1.4", 0]]], time="discrete"),
        consolidation("1/2", "0.4"),
        consolidation("1/2", "0.85"),
        consolidation("1/2", "0.9"),
        colearning(50, "3.88e-5", rate="1/50", slope=20),
        colearning(50, "3.9e-5", rate="1/50", slope=20),
        smooth_field(cubic, [["-0.5", "0.5"]]),
        smooth_field(cubic, [[-2, 2]]),
        smooth_field(saturating, [[-1, 1], [-1, 1]]),
        smooth_field(lambda z: 0.5 * jnp.sin(z), [[-1, 1]], time="discrete"),
        smooth_field(lambda z: jnp.stack([z[1], jnp.sin(z[0]) - z[1]]), [[-1, 1], [-1, 1]]),
        smooth_field(lambda z: -z + 0.5 * jnp.tanh(z) + 0.1, [[-1, 1]]),
        smooth_field(lambda z: -(z**3), [[-1, 1]], candidate=[[1]], boxes=50),
    ]


_POOL = [None, True, False, 0, 1, -1, 2, 0.5, 1e300, "", "0", "1", "-1", "1/2", "3", "1e6", "1e-999999999", "inf", "nan", "x"]
_POOL += [[], {}, "continuous", "discrete", "certified", "refuted", "unknown", "state", "member", "switching", "candidate"]
_POOL += ["equilibrium_stable", "decreases_in_region", "asymptotically_stable", "memory_stable", "is_lyapunov_function"]
_POOL += ["linear_inclusion", "smooth_field", "consolidation", "colearning", "boxes_left", 20_000, 10**9]


def _places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in items:
        yield from _places(part, (*path, name))


def _mutated(values, chance):
    """One to three places of the data changed, left out, doubled, or swapped with another."""
    values = copy.deepcopy(values)
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        path = chance.choice([place for place in _places(values) if place])
        holder = values
        for name in path[:-1]:
            holder = holder[name]
        how = chance.choice(["pool", "pool", "near", "other", "out", "double"])
        name, old = path[-1], holder[path[-1]]
        if how == "pool":
            holder[name] = copy.deepcopy(chance.choice(_POOL))
        elif how == "near" and isinstance(old, str) and old.replace("/", "").lstrip("-").isdigit():
            holder[name] = str(Fraction(old) * Fraction(chance.choice([-1, 99, 100, 101, 110, 200]), 100))
        elif how == "near" and isinstance(old, int):
            holder[name] = old + chance.choice([-1, 1, True])
        elif how == "other":
            other = values
            for step in chance.choice(list(_places(values))):
                other = other[step]
            holder[name] = copy.deepcopy(other)
        elif how == "out":
            del holder[name]
        elif how == "double" and isinstance(holder, list):
            holder.insert(name, copy.deepcopy(old))
        elif how == "double":
            holder["extra"] = "it is stable for larger perturbations too"
    return values


@pytest.mark.parametrize("many", [False, MANY])
def test_mutations_are_rejected_or_true_as_they_stand(many):
    """20 000 mutations (or 1500) of 15 certificates; what passes is judged anew, in floats, by code that shares nothing."""
    chance, bases = random.Random(7), [json.loads(found.to_json()) for found in _bases()]
    for base in bases:
        del base["provenance"]
    passed = 0
    for trial in range(20_000 if many else 1500):
        values = _mutated(bases[trial % len(bases)], chance)
        try:
            found = Certificate.from_json(json.dumps(values))
        except ValueError:
            continue
        if found.recheck():
            passed += 1
            assert true_as_it_stands(found), values
    # Some stay true: a state that is moved a little still is a witness.
    assert passed > 0


def test_the_known_systems_are_what_they_are_said_to_be():
    rng = np.random.default_rng(0)
    for time in ("continuous", "discrete"):
        for kind, sign in (("stable", -1), ("unstable", 1), ("marginal", 0)):
            a = np.array(matrix_with(rng, time, kind))
            edge = np.linalg.eigvals(a)
            growth = np.abs(edge).max() - 1 if time == "discrete" else edge.real.max()
            assert abs(growth) < 1e-4 if sign == 0 else np.sign(growth) == sign
    basis = scaled_basis(rng, 3)
    matrices = shrinking(rng, "continuous", 0.25, basis)
    p = fmpq_mat(3, 3, [fmpq(x.numerator, x.denominator) for row in basis for x in row])
    p = p.transpose() * p
    for rows in matrices:
        a = fmpq_mat(3, 3, [fmpq(Fraction(x).numerator, Fraction(x).denominator) for row in rows for x in row])
        fall = -(a.transpose() * p + p * a) - 2 * fmpq(1, 4) * p
        # On the margin or beyond: no leading minor is negative.
        assert all(fmpq_mat(k, k, [fall[i, j] for i in range(k) for j in range(k)]).det() >= 0 for k in (1, 2, 3))


@pytest.mark.parametrize(
    "field",
    [
        lambda z: -jnp.vdot(z, jnp.ones(1), preferred_element_type=jnp.int32).astype(z.dtype).reshape(1),
        lambda z: 1e3 * (z - jnp.dot(z, jnp.ones((1, 1)), preferred_element_type=jnp.bfloat16)) - z,
        lambda z: -jnp.dot(z, jnp.ones((1, 1)), precision="high"),
    ],
)
def test_a_product_in_another_precision_is_not_taken_for_one_in_double(field):
    with pytest.raises(ValueError, match=r"double precision|as they stand"):
        smooth_field(field, [[-3, 3]])


@pytest.mark.parametrize("matrix", [[[-0.01, 100], [0, -0.01]], [[-1, 100, 0], [0, -1, 100], [0, 0, -1]]])
def test_a_quadratic_function_that_rounding_spoilt_refutes_nothing(matrix):
    """Jordan blocks, whose P has entries from 1e-8 to 1."""
    found = smooth_field(lambda z: jnp.array(matrix) @ z, [[-1, 1]] * len(matrix))
    assert (found.verdict, found.recheck()) == ("certified", True)
