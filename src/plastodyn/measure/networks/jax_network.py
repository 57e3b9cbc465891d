"""A loss in JAX on minibatches, as a report asks for it: compiled, and linearised once for all products on a minibatch."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from plastodyn import checks, tree
from plastodyn.measure.networks.network import Batch, Linearized, Network, Vector
from plastodyn.runtime.convolutions import compiled
from plastodyn.tree import Weights
from plastodyn.types import Floats, Key, Scalar

Loss = Callable[..., Scalar]
"""A function of the weights, or of the weights and a minibatch."""


_PIECE = 2**16
"""Random numbers drawn at once."""


class JaxNetwork(Network):
    """A loss that JAX can trace; see `jax_network`."""

    def __init__(self, loss: Loss, model: Any, batches: Iterable[Batch]) -> None:
        self.weights, self._rest = eqx.partition(model, eqx.is_inexact_array)
        self._loss, self.batches = loss, batches
        leaves = jax.tree_util.tree_leaves_with_path(self.weights)
        self.names = tuple(jax.tree_util.keystr(path, simple=True, separator=".") or "weights" for path, _ in leaves)
        self.shapes = tuple(leaf.shape for _, leaf in leaves)
        self.sizes = tuple(int(leaf.size) for _, leaf in leaves)
        self.rounding = float(max(jnp.finfo(leaf.dtype).eps for _, leaf in leaves))

    def slope(self, batch: Batch) -> tuple[float, Vector]:
        """Loss and gradient on a minibatch."""
        value, gradient = _slope(self._loss, self.weights, self._rest, _arrays(batch))
        return float(value), gradient

    def linearized(self, batch: Batch) -> Linearized:
        """The loss about the weights on a minibatch."""
        value, gradient, product = _linearized(self._loss, self.weights, self._rest, _arrays(batch))
        return Linearized(float(value), gradient, _sharing(product, self.weights))

    def forms(self, linearized: Linearized, vector: Vector) -> Floats:
        """``v' H v``, the share of each array; the product itself is not kept."""
        return np.asarray(_forms(linearized.product, vector), float)

    def added(self, total: Vector, products: Callable[[Vector], Vector], vector: Vector, share: float) -> Vector:
        """``total + share H v``; the total is used up."""
        return _added(total, products, vector, share)

    def combined(self, first: Vector, a: float, second: Vector, b: float) -> Vector:
        """``a first + b second``; the first is used up."""
        return _combined(first, a, second, b)

    def copied(self, vector: Vector) -> Vector:
        """Another vector of the same numbers."""
        return jax.tree.map(jnp.copy, vector)

    def scaled(self, vector: Vector, factor: float) -> Vector:
        """``factor v``; the vector is used up."""
        return _scaled(vector, factor)

    def held_bytes(self, linearized: Linearized, batch: Batch) -> int:
        """What the linearised loss keeps beside the weights: layers' activities and their slopes."""
        own = {_place(leaf) for leaf in jax.tree.leaves((self.weights, batch)) if isinstance(leaf, jax.Array)}
        kept = {_place(leaf): leaf.nbytes for leaf in jax.tree.leaves(linearized.product) if isinstance(leaf, jax.Array)}
        return sum(size for place, size in kept.items() if place not in own)

    def dots(self, first: Vector, second: Vector) -> Floats:
        """The inner product within each array of weights."""
        return np.asarray(_dots(first, second), float)

    def signs(self, key: Key) -> Vector:
        """Independent random signs."""
        return _signs(key, self.weights)

    def normal(self, key: Key) -> Vector:
        """Independent standard normal numbers."""
        return _normal(key, self.weights)

    def read(self, arrays: list[np.ndarray]) -> Vector:
        """A vector from NumPy arrays."""
        return jax.tree.unflatten(jax.tree.structure(self.weights), [jnp.array(array) for array in arrays])

    def written(self, vector: Vector) -> list[np.ndarray]:
        """A vector as NumPy arrays."""
        return [np.asarray(leaf) for leaf in jax.tree.leaves(vector)]


def jax_network(loss: Loss, weights: Weights, batches: Iterable[Batch] | None = None) -> JaxNetwork:
    """A loss in JAX as `report` takes it, on minibatches or without data.

    Args:
        loss: scalar function ``loss(weights, batch)``, a mean over the examples of a minibatch; ``loss(weights)`` without data.
        weights: pytree of finite floating-point arrays, or a model that holds them beside other things, such as an equinox
            module: its floating-point arrays are the weights.
        batches: minibatches, each a pytree of arrays whose first axes run over examples: a list, or a loader that can be gone
            through more than once.

    Returns:
        A `Network`.

    Raises:
        ValueError: if the loss fails on the first minibatch or does not return a scalar, or an argument is out of range.

    Source: this project.

    >>> network = jax_network(lambda w, x: jnp.mean((x @ w) ** 2), jnp.ones(2), [np.eye(2), 2 * np.eye(2)])
    >>> network.size, network.slope(np.eye(2))[0]
    (2, 1.0)
    """
    checks.function("loss", loss)
    checks.pytree("weights", weights)
    checks.weights("weights", eqx.filter(weights, eqx.is_inexact_array) if _holds_more(weights) else weights)
    first = first_of(batches)
    given = () if batches is None else (_arrays(first),)
    of = " of the weights and a minibatch" if given else " of the weights where there are no batches"
    checks.function("loss", loss, takes=1 + len(given), of=of)
    learned, rest = eqx.partition(weights, eqx.is_inexact_array)
    on = " on these weights and the first of the batches" if given else " on these weights"
    checks.scalar_loss("loss", lambda w, *data: loss(eqx.combine(w, rest), *data), learned, *given, on=on)
    return JaxNetwork(loss if given else partial(_without_data, loss), weights, [None] if batches is None else batches)


def first_of(batches: Iterable[Batch] | None) -> Batch:
    """The first minibatch, from what can be gone through more than once.

    >>> first_of([1, 2])
    1
    """
    if batches is None:
        return None
    if not isinstance(batches, Iterable) or isinstance(batches, str | bytes | dict) or hasattr(batches, "shape"):
        checks.refuse("batches", batches, "a list of minibatches, or a loader of them")
    if iter(batches) is batches:
        raise ValueError("batches must be such that one can go through them more than once; got an iterator: make a list of it")
    found = next(iter(batches), None)
    if found is None:
        raise ValueError("batches must hold at least one minibatch; got none")
    return found


def _arrays(batch: Batch) -> Batch:
    """A minibatch as JAX takes it: tensors of a PyTorch loader as NumPy arrays."""
    return jax.tree.map(lambda leaf: leaf.detach().cpu().numpy() if hasattr(leaf, "detach") else leaf, batch)


def _holds_more(weights: Any) -> bool:
    """Whether a model holds other things than arrays of weights, as an equinox module does its functions."""
    return isinstance(weights, eqx.Module)


def _without_data(loss: Loss, weights: Weights, batch: Batch) -> Scalar:
    del batch
    return loss(weights)


def _of_weights(loss: Loss, rest: Weights, batch: Batch) -> Callable[[Weights], tuple[Scalar, Scalar]]:
    def value(weights: Weights) -> tuple[Scalar, Scalar]:
        found = loss(eqx.combine(weights, rest), batch)
        return found, found

    return value


@compiled
def _slope(loss: Loss, weights: Weights, rest: Weights, batch: Batch) -> tuple[Scalar, Vector]:
    gradient, value = jax.grad(_of_weights(loss, rest, batch), has_aux=True)(weights)
    return value, gradient


@compiled
def _linearized(loss: Loss, weights: Weights, rest: Weights, batch: Batch) -> tuple[Scalar, Vector, Callable[[Vector], Vector]]:
    gradient = jax.grad(_of_weights(loss, rest, batch), has_aux=True)
    found, product, value = jax.linearize(gradient, weights, has_aux=True)
    return value, found, product


@jax.jit
def _forms(product: Callable[[Vector], Vector], vector: Vector) -> jax.Array:
    return _dots(vector, product(vector))


@partial(jax.jit, donate_argnums=0)
def _added(total: Vector, product: Callable[[Vector], Vector], vector: Vector, share: float) -> Vector:
    return jax.tree.map(lambda old, new: old + share * new, total, product(vector))


@partial(jax.jit, donate_argnums=0)
def _combined(first: Vector, a: float, second: Vector, b: float) -> Vector:
    return jax.tree.map(lambda x, y: (a * x + b * y).astype(x.dtype), first, second)


@partial(jax.jit, donate_argnums=0)
def _scaled(vector: Vector, factor: float) -> Vector:
    return jax.tree.map(lambda x: (factor * x).astype(x.dtype), vector)


def _place(leaf: jax.Array) -> object:
    """Where an array lies, so that one that is there already is not counted twice."""
    return leaf.unsafe_buffer_pointer() if leaf.is_fully_addressable and len(leaf.devices()) == 1 else id(leaf)


@jax.jit
def _dots(first: Vector, second: Vector) -> jax.Array:
    return jnp.stack([jnp.vdot(x, y) for x, y in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)])


def _sharing(product: Callable[[Vector], Vector], weights: Weights) -> Callable[[Vector], Vector]:
    """The product with the weights themselves where it holds copies of them: what is compiled returns new arrays only."""
    known = jax.tree.leaves(weights)

    def shared(leaf: Any) -> Any:
        alike = (w for w in known if w.shape == leaf.shape and w.dtype == leaf.dtype and w.size > 1)
        return next((w for w in alike if bool(jnp.array_equal(w, leaf))), leaf)

    return jax.tree.map(shared, product)


_signs = jax.jit(tree.signs_like)


@jax.jit
def _normal(key: Key, like: Weights) -> Vector:
    """Piece by piece: in one draw the random words would take several times the memory of the numbers."""
    leaves, structure = jax.tree.flatten(like)

    def drawn(own: Key, leaf: jax.Array) -> jax.Array:
        keys = jax.random.split(own, -(-leaf.size // _PIECE))
        pieces = jax.lax.map(lambda each: jax.random.normal(each, (_PIECE,), leaf.dtype), keys)
        return pieces.reshape(-1)[: leaf.size].reshape(leaf.shape)

    keys = jax.random.split(key, len(leaves))
    return jax.tree.unflatten(structure, [drawn(own, leaf) for own, leaf in zip(keys, leaves, strict=True)])
