"""Tables of synapses and of changes, read from files: ids to the last digit, and a reason for every row left out."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
import pandas as pd

from plastodyn import checks
from plastodyn.synapses.layouts import SOURCES, Layout, recognised
from plastodyn.types import Floats

_EXACT = 2**53
"""Up to here a float holds every whole number."""
_NO_ID = ("", "-", "?", "na", "n/a", "#n/a", "<na>", "nan", "none", "null", "unknown")
"""What stands for no id, in small letters."""
_ROUNDED = r"[+-]?\d+(\.\d*)?[eE][+-]?\d+"
_EXCEL = (".xls", ".xlsx")


class Synapses(NamedTuple):
    """Synapses that can be compared: who makes each of them, and how large it is or how much it changed.

    ``value`` is log10 of the size, or where sizes were measured at two times the change of log10 size; ``second`` log10 of
    a second measure of the same size, NaN where it is missing, or None. ``left_out`` counts rows by the reason;
    ``unit`` is that of sizes, where it is known.
    """

    axon: np.ndarray
    dendrite: np.ndarray
    value: Floats
    second: Floats | None
    of: str
    rows_read: int
    left_out: dict[str, int]
    source: str
    unit: str = ""


def read(
    path: str | Path,
    *,
    source: str | None = None,
    axon: str | None = None,
    dendrite: str | None = None,
    size: str | None = None,
    second_size: str | None = None,
    later_size: str | None = None,
) -> Synapses:
    r"""Read a table of synapses, one a row: CSV, TSV, XLS or XLSX with headings in its first row.

    Where no column is named and the table is laid out as one of `SOURCES`, it is read as such. Ids are kept as text: they
    may have 64 bits, which floats do not hold. Rows without an id, without a size above 0, or that the source's layout
    does not count, are left out and counted in ``left_out``.

    Args:
        path: the file; Excel's formats need the extra ``tables``.
        source: name of a layout among `SOURCES`; by default the one that the headings show.
        axon: heading of the column of axon ids, instead of the layout's.
        dendrite: heading of the column of dendrite ids, instead of the layout's.
        size: heading of the column of sizes, in any unit, instead of the layout's.
        second_size: heading of a second measure of the same sizes, in any unit, instead of the layout's.
        later_size: heading of the sizes at a later time, in the unit of ``size``: changes of log10 size are compared then.

    Returns:
        `Synapses`.

    Raises:
        ValueError: if the file cannot be read, a column is missing, ids were rounded by whoever wrote them, no row is left,
            or ``later_size`` is given with ``second_size``.

    Source: the layouts name theirs; see `SOURCES`.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "synapses.csv"
    >>> written = file.write_text("axon,dendrite,size\n648518346349539437,7,0.1\n648518346349539438,7,1.0\n3,7,\n")
    >>> found = read(file)
    >>> found.axon.tolist(), found.value.tolist(), found.left_out
    (['648518346349539437', '648518346349539438'], [-1.0, 0.0], {'no size above 0': 1})
    """
    named = {"axon": axon, "dendrite": dendrite, "size": size, "second_size": second_size}
    for name, heading in {**named, "later_size": later_size}.items():
        if heading is not None and not isinstance(heading, str):
            checks.refuse(name, heading, "a heading of the table, or None")
    if source is not None:
        checks.one_of("source", source, SOURCES)
    if later_size is not None and second_size is not None:
        raise ValueError("later_size cannot be given with second_size: a second measure of changes is not known here")
    cells, headings = _table("path", path)
    layout = _chosen(source, headings, named)
    return _synapses(cells, headings, layout, later_size)


def read_changes(path: str | Path, *, change: str = "change", condition: str = "condition") -> tuple[Floats, Floats]:
    r"""Read changes of synapses with plasticity on and with plasticity blocked, one a row.

    Args:
        path: CSV, TSV, XLS or XLSX with headings in its first row.
        change: heading of the changes, in any unit, all over the same interval of time.
        condition: heading of the condition of each row: ``on`` or ``blocked``.

    Returns:
        The changes with plasticity on, and those with it blocked.

    Raises:
        ValueError: if the file cannot be read, a column is missing, or a row holds another condition or no number.

    Source: this project.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "changes.csv"
    >>> written = file.write_text("condition,change\non,0.5\nblocked,-0.25\non,-0.5\n")
    >>> [each.tolist() for each in read_changes(file)]
    [[0.5, -0.5], [-0.25]]
    """
    for name, heading in (("change", change), ("condition", condition)):
        if not isinstance(heading, str):
            checks.refuse(name, heading, "a heading of the table")
    cells, headings = _table("path", path)
    values = _numbers(_column(cells, headings, "change", change))
    said = [str(cell).strip().lower() for cell in _column(cells, headings, "condition", condition)]
    other = sorted(set(said) - {"on", "blocked"})
    if other:
        checks.refuse("condition", other[0], f"on or blocked in every row of column {condition!r}")
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values))) + 1
        raise ValueError(f"change must be a number in every row of column {change!r}; got none in row {row}")
    on = np.array([each == "on" for each in said], bool)
    return values[on], values[~on]


def headings_of(path: str | Path) -> list[str]:
    r"""The first line of every heading of a table, by which columns are named.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "changes.csv"
    >>> written = file.write_text("condition,change\non,0.5\n")
    >>> headings_of(file)
    ['condition', 'change']
    """
    return _headings(_cells("path", path, rows=1)[0])


def from_arrays(
    axon: Sequence[object] | np.ndarray,
    dendrite: Sequence[object] | np.ndarray,
    size: Sequence[float] | Floats,
    *,
    second_size: Sequence[float] | Floats | None = None,
    later_size: Sequence[float] | Floats | None = None,
) -> Synapses:
    """Synapses from arrays of one entry a synapse.

    Args:
        axon: ids, whole numbers or texts, shape (n,).
        dendrite: ids, whole numbers or texts, shape (n,).
        size: sizes above 0, in any unit, shape (n,).
        second_size: a second measure of the same sizes, above 0, in any unit.
        later_size: sizes at a later time, above 0, in the unit of ``size``: changes of log10 size are compared then.

    Returns:
        `Synapses`.

    Raises:
        ValueError: if ids are no whole numbers or texts, sizes not above 0, lengths differ, or ``later_size`` is given
            with ``second_size``.

    Source: this project.

    >>> from_arrays([1, 1], [7, 7], [0.1, 1.0], later_size=[1.0, 1.0]).value.tolist()
    [1.0, 0.0]
    """
    ids = {"axon": _checked_ids("axon", axon), "dendrite": _checked_ids("dendrite", dendrite)}
    sizes: dict[str, Floats] = {}
    for name, values in (("size", size), ("second_size", second_size), ("later_size", later_size)):
        if values is not None or name == "size":
            checks.number(name, values, above=0)
            sizes[name] = np.asarray(values, float)
    for name, values in {**ids, **sizes}.items():
        if values.shape != ids["axon"].shape:
            raise ValueError(
                f"{name} must have one entry a synapse, as axon; got shapes {values.shape} and {ids['axon'].shape}"
            )
    if len(sizes) == 3:
        raise ValueError("later_size cannot be given with second_size: a second measure of changes is not known here")
    logs = {name: np.log10(values) for name, values in sizes.items()}
    value = logs["later_size"] - logs["size"] if later_size is not None else logs["size"]
    of = "changes" if later_size is not None else "sizes"
    return Synapses(ids["axon"], ids["dendrite"], value, logs.get("second_size"), of, len(value), {}, "arrays")


def _checked_ids(name: str, values: object) -> np.ndarray:
    try:
        found = np.asarray(values)
    except Exception:  # Objects of other libraries fail in any way when they are read as arrays.
        found = np.zeros(0)
    if isinstance(values, str | bytes) or found.ndim != 1 or not found.size or found.dtype.kind not in "iuU":
        checks.refuse(name, values, "a list of ids, whole numbers or texts")
    return found


def _table(name: str, path: object) -> tuple[np.ndarray, list[str]]:
    """The cells below the headings, texts or what Excel holds, and the headings."""
    cells = _cells(name, path)
    if len(cells) < 2:
        checks.refuse(name, str(path), "a table of headings and at least one row")
    return cells[1:], _headings(cells[0])


def _headings(cells: np.ndarray) -> list[str]:
    return [" ".join((str(cell).strip().splitlines() or [""])[0].split()) for cell in cells]


def _cells(name: str, path: object, rows: int | None = None) -> np.ndarray:
    """The first rows of a file, or all of them."""
    if not isinstance(path, str | Path) or not str(path):
        checks.refuse(name, path, "the path of a CSV, TSV, XLS or XLSX file")
    file = Path(path)
    try:
        there = file.is_file()
    except (OSError, ValueError):  # A name that is too long, or holds a zero byte.
        there = False
    if not there:
        checks.refuse(name, str(path), "the path of a file that is there")
    reader = _excel if file.suffix.lower() in _EXCEL else _text
    try:
        return reader(file, rows).to_numpy(object)
    except ImportError as error:
        needs = f"{name} must be a CSV file, or Excel's with the extra tables: pip install 'plastodyn[tables]'"
        raise ValueError(f"{needs}; got {file.name!r} without {error.name or 'its reader'}") from None
    except Exception as error:  # Whatever a damaged file does to its reader.
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{name} must be a table that can be read; got {str(path)!r}: {first}") from None


def _text(file: Path, rows: int | None) -> pd.DataFrame:
    separator = "\t" if file.suffix.lower() == ".tsv" else ","
    # Everything as text: an id of 64 bits would become a float where one row has none.
    reading = {"header": None, "dtype": str, "keep_default_na": False, "encoding": "utf-8-sig"}
    return pd.read_csv(file, sep=separator, nrows=rows, **reading)


def _excel(file: Path, rows: int | None) -> pd.DataFrame:
    with warnings.catch_warnings():
        # pandas announces another reader; the one for .xls is still the one that it asks for.
        warnings.simplefilter("ignore")
        return pd.read_excel(file, header=None, dtype=object, keep_default_na=False, nrows=rows)


def _chosen(source: str | None, headings: list[str], named: dict[str, str | None]) -> Layout:
    """The layout asked for, or the one that the headings show, with the columns that were named instead of its own."""
    layout = SOURCES[source] if source is not None else recognised(headings)
    if named["second_size"] is None and layout.second_size not in headings:
        layout = layout._replace(second_size=None)
    return layout._replace(**{name: heading for name, heading in named.items() if heading is not None})


def _synapses(cells: np.ndarray, headings: list[str], layout: Layout, later_size: str | None) -> Synapses:
    cells = cells[layout.subtitles :]
    axon, no_axon = _ids("axon", _column(cells, headings, "axon", layout.axon), layout)
    dendrite, no_dendrite = _ids("dendrite", _column(cells, headings, "dendrite", layout.dendrite), layout)
    size = _log10(_numbers(_column(cells, headings, "size", layout.size)))
    later = None if later_size is None else _log10(_numbers(_column(cells, headings, "later_size", later_size)))
    second = None
    if layout.second_size is not None and later is None:
        second = _log10(_numbers(_column(cells, headings, "second_size", layout.second_size)))
    faults = {"no axon or dendrite id": no_axon | no_dendrite, "no size above 0": np.isnan(size)}
    if later is not None:
        faults["no later size above 0"] = np.isnan(later)
    for heading, value in layout.keep:
        # Excel holds whole numbers as floats.
        texts = np.array([str(cell).strip().removesuffix(".0") for cell in _column(cells, headings, "source", heading)])
        faults[f"{heading.removesuffix(f' = {value}')} is not {value}"] = texts != value
    used, left_out = np.ones(len(cells), bool), {}
    for reason, fault in faults.items():
        if (used & fault).any():
            left_out[reason] = int((used & fault).sum())
        used &= ~fault
    if not used.any():
        raise ValueError(f"path must hold synapses that count; got {len(cells)} rows, all left out: {left_out}")
    value = size if later is None else later - size
    return Synapses(
        axon[used],
        dendrite[used],
        value[used],
        None if second is None else second[used],
        "sizes" if later is None else "changes",
        len(cells),
        left_out,
        layout.source,
        layout.unit,
    )


def _column(cells: np.ndarray, headings: list[str], argument: str, heading: str) -> np.ndarray:
    if heading not in headings:
        _no_column(argument, heading, headings)
    if headings.count(heading) > 1:
        raise ValueError(f"{argument} must be a heading that only one column has; got {heading!r}")
    return cells[:, headings.index(heading)]


def _no_column(argument: str, heading: str, headings: list[str]) -> NoReturn:
    shown = ", ".join(headings[:12]) + (", ..." if len(headings) > 12 else "")
    raise ValueError(f"{argument} must be a heading of the table: {checks.shown(shown)}; got {heading!r}")


def _numbers(column: np.ndarray) -> Floats:
    return np.asarray(pd.to_numeric(pd.Series(column), errors="coerce"), float)


def _log10(sizes: Floats) -> Floats:
    """Logarithms; NaN where there is no finite size above 0."""
    return np.log10(np.where((sizes > 0) & np.isfinite(sizes), sizes, np.nan))


def _ids(argument: str, column: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Ids as text, and where there is none."""
    large = [cell for cell in column if isinstance(cell, int | float) and abs(cell) >= _EXACT]
    texts = pd.Series([str(cell).strip() for cell in column], dtype=str)
    whole = texts.str.fullmatch(r"[+-]?\d+\.0+")
    texts = texts.where(~whole, texts.str.replace(r"\.0+$", "", regex=True))
    large += [text for text in texts[whole] if abs(int(text)) >= _EXACT]
    rounded = texts[texts.str.fullmatch(_ROUNDED)].tolist() + large
    if rounded:
        checks.refuse(argument, rounded[0], "ids to the last digit, not rounded to a float; write them as text")
    return texts.to_numpy(str), (texts.str.strip().str.lower().isin(_NO_ID) | texts.isin(layout.missing)).to_numpy(bool)
