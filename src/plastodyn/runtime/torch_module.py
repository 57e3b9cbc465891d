"""A PyTorch module with a loss as a pure function of its weights, the module itself left as it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jax

from plastodyn import checks

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

MODES = ("eval", "as it is")
"""How a module is run."""
_SAID = {
    "eval": "in eval mode: dropout is off, and batch normalisation uses its running statistics, which are no weights",
    "as it is": "in the mode it was in, with copies of its buffers",
}


class TorchModule:
    """A module and a loss of its outputs and targets; parameters that need a gradient are the weights.

    Args:
        loss: ``loss(outputs, targets)``, a scalar.
        module: a ``torch.nn.Module``.
        mode: one of `MODES`.

    Raises:
        ValueError: if PyTorch is missing, the module has no weights, or they are not finite floats.
    """

    def __init__(self, loss: Callable[..., Tensor], module: Module, mode: str = "eval") -> None:
        self.torch = imported()
        checks.function("loss", loss, takes=2, of=" of outputs and targets")
        checks.instance("module", module, self.torch.nn.Module, "a torch.nn.Module")
        checks.one_of("mode", mode, MODES)
        self._loss, self._module, self._mode, self._lock = loss, module, mode, threading.RLock()
        own = dict(module.named_parameters())
        self.weights = {name: value.detach() for name, value in own.items() if value.requires_grad}
        frozen = {name: value.detach() for name, value in own.items() if not value.requires_grad}
        if not self.weights or not all(value.is_floating_point() for value in self.weights.values()):
            raise ValueError("module must have floating-point parameters that need a gradient; got none")
        single_or_double = (self.torch.float32, self.torch.float64)
        kinds = {str(value.dtype) for value in self.weights.values() if value.dtype not in single_or_double}
        if kinds:
            raise ValueError(f"module must have parameters of single or double precision; got {', '.join(sorted(kinds))}")
        if not all(bool(self.torch.isfinite(value).all()) for value in self.weights.values()):
            raise ValueError("module must have finite parameters; got NaN or infinity among them")
        self._frozen, self._buffers = frozen, dict(module.named_buffers())
        self.device = next(iter(self.weights.values())).device
        kept = f"; {len(frozen)} arrays that need no gradient are not weights" if frozen else ""
        self.note = f"the PyTorch module was run {_SAID[mode]}{kept}"

    def of_weights(self, batch: Any) -> Callable[[dict[str, Tensor]], Tensor]:
        """The loss on a pair of inputs and targets, as a function of the weights by name."""
        inputs, targets = jax.tree.map(self._moved, tuple(batch))

        def value(weights: dict[str, Tensor]) -> Tensor:
            # What changes as a module runs changes in copies.
            buffers = {name: leaf.clone() for name, leaf in self._buffers.items()}
            parts = {**weights, **self._frozen, **buffers}
            return self._loss(self.torch.func.functional_call(self._module, parts, (inputs,)), targets)

        return value

    def _moved(self, leaf: Any) -> Any:
        return leaf.to(self.device) if isinstance(leaf, self.torch.Tensor) else leaf

    @contextmanager
    def running(self) -> Iterator[None]:
        """In the mode asked for, and with kernels that have second derivatives; the module is left as it was."""
        from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: PLC0415 - an extra

        # One call at a time: JAX may call from several threads, and one's end would put another's module back into training.
        with self._lock:
            training = [part for part in self._module.modules() if part.training] if self._mode == "eval" else []
            try:
                for part in training:
                    part.training = False
                with sdpa_kernel(SDPBackend.MATH):
                    yield
            finally:
                for part in training:
                    part.training = True

    def tensors(self) -> list[Tensor]:
        """All that the module holds."""
        return [*self.weights.values(), *self._frozen.values(), *self._buffers.values()]

    def leaves(self) -> list[Module]:
        """The parts of the module that have no parts."""
        return [part for part in self._module.modules() if not list(part.children())]


def imported() -> Any:
    """PyTorch, or a sentence on where it comes from.

    Raises:
        ValueError: if it is not installed.
    """
    try:
        import torch  # noqa: PLC0415 - an extra
    except ImportError:
        raise ValueError("a PyTorch module needs the extra torch: pip install 'plastodyn[torch]'") from None
    return torch


def check_pair(name: str, batch: object) -> None:
    """Refuse a minibatch that is not a pair of inputs and targets.

    >>> check_pair("batches", 3)
    Traceback (most recent call last):
    ...
    ValueError: batches must be pairs (inputs, targets); got 3
    """
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        checks.refuse(name, batch, "pairs (inputs, targets)")
