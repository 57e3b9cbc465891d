"""Certificates: against systems with known answers, against tampering, and against bad input."""

import json
from decimal import Decimal
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

import plastodyn as pd
from plastodyn.certify import Certificate, consolidation, linear_inclusion, region_of_attraction, smooth_field
from plastodyn.certify.rational import is_hurwitz, is_schur, matrix
from plastodyn.theory import consolidation as theory
from plastodyn.theory.chains import chain_matrix

REFUSED = pytest.mark.xfail(raises=ValueError, strict=True, reason="it would be rounded")


def _survives(found):
    """The certificate, checked again by someone who only has its JSON."""
    again = Certificate.from_json(found.to_json())
    assert again.recheck()
    return again


def _stable():
    return json.loads(linear_inclusion([[[-1]]]).to_json())


def _of_format_1():
    return {name: value for name, value in _stable().items() if name != "format"}


@pytest.mark.parametrize("kind", [int, str, Fraction, Decimal, np.int64, fmpq, pytest.param(np.longdouble, marks=REFUSED)])
def test_numbers_of_any_kind_are_taken_exactly(kind):
    """Unstable by one part in 2^53, which floats do not hold: det = -3."""
    n = 2**53
    a = [[kind(x) for x in row] for row in ([-(n + 3), n + 4], [n + 6, -(n + 7)])]
    assert _survives(linear_inclusion([a])).verdict == "refuted"


def test_near_miss_candidates_are_not_certified():
    """50 quadratic functions that only just decrease, made to just fail: P solves A'P + PA = -Q with Q barely indefinite."""
    rng = np.random.default_rng(4)
    for _ in range(50):
        a = rng.integers(-4, 5, (3, 3)) - 8 * np.eye(3)
        q = np.diag([1.0, 1.0, rng.choice([2.0**-40, -(2.0**-40), 0.0])])
        p = np.linalg.solve(np.kron(np.eye(3), a.T) + np.kron(a.T, np.eye(3)), -q.ravel()).reshape(3, 3)
        p = (p + p.T) / 2
        found = _survives(linear_inclusion([a], candidate=p))
        exact = matrix("P", p)
        fall = [
            [-sum(exact[i][k] * int(a[k, j]) + int(a[k, i]) * exact[k][j] for k in range(3)) for j in range(3)]
            for i in range(3)
        ]
        # Sylvester's criterion on the exact rationals, by determinants instead of elimination.
        minors = [
            fall[0][0],
            fall[0][0] * fall[1][1] - fall[0][1] * fall[1][0],
            sum(
                fall[0][i] * (fall[1][(i + 1) % 3] * fall[2][(i + 2) % 3] - fall[1][(i + 2) % 3] * fall[2][(i + 1) % 3])
                for i in range(3)
            ),
        ]
        assert (found.verdict == "certified") == all(minor > 0 for minor in minors)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-6, 6), min_size=9, max_size=9))
def test_exact_stability_tests_agree_with_eigenvalues(entries):
    a = np.reshape(entries, (3, 3)).astype(float)
    abscissa, radius = np.linalg.eigvals(a).real.max(), np.abs(np.linalg.eigvals(a / 8)).max()
    if abs(abscissa) > 1e-4:
        assert is_hurwitz(matrix("A", a)) == (abscissa < 0)
    if abs(radius - 1) > 1e-4:
        assert is_schur(matrix("A", a / 8)) == (radius < 1)


@pytest.mark.parametrize("alpha", [0.2, *(pytest.param(alpha, marks=pytest.mark.slow) for alpha in (0.5, 1.0)), 2.0])
def test_the_semidefinite_program_reaches_the_circle_criterion(alpha):
    bound = float(theory.quadratic_bound(alpha))
    for mu, verdict in ((bound - 1e-3, "certified"), (bound + 1e-3, "unknown")):
        found = linear_inclusion([chain_matrix([alpha], d) for d in (-mu, mu)])
        assert _survives(found).verdict == verdict


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0, 2.0])
def test_switching_is_found_just_above_the_exact_bound(alpha):
    bound = float(theory.exact_bound(alpha))
    for mu, verdict in ((bound - 1e-3, "certified"), (bound + 1e-3, "refuted")):
        found = _survives(consolidation(alpha, mu))
        assert found.verdict == verdict
    # The witness is half a turn of the worst perturbation, as long as theory says.
    assert sum(map(Fraction, found.witness["durations"])) == pytest.approx(float(theory.half_turn(alpha, mu)), rel=1e-6)


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("alpha", [0.1, 0.5, 3.0, 40.0])
def test_memories_are_decided_to_the_last_digits(alpha, distance):
    bound = float(theory.exact_bound(alpha))
    for side, verdict in ((-1, "certified"), (1, "refuted")):
        assert _survives(consolidation(alpha, bound + side * distance * (1 - bound))).verdict == verdict


def test_discrete_switching_is_refuted_exactly():
    """Every matrix between the two is stable, their alternation, with eigenvalue -1.96, is not."""
    first, second = [[0, "-1.4"], ["0.35", 0]], [[0, "-0.35"], ["1.4", 0]]
    found = _survives(linear_inclusion([first, second], time="discrete"))
    assert found.verdict == "refuted"
    assert found.witness["kind"] == "switching"


def test_discrete_inclusion_is_certified():
    first, second = [["1/2", "1/4"], [0, "1/2"]], [["1/2", 0], ["1/4", "1/2"]]
    found = _survives(linear_inclusion([first, second], time="discrete"))
    assert found.verdict == "certified"
    # No rate can beat the spectral radius of a vertex, 1/2.
    assert 0 < Fraction(found.margin) <= 0.5


def test_margin_is_the_decay_that_eigenvalues_allow():
    found = linear_inclusion([[[-2, 0], [0, -3]]])
    assert 0 < Fraction(found.margin) <= 2


PENDULUM = {"box": [[-2, 2], [-2, 2]]}


def pendulum(z):
    return jnp.stack([z[1], -jnp.sin(z[0]) - z[1]])


def backwards_van_der_pol(z):
    return jnp.stack([-z[1], z[0] + (z[0] ** 2 - 1) * z[1]])


def rates(z):
    return -z + jnp.tanh(jnp.array([[0.5, -2.0], [1.0, 0.3]]) @ z + 0.3)


def two_stage_map(z):
    """A step of length 1/2 of a two-stage memory whose early site saturates."""
    return jnp.stack([z[0] - 0.5 * jnp.tanh(z[0]) - 0.125 * z[1], z[1] + 0.5 * jnp.tanh(z[0])])


@pytest.mark.parametrize(
    ("field", "box", "time"),
    [
        (pendulum, [[-2, 2], [-2, 2]], "continuous"),
        (backwards_van_der_pol, [[-0.8, 0.8], [-0.8, 0.8]], "continuous"),
        (lambda z: -z / (1 + z**2), [[-3, 3]], "continuous"),
        (lambda z: 0.5 * jnp.sin(z), [[-1, 1], [-1, 1]], "discrete"),
        (two_stage_map, [[-0.5, 0.5], [-0.5, 0.5]], "discrete"),
    ],
)
def test_smooth_systems_that_are_stable(field, box, time):
    found = _survives(smooth_field(field, box, time=time))
    assert found.verdict == "certified"
    assert found.margin is not None
    assert found.conditions


@pytest.mark.slow
def test_the_certified_region_returns_and_is_close_to_the_true_one():
    """The basin of the backwards van der Pol oscillator is bounded by its limit cycle; simulation from the region's edge."""
    found = _survives(region_of_attraction(backwards_van_der_pol, [[-2.5, 2.5], [-2.5, 2.5]]))
    assert found.verdict == "certified"
    p = np.array([[float(Fraction(x)) for x in row] for row in found.lyapunov])
    level = float(Fraction(found.domain["level"]))
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    states = np.stack([np.cos(angles), np.sin(angles)])
    states = states * np.sqrt(level / np.einsum("ik,ij,jk->k", states, p, states)) * 0.999
    # A level 1.5 times as large contains states at which V grows: the certified one is not far from the best.
    wide = states * 1.5**0.5
    grows = np.einsum("ik,ij,jk->k", wide, p, np.asarray(backwards_van_der_pol(wide)))
    assert grows.max() > 0
    velocity = jax.jit(backwards_van_der_pol)
    for _ in range(2000):
        middle = states + 0.005 * np.asarray(velocity(states))
        states = states + 0.01 * np.asarray(velocity(middle))
    assert np.abs(states).max() < 1e-3


def test_an_equilibrium_that_is_no_float_is_enclosed():
    found = _survives(smooth_field(rates, [[-1, 1], [-1, 1]]))
    assert found.verdict == "certified"
    assert all(Fraction(radius) > 0 for _, radius in found.domain["equilibrium"])


DISCRETE = {"time": "discrete"}


@pytest.mark.parametrize(
    ("field", "box", "options", "kind"),
    [
        (lambda z: jnp.stack([z[1], jnp.sin(z[0]) - z[1]]), [[-1, 1], [-1, 1]], {}, "unstable equilibrium"),
        (lambda z: 1.5 * jnp.tanh(z), [[-1, 1]], DISCRETE, "unstable equilibrium"),
        (lambda z: jnp.stack([z[1], z[0]]) - z**3, [[-1, 1]] * 2, {}, "unstable equilibrium"),
        (
            lambda z: jnp.stack([0.9 * z[0] - z[1], z[0] + 0.2 * z[1], z[2] / 2]),
            [[-1, 1]] * 3,
            DISCRETE,
            "unstable equilibrium",
        ),
        (lambda z: z * (z**2 - 1), [[-2, 2]], {}, "state"),
        (pendulum, [[-2, 2], [-2, 2]], {"candidate": [[1, 0], [0, -1]]}, "candidate"),
    ],
)
def test_false_claims_come_back_refuted_with_a_witness(field, box, options, kind):
    found = _survives(smooth_field(field, box, **options))
    assert found.verdict == "refuted"
    assert found.witness["kind"] == kind


def test_an_undecidable_claim_is_unknown():
    """A cubic is stable but its Jacobian at the equilibrium is 0: nothing local decides."""
    found = smooth_field(lambda z: -(z**3), [[-1, 1]], candidate=[[1]], boxes=200)
    assert found.verdict == "unknown"
    assert found.remaining
    assert smooth_field(lambda z: -(z**3), [[-1, 1]]).verdict == "unknown"


def test_unknown_when_the_allowance_is_used_up():
    found = smooth_field(pendulum, **PENDULUM, boxes=3)
    assert found.verdict == "unknown"


TAMPERINGS = {
    "verdict": lambda c: c | {"verdict": "certified" if c["verdict"] == "refuted" else "refuted"},
    "statement": lambda c: c | {"statement": "everything is stable"},
    "time": lambda c: c | {"time": "discrete" if c["time"] == "continuous" else "continuous"},
}


@pytest.mark.parametrize("how", TAMPERINGS)
@pytest.mark.parametrize("make", ["linear", "smooth", "refuted", "planar"])
def test_a_tampered_certificate_is_rejected(make, how):
    found = {
        "linear": lambda: linear_inclusion([chain_matrix([0.5], d) for d in (-0.5, 0.5)]),
        "smooth": lambda: smooth_field(pendulum, **PENDULUM),
        "refuted": lambda: linear_inclusion([[["1/2", 0], [0, "-1/2"]]]),
        "planar": lambda: consolidation("1/2", "0.85"),
    }[make]()
    changed = TAMPERINGS[how](json.loads(found.to_json()))
    assert not Certificate.from_json(json.dumps(changed)).recheck()


@pytest.mark.parametrize("what", ["domain", "conditions"])
@pytest.mark.parametrize("make", ["linear", "smooth", "planar", "quadratic"])
def test_words_that_the_numbers_do_not_prove_are_rejected(make, what):
    found = {
        "linear": lambda: linear_inclusion([[[-1]]]),
        "smooth": lambda: smooth_field(lambda z: -z, [[-1, 1]]),
        "planar": lambda: consolidation("1/2", "0.85"),
        "quadratic": lambda: consolidation("1/2", "0.7"),
    }[make]()
    values = json.loads(found.to_json())
    if what == "conditions":
        values["conditions"].append("it is stable for larger perturbations too")
    else:
        values["domain"] = {**(values["domain"] or {}), "states": "all of them", "box": [["-9", "9"]], "level": "50"}
    assert not Certificate.from_json(json.dumps(values)).recheck()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_field_that_the_simulator_runs_is_certified(precision):
    """A rule on a circuit, as it is simulated, against the same two lines written out."""
    with jax.enable_x64(precision == "float64"):
        circuit = pd.circuits.tracking([0.0, 0.0], dtype=precision)
        rule = pd.rules.staged(pd.rules.early(), pd.rules.late(), 0.5)
        field = pd.measure.rule_field(circuit, rule)
    box = {"box": [[-2, 2], [-1, 3]], "equilibrium": [0, 1]}
    found = _survives(smooth_field(field, **box))
    assert found.verdict == "certified"
    written = smooth_field(lambda z: jnp.stack([1 - z[0] - z[1], 0.5 * z[0]]), **box)
    assert (found.lyapunov, found.margin, found.domain) == (written.lyapunov, written.margin, written.domain)


def test_a_candidate_may_be_an_array():
    found = region_of_attraction(lambda z: jnp.stack([-z[0] * (1 - z[0] ** 2), -z[1]]), [[-2, 2]] * 2, candidate=np.eye(2))
    assert _survives(found).verdict == "certified"
    # V = |z|^2 grows beyond z_0 = 1.
    assert 0.99 < Fraction(found.domain["level"]) <= 1


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["lyapunov"][0].__setitem__(0, "-1"),
        lambda c: c["lyapunov"][0].__setitem__(1, "5"),
        lambda c: c.__setitem__("margin", "3"),
        lambda c: c.__setitem__("margin", None),
        lambda c: c.__setitem__("lyapunov", None),
        lambda c: c["system"]["vertices"][0][0].__setitem__(0, "2"),
        lambda c: c["system"].__setitem__("vertices", []),
    ],
)
def test_tampered_numbers_of_a_linear_certificate_are_rejected(change):
    values = json.loads(linear_inclusion([chain_matrix([0.5], d) for d in (-0.5, 0.5)]).to_json())
    change(values)
    assert not Certificate.from_json(json.dumps(values)).recheck()


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["domain"].__setitem__("level", "100"),
        lambda c: c["domain"].__setitem__("box", [["-9", "9"], ["-9", "9"]]) or c["domain"].__setitem__("level", "20"),
        lambda c: c["domain"].__setitem__("equilibrium", [["1", "0"], ["0", "0"]]),
        lambda c: c["lyapunov"][1].__setitem__(1, "1/1000"),
        lambda c: c.__setitem__("margin", "10"),
        lambda c: c["system"].__setitem__("outputs", c["system"]["outputs"][::-1]),
        lambda c: c["system"]["operations"].append(["sin", 10_000]),
    ],
)
def test_tampered_numbers_of_a_smooth_certificate_are_rejected(change):
    values = json.loads(smooth_field(pendulum, **PENDULUM).to_json())
    change(values)
    assert not Certificate.from_json(json.dumps(values)).recheck()


@pytest.mark.parametrize("name", ["margin", "domain", "system", "witness", "conditions", "statement", "remaining", "lyapunov"])
@pytest.mark.parametrize("value", ["1e999999999", [], {}, 3, None, [[]], {"level": "1e99999999"}, "abc"])
def test_forged_fields_neither_pass_nor_stop_the_summary(name, value):
    values = _stable() | {name: value}
    found = Certificate.from_json(json.dumps(values))
    assert set(found.summary()) >= {"verdict", "statement"}
    assert found.recheck() == (values == _stable())


def test_numbers_beyond_floats_are_decided():
    assert _survives(linear_inclusion([[["-1e400"]]])).verdict == "certified"
    assert _survives(linear_inclusion([[["1e400"]]])).verdict == "refuted"
    assert "inf" in linear_inclusion([[["-1e400"]]]).summary()["margin"]


def test_a_long_word_is_no_witness():
    values = json.loads(linear_inclusion([[[2]]], time="discrete").to_json())
    values["witness"] = {"kind": "switching", "vertices": [0] * 65}
    values["conditions"] = ["switching_grows"]
    assert not Certificate.from_json(json.dumps(values)).recheck()
    values["witness"]["vertices"] = [0] * 64
    assert Certificate.from_json(json.dumps(values)).recheck()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linear_inclusion([]), "vertices"),
        (lambda: linear_inclusion([[[1, 2]]]), "square"),
        (lambda: linear_inclusion([[[np.nan]]]), "finite"),
        (lambda: linear_inclusion([[[-1]], [[-1, 0], [0, -1]]]), "one size"),
        (lambda: linear_inclusion([[[-1, 0], [0, -1]]], candidate=[[1, 2], [3, 4]]), "symmetric"),
        (lambda: linear_inclusion([[[-1]]], time="later"), "time"),
        (lambda: smooth_field(pendulum, [[-1, 1]]), "field"),
        (lambda: smooth_field(pendulum, [[1, -1], [-1, 1]]), "lower bound below"),
        (lambda: smooth_field(pendulum, "box"), "box"),
        (lambda: smooth_field(pendulum, **PENDULUM, level=100.0), "level"),
        (lambda: smooth_field(pendulum, **PENDULUM, equilibrium=[0.0]), "equilibrium"),
        (lambda: smooth_field(pendulum, [[1, 2], [1, 2]]), "inside"),
        (lambda: smooth_field(lambda z: jnp.abs(z) - z, [[-1, 1]]), "elementary"),
        (lambda: smooth_field(3, [[-1, 1]]), "field must be a function"),
        (lambda: smooth_field(lambda z: z**2 + 1, [[-1, 1]]), "equilibrium"),
        (lambda: consolidation(0, 0.5), "alpha"),
        (lambda: consolidation(1, 1), "mu"),
        (lambda: Certificate.from_json("{"), "JSON"),
        (lambda: Certificate.from_json("{}"), "certificate"),
        (lambda: Certificate.from_json(None), "certificate"),
        (lambda: linear_inclusion(None), "vertices"),
        (lambda: linear_inclusion([[["1e-5000"]]]), "finite"),
        (lambda: consolidation("1e5000", "1/2"), "finite"),
        (lambda: Certificate.from_json('{"verdict": "refuted", ' + json.dumps(_stable())[1:]), "stands twice"),
        (lambda: Certificate.from_json("[" * 100_000), "JSON"),
        (lambda: linear_inclusion([["1e-999999999"]]), "finite"),
        (lambda: smooth_field(lambda z: -z, [[-1, 1]], boxes=10**9), "boxes"),
        (lambda: smooth_field(lambda z: -z if z[0] > 0 else z, [[-1, 1]]), "field failed when JAX traced it"),
        (lambda: smooth_field(lambda z: -jax.lax.reduce_precision(z, 8, 7), [[-1, 1]]), "elementary"),
        (lambda: smooth_field(lambda z: -z + 0.0 * jnp.sqrt(z - 5), [[-1, 1]]), "equilibrium"),
        (lambda: Certificate.from_json(json.dumps({**_stable(), "format": 4})), "format must be one of 1, 2, 3"),
        (lambda: Certificate.from_json(json.dumps({**_of_format_1(), "system": []})), "certificate"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
