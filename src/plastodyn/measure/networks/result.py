"""What a report says: estimates with their standard errors, as attributes, as JSON and in sentences."""

import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from plastodyn import checks
from plastodyn.measure.estimate import Estimate
from plastodyn.measure.learning import LearningBounds
from plastodyn.measure.networks.plan import Plan
from plastodyn.measure.spectrum import Spectrum
from plastodyn.theory.bounds import Plasticity
from plastodyn.theory.ratio import stationary_loss

SCALARS = {
    "loss": "mean over examples",
    "gradient_norm": "of the mean gradient, the noise of minibatches taken out",
    "hessian_trace": "sum of all curvatures",
    "hessian_square": "tr H^2, sum of squared curvatures",
    "curvature_gradient": "n'Hn along the gradient",
    "curvature_isotropic": "tr H / N, mean curvature",
    "curvature_update": "n'Hn along the direction that was given",
    "smallest_eigenvalue": "lowest Ritz value found",
    "batch_sharpness": "E[g_b'H_b g_b] / E|g_b|^2 of minibatch gradients",
    "best_rate": "1 / n'Hn: the rate at which a gradient step lowers the loss most",
    "largest_stable_rate": "2 / largest curvature",
    "greedy_ratio": "|dc| / |de| of equation 9 at these weights",
    "stationary_ratio": "|dc| / |de| of the lowest steady error",
    "task_difficulty": "n'Hn / (2 |grad F|) along the gradient",
    "learning_rate": "k, share of the loss that goes per unit of time",
}
"""Names of the estimates of one number each, and what they are."""


_AT_REST = 1e-3
"""Share of the loss that the best step along the gradient would take away, below which a network is nearly at rest."""


@dataclass(frozen=True)
class Report:
    """The answer of `report`: each quantity an `Estimate`, in units of the loss and of the weights.

    Errors are over minibatches and probes together: over what the data are a sample of. They are 0 where a quantity was
    computed, and NaN where one sample cannot tell. A ratio is NaN where a curvature that it needs is not positive.
    """

    estimates: dict[str, Estimate]
    """By the names of `SCALARS`."""
    eigenvalues: Estimate
    """The largest curvatures, in descending order."""
    traces: dict[str, Estimate]
    """tr H of each array of weights, by its name."""
    trace_probe_share: float
    """Share of the variance of one probe of tr H that is the probe's own; the rest is of its minibatch."""
    spectrum: Spectrum
    """Eigenvalues and how often each occurs, by stochastic Lanczos quadrature."""
    bounds: LearningBounds | None
    """What `theory.bounds` says of the plasticity asked about; None where the gradient is not resolved."""
    plasticity: Plasticity | None
    precision: float
    weights: int
    examples: int
    plan: Plan
    products: int
    """Hessian-vector products made, each on one minibatch."""
    notes: tuple[str, ...] = field(default=())

    def __getattr__(self, name: str) -> Estimate:
        """Estimates as attributes, such as ``report.hessian_trace``."""
        found = self.__dict__.get("estimates", {})
        if name in found:
            return found[name]
        raise AttributeError(f"a report has no {name!r}; it has {', '.join(SCALARS)} and its fields")

    def layers(self) -> dict[str, Estimate]:
        """Tr H of each layer: of the arrays whose names agree but for what stands behind the last dot.

        >>> import jax, jax.numpy as jnp
        >>> from plastodyn.measure import report
        >>> weights = {"one": {"a": jnp.ones(2), "b": jnp.ones(1)}}
        >>> found = report(lambda w: jnp.sum(w["one"]["a"] ** 2) + w["one"]["b"][0] ** 2, weights, key=jax.random.key(0))
        >>> {name: float(trace.value) for name, trace in found.layers().items()}
        {'one': 6.0}
        """
        groups: dict[str, list[Estimate]] = {}
        for name, trace in self.traces.items():
            groups.setdefault(name.rpartition(".")[0] or name, []).append(trace)
        return {name: _sum(parts) for name, parts in groups.items()}

    def steady_loss(self, ratios: np.ndarray) -> np.ndarray:
        """The steady loss of the stationary theory over ratios |dc| / |de|, relative to its lowest; NaN without curvature.

        >>> import jax, jax.numpy as jnp
        >>> from plastodyn.measure import report
        >>> found = report(lambda w: jnp.sum(w**2), jnp.ones(3), key=jax.random.key(0))
        >>> found.steady_loss(np.array([0.5, 1.0])).round(3).tolist()
        [1.562, 1.0]
        """
        curvatures = np.clip(np.asarray(self.spectrum.eigenvalues, float), 0, None)
        if not curvatures.any():
            return np.full(np.shape(ratios), np.nan)
        loss = stationary_loss(curvatures, ratios, 1.0, self.precision, self.spectrum.multiplicities)
        return loss / np.nanmin(loss)

    def rows(self) -> list[tuple[str, str]]:
        """Names and values of the numbers, each with its standard error."""
        named = [(name.replace("_", " "), shown(self.estimates[name])) for name in SCALARS if name in self.estimates]
        top = Estimate(self.eigenvalues.value[0], self.eigenvalues.standard_error[0], self.eigenvalues.samples)
        return [
            ("weights", f"{self.weights:,}"),
            ("minibatches for eigenvalues", str(self.plan.sample)),
            ("largest eigenvalue", shown(top)),
            *named,
        ]

    def as_json(self) -> dict[str, Any]:
        """The whole answer as plain values, what is not defined as None."""
        return {
            "weights": self.weights,
            "examples": self.examples,
            "products": self.products,
            "plan": self.plan._asdict(),
            "estimates": {name: _plain(value) for name, value in self.estimates.items()},
            "eigenvalues": _plain(self.eigenvalues),
            "hessian_trace_by_array": {name: _plain(value) for name, value in self.traces.items()},
            "trace_probe_share": _number(self.trace_probe_share),
            "spectrum": {name: np.asarray(value, float).tolist() for name, value in self.spectrum._asdict().items()},
            "bounds": None if self.bounds is None else self._bounds(self.bounds),
            "precision": _number(self.precision),
            "notes": list(self.notes),
            "answer": self.answer,
        }

    def _bounds(self, bounds: LearningBounds) -> dict[str, Any]:
        numbers = {name: _number(value) for name, value in bounds._asdict().items() if isinstance(value, float)}
        plasticity = {} if self.plasticity is None else {name: float(v) for name, v in self.plasticity._asdict().items()}  # pyright: ignore[reportArgumentType]
        return {**numbers, "plasticity": plasticity}

    def to_json(self) -> str:
        """`as_json` as text."""
        return json.dumps(self.as_json(), indent=2, allow_nan=False)

    @property
    def answer(self) -> str:
        """What the numbers come to, in a few sentences."""
        return " ".join([*_sentences(self), *(note[0].upper() + note[1:] + "." for note in self.notes)])


def _sum(parts: list[Estimate]) -> Estimate:
    if len(parts) == 1:
        return parts[0]
    # The shares of one probe are taken for independent: they share its minibatch only.
    error = math.sqrt(sum(float(part.standard_error) ** 2 for part in parts))
    return Estimate(np.float64(sum(float(part.value) for part in parts)), np.float64(error), parts[0].samples)  # pyright: ignore[reportArgumentType]


def _plain(estimate: Estimate) -> dict[str, Any]:
    value, error = (np.asarray(part, float) for part in estimate[:2])
    values, errors = ([_number(x) for x in part.ravel()] for part in (value, error))
    if not value.ndim:
        return {"value": values[0], "standard_error": errors[0], "samples": estimate.samples}
    return {"value": values, "standard_error": errors, "samples": estimate.samples}


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def shown(estimate: Estimate) -> str:
    """A value with its error, to the digits that the error leaves.

    >>> shown(Estimate(np.float64(12.3456), np.float64(0.1234), 8)), shown(Estimate(np.float64(2.0), np.float64(0.0), 0))
    ('12.35 ± 0.12', '2')
    """
    if not isinstance(estimate, Estimate) or np.ndim(estimate.value):
        raise ValueError(f"estimate must be an Estimate of one number; got {checks.shown(estimate)}")
    value, error = float(estimate.value), float(estimate.standard_error)
    if not math.isfinite(value):
        return "-"
    if not math.isfinite(error) or error <= 0:
        return f"{value:.4g}"
    if error < 1e-5 * abs(value):
        return f"{value:.6g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    if max(abs(value), error) >= 1e5 or max(abs(value), error) < 1e-4:
        return f"{value:.3g} ± {error:.2g}"
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _sentences(found: Report) -> list[str]:
    steady, rate = found.stationary_ratio, found.largest_stable_rate
    sentences = []
    if float(found.gradient_norm.value) == float(found.hessian_trace.value) == 0:
        return ["The loss does not depend on the weights here, as far as its derivatives tell: does a gradient reach them?"]
    if not math.isfinite(float(found.best_rate.value)):
        sentences.append("The gradient is lost in the noise of minibatches, or the loss does not bend upwards along it.")
    if math.isfinite(float(steady.value)):
        sentences.append(
            "Held against isotropic synaptic fluctuations of any small size, the steady loss is lowest with plasticity of "
            f"{shown(steady)} times their size."
        )
    if math.isfinite(float(found.greedy_ratio.value)):
        sentences.append(_of_equation_9(found))
    if math.isfinite(float(rate.value)):
        sentences.append(
            f"Gradient descent that goes on is stable up to a rate of about {float(rate.value):.3g}, as far as the "
            f"{found.plan.sample} {'minibatches' if found.plan.sample > 1 else 'minibatch'} looked at for it tell."
        )
    low, high = float(found.smallest_eigenvalue.value), float(found.eigenvalues.value[0])
    if low < -0.01 * abs(high):
        sentences.append(
            f"The most negative curvature, {low:.3g}, is more than a hundredth of the largest, {high:.3g}: this is no minimum, "
            "and ratios count negative curvatures as 0."
        )
    return sentences


def _of_equation_9(found: Report) -> str:
    """Near rest what is left of the gradient points along flat directions, and equation 9's ratio is of these."""
    slope, curvature, loss = (float(found.estimates[name].value) for name in ("gradient_norm", "curvature_gradient", "loss"))
    ratio = shown(found.greedy_ratio)
    if slope**2 / (2 * curvature) < _AT_REST * abs(loss):
        return (
            f"It is nearly at rest: equation 9's {ratio} is of what is left of the gradient, and no advice for a network that "
            "lives with fluctuations."
        )
    return f"Equation 9 answers {ratio} for the next step from here."
