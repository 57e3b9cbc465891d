"""Hebbian rules against their equations, and against what their authors showed them to find."""

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn import tree

RNG = np.random.default_rng(4)
X = RNG.normal(size=(4, 7))
W = RNG.normal(size=(2, 4))


def _layer(weights=W, patterns=X, **options):
    circuit = pd.circuits.pattern_layer(patterns, outputs=len(weights), key=jax.random.key(0), dtype="float64", **options)
    return eqx.tree_at(lambda c: c.weights, circuit, jnp.asarray(weights, "float64"))


def _velocity(rule, moment, state=None):
    return np.asarray(rule.velocity(moment, state))


@pytest.mark.parametrize("activation", ["linear", "tanh", "relu"])
def test_each_rule_is_its_equation_sample_by_sample(activation):
    phi = {"linear": lambda a: a, "tanh": np.tanh, "relu": lambda a: np.maximum(a, 0)}[activation]
    hebb, oja, bcm = (np.zeros_like(W) for _ in range(3))
    theta = np.array([0.7, -0.2])
    for x in X.T:
        y = phi(W @ x)
        hebb += np.outer(y, x) / X.shape[1]
        oja += (np.outer(y, x) - (y**2)[:, None] * W) / X.shape[1]
        bcm += np.outer(y * (y - theta), x) / X.shape[1]
    with jax.enable_x64(True):
        moment = _layer(activation=activation).start
        # Means of 7 products of order 1 in double precision.
        close = lambda found, expected: np.testing.assert_allclose(found, expected, atol=1e-14)  # noqa: E731
        close(_velocity(pd.rules.hebbian(0.3), moment), 0.3 * hebb)
        close(_velocity(pd.rules.hebbian(-0.3), moment), -0.3 * hebb)
        close(_velocity(pd.rules.oja(0.3), moment), 0.3 * oja)
        close(_velocity(pd.rules.bcm(0.3, 5.0), moment, jnp.asarray(theta)), 0.3 * bcm)


def test_biases_learn_as_synapses_from_a_neuron_that_is_always_at_1():
    """On a layered circuit with plastic biases: the input of each bias is 1."""
    with jax.enable_x64(True):
        circuit = pd.circuits.student_teacher(
            [4, 3, 2], hidden="tanh", inputs=9, key=jax.random.key(1), plastic_biases=True, dtype="float64"
        )
        for name in ("hebbian", "oja"):
            change = getattr(pd.rules, name)(1.0).velocity(circuit.start, None)
            assert jax.tree.structure(change) == jax.tree.structure(circuit.weights)
            rates = [np.asarray(r) for r in circuit.rates(circuit.weights)]
            for layer, (pre, post) in enumerate(pairwise(rates)):
                forget = (post**2).mean(axis=1) if name == "oja" else np.zeros(len(post))
                kernel, bias = np.asarray(circuit.weights.kernels[layer]), np.asarray(circuit.weights.biases[layer])
                wanted = post @ pre.T / 9 - forget[:, None] * kernel
                np.testing.assert_allclose(change.kernels[layer], wanted, atol=1e-14)
                np.testing.assert_allclose(change.biases[layer], post.mean(axis=1) - forget * bias, atol=1e-14)


def test_hebbian_growth_is_exponential_along_each_principal_component():
    """dw/dt = w C: along the k-th component the weights grow as exp(lambda_k t)."""
    with jax.enable_x64(True):
        circuit = _layer(samples=X.shape[1])
        whole = _Whole(circuit.weights, circuit.patterns)
        run = pd.simulate(whole, pd.rules.hebbian(1.0), duration=1.0, dt=0.05, solver=pd.solvers.rk4, key=jax.random.key(0))
        values, vectors = np.linalg.eigh(X @ X.T / X.shape[1])
        end = run.weights.values.reshape(2, 4)
        # RK4 at lambda dt <= 0.15: a global error of (lambda dt)^4 / 120 times lambda t exp(lambda t).
        np.testing.assert_allclose(end @ vectors, (W @ vectors) * np.exp(values), rtol=1e-4)


class _Whole(pd.circuits.AbstractCircuit):
    """A layer that meets all patterns at every step."""

    weights: jax.Array
    patterns: jax.Array
    signals = frozenset({"presynaptic", "postsynaptic"})

    def presynaptic(self, moment):
        return self.patterns

    def postsynaptic(self, moment):
        return moment.weights @ self.patterns


def test_oja_finds_the_first_principal_component_at_norm_1():
    """Deterministically on all patterns, to rounding; units of a layer all find it, whatever their sign."""
    with jax.enable_x64(True):
        circuit = _Whole(jnp.asarray(W), jnp.asarray(X))
        run = pd.simulate(circuit, pd.rules.oja(0.1), steps=3000, key=jax.random.key(0), record=[])
        values, vectors = np.linalg.eigh(X @ X.T / X.shape[1])
        # The next component decays by 1 - 0.1 (lambda_1 - lambda_2) a step: below rounding after 3000.
        assert 0.1 * (values[-1] - values[-2]) * 3000 > 40
        found = run.weights.values.reshape(2, 4)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-12)
        np.testing.assert_allclose(np.abs(found @ vectors[:, -1]), 1.0, rtol=1e-12)


def test_oja_finds_it_from_single_patterns_too():
    """Patterns one at a time: a mean over replicas within the fluctuations that a finite rate leaves, n = 20."""
    patterns = np.linalg.qr(RNG.normal(size=(5, 5)))[0] @ np.diag([3.0, 1.0, 0.7, 0.5, 0.3]) @ RNG.normal(size=(5, 400))
    circuit = pd.circuits.pattern_layer(patterns, key=jax.random.key(1))
    run = pd.simulate(circuit, pd.rules.oja(0.002), steps=4000, replicas=20, key=jax.random.key(2), record=[])
    first = np.linalg.eigh(patterns @ patterns.T)[1][:, -1]
    cosine = np.abs(run.weights.values @ first) / np.linalg.norm(run.weights.values, axis=1)
    assert cosine.min() > 0.99
    lengths = np.linalg.norm(run.weights.values, axis=1)
    assert abs(lengths.mean() - 1) < 5 * lengths.std(ddof=1) / 20**0.5 + 0.01
    assert len(np.unique(cosine)) == 20


def test_bcm_comes_to_respond_to_one_of_p_orthogonal_patterns_with_p():
    """And to no other; which one depends on the start. P = 4, each as frequent, all met at each step."""
    with jax.enable_x64(True):
        patterns = np.linalg.qr(RNG.normal(size=(6, 6)))[0][:, :4]
        start = 0.3 * RNG.uniform(size=(5, 4)) @ patterns.T + 0.2 * patterns.T[[0, 1, 2, 3, 0]]
        circuit = _Whole(jnp.asarray(start), jnp.asarray(patterns))
        rule = pd.rules.bcm(0.02, threshold_time=2.0)
        run = pd.simulate(circuit, rule, steps=30_000, key=jax.random.key(0), record=[])
        responses = run.weights.values.reshape(5, 6) @ patterns
        favourite = responses.argmax(axis=1)
        # The other responses decay at rate theta / P = 1 per unit of rate and time: exp(-0.02 * 30 000) is below rounding.
        np.testing.assert_allclose(responses, 4 * np.eye(4)[favourite], atol=1e-6)
        np.testing.assert_allclose(run.state, np.full((1, 5), 4.0), atol=1e-6)
        assert len(set(favourite.tolist())) > 1


def test_the_threshold_of_bcm_follows_the_mean_square_exactly():
    """Weights that do not move: theta relaxes to <y^2> as exp(-t / tau), whatever the step; it starts there."""
    with jax.enable_x64(True):
        circuit = _Whole(jnp.asarray(W), jnp.asarray(X))
        rule = pd.rules.bcm(0.0, threshold_time=2.0)
        power = ((W @ X) ** 2).mean(axis=1)
        state = rule.init(circuit.start, jax.random.key(0))
        np.testing.assert_allclose(state, power, rtol=1e-13)
        for dt in (0.1, 1.0, 7.0):
            none, moved = rule.increment(circuit.start, jnp.zeros(2), dt, None)
            assert none is None
            np.testing.assert_allclose(moved, power * (1 - np.exp(-dt / 2.0)), rtol=1e-13)


def test_patterns_are_drawn_uniformly_and_afresh():
    """n = 6000 draws of one of 3 patterns, each count within five standard errors; observables read the whole set."""
    circuit = pd.circuits.pattern_layer(np.eye(3), key=jax.random.key(0), samples=6000)
    counts = np.asarray(circuit.sample(jax.random.key(1)).patterns).sum(axis=1)
    assert counts.sum() == 6000
    assert (np.abs(counts - 2000) < 5 * (6000 * 2 / 9) ** 0.5).all()
    single = pd.circuits.pattern_layer(np.eye(3), key=jax.random.key(0), samples=1)
    seen = pd.observe(lambda moment: jnp.asarray(moment.signal("presynaptic").shape), name="seen")
    run = pd.simulate(single, pd.rules.hebbian(1.0), steps=30, key=jax.random.key(2), record=["weights", seen])
    assert run.seen.values.reshape(-1, 2).tolist() == [[3.0, 3.0]] * 31
    moved = (np.diff(run.weights_recorded.values[0], axis=0) != 0).sum(axis=1)
    # A pattern of one active input changes one weight.
    assert moved.tolist() == [1] * 30
    assert len(np.unique(np.abs(np.diff(run.weights_recorded.values[0], axis=0)).argmax(axis=1))) == 3


def test_the_initial_weights_have_the_promised_scale():
    """Normal, standard deviation scale / sqrt(inputs): n = 40 000 weights, mean and variance within five standard errors."""
    weights = tree.ravel(pd.circuits.pattern_layer(np.eye(200), outputs=200, key=jax.random.key(3), scale=0.5).weights)
    scaled = np.asarray(weights) * 200**0.5 / 0.5
    assert abs(scaled.mean()) < 5 / 200
    assert abs((scaled**2).mean() - 1) < 5 * 2**0.5 / 200


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pd.rules.hebbian(np.nan), "rate must be finite"),
        (lambda: pd.rules.oja(-0.1), "rate must be a number >= 0"),
        (lambda: pd.rules.bcm(-0.1, 1.0), "rate must be a number >= 0"),
        (lambda: pd.rules.bcm(0.1, 0.0), "threshold_time must be a number > 0"),
        (lambda: pd.circuits.pattern_layer(np.ones(3), key=jax.random.key(0)), r"patterns must have shape .*; got \(3,\)"),
        (lambda: pd.circuits.pattern_layer(np.full((2, 2), np.nan), key=jax.random.key(0)), "patterns must be finite"),
        (lambda: pd.circuits.pattern_layer(np.eye(2), outputs=0, key=jax.random.key(0)), "outputs must be"),
        (lambda: pd.circuits.pattern_layer(np.eye(2), samples=0, key=jax.random.key(0)), "samples must be"),
        (lambda: pd.circuits.pattern_layer(np.eye(2), scale=0, key=jax.random.key(0)), "scale must be"),
        (lambda: pd.circuits.pattern_layer(np.eye(2), activation="gelu", key=jax.random.key(0)), "activation must be one of"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
