"""Jacobian spectra and curl of fields against dense matrices, closed forms and the theory of curl descent."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn import tree

EPS = np.finfo(np.float64).eps


def _matrix(size, seed=0):
    return np.random.default_rng(seed).normal(size=(size, size)) / size**0.5


def _linear(matrix):
    return lambda w: {"all": jnp.asarray(matrix) @ w["all"]}


def _curl_descent(signs_in, signs_hidden):
    """A linear student at its teacher, its inputs white; the circuit, the rule and theory's matrix J."""
    inputs, hidden = len(signs_in), len(signs_hidden)
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(hidden, inputs)) / inputs**0.5, rng.normal(size=(1, hidden)) / hidden**0.5
    circuit = pd.Circuit(
        loss=lambda w: 0.5 * jnp.sum((w["readout"] @ w["hidden"] - second @ first) ** 2),
        weights={"hidden": jnp.asarray(first), "readout": jnp.asarray(second)},
    )
    signs = {"hidden": jnp.asarray(signs_in, float), "readout": jnp.asarray(signs_hidden, float)}
    theory = first.T @ np.diag(signs_hidden) @ first + np.sum(second**2) * np.diag(signs_in)
    return circuit, pd.rules.flipped(pd.rules.gradient(1.0), signs), theory


def test_dense_spectrum_is_that_of_the_matrix():
    with jax.enable_x64(True):
        matrix = _matrix(60)
        found = pd.measure.jacobian_spectrum(_linear(matrix), {"all": jnp.ones(60)})
        expected = np.linalg.eigvals(matrix)
        # Backward error of a dense eigensolver, N eps |J|, times a condition number of at most 1e3 for this matrix.
        assert np.abs(found.eigenvalues[:, None] - expected).min(0).max() < 60 * EPS * found.scale * 1e3
        assert found.scale == pytest.approx(np.linalg.norm(matrix, 2))
        assert (np.diff(found.eigenvalues.real) <= 0).all()
        assert found.spectral_abscissa == found.eigenvalues[0].real == pytest.approx(expected.real.max())
        assert (found.unstable, found.flat) == ((expected.real > 0).sum(), 0)


def test_the_jacobian_is_taken_at_the_weights():
    at = jnp.array([0.3, -0.7])
    dense = pd.measure.dense_jacobian(lambda w: jnp.array([w[0] ** 2 * w[1], jnp.sin(w[0])]), at)
    expected = [[2 * 0.3 * -0.7, 0.3**2], [np.cos(0.3), 0.0]]
    np.testing.assert_allclose(dense, expected, atol=4 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("seed", [0, 1])
def test_arnoldi_finds_the_rightmost_of_the_dense_spectrum(seed):
    with jax.enable_x64(True):
        field, weights = _linear(_matrix(300, seed)), {"all": jnp.ones(300)}
        dense = pd.measure.jacobian_spectrum(field, weights)
        found = pd.measure.jacobian_spectrum(field, weights, count=9, key=jax.random.key(seed))
        assert len(found.eigenvalues) == 9
        # ARPACK stops at a residual of eps; a circular-law matrix of this size has eigenvalue conditions below 1e3.
        assert np.abs(found.eigenvalues[:, None] - dense.eigenvalues).min(1).max() < 1e3 * 300 * EPS * dense.scale
        # The ninth may be one half of a pair: the first eight are the eight with the largest real parts.
        np.testing.assert_allclose(found.eigenvalues.real[:8], dense.eigenvalues.real[:8], atol=1e3 * 300 * EPS)
        # The scale is asked for to one part in a hundred.
        assert found.scale == pytest.approx(dense.scale, rel=0.01)


def test_above_the_dense_limit_the_rightmost_are_found():
    """3000 weights in single precision: three unstable eigenvalues, two of them a spiral, of known size."""
    decay = -jnp.linspace(0.2, 2.0, 2997)

    def field(w):
        return jnp.concatenate([jnp.array([0.5 * w[0] - w[1], w[0] + 0.5 * w[1], 0.3 * w[2]]), decay * w[3:]])

    found = pd.measure.jacobian_spectrum(field, jnp.ones(3000), key=jax.random.key(0))
    assert len(found.eigenvalues) == 20
    assert (found.unstable, found.flat) == (3, 0)
    # Rounding of a product and of the shift by |J| = 2, a few times single precision; this matrix is normal.
    np.testing.assert_allclose(found.eigenvalues[:4], [0.5 + 1j, 0.5 - 1j, 0.3, -0.2], atol=1e-5)


@pytest.mark.parametrize("arguments", [{}, {"count": 3, "key": jax.random.key(0)}])
def test_a_constant_field_is_flat_everywhere(arguments):
    found = pd.measure.jacobian_spectrum(jnp.ones_like, jnp.ones(5), **arguments)
    assert (found.unstable, found.flat, found.spectral_abscissa) == (0, len(found.eigenvalues), 0.0)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_curl_descent_at_the_solution_manifold_is_the_linearised_error_dynamics(alpha):
    """The Jacobian's nonzero eigenvalues are those of -J; all other directions are flat."""
    with jax.enable_x64(True):
        flips = int(alpha * 7)
        circuit, rule, theory = _curl_descent([1] * 6, [-1] * flips + [1] * (7 - flips))
        field = pd.measure.rule_field(circuit, rule)
        found = pd.measure.jacobian_spectrum(field, circuit.weights)
        moving = found.eigenvalues[np.abs(found.eigenvalues) > 1e-6 * found.scale]
        # The default tolerance, the root of the precision: what a pair of eigenvalues may split by.
        np.testing.assert_allclose(moving, np.sort(-np.linalg.eigvalsh(theory))[::-1], atol=EPS**0.5 * found.scale)
        assert (len(moving), found.flat) == (6, 6 * 7 + 7 - 6)
        assert found.unstable == (np.linalg.eigvalsh(theory) < 0).sum()


def test_arnoldi_counts_the_unstable_directions_of_curl_descent():
    with jax.enable_x64(True):
        circuit, rule, theory = _curl_descent([-1, -1, -1, -1, 1, 1], [1] * 7)
        found = pd.measure.jacobian_spectrum(
            pd.measure.rule_field(circuit, rule), circuit.weights, count=6, key=jax.random.key(0)
        )
        expected = np.sort(-np.linalg.eigvalsh(theory))[::-1]
        unstable = (expected > 0).sum()
        assert 0 < found.unstable == unstable < 6
        np.testing.assert_allclose(found.eigenvalues[:unstable], expected[:unstable], atol=EPS**0.5 * found.scale)
        # Many zero modes, of which an Arnoldi iteration need not see all.
        assert 1 <= found.flat <= 6 - unstable


def test_one_flipped_synapse_makes_half_of_the_hyperbola_unstable_and_the_origin_a_centre():
    """Figure 1: w1' = -e w2, w2' = +e w1; the error's rate is -(w2^2 - w1^2), that along the solutions 0."""
    circuit = pd.Circuit(loss=lambda w: 0.5 * (w[0] * w[1] - 2.0) ** 2, weights=jnp.array([1.0, 2.0]))
    field = pd.measure.rule_field(circuit, pd.rules.flipped(pd.rules.gradient(1.0), jnp.array([1.0, -1.0])))
    for weights, rate in (([1.0, 2.0], -3.0), ([2.0, 1.0], 3.0), ([-1.0, -2.0], -3.0)):
        found = pd.measure.jacobian_spectrum(field, jnp.array(weights))
        # Exact in binary: what is left is single-precision rounding in the eigensolver.
        assert sorted(found.eigenvalues.real) == pytest.approx(sorted([rate, 0.0]), abs=1e-6)
        assert (found.unstable, found.flat) == (int(rate > 0), 1)
    origin = pd.measure.jacobian_spectrum(field, jnp.zeros(2))
    np.testing.assert_allclose(origin.eigenvalues, [2j, -2j], atol=1e-6)
    assert (origin.unstable, origin.flat) == (0, 0)


def test_a_rule_as_a_field_and_as_a_map():
    with jax.enable_x64(True):
        curvatures = jnp.array([1.0, 2.0, 5.0])
        circuit = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(curvatures * w**2), weights=jnp.array([3.0, 0.0, 4.0]))
        rule, at = pd.rules.gradient(0.1), jnp.array([1.0, 2.0, 2.0])
        free = pd.measure.dense_jacobian(pd.measure.rule_map(circuit, rule), at)
        np.testing.assert_allclose(free, np.eye(3) - 0.1 * np.diag(curvatures), atol=4 * EPS)
        held = pd.rules.constrained(rule, keep="norm")
        field, step = pd.measure.rule_field(circuit, held), pd.measure.rule_map(circuit, held)
        # The field is tangent to the sphere through the weights; the map returns to that of the circuit's own, |w| = 5.
        assert float(field(at) @ at) == pytest.approx(0, abs=10 * EPS)
        moved = at - 0.1 * curvatures * at
        np.testing.assert_allclose(step(at), 5 * moved / jnp.linalg.norm(moved), rtol=10 * EPS)
        # Through the constraint: P diag(1 - rate k) |w0| / |moved|, P the projection across the moved weights.
        across = np.eye(3) - np.outer(moved, moved) / float(moved @ moved)
        expected = 5 / float(jnp.linalg.norm(moved)) * across @ np.diag(1 - 0.1 * curvatures)
        np.testing.assert_allclose(pd.measure.dense_jacobian(step, at), expected, atol=20 * EPS)


def test_at_rest_what_a_norm_fixes_is_flat():
    """Two arrays at eigenvectors of their curvatures k: rates -(k_i - k_0) across each, and one zero along each."""
    with jax.enable_x64(True):
        weights = {"a": jnp.array([2.0, 0.0]), "b": jnp.array([0.0, 3.0, 0.0])}
        curvatures = {"a": jnp.array([1.0, 4.0]), "b": jnp.array([1.0, 3.0, 8.0])}
        circuit = pd.Circuit(loss=lambda w: 0.5 * tree.dot(curvatures, jax.tree.map(jnp.square, w)), weights=weights)
        held = pd.measure.rule_field(circuit, pd.rules.constrained(pd.rules.gradient(1.0)))
        found = pd.measure.jacobian_spectrum(held, weights)
        np.testing.assert_allclose(found.eigenvalues, [2.0, 0.0, 0.0, -3.0, -5.0], atol=100 * EPS)
        assert (found.unstable, found.flat) == (1, 2)


def test_fields_are_pytrees_that_run_over_circuits():
    """Each member of a batch is held to the norm of its own weights."""
    starts = jnp.array([[3.0, 4.0], [6.0, 8.0]])
    rule = pd.rules.constrained(pd.rules.gradient(0.1))

    def loss(w):
        return jnp.sum((w - 1.0) ** 2)

    def held(w):
        circuit = pd.Circuit(loss, w)
        return pd.measure.RuleMap(circuit, rule, pd.protocol.begin(circuit, rule, jax.random.key(0)))

    steps = eqx.filter_vmap(held)(starts)
    lengths = jnp.linalg.norm(eqx.filter_vmap(lambda step, w: step(w))(steps, jnp.ones((2, 2))), axis=-1)
    np.testing.assert_allclose(lengths, [5.0, 10.0], rtol=1e-6)


def test_curl_of_signed_descent_is_in_closed_form_and_that_of_the_dense_jacobian():
    """J = -S H with signs S: the antisymmetric share is that of H's entries between weights of unlike sign."""
    with jax.enable_x64(True):
        hessian = _matrix(50) + _matrix(50).T
        signs = np.where(np.arange(50) < 15, -1.0, 1.0)
        circuit = pd.Circuit(loss=lambda w: 0.5 * w @ jnp.asarray(hessian) @ w, weights=jnp.ones(50))
        field = pd.measure.rule_field(circuit, pd.rules.flipped(pd.rules.gradient(0.3), jnp.asarray(signs)))
        expected = np.sqrt(np.sum(hessian[np.not_equal.outer(signs, signs)] ** 2) / np.sum(hessian**2))
        dense = np.asarray(pd.measure.dense_jacobian(field, circuit.weights))
        assert np.linalg.norm(dense - dense.T) / 2 / np.linalg.norm(dense) == pytest.approx(expected, rel=50 * EPS)
        exact = pd.measure.curl(field, circuit.weights)
        assert float(exact.value) == pytest.approx(expected, rel=50 * EPS)
        assert float(exact.standard_error) == 0
        keys = jax.random.split(jax.random.key(0), 200)
        values, errors, _ = jax.vmap(lambda k: pd.measure.curl(field, circuit.weights, key=k, probes=32))(keys)
        spread = np.std(values, ddof=1)
        # n = 200 estimates: unbiased within five standard errors, and their spread is the error that they state.
        assert abs(np.mean(values) - expected) < 5 * spread / 200**0.5
        assert 0.8 < np.mean(errors) / spread < 1.25


def test_a_gradient_has_no_curl_and_a_rotation_nothing_else():
    with jax.enable_x64(True):
        data = jnp.asarray(_matrix(30))
        circuit = pd.Circuit(loss=lambda w: jnp.mean(jnp.tanh(data @ jnp.tanh(data @ w))), weights=jnp.linspace(-1, 1, 30))
        field = pd.measure.rule_field(circuit, pd.rules.gradient(0.1))
        rotation = _linear(_matrix(30) - _matrix(30).T)
        for arguments in ({}, {"key": jax.random.key(1)}):
            # Rounding of Jacobian products: a few eps for each of 30 inputs.
            assert float(pd.measure.curl(field, circuit.weights, **arguments).value) < 100 * EPS
            share = pd.measure.curl(rotation, {"all": jnp.ones(30)}, **arguments)
            assert float(share.value) == pytest.approx(1, abs=10 * EPS)
            assert float(share.standard_error) < 10 * EPS
        assert np.isnan(pd.measure.curl(jnp.ones_like, jnp.ones(3)).value)


def test_curl_of_many_weights_needs_no_matrix():
    """A million weights in pairs that turn while they decay: share 1 / sqrt(1 + (decay / turning)^2)."""

    def field(w):
        return {"x": -0.5 * w["x"] - w["y"], "y": w["x"] - 0.5 * w["y"]}

    weights = {"x": jnp.ones(500_000), "y": jnp.ones(500_000)}
    share = pd.measure.curl(field, weights, key=jax.random.key(0), probes=4)
    # Each probe gives the same squares up to z'z products that cancel over pairs; rounding of a sum of 10^6 in float32.
    assert float(share.value) == pytest.approx(1 / np.sqrt(1.25), abs=1e-4 + 5 * float(share.standard_error))


def test_descent_angle():
    with jax.enable_x64(True):
        curvatures = jnp.array([1.0, 2.0, 3.0])
        circuit = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(curvatures * w**2), weights=jnp.ones(3))

        def angle(signs):
            rule = pd.rules.flipped(pd.rules.gradient(0.1), jnp.asarray(signs))
            return float(pd.measure.descent_angle(pd.measure.rule_field(circuit, rule), circuit.loss_at, circuit.weights))

        assert angle([1.0, 1.0, 1.0]) == 0
        assert angle([-1.0, -1.0, -1.0]) == np.pi
        # cos = sum s_i g_i^2 / |g|^2 with g = (1, 2, 3).
        assert angle([1.0, 1.0, -1.0]) == pytest.approx(np.arccos(-4 / 14), rel=4 * EPS)
        # A millionth of a radian keeps its digits, which an arc cosine would lose (eps / 1e-6 of them at best).
        turned = lambda w: -jnp.array([w[0] - 1e-6 * w[1], w[1] + 1e-6 * w[0]])  # noqa: E731
        small = pd.measure.descent_angle(turned, lambda w: 0.5 * jnp.sum(w**2), jnp.array([3.0, 4.0]))
        assert float(small) == pytest.approx(np.arctan(1e-6), rel=1e-9)
        assert np.isnan(pd.measure.descent_angle(turned, lambda w: jnp.sum(w**2), jnp.zeros(2)))
        many = jax.vmap(lambda w: pd.measure.descent_angle(turned, lambda v: jnp.sum(v**2), w))(jnp.ones((5, 2)))
        assert many.shape == (5,)


class _Redrawn(pd.Circuit):
    """A circuit that offers a copy of itself at each step."""

    def sample(self, key):
        del key
        return _Redrawn(self.function, self.weights)


QUADRATIC = pd.Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(4))
FIELD = pd.measure.rule_field(QUADRATIC, pd.rules.gradient(0.1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pd.measure.rule_field(QUADRATIC, pd.rules.noisy_gradient(0.1, 2.0)), "rule must have no random increments"),
        (lambda: pd.measure.rule_map(QUADRATIC, pd.fluctuations.white(0.1)), "rule must have no random increments"),
        (lambda: pd.measure.rule_field(QUADRATIC, pd.protocol.Rule()), "rule must have a velocity"),
        (lambda: pd.measure.rule_field(QUADRATIC, pd.rules.beeline()), "'teacher', which the circuit does not offer"),
        (lambda: pd.measure.rule_field(QUADRATIC, pd.rules.gradient(), key=1), "key must be"),
        (
            lambda: pd.measure.rule_field(_Redrawn(loss=jnp.sum, weights=jnp.ones(2)), pd.rules.gradient()),
            "circuit must not redraw its inputs",
        ),
        (lambda: pd.measure.jacobian_spectrum(lambda w: w[:2], jnp.ones(4)), "field must return a pytree in the structure"),
        (lambda: pd.measure.jacobian_spectrum(lambda w: (w,), jnp.ones(4)), "field must return a pytree in the structure"),
        (lambda: pd.measure.jacobian_spectrum(3.0, jnp.ones(4)), "field must be a function"),
        (lambda: pd.measure.jacobian_spectrum(FIELD, jnp.full(4, jnp.nan)), "weights must be finite"),
        (lambda: pd.measure.jacobian_spectrum(jnp.sqrt, jnp.zeros(4)), "field must have a finite Jacobian"),
        (
            lambda: pd.measure.jacobian_spectrum(jnp.sqrt, jnp.zeros(4), count=2, key=jax.random.key(0)),
            "field must have a finite Jacobian",
        ),
        (lambda: pd.measure.jacobian_spectrum(FIELD, jnp.ones(4), count=3, key=jax.random.key(0)), "count must be .* <= 2"),
        (lambda: pd.measure.jacobian_spectrum(FIELD, jnp.ones(4), count=0, key=jax.random.key(0)), "count must be"),
        (lambda: pd.measure.jacobian_spectrum(FIELD, jnp.ones(4), count=2), "key must be"),
        (lambda: pd.measure.jacobian_spectrum(FIELD, jnp.ones(2001)), "key must be"),
        (lambda: pd.measure.jacobian_spectrum(FIELD, jnp.ones(4), tolerance=-1.0), "tolerance must be"),
        (lambda: pd.measure.dense_jacobian(FIELD, jnp.ones(2001)), "at most 2000"),
        (lambda: pd.measure.curl(FIELD, jnp.ones(2001)), "key must be given for more than 2000 weights"),
        (lambda: pd.measure.curl(FIELD, jnp.ones(4), key=7), "key must be"),
        (lambda: pd.measure.curl(FIELD, jnp.ones(4), key=jax.random.key(0), probes=1), "probes must be"),
        (lambda: pd.measure.curl(FIELD, jnp.full(4, jnp.inf)), "weights must be finite"),
        (lambda: pd.measure.descent_angle(lambda w: w[0], QUADRATIC.loss_at, jnp.ones(4)), "field must return a pytree"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
