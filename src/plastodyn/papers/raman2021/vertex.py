"""How the published sweet spots were read: the vertex of a parabola through three points of the paper's grid."""

import numpy as np
import xarray as xr

from plastodyn.measure import SweetSpot, jackknife


def parabola_minimum(ratios: np.ndarray, losses: np.ndarray) -> float:
    """Abscissa of the minimum of the parabola through the lowest interior point and its two neighbours.

    On the paper's grid it lies up to 0.1 above the minimum of the curve (`measure.sweet_spot`), so that it may be compared
    with nothing but another vertex on the same grid.

    >>> round(parabola_minimum(np.array([0.1, 0.4, 0.7, 1.0]), np.array([4.0, 1.0, 1.0, 4.0])), 3)
    0.55
    """
    lowest = int(np.clip(np.argmin(losses), 1, len(ratios) - 2))
    around = slice(lowest - 1, lowest + 2)
    square, linear, _ = np.polyfit(ratios[around], losses[around], 2)
    if square <= 0:
        return float(ratios[np.argmin(losses)])
    return float(np.clip(-linear / (2 * square), ratios[lowest - 1], ratios[lowest + 1]))


def vertex(losses: xr.DataArray) -> SweetSpot:
    """The vertex for every fluctuation and precision, with its jackknife error over replicas.

    Args:
        losses: over (fluctuation, precision, replica, ratio).
    """
    ratios = losses.ratio.values
    found = [
        jackknife(lambda mean: parabola_minimum(ratios, mean), [own]) for own in losses.values.reshape(-1, *losses.shape[2:])
    ]
    shape, dims = losses.shape[:2], losses.dims[:2]
    value, error = (xr.DataArray(np.reshape(column, shape), dims=dims) for column in zip(*found, strict=True))
    return SweetSpot(value, error, xr.full_like(value, "inside", dtype=object))
