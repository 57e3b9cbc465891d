"""Fields written out: the operations are the field, in floats, in balls, and in their slopes."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

from plastodyn.certify.balls import BALLS, duals, variables
from plastodyn.certify.tape import Tape
from plastodyn.certify.transcribe import transcribe


def pendulum(z):
    return jnp.stack([z[1], -jnp.sin(z[0]) - z[1]])


def test_the_list_of_operations_is_the_field():
    """The transcription, in floats, against JAX at random states; and slopes by dual numbers against JAX's."""

    def field(z):
        w = jnp.array([[1.0, -0.5], [0.25, 2.0]])
        hidden = jax.nn.sigmoid(w @ z) * jnp.exp(-(z**2)) + jnp.sqrt(1 + z[::-1] ** 2)
        return jnp.concatenate([hidden[:1] / (2 + jnp.cos(z[1:])), jnp.array([jnp.sum(z * hidden) + z[1] ** 3])])

    tape = transcribe(field, 2)
    assert Tape.from_lists(json.loads(json.dumps(tape.to_lists()))).outputs == tape.outputs
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        for point in rng.normal(size=(20, 2)):
            balls = tape.run([arb(float(x)) for x in point], BALLS)
            np.testing.assert_allclose([float(x.mid()) for x in balls], field(jnp.asarray(point)), rtol=1e-12)
            slopes = tape.run(variables([arb(float(x)) for x in point]), duals(2))
            found = [[float(s.mid()) for s in x.slope] for x in slopes]
            np.testing.assert_allclose(found, jax.jacfwd(field)(jnp.asarray(point)), rtol=1e-11, atol=1e-12)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(-2, 2), min_size=2, max_size=2), st.lists(st.floats(-1, 1), min_size=2, max_size=2))
def test_balls_enclose_what_lies_in_them(centre, offset):
    tape = transcribe(pendulum, 2)
    box = [arb(c, 0.5) for c in centre]
    inside = [c + 0.49 * d for c, d in zip(centre, offset, strict=True)]
    exact = tape.run([arb(x) for x in inside], BALLS)
    assert all(ball.contains(value) for ball, value in zip(tape.run(box, BALLS), exact, strict=True))


@jax.custom_jvp
def _lying(x):
    return 3 * jnp.tanh(x)


_lying.defjvp(lambda primals, tangents: (_lying(*primals), -tangents[0]))


@pytest.mark.parametrize(
    ("field", "slope"),
    [
        (lambda z: -z + jax.lax.stop_gradient(3 * jnp.tanh(z)), 2.0),
        (lambda z: -z + _lying(z), 2.0),
        (lambda z: -z * (1 + z @ z), -1.0),
        (lambda z: -jnp.take(z, jnp.array([0])) + 0 * z**0, -1.0),
        (lambda z: -z * (1 + jnp.var(z)), -1.0),
        (lambda z: jnp.where(jnp.array([True]), -z, jnp.inf), -1.0),
    ],
)
def test_slopes_are_those_of_the_operations(field, slope):
    """Whatever derivative a function brings along."""
    (found,) = transcribe(field, 1).run(variables([arb(0)]), duals(1))
    assert float(found.slope[0].mid()) == pytest.approx(slope)


@pytest.mark.parametrize("field", [lambda z: 0.0 * jnp.sqrt(z - 5), lambda z: (z - z) / z, lambda z: 0.0 * jnp.log(z) + z])
def test_what_is_no_number_stays_none(field):
    """A factor of 0 does not make a number of what is none."""
    assert not transcribe(field, 1).run([arb(0)], BALLS)[0].is_finite()


def test_products_with_zero_that_are_safe_are_left_out():
    names = [name for name, _ in transcribe(lambda z: jnp.eye(3) @ jnp.tanh(z), 3).operations]
    assert names.count("mul") == 0


@pytest.mark.parametrize("power", [1, 2, 3, 4, 7, -1, -2])
def test_powers_of_balls_are_tight(power):
    for low, high in ((-1.0, 2.0), (-2.0, 1.0), (-1.0, 1.0), (0.5, 2.0), (-2.0, -0.5)):
        found = BALLS["power"](arb(low).union(arb(high)), power)
        if power < 0 and low < 0 < high:
            assert not found.is_finite()
            continue
        inside = np.linspace(low, high, 2001) ** float(power)
        assert found.contains(arb(inside.min()))
        assert found.contains(arb(inside.max()))
        assert float(found.rad()) <= 0.51 * (inside.max() - inside.min()) + 1e-8


@pytest.mark.parametrize(
    "operation",
    [
        *(["sin", 1], ["sin", -1], ["sin", True], ["sin", 0, 0], ["add", 0], ["gamma", 0], [], "neg"),
        *(["power", 0, 0], ["power", 0, 2.0], ["power", 0, 10**6], ["input", 1], ["input", False]),
        *(["constant", "inf"], ["constant", "1.0"], ["constant", 1.0]),
    ],
)
def test_operations_that_are_none_are_refused(operation):
    with pytest.raises((ValueError, TypeError)):
        Tape.from_lists({"operations": [["input", 0], operation], "outputs": [0]})
