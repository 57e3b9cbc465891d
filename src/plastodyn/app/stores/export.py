"""A store in other formats: CSV and Parquet as one long table, NetCDF as it is; whole in its place, or not there at all."""

import importlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from plastodyn import checks
from plastodyn.app.stores.netcdf import write_netcdf
from plastodyn.app.stores.reading import DONE, Contents
from plastodyn.app.stores.rows import Columns, named, pieces, table_of

_NEEDED = {".csv": None, ".nc": "netCDF4", ".parquet": "pyarrow"}


def check_export(out: Path, force: bool) -> None:
    """Refuse a file that cannot be written, before anything is read.

    Args:
        out: the file.
        force: whether one that is there may be replaced.

    Raises:
        ValueError: if its ending is none of these formats', what writes it is not installed, or it is there.

    >>> check_export(Path("results.txt"), False)
    Traceback (most recent call last):
    ...
    ValueError: --out must be a file ending in .csv, .nc or .parquet; got 'results.txt'
    """
    if out.suffix.lower() not in _NEEDED or out.is_dir():
        raise ValueError(f"--out must be a file ending in .csv, .nc or .parquet; got {str(out)!r}")
    needed = _NEEDED[out.suffix.lower()]
    if needed is not None:
        _needed(needed, out.suffix)
    if out.exists() and not force:
        raise ValueError(f"--out {str(out)!r} is there already; --force replaces it")
    if not out.resolve().parent.is_dir():
        raise ValueError(f"--out must be in a directory that exists; got {str(out)!r}")


def export(contents: Contents, out: Path, variables: list[str] | None, members: str) -> str:
    """Write a store in the format that the file's ending says.

    Args:
        contents: of the store.
        out: the file; its old content stays until the new one is whole.
        variables: names; all unless given, or, in a table, all that fit into one.
        members: ``done``, or ``all``, with each one's status and error beside it.

    Returns:
        What was written, in words, and what was left out.

    Raises:
        ValueError: if an argument is out of range, or the store is damaged.

    Source: this project.

    >>> import tempfile
    >>> from plastodyn.app.stores.example import example
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     out = Path(directory) / "steady.csv"
    ...     print(export(example(), out, ["steady"], "done"))
    ...     print(out.read_text().split())
    3 rows of steady; 1 member that is not done is left out
    ['rate,noise,steady', '0.1,0.0,1.0', '0.1,1.0,2.0', '0.2,0.0,1.5']
    """
    checks.one_of("--members", members, ("all", "done"))
    missing = int((contents.status != DONE).sum())
    what = "1 member that is not done is" if missing == 1 else f"{missing} members that are not done are"
    left = f"; {what} left out" if missing and members == "done" else ""
    kind = out.suffix.lower()
    if kind == ".nc":
        names = named(contents, variables)
        with _replacing(out) as beside:
            write_netcdf(contents, beside, names, members, bookkeeping=variables is None)
        return f"{', '.join(names)}{left.replace('left out', 'NaN, 0 or empty')}"
    table = table_of(contents, variables)
    parts = pieces(contents, table, members)
    with _replacing(out) as beside:
        rows = _write_csv(beside, parts) if kind == ".csv" else _write_parquet(beside, parts, contents)
    other = f"; over other dimensions, and to be named by --variables: {', '.join(table.other)}" if table.other else ""
    return f"{rows} rows of {', '.join(table.names)}{left}{other}"


def _needed(module: str, ending: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ValueError(f"--out {ending} needs {module}: pip install 'plastodyn[export]'") from None


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """A file beside the one that is wanted, which takes its place once it is whole."""
    beside = out.resolve().with_name(f".{out.stem[:100]}-{uuid.uuid4().hex}{out.suffix}")
    try:
        yield beside
        os.replace(beside, out)
    finally:
        beside.unlink(missing_ok=True)


def _write_csv(file: Path, parts: Iterator[Columns]) -> int:
    """Each number in as many digits as tell it from its neighbours."""
    rows = 0
    with file.open("w", newline="", encoding="utf-8") as stream:
        for place, columns in enumerate(parts):
            frame = pd.DataFrame(columns, copy=False)
            frame.to_csv(stream, index=False, header=place == 0, na_rep="nan", lineterminator="\n")
            rows += len(frame)
    return rows


def _write_parquet(file: Path, parts: Iterator[Columns], contents: Contents) -> int:
    pa, parquet = _needed("pyarrow", ".parquet"), _needed("pyarrow.parquet", ".parquet")
    header = next(parts)
    fields = []
    for name, column in header.items():
        kind = pa.string() if column.dtype.kind == "O" else pa.from_numpy_dtype(column.dtype)
        about = contents.data[name].attrs if name in contents.data.variables else {}
        fields.append(pa.field(name, kind, metadata={str(key): _text(value) for key, value in about.items()}))
    attributes = {str(key): _text(value) for key, value in contents.data.attrs.items()}
    schema = pa.schema(fields, metadata=attributes)
    rows = 0
    with parquet.ParquetWriter(file, schema) as writer:
        for columns in parts:
            arrays = [pa.array(columns[field.name], type=field.type, from_pandas=False) for field in fields]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            rows += len(next(iter(columns.values())))
    return rows


def _text(value: object) -> str:
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return value if isinstance(value, str) else json.dumps(value)
