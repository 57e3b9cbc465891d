"""A product with a symmetric matrix that JAX cannot look into, but may batch and transpose: it is its own transpose.

`jax.custom_derivatives.linear_call` has the transpose and no batches, `jax.pure_callback` batches and no transpose.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

Product = Callable[..., list[Array]]
"""Of the arrays of a point, and after them those of a vector, to those of the product at the point."""


def symmetric_product(product: Product, point: Sequence[Array], vector: Sequence[Array]) -> list[Array]:
    """``A(point) v`` for a function that JAX calls and does not trace, such as a callback.

    Derivatives along v are products again; along the point there are none.

    Args:
        product: the same function for the same matrix: JAX compiles for each.
        point: arrays that the matrix depends on.
        vector: arrays of the shapes of the product.

    >>> double = lambda point, v: [point * v]
    >>> turned = jax.grad(lambda v: symmetric_product(double, [jnp.float32(2.0)], [v])[0])(jnp.float32(1.0))
    >>> float(turned)
    2.0
    """
    return _product.bind(*point, *vector, product=product, count=len(vector))


def _call(*arrays: Array, product: Product, count: int) -> list[Array]:
    del count
    return product(*arrays)


def _shapes(*arrays: Any, product: Product, count: int) -> list[ShapedArray]:
    del product
    return [ShapedArray(array.shape, array.dtype) for array in arrays[len(arrays) - count :]]


def _one_by_one(arrays: Sequence[Array], axes: Sequence[Any], **named: Any) -> tuple[list[Array], list[int]]:
    """A batch of products, one after the other."""
    mapped = [axis is not None for axis in axes]
    moving = [jnp.moveaxis(array, axis, 0) for array, axis, moves in zip(arrays, axes, mapped, strict=True) if moves]

    def one(given: list[Array]) -> list[Array]:
        left = iter(given)
        return _product.bind(*(next(left) if moves else array for array, moves in zip(arrays, mapped, strict=True)), **named)

    found = jax.lax.map(one, moving)
    return list(found), [0] * len(found)


def _along(primals: Sequence[Array], tangents: Sequence[Any], *, product: Product, count: int) -> tuple[Any, Any]:
    point = len(primals) - count
    if any(type(tangent) is not ad.Zero for tangent in tangents[:point]):
        raise NotImplementedError("a loss that is called from JAX has first and second derivatives only")
    vector = [ad.instantiate_zeros(tangent) for tangent in tangents[point:]]
    named = {"product": product, "count": count}
    return _product.bind(*primals, **named), _product.bind(*primals[:point], *vector, **named)


def _transposed(cotangents: Sequence[Any], *arrays: Any, product: Product, count: int) -> list[Any]:
    point = len(arrays) - count
    turned = [ad.instantiate_zeros(cotangent) for cotangent in cotangents]
    return [None] * point + _product.bind(*arrays[:point], *turned, product=product, count=count)


_product = Primitive("symmetric_product")
_product.multiple_results = True
_product.def_impl(_call)
_product.def_abstract_eval(_shapes)
batching.primitive_batchers[_product] = _one_by_one
ad.primitive_jvps[_product] = _along
ad.primitive_transposes[_product] = _transposed
mlir.register_lowering(_product, mlir.lower_fun(_call, multiple_results=True))
