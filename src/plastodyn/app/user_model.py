"""A user's own model for the command line: a loss, weights and signs by name."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from safetensors.numpy import load_file

from plastodyn import checks
from plastodyn.app.modules import user_module
from plastodyn.app.patterns import left_out, look_like_statistics
from plastodyn.circuits import Circuit
from plastodyn.rules import postsynaptic, presynaptic
from plastodyn.rules.wrap.neurons import LAYOUTS
from plastodyn.tree import Weights

_FILES = (".npz", ".safetensors")
_SIDES = ("presynaptic", "postsynaptic")
Say = Callable[[str], None]


class Asked(NamedTuple):
    """Where a user's model is.

    Args:
        model: path of a ``.py`` file, or name of an importable module.
        loss: name of the function from weights to a scalar.
        weights: name of the pytree of weights; not read when a checkpoint is given.
        checkpoint: ``.npz`` or ``.safetensors`` file, read as a dict from name to array.
        leave_out: patterns of the names of arrays that are no weights: the loss gets them as they are.
    """

    model: str
    loss: str = "loss"
    weights: str = "weights"
    checkpoint: Path | None = None
    leave_out: tuple[str, ...] = ()


class Flips(NamedTuple):
    """Which weights learn with the opposite sign: by name, or as a fraction of the neurons on one side of a matrix."""

    named: str | None = None
    fraction: float | None = None
    layer: int = 0
    side: str = "presynaptic"
    layout: str = "outputs-inputs"


def load(asked: Asked, say: Say) -> Circuit:
    """A circuit from a Python file or module that names a loss, with weights of its own or from a checkpoint.

    Args:
        asked: where the model is.
        say: receives a line on arrays that do not look like weights.

    Raises:
        ValueError: if the model, a name or the checkpoint cannot be read, or the loss is not one finite number with a
            finite gradient on these weights.
    """
    return _circuit(user_module(asked.model), asked, say)[0]


def load_with_signs(asked: Asked, flips: Flips, say: Say) -> tuple[Circuit, Any]:
    """A circuit as `load` gives it, and the signs of its plasticity as `measure.sign_stability` takes them.

    Args:
        asked: where the model is; run once.
        flips: the name of the signs in the model, or a fraction; one of the two.
        say: receives a line on arrays that do not look like weights.

    Raises:
        ValueError: as for `load`; or if the flips are not given, given twice, out of range or not defined.
    """
    check_flips(flips)
    module = user_module(asked.model)
    circuit, whole = _circuit(module, asked, say)
    return circuit, signs_of(flips, module, asked.model, whole, asked.leave_out)


def check_flips(flips: Flips) -> None:
    """Refuse flips that are not given, given twice or out of range.

    >>> check_flips(Flips(fraction=0.5))
    """
    if (flips.named is None) == (flips.fraction is None):
        raise ValueError("give one of --signs NAME and --flip FRACTION")
    if flips.fraction is not None:
        checks.one_number("--flip", flips.fraction, at_least=0, at_most=1)
    checks.one_of("--side", flips.side, _SIDES)
    checks.one_of("--layout", flips.layout, LAYOUTS)


def signs_of(flips: Flips, module: ModuleType, model: str, whole: Weights, leave_out: tuple[str, ...]) -> Any:
    """The signs of plasticity, by fraction or by their name in the module; those of arrays that are left out are left out too.

    Raises:
        ValueError: if the module does not define them.
    """
    if flips.fraction is not None:
        neurons = {"presynaptic": presynaptic, "postsynaptic": postsynaptic}[flips.side]
        return neurons(flips.fraction, flips.layer, layout=flips.layout)
    assert flips.named is not None
    if not hasattr(module, flips.named):
        raise ValueError(f"--signs must name signs in {model}; got {flips.named!r}, which it does not define")
    signs = getattr(module, flips.named)
    alike = jax.tree.structure(signs) == jax.tree.structure(whole)
    return left_out(signs, leave_out)[0] if alike and leave_out else signs


def _circuit(module: ModuleType, asked: Asked, say: Say) -> tuple[Circuit, Weights]:
    """The circuit, and the weights with what is left out of them."""
    if not callable(getattr(module, asked.loss, None)):
        raise ValueError(f"--loss must name a function in {asked.model}; got {asked.loss!r}, which it does not define")
    whole = named_weights(module, asked)
    source = "--checkpoint" if asked.checkpoint is not None else "--weights"
    start, fixed = left_out(whole, asked.leave_out)
    suspects = look_like_statistics(start)
    if suspects:
        say(f"{', '.join(suspects)} look like statistics, and count as weights; --leave-out PATTERN leaves them out")
    start = jax.tree.map(jnp.asarray, start)
    checks.weights(source, start)
    function = getattr(module, asked.loss)
    loss = partial(completed, function, fixed) if asked.leave_out else function
    name = f"--loss {asked.loss!r}"
    checks.scalar_loss(name, loss, start, on=" on these weights")
    _require_finite(name, loss, start)
    return Circuit(loss=loss, weights=start), whole


def split_name(text: str) -> tuple[str, str | None]:
    """The model and the name in ``MODEL:NAME``; no name where there is none.

    >>> split_name("model.py:loss"), split_name("package.model")
    (('model.py', 'loss'), ('package.model', None))
    """
    model, colon, name = text.rpartition(":")
    return (model, name) if colon and model else (text, None)


def named_weights(module: ModuleType, asked: Asked) -> Weights:
    """The weights by name, or from a checkpoint.

    Raises:
        ValueError: if they are not there, or are no arrays of finite numbers.
    """
    if asked.checkpoint is not None:
        whole = _checkpoint(asked.checkpoint)
    elif hasattr(module, asked.weights):
        whole = getattr(module, asked.weights)
    else:
        raise ValueError(f"--weights must name a pytree in {asked.model}; got {asked.weights!r}, which it does not define")
    checks.arrays("--checkpoint" if asked.checkpoint is not None else "--weights", whole)
    return whole


def completed(loss: Callable[..., Array], fixed: Weights, weights: Weights, *data: Any) -> Array:
    """The loss at weights that lack what was left out.

    >>> float(completed(lambda w: w["a"] + w["b"], {"a": None, "b": jnp.ones(())}, {"a": jnp.ones(()), "b": None}))
    2.0
    """
    return loss(eqx.combine(weights, fixed), *data)


def asked_of(model: str, loss: str | None, weights: str, checkpoint: Path | None, leave_out: list[str] | None) -> Asked:
    """What a command's options ask for: ``MODEL:LOSS`` names the loss too, and weights may be a file.

    Raises:
        ValueError: if the loss or the file of weights is given twice.

    >>> asked = asked_of("model.py:error", None, "trained.npz", None, None)
    >>> asked.model, asked.loss, str(asked.checkpoint)
    ('model.py', 'error', 'trained.npz')
    """
    if loss == "":
        raise ValueError("--loss must name a function; got ''")
    path, inner = split_name(model)
    if inner is not None and loss is not None and inner != loss:
        raise ValueError(f"--loss must be given once; got {loss!r} beside MODEL {model!r}")
    if Path(weights).suffix in _FILES:
        if checkpoint is not None:
            raise ValueError(f"--checkpoint must not stand beside a file of weights; got {str(checkpoint)!r} and {weights!r}")
        checkpoint, weights = Path(weights), "weights"
    return Asked(path, inner or loss or "loss", weights, checkpoint, tuple(leave_out or ()))


def _require_finite(name: str, loss: Callable[[Weights], Array], weights: Weights) -> None:
    """Of NaN no answer would say that it is none."""
    value, slope = jax.value_and_grad(loss)(weights)
    if not bool(jnp.isfinite(value)):
        raise ValueError(f"{name} must be finite on these weights; got {float(value)}")
    if not all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(slope)):
        raise ValueError(f"{name} must have a finite gradient on these weights; got NaN or infinity in it")


def _checkpoint(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise ValueError(f"--checkpoint must be an existing file; got {str(path)!r}")
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        if path.suffix == ".safetensors":
            return dict(load_file(path))
    except Exception as error:
        raise ValueError(f"--checkpoint {str(path)!r} could not be read: {error}") from error
    raise ValueError(f"--checkpoint must end in .npz or .safetensors; got {str(path)!r}")
