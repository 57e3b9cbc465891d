"""`run`: an experiment's file in, its sweep's store out."""

import os
from pathlib import Path

import jax
import xarray as xr

from plastodyn.experiments import files, words
from plastodyn.experiments.checking import check
from plastodyn.experiments.document import Document, to_json
from plastodyn.experiments.files import search_in
from plastodyn.experiments.members import member
from plastodyn.experiments.reading import read
from plastodyn.sweeps import sweep
from plastodyn.types import Json


def run(
    experiment: str | os.PathLike[str] | Document,
    out: str | os.PathLike[str],
    *,
    workers: int | None = None,
    progress: bool = True,
    directory: str | os.PathLike[str] | None = None,
) -> xr.Dataset:
    """Run the experiment of a file, or go on with it, into a store. This runs the code of yours that the file names.

    Args:
        experiment: path of a TOML file, or a document.
        out: store to write; what is done there already is not done again, and a store of another experiment is refused.
        workers: processes; as many as cores unless given.
        progress: show a bar.
        directory: where the files lie that a document names, the current one unless given; of a file, its own directory.

    Returns:
        The store, as `plastodyn.sweep` returns it.

    Raises:
        ValueError: if the file is wrong, or the store holds something else.
        RuntimeError: if chunks failed.

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
    if isinstance(experiment, Document):
        place = Path(directory or ".")
        document = check(experiment, place)
    else:
        place = Path(experiment).parent
        document = read(experiment)
    search_in(place)
    with jax.enable_x64(document.run.precision == "double"):
        found = sweep(
            member,
            document.points(),
            store=out,
            seed=document.seed,
            parameters=parameters(document, place),
            chunk=document.run.batch,
            workers=workers,
            progress=progress,
        )
    # In the store a column stands at every point: there a coordinate has all axes or none.
    return found.assign_coords({name: (axis, column) for name, (axis, column) in document.columns().items()})


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
