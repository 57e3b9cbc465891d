"""Matrix-free operators: the seam between an estimator and whatever computes the product of a matrix with a vector.

An estimator asks an operator for two things only: a function of each of many random keys, and a Lanczos iteration. A
JAX product has both compiled, in pieces of a moment each; a product of another library, such as a PyTorch module's
Hessian-vector product, has both as a Python loop. The probes of one key are the same.
"""

from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import PRNGKeyArray

from plastodyn import checks, tree
from plastodyn.measure import lanczos
from plastodyn.measure.lanczos import Krylov
from plastodyn.runtime.pieces import each
from plastodyn.runtime.progress import Bar
from plastodyn.tree import Weights
from plastodyn.types import Key

Result = TypeVar("Result")
Product = Callable[[Weights], Weights]
"""The map v -> A v on pytrees of one structure."""


class Operator(eqx.Module):
    """A symmetric matrix as a product that JAX can trace; see `operator`."""

    product: Product
    like: Weights

    def each(self, function: "OfKey[Result]", keys: PRNGKeyArray, bar: Bar) -> Result:
        """``function(operator)`` of every key, stacked: one at a time, so that memory stays that of one product."""
        return each(function, self, keys, bar)

    def lanczos(self, start: Weights, depth: int, bar: Bar) -> Krylov:
        """Lanczos iteration with full reorthogonalisation."""
        return lanczos.compiled(_Raveled(self.product, start), tree.ravel(start), depth, bar)


class HostOperator(Operator):
    """A symmetric matrix as a product in plain Python, on NumPy arrays; see `host_operator`."""

    def each(self, function: "OfKey[Result]", keys: PRNGKeyArray, bar: Bar) -> Result:
        """``function(operator)`` of every key, stacked, in a Python loop."""
        one, found = function(self), []
        for key in keys:
            found.append(one(key))
            bar.advance(1)
        return jax.tree.map(lambda *values: jnp.stack(values), *found)

    def lanczos(self, start: Weights, depth: int, bar: Bar) -> Krylov:
        """Lanczos iteration with full reorthogonalisation, in a Python loop."""
        return lanczos.in_python(_Raveled(self.product, start), tree.ravel(start), depth, bar)


OfKey = Callable[[Operator], Callable[[Key], Result]]
"""Of an operator, a function of a random key."""


class _Raveled(eqx.Module):
    """A product on raveled vectors."""

    product: Product
    like: Weights

    def __call__(self, vector: Array) -> Array:
        return tree.ravel(self.product(tree.unravel(self.like, vector)))


def check_operator(name: str, value: object) -> None:
    """Refuse anything that is not an operator.

    >>> check_operator("operator", 3)
    Traceback (most recent call last):
    ...
    ValueError: operator must be one that pd.measure.operator or host_operator makes; got 3
    """
    checks.instance(name, value, Operator, "one that pd.measure.operator or host_operator makes")


def operator(product: Product, like: Weights) -> Operator:
    """A symmetric matrix from a product that JAX can trace.

    Args:
        product: the map v -> A v, from and to pytrees like ``like``.
        like: example of a vector, N numbers in all; only structure, shapes and type count.

    Returns:
        What `trace`, `spectrum`, `extremes` and `leading_pairs` take.

    Raises:
        ValueError: if ``like`` is no pytree of finite floats, or ``product`` does not map to such pytrees.

    Source: this project.

    >>> from plastodyn.measure import trace
    >>> doubled = operator(lambda v: 2 * v, jnp.ones(5))
    >>> float(trace(doubled, key=jax.random.key(0), samples=4).value)
    10.0
    """
    checks.weights("like", like)
    checks.function("product", product, takes=1, of=" of a vector")
    checks.alike(
        "product",
        checks.traced("product", product, like, on=" on a vector like this"),
        like,
        verb="return a pytree in",
        of="like",
    )
    return Operator(product, like)


def host_operator(product: Product, like: Weights) -> HostOperator:
    """A symmetric matrix from a product of any library, called once for each vector and never traced.

    Args:
        product: the map v -> A v on pytrees of NumPy arrays; what it returns must be readable as NumPy arrays. For
            PyTorch: ``torch.from_numpy`` on the way in, ``.numpy()`` on the way out.
        like: example of a vector, as for `operator`.

    Returns:
        What `trace`, `spectrum`, `extremes` and `leading_pairs` take; not to be used inside ``jax.jit``.

    Raises:
        ValueError: as for `operator`; the product is tried on a vector of zeros.

    Source: this project.

    >>> from plastodyn.measure import extremes
    >>> diagonal = np.array([1.0, 2.0, 5.0], "float32")
    >>> low, high = extremes(host_operator(lambda v: diagonal * v, np.ones(3, "float32")), key=jax.random.key(0), depth=3)
    >>> round(float(low), 4), round(float(high), 4)
    (1.0, 5.0)
    """
    checks.weights("like", like)
    checks.function("product", product, takes=1, of=" of a vector")

    def called(vector: Weights) -> Weights:
        return jax.tree.map(np.asarray, product(jax.tree.map(np.array, vector)))

    try:
        found = called(jax.tree.map(jnp.zeros_like, like))
    except Exception as error:
        first = (str(error).strip() or "no message").splitlines()[0]
        raise ValueError(f"product failed on a vector of zeros like this: {type(error).__name__}: {first}") from error
    checks.alike("product", found, like, verb="return a pytree in", of="like")
    return HostOperator(called, like)
