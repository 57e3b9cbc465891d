"""A classifier of real digits, trained: one report in both libraries, and a sweet spot that simulation confirms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")
KEY = jax.random.key(0)
SMOOTHED = torch.nn.CrossEntropyLoss(label_smoothing=0.1)


def _loss(weights, batch):
    images, labels = (jnp.asarray(part) for part in batch)
    hidden = jax.lax.conv(images, weights["0.weight"], (2, 2), "VALID") + weights["0.bias"][:, None, None]
    logits = jnp.tanh(hidden).reshape(len(images), -1) @ weights["3.weight"].T + weights["3.bias"]
    log_p = jax.nn.log_softmax(logits)
    return -jnp.mean(0.9 * jnp.take_along_axis(log_p, labels[:, None], 1)[:, 0] + 0.1 * log_p.mean(1))


@pytest.fixture(scope="module")
def trained():
    """The module at rest, and its data."""
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    images, labels = (digits.images[:600, None] / 16).astype("float32"), digits.target[:600]
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 3, stride=2), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(54, 10)
    )
    inputs, targets = torch.from_numpy(images), torch.from_numpy(labels)
    solver = torch.optim.LBFGS(module.parameters(), max_iter=1500, tolerance_grad=1e-5, line_search_fn="strong_wolfe")

    def closure():
        solver.zero_grad()
        loss = SMOOTHED(module(inputs), targets)
        loss.backward()
        return loss

    solver.step(closure)
    assert (module(inputs).argmax(1) == targets).float().mean() > 0.97
    return module, images, labels


def test_the_same_classifier_in_both_libraries_gives_one_report(trained):
    module, images, labels = trained
    batches = pd.measure.sliced((images, labels), 100)
    weights = {name: jnp.asarray(value.detach().numpy()) for name, value in module.named_parameters()}
    pairs = [tuple(map(torch.from_numpy, batch)) for batch in batches]
    first = pd.measure.report(SMOOTHED, module, pairs, key=KEY, budget=3000)
    second = pd.measure.report(_loss, weights, batches, key=KEY, budget=3000)
    # What is not sampled agrees to single precision, near the minimum as far as gradients there are known.
    assert float(first.loss.value) == pytest.approx(float(second.loss.value), rel=1e-5)
    np.testing.assert_allclose(first.eigenvalues.value[:5], second.eigenvalues.value[:5], rtol=1e-3)
    for name in ("hessian_trace", "hessian_square", "stationary_ratio", "batch_sharpness"):
        one, other = first.estimates[name], second.estimates[name]
        assert abs(one.value - other.value) < 5 * np.hypot(one.standard_error, other.standard_error), name
    for name, one in first.traces.items():
        other = second.traces[name]
        assert abs(one.value - other.value) < 5 * np.hypot(one.standard_error, other.standard_error), name


def test_simulated_fluctuations_find_the_sweet_spot_that_a_report_predicts(trained):
    """The minimum of the finite run's theory lies within three standard errors of the simulated one; 4 replicas."""
    module, images, labels = trained
    weights = {name: jnp.asarray(value.detach().numpy()) for name, value in module.named_parameters()}
    batches = pd.measure.sliced((images, labels), 100)
    report = pd.measure.report(_loss, weights, batches, key=KEY, budget=3000)
    fluctuation, steps = 0.05, 1500
    ratio = pd.axis("ratio", [0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7])
    repair = pd.rules.exact_norm(pd.rules.gradient(1.0), ratio * fluctuation)
    circuit = pd.Circuit(lambda w: _loss(w, (images, labels)), weights)
    run = pd.simulate(circuit, repair + pd.fluctuations.white(fluctuation), steps=steps, replicas=4, key=KEY, record=["loss"])
    found = pd.measure.sweet_spot(run.loss.isel(step=slice(-300, None)).mean("step"))
    fine = np.geomspace(0.03, 0.7, 100)
    curvatures, counts = report.spectrum
    theory = pd.theory.ratio.loss_after(curvatures.clip(0), fine * fluctuation, fluctuation, np.inf, steps - 150, counts)
    predicted = fine[theory.argmin()]
    assert found.place == "inside"
    # Three standard errors, widened as papers.claims does for four runs; 15 % for what is no parabola in a flat valley.
    assert abs(np.log(found.ratio / predicted)) < 3 * 1.8 * found.standard_error / found.ratio + 0.15
    assert found.standard_error < 0.15 * found.ratio
