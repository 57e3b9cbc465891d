"""Where a memory is lost: the error crosses that of a constant output, in fluctuations, precision and width."""

from typing import NamedTuple, cast

import jax
import numpy as np
import xarray as xr
from jax import Array

import plastodyn as pd
from plastodyn.circuits import StudentTeacher
from plastodyn.figures import Curve, Panel, curve_panels, style
from plastodyn.papers.claims import Claim, Source, widened
from plastodyn.papers.raman2021.catalogue import NAME
from plastodyn.papers.raman2021.far import free_hidden_loss, trivial_loss
from plastodyn.papers.raman2021.setups import NONLINEAR, CircuitSetup
from plastodyn.papers.types import Reproduction, unswept
from plastodyn.theory import ratio as theory

_PRECISIONS = (10.0, 1.0, 1 / 5, 1 / 20, 1 / 50)
_OWN_WIDTH, _CRUDE = 20, 1 / 20
"""All precisions are run at figure 5's width, other widths at one precision."""
_RATIO = 1.0
_WINDOW = 0.8
"""Where in a run the last part begins, over which the error is averaged."""
_NEAR, _FAR = 1 / 3, 1.0
"""Memory numbers up to which the local theory holds, and above which that of a free hidden layer does."""
_DIMS = ("case", "replica", "fluctuation")
_OWN = "this project"


class _Extent(NamedTuple):
    """How much is run: sizes of fluctuations, networks, steps, precisions and widths."""

    fluctuations: int
    networks: int
    steps: int
    precisions: tuple[float, ...] = _PRECISIONS
    widths: tuple[int, ...] = (10, 20, 40)


_EXTENTS = {
    "smoke": _Extent(5, 4, 3000, (10.0, 1 / 5, 1 / 20, 1 / 50), (10, 20)),
    "standard": _Extent(7, 4, 8000),
    "full": _Extent(9, 8, 8000),
}


@unswept
def figure_memory_loss(size: str, key: Array) -> Reproduction:
    """The nonlinear circuit at a ratio of 1, fluctuations small to large: when it forgets, and which theory tells its error.

    Args:
        size: ``smoke``, ``standard`` or ``full``: 4, 4 or 8 networks; 3000 or 8000 steps.
        key: random key.

    Source: this project, beyond the paper.
    """
    extent = _EXTENTS[size]
    keys = jax.random.split(key, len(extent.widths))
    parts = []
    for width, own in zip(extent.widths, keys, strict=True):
        precisions = extent.precisions if width == _OWN_WIDTH else (_CRUDE,)
        parts.append(_swept(_of_width(width), precisions, extent, own))
    data = cast(xr.Dataset, xr.concat(parts, "case"))
    data = data.merge({f"critical_{name}": _crossing(data[name]) for name in ("simulated", "joined")})
    data["critical_number"] = _at_crossing(data)
    figure = curve_panels(_panels(data), "The nonlinear circuit forgets: error over that of a constant output, ratio 1", 2)
    return Reproduction(data.assign_attrs(steps=extent.steps), figure, tuple(_claims(data)))


def _of_width(width: int) -> CircuitSetup:
    inputs, _, outputs = NONLINEAR.widths
    return NONLINEAR._replace(widths=(inputs, width, outputs), weights=(inputs + outputs) * width)


def _swept(setup: CircuitSetup, precisions: tuple[float, ...], extent: _Extent, key: Array) -> xr.Dataset:
    """Errors of one width over that of a constant output, simulated and in each theory, over `_DIMS`."""
    key_circuits, key_run, key_theory = jax.random.split(key, 3)
    circuits = setup.circuits("mixed", extent.networks, key_circuits)
    fluctuations = np.geomspace(0.002, 0.1, extent.fluctuations)
    size = pd.axis("fluctuation", fluctuations) * setup.weights**0.5
    rule = pd.rules.noisy_gradient(_RATIO * size, pd.axis("precision", precisions)) + pd.fluctuations.white(size)
    record = [pd.observe("loss", start=int(_WINDOW * extent.steps), every=5)]
    run = pd.simulate(circuits, rule, steps=extent.steps, key=key_run, record=record, progress=False)
    simulated = run.loss.mean("step").rename(precision="case").transpose(*_DIMS)
    sizes, steps = fluctuations * setup.weights**0.5, (1 + _WINDOW) / 2 * extent.steps
    each = [_theories(c, sizes, np.array(precisions)[:, None], steps, key_theory) for c in circuits]
    trivial = xr.DataArray([trivial_loss(c) for c in circuits], dims="replica")
    found = {
        name: xr.DataArray(np.array([one[name] for one in each]), dims=("replica", "case", "fluctuation")) for name in each[0]
    }
    columns = {name: (value / trivial).transpose(*_DIMS) for name, value in found.items() if name != "number"}
    columns |= {"simulated": simulated / trivial, "number": found["number"].transpose(*_DIMS)}
    width = setup.widths[1]
    data = xr.Dataset(columns).drop_vars("case", errors="ignore").assign_coords(fluctuation=fluctuations)
    return data.assign_coords(width=("case", [width] * len(precisions)), precision=("case", list(precisions)))


def _theories(
    circuit: StudentTeacher, sizes: np.ndarray, precision: np.ndarray, steps: float, key: Array
) -> dict[str, np.ndarray]:
    """Losses near the solution, far from it and joined, and the memory number, shape (precisions, sizes)."""
    first, second = circuit.teacher.kernels
    spectrum = theory.solution_curvatures(circuit.inputs, first, second)
    rule = (_RATIO * sizes, sizes, precision)
    near = theory.loss_after(spectrum, *rule, steps)
    far = free_hidden_loss(circuit, *rule, steps, key)
    joined = theory.joined_loss(circuit.inputs, first, second, *rule, steps, key)
    trivial = trivial_loss(circuit)
    number = theory.memory_number(spectrum.sum(), spectrum.max(), spectrum.size, trivial, *rule)
    return {"near": near, "far": far, "joined": joined, "number": number}


def _crossing(over: xr.DataArray) -> xr.DataArray:
    """|de| / sqrt(n) at which an error reaches that of a constant output, network by network; NaN where it does not."""
    places = np.log(over.fluctuation.values)

    def one(ratios: np.ndarray) -> float:
        rising = np.maximum.accumulate(np.log(ratios))
        return float(np.exp(np.interp(0.0, rising, places, left=np.nan, right=np.nan)))

    return xr.apply_ufunc(one, over, input_core_dims=[["fluctuation"]], vectorize=True)


def _at_crossing(data: xr.Dataset) -> xr.DataArray:
    """The memory number there; it grows as |de|^2."""
    first = data.number.isel(fluctuation=0)
    return first * (data.critical_simulated / float(data.fluctuation[0])) ** 2


def _panels(data: xr.Dataset) -> list[Panel]:
    size, over = r"$|\Delta\epsilon|\,/\,\sqrt{N}$ per step", r"$F\,/\,\mathrm{var}(y^*)$"
    curves = []
    for precision, colour in zip((10.0, 1 / 5, 1 / 50), (style.SIMULATION, style.GREEDY, style.FAR), strict=True):
        own = _case(data, _OWN_WIDTH, precision)
        mean, error = _mean(own.simulated)
        curves.append(Curve(f"q = {precision:g}, simulated", own.fluctuation, mean, error, {"color": colour, "fmt": "o"}))
        curves.append(Curve(f"q = {precision:g}, theory", own.fluctuation, own.joined.mean("replica"), look={"color": colour}))
    flat = {"color": "0.35", "ls": "--", "lw": 1}
    curves.append(Curve("constant output", data.fluctuation, np.ones(data.sizes["fluctuation"]), look=flat))
    return [
        Panel("error, simulated and in the joined theory (width 20)", size, over, curves, scales=("log", "log")),
        _regimes(data),
        _line(data.isel(case=data.width.values == _OWN_WIDTH), "precision", r"precision $q$", "log"),
        _line(data.isel(case=data.precision.values == _CRUDE).sortby("width"), "width", "hidden neurons (q = 1/20)", "linear"),
    ]


def _regimes(data: xr.Dataset) -> Panel:
    """Simulation over each theory against the number that tells which one holds."""
    number = data.number.mean("replica").values.ravel()
    curves = []
    for name, label, colour in (("near", "over local theory", style.THEORY), ("far", "over free hidden layer", style.FAR)):
        ratio = np.exp(np.log(data.simulated / data[name]).mean("replica")).values.ravel()
        curves.append(Curve(label, number, ratio, look=style.points(colour, size=3)))
    ends = [float(number.min()), float(number.max())]
    curves += [
        Curve("within 25 %" if i else "", ends, [value] * 2, look={"color": "0.6", "lw": 0.8})
        for i, value in enumerate((0.8, 1.25))
    ]
    title = "which theory holds: all precisions and widths"
    return Panel(title, "memory number $M$", "simulated error over theory", curves, scales=("log", "log"))


def _line(data: xr.Dataset, name: str, label: str, scale: str) -> Panel:
    """The transition along precision or width."""
    x = data[name].values
    mean, error = _mean(data.critical_simulated)
    curves = [
        Curve("simulated ± s.e.", x, mean, error, {"color": style.SIMULATION, "fmt": "o"}),
        Curve("joined theory", x, data.critical_joined.mean("replica"), look={"color": style.THEORY}),
    ]
    size = r"$|\Delta\epsilon|\,/\,\sqrt{N}$ at which the memory is lost"
    return Panel(f"memory lost above, along {name}", label, size, curves, scales=("log", scale))


def _case(data: xr.Dataset, width: int, precision: float) -> xr.Dataset:
    here = (data.width.values == width) & (data.precision.values == precision)
    return data.isel(case=int(here.argmax()))


def _mean(each: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean over networks and its standard error."""
    return each.mean("replica"), each.std("replica", ddof=1) / each.sizes["replica"] ** 0.5


def _farthest(off: xr.DataArray) -> tuple[float, float]:
    """Of means over networks, the one that is farthest from 0 beyond its errors, and its error by Student's law."""
    mean, error = _mean(off)
    known = widened(1.0, off.sizes["replica"]) * error
    beyond = (abs(mean) - 3 * known).fillna(-np.inf).values
    at = np.unravel_index(int(beyond.argmax()), beyond.shape)
    return float(mean.values[at]), float(known.values[at])


def _claims(data: xr.Dataset) -> list[Claim]:
    source = Source(NAME, "beyond2")
    number = data.number.mean("replica")
    regimes = (
        (f"memory number up to {_NEAR:.2g}: local theory", "near", number <= _NEAR),
        (f"memory number above {_FAR:g}: theory of a free hidden layer", "far", number > _FAR),
        ("any memory number: joined theory", "joined", number > 0),
    )
    claims = []
    for label, name, here in regimes:
        off = cast(xr.DataArray, np.log(data.simulated / data[name])).where(here)
        text = f"{label}, ln of the simulated error over it, network by network, where farthest from 0"
        claims.append(source.equal(text, _OWN, 0.0, 0.3, *_farthest(off)))
    return [*claims, *_other_claims(data, number, source), *_line_claims(data, source)]


def _other_claims(data: xr.Dataset, number: xr.DataArray, source: Source) -> list[Claim]:
    """That each theory fails where the other one holds."""
    held = np.log(data.far / data.simulated).where(number < _NEAR / 10)
    own = _case(data, _OWN_WIDTH, 1 / 5)
    lost = np.log(own.near / own.simulated).where(own.number.mean("replica") > _FAR).mean("fluctuation")
    mean, error = _mean(cast(xr.DataArray, lost))
    text = f"memory number above {_FAR:g}, precision 1/5: ln of the local theory over the simulated error, mean"
    return [
        source.at_least(
            f"memory number below {_NEAR / 10:.2g}: ln of a free hidden layer's error over the simulated one, least",
            _OWN,
            0.7,
            0.0,
            held.min(),
        ),
        source.at_least(text, _OWN, 0.3, 0.0, mean, widened(error, lost.size)),
    ]


def _line_claims(data: xr.Dataset, source: Source) -> list[Claim]:
    """Of the line at which the memory is lost."""
    off = cast(xr.DataArray, np.log(data.critical_simulated / data.critical_joined))
    claims = []
    for label, here in (
        ("precisions 10 to 1/50", data.width.values == _OWN_WIDTH),
        (f"widths 10 to {data.width.values.max()}, precision 1/20", data.precision.values == _CRUDE),
    ):
        text = f"{label}: ln of |de| at which the memory is lost over that in theory, where farthest from 0"
        claims.append(source.equal(text, _OWN, 0.0, 0.2, *_farthest(off.isel(case=here))))
    ends = [_case(data, _OWN_WIDTH, q).critical_simulated for q in (_PRECISIONS[0], _PRECISIONS[-1])]
    mean, error = _mean(cast(xr.DataArray, np.log(ends[0] / ends[1])))
    known = widened(error, ends[0].size)
    rise = "a precise rule bears larger fluctuations: ln of |de| at which the memory is lost, precision 10 over 1/50"
    farthest = _farthest(np.log(data.critical_number / 2).isel(case=data.precision.values >= _CRUDE))
    lost = "the memory is lost at memory numbers near 2: ln of that number over 2, precisions 10 to 1/20, where farthest from 0"
    return [
        *claims,
        source.at_least(rise, _OWN, np.log(5), 0.0, mean, known),
        source.equal(lost, _OWN, 0.0, 0.7, *farthest),
    ]
