"""What a file describes is what one writes in Python: bit for bit, where the key is the same."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from descriptions import SWEET_SPOT, TRACKING

import plastodyn as pd
from plastodyn import experiments

KEY = jax.random.key(3)


def _equal(found, run, names=("loss",)):
    for name in names:
        np.testing.assert_array_equal(found[name].values, run[name].transpose(*found[name].dims).values, err_msg=name)


def test_axes_that_are_carried_are_axes(at_once):
    found = at_once(TRACKING.format(axes="rate = [0.1, 0.5, 0.2]", rate='"= 2 * rate"', rest=""), KEY)
    circuit = pd.circuits.tracking([0.3, -0.2])
    run = pd.simulate(circuit, pd.rules.early(2 * pd.axis("rate", [0.1, 0.5, 0.2])), steps=5, replicas=2, key=KEY)
    _equal(found, run, ["loss", "status"])
    assert found.member_error.values.tolist() == ["", "", ""]
    assert set(found.data_vars) == {"loss", "status", "member_error"}


def test_the_whole_example(at_once):
    text = SWEET_SPOT.replace("{ seeds = 2 }", "[1]").replace("inputs = 40", 'inputs = "= 40 * network"')
    found = at_once(text.replace('["tanh", "sigmoid"]', '["tanh"]'), KEY)
    key = experiments.key_of(2021, ("circuit",), ())
    circuit = pd.circuits.student_teacher([4, 3, 2], hidden="tanh", inputs=40, key=key)
    ratio, precision = pd.axis("ratio", [0.1, 0.4, 0.7, 1.0]), pd.axis("precision", [1, 5])
    size = 0.02 * 18**0.5
    rule = pd.rules.noisy_gradient(ratio * 0.02 * np.sqrt(18.0), precision) + pd.fluctuations.white(0.02 * np.sqrt(18.0))
    record = [pd.observe("loss", start=-11), pd.observe("loss", every=5, name="late")]
    run = pd.simulate(circuit, rule, steps=20, replicas=2, key=KEY, record=record)
    one = found.isel(network=0, nonlinearity=0)
    _equal(one, xr_mean(run), ["loss", "late"])
    eigenvalues = pd.measure.hessian_eigenvalues(circuit.loss_at, circuit.teacher)
    theory = pd.theory.ratio.stationary_loss(eigenvalues, ratio.values[:, None] * size, size, precision.values)
    # Rounding of products in another order.
    np.testing.assert_allclose(one.theory, theory, rtol=1e-12)
    assert found.theory.attrs == {"units": "loss", "theory_of": "loss"}
    assert "curvatures" not in found


def xr_mean(run):
    return run.assign(loss=run.loss.mean("step"))


def test_a_circuit_is_the_same_unless_seeds_say_otherwise(at_once):
    axes = "network = { seeds = 2 }\nrate = [0.1, 0.2]\nn = [10, 20]"
    text = f"""
seed = 5
[circuit]
name = "student_teacher"
widths = [3, 2]
inputs = "= n"
[rule]
name = "gradient"
rate = "= rate"
[axes]
{axes}
[run]
steps = 1
"""
    found = at_once(text)
    start = found.loss.isel(step=0, replica=0)
    assert (start.isel(rate=0) == start.isel(rate=1)).all()
    assert (start.isel(network=0) != start.isel(network=1)).all()
    for seed, n in ((0, 10), (1, 20)):
        key = experiments.key_of(5, ("circuit",), (seed,))
        circuit = pd.circuits.student_teacher([3, 2], inputs=n, key=key)
        run = pd.simulate(circuit, pd.rules.gradient(pd.axis("rate", [0.1, 0.2])), steps=1, key=KEY)
        np.testing.assert_array_equal(found.loss.sel(network=seed, n=n), run.loss.transpose("rate", ...))


def test_components_of_components_times_and_references(at_once):
    text = """
[circuit]
name = "resampled"
samples = 5
[circuit.circuit]
name = "student_teacher"
widths = [4, 3, 2]
inputs = 20
normalisation = "@circuits.half_squared_error"
[[rule]]
name = "flipped"
rule = { name = "gradient", rate = 0.1 }
signs = { name = "presynaptic", neurons = "= share", layer = 1 }
times = "= factor / 2"
[[rule]]
name = "beeline"
rate = 0.01
[axes]
share = [0.0, 0.5]
factor = [1, 2]
[run]
steps = 3
"""
    found = at_once(text, KEY)
    inner = pd.circuits.student_teacher(
        [4, 3, 2],
        inputs=20,
        key=experiments.key_of(0, ("circuit", "circuit"), ()),
        normalisation=pd.circuits.half_squared_error,
    )
    signs = pd.rules.presynaptic(0.5, layer=1)
    flipped = pd.rules.flipped(pd.rules.gradient(0.1), signs) * (pd.axis("factor", [1, 2]) / 2)
    run = pd.simulate(pd.circuits.resampled(inner, 5), flipped + pd.rules.beeline(0.01), steps=3, key=KEY)
    _equal(found.sel(share=0.5), run)


def test_zipped_axes_and_their_columns(at_once):
    text = TRACKING.format(axes="shape = { zip = { n = [1, 2], dt = [0.5, 0.25] } }", rate='"= n * dt"', rest="")
    found = at_once(text)
    assert found.shape.values.tolist() == [0, 1]
    assert found.n.values.tolist() == [1, 2]
    assert found.dt.values.tolist() == [0.5, 0.25]
    assert (found.loss.isel(shape=0) == found.loss.isel(shape=1)).all()


def test_flows_solvers_and_double_precision(at_once):
    text = """
[circuit]
name = "tracking"
weights = [0.3, -0.2]
perturbation = { name = "sinusoid", amplitude = 0.1, frequency = 3 }
[rule]
name = "early"
rate = "= rate"
[axes]
rate = [1.0]
[run]
duration = 1.0
dt = 0.25
solver = "rk4"
precision = "double"
[record]
loss = { keep = "last" }
weights = { keep = "last" }
"""
    found = at_once(text, KEY)
    with jax.enable_x64(True):
        circuit = pd.circuits.tracking(
            [0.3, -0.2], dtype="float64", perturbation=pd.perturbations.sinusoid(amplitude=0.1, frequency=3)
        )
        options = {"duration": 1.0, "dt": 0.25, "solver": pd.solvers.rk4, "record": ["loss", "weights"]}
        run = pd.simulate(circuit, pd.rules.early(1.0), key=KEY, **options)
    assert found.loss.dtype == "float64"
    np.testing.assert_array_equal(found.loss.isel(rate=0), run.loss.isel(time=-1))
    np.testing.assert_array_equal(found.weights.isel(rate=0), run.weights)
    assert "weights_recorded" not in found


def test_a_solver_with_arguments(at_once):
    text = TRACKING.format(axes="rate = [0.1, 0.2]", rate='"= rate"', rest="").replace(
        "steps = 5", 'duration = 1\ndt = 0.5\nsolver = { name = "adaptive", relative_tolerance = 1e-4 }'
    )
    assert at_once(text).member_error.values.tolist() == ["", ""]


@pytest.mark.parametrize("keep", ["mean", "lowest", "highest", "last"])
def test_what_is_kept_of_a_record(at_once, keep):
    rest = f'[record]\nloss = {{ start = 1, every = 2, keep = "{keep}" }}\n'
    found = at_once(TRACKING.format(axes="rate = [0.1, 2.5]", rate='"= rate"', rest=rest))
    run = pd.simulate(
        pd.circuits.tracking([0.3, -0.2]),
        pd.rules.early(pd.axis("rate", [0.1, 2.5])),
        steps=5,
        replicas=2,
        key=KEY,
        record=[pd.observe("loss", start=1, every=2)],
    ).loss
    expected = {"mean": run.mean, "lowest": run.min, "highest": run.max}
    wanted = run.isel(step=-1) if keep == "last" else expected[keep]("step")
    np.testing.assert_array_equal(found.loss, wanted.transpose(*found.loss.dims))


MODEL = """
import jax.numpy as jnp
def loss(w):
    return 0.5 * jnp.sum(w["a"] ** 2) + jnp.sum(w["b"] ** 4)
def is_done(moment):
    return moment.loss() < 0.3
def error(moment):
    return jnp.abs(moment.weights["a"])
def half(circuit, weights, scale, key):
    return {"norm": jnp.sum(weights["a"]) * scale, "size": 2}
def factory(rate, key):
    import plastodyn as pd
    assert key is not None
    return pd.rules.gradient(rate)
def fragile(weights, rate):
    if rate > 0.15:
        raise RuntimeError("too fast")
    return jnp.ones(3) * rate
"""

USERS = """
[circuit]
name = "Circuit"
loss = "my_model.py:loss"
weights = { a = [1, 2], b = { file = "b.npz", array = "x" } }
[rule]
name = "my_model.py:factory"
rate = "= rate"
[axes]
rate = [0.1, 0.2]
[run]
steps = 8
until = { function = "my_model.py:is_done", every = 2 }
[record]
loss = {}
error = { function = "my_model.py:error", every = 4 }
[analysis.half]
function = "my_model.py:half"
scale = "= 2 * rate"
"""


def _users(place):
    (place / "my_model.py").write_text(MODEL)
    np.savez(place / "b.npz", x=np.array([0.5], np.float32))


def test_ones_own_code_and_arrays(at_once, place):
    _users(place)
    found = at_once(USERS, KEY)
    assert found.member_error.values.tolist() == ["", ""]
    loss = lambda w: 0.5 * jnp.sum(w["a"] ** 2) + jnp.sum(w["b"] ** 4)  # noqa: E731
    circuit = pd.Circuit(loss, {"a": jnp.array([1.0, 2.0]), "b": jnp.array([0.5])})
    until = pd.observe(lambda moment: moment.loss() < 0.3, every=2)
    run = pd.simulate(circuit, pd.rules.gradient(0.2), steps=8, key=KEY, until=until)
    _equal(found.isel(rate=1), run, ["loss", "status"])
    assert found.status.values.ravel().tolist() == [0, 3]
    assert found.error.dims == ("rate", "replica", "step_error", "error_0")
    np.testing.assert_allclose(found.half_norm.sel(rate=0.2), 0.4 * run.weights.values[:, :2].sum(1), rtol=1e-6)
    assert found.half_size.values.tolist() == [[2], [2]]


def test_an_analysis_that_fails_costs_itself(at_once, place):
    _users(place)
    text = USERS + '[analysis.fragile]\nfunction = "my_model.py:fragile"\nrate = "= rate"\n'
    whole, batch = at_once(text), at_once(text.replace("steps = 8", "steps = 8\nbatch = { rate = 2 }"))
    for found in (whole, batch):
        assert found.member_error.values.tolist() == ["", "analysis.fragile failed: RuntimeError: too fast"]
        np.testing.assert_allclose(found.fragile.isel(rate=0), 0.1 * np.ones((1, 3)), rtol=1e-6)
        assert np.isnan(found.fragile.isel(rate=1)).all()
        assert np.isfinite(found.half_norm).all()
        assert np.isfinite(found.loss).all()


def test_a_point_that_cannot_be_built_costs_itself(at_once):
    text = TRACKING.format(axes="rate = [0.1, -0.2, 0.3]", rate='"= rate"', rest="")
    found = at_once(text, KEY)
    assert found.member_error.values.tolist() == ["", "rule[0].rate must be a number >= 0; got -0.2", ""]
    assert np.isnan(found.loss.isel(rate=1)).all()
    run = pd.simulate(
        pd.circuits.tracking([0.3, -0.2]), pd.rules.early(pd.axis("rate", [0.1, 0.3])), steps=5, replicas=2, key=KEY
    )
    np.testing.assert_array_equal(found.loss.isel(rate=[0, 2]), run.loss)
    with pytest.raises(ValueError, match=r"must be a number >= 0; got -0\.2"):
        experiments.member({"rate": np.array([-0.2])}, KEY, document=experiments.to_json(experiments.parse(text)))


def test_divergence_is_told_and_its_values_stay(at_once):
    rest = '[record]\nloss = {}\n[analysis.bend]\nfunction = "measure.hessian_trace"\nsamples = 2\n'
    text = TRACKING.format(axes="rate = [0.1, 1e20]", rate='"= rate"', rest=rest)
    for found in (at_once(text), at_once(text.replace("[0.1, 1e20]", "[1e20]"))):
        assert found.member_error.values[-1] == "diverged: weights not finite in 2 of 2 replicas"
        assert found.status.isel(rate=-1).values.tolist() == [1, 1]
        assert found.loss.isel(rate=-1, step=0).notnull().all()
        assert np.isnan(found.bend.isel(rate=-1)).all()
        assert np.isnan(found.bend_error.isel(rate=-1)).all()
    assert np.isfinite(at_once(text).bend.isel(rate=0)).all()
