"""How many weights are best for learning fast, in linear circuits with more of them than the task asks for.

A circuit ``y = W x`` of N weights is expanded by semi-orthogonal embeddings, c1 times the inputs and c2 times the outputs.
Where the error is measured in the expanded output, gradient norm and loss stay as they are and tr H grows by c2; along c1 = c2
the three answers below differ in how the curvature along the gradient is said to grow.
"""

import numpy as np
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.types import Floats


def optimal_size(irrelevant: ArrayLike, noise: ArrayLike, interval: ArrayLike = 1.0, memory: ArrayLike = 0.0) -> Floats:
    """The best size, ``(T gamma2^2 / gamma3^2) (1 + a) / (1 - a)``, if the curvature along the gradient does not grow with it.

    It does not: the gradient lies in the range of the embedding, whatever the inputs. The cost
    ``gamma2^2 / c1 + c2 N gamma3^2 / T`` is least there; the smallest circuit is best where there is no task-irrelevant
    plasticity. The direction of that plasticity may last: a is its correlation from one interval to the next. Then its steps
    add up over intervals, and what counts at a steady error, reached over many of them, is the sum of its correlations; for
    the rate of learning over one interval it is a = 0.

    Args:
        irrelevant: gamma2, at least 0.
        noise: gamma3 of one weight, above 0.
        interval: T, above 0.
        memory: a, from 0 to 1; infinite at 1.

    Returns:
        The number of weights, which need not be whole.

    Raises:
        ValueError: if a number is out of range.

    Source: with a = 0 what the authors' code of Raman, Rotondo and O'Leary (2019) draws; derived for this project.

    >>> [round(float(optimal_size(1.0, noise))) for noise in (0.03, 0.04, 0.05)]
    [1111, 625, 400]
    """
    checks.number("memory", memory, at_least=0, at_most=1)
    first, second, third = _numbers(irrelevant=irrelevant, noise=noise, interval=interval)
    checks.broadcast(irrelevant=irrelevant, noise=noise, interval=interval, memory=memory)
    kept = np.asarray(memory, float)
    lasting = np.where(kept < 1, (1 + kept) / np.where(kept < 1, 1 - kept, 1.0), np.inf)
    # Where there is no such plasticity it cannot last either.
    return third * first**2 / second**2 * np.where(first > 0, lasting, 1.0)


def optimal_size_if_spread(
    relevant: ArrayLike, irrelevant: ArrayLike, noise: ArrayLike, *, size: ArrayLike, interval: ArrayLike = 1.0
) -> Floats:
    """The same if the gradient has an equal share of every eigenvector, so that the curvature along it grows with the trace.

    ``gamma2^2 / (gamma1^2 / N + gamma3^2 / T)``: the cost is ``c2 gamma1^2 + gamma2^2 / c1 + c2 N gamma3^2 / T``.

    Args:
        relevant: gamma1, at least 0.
        irrelevant: gamma2, at least 0.
        noise: gamma3 of one weight, above 0.
        size: N, of the circuit before it is expanded, at least 1.
        interval: T, above 0.

    Returns:
        The number of weights.

    Raises:
        ValueError: if a number is out of range.

    Source: Raman, Rotondo and O'Leary (2019), slides.

    >>> round(float(optimal_size_if_spread(0.07, 1.0, 0.03, size=50)))
    1002
    """
    gamma1, gamma2, gamma3, count, time = _numbers(
        relevant=relevant, irrelevant=irrelevant, noise=noise, size=size, interval=interval
    )
    return gamma2**2 / (gamma1**2 / count + gamma3**2 / time)


def optimal_size_as_printed(relevant: ArrayLike, irrelevant: ArrayLike, noise: ArrayLike, interval: ArrayLike = 1.0) -> Floats:
    """The same as the slides print it, ``(T gamma2^2 / gamma3^2) (1 - gamma1^2 / gamma2^2)``: N* / N counts as 1 in one term.

    Args:
        relevant: gamma1, at least 0.
        irrelevant: gamma2, above 0.
        noise: gamma3 of one weight, above 0.
        interval: T, above 0.

    Returns:
        The number of weights; below 0 where gamma1 exceeds gamma2, which means that no size is best.

    Raises:
        ValueError: if a number is out of range.

    Source: Raman, Rotondo and O'Leary (2019), slides.

    >>> round(float(optimal_size_as_printed(0.07, 1.0, 0.03)))
    1106
    """
    gamma1, gamma2, gamma3, time = _numbers(relevant=relevant, irrelevant=irrelevant, noise=noise, interval=interval)
    return time / gamma3**2 * (gamma2**2 - gamma1**2)


def _numbers(**named: ArrayLike) -> list[Floats]:
    """Arrays, checked."""
    for name, value in named.items():
        if name in ("noise", "interval"):
            checks.number(name, value, above=0)
        else:
            checks.number(name, value, at_least=1 if name == "size" else 0)
    checks.broadcast(**named)
    return [np.asarray(value, float) for value in named.values()]
