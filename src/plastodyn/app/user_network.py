"""A user's own network for the command line: a loss or a PyTorch module, weights and minibatches by name or from files."""

import warnings
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from plastodyn import checks
from plastodyn.app.modules import user_module
from plastodyn.app.patterns import left_out, look_like_statistics
from plastodyn.app.user_model import Asked, Flips, check_flips, completed, named_weights, signs_of, split_name
from plastodyn.circuits import Circuit, from_torch
from plastodyn.measure import Network, jax_network, sliced, torch_network
from plastodyn.runtime.torch_module import check_pair

_PAIRS = (("inputs", "targets"), ("x", "y"), ("X", "y"), ("inputs", "labels"))
"""Names of arrays in a file that make a pair for a PyTorch module."""
Say = Callable[[str], None]


class AskedNetwork(NamedTuple):
    """Where a user's network is.

    Args:
        asked: the JAX loss and its weights; None for a PyTorch module.
        torch: ``module:name`` of a ``torch.nn.Module``, or of a function that makes one; None for a JAX loss.
        loss: for PyTorch, a name in ``torch.nn.functional`` or ``module:name``.
        checkpoint: for PyTorch, a file of its state.
        data: an ``.npz`` file, ``module:name``, or a name in the model.
        batch: examples in each minibatch of a file.
    """

    asked: Asked | None
    torch: str | None
    loss: str
    checkpoint: Path | None
    data: str
    batch: int


def load_network(given: AskedNetwork, say: Say) -> Network:
    """The network that a command asks about.

    Args:
        given: where it is.
        say: receives a line on arrays that do not look like weights.

    Raises:
        ValueError: if a name, a file or the loss is not what it should be, naming the option.
    """
    return _torch(given) if given.torch is not None else _jax(given, say)


def load_with_signs_on_data(given: AskedNetwork, flips: Flips, say: Say) -> tuple[Circuit, Any]:
    """A circuit whose loss is over all of the data, and the signs of its plasticity.

    Args:
        given: where the network is.
        flips: which weights learn with the opposite sign.
        say: receives a line on arrays that do not look like weights.

    Raises:
        ValueError: as for `load_network` and `user_model.load_with_signs`.
    """
    check_flips(flips)
    if given.torch is not None:
        module, found, batches, loss = _torch_parts(given)
        pairs = list(batches)
        check_pair("--data", next(iter(pairs), None))
        inputs, targets = zip(*pairs, strict=True)
        circuit = from_torch(loss, found, (_joined(inputs), _joined(targets)))
        return circuit, signs_of(flips, module, given.torch, circuit.weights, ())
    assert given.asked is not None
    module, loss, start, whole, batches = _jax_parts(given, given.asked, say)
    data = jax.tree.map(lambda *parts: jnp.concatenate(parts), *batches)
    circuit = Circuit(loss=partial(_on_data, loss, data), weights=start)
    return circuit, signs_of(flips, module, given.asked.model, whole, given.asked.leave_out)


def _joined(parts: Iterable[Any]) -> Any:
    """The inputs, or the targets, of all minibatches as one tensor."""
    import torch  # noqa: PLC0415 - an extra

    tensors = list(parts)
    if not all(isinstance(tensor, torch.Tensor) for tensor in tensors):
        raise ValueError("--data must hold pairs of tensors, to be joined to one; got others")
    return torch.cat(tensors)


def _on_data(loss: Callable[..., Any], data: Any, weights: Any) -> Any:
    return loss(weights, data)


def _jax(given: AskedNetwork, say: Say) -> Network:
    assert given.asked is not None
    _, loss, start, _, batches = _jax_parts(given, given.asked, say)
    return jax_network(loss, start, batches)


def _jax_parts(given: AskedNetwork, asked: Asked, say: Say) -> tuple[Any, Callable[..., Any], Any, Any, Iterable[Any]]:
    """The module, its loss, the weights that learn and all of them, and the minibatches."""
    module = user_module(asked.model)
    loss = _named(module, "--loss", asked.loss, asked.model)
    checks.function("--loss", loss, takes=2, of=" of the weights and a minibatch")
    whole = named_weights(module, asked)
    start, fixed = left_out(whole, asked.leave_out)
    suspects = look_like_statistics(start)
    if suspects:
        say(f"{', '.join(suspects)} look like statistics, and count as weights; --leave-out PATTERN leaves them out")
    batches = _minibatches(given, module, asked.model)
    function = partial(completed, loss, fixed) if asked.leave_out else loss
    return module, function, jax.tree.map(jnp.asarray, start), whole, batches


def _torch(given: AskedNetwork) -> Network:
    _, found, batches, loss = _torch_parts(given)
    return torch_network(loss, found, batches)


def _torch_parts(given: AskedNetwork) -> tuple[Any, Any, Iterable[Any], Callable[..., Any]]:
    """The user's Python module, the PyTorch module, its minibatches and its loss."""
    assert given.torch is not None
    model, name = split_name(given.torch)
    if name is None:
        checks.refuse("--torch", given.torch, "MODULE:NAME of a torch.nn.Module")
    module = user_module(model)
    found: Any = _named(module, "--torch", name, model)
    if not hasattr(found, "named_parameters") and callable(found):
        found = _made("--torch", found)
    if not hasattr(found, "named_parameters"):
        raise ValueError(f"--torch must name a torch.nn.Module, or a function that makes one; got {type(found).__name__}")
    if given.checkpoint is not None:
        _fill(found, given.checkpoint)
    batches = _minibatches(given, module, model)
    return module, found, _as_pairs(batches, given.data) if _is_file(given.data) else batches, _torch_loss(given.loss)


def _named(module: Any, option: str, name: str, model: str) -> Any:
    if not name or not hasattr(module, name):
        raise ValueError(f"{option} must name something in {model}; got {name!r}, which it does not define")
    return getattr(module, name)


def _made(option: str, make: Any) -> Any:
    """What a function of the user's makes when it is called."""
    checks.function(option, make, takes=0, of=" that needs no argument, or what such a one makes")
    return make()


def _torch_loss(name: str) -> Callable[..., Any]:
    import torch  # noqa: PLC0415 - an extra; a module that is there has imported it

    model, inner = split_name(name)
    if inner is not None:
        return _named(user_module(model), "--loss", inner, model)
    found = getattr(torch.nn.functional, name, None) if name.isidentifier() else None
    if not callable(found):
        checks.refuse("--loss", name, "a name in torch.nn.functional, such as cross_entropy, or MODULE:NAME")
    return found


def _fill(module: Any, path: Path) -> None:
    """A checkpoint's arrays into the module; of pickles only arrays are read."""
    import torch  # noqa: PLC0415 - an extra

    if not path.is_file():
        raise ValueError(f"--weights must be an existing file; got {str(path)!r}")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file  # noqa: PLC0415 - needs PyTorch

            state = load_file(path)
        elif path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as stored:
                state = {name: torch.from_numpy(stored[name]) for name in stored.files}
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # What libraries say advises to run whatever the file holds.
        raise ValueError(f"--weights must be a file of arrays alone; got {str(path)!r}, which cannot be read as one") from error
    try:
        module.load_state_dict(state)
    except Exception as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
        raise ValueError(f"--weights {str(path)!r} does not fit the module: {line}") from error


def _is_file(data: str) -> bool:
    return Path(data).suffix == ".npz"


def _minibatches(given: AskedNetwork, module: Any, model: str) -> Iterable[Any]:
    if _is_file(given.data):
        checks.count("--batch", given.batch, at_least=1)
        try:
            return sliced(_arrays(Path(given.data)), given.batch)
        except ValueError as error:
            raise ValueError(f"--data: {error}") from error
    elsewhere, name = split_name(given.data)
    found: Any
    if name is None:
        found = _named(module, "--data", given.data, model)
    else:
        found = _named(user_module(elsewhere), "--data", name, elsewhere)
    if callable(found) and not hasattr(found, "__iter__"):
        found = _made("--data", found)
    return cast("Iterable[Any]", found)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise ValueError(f"--data must be an existing file; got {str(path)!r}")
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception as error:
        raise ValueError(
            f"--data must be a file of arrays of numbers; got {str(path)!r}, which cannot be read as one"
        ) from error


def _as_pairs(batches: Iterable[Any], data: str) -> list[tuple[Any, Any]]:
    """Arrays by name as pairs of tensors."""
    import torch  # noqa: PLC0415 - an extra

    batches = list(batches)
    pair = next((pair for pair in _PAIRS if set(batches[0]) == set(pair)), None)
    if pair is None:
        known = " or ".join(f"{first} and {second}" for first, second in _PAIRS)
        raise ValueError(f"--data {data!r} must hold two arrays named {known}; got {', '.join(batches[0])}")
    return [(torch.from_numpy(batch[pair[0]]), torch.from_numpy(batch[pair[1]])) for batch in batches]
