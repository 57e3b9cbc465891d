"""Every equation of the paper, and the stationary theory against the spec's numbers and against simulation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plastodyn as pd
from plastodyn.theory import ratio

positive = st.floats(0.1, 10.0)
spectra = st.lists(positive, min_size=2, max_size=12)


def _example():
    """The worked example: C = AA', each eigenvalue ten times, loss w'Cw / 10."""
    mixing = np.random.default_rng(100).normal(size=(12, 12))
    return np.repeat(np.linalg.eigvalsh(mixing @ mixing.T) / 5, 10), 0.02 * 120**0.5


def test_stationary_loss_has_the_published_values():
    eigenvalues, size = _example()
    found = ratio.stationary_loss(eigenvalues, np.array([0.4, 0.7, 1.0, 1.3]) * size, size, 10.0)
    np.testing.assert_allclose(found, [0.1239, 0.0788, 0.0823, 0.1008], atol=5e-5)


def test_stationary_optimum_of_the_example():
    eigenvalues, size = _example()
    assert float(ratio.stationary_optimum(eigenvalues, size, 10.0)) == pytest.approx(0.79, abs=0.005)
    # The spec gives 0.72 for the fixed point of equation 9; the closed theory gives 0.714.
    assert float(ratio.greedy_optimum(eigenvalues, size, 10.0)) == pytest.approx(0.72, abs=0.01)


@pytest.mark.parametrize("precision", [pytest.param(each, marks=pytest.mark.slow) for each in (10.0, 1.0)])
def test_stationary_loss_against_simulation(precision):
    """Within 3 % plus three standard errors for ratios >= 0.4; n = 12 replicas, after the slowest modes have settled."""
    eigenvalues, size = _example()
    diagonal = jnp.asarray(eigenvalues, jnp.float32)
    circuit = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(diagonal * w**2), weights=jnp.full(120, 0.05))
    ratios = pd.axis("ratio", [0.4, 0.7, 1.0, 1.3])
    rule = pd.rules.noisy_gradient(ratios * size, precision) + pd.fluctuations.white(size)
    run = pd.simulate(
        circuit, rule, steps=30000, replicas=12, key=jax.random.key(0), record=[pd.observe("loss", start=10000, every=100)]
    )
    per_replica = run.loss.mean("step")
    error = per_replica.std("replica", ddof=1) / 12**0.5
    theory = ratio.stationary_loss(eigenvalues, ratios.values * size, size, precision)
    assert (abs(per_replica.mean("replica") - theory) < 0.03 * theory + 3 * error).all()


def test_isotropic_case_is_exact():
    """E|w| = (|dc|^2 + |de|^2) / (2 gamma1), minimal at ratio 1; the loss is its square times lam / 2."""
    dc, de = np.array([0.5, 1.0, 2.0]) * 0.3, 0.3
    distance = (dc**2 + de**2) / (2 * dc)
    np.testing.assert_allclose(ratio.stationary_loss(np.full(50, 2.0), dc, de, np.inf), distance**2, rtol=1e-9)
    assert float(ratio.stationary_optimum(np.full(50, 2.0), de, np.inf)) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.slow
def test_isotropic_closed_form_against_simulation():
    """The simulator on its closed form: n = 16 replicas; corrections of order 1/N = 0.25 %."""
    circuit = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(w**2), weights=jnp.full(400, 0.01))
    rates = pd.axis("rate", [0.05, 0.1, 0.2])
    rule = pd.rules.noisy_gradient(rates, np.inf) + pd.fluctuations.white(0.1)
    run = pd.simulate(circuit, rule, steps=2000, replicas=16, key=jax.random.key(0), record=["weight_norm"])
    distance = run.weight_norm.isel(step=slice(1000, None)).mean("step")
    error = distance.std("replica", ddof=1) / 4
    expected = (rates**2 + 0.1**2) / (2 * rates)
    assert (abs(distance.mean("replica") - expected) < 5 * error + expected / 400).all()


@given(spectra, positive, positive, st.floats(0.1, 50.0))
def test_the_loss_scales_with_the_landscape_and_with_the_square_of_magnitudes(eigenvalues, dc, de, precision):
    loss = ratio.stationary_loss(eigenvalues, dc, de, precision)
    np.testing.assert_allclose(ratio.stationary_loss(np.array(eigenvalues) * 3, dc, de, precision), 3 * loss, rtol=1e-6)
    np.testing.assert_allclose(ratio.stationary_loss(eigenvalues, 2 * dc, 2 * de, precision), 4 * loss, rtol=1e-6)
    np.testing.assert_allclose(ratio.stationary_loss(eigenvalues[::-1], dc, de, precision), loss, rtol=1e-9)


@given(spectra, positive, st.floats(0.1, 50.0))
def test_multiplicities_stand_for_repeated_eigenvalues(eigenvalues, de, precision):
    repeated = np.repeat(eigenvalues, 3)
    counted = ratio.stationary_loss(eigenvalues, 1.0, de, precision, np.full(len(eigenvalues), 3))
    np.testing.assert_allclose(counted, ratio.stationary_loss(repeated, 1.0, de, precision), rtol=1e-9)


@settings(max_examples=20)
@given(spectra, st.floats(0.1, 50.0))
def test_the_greedy_optimum_is_at_most_one(eigenvalues, precision):
    assert float(ratio.greedy_optimum(eigenvalues, 1.0, precision)) <= 1 + 1e-9


def test_the_optimum_rises_to_one_as_precision_falls_and_does_not_depend_on_size():
    eigenvalues, _ = _example()
    optima = ratio.stationary_optimum(eigenvalues, [[0.1], [1.0]], [10.0, 1.0, 0.2, 0.02])
    assert (np.diff(optima[0]) > 0).all()
    assert optima[0, -1] == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(optima[0], optima[1], rtol=1e-4)


shares_of_twenty = st.lists(st.floats(1e-6, 1.0), min_size=20, max_size=20)


@settings(max_examples=20)
@given(st.lists(positive, min_size=20, max_size=20), shares_of_twenty, st.sampled_from([0.3, 1.0, 10.0, np.inf]))
def test_the_greedy_optimum_is_a_fixed_point_of_equation_9(eigenvalues, weights, precision):
    shares = np.array(weights) / np.sum(weights)
    best = float(ratio.greedy_optimum(eigenvalues, 0.3, precision, shares=shares))
    along = ratio.stationary_curvature(eigenvalues, best * 0.3, 0.3, precision, shares=shares)
    assert float(ratio.steady_state(np.sum(shares * eigenvalues), along)) == pytest.approx(best, rel=1e-6)


def _simulated_curvature(lam, de, dc, steps=60_000):
    """Mean of ``lam_i g_i^2 / |g|^2`` over an exact gradient rule with steps of fixed length; NumPy, by hand."""
    rng = np.random.default_rng(0)
    w, found = rng.normal(size=lam.size), []
    for step in range(steps):
        gradient = lam * w
        square = gradient @ gradient
        if step > steps // 3:
            found.append(gradient @ (lam * gradient) / square)
        w = w - dc * gradient / np.sqrt(square) + de * rng.normal(size=lam.size)
    return np.mean(found)


def test_the_curvature_counts_the_direction_that_changes_sign_at_each_step():
    """Fluctuations spare the steep half: it takes what length of the step the shallow half leaves. Simulation to 2 %."""
    lam, spared = np.r_[np.full(50, 1.0), np.full(50, 10.0)], np.r_[np.full(50, 0.02), np.zeros(50)]
    de = np.r_[np.full(50, 50**-0.5), np.zeros(50)]
    for best in (0.5, 1.0):
        found = ratio.stationary_curvature(lam, best, 1.0, np.inf, shares=spared)
        assert float(found) == pytest.approx(_simulated_curvature(lam, de, best), rel=0.02)


def test_optima_depend_neither_on_size_nor_on_scale():
    for best in (ratio.stationary_optimum, ratio.greedy_optimum):
        expected = float(best([1.0, 4.0, 9.0], 0.3, 5.0))
        for scale, size in ((1.0, 1e-200), (1.0, 1e200), (1e-200, 0.3), (1e200, 0.3)):
            assert float(best([scale, 4 * scale, 9 * scale], size, 5.0)) == pytest.approx(expected, rel=1e-6)
    assert float(ratio.stationary_optimum([1.0, 4.0, 9.0], 0.3, 1e-30)) == pytest.approx(1.0, rel=1e-4)
    assert np.isnan(ratio.stationary_optimum(np.ones(100), 0.3, 1e-7, correlation_time=np.inf))


def test_displacement_of_one_weight_is_that_of_its_recursion():
    """``E |w(t+T) - w(t)|^2 = 2 var (1 - (1 - kappa lam)^T)``, kappa and var from the stationary state; tiny curvatures too."""
    eigenvalues, de, dc = [0.5, 2.0], 0.3, 0.2
    loss = [float(ratio.stationary_loss(eigenvalues, dc, de, np.inf))]
    never = float(ratio.stationary_displacement(eigenvalues, dc, de, np.inf, 10**9))
    assert never > np.sqrt(2 * 2 * loss[0] / 2.0)
    one = [float(ratio.stationary_displacement(eigenvalues, dc, de, np.inf, steps)) for steps in (0, 1)]
    assert one[0] == 0
    # In one step: the fluctuation, and the plasticity that answers what was there before.
    assert one[1] == pytest.approx(np.hypot(de, dc), rel=1e-6)
    tiny = [float(ratio.stationary_displacement([scale, 2.0], 0.3, 0.3, np.inf, 10)) for scale in (1e-9, 1e-17, 1e-300)]
    assert tiny[1:] == pytest.approx([tiny[0]] * 2, rel=1e-6)


def test_equation_10_exceeds_equation_9_while_learning():
    # (Q[de] |de|^2 - 2 dF) / Q[dc] = (2 x 0.25 + 0.2) / 3.
    assert float(ratio.learning(2.0, 3.0, 0.5, -0.1)) == pytest.approx((0.7 / 3) ** 0.5)
    assert ratio.learning(2.0, 3.0, 0.5, -0.1) > ratio.steady_state(2.0, 3.0) * 0.5
    assert float(ratio.learning(2.0, 3.0, 0.5, 0.0)) == pytest.approx(float(ratio.steady_state(2.0, 3.0)) * 0.5)


@given(st.lists(positive, min_size=3, max_size=3), st.lists(positive, min_size=3, max_size=3))
def test_equation_14_is_the_curvature_of_a_quadratics_gradient(eigenvalues, projections):
    lam, c = np.array(eigenvalues), np.array(projections)
    gradient = lam * c
    expected = gradient @ (lam * gradient) / (gradient @ gradient)
    assert float(ratio.quadratic(lam, c)) == pytest.approx(expected)


def test_equation_6_minimises_the_quadratic_model():
    magnitudes = np.linspace(0, 2, 20001)
    change = -0.6 * 1.5 * magnitudes + 0.5 * 2.0 * magnitudes**2
    best = magnitudes[np.argmin(change)]
    assert float(ratio.optimal_magnitude(1.5, -0.6, 2.0)) == pytest.approx(best, abs=2e-4)


@pytest.mark.parametrize("precision", [pytest.param(2.0, marks=pytest.mark.slow), 0.3])
def test_equation_a6_against_drawn_rules(precision):
    """Mean curvature of 4000 noisy steps against the mixture; five standard errors."""
    diagonal = jnp.linspace(0.2, 4.0, 40)
    circuit = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(diagonal * w**2), weights=jnp.ones(40))
    answer = pd.measure.plasticity_ratio(
        circuit, key=jax.random.key(0), rule=pd.rules.noisy_gradient(1.0, precision), samples=4000
    )
    ideal = ratio.quadratic(diagonal, np.ones(40))
    expected = ratio.noisy(ideal, precision, float(diagonal.mean()), 1.0)
    assert abs(float(answer.curvature_plasticity) - expected) < 5 * float(answer.curvature_plasticity_error)


def test_broadcasting():
    assert ratio.steady_state(np.ones((3, 1)), np.ones(4)).shape == (3, 4)
    assert ratio.stationary_loss([1.0, 2.0], np.ones((3, 1)), np.ones(4), 2.0).shape == (3, 4)
    assert ratio.stationary_optimum([1.0, 2.0], [1.0, 2.0], 3.0).shape == (2,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ratio.steady_state(-1.0, 1.0), "q_fluctuation must be a number >= 0; got -1.0"),
        (lambda: ratio.steady_state(1.0, 0.0), "q_plasticity must be a number > 0"),
        (lambda: ratio.stationary_loss([], 1.0, 1.0, 1.0), "eigenvalues must be non-empty"),
        (lambda: ratio.stationary_loss([0.0], 1.0, 1.0, 1.0), "at least one above 0"),
        (lambda: ratio.stationary_loss([-1.0, 1.0], 1.0, 1.0, 1.0), "eigenvalues must be a number >= 0"),
        (lambda: ratio.stationary_loss([1.0], np.nan, 1.0, 1.0), "plasticity must be finite"),
        (lambda: ratio.stationary_loss([1.0], 1.0, 0.0, np.inf), "fluctuation must be above 0"),
        (lambda: ratio.stationary_loss([1.0], 1.0, 1.0, 1.0, [1.0, 2.0]), "multiplicities must have the length"),
        (lambda: ratio.optimal_magnitude(1.0, 0.5, 1.0), "cosine must be"),
        (lambda: ratio.learning(1.0, 1.0, 1.0, 0.1), "error_change must be a number <= 0"),
        (lambda: ratio.quadratic([0.0, 1.0], [1.0, 0.0]), "projections must not all fall"),
        (lambda: ratio.noisy(1.0, 0.0, 1.0, 0.0), "must not both be 0"),
        (lambda: ratio.isotropic(1.0, 0), "weights must be a number >= 1"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("answer", [ratio.stationary_loss, ratio.stationary_optimum], ids=lambda each: each.__name__)
def test_eigenvalues_that_rounding_made_negative_count_as_none(answer):
    magnitudes = (0.3, 5.0) if answer is ratio.stationary_optimum else (0.2, 0.3, 5.0)
    # Three of five weights are flat. The bound is 5 times the rounding of single precision times the largest.
    largest, bound = 2.0, 2.0 * 5 * float(np.finfo(np.float32).eps)
    flat = answer([0.0, 0.0, 0.0, 1.0, largest], *magnitudes)
    assert answer([-0.99 * bound, -4e-8, 0.0, 1.0, largest], *magnitudes) == flat
    assert answer(np.array([-4e-8, 0.0, 0.0, 1.0, largest], np.float32), *magnitudes) == flat
    for negative in ([-1.01 * bound, 0.0, 0.0, 1.0, largest], [-1e-9, -1e-9], [-1e-9, 0.0]):
        with pytest.raises(ValueError, match=r"^eigenvalues must be a number >= 0; got \[-1"):
            answer(negative, *magnitudes)


def test_a_network_of_linear_layers_has_a_stationary_loss():
    """Whatever the first layer does, the second can undo: 9 of the 30 curvatures are 0 but for rounding."""
    circuit = pd.circuits.student_teacher([4, 3, 6], hidden="linear", inputs=50, key=jax.random.key(0))
    curvatures = pd.measure.hessian_eigenvalues(circuit.loss_at, circuit.teacher)
    assert curvatures.min() < 0
    assert np.isfinite(ratio.stationary_loss(curvatures, 0.1, 0.1, 10.0))


def _turned(rotation, lam):
    """A quadratic loss with curvatures along other directions than single weights."""
    hessian = jnp.asarray(rotation @ np.diag(lam) @ rotation.T, jnp.float32)
    return pd.Circuit(loss=lambda w: 0.5 * w @ hessian @ w, weights=jnp.full(len(lam), 0.01))


WEIGHTS, SIZE = 200, 0.1
LAM = np.geomspace(0.5, 4.0, WEIGHTS)
ROTATION = np.linalg.qr(np.random.default_rng(0).normal(size=(WEIGHTS, WEIGHTS)))[0]
MASK = (np.arange(WEIGHTS) < 20).astype(np.float32)
SHALLOW = np.r_[np.ones(WEIGHTS // 2), np.zeros(WEIGHTS // 2)] / (WEIGHTS // 2)
WHITE = pd.fluctuations.white(SIZE)


_OTHERS = {
    "short memory": (pd.fluctuations.ornstein_uhlenbeck(SIZE, 3.0), [0.4, 0.7, 1.6], {"correlation_time": 3.0}),
    "long memory": (pd.fluctuations.ornstein_uhlenbeck(SIZE, 20.0), [0.7, 1.3, 1.6], {"correlation_time": 20.0}),
    "one direction": (pd.fluctuations.drift(SIZE), [1.1, 1.3, 2.0], {"correlation_time": np.inf}),
    "turning": (pd.fluctuations.drift(SIZE, 50.0), [0.7, 1.3, 2.0], {"correlation_time": 50.0}),
    "some weights": (pd.fluctuations.confined(WHITE, MASK), [0.4, 0.7, 1.6], {"shares": MASK @ ROTATION**2 / 20}),
    "shallow directions": (
        pd.fluctuations.sparing(WHITE, jnp.asarray(ROTATION[:, WEIGHTS // 2 :].T, jnp.float32)),
        [0.4, 0.7, 1.6],
        {"shares": SHALLOW},
    ),
}
_QUICK = ("one direction",)


@pytest.mark.parametrize("kind", [k if k in _QUICK else pytest.param(k, marks=pytest.mark.slow) for k in _OTHERS])
def test_stationary_loss_of_other_fluctuations_against_simulation(kind):
    """Within 3 % plus three standard errors, n = 4 replicas: the gradient's norm is a sum of 200 terms, and spreads by 5 %."""
    fluctuation, ratios, known = _OTHERS[kind]
    circuit = _turned(ROTATION, LAM)
    rule = pd.rules.noisy_gradient(pd.axis("ratio", ratios) * SIZE, 10.0) + fluctuation
    record = [pd.observe("loss", start=3000, every=20)]
    run = pd.simulate(circuit, rule, steps=9000, replicas=4, key=jax.random.key(1), record=record)
    per_replica = run.loss.mean("step")
    error = per_replica.std("replica", ddof=1) / 2
    found = ratio.stationary_loss(LAM, np.array(ratios) * SIZE, SIZE, 10.0, **known)
    assert (abs(per_replica.mean("replica") - found) < 0.03 * found + 3 * error).all()


def test_multiplicative_fluctuations_are_white_ones_whose_shares_are_squared_weights():
    """Slow log-normal wandering about the solution: ``s_j^2 = (spread w_j)^2 (1 - a^2)`` along weight j, n = 4 replicas.

    Returning to the median is a push that a correlation time far above the relaxation, ``1 / (kappa lam)``, makes small.
    """
    spread, time = 0.3, 3e4
    solution = np.random.default_rng(2).choice([-1.0, 1.0], WEIGHTS) * np.random.default_rng(3).uniform(0.5, 1.5, WEIGHTS)
    hessian = jnp.asarray(ROTATION @ np.diag(LAM) @ ROTATION.T, jnp.float32)
    goal = jnp.asarray(solution, jnp.float32)
    circuit = pd.Circuit(loss=lambda w: 0.5 * (w - goal) @ hessian @ (w - goal), weights=goal * 1.0001)
    each = (spread * solution) ** 2 * (1 - np.exp(-2 / time))
    size = float(each.sum() ** 0.5)
    ratios = [0.4, 0.7, 1.6]
    rule = pd.rules.noisy_gradient(pd.axis("ratio", ratios) * size, 10.0)
    wander = pd.fluctuations.log_normal(median=1.0, spread=spread, correlation_time=time)
    record = [pd.observe("loss", start=3000, every=20)]
    run = pd.simulate(circuit, rule + wander, steps=9000, replicas=4, key=jax.random.key(1), record=record)
    per_replica = run.loss.mean("step")
    error = per_replica.std("replica", ddof=1) / 2
    found = ratio.stationary_loss(LAM, np.array(ratios) * size, size, 10.0, shares=each @ ROTATION**2 / size**2)
    assert (abs(per_replica.mean("replica") - found) < 0.03 * found + 3 * error).all()


def test_a_constant_push_must_be_outweighed():
    """With |dc| below |de| nothing holds the weights; just above, the largest gain, ``2 / lam``, does."""
    loss = ratio.stationary_loss(np.full(50, 2.0), [0.99, 1.0, 1.0001], 1.0, np.inf, correlation_time=np.inf)
    assert np.isinf(loss[:2]).all()
    # kappa = 2 / lam: w_i = |de| / (2 sqrt(n)).
    assert loss[2] == pytest.approx(0.5 * 2.0 * 0.25, rel=1e-3)
    assert float(ratio.stationary_optimum(np.full(50, 2.0), 1.0, np.inf, correlation_time=np.inf)) == pytest.approx(1, abs=1e-4)


def test_no_memory_is_white_and_even_shares_are_isotropic():
    eigenvalues, size = _example()
    white = ratio.stationary_loss(eigenvalues, [0.1, 0.3], size, 5.0)
    even = ratio.stationary_loss(eigenvalues, [0.1, 0.3], size, 5.0, shares=np.full(120, 1 / 120), correlation_time=1e-3)
    np.testing.assert_allclose(even, white, rtol=1e-12)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"shares": [0.5, 0.6]}, "shares must have the sum 1"),
        ({"shares": [1.0]}, "shares must have the length of eigenvalues"),
        ({"shares": [-0.5, 1.5]}, "shares must be a number >= 0"),
        ({"correlation_time": -1.0}, "correlation_time must be a number >= 0"),
        ({"correlation_time": np.nan}, "correlation_time must be a number"),
    ],
)
def test_bad_fluctuations_are_refused(known, said):
    with pytest.raises(ValueError, match=said):
        ratio.stationary_loss([1.0, 2.0], 0.1, 0.1, 1.0, **known)
