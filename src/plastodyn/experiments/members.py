"""The experiment that a document describes, as `plastodyn.sweep` takes it: a batch of points in, a Dataset out."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from plastodyn.experiments import analysis, batches, building, results, setting
from plastodyn.experiments.document import Document, from_json
from plastodyn.experiments.faults import Fault
from plastodyn.experiments.files import Opened, Sources
from plastodyn.experiments.results import Variable
from plastodyn.simulation import axis, simulate
from plastodyn.simulation.axes import spanned
from plastodyn.simulation.status import Status
from plastodyn.types import Json, Key

Point = dict[str, np.ndarray]
_DIVERGED = {int(Status.DIVERGED): "weights", int(Status.ACTIVITY_DIVERGED): "activity"}
ERROR = "member_error"


class Answer(NamedTuple):
    """What came of one point: variables, None where nothing did; and what went wrong, in words."""

    variables: dict[str, Variable] | None
    error: str


def member(point: Point, key: Key, *, document: Json, files: Mapping[str, str] | None = None) -> xr.Dataset:
    """Run the experiment of a document at a batch of points.

    A point that fails costs itself: its values are NaN, 0 or empty, and ``member_error`` says why.

    Args:
        point: for each axis its values in this batch.
        key: random key of the batch.
        document: as `to_json` gives it, resolved by `check`.
        files: SHA-256 of each file and module that the document names: one that differs is refused.

    Returns:
        A Dataset over all axes: recorded variables, ``status``, results of analyses, and ``member_error``, empty where all is
        well. Its key is that of `plastodyn.simulate` where the batch has one point of each axis that is not carried by it.

    Raises:
        ValueError: if all points fail before they are run, or of some analysis nothing is known at any.

    Source: this project.

    >>> document = {"circuit": {"name": "tracking"}, "rule": [{"name": "early", "rate": "= rate"}],
    ...             "axes": {"rate": [0.1, 0.5]}, "run": {"steps": 3, "batch": {"rate": 2}}}
    >>> found = member({"rate": np.array([0.1, 0.5])}, jax.random.key(0), document=document)
    >>> dict(found.loss.sizes), found.member_error.values.tolist()
    ({'rate': 2, 'replica': 1, 'step': 4}, ['', ''])
    """
    described, sources = from_json(document), Opened(files or {})
    if described.experiment is not None:
        return _own(described, point, key, sources)
    moving = batches.carried(described)
    lengths = {name: len(values) for name, values in point.items()}
    found: dict[tuple[int, ...], Answer] = {}
    fixed = [name for name in point if name not in moving]
    for index in np.ndindex(*(lengths[name] for name in fixed)):
        place = dict(zip(fixed, index, strict=True))
        here = {name: point[name][place[name]] if name in place else axis(name, point[name]) for name in point}
        several = [place[name] for name in fixed if described.run.batch.get(name, 1) > 1]
        for inner, answer in _answers(described, here, _folded(key, several), sources).items():
            whole = place | dict(zip(moving, inner, strict=True))
            found[tuple(whole[name] for name in point)] = answer
    return _assembled(described, point, found)


def _folded(key: Key, places: list[int]) -> Key:
    """The key of a point, as `plastodyn.simulate` makes it from the places on its axes."""
    for place in places:
        key = jax.random.fold_in(key, jnp.uint32(place))
    return key


def _own(document: Document, point: Point, key: Key, sources: Sources) -> xr.Dataset:
    """The user's own experiment, which gets the columns of zipped axes beside their rows."""
    assert document.experiment is not None
    function = sources.thing(document.experiment.function, ("experiment", "function"))
    scope = setting.at(document, dict.fromkeys(document.axes, 0), sources).scope({})._replace(names=document.constants)
    raw = document.experiment.parameters
    parameters = {name: building.value(each, ("experiment", name), scope) for name, each in raw.items()}
    columns = {name: np.asarray(column)[point[axis_name]] for name, (axis_name, column) in document.columns().items()}
    return function({**point, **columns}, key, **parameters)


def _answers(document: Document, here: dict[str, Any], key: Key, sources: Sources) -> dict[tuple[int, ...], Answer]:
    """The answers at all points of the carried axes, run together; or, where that fails, one by one with the same keys."""
    lengths = {name: value.size for name, value in here.items() if hasattr(value, "dims")}
    places = [dict(zip(lengths, index, strict=True)) for index in np.ndindex(*lengths.values())]
    order = list(lengths)
    found: dict[tuple[int, ...], Answer] = {}
    try:
        there = setting.at(document, here, sources)
        circuit = setting.circuit_at(there)
        rule = setting.whole_rule_at(there, circuit)
        order = [name for name in spanned((circuit, rule)).coordinates if name in lengths]
        run = _run(there, circuit, rule, key)
    except MemoryError:
        raise
    except Exception as error:
        if not lengths:
            return {(): Answer(None, _reason(error))}
        for place in places:
            own = _folded(key, [place[name] for name in order])
            found[tuple(place.values())] = _answers(document, _alone(here, place), own, sources)[()]
        return found
    known: dict[str, Any] = {}
    for place in places:
        own = _folded(key, [place[name] for name in order])
        there = setting.at(document, _alone(here, place), sources)
        one = run.isel(place, missing_dims="ignore")
        alive = ~np.isin(one.status.values, list(_DIVERGED))
        end = analysis.End(there, circuit, one, own, alive, known, frozenset(lengths))
        found[tuple(place.values())] = _ended(end)
    return found


def _alone(here: dict[str, Any], place: dict[str, int]) -> dict[str, Any]:
    return {name: value.values[place[name]] if name in place else value for name, value in here.items()}


def _run(there: setting.Setting, circuit: Any, rule: Any, key: Key) -> xr.Dataset:
    options = setting.run_at(there)
    if isinstance(circuit, list):
        options["replicas"] = len(circuit) if options["replicas"] == 1 else options["replicas"]
    return simulate(circuit, rule, key=key, record=setting.observables_at(there), progress=False, **options)


def _ended(end: analysis.End) -> Answer:
    """What is kept of a run at one point, and its analyses."""
    run, alive = end.run, end.alive
    variables = kept(end.setting.document, run)
    found, reasons = analysis.analysed(end)
    if not alive.all():
        what = " and ".join(name for code, name in _DIVERGED.items() if (run.status.values == code).any())
        diverged = f"diverged: {what} not finite in {int((~alive).sum())} of {alive.size} replicas"
        # What failed besides comes first: it is tried again, as a divergence is not.
        reasons = "; ".join(filter(None, [reasons, diverged]))
    twice = sorted(set(variables) & set(found))
    if twice:
        raise ValueError(f"analysis must not store what is recorded; got {', '.join(twice)}")
    return Answer({**variables, **found}, reasons)


def kept(document: Document, run: xr.Dataset) -> dict[str, Variable]:
    """What a document keeps of a run at one point: recorded variables, reduced as it says, ``status``, and weights if asked.

    Args:
        document: of the experiment.
        run: of `plastodyn.simulate`, without axes.
    """
    carried = {"weights", "status", "steps_taken", "activity", "structure", "state"}
    names = [str(n) for n in run.data_vars if str(n).endswith("_recorded") or str(n).split("_")[0] not in carried]
    found: dict[str, Variable] = {}
    for name in [each for each in names if each not in carried]:
        record = document.record.get(name.removesuffix("_recorded")) or document.record.get(name)
        found[name] = _variable(_reduced(run[name], record.keep if record else "all"))
    if "weights" in document.record:
        found["weights"] = _variable(run.weights)
        if document.record["weights"].keep == "last":
            found.pop("weights_recorded")
    return {**found, "status": _variable(run.status)}


def _reduced(values: xr.DataArray, keep: str) -> xr.DataArray:
    time = str(values.dims[1])  # after replica
    with xr.set_options(keep_attrs=True):
        if keep == "last":
            return values.isel({time: -1}, drop=True)
        return values if keep == "all" else {"mean": values.mean, "lowest": values.min, "highest": values.max}[keep](time)


def _variable(array: xr.DataArray) -> Variable:
    coords = {str(dim): array[dim].values for dim in array.dims if dim in array.coords}
    return Variable(tuple(map(str, array.dims)), array.values, coords, dict(array.attrs))


def _assembled(document: Document, point: Point, found: dict[tuple[int, ...], Answer]) -> xr.Dataset:
    """One Dataset of all answers."""
    names, shape = tuple(point), tuple(map(len, point.values()))
    variables, errors = np.full(shape, None, object), np.full(shape, "", object)
    for index, answer in found.items():
        variables[index], errors[index] = answer
    first_error = next((error for error in errors.flat if error), "")
    if all(each is None for each in variables.flat):
        raise ValueError(first_error)
    whole = results.gathered(variables, names)
    for name, each in document.analysis.items():
        if each.keep and not any(key == name or key.startswith(f"{name}_") for key in whole):
            raise ValueError(first_error or f"analysis.{name} must return something; got nothing")
    whole[ERROR] = Variable(names, errors, {}, {"long_name": "what went wrong"})
    coords: dict[str, Any] = dict(point)
    for name, (axis_name, column) in document.columns().items():
        rows = np.asarray(column)[point[axis_name]]
        across = [len(rows) if each == axis_name else 1 for each in names]
        coords[name] = (names, np.broadcast_to(rows.reshape(across), shape))
    for variable in whole.values():
        coords |= {dim: values for dim, values in variable.coords.items() if dim not in point}
    return xr.Dataset({name: (each.dims, each.values, each.attrs) for name, each in whole.items()}, coords)


def _reason(error: Exception) -> str:
    if isinstance(error, Fault | ValueError):
        return " ".join(str(error).split())
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
