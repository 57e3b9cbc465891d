"""A network with one hidden layer and a linear output, at a solution: its checks, and the curvatures of its error."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn import checks
from plastodyn.types import Floats

Activation = Callable[[Array], Array]


class Network(NamedTuple):
    """What was to be learned: ``readout @ activation(hidden @ inputs)``."""

    inputs: Array
    hidden: Array
    readout: Array


def network_of(inputs: Array, hidden: Array, readout: Array, activation: Activation) -> Network:
    """The three arrays in single precision, checked, shapes and activation too."""
    for name, value in (("inputs", inputs), ("hidden", hidden), ("readout", readout)):
        checks.matrix(name, value)
        checks.weights(name, value)
    for name, value, where, size in (
        ("hidden", hidden, "inputs", inputs.shape[0]),
        ("readout", readout, "hidden neurons", hidden.shape[0]),
    ):
        if value.shape[1] != size:
            raise ValueError(f"{name} must have a column for each of the {size} {where}; got an array of shape {value.shape}")
    network = Network(*(jnp.asarray(each, jnp.float32) for each in (inputs, hidden, readout)))
    checks.function("activation", activation, takes=1)
    drive = network.hidden @ network.inputs
    features = checks.traced("activation", activation, drive, on=" on hidden @ inputs")
    if getattr(features, "shape", None) != drive.shape:
        raise ValueError("activation must work elementwise, and return an array of the shape that it is given")
    return network


def solution_curvatures(inputs: Array, hidden: Array, readout: Array, *, activation: Activation = jax.nn.sigmoid) -> Floats:
    """Eigenvalues of the Hessian of the mean squared error at a solution, for one hidden layer and a linear output.

    ``F = <|readout h - y|^2> / outputs``, ``h = activation(hidden x)``, mean over samples. No error is left at a solution, so
    that ``H = (2 / outputs) <J'J>`` with J the slope of the outputs: with ``z`` the slope of h by each hidden weight, its
    blocks are ``<h h'>`` once for each output, ``W2_oj <h_k z_ji>`` and ``(W2'W2)_jl <z_ji z_lm>``.

    Args:
        inputs: shape (inputs, samples).
        hidden: W1, shape (hidden, inputs).
        readout: W2, shape (outputs, hidden).
        activation: of the hidden layer, a JAX function, elementwise.

    Returns:
        All eigenvalues, ascending, shape (hidden.size + readout.size,); at least 0.

    Raises:
        ValueError: if an argument is out of range, or the shapes of layers and inputs do not fit.

    Source: Gauss and Newton; `measure.hessian_eigenvalues` measures them for any loss, and takes longer.

    >>> solution_curvatures(jnp.ones((1, 1)), jnp.ones((1, 1)), jnp.full((1, 1), 2.0), activation=lambda z: z)
    array([ 0., 10.])
    """
    network = network_of(inputs, hidden, readout, activation)
    drive = network.hidden @ network.inputs
    features, slopes = (np.asarray(each, float) for each in jax.jvp(activation, (drive,), (jnp.ones_like(drive),)))
    x, second = np.asarray(network.inputs, float), np.asarray(network.readout, float)
    (neurons, count), samples, outputs = network.hidden.shape, x.shape[1], second.shape[0]
    each = (slopes[:, None] * x).reshape(-1, samples)
    among = np.repeat(np.repeat(second.T @ second, count, axis=0), count, axis=1)
    own = among * (each @ each.T) / samples
    cross = np.repeat(second, count, axis=1)[:, None] * (features @ each.T / samples)
    last = np.kron(np.eye(outputs), features @ features.T / samples)
    between = cross.reshape(outputs * neurons, -1)
    return np.clip(np.linalg.eigvalsh(2 / outputs * np.block([[last, between], [between.T, own]])), 0, None)
