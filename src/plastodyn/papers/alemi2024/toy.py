"""Figures 1C-F and 3: one and two stages in time, and how a two-stage memory amplifies a probe."""

import jax
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.alemi2024.setups import NAME, double, track, two_stage
from plastodyn.papers.claims import Source
from plastodyn.papers.registry import Reproduction
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
_PROBE = 0.1
_PROBED = {"smoke": 7, "standard": 13, "full": 25}
_PROBE_DURATION = 120.0
_RATIOS = (3.0, 1.0, 0.33)
_COLOURS = (style.THEORY, style.CONTRAST, style.GREEDY)


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
    curves = [Curve(f"$w_{i + 1}$", run[clock], run.isel(site=i), look={"color": colour})
              for i, colour in enumerate((style.CONTRAST, style.SIMULATION))]  # fmt: skip
    target = Curve("$w^*$", [0, float(run[clock][-1])], [1, 1], look={"color": "0.4", "linestyle": "--"})
    return Panel(title, r"time ($1/\eta_1$)", "weight", [*curves, target])


def _claims(data: xr.Dataset) -> list:
    source = Source(NAME, "fig1")
    settled = data.additive.where(data.time > _LEAVE_OUT, drop=True)
    one = settled.sel(alpha=0.0).isel(site=0).mean("time")
    claims = [
        source.equal("one stage, additive: mean of w1", "figure 1C", 1.0, 4 * _standard_error(one), one.mean()),
        source.at_most("one stage, signal dependent: final distance from w*", "figure 1E", 0.0, 1e-3,
                       abs(data.signal_dependent.sel(alpha=0.0).isel(site=0, short_time=-1) - 1).max()),
    ]  # fmt: skip
    for name, alpha in _ALPHA.items():
        late = settled.sel(alpha=alpha, method="nearest").isel(site=1)
        variance = ((late - 1) ** 2).mean("time")
        claims.append(
            source.equal(f"two stages, {name}, additive: variance of w2 against its theory", "figure 1D; linear response",
                         _variance(alpha), 4 * _standard_error(variance), variance.mean())
        )  # fmt: skip
        path = data.signal_dependent.sel(alpha=alpha, method="nearest").isel(replica=0)
        gone = float(abs(path.isel(short_time=-1, site=1) - 1))
        claims.append(
            source.at_most("two stages, slow, signal dependent: final distance from w*", "figure 1F", 0.01, 0.0, gone)
            if name == "slow"
            else source.at_least("two stages, fast, signal dependent: final distance from w*", "figure 1F: unbounded growth",
                                 10.0, 0.0, gone)
        )  # fmt: skip
    return claims


def _standard_error(each: xr.DataArray) -> float:
    return float(each.std("replica", ddof=1)) / each.sizes["replica"] ** 0.5


def _variance(alpha: float) -> float:
    """Variance of w2 under held uniform noise: its spectrum times the squared gain, over all frequencies."""
    omega = np.linspace(1e-4, 400, 400_000)
    spectrum = _NOISE**2 / 3 * _HOLD * np.sinc(omega * _HOLD / (2 * np.pi)) ** 2
    response = consolidation.gain(alpha, omega / alpha**0.5) ** 2
    return float(np.trapezoid(spectrum * response, omega) / np.pi)


def figure_3(size: str, key: Array) -> Reproduction:
    """Figure 3: amplification of a sinusoidal probe on the error, in time and against its frequency.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 7, 13 or 25 frequencies.
        key: random key.

    Source: figure 3A, B.
    """
    u = np.linspace(0.25, 2.0, _PROBED[size])
    u = np.unique(np.append(u, 1.0))
    with jax.enable_x64(True):
        gains = {ratio: _measured_gain(ratio, u, key) for ratio in _RATIOS}
        courses = {ratio: _probed(ratio, np.array([1.0]), key).isel(frequency=0, replica=0, site=1) for ratio in _RATIOS[::2]}
    measured = xr.DataArray(
        np.stack(list(gains.values())), dims=("alpha", "u"), coords={"alpha": list(_RATIOS), "u": u}, name="gain"
    )
    data = xr.Dataset({"gain": measured, "theory": (("alpha", "u"), consolidation.gain(np.array(_RATIOS)[:, None], u))})
    panels = [_probe_panel(ratio, course) for ratio, course in courses.items()]
    fine = np.linspace(0.01, 2.2, 300)
    curves = [
        curve
        for ratio, colour in zip(_RATIOS, _COLOURS, strict=True)
        for curve in (
            Curve(rf"theory, $\alpha$ = {ratio:g}", fine, 100 * (consolidation.gain(ratio, fine) - 1), look={"color": colour}),
            Curve("_", u, 100 * (measured.sel(alpha=ratio) - 1), look={"color": colour, "marker": "o", "ls": "", "ms": 4}),
        )
    ]
    panels.append(Panel("3B: curves theory, points simulated", r"frequency $\omega / \omega_n$", "amplification (%)", curves))
    return Reproduction(data, curve_panels(panels, "Figure 3: amplification of a probe", 3), tuple(_gain_claims(data)))


def _probed(ratio: float, u: np.ndarray, key: Array) -> xr.DataArray:
    frequency = pd.axis("frequency", u * ratio**0.5)
    circuit = double([0.0, 1.0], perturbation=pd.perturbations.sinusoid(_PROBE, frequency))
    return track(circuit, two_stage(ratio), _PROBE_DURATION, key)


def _measured_gain(ratio: float, u: np.ndarray, key: Array) -> np.ndarray:
    """Amplitude of w2 over that of the probe, by least squares on the second half of the run."""
    late = _probed(ratio, u, key).isel(replica=0, site=1)
    late = late.where(late.time > _PROBE_DURATION / 2, drop=True)
    found = []
    for frequency, course in zip(u * ratio**0.5, late.values, strict=True):
        waves = np.stack([np.sin(frequency * late.time), np.cos(frequency * late.time)], axis=1)
        found.append(np.linalg.norm(np.linalg.lstsq(waves, course - 1, rcond=None)[0]) / _PROBE)
    return np.array(found)


def _probe_panel(ratio: float, course: xr.DataArray) -> Panel:
    shown = course.where(course.time < 12 * np.pi / ratio**0.5, drop=True)
    probe = 1 + _PROBE * np.sin(ratio**0.5 * shown.time)
    curves = [
        Curve(r"$w^*$ + probe", shown.time, probe, look={"color": "0.6"}),
        Curve("$w_2$", shown.time, shown, look={"color": style.SIMULATION}),
    ]
    level = float(consolidation.gain(ratio, 1.0)) * _PROBE
    bounds = [Curve("amplitude, theory" if sign > 0 else "_", [0, float(shown.time[-1])], [1 + sign * level] * 2,
                    look={"color": style.THEORY, "linestyle": "--"}) for sign in (1, -1)]  # fmt: skip
    return Panel(rf"3A: $\alpha$ = {ratio:g}, $\omega = \omega_n$", r"time ($1/\eta_1$)", "weight", [*curves, *bounds])


def _gain_claims(data: xr.Dataset) -> list:
    source = Source(NAME, "fig3")
    percent = 100 * (data.gain.sel(u=1.0) - 1)
    # A Runge-Kutta step of order 4 at this step length errs by less than 1e-7; transients are gone.
    return [
        source.equal("amplification at the natural frequency, alpha = 3 (%)", "figure 3A", 73.2, 0.05, percent.sel(alpha=3.0)),
        source.equal("amplification at the natural frequency, alpha = 0.33 (%)", "figure 3A", -42.6, 0.05,
                     percent.sel(alpha=0.33)),
        source.equal("alpha = 1 neither amplifies nor attenuates at the natural frequency (%)", "figure 3B", 0.0, 0.05,
                     percent.sel(alpha=1.0)),
        source.equal("gain at all frequencies: largest difference from theory", "figure 3B", 0.0, 1e-4,
                     abs(data.gain - data.theory).max()),
    ]  # fmt: skip
