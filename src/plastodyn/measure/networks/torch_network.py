"""A PyTorch module on minibatches, as a report asks for it: through ``torch.func``, nothing converted by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from plastodyn.measure.networks.jax_network import first_of
from plastodyn.measure.networks.network import Batch, Linearized, Network, Vector
from plastodyn.runtime.torch_module import TorchModule, check_pair
from plastodyn.types import Floats, Key

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

_GRAPH = 8
"""Arrays that the graph of a gradient keeps, for each that a layer gives out."""


class TorchNetwork(Network):
    """A PyTorch module with a loss; see `torch_network`."""

    def __init__(self, module: TorchModule, batches: Iterable[Batch]) -> None:
        self._module, self._torch, self.batches, self.weights = module, module.torch, batches, module.weights
        self.names, self.shapes = tuple(self.weights), tuple(tuple(value.shape) for value in self.weights.values())
        self.sizes = tuple(value.numel() for value in self.weights.values())
        self.rounding = max(self._torch.finfo(value.dtype).eps for value in self.weights.values())
        self.notes = (module.note,)

    def slope(self, batch: Batch) -> tuple[float, Vector]:
        """Loss and gradient on a minibatch."""
        with self._module.running():
            gradient, value = self._torch.func.grad_and_value(self._module.of_weights(batch))(self.weights)
        return float(value), self._own(gradient)

    def linearized(self, batch: Batch) -> Linearized:
        """The loss about the weights on a minibatch."""
        slope = self._torch.func.grad_and_value(self._module.of_weights(batch))
        with self._module.running():
            gradient, pull, value = self._torch.func.vjp(slope, self.weights, has_aux=True)

        def product(vector: Vector) -> Vector:
            # The Hessian is symmetric: what is pulled back is the product.
            with self._module.running():
                return pull(vector)[0]

        def release() -> None:
            # The graph needs to know where the gradient came from, not its numbers.
            for leaf in alone:
                leaf.untyped_storage().resize_(0)

        alone = self._nobody_elses([leaf.detach() for leaf in gradient.values()], batch)
        return Linearized(float(value), {name: leaf.detach() for name, leaf in gradient.items()}, product, release)

    def _nobody_elses(self, leaves: list[Tensor], batch: Batch) -> list[Tensor]:
        """Those whose memory is theirs alone: a gradient may be an array of the data, or one tensor under two names."""
        others = [leaf for leaf in jax.tree.leaves(tuple(batch)) if isinstance(leaf, self._torch.Tensor)]
        places = [_place(leaf) for leaf in [*leaves, *others, *self._module.tensors()]]
        whole = [leaf.untyped_storage().nbytes() == leaf.numel() * leaf.element_size() for leaf in leaves]
        return [leaf for leaf, all_of_it in zip(leaves, whole, strict=True) if all_of_it and places.count(_place(leaf)) == 1]

    def _own(self, vector: Vector) -> Vector:
        """Tensors that share no memory, since vectors are changed in place: PyTorch may give one tensor under two names."""
        places = [_place(leaf) for leaf in vector.values()]
        alone = len(set(places)) == len(places) and all(leaf.is_contiguous() for leaf in vector.values())
        return {name: leaf.detach() if alone else leaf.detach().clone() for name, leaf in vector.items()}

    def added(self, total: Vector, products: Callable[[Vector], Vector], vector: Vector, share: float) -> Vector:
        """``total + share H v``, in the place of the total."""
        for name, leaf in products(vector).items():
            total[name].add_(leaf.detach(), alpha=share)
        return total

    def combined(self, first: Vector, a: float, second: Vector, b: float) -> Vector:
        """``a first + b second``, in the place of the first."""
        for name, leaf in first.items():
            leaf.mul_(a).add_(second[name], alpha=b)
        return first

    def copied(self, vector: Vector) -> Vector:
        """Another vector of the same numbers."""
        return {name: leaf.clone() for name, leaf in vector.items()}

    def scaled(self, vector: Vector, factor: float) -> Vector:
        """``factor v``, in its place."""
        for leaf in vector.values():
            leaf.mul_(factor)
        return vector

    def held_bytes(self, linearized: Linearized, batch: Batch) -> int:
        """About what the graph of a gradient keeps: several times what the module's parts give out."""
        del linearized
        found: list[int] = []

        def note(part: Module, inputs: Any, outputs: Any) -> None:
            del part, inputs
            leaves = (leaf for leaf in jax.tree.leaves(outputs) if isinstance(leaf, self._torch.Tensor))
            found.append(sum(leaf.numel() * leaf.element_size() for leaf in leaves))

        hooks = [part.register_forward_hook(note) for part in self._module.leaves()]
        try:
            with self._module.running(), self._torch.no_grad():
                self._module.of_weights(batch)(self.weights)
        finally:
            for hook in hooks:
                hook.remove()
        return _GRAPH * sum(found)

    def dots(self, first: Vector, second: Vector) -> Floats:
        """The inner product within each array of weights."""
        flat = (self._torch.dot(x.reshape(-1), second[name].detach().reshape(-1)) for name, x in first.items())
        return np.array([float(value) for value in flat])

    def signs(self, key: Key) -> Vector:
        """Independent random signs."""
        drawn = self._drawn(key, lambda like, source: self._torch.randint(0, 2, like.shape, generator=source, dtype=like.dtype))
        return {name: leaf.mul_(2).sub_(1) for name, leaf in drawn.items()}

    def normal(self, key: Key) -> Vector:
        """Independent standard normal numbers."""
        return self._drawn(key, lambda like, source: self._torch.randn(like.shape, generator=source, dtype=like.dtype))

    def read(self, arrays: list[np.ndarray]) -> Vector:
        """A vector from NumPy arrays."""
        return {n: self._torch.from_numpy(a.copy()).to(self._module.device) for n, a in zip(self.names, arrays, strict=True)}

    def written(self, vector: Vector) -> list[np.ndarray]:
        """A vector as NumPy arrays."""
        return [leaf.detach().cpu().numpy() for leaf in vector.values()]

    def _drawn(self, key: Key, draw: Callable[[Tensor, Any], Tensor]) -> Vector:
        seed = int(jax.random.bits(key, (), "uint32"))
        source = self._torch.Generator().manual_seed(seed)
        return {name: draw(value, source).to(self._module.device) for name, value in self.weights.items()}


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def torch_network(loss: Callable[..., Any], module: Module, batches: Iterable[Batch], mode: str = "eval") -> TorchNetwork:
    """A PyTorch module as `report` takes it; its parameters that need a gradient are the weights.

    Args:
        loss: ``loss(outputs, targets)``, a scalar and a mean over examples, such as ``torch.nn.functional.cross_entropy``.
        module: the trained ``torch.nn.Module``; it is not changed.
        batches: pairs ``(inputs, targets)``: a list, or a ``DataLoader``.
        mode: ``eval`` runs it without dropout and with the running statistics of batch normalisation; ``as it is`` in the
            mode it is in, with copies of its buffers.

    Returns:
        A `Network`.

    Raises:
        ValueError: if PyTorch is missing, the module has no weights, or the loss fails or is no scalar on the first minibatch.

    Source: Pearlmutter (1994), by ``torch.func.vjp`` of ``torch.func.grad``.
    """
    found = TorchModule(loss, module, mode)
    first = first_of(batches)
    check_pair("batches", first)
    network = TorchNetwork(found, batches)
    try:
        network.slope(first)
    except Exception as error:
        line = (str(error).strip() or "no message").splitlines()[0]
        raise ValueError(f"loss failed on the first of the batches: {type(error).__name__}: {line}") from error
    return network
