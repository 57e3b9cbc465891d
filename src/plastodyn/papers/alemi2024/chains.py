"""Beyond the paper: a memory that is handed on through a chain of sites."""

import jax
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.alemi2024.catalogue import NAME
from plastodyn.papers.alemi2024.setups import double, late_slope, track, two_stage
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import chains

_SPEEDS = (0.1, 0.3, 0.6, 0.9, 1.2)
_STAGES = (2, 3, 4, 5)
_DEEPEST = {"smoke": 8, "standard": 12, "full": 24}
_DURATION = 400.0
_COLOURS = (style.GREEDY, style.SIMULATION, style.CONTRAST, style.THEORY)


@unswept
def figure_chains(size: str, key: Array) -> Reproduction:
    """How the speed limit depends on the number of stages, with equal rates and with rates that fall from site to site.

    Args:
        size: ``smoke``, ``standard`` or ``full``: chains of up to 8, 12 or 24 stages in theory.
        key: random key.

    Source: this project.
    """
    with jax.enable_x64(True):
        simulated = np.array([_simulated_growth(stages, key) for stages in _STAGES])
    theory = np.array([[_growth(alpha, stages) for alpha in _SPEEDS] for stages in _STAGES])
    depths = np.arange(3, _DEEPEST[size] + 1)
    limit = np.array([chains.critical_alpha(int(depth), "geometric") for depth in depths])
    dims = ("stages", "alpha")
    data = xr.Dataset(
        {"growth": (dims, simulated), "theory": (dims, theory), "limit": ("depth", limit)},
        {"stages": list(_STAGES), "alpha": list(_SPEEDS), "depth": depths},
    )
    figure = curve_panels([_growth_panel(data), _limit_panel(data)], "Beyond the paper: chains of memory sites", 2)
    return Reproduction(data, figure, _claims(data))


def _growth(alpha: float, stages: int) -> float:
    """Growth rate of the slowest mode of a chain of equal stages."""
    return float(np.real(np.linalg.eigvals(chains.chain_matrix(chains.chain_ratios(alpha, stages)))).max())


def _simulated_growth(stages: int, key: Array) -> np.ndarray:
    """Growth rates of the distance from the fixed point, read where the slowest mode is left alone."""
    rule = two_stage(pd.axis("alpha", _SPEEDS))
    path = track(double([0.0] * stages), rule, _DURATION, key, every=5).isel(replica=0).transpose("alpha", "time", "site")
    rest = np.zeros(stages)
    rest[-1] = 1.0
    matrices = [chains.chain_matrix(chains.chain_ratios(alpha, stages)) for alpha in _SPEEDS]
    courses = zip(path.values, matrices, strict=True)
    return np.array([_modal_rate(path.time.values, course - rest, matrix) for course, matrix in courses])


def _modal_rate(time: np.ndarray, away: np.ndarray, matrix: np.ndarray) -> float:
    """The slope of the logarithm of the leading mode's amplitude, which its left eigenvector reads off."""
    values, left = np.linalg.eig(matrix.T)
    state = np.concatenate([-away.sum(axis=1, keepdims=True), away[:, :-1]], axis=1)
    amplitude = np.abs(state @ left[:, np.argmax(np.real(values))])
    # Between the start, of order 1, and rounding, or overflow.
    kept = (amplitude > 1e-9 * amplitude[0]) & (amplitude < 1e9 * amplitude[0])
    last = len(kept) if kept.all() else int(np.argmin(kept))
    return float(late_slope(time[:last], amplitude[:last]))


def _growth_panel(data: xr.Dataset) -> Panel:
    fine = np.geomspace(0.03, 2, 100)
    curves = []
    for stages, colour in zip(_STAGES, _COLOURS, strict=True):
        theory = [_growth(alpha, stages) for alpha in fine]
        curves += [
            Curve(f"{stages} stages", fine, theory, look={"color": colour}),
            Curve("_", _SPEEDS, data.growth.sel(stages=stages), look=style.points(colour)),
        ]
    curves.append(Curve("_", [0.03, 2], [0, 0], look={"color": "0.6", "lw": 0.8}))
    title, speed = "equal rates: lines theory, points simulated", r"consolidation speed $\alpha$"
    return Panel(title, speed, r"growth rate ($\eta_1$)", curves, scales=("log", "linear"))


def _limit_panel(data: xr.Dataset) -> Panel:
    depths = data.depth.values
    # Three equal stages are stable up to 1, four and more at no speed.
    equal = [1.0, 0.0, *[0.0] * len(depths[2:])]
    squares = {"color": style.THEORY, "marker": "s", "ms": 4}
    curves = [
        Curve(r"each site $\alpha$ times slower", depths, data.limit, look={"color": style.GREEDY, "marker": "o", "ms": 4}),
        Curve("equal rates", [3, 4, *depths[2:]], equal, look=squares),
    ]
    return Panel("speed limit", "number of stages", r"critical $\alpha$", curves)


def _claims(data: xr.Dataset) -> tuple[Claim, ...]:
    source, project = Source(NAME, "beyond3"), "this project"
    off = np.abs(data.growth.values - data.theory.values).max()
    three = chains.critical_alpha(3)
    least = min(_growth(alpha, stages) for stages in (4, 5, 6, 8) for alpha in np.geomspace(1e-4, 10, 200))
    lowest = data.limit.values.min()
    return (
        source.equal("growth rates of simulated chains: largest difference from eigenvalues", project, 0.0, 1e-3, off),
        source.equal("three equal stages: speed limit", "Routh's criterion", 1.0, 1e-6, three),
        source.at_least("four or more equal stages: least growth rate at any speed", "no speed is stable", 0.0, 0.0, least),
        source.at_least("each site alpha times slower: lowest limit of all depths", project, 0.5, 0.0, lowest),
    )
