"""What a report asks of a network, whatever library it is written in: losses, gradients and products on minibatches.

Vectors (gradients, products, random directions) stay in the arrays of that library: a report holds few of them at a time,
and a network of ten million weights is neither copied nor converted on the way.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from plastodyn import checks
from plastodyn.types import Floats, Key

Batch = Any
"""A pytree of arrays whose first axes run over examples; None for a loss without data."""
_NOTHING = object()
Vector = Any
"""As many numbers as there are weights, in the arrays of the network's library."""


class Linearized(NamedTuple):
    """A loss about the weights, on one minibatch: its value, gradient, and the map v -> H v."""

    loss: float
    gradient: Vector
    product: Callable[[Vector], Vector]
    release: Callable[[], None] | None = None
    """Gives the gradient's memory back, where something else would hold it."""


class Network(ABC):
    """A loss and its weights; see `jax_network` and `torch_network`.

    ``batches`` can be gone through again and again; ``names`` are those of the arrays of weights, ``sizes`` their numbers of
    weights, ``notes`` what a reader of the report should know of how the network was run.
    """

    batches: Iterable[Batch]
    weights: Vector
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...]
    notes: tuple[str, ...] = ()
    rounding: float
    """The relative precision of the weights."""

    @property
    def size(self) -> int:
        """N, the number of weights."""
        return sum(self.sizes)

    @abstractmethod
    def slope(self, batch: Batch) -> tuple[float, Vector]:
        """Loss and gradient on a minibatch."""

    @abstractmethod
    def linearized(self, batch: Batch) -> Linearized:
        """The loss about the weights on a minibatch, worked out once for any number of products."""

    @abstractmethod
    def added(self, total: Vector, products: Callable[[Vector], Vector], vector: Vector, share: float) -> Vector:
        """``total + share H v``; the total is used up."""

    @abstractmethod
    def combined(self, first: Vector, a: float, second: Vector, b: float) -> Vector:
        """``a first + b second``; the first is used up."""

    @abstractmethod
    def copied(self, vector: Vector) -> Vector:
        """Another vector of the same numbers."""

    @abstractmethod
    def scaled(self, vector: Vector, factor: float) -> Vector:
        """``factor v``; the vector is used up."""

    @abstractmethod
    def dots(self, first: Vector, second: Vector) -> Floats:
        """The inner product within each array of weights; their sum is that of the vectors."""

    @abstractmethod
    def held_bytes(self, linearized: Linearized, batch: Batch) -> int:
        """About how much memory the linearised loss keeps beside the weights and its gradient, to be applied again."""

    @abstractmethod
    def signs(self, key: Key) -> Vector:
        """Independent random signs."""

    @abstractmethod
    def normal(self, key: Key) -> Vector:
        """Independent standard normal numbers."""

    @abstractmethod
    def read(self, arrays: list[np.ndarray]) -> Vector:
        """A vector from NumPy arrays, as `written` gives them."""

    @abstractmethod
    def written(self, vector: Vector) -> list[np.ndarray]:
        """A vector as NumPy arrays, one for each array of weights."""

    def dot(self, first: Vector, second: Vector) -> float:
        """The inner product of two vectors."""
        return float(self.dots(first, second).sum())

    def forms(self, linearized: Linearized, vector: Vector) -> Floats:
        """``v' H v``, the share of each array: its sum over them is the form, its mean over random signs the array's trace."""
        return self.dots(vector, linearized.product(vector))

    def without_gradient(self, linearized: Linearized) -> Linearized:
        """The linearised loss for products alone, its gradient's memory given back."""
        if linearized.release is not None:
            linearized.release()
        return linearized._replace(gradient=None, release=None)

    def norm(self, vector: Vector) -> float:
        """Euclidean norm of a vector."""
        return self.dot(vector, vector) ** 0.5

    def minibatches(self, first: int, stop: int) -> Iterator[Batch]:
        """Those from ``first`` to ``stop``, again from the beginning where there are fewer."""
        return islice(chain.from_iterable(self._rounds()), first, stop)

    def _rounds(self) -> Iterator[Iterator[Batch]]:
        """The minibatches again and again."""
        while True:
            found = iter(self.batches)
            first = next(found, _NOTHING)
            if first is _NOTHING:
                raise ValueError("batches must give minibatches each time one goes through them; got none at a later time")
            yield chain([first], found)

    def spread(self, count: int) -> list[Batch]:
        """So many minibatches from all over what is known to be there; the first ones of a loader without an end."""
        step = max(1, len(self.batches) // count) if hasattr(self.batches, "__len__") else 1  # pyright: ignore[reportArgumentType]
        return list(islice(self.minibatches(0, step * count), 0, None, step))

    def pair(self, number: int, key: Key) -> tuple[Batch, Batch] | None:
        """Two different minibatches of a list, drawn; None where they come from a loader, one after the other."""
        if not isinstance(self.batches, list) or len(self.batches) < 2:
            return None
        one, other = jax.random.choice(jax.random.fold_in(key, number), len(self.batches), (2,), replace=False).tolist()
        return self.batches[one], self.batches[other]

    def count(self, at_most: int) -> int:
        """How many minibatches there are, up to a number."""
        if hasattr(self.batches, "__len__"):
            return min(len(self.batches), at_most)  # pyright: ignore[reportArgumentType]
        return sum(1 for _ in islice(self.batches, at_most))


def examples(batch: Batch) -> int:
    """Number of examples in a minibatch: the length of its first array; 1 where there is none.

    >>> examples((np.zeros((8, 3)), np.zeros(8))), examples(None)
    (8, 1)
    """
    shapes = [leaf.shape for leaf in jax.tree.leaves(batch) if hasattr(leaf, "shape")]
    return int(shapes[0][0]) if shapes and len(shapes[0]) else 1


def sliced(data: Batch, size: int) -> list[Batch]:
    """Data cut into minibatches, in their order; the last may be smaller.

    Args:
        data: pytree of arrays of one number of examples, along their first axes.
        size: examples in each, at least 1.

    Returns:
        A list of pytrees like the data, views of its arrays.

    Raises:
        ValueError: if the arrays differ in their number of examples, or ``size`` is out of range.

    >>> [batch["x"].tolist() for batch in sliced({"x": np.arange(5.0)}, 2)]
    [[0.0, 1.0], [2.0, 3.0], [4.0]]
    """
    checks.count("size", size, at_least=1)
    checks.pytree("data", data)
    leaves = jax.tree.leaves(data)
    lengths = {leaf.shape[0] if getattr(leaf, "shape", ()) else 0 for leaf in leaves}
    # PyTorch's types have no kind; JAX's keys have none either.
    if any(getattr(getattr(leaf, "dtype", None), "kind", "f") not in "fiub" or _is_key(leaf) for leaf in leaves):
        checks.refuse("data", data, "arrays of real numbers")
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"data must be arrays of one number of examples, along their first axes; got {sorted(lengths)}")
    (count,) = lengths
    structure = jax.tree.structure(data)
    return [jax.tree.unflatten(structure, [leaf[n : n + size] for leaf in leaves]) for n in range(0, count, size)]


def _is_key(leaf: object) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
