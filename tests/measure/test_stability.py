"""Flipped plasticity at a solution: verdicts against random-matrix theory, the toy model and closed forms."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn.app.answers import stability_report
from plastodyn.measure.stability import VERDICTS, runs
from plastodyn.measure.stability.signs import full_signs
from plastodyn.runtime import pace

EPS = float(np.finfo(np.float32).eps)
KEY = jax.random.key(0)


def ask(circuit, signs, rate=0.1, **options):
    return pd.measure.sign_stability(circuit, signs, rate=rate, key=KEY, **{"steps": 1000, **options})


def at_teacher(inputs, hidden, seed=0):
    """A linear student at its teacher, in the paper's scaling, and theory's J of a fraction of flipped inputs."""
    rng = np.random.default_rng(seed)
    first = rng.uniform(-1, 1, (hidden, inputs)) * (3 / inputs) ** 0.5
    second = rng.uniform(-1, 1, (1, hidden))
    second /= np.linalg.norm(second)
    target = jnp.asarray(second @ first, "float32")
    weights = {"hidden": jnp.asarray(first, "float32"), "readout": jnp.asarray(second, "float32")}
    circuit = pd.Circuit(loss=lambda w: 0.5 * jnp.sum((w["readout"] @ w["hidden"] - target) ** 2), weights=weights)

    def smallest(fraction):
        signs = np.where(np.arange(inputs) < round(fraction * inputs), -1, 1)
        return np.linalg.eigvalsh(first.T @ first + np.diag(signs))

    return circuit, smallest


def toy_loss(w):
    return 0.5 * (w[0] * w[1] - 2.0) ** 2


def toy(first):
    """``y = w2 w1 x`` at a solution ``w1 w2 = 2``."""
    return pd.Circuit(loss=toy_loss, weights=jnp.array([first, 2.0 / first]))


class Quadratic(pd.circuits.AbstractCircuit):
    """``F = sum k (w - 1)^2 / 2``, its curvatures an array so that one compilation serves many."""

    curvatures: jax.Array
    weights: jax.Array
    signals = frozenset({"loss"})

    def loss(self, moment):
        return 0.5 * jnp.sum(self.curvatures * (moment.weights - 1) ** 2)


def quadratic(curvatures, at=1.0):
    return Quadratic(jnp.asarray(curvatures), jnp.full(len(curvatures), at))


@pytest.mark.slow
def test_theory_stable_point_is_stable():
    """c = 1/4 with 4 in 10 inputs flipped: left of the boundary, whatever the fraction."""
    assert pd.theory.curl.spectral_edge(0.25, 0.4, layer="hidden") > 0
    circuit, eigenvalues = at_teacher(10, 40)
    found = ask(circuit, pd.rules.presynaptic(0.4), keep="norm")
    assert eigenvalues(0.4)[0] > 0
    assert (found.verdict, found.at_rest, found.unstable) == ("stable", True, 0)
    assert math.isnan(found.lyapunov_exponent)
    assert found.flipped_share == pytest.approx(4 * 40 / (11 * 40))


@pytest.mark.slow
def test_growth_rate_and_counts_are_those_of_the_linearised_error():
    """E' = -E J: eigenvalues of J, one for each input, and flat directions for all other weights."""
    circuit, eigenvalues = at_teacher(12, 12)
    expected = eigenvalues(0.5)
    found = ask(circuit, pd.rules.presynaptic(0.5), rate=0.05)
    # The default tolerance: the root of single precision, relative to |J|, which is below 0.05 * 8.
    assert found.growth_rate == pytest.approx(math.log1p(-0.05 * expected[0]), abs=EPS**0.5 * 0.4)
    assert found.unstable == (expected < 0).sum() > 0
    assert found.flat == 12 * 12 + 12 - 12
    assert found.unstable_unflipped == 0
    assert abs(found.growth_rate_unflipped) < EPS**0.5 * 0.4


@pytest.mark.slow
def test_theory_unstable_point_is_chaotic_under_the_norm_constraint():
    """c = 1, 6 in 10 inputs flipped; halving the step halves the exponent per step, that of the flow being one number."""
    assert pd.theory.curl.spectral_edge(1.0, 0.6, layer="hidden") < 0
    circuit, _ = at_teacher(24, 24)
    found = ask(circuit, pd.rules.presynaptic(0.6), rate=0.05, keep="norm", steps=20_000)
    assert found.verdict == "unstable: chaotic"
    assert found.lyapunov_exponent > 3 * found.lyapunov_error > 0
    finer = ask(circuit, pd.rules.presynaptic(0.6), rate=0.025, keep="norm", steps=40_000)
    error = math.hypot(found.lyapunov_error, 2 * finer.lyapunov_error)
    # Five standard errors of the difference (n = 4 seeds each) and the step's own error, first order in rate x |J| < 0.3.
    assert found.lyapunov_exponent == pytest.approx(2 * finer.lyapunov_exponent, abs=5 * error + 0.3 * found.lyapunov_exponent)


@pytest.mark.parametrize(("first", "verdict"), [(1.0, "stable"), (2.0, "unstable: settles elsewhere")])
def test_toy_branches(first, verdict):
    """Figure 1 with the second synapse flipped: a solution is stable where |w2| > |w1|; from the others it turns to those."""
    found = ask(toy(first), jnp.array([1.0, -1.0]))
    weights = np.array([first, 2.0 / first])
    rate = float(pd.theory.curl.toy_growth_rate(weights))
    assert found.verdict == verdict
    # One flat direction along the hyperbola leads where the other decays. Rounding in a 2 x 2 eigensolver.
    leading = max(math.log1p(0.1 * rate), 0.0)
    assert found.growth_rate == pytest.approx(leading, abs=20 * EPS)
    assert (found.unstable, found.flat, found.unstable_unflipped) == (int(rate > 0), 1, 0)
    # J = rate (w2, -w1)'(w2, w1) is antisymmetric in its off-diagonal part alone: |A|_F / |J|_F = sqrt(2) w1 w2 / |w|^2.
    share = 2**0.5 * 2.0 / np.sum(weights**2)
    assert found.curl == pytest.approx(share, abs=max(5 * found.curl_error, 100 * EPS))
    assert found.loss_after < 1e-6 > found.loss_start


def test_without_flips_it_is_stable_and_has_no_curl():
    found = ask(toy(1.0), jnp.ones(2))
    assert found.verdict == "stable"
    assert found.flipped_share == 0
    assert found.growth_rate == found.growth_rate_unflipped
    # Rounding of sums of a few terms, and of half-angle differences.
    assert found.curl < 10 * EPS
    assert found.descent_angle < 10 * EPS


def test_all_flipped_climbs():
    found = ask(quadratic([1.0, 3.0]), -jnp.ones(2))
    assert found.verdict == "unstable: diverges"
    assert (found.unstable, found.flat, found.flipped_share) == (2, 0, 1.0)
    assert found.growth_rate == pytest.approx(math.log1p(0.3), abs=4 * EPS)
    assert found.descent_angle == pytest.approx(math.pi, abs=1e-3)


def test_growth_without_bound_is_not_chaos():
    """Tangents of an exponentially growing weight grow as it does, 0.005 per step: a positive exponent far from overflow."""
    found = ask(quadratic([1.0, 0.05]), jnp.array([1.0, -1.0]))
    assert found.lyapunov_exponent > 3 * found.lyapunov_error
    # Products of 1000 growth factors, each of which is rounded.
    assert found.lyapunov_exponent == pytest.approx(math.log1p(0.005), abs=EPS)
    assert found.verdict == "unstable: diverges"
    # Here the norm has not doubled yet: the runs move away from the solution as fast as neighbours part.
    early = ask(quadratic([1.0, 0.035]), jnp.array([1.0, -1.0]))
    assert early.lyapunov_exponent * 1000 > 3
    assert early.verdict == "undecided"


def test_overshoot_without_flips_is_not_put_down_to_them():
    """rate x curvature = 2.5 is unstable in steps, though not in the flow; |1 - 2.5| = 1.5."""
    found = ask(quadratic([25.0, 1.0]), jnp.array([1.0, 1.0]))
    assert found.verdict == "undecided"
    assert found.unstable_unflipped == 1
    assert found.growth_rate == found.growth_rate_unflipped == pytest.approx(math.log(1.5), abs=4 * EPS)
    assert "without the flips" in found.answer


@pytest.mark.slow
def test_overshoot_is_seen_by_the_arnoldi_iteration_too():
    found = ask(quadratic(np.r_[25.0, np.linspace(0.5, 2.0, 40)]), -jnp.ones(41), count=5)
    unflipped = ask(quadratic(np.r_[25.0, np.linspace(0.5, 2.0, 40)]), jnp.ones(41), count=5)
    assert found.growth_rate == pytest.approx(math.log(3.5), abs=1e-4)
    assert unflipped.growth_rate == pytest.approx(math.log(1.5), abs=1e-4)


def test_away_from_a_solution_it_says_so():
    found = ask(quadratic([1.0, 1.0], at=1.5), jnp.ones(2))
    assert (found.verdict, found.at_rest) == ("undecided", False)
    assert "not at a solution" in found.answer


def test_slightly_negative_curvature_of_the_loss_is_not_the_flips():
    """As in a nearly converged classifier: a thousandth of the largest curvature, here and without flips."""
    slight = quadratic([10.0, 3.0, -0.001])
    # 1000 steps at 1e-4 grow by 10 %, less than what the others lose.
    found = ask(slight, jnp.array([1.0, 1.0, 1.0]), tolerance=1e-6)
    assert (found.verdict, found.unstable, found.unstable_unflipped) == ("stable", 1, 1)
    assert ask(slight, jnp.array([1.0, -1.0, 1.0]), tolerance=1e-6).verdict == "unstable: diverges"


def test_signs_of_neurons_are_those_of_weights():
    circuit, _ = at_teacher(6, 5)
    by_neuron = full_signs(pd.rules.presynaptic(0.5), circuit.weights)
    by_weight = full_signs({"hidden": jnp.array([-1, -1, -1, 1, 1, 1]), "readout": 1}, circuit.weights)
    assert jax.tree.all(
        jax.tree.map(lambda a, b, w: bool((a == b).all()) and a.shape == w.shape, by_neuron, by_weight, circuit.weights)
    )
    assert int((by_neuron["hidden"] < 0).sum()) == 15


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_a_sentence(verdict):
    found = pd.measure.SignStability(verdict, True, 0.2, 1, 0, 3, 0.01, 0.0, 0.5, 0.01, 1.0, 0.002, 1e-4, 0.0, 0.1, 9, 9, 100)
    assert found.answer.endswith(".")
    assert ("chaotic" in found.answer) == (verdict in ("unstable: chaotic", "undecided"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 0.0}, "rate must be a number > 0"),
        ({"rate": float("nan")}, "rate must be finite"),
        ({"rate": pd.axis("rate", [0.1, 0.2])}, "rate must be plain numbers"),
        ({"signs": pd.rules.presynaptic(pd.axis("f", [0.1, 0.2]))}, "neurons of signs must be plain numbers"),
        ({"signs": pd.rules.presynaptic(0.2)}, "layer must be below the number of weight matrices"),
        ({"signs": jnp.array([1.0, 0.5])}, r"signs must hold only 1 and -1"),
        ({"signs": jnp.array([1.0, float("nan")])}, r"signs must hold only 1 and -1"),
        ({"signs": jnp.ones(3)}, r"signs must broadcast to the shape of its weights, \(2,\)"),
        ({"signs": (jnp.ones(2),)}, "signs must have the structure of the weights"),
        ({"steps": 150}, "steps must be a multiple of 100"),
        ({"steps": -100}, "steps must be a whole number >= 0"),
        ({"keep": "shape"}, "keep must be one of None, norm, sign"),
        ({"seeds": 1}, "seeds must be a whole number >= 2"),
        ({"key": 3}, "key must be one JAX random key"),
        ({"circuit": jnp.ones(2)}, "circuit must be a circuit"),
        ({"circuit": pd.Circuit(loss=jnp.sum, weights=jnp.zeros(2))}, "must not all be 0"),
    ],
)
def test_bad_arguments(change, message):
    arguments = {"circuit": toy(1.0), "signs": jnp.ones(2), "rate": 0.1, "key": KEY, "steps": 1000, **change}
    with pytest.raises(ValueError, match=message):
        pd.measure.sign_stability(arguments.pop("circuit"), arguments.pop("signs"), **arguments)


def test_away_from_a_solution_no_runs_are_made(monkeypatch):
    """They could not change the verdict, and are what takes long."""
    monkeypatch.setattr("plastodyn.measure.stability.question.run", None)
    found = ask(quadratic([1.0, 3.0], at=2.0), jnp.array([1.0, -1.0]))
    assert (found.verdict, found.at_rest) == ("undecided", False)
    assert math.isnan(found.loss_after)
    assert math.isnan(found.lyapunov_exponent)


@pytest.mark.parametrize(("signs", "verdict"), [((1.0, -1.0), "stable"), ((-1.0, 1.0), "unstable")])
def test_without_runs_the_eigenvalues_decide(signs, verdict, monkeypatch):
    monkeypatch.setattr("plastodyn.measure.stability.question.run", None)
    found = ask(toy(1.0), jnp.array(signs), steps=0)
    assert (found.verdict, found.steps, found.at_rest) == (verdict, 0, True)
    assert math.isnan(found.loss_after)
    assert ("steps=10000" in found.answer) == (verdict == "unstable")


@pytest.mark.slow
def test_runs_of_a_dear_step_have_to_be_asked_for(monkeypatch):
    """A quadratic form of n weights takes 2 n^2 operations, and 6 evaluations for each of 10 000 steps of 4 runs."""
    monkeypatch.setattr("plastodyn.measure.stability.question.run", None)
    curvatures = jnp.eye(1500).at[0, 0].set(2.0)
    circuit = pd.Circuit(loss=lambda w: 0.5 * w @ curvatures @ w - w[0], weights=jnp.eye(1500)[0] / 2)
    found = pd.measure.sign_stability(circuit, jnp.ones(1500), rate=0.1, key=KEY)
    assert (found.verdict, found.steps) == ("stable", 0)


def test_runs_end_where_nothing_moves_any_more(monkeypatch):
    """Each step of descent on these curvatures halves the distance or more: after 100 steps it has passed below precision."""
    made, start = [], jnp.full((3, 2), 1.001)
    counted = runs.pieces
    monkeypatch.setattr(runs, "pieces", lambda *arguments: (made.append(1) or each for each in counted(*arguments)))
    monkeypatch.setattr(pace, "_GROWTH", 2)
    circuit = quadratic([5.0, 10.0])
    step = pd.measure.rule_map(circuit, pd.rules.gradient(0.1))
    early = runs.run(circuit, step, start, 10**6)
    # With calls of 1, 1, 2, 4, ... steps, a million of them takes 20.
    assert len(made) < 15
    assert early.path.tolist() == [0.0] * 3
    assert early.weights.tolist() == runs.run(circuit, step, start, 1000).weights.tolist()


def test_a_run_that_swings_to_and_fro_is_not_at_rest():
    """A step of twice the distance ends at the other side of the minimum, at the same numbers after every second step."""
    circuit = quadratic([4.0])
    step = pd.measure.rule_map(circuit, pd.rules.gradient(0.5))
    swinging = runs.run(circuit, step, jnp.full((2, 1), 1.5), 1000)
    # The last 100 steps, of length 1 each.
    assert swinging.path.tolist() == [100.0] * 2


@pytest.mark.slow
def test_beyond_2000_weights_counts_are_said_to_be_lower_bounds():
    """2100 weights, 100 of which grow: 20 are found at either end, at the other one only for steps that might overshoot."""
    circuit, signs = quadratic(np.linspace(1.0, 2.0, 2100)), jnp.where(jnp.arange(2100) < 100, -1.0, 1.0)
    assert ask(circuit, signs, rate=0.3, steps=100).eigenvalues_found == 40
    found = ask(circuit, signs, rate=0.1, steps=100)
    assert (found.eigenvalues_found, found.weights, found.unstable) == (20, 2100, 20)
    report = stability_report(found)
    assert report["unstable_at_least"] == 20
    assert "unstable" not in report
    assert stability_report(ask(toy(1.0), jnp.ones(2), steps=100))["unstable"] == 0


def test_a_fraction_that_rounds_to_no_neuron_is_refused():
    circuit, _ = at_teacher(3, 4)
    with pytest.raises(ValueError, match=r"at least one of the 3 presynaptic neurons of layer 0, 0.17 or more; 0.01 of them"):
        ask(circuit, pd.rules.presynaptic(0.01))
    assert ask(circuit, pd.rules.presynaptic(0.0), steps=100).flipped_share == 0


def test_a_flat_direction_that_grows_without_an_exponential_is_not_called_stable():
    """``dw/dt = w^3`` beside a fast direction that comes back: the mean loss falls all the while."""
    with jax.enable_x64(True):
        circuit = pd.Circuit(lambda w: 0.5 * (w[0] - 1) ** 2 + 0.25 * (w[1] - 1) ** 4, jnp.ones(2, "float64"))
        ask = lambda *signs: pd.measure.sign_stability(circuit, jnp.array(signs), rate=1.0, key=KEY, steps=10_000)  # noqa: E731
        assert [ask(1.0, -1.0).verdict, ask(1.0, 1.0).verdict] == ["undecided", "stable"]


def test_flat_directions_that_rest_are_stable():
    circuit = pd.Circuit(lambda w: 0.5 * (w.sum() - 3) ** 2, jnp.ones(3))
    found = pd.measure.sign_stability(circuit, jnp.array([1.0, 1.0, -1.0]), rate=0.1, key=KEY, steps=10_000)
    assert (found.verdict, found.flat) == ("stable", 2)
