"""Figure 1C-F: one and two stages in time, under additive and under signal-dependent perturbations."""

import jax
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.alemi2024.catalogue import NAME
from plastodyn.papers.alemi2024.setups import track, two_stage
from plastodyn.papers.claims import Claim, Source, widened
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import consolidation

_ALPHA = {"slow": 0.2, "fast": 2.0}
_NOISE, _HOLD = 0.5, 0.5
_MU = 0.8
_NOISY_DURATION = 200.0
_WORST_DURATION = 60.0
_SHOWN = {2.0: 15.0}
"""Of growth without bound, only the beginning."""
_SEEDS = {"smoke": 20, "standard": 100, "full": 1000}
_LEAVE_OUT = 50.0
_NO_GROWTH = float(np.log(1.25))
"""A variance that is a quarter larger in the second half may be chance; one that grows is many times larger."""


@unswept
def figure_1(size: str, key: Array) -> Reproduction:
    """Figure 1C-F: one stage, two slow and two fast ones, under additive and under signal-dependent perturbations.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 20, 100 or 1000 draws of the additive noise.
        key: random key.

    Source: figure 1C-F. Additive: uniform noise within 0.5, drawn anew every 0.5. Signal dependent: the worst case with
        mu = 0.8, for which the paper's bound is alpha = 0.2. Both, and alpha = 0.2 and 2, are this project's choices.
    """
    keys = jax.random.split(key, _SEEDS[size])
    noisy = [pd.circuits.tracking(perturbation=pd.perturbations.noise(_NOISE, _HOLD, k)) for k in keys]
    worst = pd.circuits.tracking(perturbation=pd.perturbations.worst_case(_MU))
    alpha = pd.axis("alpha", [0.0, *_ALPHA.values()])
    additive = track(noisy, two_stage(alpha), _NOISY_DURATION, key)
    dependent = track(worst, two_stage(alpha), _WORST_DURATION, key)
    data = xr.Dataset({"additive": additive, "signal_dependent": dependent.rename(time="short_time")})
    names = {0.0: "one stage", 0.2: r"two stages, slow: $\alpha$ = 0.2", 2.0: r"two stages, fast: $\alpha$ = 2"}
    panels = [
        _course(f"{label}, {kind}", run.sel(alpha=a, method="nearest").isel(replica=0), clock)
        for kind, run, clock in (("additive", additive, "time"), ("signal dependent", data.signal_dependent, "short_time"))
        for a, label in names.items()
    ]
    return Reproduction(data, curve_panels(panels, "Figure 1C-F: consolidation that is too fast", 3), tuple(_claims(data)))


def _course(title: str, run: xr.DataArray, clock: str) -> Panel:
    until = _SHOWN.get(round(float(run.alpha), 3), _NOISY_DURATION) if clock == "short_time" else _NOISY_DURATION
    run = run.where(run[clock] <= until, drop=True)
    early = Curve("$w_1$", run[clock], run.isel(site=0), look={"color": style.CONTRAST})
    late = Curve("$w_2$", run[clock], run.isel(site=1), look={"color": style.SIMULATION})
    target = Curve("$w^*$", [0, float(run[clock][-1])], [1, 1], look={"color": "0.4", "linestyle": "--"})
    curves = [early, target] if run.alpha == 0 else [early, late, target]
    return Panel(title, r"time ($1/\eta_1$)", "weight", curves)


def _claims(data: xr.Dataset) -> list[Claim]:
    source = Source(NAME, "fig1")
    settled = data.additive.where(data.time > _LEAVE_OUT, drop=True)
    one = settled.sel(alpha=0.0).isel(site=0).mean("time")
    away = abs(data.signal_dependent.sel(alpha=0.0).isel(site=0, short_time=-1) - 1).max()
    claims = [
        source.equal("one stage, additive: mean of w1", "figure 1C", 1.0, 4 * _standard_error(one), one.mean()),
        source.at_most("one stage, signal dependent: final distance from w*", "figure 1E", 0.0, 1e-3, away),
    ]
    for name, alpha in _ALPHA.items():
        late = settled.sel(alpha=alpha, method="nearest").isel(site=1)
        variance = ((late - 1) ** 2).mean("time")
        expected, tolerance = _variance(alpha), 4 * _standard_error(variance)
        label = f"two stages, {name}, additive: variance of w2 against its theory"
        claims.append(source.equal(label, "figure 1D; linear response", expected, tolerance, variance.mean()))
        claims.append(_bounded(source, name, (late - 1) ** 2))
        path = data.signal_dependent.sel(alpha=alpha, method="nearest").isel(replica=0)
        claims.append(_final_distance(source, name, float(abs(path.isel(short_time=-1, site=1) - 1))))
    return claims


def _bounded(source: Source, name: str, squares: xr.DataArray) -> Claim:
    """Additive perturbations amplify, but cannot destabilise a linear circuit: their variance does not grow in time."""
    halves = squares.coarsen(time=squares.sizes["time"] // 2, boundary="trim").mean()
    growth = np.log(halves.isel(time=1).mean() / halves.isel(time=0).mean())
    each = xr.ufuncs.log(halves.isel(time=1) / halves.isel(time=0))
    error = widened(_standard_error(each), each.sizes["replica"])
    label = f"two stages, {name}, additive: log of the variance of w2 in the second half over that in the first"
    return source.equal(label, "figure 1D: no growth", 0.0, _NO_GROWTH, growth, error)


def _final_distance(source: Source, name: str, gone: float) -> Claim:
    label = f"two stages, {name}, signal dependent: final distance from w*"
    if name == "slow":
        return source.at_most(label, "figure 1F", 0.01, 0.0, gone)
    return source.at_least(label, "figure 1F: unbounded growth", 10.0, 0.0, gone)


def _standard_error(each: xr.DataArray) -> float:
    return float(each.std("replica", ddof=1)) / each.sizes["replica"] ** 0.5


def _variance(alpha: float) -> float:
    """Variance of w2 under held uniform noise: its spectrum times the squared gain, over all frequencies."""
    omega = np.linspace(1e-4, 400, 400_000)
    spectrum = _NOISE**2 / 3 * _HOLD * np.sinc(omega * _HOLD / (2 * np.pi)) ** 2
    response = consolidation.gain(alpha, omega / alpha**0.5) ** 2
    return float(np.trapezoid(spectrum * response, omega) / np.pi)
