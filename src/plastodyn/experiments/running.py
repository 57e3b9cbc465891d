"""`run`: an experiment's file in, its sweep's store out; `begin` for other machines to go on, `cost` for what it would take."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import xarray as xr

from plastodyn import checks, sweeps
from plastodyn.experiments import files, setting, words
from plastodyn.experiments.checking import check
from plastodyn.experiments.document import Document, from_json, to_json
from plastodyn.experiments.files import search_in
from plastodyn.experiments.members import member
from plastodyn.experiments.reading import read
from plastodyn.sweeps import store as stores
from plastodyn.sweeps.place import place_of
from plastodyn.types import Json

Source = str | os.PathLike[str] | Document
_MEMBER = f"{member.__module__}:{member.__qualname__}"
DIRECTORY = "directory"
"""The attribute of a store that says where files that its document names were sought."""


class _Asked(NamedTuple):
    """A document, and where files that it names lie."""

    document: Document
    directory: Path

    def sweep(self) -> dict[str, Any]:
        """Its sweep, by the names of the arguments of `plastodyn.sweep`."""
        return {
            "experiment": member,
            "axes": self.document.points(),
            "seed": self.document.seed,
            "parameters": parameters(self.document, self.directory),
            "batch": self.document.run.batch,
        }

    def attributes(self, others: Mapping[str, str] | None) -> dict[str, str]:
        """What a new store keeps besides."""
        return {DIRECTORY: str(self.directory.resolve()), **(others or {})}

    def precision(self) -> Any:
        """The block in which it is run."""
        return jax.enable_x64(self.document.run.precision == "double")


def _asked(experiment: Source, directory: str | os.PathLike[str] | None) -> _Asked:
    if isinstance(experiment, Document):
        place = Path(directory or ".")
        found = _Asked(check(experiment, place), place)
    else:
        found = _Asked(read(experiment), Path(experiment).parent)
    if words.sources(found.document):
        search_in(found.directory)
    return found


def run(
    experiment: Source,
    out: str | os.PathLike[str],
    *,
    workers: int | None = None,
    executor: Any = None,
    attributes: Mapping[str, str] | None = None,
    progress: bool = True,
    directory: str | os.PathLike[str] | None = None,
) -> xr.Dataset:
    """Run the experiment of a file, or go on with it, into a store. This runs the code of yours that the file names.

    Args:
        experiment: path of a TOML file, or a document.
        out: store to write; what is done there already is not done again, and a store of another experiment is refused.
        workers: processes; as many as cores unless given.
        executor: computes instead of local processes, as `plastodyn.sweep` takes it.
        attributes: texts to keep with a new store.
        progress: show a bar.
        directory: where the files lie that a document names, the current one unless given; of a file, its own directory.

    Returns:
        The store, as `plastodyn.sweep` returns it.

    Raises:
        ValueError: if the file is wrong, or the store holds something else.
        RuntimeError: at the end, if members failed.

    Source: this project.

    >>> import tempfile
    >>> text = '''
    ... [circuit]
    ... name = "tracking"
    ... [rule]
    ... name = "early"
    ... rate = "= rate"
    ... [axes]
    ... rate = [0.1, 0.5]
    ... [run]
    ... steps = 3
    ... '''
    >>> with tempfile.TemporaryDirectory() as place:
    ...     _ = (Path(place) / "my.toml").write_text(text)
    ...     found = run(place + "/my.toml", place + "/my.zarr", workers=1)
    ...     print([f"{loss:.4f}" for loss in found.loss.isel(replica=0, step=-1).values])
    ['0.2657', '0.0078']
    """
    asked = _asked(experiment, directory)
    with asked.precision():
        found = sweeps.sweep(
            **asked.sweep(),
            store=out,
            workers=workers,
            executor=executor,
            attributes=asked.attributes(attributes),
            progress=progress,
        )
    # In the store a column stands at every point: there a coordinate has all axes or none.
    return found.assign_coords({name: (axis, column) for name, (axis, column) in asked.document.columns().items()})


def begin(
    experiment: Source,
    out: str | os.PathLike[str],
    *,
    workers: int | None = None,
    attributes: Mapping[str, str] | None = None,
    directory: str | os.PathLike[str] | None = None,
) -> None:
    """Make the store of an experiment and compute its first batch only; `plastodyn.sweeps.work` goes on with it.

    Args:
        experiment: path of a TOML file, or a document.
        out: store to write; nothing is done where it is there already.
        workers: that will work at it: there are several chunks for each.
        attributes: texts to keep with it.
        directory: where files that it names lie: beside the file, or the current one for a document, unless given.

    Raises:
        ValueError: if the file is wrong, or the store holds something else.
        RuntimeError: if the members that were tried failed.

    Source: this project.

    >>> import tempfile
    >>> from plastodyn.experiments.document import from_json
    >>> content = {"circuit": {"name": "tracking"}, "rule": {"name": "early", "rate": "= rate"}, "run": {"steps": 3},
    ...            "axes": {"rate": [0.1, 0.5]}}
    >>> with tempfile.TemporaryDirectory() as place:
    ...     begin(from_json(content), place + "/my.zarr")
    ...     sweeps.work(place + "/my.zarr", workers=1).left
    0
    """
    asked = _asked(experiment, directory)
    with asked.precision():
        sweeps.begin(**asked.sweep(), store=out, workers=workers, attributes=asked.attributes(attributes))


def cost(experiment: Source, *, workers: int | None = None, directory: str | os.PathLike[str] | None = None) -> sweeps.Cost:
    """What an experiment would take, by up to three of its batches; nothing is written.

    Args:
        experiment: path of a TOML file, or a document.
        workers: that would work at it.
        directory: where files that it names lie, as in `run`.

    Returns:
        As `plastodyn.sweeps.cost`.

    Raises:
        ValueError: if the file is wrong.
        RuntimeError: if the members that were tried failed.

    Source: this project.

    >>> from plastodyn.experiments.document import from_json
    >>> content = {"circuit": {"name": "tracking"}, "rule": {"name": "early", "rate": "= rate"}, "run": {"steps": 3},
    ...            "axes": {"rate": [0.1, 0.5]}}
    >>> cost(from_json(content)).layout.batch
    (2,)
    """
    asked = _asked(experiment, directory)
    with asked.precision():
        return sweeps.cost(**asked.sweep(), workers=workers)


def circuit_of(document: Document, point: Mapping[str, Any], directory: str | os.PathLike[str] = ".") -> Any:
    """The circuit that a document has at a point of its axes: what its members were made of, to measure it by other means.

    Args:
        document: of an experiment.
        point: the values of those axes that the circuit depends on.
        directory: where files that it names lie.

    Returns:
        The circuit; a list where there is one for each replica.

    Raises:
        ValueError: if an axis is not known, or the circuit cannot be built.

    Source: this project.

    >>> from plastodyn.experiments.document import from_json
    >>> content = {"circuit": {"name": "tracking", "weights": ["= size"]}, "rule": {"name": "early"}, "run": {"steps": 3},
    ...            "axes": {"size": [0.1, 0.5]}}
    >>> circuit_of(from_json(content), {"size": 0.5}).weights.tolist()
    [0.5]
    """
    first = {name: points[0] for name, points in document.points().items()}
    for name in point:
        checks.one_of("point", name, first)
    place = Path(directory)
    search_in(place)
    opened = files.Opened(files.digests(words.sources(document), place))
    with jax.enable_x64(document.run.precision == "double"):
        return setting.circuit_at(setting.at(document, {**first, **point}, opened))


class Code(NamedTuple):
    """Whose code a store runs: files and modules that it names, and where they were sought when it was made."""

    names: list[str]
    directory: str


def code_of(document: Document) -> list[str]:
    """The files and modules of the user's whose code a document runs.

    Args:
        document: of an experiment.

    Source: this project.

    >>> from plastodyn.experiments.document import from_json
    >>> code_of(from_json({"axes": {"n": [1]}, "experiment": {"function": "my.py:f"}}))
    ['my.py']
    """
    found = {word.text.split(":")[0] for word in words.words(document) if files.is_users(word.text)}
    return sorted(name for name in found if not _is_ours(name))


def find_code(store: str | os.PathLike[str]) -> Code:
    """Let what a store runs be found where its file lay, besides in the current directory; nothing is run yet.

    Args:
        store: of an experiment's file, or of any sweep.

    Returns:
        What will be run.

    Raises:
        ValueError: if there is no store, or a file or module that it names has changed since it was made.

    Source: this project.

    >>> import tempfile
    >>> from plastodyn.experiments.document import from_json
    >>> content = {"circuit": {"name": "tracking"}, "rule": {"name": "early", "rate": "= rate"}, "run": {"steps": 3},
    ...            "axes": {"rate": [0.1, 0.5]}}
    >>> with tempfile.TemporaryDirectory() as place:
    ...     begin(from_json(content), place + "/my.zarr")
    ...     find_code(place + "/my.zarr").names
    []
    """
    place = place_of(store)
    specification = stores.specification_of(place)
    module = specification.experiment.split(":")[0]
    names = [] if _is_ours(module) else [module]
    digests: dict[str, str] = {}
    if specification.experiment == _MEMBER:
        names += code_of(from_json(specification.parameters["document"]))
        digests = specification.parameters.get("files") or {}
    directory = str(stores.group(place).attrs.get(DIRECTORY, Path.cwd()))
    # Only where something is sought: what lies in a directory of modules may be imported unasked. The file's own comes first.
    if names or digests:
        if not Path(directory).is_absolute() or Path(directory).resolve().is_relative_to(place.resolve()):
            raise ValueError(f"store must tell the directory of its file, which is not in the store; got {directory!r}")
        search_in(directory)
        search_in(".")
    files.refuse_changed(digests)
    return Code(names, directory)


def _is_ours(name: str) -> bool:
    """Whether code of a module runs without being said: that of members of files, and of papers; others may run anything."""
    return name == member.__module__ or (name.startswith("plastodyn.papers.") and not files.is_path(name))


def parameters(document: Document, directory: str | os.PathLike[str] = ".") -> Json:
    """What `member` gets besides point and key: the document, and what the files that it names hold, by their SHA-256.

    Args:
        document: resolved by `check` or `read`.
        directory: where the files lie.

    Raises:
        ValueError: if one is not there.

    Source: this project.

    >>> from plastodyn.experiments.document import from_json
    >>> sorted(parameters(from_json({"axes": {"n": [1]}, "experiment": {"function": "json.tool:main"}})))
    ['document', 'files']
    """
    return {"document": to_json(document), "files": files.digests(words.sources(document), Path(directory))}
