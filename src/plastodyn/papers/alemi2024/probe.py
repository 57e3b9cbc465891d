"""Figure 3: how a two-stage memory amplifies a sinusoidal probe."""

import jax
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.alemi2024.catalogue import NAME
from plastodyn.papers.alemi2024.setups import double, track, two_stage
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import consolidation

_PROBE = 0.1
_PROBED = {"smoke": 7, "standard": 13, "full": 25}
_DURATION = 120.0
_RATIOS = (3.0, 1.0, 0.33)
_COLOURS = (style.THEORY, style.CONTRAST, style.GREEDY)


@unswept
def figure_3(size: str, key: Array) -> Reproduction:
    """Figure 3: amplification of a sinusoidal probe on the error, in time and against its frequency.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 7, 13 or 25 frequencies.
        key: random key.

    Source: figure 3A, B.
    """
    u = np.unique(np.append(np.linspace(0.25, 2.0, _PROBED[size]), 1.0))
    with jax.enable_x64(True):
        gains = [_measured_gain(ratio, u, key) for ratio in _RATIOS]
        courses = {ratio: _probed(ratio, np.array([1.0]), key).isel(frequency=0, replica=0, site=1) for ratio in _RATIOS[::2]}
    dims, coords = ("alpha", "u"), {"alpha": list(_RATIOS), "u": u}
    theory = consolidation.gain(np.array(_RATIOS)[:, None], u)
    data = xr.Dataset({"gain": (dims, np.stack(gains)), "theory": (dims, theory)}, coords)
    panels = [*(_course_panel(ratio, course) for ratio, course in courses.items()), _gain_panel(data)]
    return Reproduction(data, curve_panels(panels, "Figure 3: amplification of a probe", 3), tuple(_claims(data)))


def _probed(ratio: float, u: np.ndarray, key: Array) -> xr.DataArray:
    frequency = pd.axis("frequency", u * ratio**0.5)
    circuit = double([0.0, 1.0], perturbation=pd.perturbations.sinusoid(_PROBE, frequency))
    return track(circuit, two_stage(ratio), _DURATION, key)


def _measured_gain(ratio: float, u: np.ndarray, key: Array) -> np.ndarray:
    """Amplitude of w2 over that of the probe, by least squares on the second half of the run."""
    late = _probed(ratio, u, key).isel(replica=0, site=1)
    late = late.where(late.time > _DURATION / 2, drop=True)
    found = []
    for frequency, course in zip(u * ratio**0.5, late.values, strict=True):
        waves = np.stack([np.sin(frequency * late.time), np.cos(frequency * late.time)], axis=1)
        found.append(np.linalg.norm(np.linalg.lstsq(waves, course - 1, rcond=None)[0]) / _PROBE)
    return np.array(found)


def _course_panel(ratio: float, course: xr.DataArray) -> Panel:
    shown = course.where(course.time < 12 * np.pi / ratio**0.5, drop=True)
    probe = 1 + _PROBE * np.sin(ratio**0.5 * shown.time)
    level = float(consolidation.gain(ratio, 1.0)) * _PROBE
    ends, dashed = [0, float(shown.time[-1])], {"color": style.THEORY, "linestyle": "--"}
    curves = [
        Curve(r"$w^*$ + probe", shown.time, probe, look={"color": "0.6"}),
        Curve("$w_2$", shown.time, shown, look={"color": style.SIMULATION}),
        Curve("amplitude, theory", ends, [1 + level] * 2, look=dashed),
        Curve("_", ends, [1 - level] * 2, look=dashed),
    ]
    return Panel(rf"3A: $\alpha$ = {ratio:g}, $\omega = \omega_n$", r"time ($1/\eta_1$)", "weight", curves)


def _gain_panel(data: xr.Dataset) -> Panel:
    fine = np.linspace(0.01, 2.2, 300)
    curves = []
    for ratio, colour in zip(_RATIOS, _COLOURS, strict=True):
        theory, found = consolidation.gain(ratio, fine), data.gain.sel(alpha=ratio)
        curves += [
            Curve(rf"theory, $\alpha$ = {ratio:g}", fine, 100 * (theory - 1), look={"color": colour}),
            Curve("_", data.u, 100 * (found - 1), look=style.points(colour)),
        ]
    return Panel("3B: curves theory, points simulated", r"frequency $\omega / \omega_n$", "amplification (%)", curves)


def _claims(data: xr.Dataset) -> list[Claim]:
    source = Source(NAME, "fig3")
    percent = 100 * (data.gain.sel(u=1.0) - 1)
    high, middle, low = (percent.sel(alpha=ratio) for ratio in _RATIOS)
    off, at = abs(data.gain - data.theory).max(), "at the natural frequency"
    # A Runge-Kutta step of order 4 at this step length errs by less than 1e-7; transients are gone.
    return [
        source.equal(f"amplification {at}, alpha = 3 (%)", "figure 3A", 73.2, 0.05, high),
        source.equal(f"amplification {at}, alpha = 0.33 (%)", "figure 3A", -42.6, 0.05, low),
        source.equal(f"alpha = 1 neither amplifies nor attenuates {at} (%)", "figure 3B", 0.0, 0.05, middle),
        source.equal("gain at all frequencies: largest difference from theory", "figure 3B", 0.0, 1e-4, off),
    ]
