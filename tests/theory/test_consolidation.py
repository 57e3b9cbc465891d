"""Two-stage consolidation: closed forms against simulation, optimisation and linear algebra done another way."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm, solve_continuous_lyapunov
from scipy.optimize import minimize_scalar

import plastodyn as pd
from plastodyn.theory import chains, consolidation

ALPHAS = np.array([0.05, 0.2, 0.25, 0.5, 1.0, 3.0])


def test_damping_is_that_of_the_oscillator():
    for alpha in ALPHAS:
        values = np.linalg.eigvals(chains.chain_matrix([alpha]))
        assert (abs(values.imag) > 1e-9).any() == (consolidation.damping_ratio(alpha) < 1)
        np.testing.assert_allclose(np.prod(values).real, alpha, rtol=1e-12)


def test_gain_is_the_transfer_function():
    """Straight from the matrices: the probe enters with the error, w2 = w* - g - w1 leaves."""
    for alpha in ALPHAS:
        a = chains.chain_matrix([alpha])
        for u in (0.3, 1.0, 1.7):
            response = np.linalg.solve(1j * u * alpha**0.5 * np.eye(2) - a, np.array([-1.0, 1.0]))
            np.testing.assert_allclose(abs(-response.sum()), consolidation.gain(alpha, u), rtol=1e-12)


@pytest.mark.parametrize("alpha", [0.7, 2.0, 5.0])
def test_peak_of_the_gain(alpha):
    found = minimize_scalar(
        lambda u: -consolidation.gain(alpha, u), bounds=(0.01, 3), method="bounded", options={"xatol": 1e-9}
    )
    assert float(consolidation.peak_frequency(alpha)) == pytest.approx(found.x, abs=1e-6)


def test_published_numbers():
    assert float(consolidation.gain(3.0, 1.0)) - 1 == pytest.approx(0.732, abs=5e-4)
    assert float(consolidation.gain(0.33, 1.0)) - 1 == pytest.approx(-0.426, abs=5e-4)
    np.testing.assert_allclose(consolidation.quadratic_bound([0.5, 1.0]), [0.7862, 0.6812], atol=1e-4)
    assert float(consolidation.exact_bound(1.0)) == pytest.approx(0.817, abs=1e-3)


def test_quadratic_bound_is_the_circle_criterion():
    """The maximum over frequencies by brute force; a parabola through a grid of 2e5 points errs by less than 1e-9."""
    omega = np.geomspace(1e-4, 1e3, 200_001)
    for alpha in ALPHAS:
        gains = np.sqrt((omega**2 + alpha**2) / ((alpha - omega**2) ** 2 + omega**2))
        assert float(consolidation.quadratic_bound(alpha)) == pytest.approx(1 / gains.max(), rel=1e-8)


@pytest.mark.parametrize("alpha", [0.2, 1.0, *(pytest.param(a, marks=pytest.mark.slow) for a in (0.05, 0.25, 0.5, 3.0))])
def test_no_switching_grows_below_the_exact_bound_and_one_does_above(alpha):
    """The best periodic switching by durations: matrix exponentials know nothing of the closed form."""

    def largest(mu):
        plus, minus = (chains.chain_matrix([alpha], d) for d in (mu, -mu))
        first, second = np.geomspace(0.02, 40, 60) / (1 + mu), np.geomspace(0.1, 400, 90)
        early, late = (np.array([expm(a * t) for t in times]) for a, times in ((plus, first), (minus, second)))
        return np.abs(np.linalg.eigvals(late[:, None] @ early)).max()

    exact = float(consolidation.exact_bound(alpha))
    # Above by a tenth of what is left to 1: the grid of durations is coarse.
    assert largest(exact + 0.15 * (1 - exact)) > 1
    assert largest(exact - 1e-6) < 1


def test_exact_bound_is_where_the_growth_vanishes():
    bound = consolidation.exact_bound(ALPHAS)
    np.testing.assert_allclose(consolidation.worst_growth(ALPHAS, bound), 0, atol=1e-10)


def test_without_a_turn_nothing_grows():
    assert consolidation.worst_growth(0.1, 0.6) == -np.inf
    assert np.isfinite(consolidation.worst_growth(0.1, 0.6001))


@settings(deadline=None, max_examples=200)
@given(st.floats(1e-4, 50.0))
def test_the_three_bounds_are_nested(alpha):
    paper = max(1 - alpha, 0)
    assert paper <= consolidation.quadratic_bound(alpha) + 1e-12
    assert consolidation.quadratic_bound(alpha) <= consolidation.exact_bound(alpha) + 1e-12
    assert consolidation.exact_bound(alpha) < 1


def test_stationary_errors_solve_the_lyapunov_equation():
    for alpha in ALPHAS:
        early, late = 0.3, 0.2
        noise = np.array([[-early, -late], [early, 0.0]])
        p = solve_continuous_lyapunov(chains.chain_matrix([alpha]), -noise @ noise.T)
        both, alone = consolidation.stationary_error(alpha, early, late)
        np.testing.assert_allclose([p[0, 0], p.sum()], [both, alone], rtol=1e-10)


def test_best_speed_minimises_the_error_of_the_late_site():
    found = minimize_scalar(lambda x: consolidation.stationary_error(np.exp(x), 0.4, 0.1)[1])
    assert np.exp(found.x) == pytest.approx(float(consolidation.optimal_alpha(0.4, 0.1)), rel=1e-5)


@pytest.mark.parametrize("stages", [2, 3, 5])
def test_chain_matrix_is_the_jacobian_of_the_circuit(stages):
    ratios = chains.chain_ratios(0.7, stages, "geometric")
    with jax.enable_x64(True):
        circuit = pd.circuits.tracking(np.zeros(stages), dtype="float64")
        rule = pd.rules.staged(pd.rules.early(), pd.rules.late(slowing=0.7), 0.7)
        jacobian = np.asarray(jax.jacfwd(pd.measure.rule_field(circuit, rule))(circuit.weights))
    # From weights to (gain error, all but the last weight).
    change = np.vstack([-np.ones(stages), np.eye(stages)[:-1]])
    np.testing.assert_allclose(change @ jacobian @ np.linalg.inv(change), chains.chain_matrix(ratios), atol=1e-12)


def test_equal_chains_of_four_or_more_stages_are_unstable_at_any_speed():
    for stages in (4, 5, 6, 9):
        for alpha in np.geomspace(1e-3, 100, 30):
            matrix = chains.chain_matrix(chains.chain_ratios(alpha, stages))
            assert np.linalg.eigvals(matrix).real.max() > 0


@pytest.mark.parametrize("stages", [3, 4, 7])
def test_critical_speed_of_geometric_chains(stages):
    limit = chains.critical_alpha(stages, "geometric")
    for factor, stable in ((0.999, True), (1.001, False)):
        matrix = chains.chain_matrix(chains.chain_ratios(factor * limit, stages, "geometric"))
        assert (np.linalg.eigvals(matrix).real.max() < 0) == stable


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: consolidation.damping_ratio(0.0), "alpha"),
        (lambda: consolidation.gain(1.0, -1.0), "u must"),
        (lambda: consolidation.guaranteed_alpha(1.5), "mu"),
        (lambda: consolidation.quadratic_bound(np.nan), "alpha"),
        (lambda: consolidation.exact_bound(-1.0), "alpha"),
        (lambda: consolidation.worst_growth(1.0, 1.0), "mu must be below 1"),
        (lambda: consolidation.stationary_error(1.0, -1.0, 0.0), "early"),
        (lambda: consolidation.optimal_alpha(0.0, 1.0), "early"),
        (lambda: chains.chain_matrix([]), "ratios"),
        (lambda: chains.critical_alpha(1), "stages"),
        (lambda: chains.chain_ratios(0.5, 3, "slow"), "slowing"),
        (lambda: pd.circuits.tracking([[0.0]]), "weights"),
        (lambda: pd.circuits.tracking(perturbation=3), "perturbation"),
        (lambda: pd.circuits.tracking(drive=1.0), "drive"),
        (lambda: pd.circuits.integrator(0, key=jax.random.key(0)), "neurons"),
        (lambda: pd.circuits.integrator(20, key=jax.random.key(0), interval=0.0), "interval"),
        (lambda: pd.perturbations.noise(-1.0, 1.0, jax.random.key(0)), "bound"),
        (lambda: pd.perturbations.noise(1.0, 0.0, jax.random.key(0)), "hold"),
        (lambda: pd.perturbations.sinusoid(1.0, -1.0), "frequency"),
        (lambda: pd.perturbations.worst_case(np.nan), "bound"),
        (lambda: pd.rules.late(-1.0), "rate"),
        (lambda: pd.rules.staged(pd.rules.early(), 3, 1.0), "later"),
        (lambda: pd.rules.staged(pd.rules.early(), pd.rules.late(), -0.1), "ratio"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_perturbations_stay_within_their_bounds():
    times = jnp.linspace(0, 50, 2001)
    error = jnp.linspace(-2, 2, 2001)
    key = jax.random.key(3)
    relative = jax.vmap(pd.perturbations.signal_dependent(0.7, 0.5, key))(error, error, times)
    assert bool((jnp.abs(relative) <= 0.7 * jnp.abs(error) + 1e-7).all())
    worst = jax.vmap(pd.perturbations.worst_case(0.7))(error, -error, times)
    np.testing.assert_allclose(worst, -0.7 * error, rtol=1e-6)
    additive = np.asarray(jax.vmap(pd.perturbations.noise(0.7, 0.5, key))(error, error, times))
    assert len(np.unique(additive)) == 101
    assert np.abs(additive).max() <= 0.7


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2), ("rk4", 4)])
def test_measured_order_of_the_flow(solver, order):
    """The error of w2 at t = 4 against the matrix exponential falls by 2^order when the step is halved."""
    exact = expm(4 * chains.chain_matrix([0.5])) @ np.array([1.0, 0.0])
    errors = []
    with jax.enable_x64(True):
        circuit = pd.circuits.tracking([0.0, 0.0], dtype="float64")
        rule = pd.rules.staged(pd.rules.early(), pd.rules.late(), 0.5)
        for dt in (0.2, 0.1, 0.05):
            run = pd.simulate(
                circuit, rule, duration=4.0, dt=dt, solver=getattr(pd.solvers, solver), key=jax.random.key(0), progress=False
            )
            errors.append(abs(float(run.weights[0, 1]) - (1 - exact.sum())))
    measured = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    # The next term of the error changes the measured order by less than 0.25 at these steps.
    np.testing.assert_allclose(measured, order, atol=0.25)


def test_adaptive_solver_agrees():
    circuit = pd.circuits.tracking()
    rule = pd.rules.staged(pd.rules.early(), pd.rules.late(), 0.5)
    run = pd.simulate(circuit, rule, duration=4.0, dt=1.0, solver=pd.solvers.adaptive(), key=jax.random.key(0), progress=False)
    exact = expm(4 * chains.chain_matrix([0.5])) @ np.array([1.0, 0.0])
    # Tolerance of the solver, 1e-6, and float32.
    np.testing.assert_allclose(run.weights[0].values, [exact[1], 1 - exact.sum()], atol=1e-5)


def test_saccades_land_where_they_should_and_only_then():
    circuit = pd.circuits.integrator(20, key=jax.random.key(2), eigenvalue=1.0, interval=1.0)

    def eye(moment):
        return moment.circuit.eye(moment.activity)

    run = pd.simulate(
        circuit, pd.rules.early(0.0), duration=5.0, dt=0.1, solver=pd.solvers.rk4, key=jax.random.key(0), record=[eye]
    )
    position = run.eye.isel(replica=0).values
    targets = [float(circuit.target(jnp.uint32(k))) for k in range(6)]
    # A tuned integrator holds the eye; float32.
    np.testing.assert_allclose(position, np.append(np.repeat(targets[:5], 10), targets[5]), atol=1e-5)


def test_the_population_is_the_tracking_model_along_its_mode():
    """What teaches w_PC v and the leading eigenvalue at one eye position is what teaches a tracking model with input x."""
    circuit = pd.circuits.integrator(20, key=jax.random.key(5), eigenvalue=1.1)
    x = 0.8
    weights = circuit.weights._replace(purkinje=0.2 * circuit.mode[None])
    field = circuit.start.replace(weights=weights, activity=x * circuit.mode).signal("teaching")
    gain_error, w1 = 1 - 1.1 - 0.2, 0.2
    assert float(field.purkinje[0] @ circuit.mode) == pytest.approx(gain_error * x**2, rel=1e-5)
    assert float(circuit.mode @ field.recurrent @ circuit.mode) == pytest.approx(w1 * x**2, rel=1e-5)


@pytest.mark.slow
def test_a_population_learns_as_its_scalar_reduction_does():
    """Twenty neurons against one with the same saccades: rates stay along the mode; float64 rounding over 500 steps."""
    with jax.enable_x64(True):
        courses = []
        for neurons in (20, 1):
            circuit = pd.circuits.integrator(neurons, key=jax.random.key(4), eigenvalue=1.15, dtype="float64")
            rule = pd.rules.staged(pd.rules.early(0.12), pd.rules.late(0.006))
            record = [
                pd.observe(lambda m: m.circuit.feedback(m.weights), name="feedback", every=50),
                pd.observe(lambda m: m.circuit.leading_eigenvalue(m.weights), name="eigenvalue", every=50),
            ]
            courses.append(
                pd.simulate(circuit, rule, duration=20.0, dt=0.04, solver=pd.solvers.rk4, key=jax.random.key(0), record=record)
            )
        np.testing.assert_allclose(courses[0].feedback, courses[1].feedback, atol=1e-12)
        np.testing.assert_allclose(courses[0].eigenvalue, courses[1].eigenvalue, atol=1e-12)
        assert float(abs(courses[0].feedback).max()) > 0.05


def test_an_input_only_changes_the_clock():
    """Every term carries x(t)^2: at time t the weights are those of the unit input at the integral of x^2."""
    with jax.enable_x64(True):
        circuit = pd.circuits.tracking([0.0, 0.0], drive=lambda t: 1 + 0.5 * jnp.sin(t), dtype="float64")
        rule = pd.rules.staged(pd.rules.early(), pd.rules.late(), 0.5)
        run = pd.simulate(circuit, rule, duration=3.0, dt=0.01, solver=pd.solvers.rk4, key=jax.random.key(0))
    elapsed = 3 * 1.125 + (1 - np.cos(3.0)) - 0.0625 * np.sin(6.0)
    exact = expm(elapsed * chains.chain_matrix([0.5])) @ np.array([1.0, 0.0])
    # Fourth order at dt = 0.01: errors of about 1e-9.
    np.testing.assert_allclose(run.weights[0].values, [exact[1], 1 - exact.sum()], atol=1e-8)


@settings(deadline=None, max_examples=100)
@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(0.01, 3), st.floats(0, 1), st.floats(-1, 1))
def test_the_papers_bound_on_the_lyapunov_function(w1, w2, alpha, mu, share):
    """Specification, fact 3: L' = -(1 - alpha) g^2 - g xi - alpha (w* - w2)^2, and its bound for |xi| <= mu |e|."""
    with jax.enable_x64(True):
        circuit = pd.circuits.tracking(np.array([w1, w2]), dtype="float64")
        field = pd.measure.rule_field(circuit, pd.rules.staged(pd.rules.early(), pd.rules.late(), alpha))
        g = 1 - w1 - w2
        xi = share * mu * abs(g)
        velocity = np.asarray(field(circuit.weights)) + np.array([xi, 0.0])
        slope = np.asarray(jax.grad(lambda w: (1 - w.sum()) ** 2 / 2 + (1 - w[1]) ** 2 / 2)(circuit.weights))
    rate = slope @ velocity
    np.testing.assert_allclose(rate, -(1 - alpha) * g**2 - g * xi - alpha * (1 - w2) ** 2, atol=1e-10)
    assert rate <= -(1 - mu - alpha) * g**2 - alpha * (1 - w2) ** 2 + 1e-10


def test_half_turn_needs_a_turn():
    assert consolidation.half_turn(0.1, 0.5) == np.inf
    assert np.isfinite(consolidation.half_turn(0.1, 0.7))


def test_an_inactivated_cerebellum_drives_nothing():
    circuit = pd.circuits.integrator(20, key=jax.random.key(5), cerebellum=0.0)
    loaded = circuit.weights._replace(purkinje=circuit.mode[None])
    moment = circuit.start.replace(activity=circuit.mode)
    still = circuit.activity_velocity(moment)
    np.testing.assert_array_equal(circuit.activity_velocity(moment.at(loaded)), still)
    driven = pd.circuits.integrator(20, key=jax.random.key(5))
    assert not np.array_equal(driven.activity_velocity(driven.start.at(loaded)), driven.activity_velocity(driven.start))
