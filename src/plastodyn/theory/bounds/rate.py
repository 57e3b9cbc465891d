"""How fast a circuit can learn between two pieces of feedback, and what it can bear, from its landscape here.

Over an interval T without feedback the weights move at ``w' = -gamma1 g + gamma2 n2 + gamma3 sqrt(N / T) n3``: along the unit
gradient g as it was at the last feedback, along a unit vector n2 that has nothing to do with the task, and by synaptic noise.
The learning rate k is defined by ``F[w(T)] = (1 - k T) F[w(0)]``; to second order in the change,
``k = -(|grad F| / F) (w'.g + T w'^T H w' / (2 |grad F|))``.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.types import Floats


class Landscape(NamedTuple):
    """The task error about the present weights; numbers, or arrays that broadcast.

    ``loss`` is F, above 0; ``gradient_norm`` |grad F|, above 0; ``gradient_curvature`` ``g^T H g`` along the unit gradient;
    ``hessian_trace`` tr H; ``size`` N, the number of weights. For variances, ``hessian_square`` is tr H^2 and
    ``gradient_image`` ``|H g|``.
    """

    loss: ArrayLike
    gradient_norm: ArrayLike
    gradient_curvature: ArrayLike
    hessian_trace: ArrayLike
    size: ArrayLike
    hessian_square: ArrayLike | None = None
    gradient_image: ArrayLike | None = None


class Plasticity(NamedTuple):
    """How weights change; numbers, or arrays that broadcast.

    ``relevant`` is gamma1, along the gradient, and ``irrelevant`` gamma2, each a norm per unit of time; ``noise`` gamma3, of
    one weight per square root of time; all at least 0; ``interval`` T between two pieces of feedback, above 0.
    """

    relevant: ArrayLike
    irrelevant: ArrayLike = 0.0
    noise: ArrayLike = 0.0
    interval: ArrayLike = 1.0


def learning_rate(landscape: Landscape, plasticity: Plasticity) -> Floats:
    """The mean learning rate over directions of what is not the gradient.

    ``E k = (|grad F| / F) (gamma1 - T / (2 |grad F|) (gamma1^2 g^T H g + tr H (gamma2^2 / N + gamma3^2 / T)))``

    Args:
        landscape: the task error here.
        plasticity: how weights change.

    Returns:
        k, per unit of time; below 0 where the error grows.

    Raises:
        ValueError: if a number is out of range.

    Source: Raman, Rotondo and O'Leary (2019), with the factors that their slides drop.

    >>> here = Landscape(loss=2.0, gradient_norm=2.0, gradient_curvature=1.0, hessian_trace=4.0, size=4)
    >>> float(learning_rate(here, Plasticity(0.5))), float(learning_rate(here, Plasticity(0.5, 1.0, 0.5)))
    (0.4375, -0.0625)
    """
    slope, curvature, trace, size = _landscape(landscape)
    relevant, irrelevant, noise, interval = _plasticity(plasticity)
    spread = irrelevant**2 / size + noise**2 / interval
    bend = relevant**2 * curvature + trace * spread
    return slope / np.asarray(landscape.loss, float) * (relevant - interval / (2 * slope) * bend)


def learning_rate_variance(landscape: Landscape, plasticity: Plasticity) -> Floats:
    """The variance of the learning rate over directions of what is not the gradient, n2 and n3 uniform on the unit sphere.

    With ``a = T / (2 |grad F|)``, ``s = gamma3 sqrt(N / T)`` and ``q = 2 (tr H^2 - (tr H)^2 / N) / (N (N + 2))``:
    ``Var k = (|grad F| / F)^2 ((gamma2^2 + s^2) |g - 2 a gamma1 H g|^2 / N + a^2 (gamma2^4 + s^4) q
    + 4 a^2 gamma2^2 s^2 tr H^2 / N^2)``.

    Args:
        landscape: the task error here, with ``hessian_square`` and ``gradient_image``.
        plasticity: how weights change.

    Returns:
        Var k, per unit of time squared.

    Raises:
        ValueError: if a number is missing or out of range.

    Source: this project; moments of uniform directions.

    >>> here = Landscape(2.0, 2.0, 1.0, 4.0, 4, hessian_square=4.0, gradient_image=1.0)
    >>> float(learning_rate_variance(here, Plasticity(0.5, 1.0)))
    0.140625
    """
    slope, curvature, trace, size = _landscape(landscape)
    relevant, irrelevant, noise, interval = _plasticity(plasticity)
    named = {"hessian_square": landscape.hessian_square, "gradient_image": landscape.gradient_image}
    for name, value in named.items():
        if value is None:
            raise ValueError(f"landscape must have {name}, which a variance needs; got None")
        checks.number(name, value, at_least=0)
    square, image = (np.asarray(value, float) for value in named.values())
    a, s = interval / (2 * slope), noise * np.sqrt(size / interval)
    along = 1 - 4 * a * relevant * curvature + (2 * a * relevant * image) ** 2
    within = 2 * (square - trace**2 / size) / (size * (size + 2))
    variance = (irrelevant**2 + s**2) * along / size + a**2 * (irrelevant**4 + s**4) * within
    return (slope / np.asarray(landscape.loss, float)) ** 2 * (variance + (2 * a * irrelevant * s) ** 2 * square / size**2)


def direction_difficulty(curvature: ArrayLike, gradient_norm: ArrayLike) -> Floats:
    """Local task difficulty of a direction u, ``G = u^T H u / (2 |grad F|)``: how soon a step along it stops to pay.

    Args:
        curvature: ``u^T H u`` of a unit vector.
        gradient_norm: |grad F|, above 0.

    Returns:
        G, per unit of weight.

    Raises:
        ValueError: if a number is out of range.

    Source: Raman, Rotondo and O'Leary (2019).

    >>> float(direction_difficulty(3.0, 0.5))
    3.0
    """
    checks.number("curvature", curvature)
    checks.number("gradient_norm", gradient_norm, above=0)
    checks.broadcast(curvature=curvature, gradient_norm=gradient_norm)
    return np.asarray(curvature, float) / (2 * np.asarray(gradient_norm, float))


def task_difficulty(landscape: Landscape, plasticity: Plasticity) -> Floats:
    """Local task difficulty of the weights' own motion: mean curvature along it over its mean square, over ``2 |grad F|``.

    ``(gamma1^2 g^T H g + tr H (gamma2^2 / N + gamma3^2 / T)) / (2 |grad F| (gamma1^2 + gamma2^2 + gamma3^2 N / T))``

    Args:
        landscape: the task error here.
        plasticity: how weights change.

    Raises:
        ValueError: if a number is out of range, or nothing moves.

    Source: Raman, Rotondo and O'Leary (2019).

    >>> here = Landscape(loss=2.0, gradient_norm=2.0, gradient_curvature=1.0, hessian_trace=4.0, size=4)
    >>> motion = Plasticity(0.5, 1.0, 0.5)
    >>> float(task_difficulty(here, motion)), round(float(largest_difficulty(4, motion)), 4)
    (0.25, 0.2222)
    """
    slope, curvature, trace, size = _landscape(landscape)
    relevant, irrelevant, noise, interval = _plasticity(plasticity)
    bend = relevant**2 * curvature + trace * (irrelevant**2 / size + noise**2 / interval)
    return bend / (2 * slope * _mean_square(size, plasticity))


def largest_difficulty(size: ArrayLike, plasticity: Plasticity) -> Floats:
    """The task difficulty below which the circuit learns, ``gamma1 / (T (gamma1^2 + gamma2^2 + gamma3^2 N / T))``.

    Args:
        size: N, at least 1.
        plasticity: how weights change.

    Raises:
        ValueError: if a number is out of range, or nothing moves.

    Source: Raman, Rotondo and O'Leary (2019).

    >>> float(largest_difficulty(100, Plasticity(0.5, 1.0, 0.05)))
    0.3333333333333333
    """
    checks.number("size", size, at_least=1)
    relevant, _, _, interval = _plasticity(plasticity)
    return relevant / (interval * _mean_square(np.asarray(size, float), plasticity))


def best_interval(landscape: Landscape, plasticity: Plasticity) -> Floats:
    """The interval between two pieces of feedback after which most error is gone, the largest ``k T``; its own is not read.

    ``T = (gamma1 |grad F| - tr H gamma3^2 / 2) / (gamma1^2 g^T H g + tr H gamma2^2 / N)``. The rate k itself is largest for the
    shortest interval: feedback does no harm.

    Args:
        landscape: the task error here.
        plasticity: how weights change.

    Returns:
        T; 0 where noise alone undoes what the gradient gains, infinite where nothing bends.

    Raises:
        ValueError: if a number is out of range.

    Source: this project, from the mean learning rate of Raman, Rotondo and O'Leary (2019).

    >>> here = Landscape(loss=2.0, gradient_norm=2.0, gradient_curvature=1.0, hessian_trace=4.0, size=4)
    >>> float(best_interval(here, Plasticity(0.5, 0.5)))
    2.0
    """
    slope, curvature, trace, size = _landscape(landscape)
    relevant, irrelevant, noise, _ = _plasticity(plasticity)
    gain = np.maximum(relevant * slope - trace * noise**2 / 2, 0.0)
    bend = relevant**2 * curvature + trace * irrelevant**2 / size
    bends = bend > 0
    return np.where(bends, gain / np.where(bends, bend, 1.0), np.where(gain > 0, np.inf, 0.0))


def largest_irrelevant(landscape: Landscape, plasticity: Plasticity) -> Floats:
    """The task-irrelevant plasticity gamma2 at which learning stops, all else given; the plasticity's own is not read.

    ``gamma2^2 = (N / tr H) (2 |grad F| gamma1 / T - gamma1^2 g^T H g - tr H gamma3^2 / T)``

    Args:
        landscape: the task error here.
        plasticity: how weights change.

    Returns:
        gamma2; NaN where the circuit does not learn without any, infinite where tr H is not positive.

    Raises:
        ValueError: if a number is out of range.

    Source: this project, from the mean learning rate of Raman, Rotondo and O'Leary (2019).

    >>> here = Landscape(loss=2.0, gradient_norm=2.0, gradient_curvature=1.0, hessian_trace=4.0, size=4)
    >>> most = float(largest_irrelevant(here, Plasticity(0.5, noise=0.5)))
    >>> round(most, 4), round(float(learning_rate(here, Plasticity(0.5, most, 0.5))), 12)
    (0.866, 0.0)
    """
    slope, curvature, trace, size = _landscape(landscape)
    relevant, _, noise, interval = _plasticity(plasticity)
    left = 2 * slope * relevant / interval - relevant**2 * curvature - trace * noise**2 / interval
    return _bearable(left, trace / size)


def largest_noise(landscape: Landscape, plasticity: Plasticity) -> Floats:
    """The synaptic noise gamma3 at which learning stops, all else given; the plasticity's own is not read.

    ``gamma3^2 = (T / tr H) (2 |grad F| gamma1 / T - gamma1^2 g^T H g - tr H gamma2^2 / N)``

    Args:
        landscape: the task error here.
        plasticity: how weights change.

    Returns:
        gamma3; NaN where the circuit does not learn without any, infinite where tr H is not positive.

    Raises:
        ValueError: if a number is out of range.

    Source: this project, from the mean learning rate of Raman, Rotondo and O'Leary (2019).

    >>> here = Landscape(loss=2.0, gradient_norm=2.0, gradient_curvature=1.0, hessian_trace=4.0, size=4)
    >>> round(float(largest_noise(here, Plasticity(0.5))), 4)
    0.6614
    """
    slope, curvature, trace, size = _landscape(landscape)
    relevant, irrelevant, _, interval = _plasticity(plasticity)
    left = 2 * slope * relevant / interval - relevant**2 * curvature - trace * irrelevant**2 / size
    return _bearable(left, trace / interval)


def _bearable(left: Floats, cost: Floats) -> Floats:
    """The root of what is left over what each squared unit costs."""
    costs = cost > 0
    root = np.sqrt(np.maximum(left, 0) / np.where(costs, cost, 1.0))
    return np.where(left < 0, np.nan, np.where(costs, root, np.inf))


def _mean_square(size: Floats, plasticity: Plasticity) -> Floats:
    """Mean square of the weights' velocity."""
    relevant, irrelevant, noise, interval = _plasticity(plasticity)
    found = relevant**2 + irrelevant**2 + noise**2 * size / interval
    if np.any(found == 0):
        raise ValueError("plasticity must move the weights; got relevant, irrelevant and noise of 0")
    return found


def _landscape(landscape: Landscape) -> tuple[Floats, Floats, Floats, Floats]:
    checks.instance("landscape", landscape, Landscape, "a pd.theory.bounds.Landscape")
    for name in ("loss", "gradient_norm"):
        checks.number(name, getattr(landscape, name), above=0)
    for name in ("gradient_curvature", "hessian_trace"):
        checks.number(name, getattr(landscape, name))
    checks.number("size", landscape.size, at_least=1)
    slope, curvature, trace, size = (np.asarray(value, float) for value in landscape[1:5])
    return slope, curvature, trace, size


def _plasticity(plasticity: Plasticity) -> tuple[Floats, Floats, Floats, Floats]:
    checks.instance("plasticity", plasticity, Plasticity, "a pd.theory.bounds.Plasticity")
    for name in ("relevant", "irrelevant", "noise"):
        checks.number(name, getattr(plasticity, name), at_least=0)
    checks.number("interval", plasticity.interval, above=0)
    relevant, irrelevant, noise, interval = (np.asarray(value, float) for value in plasticity)
    return relevant, irrelevant, noise, interval
