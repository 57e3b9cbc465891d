"""What is damaged, taken out of a store, so that it is computed or written again."""

import shutil
from pathlib import Path

from plastodyn.sweeps.integrity import Damage, descriptions_changed
from plastodyn.sweeps.specification import Specification
from plastodyn.sweeps.store import BOOKKEEPING, array, dims, group, plain


def mend_descriptions(place: Path) -> list[str]:
    """Write descriptions of single arrays again where they are not those of the whole store; their names."""
    mended = []
    for file, text in descriptions_changed(place):
        _remove(place, [file.parent.name, file.name])
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        mended.append(file.parent.name)
    return mended


def forget(place: Path, specification: Specification, damaged: list[Damage]) -> None:
    """Take damaged chunks, and what else cannot be read, out of a store, so that they are computed again.

    What is the same for all points is written again with the first chunk that is.
    """
    axes = tuple(specification.axes)
    opened = group(place, "r+")
    for name, values in specification.values().items():
        array(opened, name)[...] = plain(values)
    names = [name for name in opened.array_keys() if name not in axes]
    spanning = [name for name in names if dims(array(opened, name))[: len(axes)] == axes]
    for damage in damaged:
        index = (0,) * len(axes) if damage.place is None else damage.place
        if damage.place is None and damage.what.split(":")[0] in axes:
            continue
        for name in [*spanning, *(name for name in BOOKKEEPING if name in opened.array_keys())]:
            rest = array(opened, name).ndim - len(axes)
            _remove(place, [name, "c", *map(str, (*index, *(0,) * rest))])


def _remove(place: Path, parts: list[str]) -> None:
    """Take a file out of a store; and what stands in its way, a file or a link to elsewhere, instead of what lies behind it."""
    path = place
    for part in parts[:-1]:
        path = path / part
        if path.is_symlink() or path.is_file():
            path.unlink()
            return
    path = path / parts[-1]
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
