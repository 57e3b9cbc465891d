"""Experiments whose stores are looked at; workers import them by name."""

import numpy as np
import xarray as xr


def losses(point, key, *, replicas=3, steps=5, broken=(), diverging=(), inner=2):
    """A loss over any axes of numbers, replicas and steps, that falls as a known theory says; some members fail at will."""
    del key
    axes = tuple(point)
    numbers = [values if values.dtype.kind in "iuf" else np.arange(len(values)) for values in point.values()]
    grid = np.meshgrid(*numbers, indexing="ij")
    base = 1.0 + sum((0.3 + place) * np.log1p(np.abs(each)) for place, each in enumerate(grid))
    member, step = np.arange(replicas), np.arange(steps + 1)
    loss = base[..., None, None] * (1 + 0.1 * (member[:, None] - (replicas - 1) / 2)) * np.exp(-0.2 * step)
    error = np.full(base.shape, "", dtype=object)
    for which, text in ((broken, "ValueError: [/] no value\nover lines"), (diverging, "diverged: at step 2")):
        error[np.isin(grid[0], which)] = text
    return xr.Dataset(
        {
            "loss": ((*axes, "replica", "step"), loss.astype(np.float32), {"long_name": "task error F", "units": "mV^2"}),
            "steady": (axes, base * np.exp(-0.2 * steps), {"theory_of": "loss", "long_name": "stationary theory"}),
            "bound": (axes, 0.5 * base, {"theory_of": "loss", "long_name": "lower bound"}),
            "eigenvalue": ((*axes, "mode"), base[..., None] * (1 + 1j * np.arange(inner)), {"units": "1/s"}),
            "fitted": (axes, base / 3, {"long_name": "fitted exponent"}),
            "fitted_error": (axes, base / 30),
            "word": (axes, np.where(base > 2, 'high, "so"', "low")),
            "sharp": (axes, base > 2),
            "count": (axes, np.rint(base).astype(np.int32)),
            "nothing": ((*axes, "replica"), np.full((*base.shape, replicas), np.nan)),
            "member_error": (axes, error),
        },
        coords={"replica": member, "step": ("step", step, {"long_name": "step"})},
    )


def bare(point, key):
    """One number at each point, and no replicas."""
    del key
    return xr.Dataset({"value": (tuple(point), np.zeros(tuple(map(len, point.values()))))})


def many(point, key, *, rows):
    """So many values at each point, of single precision."""
    del key
    axes = tuple(point)
    shape = (*map(len, point.values()), rows)
    value = np.random.default_rng(int(1e6 * next(iter(point.values()))[0])).normal(size=shape).astype(np.float32)
    return xr.Dataset({"value": ((*axes, "sample"), value)})
