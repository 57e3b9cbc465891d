"""Figure 2C: how fast a memory may move: three bounds, each sharper, and the worst perturbation next to the last."""

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

_TESTED = (0.1, 0.2, 0.5, 1.0, 2.0)
_BESIDE = 0.01
"""How far from the exact boundary the worst perturbation is simulated."""
_HALF_TURNS = {"smoke": 6, "standard": 12, "full": 24}
_POINTS = {"smoke": 60, "standard": 300, "full": 1000}
_DT = 0.005
_BOUNDS = {
    "paper": (r"paper: $\alpha = 1 - \mu$", style.GREEDY),
    "quadratic": ("best quadratic Lyapunov function", style.CONTRAST),
    "exact": ("exact: worst switching", style.THEORY),
}


@unswept
def figure_2c(size: str, key: Array) -> Reproduction:
    """Figure 2C: where stability is guaranteed: the paper's bound, the best quadratic function, and the exact boundary.

    Next to the exact boundary the worst perturbation is simulated: just above it grows, just below it decays.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 6, 12 or 24 half turns of the worst perturbation.
        key: random key.

    Source: figure 2C; the two sharper boundaries are this project's.
    """
    alpha = np.geomspace(0.01, 3.0, _POINTS[size])
    bounds = [np.maximum(1 - alpha, 0), consolidation.quadratic_bound(alpha), consolidation.exact_bound(alpha)]
    mu = xr.DataArray(np.stack(bounds), dims=("bound", "alpha"), coords={"bound": list(_BOUNDS), "alpha": alpha})
    data = xr.Dataset({"mu": mu, "growth": _simulated_growth(_HALF_TURNS[size], key)})
    figure = curve_panels([_bounds_panel(data), _growth_panel(data.growth)], "Figure 2C: how fast a memory may move", 2)
    return Reproduction(data, figure, tuple(_claims(data)))


def _simulated_growth(half_turns: int, key: Array) -> xr.DataArray:
    """Log growth per half turn under the worst perturbation, at both sides of the exact boundary."""
    tested = np.array(_TESTED)
    exact = consolidation.exact_bound(tested)
    mu = np.stack([exact - _BESIDE, exact + _BESIDE], axis=1)
    with jax.enable_x64(True):
        found = np.array([[_growth(a, m, half_turns, key) for m in row] for a, row in zip(_TESTED, mu, strict=True)])
    dims = ("tested", "side")
    coords = {
        "tested": tested,
        "side": ["below", "above"],
        "tested_mu": (dims, mu),
        "theory": (dims, consolidation.worst_growth(tested[:, None], mu)),
    }
    return xr.DataArray(found, dims=dims, coords=coords)


def _growth(alpha: float, mu: float, half_turns: int, key: Array) -> float:
    """Between the crossings of w1 = 0 the state goes half way round; the weights there tell the growth. NaN without a turn."""
    turn = float(consolidation.half_turn(alpha, mu))
    circuit = double([0.0, 0.0], perturbation=pd.perturbations.worst_case(mu))
    path = track(circuit, two_stage(alpha), (half_turns + 1) * turn, key, every=1, dt=_DT).isel(replica=0)
    first, error = path.isel(site=0).values, 1 - path.sum("site").values
    at = np.flatnonzero(first[1:-1] * first[2:] < 0) + 1
    share = first[at] / (first[at] - first[at + 1])
    size = np.abs(error[at] + share * (error[at + 1] - error[at]))
    return float(np.log(size[-1] / size[0]) / (len(size) - 1)) if len(size) > 1 else np.nan


def _bounds_panel(data: xr.Dataset) -> Panel:
    curves = [
        Curve(label, data.mu.sel(bound=name), data.alpha, look={"color": colour}) for name, (label, colour) in _BOUNDS.items()
    ]
    for side, word, marker in (("below", "decays", "o"), ("above", "grows", "^")):
        tested = data.growth.sel(side=side)
        look = style.points(style.SIMULATION, marker, 5)
        curves.append(Curve(f"simulated worst case {word}", tested.tested_mu, tested.tested, look=look))
    perturbation = r"perturbation bound $\mu$ (relative to the error)"
    speed = r"consolidation speed $\alpha = \eta_2 / \eta_1$"
    return Panel("stable to the left of each line", perturbation, speed, curves, scales=("linear", "log"))


def _growth_panel(growth: xr.DataArray) -> Panel:
    line = np.linspace(-0.3, 0.35, 2)
    found = Curve(
        "simulated worst case", growth.theory.values.ravel(), growth.values.ravel(), look=style.points(style.SIMULATION, size=5)
    )
    curves = [Curve("equal", line, line, look={"color": style.THEORY}), found]
    return Panel("growth per half turn next to the boundary", "log growth, theory", "log growth, simulated", curves)


def _claims(data: xr.Dataset) -> list[Claim]:
    source = Source(NAME, "fig2c")
    growth = data.growth
    # Switching falls within a step: an error of first order, 0.005 of the time scale, here as a share of the growth.
    off = abs(growth - growth.theory).max()
    claims = _bound_claims(data, source)
    for alpha in growth.tested.values:
        below, above = (float(growth.sel(tested=alpha, side=side)) for side in ("below", "above"))
        name = f"worst case, alpha = {alpha:g}: log growth per half turn"
        claims.append(source.at_most(f"{name}, mu 0.01 below the boundary", "decays", 0.0, 0.0, below))
        claims.append(source.at_least(f"{name}, mu 0.01 above it", "grows", 0.0, 0.0, above))
    claims.append(source.equal("growth per half turn: largest difference from theory", "closed form", 0.0, 0.01, off))
    return claims


def _bound_claims(data: xr.Dataset, source: Source) -> list[Claim]:
    paper, quadratic, exact = (data.mu.sel(bound=name) for name in _BOUNDS)
    nested = ((paper <= quadratic) & (quadratic <= exact)).mean()
    half, one = (consolidation.quadratic_bound(alpha) for alpha in (0.5, 1.0))
    slow, fast = (float(consolidation.exact_bound(alpha)) for alpha in (0.2, 1.0))
    vanishing = _vanishing(data.growth.sel(tested=0.2))
    fact, simulated = "specification, fact 4", "closed form"
    return [
        source.equal("the three regions are nested: share of speeds", fact, 1.0, 0.0, nested),
        source.equal("quadratic bound, alpha = 0.5", fact, 0.7862, 1e-4, half),
        source.equal("quadratic bound at alpha = 1", fact, 0.6812, 1e-4, one),
        source.equal("exact bound at alpha = 1", fact, 0.817, 1e-3, fast),
        # Between the two simulated growths the boundary is read off a line: an error of second order in 0.01.
        source.equal("exact bound at alpha = 0.2, where simulated growth vanishes", simulated, slow, 1e-3, vanishing),
    ]


def _vanishing(growth: xr.DataArray) -> float:
    """The perturbation at which growth vanishes, on the line between both sides of the boundary."""
    (below, above), (low, high) = growth.values, growth.tested_mu.values
    return float(low - below * (high - low) / (above - below))
