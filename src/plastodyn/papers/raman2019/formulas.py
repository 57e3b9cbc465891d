"""Which of the slides' formulas hold: how gradient, trace and curvature grow with the circuit, and where k is largest."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import Array
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

import plastodyn as pd
from plastodyn.circuits import StudentTeacher
from plastodyn.figures import Curve, Marks, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source, widened
from plastodyn.papers.raman2019.catalogue import NAME
from plastodyn.papers.raman2019.setups import (
    INPUTS,
    OUTPUTS,
    SETTINGS,
    SMALL,
    Case,
    fitted_size,
    grown,
    linear_sizes,
    log,
    mean_and_error,
    random_steps,
    rule,
    start_landscape,
    student,
    white_inputs,
)
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import bounds
from plastodyn.theory.bounds import Landscape, Plasticity

PLASTICITY = Plasticity(0.5, 1.0, 0.05)
"""With so much task-relevant plasticity the three formulas differ: 400, 300 and 133 synapses."""
LAWS = {"whitened": white_inputs, "mixed": pd.circuits.mixed_inputs}
FORMS = ("expanded", "original")
_APART = 0.1
"""Of the distance from the teacher: near it, what a step costs is not lost in how much it scatters."""
_GROWTH = {"smoke": (1, 2, 4, 6), "standard": (1, 2, 3, 4, 5, 6, 7), "full": (1, 2, 3, 4, 5, 6, 7)}
_DRAWS = {"smoke": 2000, "standard": 8000, "full": 32000}
_SAMPLES, _PROBES, _BATCHES = 100, 64, 20
_CYCLES, _SETTLED = 500, 8
_STEPPED = [("whitened", "expanded"), ("mixed", "expanded"), ("whitened", "original")]
"""Of which steps are made."""
_NOT_STEPPED = np.full(_BATCHES, np.nan)
_LOOKS = {"whitened": style.SIMULATION, "mixed": style.CONTRAST}


@unswept
def figure_formulas(size: str, key: Array) -> Reproduction:
    """|grad F|, tr H and g'Hg against size, at the start and where it settles; k against size, and where it is largest.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 2000, 8000 or 32000 steps from each start.
        key: random key.

    Source: the formulas of the slides, for both forms in which they write the expanded circuit.
    """
    key_network, key_steps, key_run = jax.random.split(key, 3)
    small = {name: student([INPUTS, OUTPUTS], key_network, _SAMPLES, "linear", law, _APART) for name, law in LAWS.items()}
    growth, dims = _GROWTH[size], ("law", "form", "size")
    coords = {"law": list(LAWS), "form": list(FORMS), "size": linear_sizes(growth)}
    places = [(law, form, c) for law in LAWS for form in FORMS for c in growth]
    measured = [_measured(small[law], form, c, jax.random.fold_in(key_network, i)) for i, (law, form, c) in enumerate(places)]
    shape = tuple(len(coords[dim]) for dim in dims)
    columns = zip(("loss", "slope", "curvature", "trace", "trace_error"), np.array(measured).T, strict=True)
    data = xr.Dataset({name: (dims, values.reshape(shape)) for name, values in columns}, coords)
    batches = [
        _batches(small[law], form, c, _DRAWS[size], jax.random.fold_in(key_steps, i))
        if (law, form) in _STEPPED
        else _NOT_STEPPED
        for i, (law, form, c) in enumerate(places)
    ]
    data["rates"] = (("law", "form", "size", "batch"), np.array(batches).reshape(*shape, _BATCHES))
    theory = [float(bounds.learning_rate(_landscape(small[law], form, c), PLASTICITY)) for law, form, c in places]
    data["rate_theory"] = (dims, np.array(theory).reshape(shape))
    ends = (growth[0], growth[-1])
    data["settled"] = (("end", "replica"), [_settled(small["mixed"], c, key_run) for c in ends])
    return Reproduction(data, _picture(data, small), tuple(_claims(data)))


def _landscape(small: StudentTeacher, form: str, growth: float | np.ndarray) -> Landscape:
    """In closed form; where outputs are brought back before the error is measured, tr H does not grow."""
    here = start_landscape(small, growth)
    return here if form == "expanded" else here._replace(hessian_trace=start_landscape(small).hessian_trace)


def _measured(small: StudentTeacher, form: str, growth: int, key: Array) -> list[float]:
    circuit = grown(small, growth, key, form)
    found = pd.measure.landscape(circuit.loss_at, circuit.weights, key=key, samples=_PROBES)
    numbers = (*found.value[:4], found.standard_error.hessian_trace)
    return [float(np.asarray(number)) for number in numbers]


def _batches(small: StudentTeacher, form: str, growth: int, draws: int, key: Array) -> np.ndarray:
    """Mean k of batches of steps from the start, directions drawn afresh."""
    (rates,) = random_steps(grown(small, growth, key, form), [Case(PLASTICITY)], draws, key)
    return rates.reshape(_BATCHES, -1).mean(1)


def _settled(small: StudentTeacher, growth: int, key: Array) -> np.ndarray:
    """G'Hg after many cycles with the published plasticity, of each replica."""
    circuit = grown(small, growth, key)
    run = pd.simulate(
        circuit,
        rule([Case(SETTINGS[-1])]),
        steps=_CYCLES,
        replicas=_SETTLED,
        key=key,
        record=[pd.observe("loss", every=_CYCLES)],
        progress=False,
    )
    back = ravel_pytree(circuit.weights)[1]
    found = []
    for flat in run.weights.isel(case=0).transpose("replica", ...).values:
        weights = back(jnp.asarray(flat))
        found.append(float(pd.measure.curvature(circuit.loss_at, weights, jax.grad(circuit.loss_at)(weights))))
    return np.array(found)


def _relative(values: xr.DataArray) -> xr.DataArray:
    """Logarithm, less that of the circuit that is not expanded."""
    logs = log(values)
    return logs - logs.isel(size=0)


def _claims(data: xr.Dataset) -> list[Claim]:
    source, slides = Source(NAME, "formulas"), "slides"
    doubled = np.log(np.sqrt(data["size"] / SMALL))
    trace, error = _relative(data.trace), data.trace_error / data.trace
    traces = {"expanded": trace.sel(form="expanded") - doubled, "original": trace.sel(form="original")}
    names = {"expanded": "c₂ times the small circuit's", "original": "the small circuit's: it does not grow"}
    fixed = float(max(np.abs(_relative(data[name])).max() for name in ("loss", "slope", "curvature")))
    settled = np.log(data.settled).isel(end=1) - np.log(data.settled).isel(end=0)
    same = "F, |grad F| and g'Hg over the small circuit's at the start, all forms and inputs: largest |ln|"
    off = (data.rates.mean("batch") - data.rate_theory) / (data.rates.std("batch", ddof=1) / _BATCHES**0.5)
    bends = "mixed inputs: ln of g'Hg where it settles, largest circuit over smallest"
    within = "k minus its theory in standard errors, root of mean square over forms, inputs and sizes"
    claims = [
        *(_trace_claim(source, form, names[form], off, error.sel(form=form)) for form, off in traces.items()),
        source.at_most(same, slides, 1e-3, 0.0, fixed),
        source.equal(bends, slides, 0.0, 0.5, *mean_and_error(settled)),
        source.at_most(within, slides, 2.0, 0.0, float(np.sqrt((off**2).mean()))),
    ]
    for law in LAWS:
        claims += _size_claims(source, law, data.rates.sel(law=law, form="expanded"))
    return [*claims, _no_size_claim(source, data.rates.sel(law="whitened", form="original"))]


def _trace_claim(source: Source, form: str, name: str, off: xr.DataArray, error: xr.DataArray) -> Claim:
    """Where furthest, of all inputs and sizes."""
    at = int(np.abs(off.values).argmax())
    known = float(np.hypot(error.values.ravel()[at], error.isel(size=0).max()))
    where = f"error measured in the {form} outputs: ln of tr H over {name}, furthest"
    return source.equal(where, "slides", 0.0, 0.15, float(off.values.ravel()[at]), known)


def _size_claims(source: Source, law: str, rates: xr.DataArray) -> list[Claim]:
    growth = np.sqrt(rates["size"].values / SMALL)

    def log_best(mean: np.ndarray) -> float:
        return float(np.log(fitted_size(growth, mean, constant=True)))

    found, error = pd.measure.jackknife(log_best, [rates.transpose("batch", "size").values])
    known = widened(error, _BATCHES)
    drawn, spread, printed = (np.log(value) for value in _formulas())
    place = f"{law} inputs: ln of the best size for k over"
    return [
        source.equal(f"{place} T γ₂²/γ₃², as the authors' code draws", "figure 6", 0.0, 0.15, found - drawn, known),
        source.at_least(f"{place} γ₂²/(γ₁²/N + γ₃²/T), curvature spread evenly", "slides", 0.5, 0.0, found - spread, known),
        source.at_least(f"{place} T γ₂²/γ₃² (1 - γ₁²/γ₂²), as printed", "slides", 0.0, 0.0, found - printed, known),
    ]


def _no_size_claim(source: Source, rates: xr.DataArray) -> Claim:
    more = rates.diff("size")
    least = more.isel(size=int(more.mean("batch").values.argmin()))
    error = widened(float(least.std(ddof=1)) / _BATCHES**0.5, _BATCHES)
    name = "error measured in the original outputs: how much k grows from a size to the next, least"
    return source.at_least(name, "slides", 0.0, 0.0, float(least.mean()), error)


def _formulas() -> tuple[float, float, float]:
    """N* as drawn, of a spread gradient, and as printed.

    >>> [round(size) for size in _formulas()]
    [400, 133, 300]
    """
    first, second, third = (float(np.asarray(number)) for number in PLASTICITY[:3])
    drawn, printed = bounds.optimal_size(second, third), bounds.optimal_size_as_printed(first, second, third)
    return float(drawn), float(bounds.optimal_size_if_spread(first, second, third, size=SMALL)), float(printed)


def _picture(data: xr.Dataset, small: dict[str, StudentTeacher]) -> Figure:
    fine = np.geomspace(1, np.sqrt(float(data["size"][-1]) / SMALL), 40)
    panels = [_trace_panel(data, fine), _curvature_panel(data, fine), _original_panel(data, small["whitened"], fine)]
    panels += [_rate_panel(data, law, small[law], fine) for law in LAWS]
    return curve_panels(panels, "Which formulas hold, linear circuit", 3)


def _trace_panel(data: xr.Dataset, fine: np.ndarray) -> Panel:
    curves = []
    for (law, colour), form in product(_LOOKS.items(), FORMS):
        look = style.points(colour, "o" if form == "expanded" else "s")
        curves.append(
            Curve(f"{law}, {form} outputs", data["size"], np.exp(_relative(data.trace.sel(law=law, form=form))), look=look)
        )
    curves.append(Curve("c₂: the slides, for both", SMALL * fine**2, fine, look={"color": style.THEORY, "ls": "--"}))
    curves.append(Curve("1: does not grow", SMALL * fine**2, 0 * fine + 1, look={"color": "0.6"}))
    return Panel("tr H", "synapses N", "over the small circuit's", curves, scales=("log", "log"))


def _curvature_panel(data: xr.Dataset, fine: np.ndarray) -> Panel:
    curves, ends = [], data["size"].values[[0, -1]] * 1.08
    for law, colour in _LOOKS.items():
        start = np.exp(_relative(data.curvature.sel(law=law, form="expanded")))
        curves.append(Curve(f"{law}, start", data["size"], start, look=style.points(colour, "o")))
    over = data.settled / float(data.settled.isel(end=0).mean())
    look = {"color": _LOOKS["mixed"], "fmt": "s", "ms": 4}
    curves.append(Curve("mixed, settled", ends, over.mean("replica"), over.std("replica", ddof=1) / _SETTLED**0.5, look))
    curves.append(Curve("c₂: spread evenly", SMALL * fine**2, fine, look={"color": style.THEORY, "ls": "--"}))
    curves.append(Curve("1: in the range of B", SMALL * fine**2, 0 * fine + 1, look={"color": "0.6"}))
    return Panel("curvature along the gradient, g'Hg", "synapses N", "over the small circuit's", curves, scales=("log", "log"))


def _marks() -> list[Marks]:
    labels = ("T γ₂²/γ₃²", "γ₂²/(γ₁²/N + γ₃²/T)", "as printed")
    colours = (style.GREEDY, style.FAR, "0.4")
    return [Marks(label, [at], [colour]) for label, at, colour in zip(labels, _formulas(), colours, strict=True)]


def _measured_curve(rates: xr.DataArray, label: str, colour: str, form: str) -> Curve:
    own = rates.sel(form=form)
    error = own.std("batch", ddof=1) / _BATCHES**0.5
    return Curve(label, rates["size"], own.mean("batch"), error, {"color": colour, "fmt": "o", "ms": 4})


def _rate_panel(data: xr.Dataset, law: str, small: StudentTeacher, fine: np.ndarray) -> Panel:
    here = _landscape(small, "expanded", fine)
    spread = here._replace(gradient_curvature=np.asarray(here.gradient_curvature) * fine)
    x = SMALL * fine**2
    curves = [
        _measured_curve(data.rates.sel(law=law), "measured", style.SIMULATION, "expanded"),
        Curve("theory", x, bounds.learning_rate(here, PLASTICITY), look={"color": style.THEORY}),
        Curve("if g'Hg grew as c₂", x, bounds.learning_rate(spread, PLASTICITY), look={"color": style.THEORY, "ls": "--"}),
    ]
    return Panel(f"k at the start, {law} inputs", "synapses N", "k (1 / cycle)", curves, _marks(), ("log", "linear"))


def _original_panel(data: xr.Dataset, small: StudentTeacher, fine: np.ndarray) -> Panel:
    theory = bounds.learning_rate(_landscape(small, "original", fine), PLASTICITY)
    curves = [
        _measured_curve(data.rates.sel(law="whitened"), "measured", style.SIMULATION, "original"),
        Curve("theory", SMALL * fine**2, theory, look={"color": style.THEORY}),
    ]
    return Panel("k at the start, error in the original outputs", "synapses N", "k (1 / cycle)", curves, (), ("log", "linear"))
