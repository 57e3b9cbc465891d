"""The error near the solution after a finite number of steps, before flat directions have settled."""

import numpy as np
from numpy.typing import ArrayLike

from plastodyn import checks
from plastodyn.theory.ratio.stationary import drive_of, landscape_of
from plastodyn.theory.roots import bisect
from plastodyn.types import Bools, Floats

_BISECTIONS = 64
_SMALLEST_GAIN = 1e-200


def loss_after(
    eigenvalues: ArrayLike,
    plasticity: ArrayLike,
    fluctuation: ArrayLike,
    precision: ArrayLike,
    steps: ArrayLike,
    multiplicities: ArrayLike | None = None,
) -> Floats:
    """Error T steps after the solution was left, for ``F = w'Hw / 2``: `stationary_loss` of a run that is not infinite.

    Along eigenvector i the variance is ``v_i = s^2 (1 - (1 - kappa lam_i)^(2T)) / (kappa lam_i (2 - kappa lam_i))``, ``s^2 =
    (gamma2^2 + |de|^2) / n``; kappa solves ``gamma1^2 = kappa^2 sum lam_i^2 v_i``, as if it had had its last value all along,
    and ``E F = (1/2) sum lam_i v_i``. Flat directions, which take ``1 / (kappa lam_i)`` steps to settle, then cost less.

    Args:
        eigenvalues: of H, at least 0, one above 0.
        plasticity: |dc| per step, above 0.
        fluctuation: |de| per step, at least 0; white and isotropic.
        precision: q = gamma1 / gamma2, above 0 (infinite for no error).
        steps: T, at least 1; infinite for the stationary state.
        multiplicities: how often each eigenvalue occurs; 1 unless given.

    Returns:
        E F in units of loss, broadcast over ``plasticity``, ``fluctuation``, ``precision`` and ``steps``.

    Raises:
        ValueError: if an argument is out of range.

    Source: this project's own theory, beyond the paper.

    >>> curvatures = np.geomspace(1e-5, 1.0, 100)
    >>> loss_after(curvatures, 0.3, 0.3, 1.0, [1000, np.inf]).round(3)
    array([0.02 , 0.024])
    """
    checks.number("steps", steps, at_least=1, infinite=True)
    drive = drive_of(plasticity, fluctuation, precision, 0.0)
    checks.broadcast(plasticity=plasticity, fluctuation=fluctuation, precision=precision, steps=steps)
    lam, mult, _ = landscape_of(eigenvalues, multiplicities, None)
    given = (drive.directed, (drive.error + drive.fluctuation) / np.sum(mult), np.asarray(steps, float))
    directed, variance, duration = np.broadcast_arrays(*given)
    most = 2 / lam.max()

    def power(kappa: Floats) -> Floats:
        """``kappa sum_i lam_i v_i`` by direction, shape (..., directions)."""
        rate = kappa[..., None] * lam
        with np.errstate(divide="ignore", invalid="ignore"):
            kept = np.where(rate < 0.5, np.log1p(-np.minimum(rate, 0.5)), np.log(np.abs(1 - rate)))
            gone = -np.expm1(2 * duration[..., None] * kept)
            return np.where(rate > 0, variance[..., None] * mult * gone / (2 - rate), 0.0)

    def too_weak(log_kappa: Floats) -> Bools:
        kappa = np.exp(log_kappa)
        return np.sum(kappa[..., None] * lam * power(kappa), axis=-1) < directed**2

    low, high = (np.full(directed.shape, np.log(end * most)) for end in (_SMALLEST_GAIN, 1.0))
    kappa = np.exp(bisect(too_weak, low, high, _BISECTIONS)[0])
    each = power(kappa)
    missing = np.clip(directed**2 - np.sum(kappa[..., None] * lam * each, axis=-1), 0, None)
    # Of the gradient's size, what no fluctuation drives: the steepest direction takes it by changing sign at each step.
    alternating = np.where(kappa > most * (1 - 1e-9), missing / (kappa**2 * lam.max()), 0.0)
    return 0.5 * (np.sum(each, axis=-1) / kappa + alternating)
