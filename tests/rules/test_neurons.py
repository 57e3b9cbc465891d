"""Signs by neuron, and curl descent on fixed norms: against hand-written updates and an independent integrator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import plastodyn as pd
from plastodyn.protocol import Moment

SIGNS_IN, SIGNS_HIDDEN = np.array([-1.0, -1.0, 1.0, 1.0]), np.array([-1.0, 1.0, 1.0])


def _layered(**options):
    return pd.circuits.student_teacher([4, 3, 2], inputs=30, key=jax.random.key(3), displacement=0.3, **options)


def _velocities(circuit, signs):
    """The velocity of gradient descent, and the same with flipped signs."""
    moment = Moment(circuit, circuit.weights, jnp.float32(0))
    plain = pd.rules.gradient(0.1)
    flipped = pd.rules.flipped(plain, signs)
    state = flipped.init(moment, jax.random.key(0))
    return jax.jit(lambda: (plain.velocity(moment, None), flipped.velocity(moment, state)))()


@pytest.mark.parametrize(("layer", "count"), [(0, 4), (1, 3)])
def test_presynaptic_flips_columns(layer, count):
    plain, flipped = _velocities(_layered(), pd.rules.presynaptic(SIGNS_IN[:count], layer=layer))
    # Signs are exact in floating point: equality without a tolerance.
    np.testing.assert_array_equal(flipped.kernels[layer], np.asarray(plain.kernels[layer]) @ np.diag(SIGNS_IN[:count]))
    np.testing.assert_array_equal(flipped.kernels[1 - layer], plain.kernels[1 - layer])


@pytest.mark.parametrize(("layer", "count"), [(0, 3), (1, 2)])
def test_postsynaptic_flips_rows(layer, count):
    plain, flipped = _velocities(_layered(plastic_biases=True), pd.rules.postsynaptic(SIGNS_HIDDEN[:count], layer=layer))
    np.testing.assert_array_equal(flipped.kernels[layer], np.diag(SIGNS_HIDDEN[:count]) @ np.asarray(plain.kernels[layer]))
    np.testing.assert_array_equal(flipped.kernels[1 - layer], plain.kernels[1 - layer])
    # A bias is no synapse of the matrix.
    for own, other in zip(flipped.biases, plain.biases, strict=True):
        np.testing.assert_array_equal(own, other)


def test_fluctuations_flip_too():
    """Both parts of a rule, its velocity and its increment, have their signs changed."""
    circuit = _layered()
    moment = Moment(circuit, circuit.weights, jnp.float32(0))
    noise = pd.fluctuations.white(0.1)
    flipped = pd.rules.flipped(noise, pd.rules.presynaptic(SIGNS_IN))
    drawn = noise.draw(circuit.weights, jax.random.key(0))
    states = [rule.init(moment, jax.random.key(0)) for rule in (noise, flipped)]
    rules = zip((noise, flipped), states, strict=True)
    plain, turned = (rule.increment(moment, state, jnp.float32(1), drawn)[0] for rule, state in rules)
    np.testing.assert_array_equal(turned.kernels[0], plain.kernels[0] * SIGNS_IN)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.24, 0.26, 0.5, 0.74, 1.0])
def test_a_fraction_flips_the_first_neurons(fraction):
    weights = (jnp.ones((3, 10)), jnp.ones((10, 10)))
    signs = pd.rules.presynaptic(fraction, layer=1).signs(weights)
    assert signs[1].ravel().tolist() == [-1.0] * round(10 * fraction) + [1.0] * (10 - round(10 * fraction))
    assert signs[0].tolist() == 1.0


def test_matrices_are_counted_and_vectors_are_not():
    weights = {"a_bias": jnp.ones(3), "b_first": jnp.ones((3, 4)), "c_scale": jnp.ones(()), "d_second": jnp.ones((2, 3))}
    signs = pd.rules.presynaptic(SIGNS_HIDDEN, layer=1).signs(weights)
    assert {name: sign.shape for name, sign in signs.items()} == {
        "a_bias": (),
        "b_first": (),
        "c_scale": (),
        "d_second": (1, 3),
    }
    assert signs["d_second"].tolist() == [SIGNS_HIDDEN.tolist()]


def test_fractions_may_be_an_axis():
    circuit = _layered()
    fractions = pd.axis("flipped", [0.0, 0.25, 0.5, 1.0])
    run = pd.simulate(
        circuit, pd.rules.flipped(pd.rules.gradient(0.1), pd.rules.presynaptic(fractions)), steps=5, key=jax.random.key(0)
    )
    assert run.weights.dims == ("flipped", "replica", "weight")
    for fraction in fractions.values:
        signs = pd.rules.presynaptic(np.where(np.arange(4) < 4 * fraction, -1, 1))
        alone = pd.simulate(circuit, pd.rules.flipped(pd.rules.gradient(0.1), signs), steps=5, key=jax.random.key(0))
        # Float32 rounding over 5 steps of products that are batched in one run and not in the other.
        np.testing.assert_allclose(run.weights.sel(flipped=fraction), alone.weights, atol=1e-6)


def test_inhibitory_neurons_turn_descent_around_in_their_synapses_alone():
    """A loss that is linear in the weights: excitatory columns descend it and inhibitory ones climb it, at rate 1 each."""
    kinds = np.array([1, 1, 1, -1])
    circuit = pd.Circuit(loss=jnp.sum, weights=jnp.zeros((2, 4)))
    run = pd.simulate(
        circuit, pd.rules.flipped(pd.rules.gradient(0.5), pd.rules.presynaptic(kinds)), steps=4, key=jax.random.key(0)
    )
    np.testing.assert_array_equal(run.weights.values.reshape(2, 4), np.tile(-2.0 * kinds, (2, 1)))


def _curl_descent(dtype="float64", rate=0.1):
    """A linear 4-3-1 student away from its teacher, its flipped neurons, and what NumPy needs to know of it."""
    circuit = pd.circuits.student_teacher(
        [4, 3, 1],
        hidden="linear",
        inputs=20,
        displacement=0.0,
        student=pd.circuits.fan_in_uniform(jax.random.key(8), [4, 3, 1], jnp.dtype(dtype)),
        normalisation=pd.circuits.half_squared_error,
        dtype=dtype,
        key=jax.random.key(2),
    )
    rule = pd.rules.flipped(pd.rules.gradient(rate), pd.rules.presynaptic(SIGNS_IN))
    rule = pd.rules.flipped(rule, pd.rules.presynaptic(SIGNS_HIDDEN, layer=1))
    return circuit, pd.rules.constrained(rule, keep="norm")


def _changes(circuit, first, second):
    """Curl descent written out: ``dW1 = -W2' e x' D1 / P``, ``dW2 = -e h' D2 / P``."""
    inputs, targets = np.asarray(circuit.inputs), np.asarray(circuit.targets)
    hidden = first @ inputs
    error = (second @ hidden - targets) / inputs.shape[1]
    return -second.T @ error @ inputs.T * SIGNS_IN, -error @ hidden.T * SIGNS_HIDDEN


def test_constrained_steps_are_those_of_the_paper():
    """Update, then rescale each matrix to its initial Frobenius norm; 50 steps."""
    with jax.enable_x64(True):
        circuit, rule = _curl_descent()
        run = pd.simulate(circuit, rule, steps=50, key=jax.random.key(0), record=["weights"])
    first, second = (np.asarray(kernel) for kernel in circuit.weights.kernels)
    norms = np.linalg.norm(first), np.linalg.norm(second)
    expected = [np.concatenate([first.ravel(), second.ravel()])]
    for _ in range(50):
        moved = [w + 0.1 * d for w, d in zip((first, second), _changes(circuit, first, second), strict=True)]
        first, second = (w * (norm / np.linalg.norm(w)) for w, norm in zip(moved, norms, strict=True))
        expected.append(np.concatenate([first.ravel(), second.ravel()]))
    # Double rounding, 1e-16 a step; where the field is unstable it grows at most by (1 + 0.1 x 2)^50, a factor of 1e4.
    np.testing.assert_allclose(run.weights_recorded[0], expected, atol=1e-10)
    assert np.abs(expected[-1] - expected[0]).max() > 0.1


def _tangent_flow(circuit):
    """The flow on the two spheres in the limit of small steps, by another program's integrator of order 8."""
    shapes = [kernel.shape for kernel in circuit.weights.kernels]
    start = np.concatenate([np.asarray(kernel).ravel() for kernel in circuit.weights.kernels])

    def field(_, flat):
        first, second = flat[:12].reshape(shapes[0]), flat[12:].reshape(shapes[1])
        changes = _changes(circuit, first, second)
        along = [d - w * (d * w).sum() / (w * w).sum() for w, d in zip((first, second), changes, strict=True)]
        return np.concatenate([part.ravel() for part in along])

    return solve_ivp(field, (0, 4), start, "DOP853", rtol=1e-13, atol=1e-14).y[:, -1]


@pytest.mark.parametrize(("solver", "order", "steps"), [(pd.solvers.euler, 1, (160, 320)), (pd.solvers.rk4, 4, (40, 80))])
def test_order_of_constrained_flows(solver, order, steps):
    """Restoring norms costs a solver nothing of its order; the slope is that of the error as dt is halved."""
    with jax.enable_x64(True):
        circuit, rule = _curl_descent(rate=1.0)
        ends = [
            pd.simulate(circuit, rule, duration=4.0, dt=4 / n, solver=solver, key=jax.random.key(0)).weights.values[0]
            for n in steps
        ]
    exact = _tangent_flow(circuit)
    errors = [np.linalg.norm(end - exact) for end in ends]
    slope = np.log2(errors[0] / errors[1])
    # The next term of the error is a factor dt smaller: at these steps it bends the slope by less than 0.15.
    assert abs(slope - order) < 0.15, errors


@pytest.mark.parametrize("make", [pd.rules.presynaptic, pd.rules.postsynaptic])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.1,), "neurons must be a number >= 0 and <= 1; got 1.1"),
        ((-0.1,), "neurons must be"),
        ((np.nan,), "neurons must be finite"),
        ((pd.axis("flipped", [0.5, 2.0]),), "neurons must be a number"),
        (("half",), "neurons must be a number"),
        (([1, 0, -1],), r"vector of \+1 and -1; got \[1, 0, -1\]"),
        ((np.ones((2, 2)),), r"vector of \+1 and -1"),
        ((0.5, -1), "layer must be a whole number >= 0; got -1"),
        ((0.5, 0.5), "layer must be a whole number"),
    ],
)
def test_bad_neurons_are_named(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(*arguments)


def test_signs_that_do_not_fit_the_circuit_are_named():
    circuit = _layered()
    for signs, message in (
        (pd.rules.presynaptic(0.5, layer=2), "number of weight matrices; got 2, and 2 arrays"),
        (pd.rules.presynaptic([1, -1, 1]), "each of the 4 presynaptic neurons; got 3 signs"),
        (pd.rules.postsynaptic([1, -1, 1, 1]), "each of the 3 postsynaptic neurons; got 4 signs"),
    ):
        with pytest.raises(ValueError, match=message):
            pd.simulate(circuit, pd.rules.flipped(pd.rules.gradient(0.1), signs), steps=1, key=jax.random.key(0))


@pytest.mark.parametrize(
    ("layout", "side", "axis"),
    [
        ("outputs-inputs", pd.rules.presynaptic, 1),
        ("outputs-inputs", pd.rules.postsynaptic, 0),
        ("inputs-outputs", pd.rules.presynaptic, 2),
        ("inputs-outputs", pd.rules.postsynaptic, 3),
    ],
)
def test_kernels_of_convolutions_have_neurons_on_both_sides(layout, side, axis):
    """The channels that enter and leave, wherever the layout has them; a kernel is a layer like a matrix."""
    kernel, matrix = jnp.ones((4, 6, 8, 10)), jnp.ones((3, 5))
    bias, signs, plain = side(0.5, layer=0, layout=layout).signs((jnp.ones(4), kernel, matrix))
    assert (bias.tolist(), plain.tolist()) == (1.0, 1.0)
    count = kernel.shape[axis]
    assert signs.shape == tuple(count if place == axis else 1 for place in range(4))
    assert signs.ravel().tolist() == [-1.0] * (count // 2) + [1.0] * (count // 2)
    of_matrix = side(0.5, layer=1, layout=layout).signs((jnp.ones(4), kernel, matrix))[2]
    assert of_matrix.shape == ((1, 5) if axis in (1, 3) else (3, 1))


def test_a_layout_that_is_none_is_refused():
    with pytest.raises(ValueError, match="layout must be one of outputs-inputs, inputs-outputs; got 'rows'"):
        pd.rules.presynaptic(0.5, layout="rows")
