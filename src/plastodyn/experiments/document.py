"""What an experiment's file says, as data: plain tables, checked in their shape alone."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from plastodyn import checks
from plastodyn.experiments import faults
from plastodyn.experiments.axes import MOST_MEMBERS, AxisForm, Seeds, Zipped, check_name, points_of
from plastodyn.experiments.expressions import CONSTANTS, FUNCTIONS
from plastodyn.experiments.faults import Fault
from plastodyn.experiments.fields import (
    AtLeastOne,
    Finite,
    NotNegative,
    Number,
    Positive,
    Seed,
    Start,
    Steps,
    Table,
    check_plain,
)
from plastodyn.types import Json

NUMBER_OF_WEIGHTS = "number_of_weights"
_RECORDED = ("loss", "weight_norm")
"""What a run records unless it is told, of which one."""
_RESERVED = {*FUNCTIONS, *CONSTANTS, NUMBER_OF_WEIGHTS}
_COLUMNS = "columns"
_ORDER = "order"
"""Where the JSON of a document keeps the order of tables in which it counts: JSON itself may lose it."""
_ORDERED = ("axes", "record", "analysis")


class Component(Table):
    """A circuit, rule or fluctuation by its name, and its arguments."""

    model_config = ConfigDict(extra="allow")
    name: str = Field(description="in the registry, or a factory of yours: file.py:name")
    times: Number | None = Field(default=None, description="what a rule or fluctuation is multiplied by")

    @property
    def arguments(self) -> Json:
        """What is handed to the component."""
        return dict(self.model_extra or {})


class Until(Table):
    """When a member is done, and how often that is asked."""

    function: str = Field(description="of the moment, file.py:name")
    every: AtLeastOne = Field(default=1000, description="steps")


class Run(Table):
    """How long, how often and how exactly."""

    steps: Steps | None = Field(default=None, description="number of discrete steps")
    duration: Positive | None = Field(default=None, description="of a flow, in units of time")
    dt: Positive | None = Field(default=None, description="step of a flow, in units of time")
    solver: str | dict[str, Any] | None = Field(default=None, description="of a flow, a name of plastodyn.solvers")
    replicas: AtLeastOne = Field(default=1, description="members at each point")
    until: str | Until | None = Field(default=None, description="a function of the moment, true of a member that is done")
    precision: Literal["single", "double"] = Field(default="single", description="of all numbers")
    batch: dict[str, AtLeastOne] = Field(default={}, description="points of an axis computed in one call")


class Record(Table):
    """When a variable is recorded, and what is kept of it."""

    function: str | None = Field(default=None, description="file.py:name, or an observable; the key itself unless given")
    start: Start = Field(default=0, description="first step; below 0 counts from the end")
    stop: NotNegative | None = Field(default=None, description="last step; the end unless given")
    every: AtLeastOne = Field(default=1, description="steps")
    keep: Literal["all", "mean", "last", "lowest", "highest"] = Field(default="all", description="of the recorded steps")


class Analysis(Table):
    """A function evaluated at the end of each member, and its arguments."""

    model_config = ConfigDict(extra="allow")
    function: str = Field(description="dotted name in measure or theory, or your own: file.py:name")
    keep: bool = Field(default=True, description="store the result")
    beside: str | None = Field(default=None, description="the recorded variable that this is the theory of")
    units: str | None = Field(default=None, description="of the result")
    dims: list[str] | None = Field(default=None, description="names of the dimensions of an array")

    @property
    def arguments(self) -> Json:
        """What is handed to the function."""
        return dict(self.model_extra or {})


class Experiment(Table):
    """A function of one's own in place of circuit, rule and analysis, and its parameters."""

    model_config = ConfigDict(extra="allow")
    function: str = Field(description="experiment(point, key, **parameters), module:name or file.py:name")

    @property
    def parameters(self) -> Json:
        """What is handed to the function besides point and key."""
        return dict(self.model_extra or {})


def _several(value: Any) -> Any:
    return [value] if isinstance(value, Mapping | Component) else value


Components = Annotated[list[Component], BeforeValidator(_several)]


class Document(Table):
    """An experiment as its file describes it."""

    title: str | None = Field(default=None, description="one line")
    seed: Seed = Field(default=0, description="of all that is drawn")
    constants: dict[str, Finite] = Field(default={}, description="numbers, for expressions")
    circuit: Component | None = Field(default=None, description="what learns")
    rule: Components = Field(default=[], description="how its weights change: one table, or several, their sum")
    fluctuation: Components = Field(default=[], description="how its weights fluctuate: one table, or several, their sum")
    axes: dict[str, AxisForm] = Field(description="at least one; the result is over their product")
    run: Run = Field(default=Run(), description="how long, how often, how exactly")
    record: dict[str, Record] = Field(default={}, description="variables over time; the loss unless given")
    analysis: dict[str, Analysis] = Field(default={}, description="functions at the end of each member, in order")
    experiment: Experiment | None = Field(default=None, description="a function of one's own in place of all these")

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        check_plain(value.model_dump() if isinstance(value, Document) else value)
        return value

    @model_validator(mode="after")
    def _whole(self) -> "Document":
        _check_names(self)
        _check_members(self)
        (_check_described if self.experiment is None else _check_own)(self)
        return self

    def points(self) -> dict[str, list[Any]]:
        """The axes, as `plastodyn.sweep` takes them."""
        return {name: points_of(form) for name, form in self.axes.items()}

    def columns(self) -> dict[str, tuple[str, list[Any]]]:
        """For each column of a zipped axis, the axis and its values along it."""
        zipped = {axis: form for axis, form in self.axes.items() if isinstance(form, Zipped)}
        return {name: (axis, column) for axis, form in zipped.items() for name, column in form.zip.items()}

    def seed_axes(self) -> list[str]:
        """The axes that change what is drawn."""
        return [name for name, form in self.axes.items() if isinstance(form, Seeds)]


def to_json(document: Document) -> Json:
    """A document as plain JSON, from which `from_json` makes it again whatever happens to the order of keys.

    Args:
        document: of an experiment.

    Source: this project.

    >>> document = from_json({"experiment": {"function": "my.py:f"}, "axes": {"b": [1], "a": [2]}})
    >>> to_json(document)["order"]["axes"]
    ['b', 'a']
    """
    content = document.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    order: Json = {name: list(content[name]) for name in _ORDERED if name in content}
    forms = content.get("axes", {})
    columns = {axis: list(form["zip"]) for axis, form in forms.items() if isinstance(form, dict) and "zip" in form}
    return {**content, _ORDER: order | ({_COLUMNS: columns} if columns else {})}


def from_json(content: Json) -> Document:
    """Undo `to_json`.

    Args:
        content: what it gave, or a file's content.

    Raises:
        ValueError: if it is no document.

    Source: this project.

    >>> from_json({"axes": {"rate": []}, "experiment": {"function": "my.py:f"}})
    Traceback (most recent call last):
    ...
    plastodyn.experiments.faults.Fault: axes.rate must be a non-empty list of numbers or texts; got []
    """
    content = dict(content)
    order = dict(content.pop(_ORDER, {}))
    columns = order.pop(_COLUMNS, {})
    content |= {name: {key: content[name][key] for key in keys} for name, keys in order.items()}
    for axis, names in columns.items():
        zipped = content["axes"][axis]["zip"]
        content["axes"] = {**content["axes"], axis: {"zip": {name: zipped[name] for name in names}}}
    try:
        return Document.model_validate(content)
    except ValidationError as error:
        raise faults.faults_of(error)[0] from None


def _check_names(document: Document) -> None:
    if not document.axes:
        raise Fault(("axes",), "must hold at least one axis; got none")
    homes: dict[str, tuple[str | int, ...]] = {}
    places = [("axes", name) for name in document.axes] + [("constants", name) for name in document.constants]
    places += [("axes", axis, "zip", name) for name, (axis, _) in document.columns().items()]
    for axis, form in document.axes.items():
        for name in form.zip if isinstance(form, Zipped) else ():
            if document.columns()[name][0] != axis:
                raise Fault(
                    ("axes", document.columns()[name][0], "zip", name),
                    f"must have a name that {axis} has not taken; got {name!r}",
                )
    for path in places:
        name = str(path[-1])
        check_name(name, path)
        if name in _RESERVED:
            raise Fault(path, f"must have another name than {', '.join(sorted(_RESERVED))}; got {name!r}")
        if name in homes:
            raise Fault(path, f"must have a name of its own; got {name!r}, which {faults.shown(homes[name])} has")
        homes[name] = path


def _check_members(document: Document) -> None:
    total = document.run.replicas
    for form in document.axes.values():
        total *= len(form) if isinstance(form, list) else form.count()
    if total > MOST_MEMBERS:
        raise Fault(("axes",), f"must make at most {MOST_MEMBERS} members, points times replicas; got {total}")
    for name in document.run.batch:
        faults.among(("run", "batch", name), name, document.axes, "an axis:")


def _check_described(document: Document) -> None:
    """Circuit, rule or fluctuation, and a time span."""
    for name in ("circuit", "rule"):
        if not getattr(document, name) and not (name == "rule" and document.fluctuation):
            raise Fault((name,), f"must be given as a table [{name}], or [experiment] in place of all; got nothing")
    run = document.run
    if document.circuit and document.circuit.times is not None:
        raise Fault(("circuit", "times"), f"is for rules and fluctuations; got {checks.shown(document.circuit.times)}")
    if run.steps is None and (run.duration is None or run.dt is None):
        raise Fault(("run",), "must have steps, or duration and dt; got neither")
    if run.steps is not None and (run.duration is not None or run.dt is not None):
        name = "dt" if run.duration is None else "duration"
        raise Fault(("run", name), f"is for flows, steps for discrete updates: give one; got {getattr(run, name)} beside steps")
    if run.steps is not None and run.solver is not None:
        raise Fault(("run", "solver"), f"is for flows, of duration and dt; got {checks.shown(run.solver)} beside steps")
    _check_results(document)


def _check_results(document: Document) -> None:
    """Whatever a member stores has a name of its own."""
    taken = {*document.axes, *document.columns()}
    for name in document.record:
        if name != "weights":
            check_name(name, ("record", name))
        if name in taken or name.startswith("status"):
            raise Fault(("record", name), f"must have another name than axes and status; got {name!r}")
    recorded = set(document.record) or set(_RECORDED)
    for name in sorted(taken & recorded):
        raise Fault(("axes", name), f"must have another name than what is recorded; got {name!r}")
    for name, analysis in document.analysis.items():
        check_name(name, ("analysis", name))
        if name in taken | recorded:
            raise Fault(("analysis", name), f"must have another name than axes and recorded variables; got {name!r}")
        for dim in analysis.dims or []:
            check_name(dim, ("analysis", name, "dims"))
            if dim in taken:
                raise Fault(("analysis", name, "dims"), f"must have other names than axes; got {dim!r}")


def _check_own(document: Document) -> None:
    """A function of one's own does all but batches and precision."""
    for name in ("circuit", "rule", "fluctuation", "record", "analysis"):
        if getattr(document, name):
            raise Fault((name,), "must not stand beside [experiment], which is in place of it; got both")
    for name in document.run.model_fields_set - {"batch", "precision"}:
        raise Fault(("run", name), f"must not stand beside [experiment], [run] of which takes batch and precision; got {name}")
