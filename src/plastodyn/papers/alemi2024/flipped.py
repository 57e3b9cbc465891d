"""Beyond the paper: consolidation when some synapses of the late site learn with the wrong sign."""

import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.circuits import Integrator
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.alemi2024.catalogue import NAME
from plastodyn.papers.alemi2024.integrator import integrators
from plastodyn.papers.alemi2024.setups import ETA_FAST, ETA_SLOW, INTEGRATOR_DT, feedback, late_slope
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import consolidation

_FRACTIONS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75)
_SEEDS = {"smoke": 4, "standard": 10, "full": 40}
_SECONDS = 400.0
_FROM = 100.0
"""Seconds after which the slope of consolidation is read."""


@unswept
def figure_flipped(size: str, key: Array) -> Reproduction:
    """Consolidation when some synapses of the late site learn with the wrong sign.

    The late site follows ``v p r'`` with r along the integrating mode u, so that a set of flipped presynaptic neurons
    leaves it the share ``1 - 2 sum_flipped u_i^2`` of its speed: slower and safer up to one half, then unstable.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 4, 10 or 40 integrators.
        key: random key.

    Source: this project; flips as in Ninou, Kadmon and Cayco-Gajic (2025).
    """
    data = _relative_speeds(integrators(_SEEDS[size], key), key)
    figure = curve_panels([_speed_panel(data), _bound_panel()], "Beyond the paper: flipped plasticity in the integrator", 2)
    return Reproduction(data, figure, _claims(data))


def _relative_speeds(circuits: list[Integrator], key: Array) -> xr.Dataset:
    """The share of the speed that each flipped fraction leaves, and the share of the mode that is flipped."""
    signs = pd.rules.presynaptic(pd.axis("fraction", _FRACTIONS), layer=1)
    rule = pd.rules.early(ETA_FAST) + pd.rules.flipped(pd.rules.late(ETA_SLOW), signs)
    record = [pd.observe(feedback, every=25)]
    run = pd.simulate(circuits, rule, duration=_SECONDS, dt=INTEGRATOR_DT, solver=pd.solvers.rk4, key=key, record=record)
    late = run.feedback.where(run.time > _FROM, drop=True)
    rates = xr.DataArray(-late_slope(late.time.values, late.transpose(..., "time").values), dims=("fraction", "replica"))
    flipped = [[_flipped_share(circuit, fraction) for circuit in circuits] for fraction in _FRACTIONS]
    share = (rates / rates.isel(fraction=0)).assign_coords(
        fraction=list(_FRACTIONS), flipped=(("fraction", "replica"), np.array(flipped))
    )
    return xr.Dataset({"share": share, "feedback": run.feedback})


def _flipped_share(circuit: Integrator, fraction: float) -> float:
    """The part of the integrating mode's square that lies on the flipped neurons, the first ones."""
    return float((circuit.mode[: round(fraction * circuit.mode.size)] ** 2).sum())


def _speed_panel(data: xr.Dataset) -> Panel:
    line = np.linspace(0, 1, 50)
    curves = [
        Curve(r"theory, $1 - 2 \sum u_i^2$", line, 1 - 2 * line, look={"color": style.THEORY}),
        Curve(
            "20 neurons, simulated", data.flipped.values.ravel(), data.share.values.ravel(), look=style.points(style.SIMULATION)
        ),
        Curve("_", [0, 1], [0, 0], look={"color": "0.6", "lw": 0.8}),
    ]
    title, share, rate = "speed of consolidation", r"flipped share of the mode $\sum u_i^2$", "rate relative to no flips"
    return Panel(title, share, rate, curves)


def _bound_panel() -> Panel:
    share = np.linspace(0, 1, 50)[:24]
    unflipped = ETA_SLOW / ETA_FAST
    alpha = unflipped * np.maximum(1 - 2 * share, 1e-9)
    late, early = consolidation.exact_bound(alpha), consolidation.exact_bound(unflipped**2 / alpha)
    curves = [
        Curve("late site flipped", share, late, look={"color": style.GREEDY}),
        Curve("early site flipped", share, early, look={"color": style.THEORY}),
    ]
    return Panel("largest perturbation tolerated", "flipped share of one site", r"exact bound on $\mu$", curves)


def _claims(data: xr.Dataset) -> tuple[Claim, ...]:
    source, project = Source(NAME, "beyond1"), "this project"
    flipped, share = data.flipped.values, data.share.values
    below, beyond = flipped < 0.45, flipped > 0.55
    off = np.abs(share - (1 - 2 * flipped))[below].max()
    least, largest = share[below].min(), share[beyond].max()
    return (
        # The input's power differs a little between runs that consolidate at different speeds.
        source.equal("share of the speed that is left: largest difference from 1 - 2 sum u^2", project, 0.0, 0.05, off),
        source.at_most(
            "more than half the mode flipped: share of the speed, largest", f"{project}: unstable", 0.0, 0.0, largest
        ),
        source.at_least("less than half flipped: share of the speed, least", f"{project}: stable", 0.0, 0.0, least),
    )
