"""Reports against dense answers: values within their errors, errors as large as the scatter; what goes on where it stopped."""

import json
import re
import signal

import dense
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn import theory
from plastodyn.measure.networks import compute
from plastodyn.measure.networks.krylov import ritz
from plastodyn.measure.networks.plan import planned

KEY = jax.random.key(0)
SIGMAS = 5


@pytest.fixture(scope="module")
def small():
    return dense.small()


@pytest.fixture(scope="module")
def found(small):
    return pd.measure.report(dense.loss, small.weights, small.batches, key=KEY, budget=3000)


def _agrees(estimate, exact):
    assert abs(float(estimate.value) - exact) <= SIGMAS * float(estimate.standard_error) + 2e-5 * abs(exact), (estimate, exact)


def test_every_number_agrees_with_the_dense_answer(small, found):
    """At most 500 weights; 5 standard errors of 250 probes and 50 pairs, and single precision's rounding."""
    hessian, gradient = small.hessian, small.gradient
    slope = np.linalg.norm(gradient)
    along = gradient @ hessian @ gradient / slope**2
    mean = np.trace(hessian) / len(gradient)
    for name, exact in {
        "gradient_norm": slope,
        "hessian_trace": np.trace(hessian),
        "hessian_square": (hessian**2).sum(),
        "curvature_gradient": along,
        "curvature_isotropic": mean,
        "greedy_ratio": np.sqrt(mean / along),
        "best_rate": 1 / along,
        "task_difficulty": along / (2 * slope),
    }.items():
        _agrees(found.estimates[name], exact)
    assert found.loss.standard_error == 0
    for name in ("hessian_trace", "hessian_square"):
        estimate = found.estimates[name]
        assert 0 < estimate.standard_error < 0.1 * estimate.value


def test_eigenvalues_are_those_of_the_dense_hessian(small, found):
    exact = np.linalg.eigvalsh(small.hessian)
    # An eigenvalue lies no farther than what the iteration leaves; the first have converged to rounding.
    assert (np.abs(found.eigenvalues.value[:5] - exact[::-1][:5]) <= found.eigenvalues.standard_error[:5] + 1e-5).all()
    np.testing.assert_allclose(found.eigenvalues.value[:3], exact[::-1][:3], rtol=1e-4)
    assert abs(found.smallest_eigenvalue.value - exact[0]) < 1e-3 * exact[-1]
    assert found.spectrum.multiplicities.sum() == pytest.approx(len(exact))
    # Quadrature: moments of the density, to the scatter of starting vectors.
    mean = (found.spectrum.eigenvalues * found.spectrum.multiplicities).sum()
    assert abs(mean - exact.sum()) < SIGMAS * np.sqrt(2 * (exact**2).sum() / found.plan.starts)
    best = theory.ratio.stationary_optimum(np.clip(exact, 0, None), 1.0, np.inf)
    _agrees(found.stationary_ratio, float(best))


def test_traces_of_arrays_add_up_to_those_of_layers_and_to_the_whole(small, found):
    start = 0
    for name, array in zip(found.traces, jax.tree.leaves(small.weights), strict=True):
        block = np.arange(start, start + array.size)
        _agrees(found.traces[name], np.trace(small.hessian[np.ix_(block, block)]))
        start += array.size
    assert list(found.layers()) == ["layer0", "layer1", "layer2"]
    assert sum(float(t.value) for t in found.layers().values()) == pytest.approx(float(found.hessian_trace.value), rel=1e-6)


@pytest.mark.slow
def test_errors_are_as_large_as_the_scatter(small):
    """Of 40 keys the mean square of deviations is that of standard errors, or below: minibatches in turn scatter less."""
    exact = np.trace(small.hessian)
    scores = []
    for seed in range(40):
        one = pd.measure.report(dense.loss, small.weights, small.batches, key=jax.random.key(seed), budget=120).hessian_trace
        scores.append((float(one.value) - exact) / float(one.standard_error))
    square = np.mean(np.square(scores))
    # Chi-square of 40, and Student's law of 9 degrees of freedom: 9/7 in the mean.
    assert 0.3 < square < 9 / 7 * (1 + 4 * np.sqrt(2 / 40))
    assert abs(np.mean(scores)) < 4 / np.sqrt(40) * np.sqrt(9 / 7)


def test_unlike_minibatches_of_unlike_sizes_count_by_their_examples():
    """``mean(x) |w|^2 / 2`` in 5 dimensions: H of a minibatch is the mean of its x times 1; exact over all examples."""
    source = np.random.default_rng(0)
    batches = [np.full(size, value, "float32") for size, value in ((90, 1.0), (10, 9.0), (60, 3.0), (40, 0.2))]
    sizes, values = np.array([len(b) for b in batches]), np.array([b[0] for b in batches], float)
    mean = (sizes * values).sum() / sizes.sum()
    loss = lambda w, x: 0.5 * jnp.mean(x) * jnp.sum(w**2)  # noqa: E731 - one line
    found = pd.measure.report(loss, jnp.asarray(source.normal(size=5), "float32"), batches, key=KEY, budget=2000)
    _agrees(found.hessian_trace, 5 * mean)
    _agrees(found.hessian_square, 5 * mean**2)
    _agrees(found.curvature_gradient, mean)
    assert float(found.eigenvalues.value[0]) == pytest.approx(mean, rel=1e-4)
    assert float(found.gradient_norm.value) ** 2 == pytest.approx(2 * mean * float(found.loss.value), rel=1e-4)


@pytest.mark.parametrize("order", ["sorted", "loader"])
def test_minibatches_in_an_order_of_their_own_stand_for_all(order):
    """200 minibatches, the second half nine times as curved; a list is shuffled, of a loader's the sample is spread out."""
    batches = [np.full(4, value, "float32") for value in [1.0] * 100 + [9.0] * 100]

    class Loader:
        def __len__(self):
            return len(batches)

        def __iter__(self):
            return iter(batches)

    loss = lambda w, x: 0.5 * jnp.mean(x) * jnp.sum(w**2)  # noqa: E731 - one line
    found = pd.measure.report(loss, jnp.ones(5), batches if order == "sorted" else Loader(), key=KEY, budget=1000)
    for estimate, exact in ((found.eigenvalues, 5.0),):
        assert abs(estimate.value[0] - exact) <= SIGMAS * estimate.standard_error[0]
    if order == "sorted":
        _agrees(found.hessian_trace, 25.0)
        _agrees(found.hessian_square, 125.0)


def test_of_a_sample_of_minibatches_errors_hold_what_differs_between_them():
    """A least-squares loss in 10 dimensions, minibatches of 8 of an endless number, 20 keys; exact from the law of inputs.

    Deviations in standard errors: their mean square is at most that of Student's law with few degrees of freedom, 4.
    """
    curvatures = np.geomspace(0.1, 4.0, 10)
    loss = lambda w, x: 0.5 * jnp.mean((x @ w) ** 2)  # noqa: E731 - one line
    weights = jnp.asarray(np.full(10, 0.5), "float32")
    gradient = curvatures * 0.5
    exact = {
        "hessian_trace": curvatures.sum(),
        "gradient_norm": np.linalg.norm(gradient),
        "curvature_gradient": (gradient**2 * curvatures).sum() / (gradient**2).sum(),
        "loss": 0.5 * (0.25 * curvatures).sum(),
    }
    scores = {name: [] for name in [*exact, "top"]}
    for seed in range(20):
        source = np.random.default_rng(seed)
        batches = [(source.normal(size=(8, 10)) * curvatures**0.5).astype("float32") for _ in range(250)]
        found = pd.measure.report(loss, weights, batches, key=jax.random.key(seed), budget=200)
        assert not found.plan.complete
        for name, value in exact.items():
            estimate = found.estimates[name]
            scores[name].append((float(estimate.value) - value) / float(estimate.standard_error))
        scores["top"].append((found.eigenvalues.value[0] - 4.0) / found.eigenvalues.standard_error[0])
    for name, score in scores.items():
        assert np.mean(np.square(score)) < 4, (name, score)
        assert np.mean(np.square(score)) > 0.02, (name, score)


def test_a_gradient_lost_in_noise_has_no_curvature():
    source = np.random.default_rng(0)
    batches = [source.normal(size=(4, 20)).astype("float32") for _ in range(400)]
    loss = lambda w, x: 0.5 * jnp.mean(jnp.sum((w - x) ** 2, axis=1))  # noqa: E731 - one line
    found = pd.measure.report(loss, jnp.full(20, 0.001), batches, key=KEY, budget=60)
    assert np.isnan(float(found.curvature_gradient.value))
    assert "lost in the noise" in found.answer
    # |E g|^2 without bias: without it the noise alone would give 20 / 240.
    assert float(found.gradient_norm.value) ** 2 < 0.7 * 20 / 240
    assert found.loss.standard_error > 0
    assert found.hessian_square.value == pytest.approx(20, rel=1e-5)


def test_a_noisy_rule_mixes_curvatures(small):
    """Equation 9 for precision q: ``sqrt(b / ((a + b / q^2) / (1 + 1 / q^2)))``, a along the gradient, b the mean curvature."""
    found = pd.measure.report(dense.loss, small.weights, small.batches, key=KEY, budget=600, precision=0.5)
    a = small.gradient @ small.hessian @ small.gradient / (small.gradient @ small.gradient)
    b = np.trace(small.hessian) / len(small.gradient)
    _agrees(found.greedy_ratio, np.sqrt(b / ((a + b / 0.25) / (1 + 1 / 0.25))))


def test_the_share_of_a_probe_and_of_its_minibatch_are_told_apart():
    """``loss = a(x) |w|^2 / 2 + b w1 w2``: minibatches scatter by a alone, probes by b alone."""
    source = np.random.default_rng(0)
    for spread, coupling, expected in ((0.0, 1.0, 1.0), (1.0, 0.0, 0.0)):
        batches = [np.float32([1 + spread * source.normal()]) for _ in range(50)]
        loss = lambda w, x, c=coupling: 0.5 * jnp.mean(x) * jnp.sum(w**2) + c * w[0] * w[1]  # noqa: E731 - one line
        share = pd.measure.report(loss, jnp.ones(2), batches, key=KEY, budget=1000).trace_probe_share
        assert abs(share - expected) < 0.5


def test_directions_and_sharpness_of_minibatches(small):
    """Exact: the update's curvature, and ``E[g_b' H_b g_b] / E|g_b|^2`` over the minibatches in turn."""
    update = jax.tree.map(jnp.ones_like, small.weights)
    found = pd.measure.report(dense.loss, small.weights, small.batches, key=KEY, budget=8 * 12, update=update)
    assert found.plan.probes == 8
    size = len(small.gradient)
    _agrees(found.curvature_update, small.hessian.sum() / size)
    tops, bottoms = [], []
    for batch in small.batches:
        gradient = jax.grad(dense.loss)(small.weights, batch)
        product = jax.jvp(lambda w, batch=batch: jax.grad(dense.loss)(w, batch), (small.weights,), (gradient,))[1]
        tops.append(_dot(gradient, product))
        bottoms.append(_dot(gradient, gradient))
    assert float(found.batch_sharpness.value) == pytest.approx(np.mean(tops) / np.mean(bottoms), rel=1e-4)


def _dot(first, second):
    return sum(float(jnp.vdot(x, y)) for x, y in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True))


def test_bounds_are_those_of_theory(small):
    plasticity = theory.bounds.Plasticity(0.05, 0.1, 0.01)
    found = pd.measure.report(dense.loss, small.weights, small.batches, key=KEY, budget=600, plasticity=plasticity)
    slope = np.linalg.norm(small.gradient)
    along = small.gradient @ small.hessian @ small.gradient / slope**2
    size = len(small.gradient)
    exact = theory.bounds.Landscape(float(found.loss.value), slope, along, np.trace(small.hessian), size)
    _agrees(found.learning_rate, float(theory.bounds.learning_rate(exact, plasticity)))


def test_a_report_goes_on_where_it_was_stopped(small, tmp_path):
    """Stopped at each of its parts, it ends with the same bits, and so does one that is made anew with the same key."""
    path = tmp_path / "report.npz"
    whole = pd.measure.report(dense.loss, small.weights, small.batches, key=KEY, budget=200).to_json()
    assert not path.exists()
    assert pd.measure.report(dense.loss, small.weights, small.batches, key=KEY, budget=200).to_json() == whole
    network = pd.measure.jax_network(dense.loss, small.weights, small.batches)
    calls = {"left": 0}

    class Stopped(type(network)):
        def linearized(self, batch):
            calls["left"] -= 1
            if calls["left"] == 0:
                # As Ctrl-C does: the step that is under way is made whole first.
                signal.raise_signal(signal.SIGINT)
            return super().linearized(batch)

    again = Stopped(dense.loss, small.weights, small.batches)
    ends = 0
    for _ in range(40):
        calls["left"] = 7
        try:
            answer = pd.measure.report(again, key=KEY, budget=200, checkpoint=path).to_json()
            break
        except KeyboardInterrupt:
            ends += 1
    assert ends > 2
    assert answer == whole
    # Of what is finished nothing is done again.
    calls["left"] = 1
    assert pd.measure.report(again, key=KEY, budget=200, checkpoint=path).to_json() == whole
    others = [
        (dense.loss, small.weights, small.batches, {"key": jax.random.key(1)}),
        (lambda w, b: 2 * dense.loss(w, b), small.weights, small.batches, {}),
        (dense.loss, jax.tree.map(lambda w: 1.01 * w, small.weights), small.batches, {}),
        (dense.loss, small.weights, [(2 * x, y) for x, y in small.batches], {}),
        (dense.loss, small.weights, small.batches, {"update": small.weights}),
        (dense.loss, small.weights, small.batches, {"budget": 210}),
    ]
    for loss, weights, batches, changed in others:
        with pytest.raises(ValueError, match=r"checkpoint .* belongs to another network, loss, data, budget or key"):
            pd.measure.report(loss, weights, batches, **{"key": KEY, "budget": 200, "checkpoint": path, **changed})
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"checkpoint .* could not be read"):
        pd.measure.report(again, key=KEY, budget=200, checkpoint=path)


def test_the_json_is_plain(found):
    plain = json.loads(found.to_json())
    assert plain["estimates"]["hessian_trace"]["samples"] == 250
    assert plain["products"] <= 3000
    assert re.search("lowest with plasticity of [0-9.]+ ± [0-9.]+ times", plain["answer"])
    with pytest.raises(AttributeError, match="a report has no 'trace'"):
        found.trace  # noqa: B018 - what is asked for


def test_copies_of_an_eigenvalue_count_once():
    """A diagonal of few values, iterated far beyond convergence in single precision: copies, and values that wander."""
    rows = np.concatenate([np.linspace(0, 1, 400), [5.0, 9.0]]).astype("float32")
    found = pd.measure.report(lambda w: 0.5 * jnp.sum(rows * w**2), jnp.ones(402), key=KEY, budget=1500)
    assert found.plan.depth >= 100
    np.testing.assert_allclose(found.eigenvalues.value[:3], [9.0, 5.0, 1.0], rtol=2e-3)
    assert (np.diff(found.eigenvalues.value) < 0).all()
    assert ritz([2.0, 2.0, 1.0], [1e-9, 0.0, 0.0], 1e-7).values.tolist() == [2.0]


@pytest.mark.parametrize("minibatches", [1, 3, 40, 10**6])
@pytest.mark.parametrize("size", [1, 50, 10**7])
@pytest.mark.parametrize("budget", [60, 200, 1000, 10**5])
def test_a_plan_keeps_its_budget(budget, size, minibatches):
    plan = planned(budget, size, minibatches, 4)
    assert 0.4 * min(budget, 12 * minibatches * size) <= plan.products(4) <= budget
    assert 1 <= plan.sample <= max(minibatches, 2)
    assert plan.groups == 0 or plan.groups >= 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batches": []}, "batches must hold at least one minibatch; got none"),
        ({"batches": iter([1])}, "batches must be such that one can go through them more than once; got an iterator"),
        ({"batches": np.ones((3, 3))}, "batches must be a list of minibatches, or a loader of them"),
        ({"budget": 59}, "budget must be a whole number >= 60; got 59"),
        ({"precision": 0.0}, "precision"),
        ({"checkpoint": "here"}, "checkpoint must be a file whose name ends in .npz"),
        ({"checkpoint": "nowhere/at/all.npz"}, "checkpoint must be a file in a directory that is there"),
        ({"update": np.ones(3)}, "update must be finite arrays like the weights"),
        ({"update": "up"}, "update must be finite arrays like the weights"),
        ({"plasticity": 3}, "plasticity must be a pd.theory.bounds.Plasticity"),
        ({"key": 3}, "key"),
        ({"loss": lambda w: 0.0}, "loss must be a function of the weights and a minibatch"),
        ({"loss": lambda w, batch: w}, "loss must return a scalar"),
        ({"weights": jnp.ones(2, "int32")}, "weights must be a floating-point array"),
        ({"weights": None}, "weights must be a pytree with at least one array"),
    ],
)
def test_bad_input_is_one_line(small, change, message):
    given = {"loss": dense.loss, "weights": small.weights, "batches": small.batches, "key": KEY, **change}
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        pd.measure.report(given.pop("loss"), given.pop("weights"), given.pop("batches"), **given)
    assert len(str(caught.value).splitlines()) == 1


def test_losses_that_vanish_or_are_flat_have_no_ratio():
    found = pd.measure.report(lambda w: 0.0 * jnp.sum(w), jnp.ones(3), key=KEY, budget=60)
    assert np.isnan(float(found.greedy_ratio.value))
    assert found.bounds is None
    assert json.loads(found.to_json())["estimates"]["stationary_ratio"]["value"] is None
    assert len(pd.figures.network_page(found).axes) == 4


def test_an_equinox_module_is_its_arrays():
    import equinox as eqx

    model = eqx.nn.MLP(3, 1, 4, 1, activation=jnp.tanh, key=KEY)
    data = pd.measure.sliced((np.ones((8, 3), "float32"), np.zeros((8, 1), "float32")), 4)
    found = pd.measure.report(lambda m, b: jnp.mean((jax.vmap(m)(b[0]) - b[1]) ** 2), model, data, key=KEY, budget=60)
    assert found.weights == 3 * 4 + 4 + 4 + 1
    assert list(found.layers()) == ["layers.0", "layers.1"]


def test_a_sample_that_is_not_all_has_errors_of_its_eigenvalues(small):
    found = pd.measure.report(dense.loss, small.weights, small.batches, key=KEY, budget=150)
    assert 1 < found.plan.sample < len(small.batches)
    assert float(found.eigenvalues.standard_error[0]) > 1e-3


def test_memory_is_given_back_part_by_part(small):
    """What the memo holds at the end: numbers, and no vector of the size of the weights."""
    network = pd.measure.jax_network(dense.loss, small.weights, small.batches)
    plan = planned(200, network.size, len(small.batches), 3)
    memo = compute.Memo(None, "")
    compute._measured(network, plan, None, KEY, memo)
    kept = [array for part in memo._parts.values() for array in part().values()]
    assert kept
    assert not any(array.shape == leaf.shape for array in kept for leaf in jax.tree.leaves(small.weights) if leaf.ndim > 1)
