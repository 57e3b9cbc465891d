"""Reproduce a paper's figures: compute, write picture, data and claims as each figure is done."""

import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import xarray as xr

from plastodyn.papers import SIZES, Claim, PaperFigure, Place, Reproduction, place_of
from plastodyn.simulation import Interrupted
from plastodyn.sweeps.store import CODECS

Entry = dict[str, str | float | bool | None]
"""A claim in ``claims.json``, with the size and seed of its run."""
_CLAIMS = "claims.json"
_NAMES = ("paper", "figure", "name")


def save(data: xr.Dataset | xr.DataTree, place: Path) -> None:
    """Write to a Zarr store that any Zarr 3 library reads: text as variable-length strings, a checksum in each file.

    The store is there at once when it is whole: what was there before stays until then.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     save(xr.Dataset(coords={"rule": ["gradient", "newton"]}), Path(directory) / "a.zarr")
    ...     xr.open_zarr(Path(directory) / "a.zarr").rule.values.tolist()
    ['gradient', 'newton']
    """
    tree = (data if isinstance(data, xr.DataTree) else xr.DataTree(data)).map_over_datasets(_plain_text)
    nodes = {node.path: node.to_dataset(inherit=False) for node in tree.subtree}
    encoding = {path: {name: {"compressors": CODECS} for name in node.variables} for path, node in nodes.items()}
    place.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as beside, warnings.catch_warnings():
        # Consolidated metadata make a store quick to open; readers that do not know them pass them over.
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        new, old = Path(beside) / "new", Path(beside) / "old"
        tree.to_zarr(new, mode="w", encoding=encoding)
        with _alone(place.with_name(f".{_CLAIMS}.lock")):
            if place.exists():
                os.replace(place, old)
            os.replace(new, place)


def _plain_text(data: xr.Dataset) -> xr.Dataset:
    text = {name: values.astype(object) for name, values in data.coords.items() if values.dtype.kind == "U"}
    return data.assign_coords(text)


@contextmanager
def keep_partial(stem: Path, say: Callable[[str], None]) -> Iterator[None]:
    """On Ctrl-C inside the block, write what was recorded to ``stem-partial.zarr``, then let the interruption through.

    >>> with keep_partial(Path("out/demo"), print):
    ...     pass
    """
    try:
        yield
    except Interrupted as stop:
        place = stem.with_name(stem.name + "-partial.zarr")
        save(stop.dataset, place)
        say(f"  interrupted; what was recorded is in {place}")
        raise


@contextmanager
def _say_what_is_kept(sweeps: Path, say: Callable[[str], None]) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as stop:
        if sweeps.is_dir() and not isinstance(stop, Interrupted):
            say(f"  interrupted; finished parts of sweeps are kept in {sweeps}, and the same command goes on from them")
        raise


def reproduce(
    paper: str,
    figures: Sequence[PaperFigure],
    size: str,
    out: Path,
    seed: int,
    say: Callable[[str], None],
    workers: int | None = None,
) -> list[Claim]:
    """Compute figures of a paper and write ``PAPER-FIGURE.png``, ``.svg``, ``.zarr`` and ``claims.json`` to ``out``.

    Where the figure is there already at a larger size it is left, and the new files are called ``PAPER-FIGURE-SIZE``.

    Args:
        paper: its name.
        figures: those of the paper that `papers.select` found.
        size: ``smoke``, ``standard`` or ``full``.
        out: existing directory.
        seed: of the random key; each figure folds in its own place, so that one figure alone gives the same result.
        say: receives a line for each figure begun and done.
        workers: processes for a sweep; one for each core unless given.

    Returns:
        The claims.

    Raises:
        Interrupted: on Ctrl-C, after what was recorded has been written to ``PAPER-FIGURE-partial.zarr``.
    """
    claims: list[Claim] = []
    read_claims(out)
    sweeps = Place(out / "sweeps", workers)
    for item in figures:
        say(f"{paper} {item.name}: {item.title} ({size}, about {item.seconds[size]} s on two cores)")
        started = time.monotonic()
        stem = _stem(out, paper, item.name, size, read_claims(out))
        key = jax.random.fold_in(jax.random.key(seed), place_of(paper, item))
        with keep_partial(stem, say), _say_what_is_kept(sweeps.directory, say):
            result = item.make(size, key, sweeps)
        _write(result, item.name, size, stem)
        claims += result.claims
        _add(out, [{**claim.as_json(), "size": size, "seed": seed} for claim in result.claims])
        say(f"  {time.monotonic() - started:.0f} s, {stem.with_suffix('.png')}")
    return claims


def _stem(out: Path, paper: str, figure: str, size: str, kept: list[Entry]) -> Path:
    """Where the files of a figure go, without their ending: a smaller size does not take the place of a larger one."""
    stem = out / f"{paper}-{figure}"
    there = [entry.get("size") for entry in kept if (entry["paper"], entry["figure"]) == (paper, figure)]
    larger = any(size_there in SIZES[SIZES.index(size) + 1 :] for size_there in there)
    return stem.with_name(f"{stem.name}-{size}") if larger and stem.with_suffix(".png").exists() else stem


def read_claims(out: Path) -> list[Entry]:
    """The claims that earlier runs left in a directory, whatever their paper, figure and size.

    Args:
        out: the directory.

    Raises:
        ValueError: if its ``claims.json`` is not one of these.

    >>> read_claims(Path("no such directory"))
    []
    """
    place = out / _CLAIMS
    if not place.exists():
        return []
    try:
        found = json.loads(place.read_text())
        named = all(isinstance(entry, dict) and all(isinstance(entry.get(n), str) for n in _NAMES) for entry in found)
    except (ValueError, TypeError, OSError) as error:
        raise ValueError(f"--out: {place} must hold the claims of earlier runs, or not exist; {error}") from None
    if not isinstance(found, list) or not named:
        raise ValueError(f"--out: {place} must hold the claims of earlier runs, or not exist; it holds something else")
    return found


def _add(out: Path, new: list[Entry]) -> None:
    """Put claims beside those that are there by now; one process at a time, since several may write to one directory."""
    with _alone(out / f".{_CLAIMS}.lock"):
        _replace(out / _CLAIMS, json.dumps(_merged(read_claims(out), new), indent=2) + "\n")


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process is in this block; the system lets go of the lock of a process that dies."""
    with lock.open("w") as file:
        # A system without it (Windows) goes on without.
        with suppress(ImportError, OSError):
            import fcntl  # noqa: PLC0415 - as above

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _merged(earlier: list[Entry], new: list[Entry]) -> list[Entry]:
    """The new entries in the place of all of the same paper, figure and size: what is claimed may have changed."""

    def run(entry: Entry) -> tuple[str, ...]:
        return tuple(str(entry.get(name)) for name in ("paper", "figure", "size"))

    again = {run(entry) for entry in new}
    return [entry for entry in earlier if run(entry) not in again] + new


def _replace(place: Path, text: str) -> None:
    """At once, so that a run that is killed leaves the old file or the new one."""
    beside = place.with_name(f".{place.name}-{os.getpid()}")
    beside.write_text(text)
    os.replace(beside, place)


def _write(result: Reproduction, name: str, size: str, stem: Path) -> None:
    for ending in (".png", ".svg"):
        result.figure.savefig(stem.with_suffix(ending), bbox_inches="tight")
    save(result.data.assign_attrs(figure=name, size=size), stem.with_suffix(".zarr"))
