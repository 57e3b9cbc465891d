"""The theory of a hidden layer that diffuses freely, finite runs near the solution, and the number that tells which holds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

import plastodyn as pd
from plastodyn.theory import ratio

SPECTRUM = np.geomspace(1e-4, 1.0, 40)


def _step(z):
    """Features without a slope: the hidden layer then has no gradient."""
    return jnp.where(z > 0, 1.0, 0.0)


def _random_features():
    """Binary features of 6 hidden neurons, whose weights are too large for diffusion to change them."""
    keys = jax.random.split(jax.random.key(3), 3)
    inputs = jax.random.normal(keys[0], (4, 50))
    return inputs, 1e6 * jax.random.normal(keys[1], (6, 4)), jax.random.normal(keys[2], (3, 6))


@pytest.mark.parametrize("precision", [0.1, 1.0, np.inf])
@pytest.mark.parametrize("steps", [20, 4000])
def test_without_a_hidden_gradient_it_is_the_theory_of_a_linear_readout(precision, steps):
    """Each eigenvalue of (2 / outputs) <h h'> once for each output, and a flat direction for each hidden weight.

    Single precision; the gain's bracket ends at 1.99 instead of 2, which costs 0.5 % where steps are too long.
    """
    inputs, hidden, readout = _random_features()
    features = np.asarray(_step(hidden @ inputs), float)
    lam = np.linalg.eigvalsh(2 / 3 * features @ features.T / 50)
    spectrum = np.concatenate([np.repeat(lam, 3), np.zeros(hidden.size)])
    plasticity = np.array([0.1, 0.3, 0.6])
    found = ratio.adiabatic_loss(
        inputs, hidden, readout, plasticity, 0.3, precision, steps, jax.random.key(0), activation=_step
    )
    np.testing.assert_allclose(found, ratio.loss_after(spectrum, plasticity, 0.3, precision, steps), rtol=6e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "magnitude"), [(10.0, 0.08), (0.2, 0.04), (0.05, 0.02)])
def test_far_from_the_solution_it_is_what_a_simulation_finds(precision, magnitude):
    """Within 15 % and three standard errors, n = 6 networks of 8-12-6, each with its own theory; at 10 steps are too long."""
    circuits = [pd.circuits.student_teacher([8, 12, 6], inputs=300, key=k) for k in jax.random.split(jax.random.key(0), 6)]
    size, ratios = magnitude * 168**0.5, np.array([0.5, 1.0, 2.0])
    rule = pd.rules.noisy_gradient(pd.axis("ratio", ratios) * size, precision) + pd.fluctuations.white(size)
    record = [pd.observe("loss", start=3600)]
    run = pd.simulate(circuits, rule, steps=4000, key=jax.random.key(1), record=record, progress=False)
    theory = [
        ratio.adiabatic_loss(c.inputs, *c.teacher.kernels, ratios * size, size, precision, 3800, jax.random.key(2))
        for c in circuits
    ]
    off = np.log(run.loss.mean("step").transpose("replica", "ratio").values / np.array(theory))
    assert (abs(off.mean(axis=0)) < 0.15 + 3 * off.std(axis=0, ddof=1) / 6**0.5).all()


def test_the_joined_loss_is_the_lower_one():
    keys = jax.random.split(jax.random.key(0), 3)
    network = [jax.random.normal(k, s) for k, s in zip(keys, [(3, 100), (5, 3), (2, 5)], strict=True)]
    size = np.array([0.003, 0.6])
    rule = (size, size, 0.2, 4000)
    far = ratio.adiabatic_loss(*network, *rule, keys[0])
    near = ratio.loss_after(ratio.solution_curvatures(*network), *rule)
    assert (near < far).tolist() == [True, False]
    np.testing.assert_array_equal(ratio.joined_loss(*network, *rule, keys[0]), [near[0], far[1]])


@pytest.mark.parametrize("activation", [jax.nn.sigmoid, jnp.tanh])
def test_curvatures_at_the_solution_are_those_of_the_hessian(activation):
    """Single precision: 2e-6 of the largest."""
    inputs, _, readout = _random_features()
    hidden = jax.random.normal(jax.random.key(1), (6, 4))
    targets = readout @ activation(hidden @ inputs)
    loss = lambda w: jnp.mean((w[1] @ activation(w[0] @ inputs) - targets) ** 2)  # noqa: E731
    expected = np.sort(pd.measure.hessian_eigenvalues(loss, (hidden, readout)))
    found = ratio.solution_curvatures(inputs, hidden, readout, activation=activation)
    np.testing.assert_allclose(found, expected, atol=2e-6 * expected[-1])


def test_where_the_local_theory_is_worse_than_a_constant_output_it_is_not_asked():
    """At 40 hidden neurons, precision 1/50 and large fluctuations it is the lower one, and too low."""
    circuit = pd.circuits.student_teacher([12, 40, 10], inputs=200, input_law=pd.circuits.mixed_inputs, key=jax.random.key(1))
    network, size = (circuit.inputs, *circuit.teacher.kernels), 0.1 * 880**0.5
    rule = (0.4 * size, size, 1 / 50, 8000)
    far = ratio.adiabatic_loss(*network, *rule, jax.random.key(0))
    assert ratio.loss_after(ratio.solution_curvatures(*network), *rule) < far
    assert ratio.joined_loss(*network, *rule, jax.random.key(0)) == far


def test_hidden_weights_that_hardly_move_leave_the_readout_alone_to_err():
    """Nothing to err about without fluctuations or error of the rule but the steps' own length."""
    keys = jax.random.split(jax.random.key(0), 3)
    network = [jax.random.normal(k, s) for k, s in zip(keys, [(3, 100), (5, 3), (2, 5)], strict=True)]
    found = ratio.adiabatic_loss(*network, [1e-4, 1e-3], 1e-6, 100.0, 100, keys[0])
    # The loss of a step of exact norm grows as its square; single precision.
    assert found[1] / found[0] == pytest.approx(100, rel=0.05)


@pytest.mark.parametrize("precision", [0.05, 1.0, np.inf])
def test_a_long_run_is_stationary(precision):
    """Rounding; the bracket of the gain is the same."""
    plasticity = np.array([0.1, 0.4, 1.0])
    found = ratio.loss_after(SPECTRUM, plasticity, 0.3, precision, np.inf)
    np.testing.assert_allclose(found, ratio.stationary_loss(SPECTRUM, plasticity, 0.3, precision), rtol=1e-9)


@pytest.mark.parametrize("steps", [1, 30, 3000])
def test_a_finite_run_is_a_recursion_step_by_step(steps):
    """v <- (1 - kappa lam)^2 v + s^2, with the gain whose last gradient has the length gamma1 / kappa."""
    plasticity, fluctuation, precision = 0.05, 0.3, 0.5
    directed = plasticity / np.sqrt(1 + 1 / precision**2)
    variance = (fluctuation**2 + plasticity**2 / (1 + precision**2)) / SPECTRUM.size

    def spread(kappa):
        v = np.zeros_like(SPECTRUM)
        for _ in range(steps):
            v = (1 - kappa * SPECTRUM) ** 2 * v + variance
        return v

    kappa = brentq(lambda k: k**2 * np.sum(SPECTRUM**2 * spread(k)) - directed**2, 1e-9, 1.999)
    expected = 0.5 * np.sum(SPECTRUM * spread(kappa))
    assert float(ratio.loss_after(SPECTRUM, plasticity, fluctuation, precision, steps)) == pytest.approx(expected, rel=1e-6)


def test_flat_directions_cost_less_in_a_short_run():
    losses = ratio.loss_after(SPECTRUM, 0.1, 0.3, 0.2, [10, 100, 1000, 10_000, 1e9])
    assert (np.diff(losses) > 0).all()


@pytest.mark.parametrize("precision", [0.05, 1.0, np.inf])
def test_the_memory_number_of_equal_curvatures_is_exact(precision):
    """Up to the ratio sqrt(1 + 1 / q^2); beyond, a step is too long for every direction."""
    plasticity = np.array([0.1, 0.2, 0.3])
    loss = ratio.stationary_loss(np.full(50, 2.0), plasticity, 0.3, precision)
    found = ratio.memory_number(100.0, 2.0, 50, 0.7, plasticity, 0.3, precision)
    np.testing.assert_allclose(found, loss / 0.7, rtol=1e-9)


def test_the_memory_number_stands_for_the_stationary_loss_of_a_nonlinear_circuit():
    """Four numbers of the Hessian for its whole spectrum: within 25 % at every ratio and precision of figure 5."""
    circuit = pd.circuits.student_teacher([12, 20, 10], input_law=pd.circuits.mixed_inputs, key=jax.random.key(0))
    spectrum = ratio.solution_curvatures(circuit.inputs, *circuit.teacher.kernels)
    plasticity, precision = np.array([0.4, 1.0, 1.9]) * 0.4, np.array([[10.0], [1.0], [0.2], [0.05], [0.02]])
    loss = ratio.stationary_loss(spectrum, plasticity, 0.4, precision)
    found = ratio.memory_number(spectrum.sum(), spectrum.max(), 440, 1.0, plasticity, 0.4, precision)
    np.testing.assert_allclose(found, loss, rtol=0.25)


def test_the_cosine_of_a_random_walk():
    """Of 20 000 weights; the cosine's standard error is below 1 / sqrt(20 000), here five of them."""
    rng = np.random.default_rng(0)
    start = rng.normal(size=20_000)
    walked = start + np.sum(0.3 * rng.normal(size=(25, start.size)), axis=0)
    cosine = start @ walked / np.linalg.norm(start) / np.linalg.norm(walked)
    found = float(ratio.diffusion_cosine(np.linalg.norm(start), start.size, 0.3, 25))
    assert found == pytest.approx(cosine, abs=5 / start.size**0.5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"hidden": jnp.ones((5, 4))}, "hidden must have a column for each of the 3 inputs"),
        ({"readout": jnp.ones((2, 4))}, "readout must have a column for each of the 5 hidden neurons"),
        ({"inputs": jnp.ones(3)}, "inputs must be a floating-point array of two dimensions"),
        ({"activation": lambda z: z.sum()}, "activation must work elementwise"),
        ({"activation": lambda z: z.undefined}, "activation failed on hidden @ inputs"),
        ({"steps": 0}, "steps must be"),
        ({"plasticity": 0.0}, "plasticity must be"),
        ({"plasticity": [0.1, 0.2], "steps": [1, 2, 3]}, "broadcast"),
        ({"key": 0}, "key must be"),
    ],
)
def test_bad_input_is_refused_in_one_line(changed, message):
    given = {
        "inputs": jnp.ones((3, 20)),
        "hidden": jnp.ones((5, 3)),
        "readout": jnp.ones((2, 5)),
        "plasticity": 0.1,
        "fluctuation": 0.1,
        "precision": 1.0,
        "steps": 10,
        "key": jax.random.key(0),
    }
    with pytest.raises(ValueError, match=message):
        ratio.adiabatic_loss(**{**given, **changed})
