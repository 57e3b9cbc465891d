"""A PyTorch module on minibatches, as a report asks for it: through ``torch.func``, nothing converted by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from plastodyn import checks
from plastodyn.measure.networks.jax_network import first_of
from plastodyn.measure.networks.network import Batch, Linearized, Network, Vector
from plastodyn.types import Floats, Key

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

MODES = ("eval", "as it is")
_GRAPH = 8
"""Arrays that the graph of a gradient keeps, for each that a layer gives out."""
_NOTE = "the PyTorch module was run in {}: {}"
_WHAT = {
    "eval": "eval mode: dropout is off, and batch normalisation uses its running statistics, which are no weights",
    "as it is": "the mode it was in, its buffers as they were",
}


class TorchNetwork(Network):
    """A PyTorch module with a loss; see `torch_network`."""

    def __init__(self, loss: Callable[..., Tensor], module: Module, batches: Iterable[Batch], mode: str) -> None:
        import torch  # noqa: PLC0415 - an extra

        self._torch, self._loss, self._module, self._mode = torch, loss, module, mode
        self.batches = batches
        own = dict(module.named_parameters())
        self.weights = {name: value.detach() for name, value in own.items() if value.requires_grad}
        held = {name: value.detach() for name, value in own.items() if not value.requires_grad}
        self._fixed = {**held, **dict(module.named_buffers())}
        self.names, self.shapes = tuple(self.weights), tuple(tuple(value.shape) for value in self.weights.values())
        self.sizes = tuple(value.numel() for value in self.weights.values())
        self.rounding = max(torch.finfo(value.dtype).eps for value in self.weights.values())
        self._device = next(iter(self.weights.values())).device
        frozen = f"; {len(held)} arrays that need no gradient are not weights" if held else ""
        self.notes = (_NOTE.format(mode, _WHAT[mode].split(": ", 1)[-1]) + frozen,)

    def slope(self, batch: Batch) -> tuple[float, Vector]:
        """Loss and gradient on a minibatch."""
        with self._running():
            gradient, value = self._torch.func.grad_and_value(self._of_weights(batch))(self.weights)
        return float(value), gradient

    def linearized(self, batch: Batch) -> Linearized:
        """The loss about the weights on a minibatch."""
        slope = self._torch.func.grad_and_value(self._of_weights(batch))
        with self._running():
            gradient, pull, value = self._torch.func.vjp(slope, self.weights, has_aux=True)

        def product(vector: Vector) -> Vector:
            # The Hessian is symmetric: what is pulled back is the product.
            with self._running():
                return pull(vector)[0]

        return Linearized(float(value), {name: leaf.detach() for name, leaf in gradient.items()}, product)

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

        leaves = [part for part in self._module.modules() if not list(part.children())]
        hooks = [part.register_forward_hook(note) for part in leaves]
        try:
            with self._running(), self._torch.no_grad():
                self._of_weights(batch)(self.weights)
        finally:
            for hook in hooks:
                hook.remove()
        return _GRAPH * sum(found)

    def without_gradient(self, linearized: Linearized) -> Linearized:
        """For products alone: the graph needs to know where the gradient came from, not its numbers."""
        for leaf in linearized.gradient.values():
            leaf.untyped_storage().resize_(0)
        return linearized._replace(gradient=None)

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
        return {n: self._torch.from_numpy(a.copy()).to(self._device) for n, a in zip(self.names, arrays, strict=True)}

    def written(self, vector: Vector) -> list[np.ndarray]:
        """A vector as NumPy arrays."""
        return [leaf.detach().cpu().numpy() for leaf in vector.values()]

    def _drawn(self, key: Key, draw: Callable[[Tensor, Any], Tensor]) -> Vector:
        seed = int(jax.random.bits(key, (), "uint32"))
        source = self._torch.Generator().manual_seed(seed)
        return {name: draw(value, source).to(self._device) for name, value in self.weights.items()}

    def _of_weights(self, batch: Batch) -> Callable[[Vector], Tensor]:
        inputs, targets = jax.tree.map(self._moved, tuple(batch))

        def value(weights: Vector) -> Tensor:
            # A module whose statistics change as it runs changes copies of them.
            fixed = {name: leaf.clone() for name, leaf in self._fixed.items()} if self._mode != "eval" else self._fixed
            outputs = self._torch.func.functional_call(self._module, {**weights, **fixed}, (inputs,))
            return self._loss(outputs, targets)

        return value

    def _moved(self, leaf: Any) -> Any:
        return leaf.to(self._device) if isinstance(leaf, self._torch.Tensor) else leaf

    @contextmanager
    def _running(self) -> Iterator[None]:
        """In the mode that was asked for, with kernels that have second derivatives; the module is left as it was."""
        from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: PLC0415 - an extra

        training = [part for part in self._module.modules() if part.training] if self._mode == "eval" else []
        try:
            self._set(training, False)
            with sdpa_kernel(SDPBackend.MATH):
                yield
        finally:
            self._set(training, True)

    @staticmethod
    def _set(parts: list[Module], training: bool) -> None:
        for part in parts:
            part.training = training


def torch_network(loss: Callable[..., Any], module: Any, batches: Iterable[Batch], mode: str = "eval") -> TorchNetwork:
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
    try:
        import torch  # noqa: PLC0415 - an extra
    except ImportError:
        raise ValueError("a PyTorch module needs the extra torch: pip install 'plastodyn[torch]'") from None
    checks.function("loss", loss, takes=2, of=" of outputs and targets")
    checks.instance("module", module, torch.nn.Module, "a torch.nn.Module")
    checks.one_of("mode", mode, MODES)
    own = [value for value in module.parameters() if value.requires_grad]
    if not own or not all(value.is_floating_point() for value in own):
        raise ValueError("module must have floating-point parameters that need a gradient; got none")
    if not all(bool(torch.isfinite(value).all()) for value in own):
        raise ValueError("module must have finite parameters; got NaN or infinity among them")
    first = first_of(batches)
    if not isinstance(first, tuple | list) or len(first) != 2:
        checks.refuse("batches", first, "pairs (inputs, targets)")
    network = TorchNetwork(loss, module, batches, mode)
    _try(network, first)
    return network


def _try(network: TorchNetwork, batch: Batch) -> None:
    """Run the first minibatch, so that what is wrong is said before a long report."""
    try:
        network.slope(batch)
    except Exception as error:
        line = (str(error).strip() or "no message").splitlines()[0]
        raise ValueError(f"loss failed on the first minibatch: {type(error).__name__}: {line}") from error
