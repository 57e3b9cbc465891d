"""Where a field vanishes: Newton's method in floats, and a ball around what it finds that the checker can prove."""

import numpy as np
from flint import arb, fmpq

from plastodyn.certify import rational
from plastodyn.certify.premises import Unproved
from plastodyn.certify.region import System

_NEWTON_STEPS = 30
_INFLATIONS = (1e-14, 1e-12, 1e-10, 1e-8)


def enclosed(system: System, guess: np.ndarray) -> list[tuple[fmpq, fmpq]]:
    """Middles and radii that surely hold one equilibrium; radii of 0 if the guess is exactly one.

    Args:
        system: the field.
        guess: near it, shape (n,).

    Raises:
        ValueError: if none is found near the guess.

    Source: Newton's method; Krawczyk's test.
    """
    exactly = [(rational.exact(float(x)), fmpq(0)) for x in guess]
    if _is_proved(system, exactly):
        return exactly
    point = np.array(guess, float)
    for _ in range(_NEWTON_STEPS):
        here = [arb(float(x)) for x in point]
        residual = np.array([float(x.mid()) for x in system.residual(here)])
        slope = np.array([[float(x.mid()) for x in row] for row in system.residual_slope(here)])
        if not (np.isfinite(slope).all() and np.isfinite(residual).all()):
            break
        step = np.linalg.lstsq(slope, residual, rcond=None)[0]
        point = point - step
        if not np.isfinite(point).all() or np.abs(step).max() < 1e-15 * (1 + np.abs(point).max()):
            break
    for inflation in _INFLATIONS if np.isfinite(point).all() else ():
        radius = rational.exact(float(inflation * (1 + np.abs(point).max())))
        found = [(rational.exact(float(x)), radius) for x in point]
        if _is_proved(system, found):
            return found
    raise ValueError(f"equilibrium must be near a simple zero of the field; none could be enclosed from {guess.tolist()}")


def _is_proved(system: System, enclosure: list[tuple[fmpq, fmpq]]) -> bool:
    try:
        system.equilibrium(enclosure)
    except Unproved:
        return False
    return True
