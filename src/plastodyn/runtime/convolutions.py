"""Convolutions with channels last: the form in which XLA has a fast kernel for them on a CPU.

XLA brings convolutions into that form by itself, but only those outside of loops: within one, with any other order of
dimensions, each takes about five times as long. Here they are rewritten before XLA sees them, so that a loop over steps or
products costs what the same calls cost one by one, and gives the same numbers.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
from jax import Array
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, jaxpr_as_fun
from jax.extend.core.primitives import conv_general_dilated_p
from jax.lax import ConvDimensionNumbers

from plastodyn.runtime import devices


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``equinox.filter_jit`` of a function, with `channels_last`.

    >>> compiled(lambda number: number + 1)(jax.numpy.ones(2)).tolist()
    [2.0, 2.0]
    """
    return eqx.filter_jit(channels_last(function))


def channels_last(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, its convolutions rewritten wherever they stand: in loops, in branches, in calls.

    To be applied last, just within `jax.jit`: derivatives and batches make convolutions of their own. Where JAX does not
    compute on a CPU nothing is rewritten.

    Args:
        function: traceable by JAX; what is no array among its arguments and results is taken as it is.

    Source: this project; the cause is jax-ml/jax issue 12868.

    >>> import jax.numpy as jnp
    >>> smooth = lambda x: jax.lax.conv(x, jnp.ones((1, 1, 3)), (1,), "SAME")
    >>> channels_last(smooth)(jnp.ones((1, 1, 4))).tolist()
    [[[2.0, 3.0, 3.0, 2.0]]]
    """

    @functools.wraps(function)
    def rewritten(*arguments: Any, **named: Any) -> Any:
        if not devices.on_cpu():
            return function(*arguments, **named)
        traced, shapes, static = eqx.filter_make_jaxpr(function)(*arguments, **named)
        run = functools.partial(_evaluate, traced.jaxpr, traced.consts) if _convolves(traced.jaxpr) else jaxpr_as_fun(traced)
        found = run(*jax.tree.leaves(eqx.filter((arguments, named), eqx.is_array)))
        return eqx.combine(jax.tree.unflatten(jax.tree.structure(shapes), found), static)

    return rewritten


def _convolves(jaxpr: Jaxpr) -> bool:
    """Whether there is a convolution anywhere in a traced function."""
    return any(
        equation.primitive is conv_general_dilated_p or any(map(_convolves, _nested(list(equation.params.values()))))
        for equation in jaxpr.eqns
    )


def _nested(value: Any) -> list[Jaxpr]:
    """The traced functions in a parameter of an operation."""
    if isinstance(value, ClosedJaxpr | Jaxpr):
        return [value.jaxpr if isinstance(value, ClosedJaxpr) else value]
    return [found for each in value for found in _nested(each)] if isinstance(value, list | tuple) else []


def _evaluate(jaxpr: Jaxpr, constants: Sequence[Any], *arguments: Any) -> list[Any]:
    """A traced function, operation by operation, with convolutions rewritten."""
    known: dict[Any, Any] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*constants, *arguments], strict=True))
    for equation in jaxpr.eqns:
        operands = [v.val if isinstance(v, Literal) else known[v] for v in equation.invars]
        primitive = equation.primitive
        if primitive is conv_general_dilated_p:
            found = _convolution(*operands, **equation.params)
        else:
            parameters = {name: _rewritten(value) for name, value in equation.params.items()}
            found = primitive.bind(*operands, **primitive.get_bind_params(parameters))
        known.update(zip(equation.outvars, found if primitive.multiple_results else [found], strict=True))
    return [v.val if isinstance(v, Literal) else known[v] for v in jaxpr.outvars]


def _rewritten(value: Any) -> Any:
    """A parameter of an operation, the traced functions in it rewritten: the body of a loop, the branches of a choice."""
    if not any(map(_convolves, _nested(value))):
        return value
    if isinstance(value, list | tuple):
        return type(value)(map(_rewritten, value))
    closed = value if isinstance(value, ClosedJaxpr) else ClosedJaxpr(value, ())
    of_same_types = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype, weak_type=v.aval.weak_type) for v in closed.jaxpr.invars]
    found = jax.make_jaxpr(functools.partial(_evaluate, closed.jaxpr, closed.consts))(*of_same_types)
    return found if isinstance(value, ClosedJaxpr) else found.jaxpr


def _convolution(left: Array, right: Array, *, dimension_numbers: ConvDimensionNumbers, **parameters: Any) -> Array:
    """One convolution, its arrays transposed to (batch, space, channels) and its kernel to (space, inputs, outputs)."""
    lhs, rhs, out = dimension_numbers
    last = len(lhs) - 1
    space = range(1, last)
    inner = ConvDimensionNumbers((0, last, *space), (last, last - 1, *range(last - 1)), (0, last, *space))
    arrays = left.transpose(lhs[0], *lhs[2:], lhs[1]), right.transpose(*rhs[2:], rhs[1], rhs[0])
    found = conv_general_dilated_p.bind(*arrays, dimension_numbers=inner, **parameters)
    # Where each dimension of the result lies in what was found.
    place = {out[0]: 0, out[1]: last, **dict(zip(out[2:], space, strict=True))}
    return found.transpose([place[dimension] for dimension in range(last + 1)])
