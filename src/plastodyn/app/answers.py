"""Answers about a user's model as plain values: numbers and sentences, what is not defined as None."""

import math

import jax
import numpy as np
from jax import Array

from plastodyn import checks, tree
from plastodyn.circuits import Circuit
from plastodyn.measure import SignStability, plasticity_ratio, stationary_ratio
from plastodyn.measure.curvature import second_difference
from plastodyn.measure.stability.directions import is_at_rest
from plastodyn.rules import noisy_gradient
from plastodyn.rules.wrap.neurons import NeuronSigns
from plastodyn.tree import Weights

Answer = dict[str, str | float | None]
_LARGEST = 1e18
"""Of the size of fluctuations: single precision holds its square, and that of its inverse."""
_TOO_LARGE = (
    " But over steps of |de| = {:g} the loss is not the parabola that this takes it for: simulate it, or ask for smaller ones."
)
_COUNTS = ("unstable", "unstable_unflipped", "flat")


def stability_report(found: SignStability, who: str | None = None) -> Answer:
    """The answer of `measure.sign_stability` as plain values, what is not defined as None.

    Where not all eigenvalues were found, the counts of directions are named ``..._at_least``; ``who`` says what was flipped.

    >>> import jax, jax.numpy as jnp
    >>> from plastodyn.measure import sign_stability
    >>> circuit = Circuit(loss=lambda w: jnp.sum((w - 1) ** 2), weights=jnp.ones(2))
    >>> found = sign_stability(circuit, jnp.ones(2), rate=0.1, key=jax.random.key(0), steps=100)
    >>> stability_report(found)["verdict"], stability_report(found)["lyapunov_exponent"]
    ('stable', None)
    """
    at_least = found.eigenvalues_found < found.weights
    values = {f"{name}_at_least" if at_least and name in _COUNTS else name: value for name, value in found._asdict().items()}
    return _defined({**values, **({"flipped": who} if who else {}), "answer": found.answer})


def who_flips(signs: Weights | NeuronSigns, weights: Weights) -> str | None:
    """Which neurons a fraction means, for another layout would mean others; None for signs that were given one by one.

    >>> import jax.numpy as jnp
    >>> from plastodyn.rules import presynaptic
    >>> who_flips(presynaptic(0.5), {"hidden": jnp.ones((2, 4))})
    "the first 2 of 4 presynaptic neurons of weights['hidden'], shape (2, 4) read as outputs-inputs"
    """
    if not (isinstance(signs, NeuronSigns) and signs.by_fraction):
        return None
    leaves = jax.tree.leaves(signs.signs(weights))
    index = max(range(len(leaves)), key=lambda place: leaves[place].ndim)
    path, array = jax.tree_util.tree_flatten_with_path(weights)[0][index]
    flipped, count = int((leaves[index] < 0).sum()), leaves[index].size
    name = f"weights{jax.tree_util.keystr(path)}"
    return f"the first {flipped} of {count} {signs.side} neurons of {name}, shape {array.shape} read as {signs.layout}"


def report(circuit: Circuit, *, key: Array, fluctuation: float | None, precision: float, samples: int) -> Answer:
    """The answers of `measure.plasticity_ratio` and `measure.stationary_ratio` as plain values, and which of them to use.

    ``best_plasticity`` is the stationary ratio times the fluctuation; a flat loss has no stationary ratio. Plain gradient
    descent is stable up to the rate 2 / largest curvature. The ratios hold at a minimum: ``at_rest`` says whether less than
    1 % of the weights' norm is left to go. They hold where the loss is a parabola over one step of fluctuations:
    ``curvature_over_fluctuation`` is its curvature over such steps, given ``fluctuation``.

    Args:
        circuit: what to measure.
        key: random key.
        fluctuation: |de| per step; if given, the answer includes |dc|.
        precision: gamma1 / gamma2 of the gradient rule.
        samples: draws of each change.

    Raises:
        ValueError: if ``fluctuation`` is negative or ``precision`` not positive.

    >>> import jax, jax.numpy as jnp
    >>> circuit = Circuit(loss=lambda w: jnp.sum(w**2), weights=jnp.ones(4))
    >>> found = report(circuit, key=jax.random.key(0), fluctuation=0.1, precision=10.0, samples=8)
    >>> round(found["best_plasticity"], 2), round(found["largest_stable_rate"], 2)
    (0.1, 1.0)
    """
    if fluctuation is not None:
        checks.one_number("--fluctuation", fluctuation, at_least=0, at_most=_LARGEST)
        if 0 < fluctuation < 1 / _LARGEST:
            checks.refuse("--fluctuation", fluctuation, f"0, or from {1 / _LARGEST:g} to {_LARGEST:g}")
    checks.one_number("--precision", precision, above=0, infinite=True)
    checks.count("--samples", samples, at_least=2)
    answer = plasticity_ratio(circuit, key=key, rule=noisy_gradient(1.0, precision), samples=samples)
    largest = float(answer.largest_curvature)
    steady = stationary_ratio(circuit.loss_at, circuit.weights, key=key, precision=precision)
    known = np.isfinite(steady.stationary)
    found: Answer = {
        "weights": tree.size(circuit.weights),
        "loss": float(answer.loss),
        "state": str(answer.state),
        "curvature_of_fluctuations": float(answer.curvature_fluctuation),
        "curvature_of_fluctuations_error": float(answer.curvature_fluctuation_error),
        "curvature_of_plasticity": float(answer.curvature_plasticity),
        "curvature_of_plasticity_error": float(answer.curvature_plasticity_error),
        "largest_curvature": largest,
        "largest_stable_rate": 2 / largest if largest > 0 else math.nan,
        "equation_9_ratio_at_these_weights": float(answer.ratio),
        "equation_9_ratio_error": float(answer.standard_error),
        "equation_9_ratio_at_steady_state": steady.greedy,
        "equation_9_ratio_at_steady_state_error": steady.greedy_error,
        "stationary_ratio": steady.stationary,
        "stationary_ratio_error": steady.stationary_error,
        "best_plasticity": steady.stationary * fluctuation if fluctuation is not None and known else math.nan,
    }
    found["at_rest"] = _is_at_rest(circuit, largest)
    warning, found["curvature_over_fluctuation"] = "", math.nan
    if fluctuation:
        over = second_difference(circuit.loss_at, circuit.weights, fluctuation, key=key)
        found["curvature_over_fluctuation"] = over.value
        warning = "" if over.is_quadratic else _TOO_LARGE.format(fluctuation)
    found["answer"] = _sentence(found) + warning
    return _defined(found)


def _is_at_rest(circuit: Circuit, largest: float) -> bool:
    gradient = jax.grad(circuit.loss_at)

    def step(weights: Weights) -> Weights:
        return jax.tree.map(lambda w, slope: w - slope / abs(largest), weights, gradient(weights))

    return is_at_rest(step, circuit.weights, 0.0)


def _sentence(found: Answer) -> str:
    """Which of the ratios to use, and how large a rate may be."""
    ratio, rate, plasticity = (found[name] for name in ("stationary_ratio", "largest_stable_rate", "best_plasticity"))
    if not _finite(ratio):
        return "The loss is flat or falls in all directions here: no ratio of plasticity to fluctuations is best."
    if not found["at_rest"] or found["state"] != "highly trained":
        why = "some curvatures are negative" if found["at_rest"] else "gradient descent still has some way to go"
        return f"These weights are not at a minimum ({why}), where alone the ratios say what is best: train them further."
    error = found["stationary_ratio_error"]
    error = f" (standard error {error:.1g})" if _finite(error) and error else ""
    size = f", |dc| = {plasticity:.3g} per step" if _finite(plasticity) else ""
    stable = f" Plain gradient descent is stable up to a rate of 2 / largest curvature = {rate:.3g}." if _finite(rate) else ""
    return (
        "Use the stationary ratio: the steady error is lowest with plasticity of "
        f"{ratio:.3g} times the fluctuations{error}{size}. "
        f"Equation 9 says what lowers the error most in the next step.{stable}"
    )


def _finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _defined(found: Answer) -> Answer:
    """JSON has no word for NaN and infinity."""
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in found.items()}
