"""Feedback alignment against gradient descent, which it is where the feedback is the transposed forward weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn import tree
from plastodyn.protocol import Moment

RULES = [pd.rules.feedback_alignment, pd.rules.direct_feedback_alignment]
# Sums of at most 20 terms of order 1 in double precision, rounded in another order.
ROUNDING = 1e-13


def _deep(hidden=("tanh", "sigmoid"), output="tanh", widths=(4, 5, 3, 2), **options):
    return pd.circuits.student_teacher(
        widths,
        hidden=hidden,
        output=output,
        inputs=20,
        key=jax.random.key(1),
        displacement=0.5,
        dtype="float64",
        **options,
    )


def _moment(circuit, weights=None):
    return Moment(circuit, circuit.weights if weights is None else weights, jnp.zeros(()))


def _velocity(rule, moment, state=None):
    return jax.jit(rule.velocity)(moment, state)


def _same(first, second, atol=ROUNDING):
    assert jax.tree.structure(first) == jax.tree.structure(second)
    np.testing.assert_allclose(tree.ravel(first), tree.ravel(second), atol=atol)


@pytest.mark.parametrize(
    "options", [{"normalisation": pd.circuits.half_squared_error}, {"biases": True}, {"plastic_biases": True}]
)
def test_with_transposed_weights_it_is_gradient_descent(options):
    with jax.enable_x64(True):
        circuit = _deep(**options)
        # Away from zero, so that biases take part.
        shifted = jax.tree.map(lambda b: b + 0.3, circuit.weights.biases)
        moment = _moment(circuit, circuit.weights._replace(biases=shifted))
        feedback = tuple(kernel.T for kernel in circuit.weights.kernels[1:])
        _same(
            _velocity(pd.rules.feedback_alignment(0.7), moment, feedback),
            _velocity(pd.rules.gradient(0.7), moment),
        )


def test_direct_feedback_through_the_whole_map_is_gradient_descent_in_a_linear_circuit():
    with jax.enable_x64(True):
        circuit = _deep(hidden="linear", output="linear")
        _, second, third = circuit.weights.kernels
        moment, feedback = _moment(circuit), ((third @ second).T, third.T)
        _same(
            _velocity(pd.rules.direct_feedback_alignment(0.7), moment, feedback),
            _velocity(pd.rules.gradient(0.7), moment),
        )


def test_changes_are_those_of_the_defining_equations():
    """Both rules written out in NumPy, layer by layer, with the feedback that they drew."""
    with jax.enable_x64(True):
        circuit = _deep()
        moment = _moment(circuit)
        (w1, w2, w3), x = (np.asarray(k) for k in circuit.weights.kernels), np.asarray(circuit.inputs)
        h1 = np.tanh(w1 @ x)
        h2 = 1 / (1 + np.exp(-w2 @ h1))
        y = np.tanh(w3 @ h2)
        # Mean over 2 outputs and 20 samples of the squared error.
        d3 = 2 * (y - np.asarray(circuit.targets)) / (2 * 20) * (1 - y**2)
        for make, direct in zip(RULES, (False, True), strict=True):
            rule = make(0.7)
            b1, b2 = rule.init(moment, jax.random.key(5))
            assert b1.shape == ((5, 2) if direct else (5, 3))
            assert b2.shape == (3, 2)
            d2 = (b2 @ d3) * h2 * (1 - h2)
            d1 = (b1 @ (d3 if direct else d2)) * (1 - h1**2)
            expected = pd.circuits.Layers((-0.7 * d1 @ x.T, -0.7 * d2 @ h1.T, -0.7 * d3 @ h2.T))
            _same(_velocity(rule, moment, (b1, b2)), expected)


def test_the_layers_signal():
    """Rates and slopes of every layer, and dF/dy, each against automatic differentiation of the loss."""
    with jax.enable_x64(True):
        circuit = _deep(hidden=("relu", "sigmoid"), plastic_biases=True)
        weights = circuit.weights._replace(biases=jax.tree.map(lambda b: b + 0.2, circuit.weights.biases))

        @jax.jit
        def both(weights):
            rates, slopes, error = circuit.start.at(weights).signal("layers")
            silent = tuple(jnp.zeros_like(rate) for rate in rates[1:])
            moved = []
            for layer in range(3):
                # A kick to every unit of one layer moves that layer's own rates by its slopes.
                kicks = tuple(k + (index == layer) for index, k in enumerate(silent))
                moved.append(jax.jvp(lambda p: circuit.rates(weights, p), (silent,), (kicks,))[1][layer + 1])
            at_output = jax.grad(lambda y: circuit.normalisation(y - circuit.targets))(rates[-1])
            return (rates, slopes, error), (circuit.rates(weights), tuple(moved), at_output)

        _same(*both(weights))


def test_one_hidden_layer_makes_the_two_rules_one():
    circuit = pd.circuits.student_teacher([4, 3, 2], inputs=20, key=jax.random.key(0), displacement=0.5)
    runs = [pd.simulate(circuit, make(0.5), steps=20, replicas=2, key=jax.random.key(3)) for make in RULES]
    assert runs[0].weights.identical(runs[1].weights)
    # Each replica draws feedback of its own.
    assert not np.array_equal(*runs[0].weights.values)


@pytest.mark.parametrize("make", RULES)
def test_without_hidden_layers_it_is_gradient_descent(make):
    with jax.enable_x64(True):
        circuit = _deep(hidden=(), widths=(4, 3))
        moment = _moment(circuit)
        state = make(0.7).init(moment, jax.random.key(0))
        assert state == ()
        _same(_velocity(make(0.7), moment, state), _velocity(pd.rules.gradient(0.7), moment))


@pytest.mark.parametrize("make", RULES)
def test_feedback_has_the_size_of_the_forward_weights_and_stays(make):
    """Mean square of n = 20 000 normal entries: standard error sqrt(2 / n) of it, at five of them."""
    circuit = pd.circuits.student_teacher([2, 100, 200, 100], inputs=3, key=jax.random.key(0))
    rule, moment = make(0.1), _moment(circuit)
    state = rule.init(moment, jax.random.key(1))
    for feedback, forward in zip(state, circuit.weights.kernels[1:], strict=True):
        ratio = float(jnp.mean(feedback**2) / jnp.mean(forward**2))
        assert abs(ratio - 1) < 5 * (2 / feedback.size) ** 0.5
        assert abs(float(feedback.mean())) < 5 * float(feedback.std()) / feedback.size**0.5
    _, after = rule.increment(moment, state, jnp.float32(1), rule.draw(moment.weights, jax.random.key(2)))
    assert all(jax.tree.leaves(jax.tree.map(lambda a, b: bool((a == b).all()), state, after)))


@pytest.mark.slow
def test_forward_weights_align_with_the_feedback():
    """Lillicrap et al.: in a linear circuit that starts small, the angle between the update and the gradient falls."""
    circuit = pd.circuits.student_teacher(
        [10, 8, 4],
        hidden="linear",
        inputs=100,
        key=jax.random.key(0),
        student=pd.circuits.fan_in_normal(jax.random.key(9), [10, 8, 4], jnp.dtype("float32"), scale=0.1),
        normalisation=pd.circuits.half_squared_error,
    )
    rule = pd.rules.feedback_alignment(0.05)

    def angles(key):
        state = rule.init(_moment(circuit), key)
        # Feedback of the size that trained weights have.
        state = jax.tree.map(lambda feedback: feedback * 10, state)

        def step(weights, _):
            change = rule.velocity(_moment(circuit, weights), state)
            slope = jax.grad(circuit.loss_at)(weights)
            cosine = -tree.dot(tree.unit(change.kernels[0]), tree.unit(slope.kernels[0]))
            return tree.add(weights, change), (jnp.degrees(jnp.arccos(cosine)), circuit.loss_at(weights))

        return jax.lax.scan(step, circuit.weights, length=201)[1]

    angle, loss = jax.jit(jax.vmap(angles))(jax.random.split(jax.random.key(4), 16))
    fall = angle[:, 0] - angle[:, 200]
    # n = 16 draws of the feedback, at five standard errors.
    assert float(fall.mean()) > 5 * float(fall.std(ddof=1)) / 4
    # A random direction in 80 dimensions is at a right angle on average.
    assert abs(float(angle[:, 0].mean()) - 90) < 5 * float(angle[:, 0].std(ddof=1)) / 4
    assert float(angle[:, 200].max()) < 60
    assert float((loss[:, -1] / loss[:, 0]).max()) < 0.1


@pytest.mark.parametrize("make", RULES)
def test_the_rate_may_be_an_axis(make):
    circuit = pd.circuits.student_teacher([4, 3, 2], inputs=20, key=jax.random.key(0), displacement=0.5)
    run = pd.simulate(circuit, make(pd.axis("rate", [0.0, 0.5, 1.0])), steps=1, key=jax.random.key(3))
    moved = run.weights.values[:, 0] - np.asarray(tree.ravel(circuit.weights))
    assert (moved[0] == 0).all()
    # The members of an axis have feedback of their own, but the last layer's change does not go through it.
    np.testing.assert_allclose(moved[2, 12:], 2 * moved[1, 12:], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("make", RULES)
@pytest.mark.parametrize("rate", [-0.1, np.nan, np.inf, "fast"])
def test_bad_rates_are_named(make, rate):
    with pytest.raises(ValueError, match="rate must be"):
        make(rate)


@pytest.mark.parametrize("make", RULES)
def test_a_circuit_without_layers_is_refused(make):
    circuit = pd.Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(3))
    with pytest.raises(ValueError, match="'layers', which the circuit does not offer"):
        pd.simulate(circuit, make(0.1), steps=1, key=jax.random.key(0))
