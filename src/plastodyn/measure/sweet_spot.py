"""The sweet spot of one's own data: at which ratio of plasticity to fluctuations a measured error is lowest, and how surely."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.special import stdtrit

from plastodyn import checks
from plastodyn.measure.estimate import jackknife
from plastodyn.types import Bools, Floats

_WINDOW = 2.0
"""Points whose ratio is within this factor of the lowest one's take part in the fit; its two neighbours always do."""
_TIMES = ("step", "time")
_SIGNIFICANT = 0.9973
"""Probability with which no residual of a valley that has the fitted form lies beyond what counts as a misfit."""
_UNRESOLVED = 0.3
"""Standard errors above this share of the ratio tell noise, not a place."""
INSIDE, LOWER, UPPER, NOWHERE = "inside", "lower edge", "upper edge", "nowhere"


class SweetSpot(NamedTuple):
    """The answer of `sweet_spot`: one number each, or an array over the dimensions that remain.

    ``place`` is ``inside`` the axis, at its ``lower edge`` or ``upper edge`` (then ``ratio`` is that end, without an error), or
    ``nowhere``, where no ratio has a finite loss in all repetitions.
    """

    ratio: float | xr.DataArray
    standard_error: float | xr.DataArray
    place: str | xr.DataArray

    @property
    def answer(self) -> str:
        """The answer in words.

        >>> SweetSpot(0.4312, 0.021, "inside").answer
        'the error is lowest at a ratio of 0.431 +- 0.021'
        """
        if isinstance(self.place, xr.DataArray):
            return f"{int((self.place == INSIDE).sum())} of {self.place.size} sweet spots lie inside the axis"
        if self.place == NOWHERE:
            return "no ratio has a finite loss in all repetitions"
        if self.place != INSIDE:
            beyond = "below" if self.place == LOWER else "above"
            return f"the error is lowest at the edge of your axis (or of its finite part), {self.ratio:.3g}: look {beyond} it"
        if self.standard_error > _UNRESOLVED * self.ratio:
            return f"no lowest error is resolved: {self.ratio:.3g} +- {self.standard_error:.2g}; take more repetitions"
        error = "" if math.isnan(self.standard_error) else f" +- {self.standard_error:.2g}"
        return f"the error is lowest at a ratio of {self.ratio:.3g}{error}"


def sweet_spot(losses: xr.DataArray, axis: str = "ratio", replica: str = "replica") -> SweetSpot:
    """Where a measured error is lowest along an axis, with its standard error.

    ``F = a r^2 + b + c / r^2``, fitted to the relative losses at the lowest point of the mean over replicas, its two neighbours
    and all points within a factor of 2 of it; lowest at ``(c / a)^(1/4)``. This is the stationary loss where all curvatures
    are equal, ``(r + 1/r)^2``; where they are not, the paper's grid leaves a bias of up to 2.5 % (a parabola in r itself lies
    0.05 to 0.1 too high there).

    The standard error is the jackknife's over replicas: with few of them compare with Student's law; for a valley as flat as
    its noise it is too small. Where the losses are known well enough to show that the valley has another form, such as one
    wall much steeper than the other, the lowest point and its neighbours alone are fitted, and what the two fits differ by is
    added to the error (in squares): closer ratios then tell more than further repetitions.

    Members that diverged (NaN or infinite losses) end the axis: where the lowest point has none but such neighbours on one
    side, that side is an edge.

    Args:
        losses: positive numbers over ``axis``, ``replica`` and any other dimensions, such as ``run.loss.mean("step")``.
        axis: the dimension of the ratio (or of any other positive number to be chosen); at least 3 points, increasing.
        replica: the dimension of independent repetitions. With one repetition there is no error (NaN).

    Returns:
        `SweetSpot`, in units of the axis; arrays over the other dimensions, if there are any.

    Raises:
        ValueError: if a dimension is missing, the axis has fewer than 3 points, is not positive and increasing, or a loss is
            not positive.

    Source: this project.

    >>> ratio = np.array([0.1, 0.4, 0.7, 1.0, 1.3, 1.6, 1.9, 2.2, 2.5])
    >>> loss = (ratio + 0.64 / ratio) ** 2 * np.array([[1.0], [1.1], [0.95]])  # three replicas, lowest at 0.8
    >>> found = sweet_spot(xr.DataArray(loss, dims=("replica", "ratio"), coords={"ratio": ratio}))
    >>> round(found.ratio, 2), found.place
    (0.8, 'inside')
    """
    _check("losses", losses, axis, replica)
    x = np.log(losses[axis].values.astype(float))

    return _over_the_rest(losses.transpose(..., replica, axis).astype(float), lambda curves: _sweet_spot(x, curves))


def crossing(prediction: xr.DataArray, axis: str = "ratio", replica: str = "replica") -> SweetSpot:
    """Where a prediction of the best ratio, measured along an axis of ratios, equals the ratio itself.

    The fixed point of equation 9: ``prediction = sqrt(Q[de] / Q[dc])`` along steady states at every ratio. Interpolated
    linearly in ``log(prediction / ratio)``, which falls along the axis.

    Args:
        prediction: over ``axis``, ``replica`` and any other dimensions; above 0.
        axis: the dimension of the ratio; at least 3 points, positive and increasing.
        replica: the dimension of independent repetitions.

    Returns:
        `SweetSpot`, with the jackknife's standard error over replicas.

    Raises:
        ValueError: as for `sweet_spot`.

    Source: Raman and O'Leary (2021), equation 9.

    >>> flat = xr.DataArray(np.full((2, 3), 0.52), dims=("replica", "ratio"), coords={"ratio": [0.4, 0.7, 1.0]})
    >>> round(crossing(flat).ratio, 2)
    0.52
    """
    _check("prediction", prediction, axis, replica)
    x = np.log(prediction[axis].values.astype(float))

    def cross(curves: Floats) -> SweetSpot:
        return _one(curves, lambda curve: _crossed(x, curve))

    return _over_the_rest(prediction.transpose(..., replica, axis).astype(float), cross)


class _Found(NamedTuple):
    """Of one curve: the log of the ratio, and which `place` that is."""

    log_ratio: float
    place: str


def _sweet_spot(x: Floats, curves: Floats) -> SweetSpot:
    """From the whole window, or from the lowest point and its neighbours where the form does not fit the window."""
    wide = _one(curves, lambda curve: _lowest(x, curve, math.log(_WINDOW)))
    if wide.place != INSIDE or not _misfits(x, curves):
        return wide
    near = _one(curves, lambda curve: _lowest(x, curve, 0.0))
    return near._replace(standard_error=math.hypot(near.standard_error, near.ratio - wide.ratio))


def _misfits(x: Floats, curves: Floats) -> bool:
    """Whether a residual of the fit to the window, the same points in all repetitions, is more than scatter between these."""
    count, mean = len(curves), curves.mean(axis=0)
    near = _window(x, mean, math.log(_WINDOW))
    if count < 2 or near.sum() <= 3:
        return False
    limit = float(stdtrit(count - 1, 0.5 + 0.5 * _SIGNIFICANT))
    for point in range(int(near.sum())):
        residual, error = jackknife(lambda curve: float(_fit(x[near], curve[near])[1][point]), [curves])  # noqa: B023
        if abs(residual) > limit * error:
            return True
    return False


def _window(x: Floats, losses: Floats, width: float) -> Bools:
    """Finite points within ``width`` of the lowest one, and its neighbours."""
    lowest = int(np.nanargmin(np.where(np.isfinite(losses), losses, np.nan)))
    neighbours = np.abs(np.arange(len(x)) - lowest) <= 1
    return np.isfinite(losses) & ((np.abs(x - x[lowest]) <= width) | neighbours)


def _fit(x: Floats, losses: Floats) -> tuple[float | None, Floats]:
    """The log of the ratio where the fitted form is lowest, ``None`` where it is not, and the residuals of relative losses."""
    middle = x[int(np.argmin(losses))]
    square = np.exp(2 * (x - middle))
    terms = np.stack([square, np.ones_like(square), 1 / square], axis=1) * (losses.min() / losses)[:, None]
    found, *_ = np.linalg.lstsq(terms, np.ones_like(square), rcond=None)
    rising, _, falling = found
    vertex = middle + math.log(falling / rising) / 4 if rising > 0 and falling > 0 else None
    return vertex, terms @ found - 1


def _lowest(x: Floats, losses: Floats, width: float) -> _Found:
    """The minimum of the curve fitted around the lowest point, unless what is finite ends there."""
    finite = np.isfinite(losses)
    if not finite.any():
        return _Found(math.nan, NOWHERE)
    lowest = int(np.argmin(np.where(finite, losses, np.inf)))
    for beside, name in ((lowest - 1, LOWER), (lowest + 1, UPPER)):
        if not (0 <= beside < len(x) and finite[beside]):
            return _Found(float(x[lowest]), name)
    # Of three points the middle one is lowest; noise may make a ridge of more.
    for near in (_window(x, losses, width), _window(x, losses, 0.0)):
        vertex, _ = _fit(x[near], losses[near])
        if vertex is not None:
            return _Found(float(np.clip(vertex, x[near][0], x[near][-1])), INSIDE)
    return _Found(float(x[lowest]), INSIDE)


def _crossed(x: Floats, prediction: Floats) -> _Found:
    """Where ``log(prediction / ratio)`` falls through 0."""
    excess = np.log(prediction) - x
    if not np.isfinite(excess).all():
        return _Found(math.nan, NOWHERE)
    falls = np.flatnonzero((excess[:-1] >= 0) & (excess[1:] < 0))
    if not falls.size:
        return _Found(float(x[0]), LOWER) if excess[0] < 0 else _Found(float(x[-1]), UPPER)
    i = int(falls[0])
    return _Found(float(x[i] + (x[i + 1] - x[i]) * excess[i] / (excess[i] - excess[i + 1])), INSIDE)


def _over_the_rest(values: xr.DataArray, answer: Callable[[Floats], SweetSpot]) -> SweetSpot:
    """The answer for every point of the leading dimensions."""
    rest, shape = values.dims[:-2], values.shape[:-2]
    found = [answer(own) for own in values.values.reshape(-1, *values.shape[-2:])]
    if not rest:
        return found[0]
    coords = {name: c for name, c in values.coords.items() if set(c.dims) <= set(rest)}
    columns = (np.array(column).reshape(shape) for column in zip(*found, strict=True))
    return SweetSpot(*(xr.DataArray(column, dims=rest, coords=coords) for column in columns))


def _one(curves: Floats, find: Callable[[Floats], _Found]) -> SweetSpot:
    """Of the mean over replicas: a ratio at which one of them diverged has none."""
    place = find(curves.mean(axis=0)).place
    ratio, error = jackknife(lambda curve: math.exp(find(curve).log_ratio), [curves])
    return SweetSpot(ratio, error if place == INSIDE else math.nan, place)


def _check(what: str, values: xr.DataArray, axis: str, replica: str) -> None:
    checks.instance(what, values, xr.DataArray, "a DataArray")
    for name, dim in (("axis", axis), ("replica", replica)):
        if not isinstance(dim, str) or dim not in values.dims:
            dims = ", ".join(map(str, values.dims)) or "none"
            raise ValueError(
                f"{name} must name a dimension of {what}, whose dimensions are {dims}; got {name}={checks.shown(dim)}"
            )
    if axis == replica:
        raise ValueError(f"axis and replica must name two dimensions of {what}; got {axis!r} twice")
    waiting = [str(name) for name in values.dims if name in _TIMES]
    if waiting:
        raise ValueError(f"{what} must be a mean over time, such as run.loss.mean('step'); got the dimension {waiting[0]!r}")
    places = np.asarray(values[axis].values)
    if places.dtype.kind not in "fiu" or places.size < 3 or not (places > 0).all() or not (np.diff(places) > 0).all():
        raise ValueError(f"axis {axis!r} must have at least 3 increasing points above 0; got {checks.shown(places)}")
    if values.dtype.kind not in "fiu" or not values.size or (values.values <= 0).any():
        checks.refuse(what, values.values, "numbers above 0, since their logarithm is taken")
