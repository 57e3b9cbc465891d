"""Layered feed-forward computation, with activations laid out as (features, inputs).

That layout keeps the long axis contiguous in every product, which is what makes the engine fast on small circuits.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from plastodyn import checks

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "linear": lambda drive: drive,
}

Kernels = tuple[Float[Array, "..."], ...]
"""One array a layer: (outputs, inputs) for weights, (outputs,) for biases, (units, samples) for rates."""


def activation_names(widths: Sequence[int], hidden: str | Sequence[str], output: str) -> tuple[str, ...]:
    """One activation name for each layer of weights, checked.

    Args:
        widths: units in each layer, inputs first.
        hidden: one name for all hidden layers, or one for each.
        output: the name for the last layer.

    Raises:
        ValueError: on an unknown name or the wrong number of them.

    >>> activation_names([12, 20, 10], "sigmoid", "linear")
    ('sigmoid', 'linear')
    """
    depth = len(widths) - 1
    if not isinstance(hidden, str | list | tuple):
        checks.refuse("hidden", hidden, "the name of an activation, or a list of one for each hidden layer")
    names = (hidden,) * (depth - 1) if isinstance(hidden, str) else tuple(hidden)
    if isinstance(hidden, str):
        checks.one_of("hidden", hidden, ACTIVATIONS)
    if len(names) != depth - 1:
        raise ValueError(
            f"hidden must name one activation for each of the {depth - 1} hidden layers; got {checks.shown(names)}"
        )
    for name in names:
        checks.one_of("hidden", name, ACTIVATIONS)
    checks.one_of("output", output, ACTIVATIONS)
    return (*names, output)


def check_widths(widths: Sequence[int]) -> None:
    """Refuse widths that are not whole numbers above 0, one for each of at least two layers.

    >>> check_widths([12, 0])
    Traceback (most recent call last):
    ...
    ValueError: widths[1] must be a whole number >= 1; got 0
    """
    if not isinstance(widths, list | tuple | range) and getattr(widths, "ndim", 0) != 1:
        checks.refuse("widths", widths, "a list of numbers of units, inputs first")
    for layer, width in enumerate(widths):
        checks.count(f"widths[{layer}]", width, at_least=1)
    if len(list(widths)) < 2:
        raise ValueError(f"widths must name at least an input and an output layer; got {list(widths)}")


def glorot_uniform(key: Array, widths: Sequence[int], dtype: jnp.dtype) -> Kernels:
    """Kernels of shape (outputs, inputs), uniform on +-sqrt(6 / (inputs + outputs)).

    Source: Glorot and Bengio (2010); the initial weights of Raman and O'Leary (2021).

    >>> [kernel.shape for kernel in glorot_uniform(jax.random.key(0), [12, 20, 10], jnp.dtype("float32"))]
    [(20, 12), (10, 20)]
    """
    checks.key("key", key)
    check_widths(widths)
    checks.precision("dtype", dtype)
    keys = jax.random.split(key, len(widths) - 1)
    shapes = zip(widths[1:], widths[:-1], strict=True)
    bounds = [((6 / sum(shape)) ** 0.5, shape) for shape in shapes]
    return tuple(jax.random.uniform(k, shape, dtype, -bound, bound) for k, (bound, shape) in zip(keys, bounds, strict=True))


def fan_in_uniform(key: Array, widths: Sequence[int], dtype: jnp.dtype, scale: float = 1.0) -> Kernels:
    """Kernels of shape (outputs, inputs), uniform on +-scale / sqrt(inputs).

    Source: the weights of Ninou, Kadmon and Cayco-Gajic (2025).

    >>> [kernel.shape for kernel in fan_in_uniform(jax.random.key(0), [12, 20, 10], jnp.dtype("float32"))]
    [(20, 12), (10, 20)]
    """
    _check_fan_in(key, widths, dtype, scale)
    return _fan_in(lambda k, shape: jax.random.uniform(k, shape, dtype, -1, 1), key, widths, scale)


def fan_in_normal(key: Array, widths: Sequence[int], dtype: jnp.dtype, scale: float = 1.0) -> Kernels:
    """Kernels of shape (outputs, inputs), normal with standard deviation scale / sqrt(inputs).

    Source: the alternative weights of Ninou, Kadmon and Cayco-Gajic (2025).

    >>> [kernel.shape for kernel in fan_in_normal(jax.random.key(0), [12, 20, 10], jnp.dtype("float32"))]
    [(20, 12), (10, 20)]
    """
    _check_fan_in(key, widths, dtype, scale)
    return _fan_in(lambda k, shape: jax.random.normal(k, shape, dtype), key, widths, scale)


def _fan_in(draw: Callable[[Array, tuple[int, int]], Array], key: Array, widths: Sequence[int], scale: float) -> Kernels:
    keys = jax.random.split(key, len(widths) - 1)
    return tuple(scale / n**0.5 * draw(k, (m, n)) for k, n, m in zip(keys, widths[:-1], widths[1:], strict=True))


def _check_fan_in(key: Array, widths: Sequence[int], dtype: jnp.dtype, scale: float) -> None:
    checks.key("key", key)
    check_widths(widths)
    checks.precision("dtype", dtype)
    checks.one_number("scale", scale, above=0)


def forward(
    kernels: Kernels,
    biases: Kernels,
    activations: Sequence[str],
    inputs: Float[Array, "features samples"],
    perturbations: Kernels | None = None,
) -> tuple[Array, ...]:
    """Firing rates of every layer: h_0 = x, h_k = phi_k(W_k h_{k-1} + b_k + xi_k).

    Args:
        kernels: one (outputs, inputs) matrix a layer.
        biases: one (outputs,) vector a layer, or an empty tuple.
        activations: one name a layer.
        inputs: shape (input features, samples).
        perturbations: added to the drive of each layer, shape (outputs, samples); for node perturbation.

    Returns:
        A tuple of arrays (features, samples), inputs first.

    >>> forward((jnp.eye(2),), (), ("linear",), jnp.ones((2, 3)))[-1].shape
    (2, 3)
    """
    rates = [inputs]
    for index, (kernel, name) in enumerate(zip(kernels, activations, strict=True)):
        drive = kernel @ rates[-1]
        if biases:
            drive = drive + biases[index][:, None]
        if perturbations is not None:
            drive = drive + perturbations[index]
        rates.append(ACTIVATIONS[name](drive))
    return tuple(rates)
