"""The Morton curve, along which points that are near in space are near in memory."""

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Int

from plastodyn import checks

_BITS = 63


def morton_order(points: ArrayLike) -> Int[np.ndarray, " points"]:
    """The order of points along the Morton (Z) curve: their coordinates' binary digits, interleaved.

    Sort a circuit's oscillators by it (``points[order]``), and those that are coupled share caches.

    Args:
        points: shape (n, d), finite.

    Returns:
        A permutation, shape (n,).

    Raises:
        ValueError: if points are not finite or not of shape (n, d).

    Source: Morton (1966).

    >>> morton_order([[1.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).tolist()
    [1, 2, 3, 0]
    """
    checks.number("points", points)
    found = np.asarray(points, float)
    if found.ndim != 2 or not found.size:
        raise ValueError(f"points must have shape (n, d); got shape {found.shape}")
    dimensions = min(found.shape[1], _BITS)
    found = found[:, :dimensions]
    digits = min(21, _BITS // dimensions)
    low, high = found.min(0), found.max(0)
    cells = ((found - low) / np.where(high > low, high - low, 1.0) * (2**digits - 1)).astype(np.int64)
    codes = np.zeros(len(found), np.int64)
    for digit in range(digits):
        for axis in range(dimensions):
            codes |= ((cells[:, axis] >> digit) & 1) << (digit * dimensions + axis)
    return np.argsort(codes, kind="stable")
