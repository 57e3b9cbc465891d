"""Whether a network still holds its memory: which theory applies, and how far its hidden code has drifted."""

import numpy as np
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.theory.ratio.stationary import drive_of
from plastodyn.types import Floats


def memory_number(
    hessian_trace: ArrayLike,
    largest_curvature: ArrayLike,
    weights: ArrayLike,
    trivial_loss: ArrayLike,
    plasticity: ArrayLike,
    fluctuation: ArrayLike,
    precision: ArrayLike,
) -> Floats:
    """The error that a network would settle at if its loss were quadratic, over that of a constant output.

    ``M = (|dc|^2 + |de|^2) ((gamma2^2 + |de|^2) tr H / (n gamma1^2) + lam_max) / (8 F0)``, with H at the solution. Up to about
    1/3 the network is near its solution, its hidden code is held in place and `stationary_loss` applies; above 1 its memory
    is lost, the hidden weights diffuse freely and `adiabatic_loss` applies; between the two the lower of both (`joined_loss`).

    The numerator stands for `stationary_loss` where nothing but four numbers is known of a network: it is exact for equal
    curvatures at ratios up to sqrt(1 + 1 / q^2), as at low precision, and within 20 % for the spectra of figure 5. Runs that
    are too short for flat directions to settle have a lower error (`loss_after`).

    Args:
        hessian_trace: tr H at the solution, loss per weight^2, at least 0.
        largest_curvature: the largest eigenvalue of H, at least 0.
        weights: n, at least 1.
        trivial_loss: F0, the error of the best constant output (the variance of the targets, for squared errors), above 0.
        plasticity: |dc| per step, above 0.
        fluctuation: |de| per step, at least 0.
        precision: q = gamma1 / gamma2, above 0 (infinite for no error).

    Returns:
        M, dimensionless, broadcast over the arguments.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project's own theory, beyond the paper.

    >>> memory_number(22.0, 1.0, 440, 0.18, 0.42, 0.42, [10.0, 0.05]).round(2)
    array([ 0.26, 10.06])
    """
    checks.number("hessian_trace", hessian_trace, at_least=0)
    checks.number("largest_curvature", largest_curvature, at_least=0)
    checks.number("weights", weights, at_least=1)
    checks.number("trivial_loss", trivial_loss, above=0)
    drive = drive_of(plasticity, fluctuation, precision, 0.0)
    own = {"hessian_trace": hessian_trace, "largest_curvature": largest_curvature, "weights": weights}
    rule = {"plasticity": plasticity, "fluctuation": fluctuation, "precision": precision}
    checks.broadcast(**own, trivial_loss=trivial_loss, **rule)
    trace, largest, size, trivial = (np.asarray(x, float) for x in (*own.values(), trivial_loss))
    undirected, directed = drive.error + drive.fluctuation, drive.directed**2
    return (undirected + directed) * (undirected * trace / (size * directed) + largest) / (8 * trivial)


def diffusion_cosine(norm: ArrayLike, count: ArrayLike, size: ArrayLike, steps: ArrayLike) -> Floats:
    """Cosine between weights that diffuse freely and what they were: ``|w*| / sqrt(|w*|^2 + count size^2 T)``.

    The drift of a hidden code beside an error that stays flat. For figure 5's circuit ``size^2 = (gamma2^2 + |de|^2) / n``.

    Args:
        norm: ``|w*|``, of the weights that are followed, above 0.
        count: how many they are, at least 1.
        size: root mean square of one weight's change in a step, at least 0.
        steps: T, at least 0.

    Returns:
        The cosine, broadcast over the arguments; for one draw of many weights, not only on average.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project's own theory, beyond the paper.

    >>> diffusion_cosine(4.0, 240, 0.02, [0, 500]).round(2)
    array([1. , 0.5])
    """
    checks.number("norm", norm, above=0)
    checks.number("count", count, at_least=1)
    checks.number("size", size, at_least=0)
    checks.number("steps", steps, at_least=0)
    checks.broadcast(norm=norm, count=count, size=size, steps=steps)
    start, many, step, duration = (np.asarray(x, float) for x in (norm, count, size, steps))
    return start / np.sqrt(start**2 + many * step**2 * duration)
