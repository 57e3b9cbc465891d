"""What a sweep computes, exactly: the content that decides its numbers, and the hash of it."""

import hashlib
import importlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

import jax
import numpy as np

from plastodyn import checks
from plastodyn.sweeps.source import source_of


@dataclass(frozen=True)
class Specification:
    """Everything that decides the numbers of a sweep; two equal ones give the same bits on the same software and processor."""

    experiment: str
    source: str
    axes: dict[str, list[Any]]
    parameters: dict[str, Any]
    seed: int
    batch: dict[str, int]
    x64: bool
    plastodyn: str

    def as_json(self) -> str:
        """Canonical JSON: the order of axes counts, for it is the order of dimensions; that of other names does not."""
        content = asdict(self)
        content["axes"] = list(self.axes.items())
        return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)

    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        # Every chunk asks for it, and axes may be long.
        return hashlib.sha256(self.as_json().encode()).hexdigest()

    def values(self) -> dict[str, np.ndarray]:
        """The axes as arrays: float64, int64 or text."""
        return {name: np.asarray(points) for name, points in self.axes.items()}

    def load(self) -> Callable[..., Any]:
        """The experiment, imported by its name."""
        return _find(*self.experiment.split(":"))


def from_json(text: str) -> Specification:
    """Undo `Specification.as_json`, which keeps the order of axes alone."""
    content = json.loads(text)
    content["axes"] = dict(content["axes"])
    content["batch"] = {name: content["batch"][name] for name in content["axes"]}
    return Specification(**content)


def again(stored: Specification) -> Specification:
    """What a stored sweep would be if it were begun now: the same, unless the experiment's code or plastodyn changed.

    Raises:
        ValueError: if the experiment cannot be imported.
    """
    try:
        experiment = stored.load()
    except (Exception, SystemExit) as error:
        raise ValueError(f"the experiment of the store, {stored.experiment}, cannot be imported: {error}") from None
    with jax.enable_x64(stored.x64):
        return specify(experiment, stored.axes, stored.parameters, stored.seed, stored.batch, None)


def differences(stored: Specification, asked: Specification) -> list[str]:
    """What two specifications differ in, one phrase each.

    >>> one = Specification("m:f", "0", {"a": [1]}, {}, 0, {"a": 1}, False, "0")
    >>> differences(one, Specification("m:f", "1", {"a": [1]}, {"steps": 3}, 0, {"a": 1}, False, "0"))
    ['the source text of the experiment, or of what it uses of its module', 'parameters: steps absent there, 3 here']
    """
    found = []
    for name, there in asdict(stored).items():
        here = getattr(asked, name)
        if name == "source":
            found += [] if there == here else ["the source text of the experiment, or of what it uses of its module"]
        elif isinstance(there, dict):
            names = [*there, *(each for each in here if each not in there)]
            found += [f"{name}: {each} {_pair(there, here, each)}" for each in names if there.get(each) != here.get(each)]
            if list(there) != list(here) and sorted(there) == sorted(here) and name == "axes":
                found.append(f"the order of axes, {', '.join(there)} there")
        elif there != here:
            found.append(f"{name} {there} there, {here} here")
    return found


def specify(
    experiment: Callable[..., Any],
    axes: Mapping[str, Sequence[Any]],
    parameters: Mapping[str, Any] | None,
    seed: int,
    batch: Mapping[str, int] | None,
    chunk: Mapping[str, int] | None,
) -> Specification:
    """Check the arguments of a sweep and put them into a specification."""
    checks.seed("seed", seed)
    values = _axes(axes)
    kept = _parameters({} if parameters is None else parameters)
    reference = _reference(experiment)
    try:
        inspect.signature(experiment).bind({}, None, **kept)
    except TypeError as error:
        raise ValueError(
            f"parameters must be what experiment(point, key, **parameters) takes; got {list(kept)}: {error}"
        ) from None
    return Specification(
        experiment=reference,
        source=hashlib.sha256(source_of(experiment).encode()).hexdigest(),
        axes=values,
        parameters=kept,
        seed=int(seed),
        batch=_batch(values, batch, chunk),
        x64=bool(jax.config.jax_enable_x64),  # pyright: ignore[reportAttributeAccessIssue]
        plastodyn=version("plastodyn"),
    )


def _reference(experiment: Any) -> str:
    module, name = getattr(experiment, "__module__", None), getattr(experiment, "__qualname__", None)
    allowed = "experiment must be a function defined at the top level of an importable module (not of a script or notebook)"
    if not inspect.isfunction(experiment) or module in (None, "__main__") or "<" in str(name):
        raise ValueError(f"{allowed}, for workers import it by name; got {checks.shown(experiment)}")
    try:
        found = _find(str(module), str(name))
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{allowed}; {module}:{name} cannot be imported: {error}") from None
    if found is not experiment:
        raise ValueError(f"{allowed}; {module}:{name} is another object than the one given")
    return f"{module}:{name}"


def _find(module: str, name: str) -> Callable[..., Any]:
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _axes(axes: Any) -> dict[str, list[Any]]:
    if not isinstance(axes, Mapping) or not axes:
        raise ValueError(f"axes must be a mapping of at least one name to its points; got {checks.shown(axes)}")
    return {_name(name): _points(f"axes[{name!r}]", points) for name, points in axes.items()}


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.isidentifier() or name.startswith("chunk_") or name.endswith("_chunk"):
        raise ValueError(
            f"the name of an axis must be an identifier without chunk_ before or _chunk after it; got {checks.shown(name)}"
        )
    return name


def _points(label: str, points: Any) -> list[Any]:
    array = np.asarray(points)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iufU":
        raise ValueError(
            f"{label} must be a non-empty sequence of distinct finite numbers, or of texts; got {checks.shown(points)}"
        )
    if array.dtype.kind != "U":
        checks.number(label, array)
    values = array.tolist()
    twice = sorted({value for value in values if values.count(value) > 1}) if len(set(values)) < len(values) else []
    if twice:
        raise ValueError(f"{label} must be distinct; got {checks.shown(twice[0])} more than once")
    return values


def _parameters(parameters: Any) -> dict[str, Any]:
    if not isinstance(parameters, Mapping):
        raise ValueError(f"parameters must be a mapping of names to JSON values; got {checks.shown(parameters)}")
    for name, value in parameters.items():
        try:
            json.dumps({name: value}, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"parameters[{name!r}] must be a JSON value with finite numbers; got {checks.shown(value)}: {error}"
            ) from None
    # What the experiment gets on a first run is what a resumed run reads back.
    return json.loads(json.dumps(dict(parameters)))


def _batch(axes: dict[str, list[Any]], batch: Any, chunk: Any) -> dict[str, int]:
    """Points of each axis that the experiment gets at once, whether they are stored by themselves (``chunk``) or not."""
    for label, given in (("batch", batch), ("chunk", chunk)):
        if given is not None and not isinstance(given, Mapping):
            raise ValueError(
                f"{label} must be a mapping of axis names to numbers of points, or None; got {checks.shown(given)}"
            )
        for name, points in (given or {}).items():
            if name not in axes:
                raise ValueError(f"{label} must name axes among {', '.join(axes)}; got {checks.shown(name)}")
            checks.count(f"{label}[{name!r}]", points, at_least=1)
    twice = sorted(set(batch or {}) & set(chunk or {}))
    if twice:
        raise ValueError(f"batch and chunk must name different axes; got {twice[0]!r} in both")
    both = {**(batch or {}), **(chunk or {})}
    return {name: min(int(both.get(name, 1)), len(points)) for name, points in axes.items()}


def _pair(there: dict[str, Any], here: dict[str, Any], name: str) -> str:
    return ", ".join(
        f"{_short(side[name]) if name in side else 'absent'} {where}" for side, where in ((there, "there"), (here, "here"))
    )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:25]}...{text[-12:]}"
