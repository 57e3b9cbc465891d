"""A user's own model for the command line: a loss, weights and signs by name, measured."""

from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from safetensors.numpy import load_file

from plastodyn import checks, tree
from plastodyn.app.modules import user_module
from plastodyn.circuits import Circuit
from plastodyn.measure import SignStability, plasticity_ratio, stationary_ratio
from plastodyn.rules import noisy_gradient, postsynaptic, presynaptic

_SIDES = ("presynaptic", "postsynaptic")
_LAYOUTS = ("outputs-inputs", "inputs-outputs")


def load(model: str, loss: str, weights: str, checkpoint: Path | None) -> Circuit:
    """A circuit from a Python file or module that names a loss, with weights of its own or from a checkpoint.

    Args:
        model: path of a ``.py`` file, or name of an importable module.
        loss: name of the function from weights to a scalar.
        weights: name of the pytree of weights; not read when a checkpoint is given.
        checkpoint: ``.npz`` or ``.safetensors`` file, read as a dict from name to array.

    Raises:
        ValueError: if the model, a name or the checkpoint cannot be read.
    """
    return _circuit(user_module(model), model, loss, weights, checkpoint)


class Flips(NamedTuple):
    """Which weights learn with the opposite sign: by name, or as a fraction of the neurons on one side of a matrix."""

    named: str | None = None
    fraction: float | None = None
    layer: int = 0
    side: str = "presynaptic"
    layout: str = "outputs-inputs"


def load_with_signs(model: str, loss: str, weights: str, checkpoint: Path | None, flips: Flips) -> tuple[Circuit, Any]:
    """A circuit as `load` gives it, and the signs of its plasticity as `measure.sign_stability` takes them.

    Args:
        model: path of a ``.py`` file, or name of an importable module; run once.
        loss: name of the function from weights to a scalar.
        weights: name of the pytree of weights; not read when a checkpoint is given.
        checkpoint: ``.npz`` or ``.safetensors`` file, read as a dict from name to array.
        flips: the name of the signs in the model, or a fraction; one of the two.

    Raises:
        ValueError: as for `load`; or if the flips are not given, given twice, out of range or not defined.
    """
    if (flips.named is None) == (flips.fraction is None):
        raise ValueError("give either --signs NAME or --flip FRACTION, and not both")
    if flips.fraction is not None:
        checks.number("--flip", flips.fraction, at_least=0, at_most=1)
    checks.one_of("--side", flips.side, _SIDES)
    checks.one_of("--layout", flips.layout, _LAYOUTS)
    module = user_module(model)
    circuit = _circuit(module, model, loss, weights, checkpoint)
    if flips.fraction is not None:
        # Where the rows of a matrix are its inputs, the synapses that leave a neuron are a row.
        sides = _SIDES if flips.layout == "outputs-inputs" else _SIDES[::-1]
        neurons = {"presynaptic": presynaptic, "postsynaptic": postsynaptic}[sides[_SIDES.index(flips.side)]]
        return circuit, neurons(flips.fraction, flips.layer)
    assert flips.named is not None
    if not hasattr(module, flips.named):
        raise ValueError(f"--signs must name signs in {model}; got {checks.shown(flips.named)}, which it does not define")
    return circuit, getattr(module, flips.named)


def stability_report(found: SignStability) -> dict[str, str | float | None]:
    """The answer of `measure.sign_stability` as plain values, what is not defined as None.

    >>> from plastodyn.measure import sign_stability
    >>> circuit = Circuit(loss=lambda w: jnp.sum((w - 1) ** 2), weights=jnp.ones(2))
    >>> found = sign_stability(circuit, jnp.ones(2), rate=0.1, key=jax.random.key(0), steps=100)
    >>> stability_report(found)["verdict"], stability_report(found)["lyapunov_exponent"]
    ('stable', None)
    """
    values = {**found._asdict(), "answer": found.answer}
    return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in values.items()}


def report(
    circuit: Circuit, *, key: Array, fluctuation: float | None, precision: float, samples: int
) -> dict[str, str | float]:
    """The answers of `measure.plasticity_ratio` and `measure.stationary_ratio` as plain values.

    ``best_plasticity`` is the stationary ratio times the fluctuation; a flat loss has no stationary ratio.

    Args:
        circuit: what to measure.
        key: random key.
        fluctuation: |de| per step; if given, the answer includes |dc|.
        precision: gamma1 / gamma2 of the gradient rule.
        samples: draws of each change.

    Raises:
        ValueError: if ``fluctuation`` is negative or ``precision`` not positive.

    >>> circuit = Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(4))
    >>> round(report(circuit, key=jax.random.key(0), fluctuation=0.1, precision=10.0, samples=8)["best_plasticity"], 2)
    0.1
    """
    if fluctuation is not None:
        checks.number("--fluctuation", fluctuation, at_least=0)
    answer = plasticity_ratio(circuit, key=key, rule=noisy_gradient(1.0, precision), samples=samples)
    found: dict[str, str | float] = {
        "weights": tree.size(circuit.weights),
        "loss": float(answer.loss),
        "state": str(answer.state),
        "curvature_of_fluctuations": float(answer.curvature_fluctuation),
        "curvature_of_fluctuations_error": float(answer.curvature_fluctuation_error),
        "curvature_of_plasticity": float(answer.curvature_plasticity),
        "curvature_of_plasticity_error": float(answer.curvature_plasticity_error),
        "equation_9_ratio_at_these_weights": float(answer.ratio),
        "equation_9_ratio_error": float(answer.standard_error),
    }
    steady = stationary_ratio(circuit.loss_at, circuit.weights, key=key, precision=precision)
    if np.isfinite(steady.stationary):
        found["equation_9_ratio_at_steady_state"] = steady.greedy
        found["stationary_ratio"] = steady.stationary
        if fluctuation is not None:
            found["best_plasticity"] = steady.stationary * fluctuation
    return found


def _circuit(module: ModuleType, model: str, loss: str, weights: str, checkpoint: Path | None) -> Circuit:
    if not hasattr(module, loss):
        raise ValueError(f"--loss must name a function in {model}; got {checks.shown(loss)}, which it does not define")
    if checkpoint is not None:
        start = _checkpoint(checkpoint)
    elif hasattr(module, weights):
        start = jax.tree.map(_floating, getattr(module, weights))
    else:
        raise ValueError(f"--weights must name a pytree in {model}; got {checks.shown(weights)}, which it does not define")
    try:
        return Circuit(loss=getattr(module, loss), weights=start)
    except ValueError:
        raise
    except Exception as error:
        # Whatever the user's own function raises on these weights is for them to read, in one line.
        first_line = str(error).strip().splitlines()[:1]
        raise ValueError(f"--loss {loss!r} failed on these weights: {type(error).__name__}: {' '.join(first_line)}") from error


def _checkpoint(path: Path) -> dict[str, Array]:
    if not path.is_file():
        raise ValueError(f"--checkpoint must be an existing file; got {str(path)!r}")
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as stored:
                return {name: _floating(stored[name]) for name in stored.files}
        if path.suffix == ".safetensors":
            return {name: _floating(values) for name, values in load_file(path).items()}
    except Exception as error:
        raise ValueError(f"--checkpoint {str(path)!r} could not be read: {error}") from error
    raise ValueError(f"--checkpoint must end in .npz or .safetensors; got {str(path)!r}")


def _floating(values: ArrayLike) -> Array:
    """An array as JAX holds it: float64 becomes float32 unless x64 is on."""
    return jnp.asarray(values)
