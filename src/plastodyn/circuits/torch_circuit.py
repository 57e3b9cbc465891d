"""A PyTorch module as a circuit: JAX drives it, PyTorch computes its loss, its gradient and its Hessian-vector products."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from plastodyn import tree
from plastodyn.circuits.loss import Circuit
from plastodyn.runtime.symmetric import symmetric_product
from plastodyn.runtime.torch_module import TorchModule, check_pair

Tensors = dict[str, Array]
"""Weights, or a direction, by name."""


def from_torch(loss: Callable[..., Any], module: Any, data: tuple[Any, Any], mode: str = "eval") -> Circuit:
    """A trained PyTorch module as a circuit, whose task error is a loss of its outputs on data.

    Each step of a rule calls PyTorch for the gradient, once for each member of a run; ``measure``, `measure.sign_stability` and
    ``simulate`` take the circuit as any other. JAX differentiates through the calls: the derivative of the loss is PyTorch's
    gradient, that of the gradient PyTorch's product of the Hessian with a vector; there is no third.

    Args:
        loss: ``loss(outputs, targets)``, a scalar, such as ``torch.nn.functional.cross_entropy``.
        module: the ``torch.nn.Module``; it is not changed.
        data: a pair of inputs and targets, as the module and the loss take them.
        mode: ``eval``, without dropout and with the running statistics of batch normalisation; or ``as it is``.

    Returns:
        A circuit with the signal ``loss``; its weights are a dict of arrays by the names of the module's parameters.

    Raises:
        ValueError: if PyTorch is missing, the module has no weights, or the loss fails or is no scalar.

    Source: this project; Pearlmutter (1994) for the product.
    """
    found = TorchModule(loss, module, mode)
    check_pair("data", data)
    if any(value.dtype == found.torch.float64 for value in found.weights.values()) and not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        raise ValueError("module must be of single precision, or JAX in x64 mode (JAX_ENABLE_X64=1); got double precision")
    calls = _Calls(found, data)
    start = {name: value.cpu().numpy() for name, value in found.weights.items()}
    try:
        calls.value(start)
    except Exception as error:
        line = (str(error).strip() or "no message").splitlines()[0]
        raise ValueError(f"loss failed on the data: {type(error).__name__}: {line}") from error
    return Circuit(loss=_differentiable(calls, start), weights={name: jnp.asarray(array) for name, array in start.items()})


class _Calls:
    """PyTorch's loss, gradient and product on NumPy arrays."""

    def __init__(self, module: TorchModule, data: tuple[Any, Any]) -> None:
        self._module, self._torch = module, module.torch
        self._loss = module.of_weights(data)
        self.slope = self._torch.func.grad(self._loss)

    def value(self, weights: Any) -> np.ndarray:
        with self._module.running(), self._torch.no_grad():
            found = self._loss(self._tensors(weights))
        if found.ndim or not found.is_floating_point():
            raise ValueError(f"loss must return a scalar; got a tensor of shape {tuple(found.shape)}")
        return found.cpu().numpy()

    def gradient(self, weights: Any) -> dict[str, np.ndarray]:
        with self._module.running():
            return self._arrays(self.slope(self._tensors(weights)))

    def product(self, weights: Any, vector: Any) -> dict[str, np.ndarray]:
        with self._module.running():
            _, pull = self._torch.func.vjp(self.slope, self._tensors(weights))
            return self._arrays(pull(self._tensors(vector))[0])

    def _tensors(self, arrays: Any) -> dict[str, Any]:
        # A copy: what JAX hands over cannot be written to.
        return {name: self._torch.from_numpy(np.array(array)).to(self._module.device) for name, array in arrays.items()}

    @staticmethod
    def _arrays(tensors: dict[str, Any]) -> dict[str, np.ndarray]:
        return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def _differentiable(calls: _Calls, start: dict[str, np.ndarray]) -> Callable[[Tensors], Array]:
    """The loss for JAX, with its first and second derivatives."""
    names = list(start)
    shapes = {name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in start.items()}
    scalar = jax.ShapeDtypeStruct((), jnp.result_type(*(array.dtype for array in start.values())))

    def called(function: Callable[..., Any], result: Any, *arguments: Tensors) -> Any:
        return jax.pure_callback(function, result, *arguments, vmap_method="sequential")

    def product(*arrays: Array) -> list[Array]:
        weights, vector = (dict(zip(names, part, strict=True)) for part in (arrays[: len(names)], arrays[len(names) :]))
        found = called(calls.product, shapes, weights, vector)
        return [found[name] for name in names]

    @jax.custom_jvp
    def gradient(weights: Tensors) -> Tensors:
        return called(calls.gradient, shapes, weights)

    @gradient.defjvp
    def _(primals: tuple[Tensors], tangents: tuple[Tensors]) -> tuple[Tensors, Tensors]:
        fixed, moving = ([part[0][name] for name in names] for part in (primals, tangents))
        return gradient(*primals), dict(zip(names, symmetric_product(product, fixed, moving), strict=True))

    @jax.custom_jvp
    def value(weights: Tensors) -> Array:
        return called(calls.value, scalar, weights)

    @value.defjvp
    def _(primals: tuple[Tensors], tangents: tuple[Tensors]) -> tuple[Array, Array]:
        slope = gradient(*primals)
        return value(*primals), tree.dot(slope, {name: tangents[0][name] for name in slope})

    return value
