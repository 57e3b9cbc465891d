"""The engine: labels, determinism, batching, windows, flows, failures and interruption."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd


def _circuit(weights=(1.0, -1.0, 2.0)):
    return pd.Circuit(loss=lambda w: 0.5 * jnp.sum(w**2), weights=jnp.array(weights))


def _noisy(rate):
    return pd.rules.gradient(rate) + pd.fluctuations.wiener(0.1)


def test_axes_become_dimensions_and_arithmetic_keeps_their_labels():
    ratio, size = pd.axis("ratio", [0.5, 1.0]), pd.axis("size", [0.1, 0.2, 0.3])
    rule = pd.rules.gradient(0.1) + pd.fluctuations.white(ratio * size * 2)
    run = pd.simulate(_circuit(), rule, steps=4, replicas=5, key=jax.random.key(0))
    assert run.loss.sizes == {"ratio": 2, "size": 3, "replica": 5, "step": 5}
    assert run.weights.dims == ("ratio", "size", "replica", "weight")
    assert run.ratio.values.tolist() == [0.5, 1.0]


def test_each_setting_has_its_own_values():
    run = pd.simulate(_circuit(), pd.rules.gradient(pd.axis("rate", [0.0, 0.5])), steps=3, key=jax.random.key(0))
    np.testing.assert_allclose(run.loss.sel(rate=0.5, replica=0), 3.0 * 0.25 ** np.arange(4), rtol=1e-6)
    np.testing.assert_allclose(run.loss.sel(rate=0.0, replica=0), 3.0, rtol=1e-6)


def test_an_axis_may_stand_in_a_circuit():
    class Hill(pd.circuits.AbstractCircuit):
        weights: jax.Array
        steepness: object
        signals = frozenset({"loss"})

        def loss(self, moment):
            return 0.5 * self.steepness * jnp.sum(moment.weights**2)

    circuit = Hill(jnp.ones(2), pd.axis("steepness", [1.0, 3.0]))
    run = pd.simulate(circuit, pd.rules.gradient(0.1), steps=1, key=jax.random.key(0))
    np.testing.assert_allclose(run.weights[:, 0, 0], [0.9, 0.7], rtol=1e-6)


# A chunk of one, and chunks whose last is not full: what else there is, these notice too.
_SLOWER = [pytest.param(*case, marks=pytest.mark.slow) for case in ((2, 5), (7, 6))]


@pytest.mark.parametrize(("chunk", "replicas"), [(1, 1), (4, 3), *_SLOWER])
def test_the_result_does_not_depend_on_batching(chunk, replicas):
    rule = _noisy(pd.axis("rate", [0.1, 0.3]))
    one = pd.simulate(_circuit(), rule, steps=7, replicas=replicas, key=jax.random.key(3), chunk=chunk)
    other = pd.simulate(_circuit(), rule, steps=7, replicas=replicas, key=jax.random.key(3))
    # The same random numbers whatever the chunk; products may round differently in a batch of another shape.
    np.testing.assert_allclose(one.weights, other.weights, rtol=1e-5, atol=1e-6)


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    first, again, other = (pd.simulate(_circuit(), _noisy(0.1), steps=9, replicas=3, key=jax.random.key(k)) for k in (1, 1, 2))
    assert first.weights.identical(again.weights)
    assert not np.array_equal(first.weights, other.weights)


def test_a_longer_axis_repeats_the_members_of_a_shorter_one():
    short, long = (
        pd.simulate(_circuit(), _noisy(pd.axis("rate", rates)), steps=5, replicas=3, key=jax.random.key(1), chunk=2)
        for rates in ([0.1, 0.2], [0.1, 0.2, 0.3, 0.4])
    )
    np.testing.assert_allclose(long.weights.sel(rate=[0.1, 0.2]), short.weights, rtol=1e-6)


def test_replicas_and_settings_have_independent_noise():
    run = pd.simulate(
        _circuit((0.0, 0.0, 0.0)), _noisy(pd.axis("rate", [0.0, 1e-9])), steps=1, replicas=200, key=jax.random.key(0)
    )
    flat = run.weights.values.reshape(400, 3)
    assert len(np.unique(flat.round(7), axis=0)) == 400


def test_a_list_of_circuits_gives_each_replica_its_own():
    circuits = [pd.circuits.student_teacher([3, 2], inputs=9, key=jax.random.key(i), displacement=0.5) for i in range(4)]
    together = pd.simulate(circuits, pd.rules.gradient(0.1), steps=5, key=jax.random.key(0))
    for replica, circuit in enumerate(circuits):
        alone = pd.simulate(circuit, pd.rules.gradient(0.1), steps=5, key=jax.random.key(0))
        np.testing.assert_allclose(together.weights.sel(replica=replica), alone.weights.sel(replica=0), rtol=1e-5)


def test_weights_may_start_elsewhere():
    run = pd.simulate(_circuit(), pd.rules.gradient(0.0), steps=1, key=jax.random.key(0), weights=jnp.array([0.0, 0.0, 2.0]))
    assert run.loss.values.ravel().tolist() == [2.0, 2.0]


def test_an_observable_of_the_users_own():
    def largest(moment):
        return jnp.max(jnp.abs(moment.weights))

    run = pd.simulate(_circuit(), pd.rules.gradient(0.5), steps=2, key=jax.random.key(0), record=[largest])
    assert run.largest.values.tolist() == [[2.0, 1.0, 0.5]]


def test_a_flow_with_noise_has_the_stationary_variance_of_ornstein_uhlenbeck():
    """dw = -w dt + s dW: variance s^2 / 2 per weight; n = 40 replicas x 50 weights, decorrelated in time."""
    circuit = pd.Circuit(loss=lambda w: 0.5 * jnp.sum(w**2), weights=jnp.zeros(50))
    rule = pd.rules.gradient(1.0) + pd.fluctuations.wiener(0.2 * 50**0.5)
    run = pd.simulate(circuit, rule, duration=8.0, dt=0.02, replicas=40, key=jax.random.key(0), solver=pd.solvers.heun)
    squares = run.weights.values.ravel() ** 2
    error = squares.std(ddof=1) / squares.size**0.5
    assert abs(squares.mean() - 0.02) < 5 * error + 0.02 * 0.02  # Euler-Maruyama noise biases by dt / 2


def test_activity_moves_with_its_own_velocity():
    """A fast activity beside the weights: a rotating phase that gates plasticity."""

    class Phase(pd.circuits.AbstractCircuit):
        weights: jax.Array
        signals = frozenset({"loss"})

        @property
        def activity(self):
            return jnp.zeros(())

        def activity_velocity(self, moment):
            return jnp.full((), 2.0)

        def loss(self, moment):
            return jnp.sum(moment.weights)

    rule = pd.rules.gated(pd.rules.gradient(1.0), lambda moment: jnp.cos(moment.activity))
    run = pd.simulate(Phase(jnp.zeros(1)), rule, duration=1.0, dt=0.1, solver=pd.solvers.rk4, key=jax.random.key(0))
    np.testing.assert_allclose(run.weights[0, 0], -np.sin(2.0) / 2, atol=1e-5)


def test_one_diverging_member_does_not_spoil_the_others():
    circuit = pd.Circuit(loss=lambda w: 0.25 * jnp.sum(w**4), weights=jnp.array([3.0]))
    run = pd.simulate(circuit, pd.rules.gradient(pd.axis("rate", [0.01, 1.0])), steps=50, key=jax.random.key(0))
    assert run.status.values.ravel().tolist() == [0, 1]
    assert np.isfinite(run.loss.sel(rate=0.01)).all()
    assert not np.isfinite(run.loss.sel(rate=1.0).isel(step=-1)).all()


def test_float64_stays_float64():
    with jax.enable_x64(True):
        circuit = pd.Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(2, "float64"))
        run = pd.simulate(circuit, _noisy(0.1), steps=2, key=jax.random.key(0))
    assert run.weights.dtype == run.loss.dtype == np.float64


def test_the_dataset_says_where_it_came_from():
    run = pd.simulate(_circuit(), _noisy(pd.axis("rate", [0.1, 0.2])), steps=2, key=jax.random.key(7))
    assert run.attrs["seed"] == "[0, 7]"
    assert "axis(rate)" in run.attrs["rule"]
    assert "jax" in run.attrs["versions"]
    assert run.loss.attrs["units"]


def test_a_dataset_goes_to_zarr_and_back(tmp_path):
    run = pd.simulate(_circuit(), _noisy(pd.axis("rate", [0.1, 0.2])), steps=2, key=jax.random.key(7))
    run.to_zarr(tmp_path / "run.zarr", mode="w", consolidated=True)
    import xarray as xr

    xr.testing.assert_equal(run, xr.open_zarr(tmp_path / "run.zarr").load())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps must be a whole number >= 1; got 0"),
        ({"steps": 2.5}, "steps must be"),
        ({"steps": None}, "give steps"),
        ({"duration": 1.0}, "one or the other"),
        ({"steps": None, "duration": 1.0, "dt": 0.0}, "dt must be a number > 0"),
        ({"steps": None, "duration": 1.0, "dt": 2.0}, "duration must be a number >= 2"),
        ({"replicas": 0}, "replicas must be"),
        ({"key": 0}, "key must be one JAX random key"),
        ({"record": "loss"}, "record must be a list"),
        ({"record": ["error"]}, "record must be one of loss, weights"),
        ({"record": [pd.observe("error")]}, "record must be one of loss, weights, weight_norm, gradient_norm; got 'error'"),
        ({"record": ["loss", "loss"]}, "name each observable once"),
        ({"record": [lambda _: 0.0]}, "name must be given"),
        ({"rule": None}, "rule must be a plastodyn rule"),
        ({"rule": pd.rules.beeline(0.1)}, "'teacher', which the circuit does not offer; Circuit offers 'loss'"),
        ({"circuit": jnp.ones(3)}, "circuit must be a plastodyn circuit"),
        ({"weights": jnp.ones(4)}, "structure and shapes"),
        ({"solver": "rk4"}, "solver must be one of"),
        ({"chunk": 0}, "chunk must be"),
    ],
)
def test_bad_arguments_are_named(change, message):
    arguments = {"circuit": _circuit(), "rule": pd.rules.gradient(0.1), "steps": 2, "key": jax.random.key(0), **change}
    with pytest.raises(ValueError, match=message):
        pd.simulate(arguments.pop("circuit"), arguments.pop("rule"), **arguments)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pd.axis("ratio", []), "non-empty"),
        (lambda: pd.axis("replica", [1.0]), "name must be an identifier other than replica"),
        (lambda: pd.axis("a", [1.0, np.nan]), "finite"),
        (lambda: pd.axis("a", [1.0, 1.0]), "different"),
        (lambda: pd.Circuit(loss=3, weights=jnp.ones(2)), "loss must be a function"),
        (lambda: pd.Circuit(loss=lambda w: w, weights=jnp.ones(2)), r"scalar; got an output of shape \(2,\)"),
        (lambda: pd.Circuit(loss=jnp.sum, weights=jnp.arange(3)), "floating-point"),
        (lambda: pd.Circuit(loss=jnp.sum, weights=jnp.array([jnp.nan])), "finite"),
        (lambda: pd.Circuit(loss=jnp.sum, weights={}), "at least one array"),
        (lambda: pd.circuits.student_teacher([3], key=jax.random.key(0)), "widths"),
        (
            lambda: pd.circuits.student_teacher([3, 2], hidden="gelu", key=jax.random.key(0), output="x"),
            "must be one of sigmoid",
        ),
        (lambda: pd.circuits.student_teacher([3, 2], inputs=jnp.ones((2, 5)), key=jax.random.key(0)), r"\(3, samples\)"),
    ],
)
def test_bad_axes_and_circuits_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_two_meanings_of_one_axis_are_refused():
    rule = pd.rules.gradient(pd.axis("a", [0.1, 0.2])) + pd.fluctuations.white(pd.axis("a", [0.1, 0.3]))
    with pytest.raises(ValueError, match="two different sets"):
        pd.simulate(_circuit(), rule, steps=1, key=jax.random.key(0))
