"""Beyond the paper: consolidation with flipped synapses, with synaptic fluctuations, and through chains of sites."""

import jax
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.alemi2024.integrator import integrators
from plastodyn.papers.alemi2024.setups import (
    DT,
    ETA_FAST,
    ETA_SLOW,
    INTEGRATOR_DT,
    NAME,
    double,
    feedback,
    late_slope,
    track,
    two_stage,
)
from plastodyn.papers.claims import Source
from plastodyn.papers.registry import Reproduction
from plastodyn.theory import chains, consolidation

_FRACTIONS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75)
_FLIP_SEEDS = {"smoke": 4, "standard": 10, "full": 40}
_FLIP_SECONDS = 400.0
_FLIP_FROM = 100.0

_EARLY, _LATE = 0.05, (0.005, 0.0125, 0.025)
_REPLICAS = {"smoke": 32, "standard": 128, "full": 1024}
_NOISY_DURATION = 300.0
_NOISY_FROM = 100.0

_CHAIN_ALPHAS = (0.1, 0.3, 0.6, 0.9, 1.2)
_STAGES = (2, 3, 4, 5)
_DEEPEST = {"smoke": 8, "standard": 12, "full": 24}
_CHAIN_DURATION = 400.0
_COLOURS = (style.GREEDY, style.SIMULATION, style.CONTRAST, style.THEORY)


def figure_flipped(size: str, key: Array) -> Reproduction:
    """Consolidation when some synapses of the late site learn with the wrong sign.

    The late site follows ``v p r'`` with r along the integrating mode u, so that a set of flipped presynaptic neurons
    leaves it the share ``1 - 2 sum_flipped u_i^2`` of its speed: slower and safer up to one half, then unstable.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 4, 10 or 40 integrators.
        key: random key.

    Source: this project; flips as in Ninou, Kadmon and Cayco-Gajic (2025).
    """
    circuits = integrators(_FLIP_SEEDS[size], key)
    signs = pd.rules.presynaptic(pd.axis("fraction", _FRACTIONS), layer=1)
    rule = pd.rules.early(ETA_FAST) + pd.rules.flipped(pd.rules.late(ETA_SLOW), signs)
    run = pd.simulate(
        circuits, rule, duration=_FLIP_SECONDS, dt=INTEGRATOR_DT, solver=pd.solvers.rk4, key=key,
        record=[pd.observe(feedback, every=25)],
    )  # fmt: skip
    late = run.feedback.where(run.time > _FLIP_FROM, drop=True)
    rates = xr.DataArray(-late_slope(late.time.values, late.transpose(..., "time").values), dims=("fraction", "replica"))
    flipped = np.array([[float((c.mode[: round(f * c.mode.size)] ** 2).sum()) for c in circuits] for f in _FRACTIONS])
    share = (rates / rates.isel(fraction=0)).assign_coords(
        fraction=list(_FRACTIONS), flipped=(("fraction", "replica"), flipped)
    )
    data = xr.Dataset({"share": share, "feedback": run.feedback})
    line = np.linspace(0, 1, 50)
    alpha = ETA_SLOW / ETA_FAST * np.maximum(1 - 2 * line[:24], 1e-9)
    panels = [
        Panel("speed of consolidation", r"flipped share of the mode $\sum u_i^2$", "rate relative to no flips",
              [Curve(r"theory, $1 - 2 \sum u_i^2$", line, 1 - 2 * line, look={"color": style.THEORY}),
               Curve("20 neurons, simulated", flipped.ravel(), share.values.ravel(),
                     look={"color": style.SIMULATION, "marker": "o", "ls": "", "ms": 4}),
               Curve("_", [0, 1], [0, 0], look={"color": "0.6", "lw": 0.8})]),
        Panel("largest perturbation tolerated", "flipped share of one site", r"exact bound on $\mu$",
              [Curve("late site flipped", line[:24], consolidation.exact_bound(alpha), look={"color": style.GREEDY}),
               Curve("early site flipped", line[:24], consolidation.exact_bound((ETA_SLOW / ETA_FAST) ** 2 / alpha),
                     look={"color": style.THEORY})]),
    ]  # fmt: skip
    source = Source(NAME, "beyond1")
    below, beyond = flipped < 0.45, flipped > 0.55
    claims = (
        # The input's power differs a little between runs that consolidate at different speeds.
        source.equal("share of the speed that is left: largest difference from 1 - 2 sum u^2", "this project", 0.0, 0.05,
                     np.abs(share.values - (1 - 2 * flipped))[below].max()),
        source.at_most("more than half the mode flipped: share of the speed, largest", "this project: unstable", 0.0, 0.0,
                       share.values[beyond].max()),
        source.at_least("less than half flipped: share of the speed, least", "this project: stable", 0.0, 0.0,
                        share.values[below].min()),
    )  # fmt: skip
    return Reproduction(data, curve_panels(panels, "Beyond the paper: flipped plasticity in the integrator", 2), claims)


def figure_fluctuations(size: str, key: Array) -> Reproduction:
    """Stationary errors under synaptic fluctuations against consolidation speed: is there a best one?

    Args:
        size: ``smoke``, ``standard`` or ``full``: 32, 128 or 1024 replicas.
        key: random key.

    Source: this project; fluctuations as in Raman and O'Leary (2021).
    """
    alpha = np.geomspace(0.02, 2.0, 9)
    rule = two_stage(pd.axis("alpha", alpha))
    runs = []
    for index, late in enumerate(_LATE):
        noisy = rule + _on_site(0, _EARLY) + _on_site(1, late)
        circuit = pd.circuits.tracking([0.0, 1.0])
        weights = track(circuit, noisy, _NOISY_DURATION, jax.random.fold_in(key, index), 20, _REPLICAS[size])
        settled = weights.where(weights.time > _NOISY_FROM, drop=True)
        errors = ((1 - settled.sum("site")) ** 2).mean("time"), ((1 - settled.isel(site=1)) ** 2).mean("time")
        runs.append(xr.concat(errors, xr.Variable("error", ["circuit", "late site alone"])))
    each = xr.concat(runs, xr.Variable("late", list(_LATE)))
    mean, spread = each.mean("replica"), each.std("replica", ddof=1) / each.sizes["replica"] ** 0.5
    data = xr.Dataset({"mean": mean, "standard_error": spread})
    fine = np.geomspace(0.015, 2.5, 200)
    panels = []
    for index, title in enumerate(("with both sites", "early site inactivated")):
        curves = []
        for late, colour in zip(_LATE, (style.GREEDY, style.CONTRAST, style.THEORY), strict=True):
            at = {"late": late, "error": mean.error.values[index]}
            label = rf"$\sigma_2 / \sigma_1$ = {late / _EARLY:g}"
            curves += [
                Curve(
                    f"theory, {label}", fine, consolidation.stationary_error(fine, _EARLY, late)[index], look={"color": colour}
                ),
                Curve("_", alpha, mean.sel(at), spread.sel(at), look={"color": colour, "fmt": "o"}),
            ]
        panels.append(
            Panel(title, r"consolidation speed $\alpha$", "squared error (squared weight)", curves, (), ("log", "log"))
        )
    return Reproduction(
        data, curve_panels(panels, "Beyond the paper: a best speed of consolidation", 2), tuple(_fluctuation_claims(data))
    )


def _on_site(site: int, rate: float) -> pd.rules.Rule:
    return pd.fluctuations.confined(pd.fluctuations.wiener(rate), np.eye(2, dtype=np.float32)[site])


def _fluctuation_claims(data: xr.Dataset) -> list:
    source = Source(NAME, "beyond2")
    alpha = data.alpha.values
    theory = np.stack([consolidation.stationary_error(alpha, _EARLY, late) for late in _LATE])
    found = data["mean"].transpose("late", "error", "alpha").values
    error = data.standard_error.transpose("late", "error", "alpha").values
    # A step of length dt adds a bias of order dt to a stationary variance.
    claims = [source.at_most("errors against theory: standard errors, after 2 dt of bias", "Lyapunov equation",
                             4.0, 0.0, (np.maximum(np.abs(found - theory) - 2 * DT * theory, 0) / error).max())]  # fmt: skip
    for index, late in enumerate(_LATE):
        best, uncertain = _lowest(alpha, found[index, 1], error[index, 1])
        claims.append(source.equal(f"best speed for the late site, late over early fluctuations {late / _EARLY:g}: log10",
                                   "sigma2 / sigma1", np.log10(late / _EARLY), 4 * uncertain, best))  # fmt: skip
    # Neighbours among the slowest speeds differ by less than their standard errors.
    slowest = np.argmin(found[:, 0], axis=1)
    claims.append(source.at_most("with both sites at work slower is better: place of the lowest error, from the slowest speed",
                                 "no best speed", 2.0, 0.0, slowest.max()))  # fmt: skip
    return claims


def _lowest(alpha: np.ndarray, values: np.ndarray, error: np.ndarray) -> tuple[float, float]:
    """Log10 of where ``a alpha + b + c / alpha`` is lowest, and its standard error, by weighted least squares."""
    terms = np.stack([alpha, np.ones_like(alpha), 1 / alpha], axis=1) / error[:, None]
    a, _, c = np.linalg.lstsq(terms, values / error, rcond=None)[0]
    slope = np.array([-1 / a, 0, 1 / c]) / (2 * np.log(10))
    return float(np.log10(c / a) / 2), float(np.sqrt(slope @ np.linalg.inv(terms.T @ terms) @ slope))


def figure_chains(size: str, key: Array) -> Reproduction:
    """How the speed limit depends on the number of stages, with equal rates and with rates that fall from site to site.

    Args:
        size: ``smoke``, ``standard`` or ``full``: chains of up to 8, 12 or 24 stages in theory.
        key: random key.

    Source: this project.
    """
    with jax.enable_x64(True):
        simulated = np.array([_chain_rates(stages, key) for stages in _STAGES])
    theory = np.array([[_abscissa(a, n) for a in _CHAIN_ALPHAS] for n in _STAGES])
    dims, coords = ("stages", "alpha"), {"stages": list(_STAGES), "alpha": list(_CHAIN_ALPHAS)}
    depths = np.arange(3, _DEEPEST[size] + 1)
    limit = np.array([chains.critical_alpha(int(n), "geometric") for n in depths])
    data = xr.Dataset({"growth": (dims, simulated), "theory": (dims, theory), "limit": ("depth", limit)},
                      {**coords, "depth": depths})  # fmt: skip
    fine = np.geomspace(0.03, 2, 100)
    curves = []
    for index, (stages, colour) in enumerate(zip(_STAGES, _COLOURS, strict=True)):
        curves += [
            Curve(f"{stages} stages", fine, [_abscissa(a, stages) for a in fine], look={"color": colour}),
            Curve("_", _CHAIN_ALPHAS, simulated[index], look={"color": colour, "marker": "o", "ls": "", "ms": 4}),
        ]
    curves.append(Curve("_", [0.03, 2], [0, 0], look={"color": "0.6", "lw": 0.8}))
    equal = Curve("equal rates", [3, 4, *depths[2:]], [1.0, 0.0, *[0.0] * len(depths[2:])],
                  look={"color": style.THEORY, "marker": "s", "ms": 4})  # fmt: skip
    geometric = Curve(r"each site $\alpha$ times slower", depths, limit,
                      look={"color": style.GREEDY, "marker": "o", "ms": 4})  # fmt: skip
    panels = [
        Panel("equal rates: lines theory, points simulated", r"consolidation speed $\alpha$", r"growth rate ($\eta_1$)", curves,
              (), ("log", "linear")),
        Panel("speed limit", "number of stages", r"critical $\alpha$",
              [geometric, equal]),
    ]  # fmt: skip
    source = Source(NAME, "beyond3")
    equal_growth = np.array([[_abscissa(a, n) for a in np.geomspace(1e-4, 10, 200)] for n in (4, 5, 6, 8)])
    claims = (
        source.equal("growth rates of simulated chains: largest difference from eigenvalues", "this project", 0.0, 1e-3,
                     np.abs(simulated - theory).max()),
        source.equal("three equal stages: speed limit", "Routh's criterion", 1.0, 1e-6, chains.critical_alpha(3)),
        source.at_least("four or more equal stages: least growth rate at any speed", "no speed is stable", 0.0, 0.0,
                        equal_growth.min()),
        source.at_least("each site alpha times slower: lowest limit of all depths", "this project", 0.5, 0.0, limit.min()),
    )  # fmt: skip
    return Reproduction(data, curve_panels(panels, "Beyond the paper: chains of memory sites", 2), claims)


def _abscissa(alpha: float, stages: int) -> float:
    return float(np.real(np.linalg.eigvals(chains.chain_matrix(chains.chain_ratios(alpha, stages)))).max())


def _chain_rates(stages: int, key: Array) -> np.ndarray:
    """Growth rates of the distance from the fixed point, read where the slowest mode is left alone."""
    rule = two_stage(pd.axis("alpha", _CHAIN_ALPHAS))
    circuit = double([0.0] * stages)
    path = track(circuit, rule, _CHAIN_DURATION, key, every=5).isel(replica=0).transpose("alpha", "time", "site")
    rest = np.zeros(stages)
    rest[-1] = 1.0
    matrices = [chains.chain_matrix(chains.chain_ratios(a, stages)) for a in _CHAIN_ALPHAS]
    return np.array([_modal_rate(path.time.values, course - rest, matrix)
                     for course, matrix in zip(path.values, matrices, strict=True)])  # fmt: skip


def _modal_rate(time: np.ndarray, away: np.ndarray, matrix: np.ndarray) -> float:
    """The slope of the logarithm of the leading mode's amplitude, which its left eigenvector reads off."""
    values, left = np.linalg.eig(matrix.T)
    state = np.concatenate([-away.sum(axis=1, keepdims=True), away[:, :-1]], axis=1)
    amplitude = np.abs(state @ left[:, np.argmax(np.real(values))])
    # Between the start, of order 1, and rounding, or overflow.
    kept = (amplitude > 1e-9 * amplitude[0]) & (amplitude < 1e9 * amplitude[0])
    last = len(kept) if kept.all() else int(np.argmin(kept))
    return float(late_slope(time[:last], amplitude[:last]))
