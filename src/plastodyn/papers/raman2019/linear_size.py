"""Figure 6: the best size of the linear circuit, where it settles and where it starts."""

from collections.abc import Sequence

import jax
import numpy as np
import xarray as xr
from jax import Array
from matplotlib.figure import Figure

import plastodyn as pd
from plastodyn.circuits import StudentTeacher
from plastodyn.figures import Curve, Marks, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source
from plastodyn.papers.raman2019.catalogue import NAME
from plastodyn.papers.raman2019.setups import (
    INPUTS,
    MEMORY,
    OUTPUTS,
    SETTINGS,
    SMALL,
    Case,
    fitted_size,
    grown,
    late_mean,
    linear_sizes,
    mean_and_error,
    random_steps,
    rule,
    spectrum,
    start_landscape,
    stationary_error,
    student,
)
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import bounds
from plastodyn.theory.bounds import Plasticity

_MEMORIES = (0.0, MEMORY, 0.5)
_LOUD = Plasticity(0.15, 1.0, 0.05)
"""Where the memory varies: with three times the published gamma1 the longest one settles within the run too."""
CASES = {
    **{f"γ₃ = {float(np.asarray(each.noise)):g}": Case(each) for each in SETTINGS},
    **{f"a = {memory:.2g}": Case(_LOUD, memory) for memory in _MEMORIES},
    "γ₂ = 0": Case(Plasticity(0.05, 0.0, 0.05)),
}
_PUBLISHED, _LASTING, _NONE = list(CASES)[:3], list(CASES)[3:6], list(CASES)[6]
_GROWTH = {"smoke": (1, 2, 4, 6), "standard": (1, 2, 3, 4, 5, 6, 7), "full": (1, 2, 3, 4, 5, 6, 7)}
_NETWORKS = {"smoke": 8, "standard": 16, "full": 24}
_DRAWS = {"smoke": 1000, "standard": 2000, "full": 8000}
_CYCLES = {"smoke": 1000, "standard": 1500, "full": 1500}
_SAMPLES = 1000
_COLOURS = (style.SIMULATION, style.CONTRAST, style.FAR)
_FINE = np.geomspace(1, 7, 25)


@unswept
def figure_6(size: str, key: Array) -> Reproduction:
    """Figure 6, linear: error where it settles against size, 50 to 2450 synapses, and the learning rate at the start.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 8, 16 or 24 networks, 1000, 1500 or 1500 cycles, and
            1000, 2000 or 8000 steps from each start.
        key: random key.

    Source: figure 6 as the slides and the authors' code have it; gamma1 is 0.1 - gamma3.
    """
    key_networks, key_run, key_steps = jax.random.split(key, 3)
    keys = jax.random.split(key_networks, _NETWORKS[size])
    small = [student([INPUTS, OUTPUTS], each, _SAMPLES, "linear") for each in keys]
    growth, cases = _GROWTH[size], list(CASES.values())
    found = [
        [_settled(small, c, keys, _CYCLES[size], key_run), _start_rates(small[0], c, _DRAWS[size], key_steps)] for c in growth
    ]
    rates = np.array([rates for _, rates in found])
    data = xr.Dataset(
        {
            "error": (("size", "case", "replica"), [error for error, _ in found]),
            "error_theory": (
                ("size", "case", "replica"),
                [[[stationary_error(spectrum(s), c, case) for s in small] for case in cases] for c in growth],
            ),
            "rate": (("size", "setting"), rates.mean(-1)),
            "rate_error": (("size", "setting"), rates.std(-1, ddof=1) / rates.shape[-1] ** 0.5),
            "rate_theory": (
                ("size", "setting"),
                [[bounds.learning_rate(start_landscape(small[0], c), each) for each in SETTINGS] for c in growth],
            ),
        },
        {"size": linear_sizes(growth), "case": list(CASES), "setting": _PUBLISHED},
    )
    return Reproduction(data, _picture(data, small), tuple(_claims(data)))


def _settled(small: Sequence[StudentTeacher], growth: int, keys: Array, cycles: int, key: Array) -> np.ndarray:
    """Mean error of the second half of a run, (case, network)."""
    circuits = [_through(s, growth, each) for s, each in zip(small, keys, strict=True)]
    run = pd.simulate(circuits, rule(list(CASES.values())), steps=cycles, key=key, progress=False)
    return late_mean(run.loss).transpose("case", "replica").values


def _through(small: StudentTeacher, growth: int, key: Array) -> pd.circuits.LinearStudentTeacher:
    larger = grown(small, growth, key)
    assert isinstance(larger, StudentTeacher)
    return pd.circuits.through_covariance(larger)


def _start_rates(small: StudentTeacher, growth: int, draws: int, key: Array) -> np.ndarray:
    """K of many steps from the start, (setting, draw)."""
    own = jax.random.fold_in(key, growth)
    return random_steps(_through(small, growth, key), [Case(each) for each in SETTINGS], draws, own)


def _log_best(errors: xr.DataArray) -> xr.DataArray:
    """Log of the size at which the error of a network is lowest: its root goes as ``a / c + b c``."""
    growth = np.sqrt(errors["size"].values / SMALL)
    roots = np.sqrt(errors.transpose("case", "replica", "size").values)
    return xr.DataArray(np.log(fitted_size(growth, roots, constant=False)), {"case": errors.case}, ("case", "replica"))


def _claims(data: xr.Dataset) -> list[Claim]:
    source, found, theory = Source(NAME, "fig6"), _log_best(data.error), _log_best(data.error_theory)
    published, project = found.sel(case=_PUBLISHED), "this project"
    formula = xr.DataArray([np.log(_drawn(CASES[name])) for name in _PUBLISHED], dims="case")
    over = mean_and_error((published - formula.values[:, None]).mean("case"))
    own = mean_and_error((published - theory.sel(case=_PUBLISHED)).mean("case"))
    afresh = mean_and_error(found.sel(case=_LASTING[0]) - np.log(_drawn(CASES[_LASTING[0]])))
    lasts = mean_and_error(found.sel(case=_LASTING[2]) - np.log(_lasting(CASES[_LASTING[2]])))
    moved = mean_and_error(published.isel(case=-1) - published.isel(case=0))
    grows = mean_and_error(np.log(data.error.sel(case=_NONE)).diff("size").min("size"))
    rates = data.rate - data.rate_theory
    error = float((data.rate_error**2).sum()) ** 0.5 / rates.size
    best = "ln of the best size where it settles, mean over γ₃,"
    sums = f"direction that lasts, {_LASTING[2]}, γ₃ = 0.05: ln of the best size over T γ₂²/γ₃² (1 + a) / (1 - a)"
    return [
        _against_theory(source, data),
        source.equal(f"{best} over that of the closed form", project, 0.0, 0.1, *own),
        source.at_least(f"{best} over T γ₂²/γ₃², which the authors' code draws", "figure 6", 0.1, 0.0, *over),
        source.equal("direction drawn afresh, γ₃ = 0.05: ln of the best size over T γ₂²/γ₃²", "figure 6", 0.0, 0.1, *afresh),
        source.equal(sums, project, 0.0, 0.1, *lasts),
        source.equal("ln of the best size at γ₃ = 0.05 over that at 0.03", "figure 6", np.log(0.36), 0.25, *moved),
        source.at_least("γ₂ = 0: ln of the error at a size over that at the one below, least", "slides", 0.0, 0.0, *grows),
        source.equal(
            "k at the start, minus the mean learning rate in theory", "slides", 0.0, 0.0006, float(rates.mean()), error
        ),
    ]


def _against_theory(source: Source, data: xr.Dataset) -> Claim:
    """The error where it is furthest from the closed form."""
    off = np.log(data.error / data.error_theory).stack(at=("size", "case"))
    worst = off.isel(at=int(np.abs(off.mean("replica").values).argmax()))
    place = f"N = {int(worst['size'])}, {worst['case'].item()}"
    name = f"error over the closed form, ln, where furthest of all sizes and cases: {place}"
    return source.equal(name, "this project", 0.0, 0.2, *mean_and_error(worst))


def _drawn(case: Case) -> float:
    return float(bounds.optimal_size(case.plasticity.irrelevant, case.plasticity.noise))


def _lasting(case: Case) -> float:
    return float(bounds.optimal_size(case.plasticity.irrelevant, case.plasticity.noise, memory=case.memory))


def _picture(data: xr.Dataset, small: Sequence[StudentTeacher]) -> Figure:
    axes = ("synapses N", "error $F$ where it settles")
    drawn = Marks("T γ₂²/γ₃², as published", [_drawn(CASES[name]) for name in _PUBLISHED], _COLOURS)
    sums = Marks("T γ₂²/γ₃² (1 + a) / (1 - a)", [_lasting(CASES[name]) for name in _LASTING], _COLOURS)
    labels = [f"{name}: {what}" for name, what in zip(_LASTING, ("drawn afresh", "as published", "lasts"), strict=True)]
    none = [_error_curve(data, _NONE, "simulation", style.SIMULATION), _theory_curve(small, _NONE, "closed form", style.THEORY)]
    panels = [
        Panel("where it settles", *axes, _curves(data, small, _PUBLISHED, _PUBLISHED), [drawn], ("log", "log")),
        Panel(
            "γ₁ = 0.15, γ₃ = 0.05: the direction lasts", *axes, _curves(data, small, _LASTING, labels), [sums], ("log", "log")
        ),
        Panel(
            "k at the start",
            "synapses N",
            "learning rate k (1 / cycle)",
            _rate_curves(data, small[0]),
            _formulas(),
            ("log", "linear"),
        ),
        Panel("γ₂ = 0, γ₃ = 0.05: the smallest is best", *axes, none, scales=("log", "log")),
    ]
    return curve_panels(panels, "Figure 6, linear circuit: points simulated, lines theory")


def _curves(data: xr.Dataset, small: Sequence[StudentTeacher], names: Sequence[str], labels: Sequence[str]) -> list[Curve]:
    found = []
    for name, label, colour in zip(names, labels, _COLOURS, strict=True):
        found += [_error_curve(data, name, label, colour), _theory_curve(small, name, "_", colour)]
    return found


def _error_curve(data: xr.Dataset, name: str, label: str, colour: str) -> Curve:
    own = data.error.sel(case=name)
    error = own.std("replica", ddof=1) / own.sizes["replica"] ** 0.5
    return Curve(label, data["size"], own.mean("replica"), error, {"color": colour, "fmt": "o", "ms": 4})


def _theory_curve(small: Sequence[StudentTeacher], name: str, label: str, colour: str) -> Curve:
    spectra = np.mean([spectrum(each) for each in small], axis=0)
    mean = [stationary_error(spectra, c, CASES[name]) for c in _FINE]
    return Curve(label, SMALL * _FINE**2, mean, look={"color": colour})


def _rate_curves(data: xr.Dataset, small: StudentTeacher) -> list[Curve]:
    here, curves = start_landscape(small, _FINE), []
    for name, each, colour in zip(_PUBLISHED, SETTINGS, _COLOURS, strict=True):
        own, look = data.sel(setting=name), {"color": colour, "fmt": "o", "ms": 4}
        curves.append(Curve(name, data["size"], own.rate, own.rate_error, look))
        curves.append(Curve("_", SMALL * _FINE**2, bounds.learning_rate(here, each), look={"color": colour}))
    return curves


def _formulas() -> list[Marks]:
    """The three formulas, of each setting."""
    numbers = [tuple(float(np.asarray(x)) for x in each[:3]) for each in SETTINGS]
    spread = [float(bounds.optimal_size_if_spread(*each, size=SMALL)) for each in numbers]
    drawn = [float(bounds.optimal_size(*each[1:])) for each in numbers]
    return [
        Marks("T γ₂²/γ₃²; as the slides print it, 0.5 % less", drawn, _COLOURS),
        Marks("γ₂²/(γ₁²/N + γ₃²/T)", spread, ["0.6"] * 3),
    ]
