"""From what was measured on minibatches to estimates with their standard errors."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from plastodyn.measure.estimate import Estimate
from plastodyn.measure.learning import LearningBounds, MeasuredLandscape, bounds_at
from plastodyn.measure.networks.krylov import Ritz
from plastodyn.measure.networks.network import Network
from plastodyn.measure.networks.plan import Plan
from plastodyn.measure.networks.probes import Pairs, Probes
from plastodyn.measure.networks.result import Report
from plastodyn.measure.networks.slopes import Slopes
from plastodyn.measure.spectrum import Spectrum, merged
from plastodyn.theory import ratio
from plastodyn.theory.bounds import Landscape, Plasticity
from plastodyn.types import Floats

_MOST_EIGENVALUES = 10
_FLAT = 100
"""Roundings of the largest curvature below which one is 0."""
_LOST = 0.5
"""Share of noise in the square of the mean gradient above which that has no direction."""
_STEP = 1e-4


class Measured(NamedTuple):
    """What the passes over the data have found."""

    slopes: Slopes
    probes: Probes
    images: Pairs
    """Of the unit gradient."""
    pairs: Pairs
    """Of random signs."""
    whole: list[Ritz]
    parts: list[Ritz]
    products: int


def weighted_mean(values: Floats, sizes: Floats) -> Estimate:
    """The mean over minibatches by their examples; standard error ``sqrt(n/(n-1) sum w_b^2 (x_b - mean)^2)``.

    One minibatch has no error (0): then what was measured is the whole.

    >>> found = weighted_mean(np.array([1.0, 3.0]), np.array([5.0, 5.0]))
    >>> float(found.value), float(found.standard_error)
    (2.0, 1.0)
    """
    shares, count = sizes / sizes.sum(), len(values)
    mean = (shares * values).sum()
    error = math.sqrt(count / max(count - 1, 1) * (shares**2 * (values - mean) ** 2).sum())
    return _estimate(mean, error, count)


def summarized(network: Network, plan: Plan, measured: Measured, plasticity: Plasticity | None, precision: float) -> Report:
    """The report that follows from what was measured."""
    slopes, probes, pairs = measured.slopes, measured.probes, measured.pairs
    totals = probes.traces.sum(axis=1)
    found = {
        "loss": _known(plan, weighted_mean(slopes.losses, slopes.sizes)),
        "gradient_norm": _known(plan, _gradient_norm(slopes, probes)),
        "hessian_trace": weighted_mean(totals, probes.sizes),
        "hessian_square": _over_pairs(plan, slopes.sizes, pairs),
        "batch_sharpness": _ratio_of_means(probes.own, probes.squares),
    }
    found["curvature_gradient"] = _along(slopes, probes, found["batch_sharpness"])
    if np.isfinite(probes.update).all():
        found["curvature_update"] = weighted_mean(probes.update, probes.sizes)
    found["curvature_isotropic"] = _over(found["hessian_trace"], network.size)
    eigenvalues, lowest = _ends(measured, network.rounding)
    found["smallest_eigenvalue"] = lowest
    image = _over_pairs(plan, slopes.sizes, measured.images)
    here = _landscape(found, image, network.size, plan.probes)
    found |= _of_curvatures(found, eigenvalues, precision)
    found["stationary_ratio"] = _stationary(measured, network, precision)
    motion, bounds = _bounds(here, plasticity)
    if bounds is not None:
        found["learning_rate"] = _estimate(bounds.learning_rate, bounds.learning_rate_error, plan.probes)
    columns = dict(zip(network.names, probes.traces.T, strict=True))
    return Report(
        estimates=found,
        eigenvalues=eigenvalues,
        traces={name: weighted_mean(column, probes.sizes) for name, column in columns.items()},
        trace_probe_share=_probe_share(pairs, totals),
        spectrum=_spectrum(measured.whole, network.size),
        bounds=bounds,
        plasticity=motion,
        precision=precision,
        weights=network.size,
        examples=int(slopes.sizes.sum()),
        plan=plan,
        products=measured.products,
        notes=network.notes,
    )


def _known(plan: Plan, estimate: Estimate) -> Estimate:
    """Without an error where all minibatches were gone through."""
    return Estimate(estimate.value, np.float64(0.0), estimate.samples) if plan.complete else estimate  # pyright: ignore[reportArgumentType]


def _over_pairs(plan: Plan, sizes: Floats, pairs: Pairs) -> Estimate:
    """The mean over all pairs of minibatches by their examples; with those of one with itself where all were seen."""
    shares = sizes / sizes.sum()
    same = float((shares**2).sum()) if plan.complete else 0.0
    two = weighted_mean(pairs.square, pairs.sizes * pairs.other_sizes)
    one = weighted_mean(pairs.square_of_one, pairs.sizes**2)
    error = math.hypot((1 - same) * float(two.standard_error), same * float(one.standard_error))
    return _estimate((1 - same) * float(two.value) + same * float(one.value), error, two.samples)


def _estimate(value: float, error: float, samples: int) -> Estimate:
    return Estimate(np.float64(value), np.float64(error), samples)  # pyright: ignore[reportArgumentType]


def _over(estimate: Estimate, number: float) -> Estimate:
    return _estimate(float(estimate.value) / number, float(estimate.standard_error) / number, estimate.samples)


def _gradient_norm(slopes: Slopes, probes: Probes) -> Estimate:
    """``|E g|``; its error is that of ``g_b . n`` along the mean gradient, and half of what noise adds to its length."""
    count, value = len(slopes.sizes), math.sqrt(max(slopes.square, 0.0))
    error = probes.slopes.std(ddof=1) / math.sqrt(count)
    return _estimate(value, math.hypot(error, (math.sqrt(slopes.whole) - value) / 2), count)


def _along(slopes: Slopes, probes: Probes, sharpness: Estimate) -> Estimate:
    """The curvature along the gradient; NaN where most of the mean gradient is noise.

    A share s of the square of the mean gradient is noise, whose curvature is about that of minibatches' own gradients: s times
    what the two differ by is added to the error, in squares.
    """
    found = weighted_mean(probes.along, probes.sizes)
    noise = 1 - slopes.square / slopes.whole if slopes.whole > 0 else 0.0
    if noise > _LOST:
        return _estimate(math.nan, math.nan, found.samples)
    bias = noise * (float(sharpness.value) - float(found.value)) if noise > 0 else 0.0
    return _estimate(float(found.value), math.hypot(float(found.standard_error), bias), found.samples)


def _ratio_of_means(numerators: Floats, denominators: Floats) -> Estimate:
    """As `estimate.ratio_of_means`, in double precision; NaN where the gradient vanishes in every minibatch."""
    centre, count = denominators.mean(), len(numerators)
    if not centre > 0:
        return _estimate(math.nan, math.nan, count)
    value = numerators.mean() / centre
    residuals = (numerators - value * denominators) / centre
    return _estimate(value, residuals.std(ddof=1) / math.sqrt(count), count)


def _ends(measured: Measured, rounding: float) -> tuple[Estimate, Estimate]:
    """The largest eigenvalues and the smallest: of the whole sample, with what iterations leave and parts of it differ by."""
    first = measured.whole[0]
    # Products know no eigenvalue better than to a rounding of the largest.
    left = np.hypot(first.residuals, rounding * np.abs(first.values).max())
    count = min(_MOST_EIGENVALUES, *(len(found.values) for found in [*measured.whole, *measured.parts]))
    spread = _spread(np.array([found.values[:count] for found in measured.parts]), first.values[:count])
    samples = max(1, len(measured.parts))
    top = Estimate(first.values[:count], np.hypot(left[:count], spread), samples)  # pyright: ignore[reportArgumentType]
    lowest = _spread(np.array([found.values[-1] for found in measured.parts]), first.values[-1])
    return top, _estimate(first.values[-1], float(np.hypot(left[-1], lowest)), samples)


def _spread(parts: Floats, whole: Floats) -> Floats:
    """Standard error of the whole sample's eigenvalues from those of its g parts; 0 where there are none.

    The error of the mean of the parts, widened by Student's law of g - 1 degrees of freedom so that two of it cover what two of
    a known one do; and, in squares, the bias: ends of a spectrum move outwards as 1 / examples, so that parts, g times smaller,
    lie g - 1 times as far beyond the whole as the whole beyond the truth.
    """
    count = len(parts)
    if count < 2:
        return np.zeros(parts.shape[1:])
    widened = float(stdtrit(count - 1, 0.975)) / float(stdtrit(np.inf, 0.975))
    scatter = parts.std(axis=0, ddof=1) / math.sqrt(count) * widened
    return np.hypot(scatter, (parts.mean(axis=0) - whole) / (count - 1))


def _landscape(found: dict[str, Estimate], image: Estimate, size: int, samples: int) -> MeasuredLandscape:
    """What `theory.bounds` needs; squares that noise makes negative count as 0."""
    square, along = found["hessian_square"], float(np.sqrt(max(float(image.value), 0.0)))
    names = ("loss", "gradient_norm", "curvature_gradient", "hessian_trace")
    value, slope, curvature, trace = (float(found[name].value) for name in names)
    errors = (float(found[name].standard_error) for name in names)
    here = Landscape(value, slope, curvature, trace, size, max(float(square.value), 0.0), along)
    return MeasuredLandscape(here, Landscape(*errors, 0, float(square.standard_error), 0.0), samples)  # pyright: ignore[reportCallIssue]


def _of_curvatures(found: dict[str, Estimate], eigenvalues: Estimate, precision: float) -> dict[str, Estimate]:
    """Rates, the ratio of equation 9 and the task's difficulty, with errors to first order."""
    along, mean, slope = found["curvature_gradient"], found["curvature_isotropic"], found["gradient_norm"]
    largest = Estimate(eigenvalues.value[0], eigenvalues.standard_error[0], eigenvalues.samples)

    def greedy(a: float, b: float) -> float:
        mixed = float(ratio.noisy(a, 1.0, b, 1 / precision)) if math.isfinite(precision) else a
        return math.sqrt(b / mixed) if b > 0 and mixed > 0 else math.nan

    return {
        "best_rate": _propagated(lambda a: 1 / a if a > 0 else math.nan, along),
        "largest_stable_rate": _propagated(lambda a: 2 / a if a > 0 else math.nan, largest),
        "greedy_ratio": _propagated(greedy, along, mean),
        "task_difficulty": _propagated(lambda a, s: a / (2 * s) if s > 0 else math.nan, along, slope),
    }


def _propagated(formula: Callable[..., float], *given: Estimate) -> Estimate:
    """A formula of independent estimates, its error to first order."""
    values = [float(each.value) for each in given]
    square = 0.0
    for place, each in enumerate(given):
        step = _STEP * float(each.standard_error)
        up, down = (formula(*values[:place], values[place] + change, *values[place + 1 :]) for change in (step, -step))
        square += ((up - down) / (2 * _STEP)) ** 2
    return _estimate(formula(*values), math.sqrt(square), min(each.samples for each in given))


def _stationary(measured: Measured, network: Network, precision: float) -> Estimate:
    """The best ratio of the stationary theory on the spectrum of the whole sample.

    Its error is the scatter between iterations of the whole, or, where there is one alone, that between parts of the sample
    and the bias that these show, see `_spread`.
    """
    value = _best_ratio(_spectrum(measured.whole, network.size), network.rounding, precision)
    each = measured.whole if len(measured.whole) > 1 else measured.parts
    if len(each) < 2:
        return _estimate(value, math.nan, len(each))
    found = np.array([_best_ratio(_spectrum([one], network.size), network.rounding, precision) for one in each])
    scatter = float(found.std(ddof=1))
    if len(measured.whole) > 1:
        return _estimate(value, scatter / math.sqrt(len(each)), len(each))
    return _estimate(value, math.hypot(scatter, float(found.mean() - value) / (len(each) - 1)), len(each))


def _best_ratio(spectrum: Spectrum, rounding: float, precision: float) -> float:
    nodes = np.where(spectrum.eigenvalues > _FLAT * rounding * np.abs(spectrum.eigenvalues).max(), spectrum.eigenvalues, 0.0)
    return float(ratio.stationary_optimum(nodes, 1.0, precision, spectrum.multiplicities)) if nodes.any() else math.nan


def _spectrum(found: list[Ritz], size: int) -> Spectrum:
    return merged([Spectrum(one.values, one.weights * size) for one in found])


def _bounds(here: MeasuredLandscape, plasticity: Plasticity | None) -> tuple[Plasticity | None, LearningBounds | None]:
    """The bounds for a plasticity, or for the gradient step that lowers the loss most."""
    value, slope, curvature = np.array(here.value[:3], float).tolist()
    if not (slope > 0 and value > 0 and math.isfinite(curvature)):
        return plasticity, None
    if plasticity is None:
        if curvature <= 0:
            return None, None
        plasticity = Plasticity(slope / curvature)
    return plasticity, bounds_at(here, plasticity)


def _probe_share(pairs: Pairs, totals: Floats) -> float:
    """Covariance of a probe's two minibatches over the variance of all."""
    variance = totals.var(ddof=1)
    if not variance > 0:
        return math.nan
    covariance = np.cov(pairs.first, pairs.second, ddof=1)[0, 1]
    return float(np.clip(covariance / variance, 0.0, 1.0))
