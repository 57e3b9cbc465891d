"""The networks of the paper, and how much of each figure is run at each size."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.circuits import LinearStudentTeacher, Matched, StudentTeacher
from plastodyn.rules import Rule
from plastodyn.theory import curl

UNITS = 220
"""Inputs plus hidden units of the linear networks."""
TRAIN, TEST = 250, 100
VARIANCE = 0.5
"""Of each component of the inputs."""
RATE = 0.1
"""Learning rate per epoch."""
FLOOR = 1e-15
"""Errors are floored here before logarithms are taken."""
LAYERS = {"hidden": 0, "readout": 1}
"""Which weight matrix holds the flipped columns."""

UNIFORM_KURTOSIS = -1.2
"""Excess kurtosis of the law of the initial weights."""

_CLEAR = 0.15
"""Left edge of the spectrum, in units of ``|w2|^2``, from which a point is clearly on its side of the boundary."""
_EARLIER = 0.05
"""In c: by how much more a solution learned from a random start has to be stable, see `sides`."""

Kernels = tuple[Array, ...]


def widths(compression: float) -> list[int]:
    """Inputs N, hidden units M and one output at the compression ratio c = N / M.

    >>> widths(1.0), widths(0.1)
    ([110, 110, 1], [20, 199, 1])
    """
    return [int(UNITS / (1 + 1 / compression)), int(UNITS / (1 + compression)), 1]


def curl_descent(fraction: float | xr.DataArray, layer: str) -> Rule:
    """Gradient descent, the first neurons of one layer flipped, each matrix held at its initial norm.

    >>> curl_descent(0.2, "readout").rule.signs.layer
    1
    """
    signs = pd.rules.presynaptic(fraction, LAYERS[layer])
    return pd.rules.constrained(pd.rules.flipped(pd.rules.gradient(RATE), signs), keep="norm")


def random_start(key: Array, sizes: list[int], kind: jnp.dtype) -> tuple[Kernels, Kernels]:
    """Teacher and student drawn from the same law, independently."""
    key_teacher, key_student = jax.random.split(key)
    draw = pd.circuits.fan_in_uniform
    return draw(key_teacher, sizes, kind), draw(key_student, sizes, kind)


def teacher_start(key: Array, sizes: list[int], kind: jnp.dtype) -> tuple[Kernels, Kernels]:
    """The student starts at the teacher, 1e-15 added to its hidden weights (figure 4)."""
    first, second = pd.circuits.fan_in_uniform(key, sizes, kind)
    return (first, second), (first + 1e-15, second)


def normalised_start(key: Array, sizes: list[int], kind: jnp.dtype) -> tuple[Kernels, Kernels]:
    """A teacher of Frobenius norms sqrt(M) and 1, at which the student starts, 1e-10 added to its readout (figure 3b)."""
    first, second = pd.circuits.fan_in_uniform(key, sizes, kind)
    first = first * (sizes[1] ** 0.5 / jnp.linalg.norm(first))
    second = second / jnp.linalg.norm(second)
    return (first, second), (first, second + 1e-10)


STARTS: dict[str, Callable[[Array, list[int], jnp.dtype], tuple[Kernels, Kernels]]] = {
    "random": random_start,
    "teacher": teacher_start,
    "normalised": normalised_start,
}


def linear_networks(compression: float, seeds: int, start: str, key: Array) -> list[LinearStudentTeacher]:
    """Linear networks in double precision on one common data set, teacher and student drawn for each seed.

    Args:
        compression: c = inputs / hidden units.
        seeds: how many networks.
        start: ``random``, ``teacher`` or ``normalised``.
        key: random key.
    """
    sizes, kind = widths(compression), jnp.dtype("float64")
    key_train, key_test, key_networks = jax.random.split(key, 3)
    train = inputs(key_train, sizes[0], TRAIN, kind)
    covariances = [pd.circuits.input_covariance(x) for x in (train, inputs(key_test, sizes[0], TEST, kind))]
    networks = []
    for each in jax.random.split(key_networks, seeds):
        teacher, student = STARTS[start](each, sizes, kind)
        full = pd.circuits.student_teacher(
            sizes,
            key=each,
            hidden="linear",
            inputs=train,
            normalisation=pd.circuits.half_squared_error,
            teacher=teacher,
            student=student,
            dtype="float64",
        )
        networks.append(pd.circuits.through_covariance(full, *covariances))
    return networks


def inputs(key: Array, features: int, samples: int, kind: jnp.dtype) -> Array:
    """Independent normal inputs of variance 1/2, shape (features, samples)."""
    return VARIANCE**0.5 * jax.random.normal(key, (features, samples), kind)


class TanhNetworks(NamedTuple):
    """What figure 5 varies; 100 inputs, 10 hidden units, one output."""

    samples: int = 2000
    student_scale: float = 2.0
    teacher_scale: float = 1.0


def tanh_networks(setup: TanhNetworks, seeds: int, key: Array) -> list[Matched]:
    """Tanh networks with the authors' output delta, on one common training set; `Matched` keeps the squared error too."""
    sizes, kind = [100, 10, 1], jnp.dtype("float32")
    key_train, key_networks = jax.random.split(key)
    train = inputs(key_train, sizes[0], setup.samples, kind)
    networks = []
    for each in jax.random.split(key_networks, seeds):
        key_teacher, key_student = jax.random.split(each)
        full = pd.circuits.student_teacher(
            sizes,
            key=each,
            hidden="tanh",
            output="tanh",
            inputs=train,
            normalisation=pd.circuits.half_squared_error,
            teacher=pd.circuits.fan_in_uniform(key_teacher, sizes, kind, setup.teacher_scale),
            student=pd.circuits.fan_in_uniform(key_student, sizes, kind, setup.student_scale),
        )
        networks.append(pd.circuits.matched(full))
    return networks


def tested(network: Matched, key: Array) -> StudentTeacher:
    """The squared error of a network on 100 fresh inputs."""
    inner = network.circuit
    fresh = inputs(key, inner.inputs.shape[0], TEST, inner.inputs.dtype)
    return pd.circuits.student_teacher(
        [kernel.shape[1] for kernel in inner.teacher.kernels] + [1],
        key=key,
        hidden="tanh",
        output="tanh",
        inputs=fresh,
        normalisation=pd.circuits.half_squared_error,
        teacher=inner.teacher.kernels,
        student=inner.weights.kernels,
    )


def sides(values: xr.DataArray, layer: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Values over (..., compression, fraction) at the points that are clearly stable, and clearly unstable, in theory.

    Finite size moves the left edge of the spectrum to the right: a point is clearly unstable where the edge is below
    -0.15 with that correction, and clearly stable where it is above 0.15 without it. What a hidden layer has learned from a
    random start loses stability at 0.03 to 0.05 less compression than its teacher (inset of figure 3a): there it must be
    above at 0.05 more. Each side lies along ``point``.
    """
    stacked = values.transpose(..., "compression", "fraction").stack(point=("compression", "fraction"))
    compression, fraction = stacked.compression.values, stacked.fraction.values
    inputs_of = np.array([widths(c)[0] for c in compression])
    # With few units flipped the correction is that of outliers, not of a bulk; the unflipped circuit is stable anyway.
    bulk = fraction * (inputs_of if layer == "hidden" else inputs_of / compression) >= 5
    edge = curl.spectral_edge(compression + (_EARLIER if layer == "hidden" else 0.0), fraction, layer=layer)
    finite = curl.finite_size_edge(compression, fraction, inputs_of, layer=layer, excess_kurtosis=UNIFORM_KURTOSIS)
    return stacked[..., edge > _CLEAR], stacked[..., bulk & (finite < -_CLEAR)]


def seed_of(key: Array) -> int:
    """A whole number that stands for a key, for the specification of a sweep."""
    return int(np.asarray(jax.random.bits(key, (), "uint32")))
