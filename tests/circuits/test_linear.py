"""Circuits that stand in for a student-teacher circuit: through its input covariance, or with a matching loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn import tree
from plastodyn.circuits.layered.linear import quadratic_form
from plastodyn.protocol import Moment
from plastodyn.simulation.members import stack

LOSSES = [pd.circuits.half_squared_error, pd.circuits.mean_squared_error]


def _full(widths=(4, 3, 1), key=3, **options):
    arguments = {"hidden": "linear", "inputs": 40, "displacement": 0.3, "dtype": "float64", **options}
    return pd.circuits.student_teacher(widths, key=jax.random.key(key), **arguments)


def _flat(tree_of_arrays):
    return np.asarray(tree.ravel(tree_of_arrays))


@pytest.mark.parametrize(
    ("widths", "normalisation"),
    [((4, 3, 1), LOSSES[0]), ((4, 5, 3, 2), LOSSES[1]), ((4, 5, 3, 2), LOSSES[0]), ((4, 3), LOSSES[1])],
)
def test_the_covariance_carries_all_of_the_loss(widths, normalisation):
    """Loss, gradient and Hessian-vector product: the same as through all inputs, with 1 to 3 layers and 1 to 3 outputs."""
    with jax.enable_x64(True):
        full = _full(widths, normalisation=normalisation)
        small = pd.circuits.through_covariance(full)
        direction = tree.normal_like(jax.random.key(1), full.weights)

        @jax.jit
        def seen(weights):
            return tuple((c.loss_at(weights), *jax.jvp(jax.grad(c.loss_at), (weights,), (direction,))) for c in (full, small))

        # Sums over 40 samples of terms of order 1, in double precision.
        expected, found = seen(full.weights)
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_allclose(_flat(other), _flat(one), atol=1e-12)
        assert float(tree.norm(expected[1])) > 0.01
        assert float(small.loss_at(full.teacher)) == 0


def test_the_custom_derivative_is_that_of_the_plain_expression():
    """First and second derivatives of tr(E C E') along both arguments, forwards and backwards, at a symmetric C."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        error, change, root, spread = (jnp.asarray(rng.normal(size=s)) for s in ((2, 4), (2, 4), (4, 4), (4, 4)))
        point, along = (error, root @ root.T), (change, spread + spread.T)

        def derivatives(form):
            """Value, derivative along a direction, gradient, and Hessian times that direction."""
            slope = jax.grad(form, argnums=(0, 1))
            return form(*point), jax.jvp(form, point, along)[1], slope(*point), *jax.jvp(slope, point, along)

        def plain(e, c):
            return jnp.trace(e @ c @ e.T)

        # Sums of 32 products of order 1 to 10.
        ours, theirs = jax.jit(lambda: (derivatives(quadratic_form), derivatives(plain)))()
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(_flat(one), _flat(other), atol=1e-12)
        hessian = jax.jit(jax.hessian(lambda e: quadratic_form(e, point[1])))(error).reshape(8, 8)
        np.testing.assert_allclose(hessian, np.kron(np.eye(2), 2 * np.asarray(point[1])), atol=1e-12)


def test_nothing_of_it_grows_with_the_number_of_inputs():
    small = pd.circuits.through_covariance(_full(dtype="float32"))
    assert {size for leaf in jax.tree.leaves(small) for size in leaf.shape} == {4, 3, 1}


def test_the_test_error_is_that_on_other_inputs():
    with jax.enable_x64(True):
        full = _full()
        others = jnp.asarray(np.random.default_rng(1).normal(size=(4, 25)))
        tested = _full(inputs=others, teacher=full.teacher.kernels)
        small = pd.circuits.through_covariance(full, test_covariance=pd.circuits.input_covariance(others))
        np.testing.assert_allclose(small.test_error(full.weights), tested.loss_at(full.weights), atol=1e-12)
        # The circuit learns on its own inputs, which are the test inputs too unless others are given.
        np.testing.assert_allclose(small.loss_at(full.weights), full.loss_at(full.weights), atol=1e-12)
        plain = pd.circuits.through_covariance(full)
        assert float(plain.test_error(full.weights)) == float(plain.loss_at(full.weights))


def test_circuits_that_share_a_covariance_keep_it_once():
    inputs = jax.random.normal(jax.random.key(0), (4, 40))
    covariance = pd.circuits.input_covariance(inputs)
    each = [_full(key=k, inputs=inputs, dtype="float32") for k in range(3)]
    sharing = [pd.circuits.through_covariance(c, covariance) for c in each]
    own = [pd.circuits.through_covariance(c) for c in each]
    together, differs = stack(sharing)
    assert together.covariance is covariance
    assert together.target_map.shape == (3, 1, 4)
    assert (differs.covariance, differs.target_map, *differs.weights.kernels) == (False, True, True, True)
    assert stack(own)[0].covariance.shape == (3, 4, 4)
    # The numbers are those of the circuits that keep all their inputs, up to single precision in 20 steps.
    first, second = (pd.simulate(c, pd.rules.gradient(0.1), steps=20, key=jax.random.key(0)) for c in (sharing, each))
    np.testing.assert_allclose(first.weights, second.weights, atol=2e-6)
    np.testing.assert_allclose(first.loss, second.loss, atol=2e-6)
    assert np.ptp(first.weights.values, axis=0).min() > 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden": "tanh"}, r"linear in every layer; got the activations \('tanh', 'linear'\)"),
        ({"output": "tanh"}, "linear in every layer"),
        ({"biases": True}, "must have no biases"),
        ({"plastic_biases": True}, "must have no biases"),
        ({"normalisation": lambda error: jnp.mean(jnp.abs(error))}, "must use half_squared_error or mean_squared_error"),
    ],
)
def test_circuits_without_a_covariance_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        pd.circuits.through_covariance(_full(**{"dtype": "float32", **change}))


def test_a_covariance_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"covariance must have shape \(4, 4\); got \(3, 3\)"):
        pd.circuits.through_covariance(_full(dtype="float32"), jnp.eye(3))
    with pytest.raises(ValueError, match=r"test_covariance must have shape \(4, 4\); got \(4,\)"):
        pd.circuits.through_covariance(_full(dtype="float32"), test_covariance=jnp.ones(4))


PHI = {"linear": lambda a: a, "tanh": np.tanh, "sigmoid": lambda a: 1 / (1 + np.exp(-a))}


@pytest.mark.parametrize(
    ("output", "biases"), [("linear", {}), ("tanh", {}), ("tanh", {"biases": True}), ("sigmoid", {"plastic_biases": True})]
)
def test_matching_losses_leave_out_the_slope_of_the_outputs(output, biases):
    """The gradient is the update written by hand, ``(phi(a) - y*) h'``, in both layers and for biases that learn."""
    with jax.enable_x64(True):
        circuit = pd.circuits.matched(_full((4, 3, 2), hidden="tanh", output=output, **biases))
        weights = circuit.weights._replace(biases=jax.tree.map(lambda b: b + 0.3, circuit.weights.biases))
        slope = jax.jit(jax.grad(circuit.loss_at))(weights)
        (w1, w2), x = (np.asarray(k) for k in weights.kernels), np.asarray(circuit.circuit.inputs)
        b1, b2 = (np.asarray(b)[:, None] for b in weights.biases) if weights.biases else (0, 0)
        h = np.tanh(w1 @ x + b1)
        delta = (PHI[output](w2 @ h + b2) - np.asarray(circuit.circuit.targets)) / x.shape[1]
        inner = (w2.T @ delta) * (1 - h**2)
        expected = [inner @ x.T, delta @ h.T, *([inner.sum(1), delta.sum(1)] if weights.biases else [])]
        # Sums over 40 samples in double precision.
        for found, written in zip(jax.tree.leaves(slope), expected, strict=True):
            np.testing.assert_allclose(found, written, atol=1e-12)


@pytest.mark.parametrize("output", PHI)
def test_matching_losses_are_smallest_at_the_teacher(output):
    with jax.enable_x64(True):
        circuit = pd.circuits.matched(_full((4, 3, 2), hidden="tanh", output=output))
        assert float(tree.norm(jax.jit(jax.grad(circuit.loss_at))(circuit.teacher))) < 1e-12
        assert float(circuit.loss_at(circuit.weights)) > float(circuit.loss_at(circuit.teacher))
        assert float(circuit.task_error(circuit.teacher)) == 0
        assert float(circuit.task_error(circuit.weights)) == float(circuit.circuit.loss_at(circuit.weights))


def test_the_integral_of_tanh_does_not_overflow():
    """log cosh a is |a| - log 2 up to exp(-2|a|), at drives where cosh a is beyond single precision."""
    circuit = pd.circuits.student_teacher(
        [1, 1], output="tanh", inputs=jnp.array([[1.0]]), teacher=[[[0.0]]], key=jax.random.key(0)
    )
    both = jax.jit(jax.value_and_grad(pd.circuits.matched(circuit).loss_at))
    for drive in (0.0, 0.5, -200.0, 1e4):
        weights = pd.circuits.Layers((jnp.full((1, 1), drive),))
        expected = np.logaddexp(drive, -drive) - np.log(2)
        # Single precision, a few roundings.
        loss, slope = both(weights)
        assert float(loss) == pytest.approx(expected, rel=1e-6, abs=1e-7)
        assert float(slope.kernels[0][0, 0]) == pytest.approx(np.tanh(drive), rel=1e-6)


def test_matching_a_linear_output_is_the_squared_error_up_to_a_constant():
    with jax.enable_x64(True):
        full = _full((4, 3, 2), normalisation=pd.circuits.half_squared_error)
        circuit = pd.circuits.matched(full)
        constant = 0.5 * float(jnp.mean(jnp.sum(full.targets**2, axis=0)))
        assert float(circuit.loss_at(full.weights)) + constant == pytest.approx(float(full.loss_at(full.weights)), abs=1e-12)


def test_an_output_without_a_matching_loss_is_refused():
    with pytest.raises(ValueError, match="output activation must be one of linear, tanh, sigmoid; got 'relu'"):
        pd.circuits.matched(_full(output="relu", dtype="float32"))


def test_a_given_teacher_and_student_are_used():
    teacher, student = ([np.full((3, 4), a), np.full((2, 3), b)] for a, b in ((0.5, 0.1), (0.2, -0.3)))
    inputs = jnp.ones((4, 1))
    options = {"hidden": "linear", "dtype": "float32", "inputs": inputs}
    circuit = _full((4, 3, 2), teacher=teacher, student=student, **options)
    # By hand: each hidden unit carries 4 x 0.5, each output 3 x 0.1 times that.
    np.testing.assert_allclose(circuit.targets, 0.6, rtol=1e-6)
    np.testing.assert_allclose(circuit.rates(circuit.weights)[-1], 3 * -0.3 * 4 * 0.2, rtol=1e-6)
    assert all(map(np.array_equal, circuit.teacher.kernels, [np.float32(k) for k in teacher]))
    # A teacher alone is displaced as a whole.
    displaced = _full((4, 3, 2), teacher=teacher, **options).weights.kernels
    factors = [np.unique(np.asarray(w) / np.float32(t)) for w, t in zip(displaced, teacher, strict=True)]
    assert np.ptp(np.concatenate(factors)) < 1e-6
    assert abs(factors[0][0] - 1) > 1e-3
    # A student alone leaves the teacher and the inputs as they were drawn.
    drawn, other = (_full((4, 3, 2), student=s, **options) for s in (None, student))
    assert np.array_equal(drawn.teacher.kernels[0], other.teacher.kernels[0])


@pytest.mark.parametrize("name", ["teacher", "student"])
@pytest.mark.parametrize(
    ("kernels", "message"),
    [
        ([jnp.ones((3, 4))], r"must hold kernels of shapes \[\(3, 4\), \(1, 3\)\]; got \[\(3, 4\)\]"),
        ([jnp.ones((4, 3)), jnp.ones((1, 3))], "must hold kernels of shapes"),
        ([jnp.ones((3, 4)), jnp.full((1, 3), jnp.nan)], "must be finite"),
    ],
)
def test_bad_kernels_are_named(name, kernels, message):
    with pytest.raises(ValueError, match=name + r".*" + message):
        _full(dtype="float32", **{name: kernels})


@pytest.mark.parametrize(("law", "deviation"), [(pd.circuits.fan_in_uniform, 3**-0.5), (pd.circuits.fan_in_normal, 1.0)])
def test_fan_in_laws(law, deviation):
    """Variances at five standard errors; n = 20 000 entries a layer, var(w^2) = (kurtosis - 1) var(w)^2."""
    kernels = law(jax.random.key(0), [100, 200, 100], jnp.dtype("float32"), scale=2.0)
    excess = {3**-0.5: 9 / 5 - 1, 1.0: 2}[deviation]
    for kernel, fan_in in zip(kernels, (100, 200), strict=True):
        scaled = np.asarray(kernel) * fan_in**0.5 / 2
        assert abs(scaled.mean()) < 5 * deviation / scaled.size**0.5
        assert abs(np.mean(scaled**2) / deviation**2 - 1) < 5 * (excess / scaled.size) ** 0.5
        if deviation < 1:
            # n uniform draws leave a gap of about 1/n below the bound.
            assert 1 - 1e-3 < np.abs(scaled).max() <= 1 + 1e-6
    assert abs(np.corrcoef(kernels[0].ravel(), kernels[1].ravel())[0, 1]) < 5 / 20_000**0.5


@pytest.mark.parametrize("make", [pd.circuits.through_covariance, pd.circuits.matched])
def test_gradients_read_through_the_moment(make):
    """A rule sees the stand-in's loss and the teacher."""
    circuit = make(_full(dtype="float32"))
    moment = Moment(circuit, circuit.weights, jnp.zeros(()))
    assert float(tree.norm(moment.gradient())) > 0.01
    aim = pd.rules.beeline(1.0).velocity(moment, None)
    np.testing.assert_allclose(_flat(tree.add(circuit.weights, aim)), _flat(circuit.teacher), atol=1e-6)


def _whole(widths, key):
    """A linear circuit in its own coordinates, in float64 where that is switched on."""
    full = pd.circuits.student_teacher(
        widths, key=key, hidden="linear", inputs=40, displacement=0.5, dtype="float64",
        normalisation=pd.circuits.half_squared_error,
    )  # fmt: skip
    return pd.circuits.through_covariance(full)


@pytest.mark.parametrize(
    ("cheaper", "layer", "widths"),
    [
        (pd.circuits.reachable, 0, [6, 20, 1]),
        (pd.circuits.reachable, 0, [5, 12, 2]),
        (lambda c: pd.circuits.principal_axes([c])[0], 1, [6, 4, 1]),
        (lambda c: pd.circuits.principal_axes([c])[0], 1, [5, 12, 2]),
    ],
)
def test_learning_is_the_same_in_cheaper_coordinates(cheaper, layer, widths, key):
    """300 steps of curl descent with norms held, in both coordinates; float64 rounding, which chaos-free learning damps."""
    with jax.enable_x64(True):
        whole = _whole(widths, key)
        rule = pd.rules.constrained(pd.rules.flipped(pd.rules.gradient(0.05), pd.rules.presynaptic(0.2, layer=layer)))
        runs = [pd.simulate(c, rule, steps=300, key=key, record=["loss"]) for c in (whole, cheaper(whole))]
        np.testing.assert_allclose(runs[0].loss, runs[1].loss, rtol=1e-9, atol=1e-14)
        small = cheaper(whole)
        np.testing.assert_allclose(small.test_error(small.weights), whole.test_error(whole.weights), rtol=1e-10)


@pytest.mark.parametrize(
    "synapses", [lambda units: pd.rules.presynaptic(units, 1), lambda units: pd.rules.postsynaptic(units, 0)]
)
@pytest.mark.parametrize(
    ("widths", "flipped"),
    [(w, n) for w in ([4, 24, 1], [3, 24, 2], [4, 9, 1]) for n in (0, 3, 9, 24) if n <= w[1]],
)
def test_units_of_one_sign_may_be_rotated_among_themselves(widths, flipped, synapses, key):
    """Fewer and more flipped units than directions, none and all: curl descent is the same, chaos-free, in float64."""
    with jax.enable_x64(True):
        whole = _whole(widths, key)
        signs = np.random.default_rng(flipped).permutation(np.where(np.arange(widths[1]) < flipped, -1, 1))
        small, kept = pd.circuits.reachable_by_sign(whole, signs)
        assert small.weights.kernels[0].shape[0] == min(widths[1], 2 * (widths[0] + widths[2]))
        runs = []
        for circuit, units in ((whole, signs), (small, kept)):
            rule = pd.rules.constrained(pd.rules.flipped(pd.rules.gradient(0.05), synapses(units)))
            runs.append(pd.simulate(circuit, rule, steps=300, key=key, record=["loss"]))
        np.testing.assert_allclose(runs[0].loss, runs[1].loss, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("signs", [[1] * 8, [[1] * 9], [0.5] * 9, [np.nan] * 9, "x"])
def test_signs_of_hidden_units_are_checked(signs, key):
    whole = pd.circuits.through_covariance(pd.circuits.student_teacher([2, 9, 1], key=key, hidden="linear", inputs=40))
    with pytest.raises(ValueError, match=r"^signs\S* must hold"):
        pd.circuits.reachable_by_sign(whole, signs)


def test_reachable_keeps_what_is_small_already(key):
    full = pd.circuits.student_teacher([6, 7, 1], key=key, hidden="linear", inputs=40)
    whole = pd.circuits.through_covariance(full)
    assert pd.circuits.reachable(whole) is whole


def test_principal_axes_keep_common_data_common(key):
    full = pd.circuits.student_teacher([6, 7, 1], key=key, hidden="linear", inputs=40)
    whole = pd.circuits.through_covariance(full)
    one, two = pd.circuits.principal_axes([whole, whole])
    assert one.covariance is two.covariance
    assert one.test_covariance is two.test_covariance


@pytest.mark.parametrize("widths", [[6, 7, 1], [6, 5, 4, 1]])
def test_cheaper_coordinates_refuse_other_circuits(widths, key):
    full = pd.circuits.student_teacher(widths, key=key, hidden="linear", inputs=40)
    with pytest.raises(ValueError, match="circuit must"):
        pd.circuits.reachable(full if len(widths) == 3 else pd.circuits.through_covariance(full))
    with pytest.raises(ValueError, match="circuits must"):
        pd.circuits.principal_axes([full])
