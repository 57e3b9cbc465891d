"""PyTorch modules: as reports of networks, and as circuits, against the same network in JAX."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn import tree

torch = pytest.importorskip("torch")
KEY = jax.random.key(0)
ENTROPY = torch.nn.functional.cross_entropy
pytestmark = pytest.mark.usefixtures("one_torch_thread")


def _module():
    """A small convolutional classifier with dropout and batch normalisation, in training mode."""
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3),
        torch.nn.BatchNorm2d(2),
        torch.nn.Tanh(),
        torch.nn.Flatten(),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(18, 3),
    )


def _data(examples=60):
    source = np.random.default_rng(0)
    return source.normal(size=(examples, 1, 5, 5)).astype("float32"), source.integers(0, 3, examples)


def _in_jax(weights, batch):
    """What the module computes in eval mode, where its running statistics are those it starts with: means 0, variances 1."""
    inputs, targets = (jnp.asarray(part) for part in batch)
    found = jax.lax.conv(inputs, weights["0.weight"], (1, 1), "VALID") + weights["0.bias"][:, None, None]
    found = found / jnp.sqrt(1 + 1e-5) * weights["1.weight"][:, None, None] + weights["1.bias"][:, None, None]
    logits = jnp.tanh(found).reshape(len(inputs), -1) @ weights["5.weight"].T + weights["5.bias"]
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), targets[:, None], 1))


@pytest.fixture(scope="module")
def both():
    """The module and its pairs of tensors; the weights in JAX and pairs of arrays."""
    module, data = _module(), _data()
    batches = pd.measure.sliced(data, 20)
    pairs = [tuple(map(torch.from_numpy, batch)) for batch in batches]
    return module, pairs, {n: jnp.asarray(p.detach().numpy()) for n, p in module.named_parameters()}, batches


@pytest.mark.slow
def test_a_module_and_the_same_network_in_jax_give_one_report(both):
    """What is computed to rounding, what is sampled to five of its standard errors (other probes: other generators)."""
    module, pairs, weights, batches = both
    first = pd.measure.report(ENTROPY, module, pairs, key=KEY, budget=400)
    second = pd.measure.report(_in_jax, weights, batches, key=KEY, budget=400)
    assert first.plan == second.plan
    assert first.weights == second.weights == 18 + 2 + 2 + 2 + 54 + 3
    for name in ("loss", "gradient_norm", "curvature_gradient", "batch_sharpness", "best_rate"):
        assert float(first.estimates[name].value) == pytest.approx(float(second.estimates[name].value), rel=1e-4)
    np.testing.assert_allclose(first.eigenvalues.value[:3], second.eigenvalues.value[:3], rtol=1e-3)
    for name in ("hessian_trace", "hessian_square", "stationary_ratio"):
        one, other = first.estimates[name], second.estimates[name]
        assert abs(one.value - other.value) < 5 * np.hypot(one.standard_error, other.standard_error)
    assert set(first.traces) == set(second.traces)
    assert "eval mode: dropout is off" in first.answer


def test_the_module_is_left_as_it_was(both):
    module, pairs, *_ = both
    before = {name: value.clone() for name, value in module.state_dict().items()}
    pd.measure.report(ENTROPY, module, pairs, key=KEY, budget=60)
    assert all(part.training for part in module.modules())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())


def test_as_it_is_keeps_dropout_and_the_statistics_of_minibatches(both):
    module, pairs, *_ = both
    before = {name: value.clone() for name, value in module.named_buffers()}
    network = pd.measure.torch_network(ENTROPY, module, pairs, mode="as it is")
    assert len({network.slope(pairs[0])[0] for _ in range(5)}) > 1
    assert all(torch.equal(value, before[name]) for name, value in module.named_buffers())
    assert "in the mode it was in" in pd.measure.report(network, key=KEY, budget=60).answer


def test_frozen_parameters_are_no_weights(both):
    module, pairs = _module(), both[1]
    module[0].requires_grad_(False)
    found = pd.measure.report(ENTROPY, module, pairs, key=KEY, budget=60)
    assert found.weights == 2 + 2 + 54 + 3
    assert "2 arrays that need no gradient are not weights" in found.answer


def test_products_survive_that_the_gradient_is_given_back(both):
    module, pairs, *_ = both
    network = pd.measure.torch_network(ENTROPY, module, pairs)
    here = network.linearized(pairs[0])
    vector = network.signs(KEY)
    before = network.written(here.product(vector))
    after = network.written(network.without_gradient(here).product(vector))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("make", ["jax", "torch"])
def test_vectors_of_both_libraries_obey_the_same_laws(both, make):
    module, pairs, weights, batches = both
    makers = {
        "jax": lambda: pd.measure.jax_network(_in_jax, weights, batches),
        "torch": lambda: pd.measure.torch_network(ENTROPY, module, pairs),
    }
    network = makers[make]()
    signs, normal = network.signs(KEY), network.normal(KEY)
    assert network.dot(signs, signs) == network.size
    assert abs(network.dot(normal, normal) / network.size - 1) < 6 * (2 / network.size) ** 0.5
    assert network.dot(network.copied(signs), network.signs(KEY)) == network.size
    assert network.dot(network.signs(jax.random.key(1)), signs) < network.size
    read = network.read(network.written(normal))
    assert network.norm(network.combined(read, 1.0, normal, -1.0)) == 0
    assert network.norm(network.scaled(network.copied(signs), 3.0)) == pytest.approx(3 * network.size**0.5)
    here = network.linearized(network.batches[0])
    product = here.product(signs)
    total = network.added(network.scaled(network.copied(signs), 0.0), here.product, signs, 0.5)
    assert network.norm(network.combined(total, 2.0, product, -1.0)) < 1e-5 * network.norm(product)
    assert network.forms(here, signs).sum() == pytest.approx(network.dot(signs, product), rel=1e-5)
    assert network.held_bytes(here, network.batches[0]) > 0


def test_a_module_as_a_circuit_has_the_derivatives_of_the_same_loss_in_jax(both):
    module, _, weights, _ = both
    data = _data()
    circuit = pd.circuits.from_torch(ENTROPY, module, tuple(map(torch.from_numpy, data)))
    loss = lambda w: _in_jax(w, data)  # noqa: E731 - one line
    vector = tree.normal_like(KEY, weights)
    for ask in (
        lambda f: f(weights),
        lambda f: jax.grad(f)(weights),
        lambda f: jax.jvp(jax.grad(f), (weights,), (vector,))[1],
        lambda f: jax.grad(lambda w: tree.dot(jax.grad(f)(w), vector))(weights),
        lambda f: jax.jit(jax.vmap(lambda s: jax.linearize(jax.grad(f), weights)[1](tree.scale(s, vector))))(jnp.arange(3.0)),
    ):
        for one, other in zip(jax.tree.leaves(ask(circuit.loss_at)), jax.tree.leaves(ask(loss)), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    with pytest.raises(Exception, match="first and second derivatives only"):
        jax.jvp(jax.hessian(circuit.loss_at), (weights,), (vector,))


@pytest.mark.slow
def test_simulate_and_stability_take_a_module(both):
    module, _, weights, _ = both
    data = _data()
    of_torch = pd.circuits.from_torch(ENTROPY, module, tuple(map(torch.from_numpy, data)))
    pair = of_torch, pd.Circuit(lambda w: _in_jax(w, data), weights)
    rule = pd.rules.gradient(pd.axis("rate", [0.05, 0.1])) + pd.fluctuations.white(0.01)
    runs = [pd.simulate(each, rule, steps=10, replicas=2, key=KEY, record=["loss"]) for each in pair]
    np.testing.assert_allclose(runs[0].loss, runs[1].loss, rtol=1e-4)
    found = [
        pd.measure.sign_stability(each, pd.rules.presynaptic(0.3, 1), rate=0.05, key=KEY, steps=0, keep="norm") for each in pair
    ]
    assert found[0].verdict == found[1].verdict
    assert found[0].unstable == found[1].unstable


@pytest.mark.parametrize(
    ("loss", "module", "batches", "message"),
    [
        (ENTROPY, torch.nn.Flatten(), [(0, 0)], "module must have floating-point parameters that need a gradient; got none"),
        (ENTROPY, _module(), [3], "batches must be pairs (inputs, targets); got 3"),
        (ENTROPY, _module(), [(torch.zeros(2), torch.zeros(2))], "loss failed on the first of the batches: "),
        (lambda outputs, targets: outputs, _module(), [(torch.zeros(2, 1, 5, 5), torch.zeros(2))], "loss failed on the first"),
        (lambda outputs: outputs, _module(), [(0, 0)], "loss must be a function of outputs and targets"),
    ],
)
def test_bad_modules_are_refused_in_one_line(loss, module, batches, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        pd.measure.report(loss, module, batches, key=KEY, budget=60)
    assert len(str(caught.value).splitlines()) == 1
    if "first" not in message:
        with pytest.raises(ValueError, match="data" if "batches" in message else re.escape(message)):
            pd.circuits.from_torch(loss, module, batches[0])


def test_a_module_needs_data_and_finite_weights(both):
    with pytest.raises(ValueError, match="batches must be given for a PyTorch module"):
        pd.measure.report(ENTROPY, _module(), key=KEY)
    broken = _module()
    with torch.no_grad():
        broken[0].bias[0] = float("nan")
    with pytest.raises(ValueError, match="module must have finite parameters"):
        pd.measure.report(ENTROPY, broken, both[1], key=KEY)
