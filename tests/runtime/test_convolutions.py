"""Convolutions rewritten with channels last: the same numbers, and no other form left, in loops, branches and calls."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plastodyn as pd
from plastodyn.runtime.convolutions import channels_last

KEY = jax.random.key(0)
IMAGES = jax.random.normal(KEY, (6, 2, 8, 8))
KERNEL = jax.random.normal(KEY, (3, 2, 3, 3))
# Sums of at most 6 * 36 * 9 products of numbers of order 1 in single precision.
ROUNDING = {"rtol": 1e-4, "atol": 1e-4}


def _loss(kernel, images=IMAGES, **options):
    options = {"window_strides": (1, 1), "padding": "SAME", **options}
    return jnp.mean(jnp.tanh(jax.lax.conv_general_dilated(images, kernel, **options)) ** 2)


def _in_a_loop(kernel):
    return jax.lax.fori_loop(0, 3, lambda _, k: k - 0.1 * jax.grad(_loss)(k), kernel)


def _in_a_branch(kernel):
    return jax.lax.cond(kernel.sum() > 0, jax.grad(_loss), lambda k: k, kernel), jax.lax.map(_loss, kernel[None])


FUNCTIONS = {
    "gradient": jax.grad(_loss),
    "strided": jax.grad(lambda k: _loss(k, window_strides=(2, 1), padding="VALID")),
    "dilated": jax.grad(lambda k: _loss(k, rhs_dilation=(2, 2), padding=((2, 1), (0, 2)))),
    "by images": lambda k: jax.grad(lambda x: _loss(k, x))(IMAGES),
    "groups": jax.grad(lambda k: _loss(k[:2, :1], feature_group_count=2)),
    "other order": jax.grad(lambda k: _loss(k, IMAGES.transpose(2, 3, 0, 1), dimension_numbers=("HWNC", "OIHW", "CWNH"))),
    "many": jax.vmap(jax.grad(_loss)),
    "loop": _in_a_loop,
    "branch": _in_a_branch,
    "call": lambda k: 2 * jax.jit(jax.grad(_loss))(k),
    "scan and remat": lambda k: jax.lax.scan(lambda c, _: (c - jax.grad(jax.checkpoint(_loss))(c), None), k, length=2)[0],
}


def _orders(function, *arguments):
    """The order of dimensions of each convolution of the function."""
    lines = jax.jit(function).lower(*arguments).as_text().splitlines()
    return {
        line.split("dim_numbers = ")[1].split(",  ")[0].split(", window")[0]
        for line in lines
        if "stablehlo.convolution" in line
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_numbers_are_the_same_and_the_order_is_the_fast_one(name):
    function, kernel = FUNCTIONS[name], KERNEL[None] if name == "many" else KERNEL
    expected, found = function(kernel), channels_last(function)(kernel)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **ROUNDING), found, expected)
    assert _orders(channels_last(function), kernel) == {"[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]"}
    assert _orders(function, kernel) != {"[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]"}


def test_what_is_no_array_passes_through():
    function = channels_last(lambda x, power, word="none": (x**power, word, None))
    found, word, nothing = function(jnp.arange(3.0), 2, word="some")
    assert (found.tolist(), word, nothing) == ([0.0, 1.0, 4.0], "some", None)


def test_a_run_with_convolutions_is_compiled_in_the_fast_order_on_any_number_of_devices(monkeypatch):
    """And is the run of a Python loop over a jitted step, to rounding."""
    from plastodyn.simulation import engine

    texts, compiled = [], engine.compiled_advance

    def watched(program):
        def advance(*arguments):
            texts.append(compiled(program).lower(*arguments).as_text())
            return compiled(program)(*arguments)

        return advance

    monkeypatch.setattr(engine, "compiled_advance", watched)
    circuit = pd.Circuit(loss=lambda k: _loss(k, window_strides=(2, 1)), weights=KERNEL)
    replicas = 2
    run = pd.simulate(circuit, pd.rules.gradient(0.1), steps=4, replicas=replicas, key=KEY, chunk=1, progress=False)
    convolutions = [line for text in texts for line in text.splitlines() if "stablehlo.convolution" in line]
    assert convolutions
    assert all("[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]" in line for line in convolutions)
    kernel, step = KERNEL, jax.jit(lambda k: k - 0.1 * jax.grad(circuit.loss_at)(k))
    for _ in range(4):
        kernel = step(kernel)
    for replica in range(replicas):
        np.testing.assert_allclose(run.weights[replica], kernel.ravel(), rtol=1e-5, atol=1e-6)
