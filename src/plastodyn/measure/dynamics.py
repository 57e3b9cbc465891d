"""Measures of recorded weights: autocorrelation, principal components, and the order parameter of chaotic motion.

A series is an array whose last two axes are (time, weight), with any leading axes; or a DataArray with a dimension
``weight`` and one of recorded instants (``step`` or ``time``), as `simulate` records it. Leading axes are kept, and a
DataArray gives a DataArray. A series that holds NaN, as that of a member that diverged, gives NaN.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy.fft
import xarray as xr
from jaxtyping import Float

from plastodyn import checks

_WEIGHTS_AT_A_TIME = 32


Series = Float[np.ndarray, " *leading time weight"] | xr.DataArray
"""Weights in time, or what was made of them, with labels where the series has labels."""


class PrincipalComponents(NamedTuple):
    """Projections on the leading directions, (..., time, count), these, (..., count, weight), and shares of variance."""

    projections: Series
    directions: Series
    explained: Series


def autocorrelation(series: Series, lags: int | None = None) -> Series:
    """The autocorrelation of the weights, each normalised by its own variance, averaged over weights.

    ``A(l) = mean_i C_i(l) / C_i(0)`` with ``C_i(l) = sum_t x_i(t) x_i(t+l) / (T - l)`` and x_i the deviation of weight i
    from its mean over the series. The divisor ``T - l`` keeps large lags from shrinking; the subtracted mean still leaves
    a bias of order (correlation time) / T. Weights that do not move at all are left out.

    Args:
        series: weights in time, shape (..., time, weight), at least 2 instants, evenly spaced.
        lags: the largest lag, in recorded instants, below their number; half of it unless given.

    Returns:
        A at lags 0 to ``lags``, shape (..., lags + 1), by fast Fourier transform; for a DataArray the dimension is
        ``lag``, in the units of its instants. NaN where no weight moves.

    Raises:
        ValueError: if ``series`` has no axes of time and weights, its instants are not evenly spaced, or ``lags`` is out
            of range.

    Source: Ninou, Kadmon and Cayco-Gajic (2025), figures 3d and 4d; the definition is this project's.

    >>> wave = np.cos(2 * np.pi * np.arange(400) / 20)[:, None]
    >>> autocorrelation(wave, lags=20)[[0, 10, 20]].round(4).tolist()
    [1.0, -1.0, 1.0]
    """
    series, instants = _checked(series)
    length = _lengths(series, instants)[0]
    lags = length // 2 if lags is None else lags
    checks.count("lags", lags)
    checks.number("lags", lags, at_most=length - 1)
    spacing: Any = 1
    if isinstance(series, xr.DataArray) and instants in series.coords:
        gaps = np.diff(series[instants].values)
        if not np.allclose(gaps, gaps[0]):
            raise ValueError(f"series must be recorded at evenly spaced instants; got gaps from {gaps.min()} to {gaps.max()}")
        spacing = gaps[0]
    found = xr.apply_ufunc(
        _autocorrelation, series, lags, input_core_dims=[[instants, "weight"], []], output_core_dims=[["lag"]]
    )
    return found.assign_coords(lag=np.arange(lags + 1) * spacing) if isinstance(found, xr.DataArray) else found


def _autocorrelation(values: np.ndarray, lags: int) -> np.ndarray:
    length, weights = values.shape[-2:]
    divisor = (length - np.arange(lags + 1))[:, None]
    padded = scipy.fft.next_fast_len(length + lags, real=True)
    total, moving = np.zeros((*values.shape[:-2], lags + 1)), np.zeros(values.shape[:-2])
    # A block of weights at a time: transforms of a long record of all would not fit.
    for first in range(0, weights, _WEIGHTS_AT_A_TIME):
        block = np.asarray(values[..., first : first + _WEIGHTS_AT_A_TIME], float)
        # Not "above 0", so that NaN is kept and shows.
        moves = np.ptp(block, axis=-2, keepdims=True) != 0
        transform: Any = scipy.fft.rfft(block - block.mean(-2, keepdims=True), padded, axis=-2)
        products: Any = scipy.fft.irfft(np.abs(transform) ** 2, padded, axis=-2)
        products = products[..., : lags + 1, :] / divisor
        total += np.where(moves, products / np.where(moves, products[..., :1, :], 1), 0).sum(-1)
        moving += moves.sum((-2, -1))
    return total / np.where(moving > 0, moving, np.nan)[..., None]


def principal_components(series: Series, count: int = 2) -> PrincipalComponents:
    """The leading principal components of the weights' motion: singular vectors of their deviation from the time mean.

    Each member (leading axis) has components of its own.

    Args:
        series: weights in time, shape (..., time, weight), at least 2 instants.
        count: how many, at most the number of instants and of weights.

    Returns:
        `PrincipalComponents`: projections in units of the weights, shape (..., time, count); orthonormal directions,
        shape (..., count, weight), of which the entry of largest magnitude is positive; and shares of the total variance
        in time, shape (..., count). The shares are NaN where no weight moves.

    Raises:
        ValueError: if ``series`` has no axes of time and weights, or ``count`` is out of range.

    Source: Ninou, Kadmon and Cayco-Gajic (2025), figures 3d and 4d.

    >>> angle = 2 * np.pi * np.arange(100) / 100
    >>> ellipse = np.stack([np.cos(angle), 2 * np.sin(angle), 0 * angle], axis=-1)
    >>> found = principal_components(ellipse)
    >>> found.explained.round(4).tolist(), np.abs(found.directions[0]).round(4).tolist()
    ([0.8, 0.2], [0.0, 1.0, 0.0])
    """
    series, instants = _checked(series)
    checks.count("count", count, at_least=1)
    checks.number("count", count, at_most=min(_lengths(series, instants)))
    outputs = [[instants, "component"], ["component", "weight"], ["component"]]
    found = xr.apply_ufunc(
        _principal_components, series, count, input_core_dims=[[instants, "weight"], []], output_core_dims=outputs
    )
    return PrincipalComponents(*found)


def _principal_components(values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    leading, (length, weights) = values.shape[:-2], values.shape[-2:]
    projections = np.full((*leading, length, count), np.nan)
    directions = np.full((*leading, count, weights), np.nan)
    explained = np.full((*leading, count), np.nan)
    for member in np.ndindex(leading):
        # From the start first, so that weights that do not move deviate by exactly 0.
        deviation = np.asarray(values[member], float) - np.asarray(values[member][0], float)
        deviation = deviation - deviation.mean(0)
        if not np.isfinite(deviation).all():
            continue
        left, singular, right = np.linalg.svd(deviation, full_matrices=False)
        largest = np.abs(right[:count]).argmax(-1)
        signs = np.sign(right[np.arange(count), largest])
        projections[member] = left[:, :count] * singular[:count] * signs
        directions[member] = right[:count] * signs[:, None]
        if singular[0] > 0:
            explained[member] = singular[:count] ** 2 / np.sum(singular**2)
    return projections, directions, explained


def order_parameter(series: Series) -> Series:
    """How much the weights move, against how much they differ: ``q = mean_i var_t(w_i) / var_i(mean_t(w_i))``.

    0 where learning has come to rest, positive where the weights keep moving. Both variances divide by the number of
    values.

    Args:
        series: weights in time, shape (..., time, weight), over the window that counts; at least 2 instants and weights.

    Returns:
        q, dimensionless, in the shape of the leading axes; NaN or infinity where all weights have one mean.

    Raises:
        ValueError: if ``series`` has no axes of time and weights, or fewer than 2 weights.

    Source: Ninou, Kadmon and Cayco-Gajic (2025), figure 3b, over the last 999 epochs.

    >>> float(order_parameter(np.array([[0.0, 4.0], [2.0, 6.0]])))
    0.25
    """
    series, instants = _checked(series, weights_at_least=2)
    return xr.apply_ufunc(_order_parameter, series, input_core_dims=[[instants, "weight"]])


def _order_parameter(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return values.var(-2).mean(-1) / values.mean(-2).var(-1)


def _checked(series: Series, weights_at_least: int = 1) -> tuple[Series, str]:
    """The series as an array or DataArray and the name of its dimension of recorded instants; refuses anything else."""
    instants = "step"
    if isinstance(series, xr.DataArray):
        named = [str(d) for d in series.dims if str(d).split("_")[0] in ("step", "time")]
        if "weight" not in series.dims or len(named) != 1:
            raise ValueError(f"series must have a dimension 'weight' and one of steps or times; got {series.dims}")
        instants = named[0]
    else:
        checks.real("series", series)
        series = np.asarray(series)
        if series.ndim < 2:
            raise ValueError(f"series must have axes (..., time, weight); got shape {series.shape}")
    if series.dtype.kind not in "fiu":
        raise ValueError(f"series must hold real numbers; got {series.dtype}")
    length, weights = _lengths(series, instants)
    if length < 2 or weights < weights_at_least:
        raise ValueError(
            f"series must hold at least 2 instants and {weights_at_least} weights; got {length} instants and {weights} weights"
        )
    return series, instants


def _lengths(series: Series, instants: str) -> tuple[int, int]:
    """How many instants and how many weights."""
    if isinstance(series, xr.DataArray):
        return series.sizes[instants], series.sizes["weight"]
    return series.shape[-2], series.shape[-1]
