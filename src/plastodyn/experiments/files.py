"""A user's own code and arrays, named in a document: where they lie, whether they are what they were, and what they hold."""

import ast
import hashlib
import importlib.util
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from plastodyn import checks
from plastodyn.experiments import faults
from plastodyn.experiments.faults import Fault, known_keys, must, nearest
from plastodyn.runtime.modules import user_module

Keys = faults.Path
_USERS = re.compile(r"[A-Za-z0-9_./-]+:[A-Za-z_]\w*")


class NotYet(Exception):  # noqa: N818 - a fact, not an error
    """What is asked for is the user's, and nothing of the user's runs while a document is checked."""


class Sources(Protocol):
    """Where objects and arrays that a document names come from."""

    def thing(self, reference: str, keys: Keys) -> Any:
        """The object of a file or module, by ``place:name``."""
        ...

    def array(self, table: Mapping[str, Any], keys: Keys) -> np.ndarray:
        """An array, by ``{ file = "x.npz", array = "name" }``."""
        ...


def is_users(value: object) -> bool:
    """Whether a text names an object of the user's: of a ``.py`` file or of a module.

    >>> is_users("my_model.py:loss"), is_users("package.module:loss"), is_users("sigmoid")
    (True, True, False)
    """
    return isinstance(value, str) and _USERS.fullmatch(value) is not None


def is_file(value: object) -> bool:
    """Whether a table stands for an array in a file.

    >>> is_file({"file": "x.npy"}), is_file({"name": "gradient"})
    (True, False)
    """
    return isinstance(value, Mapping) and "file" in value and "name" not in value


class Unopened(Sources):
    """For checks: files have to be there, arrays are read, and code is not run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def thing(self, reference: str, keys: Keys) -> Any:
        """Refuse code that is not there; what it holds is not known yet.

        Raises:
            Fault: if there is no such file or module.
            NotYet: otherwise.
        """
        source_of(reference.split(":", maxsplit=1)[0], self.directory, keys)
        raise NotYet(reference)

    def array(self, table: Mapping[str, Any], keys: Keys) -> np.ndarray:
        """The array, read from beside the document."""
        return _read(self.directory / _name(table, keys), table, keys)


class Opened(Sources):
    """For runs: files are sought in the current directory and then where modules are, and have to be what they were."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        self.digests = digests

    def thing(self, reference: str, keys: Keys) -> Any:
        """The object of a file or module, which is run once in a process."""
        place, name = reference.split(":")
        if place.endswith(".py"):
            path = self.path(place, keys)
            module = _loaded(str(path), _digest(path))
        else:
            _refuse_changed(place, self.digests.get(place), keys)
            module = user_module(place, checks.shown(keys))
        if not hasattr(module, name):
            raise Fault(keys, f"must name what {place} holds; got {name!r}{nearest(name, vars(module))}")
        return getattr(module, name)

    def array(self, table: Mapping[str, Any], keys: Keys) -> np.ndarray:
        """The array, read from a file that is what it was."""
        return _read(self.path(_name(table, keys), keys), table, keys)

    def path(self, name: str, keys: Keys) -> Path:
        """Where a file is that is what it was."""
        there = [path for path in (Path(each or ".") / name for each in ("", *sys.path)) if path.is_file()]
        wanted = self.digests.get(name)
        found = next((path for path in there if wanted in (None, _digest(path))), None)
        if found is None and there:
            raise Fault(keys, f"must be the file that the experiment began with; got {str(there[0])!r}, which has changed")
        if found is None:
            must(keys, "a file in the current directory, or in one given to search_in", name)
        return found.resolve()


def refuse_changed(digests: Mapping[str, str]) -> None:
    """Refuse files and modules that are found here and are not what they were.

    Args:
        digests: the SHA-256 of each by its name.

    Raises:
        Fault: if one is gone, or other.

    >>> refuse_changed({})
    """
    opened = Opened(digests)
    for name, wanted in digests.items():
        if is_path(name):
            opened.path(name, ("files", name))
        else:
            _refuse_changed(name, wanted, ("files", name))


def _refuse_changed(module: str, wanted: str | None, keys: Keys) -> None:
    there = next((path for each in ("", *sys.path) if (path := _of_module(module, Path(each or "."))) is not None), None)
    if wanted is not None and there is not None and _digest(there) != wanted:
        raise Fault(keys, f"must be the module that the experiment began with; got {str(there)!r}, which has changed")


def _of_module(name: str, directory: Path) -> Path | None:
    stem = directory.joinpath(*name.split("."))
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)


def is_path(name: str) -> bool:
    """Whether code or data are named by a file, and not by a module.

    >>> is_path("my.py"), is_path("package.module")
    (True, False)
    """
    return "/" in name or name.endswith((".py", ".npy", ".npz"))


def search_in(directory: str | Path) -> None:
    """Let files that documents name be sought in a directory too, in this process and in the workers it starts.

    Args:
        directory: of the document; it joins ``sys.path``, after what is there.

    Source: this project.

    >>> search_in(".")
    """
    place = str(Path(directory).resolve())
    if place not in sys.path:
        sys.path.append(place)


def digests(names: Mapping[str, Keys], directory: Path) -> dict[str, str]:
    """The SHA-256 of the files and modules that a document names, and of files beside them that these import.

    Args:
        names: of files, or of modules, each with the keys where it stands.
        directory: of the document.

    Raises:
        Fault: if one is not there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     _ = (Path(place) / "my.py").write_text("x = 1")
    ...     digests({"my.py": ("circuit", "loss")}, Path(place))["my.py"][:8]
    '8ff436de'
    """
    found = {name: source_of(name, directory, keys) for name, keys in sorted(names.items())}
    home, imported = directory.resolve(), set()
    for path in found.values():
        if path.suffix == ".py" and path.resolve().is_relative_to(home):
            _add_imported(path.resolve(), path.resolve().parent, imported)
    found |= {path.relative_to(home).as_posix(): path for path in sorted(imported) if path.is_relative_to(home)}
    return {name: _digest(path) for name, path in found.items()}


def _add_imported(path: Path, home: Path, found: set[Path]) -> None:
    """The files in a directory that one imports, and what these import; found by reading, for nothing is run."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    for name in names:
        beside = home / name.split(".")[0]
        package = sorted(beside.rglob("*.py")) if (beside / "__init__.py").is_file() else []
        for each in [each for each in (beside.with_suffix(".py"), *package) if each.is_file() and each not in found]:
            found.add(each)
            _add_imported(each, home, found)


def source_of(name: str, directory: Path, keys: Keys) -> Path:
    """The file in which code or data of a name lie; nothing is imported to find it.

    >>> source_of("json.tool", Path(), ("function",)).name
    'tool.py'
    """
    if is_path(name):
        path = directory / name
        if not path.is_file():
            must(keys, f"the path of a file from {str(directory)!r}", name)
        return path
    first, *rest = name.split(".")
    if not all(part.isidentifier() for part in (first, *rest)):
        must(keys, "a .py file, or an importable module", name)
    try:
        spec = importlib.util.find_spec(first)
    except (ImportError, ValueError):
        spec = None
    origin = Path(spec.origin) if spec and spec.origin else directory / f"{first}.py"
    if rest:
        stem = origin.parent.joinpath(*rest)
        origin = next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), stem)
    if not origin.is_file():
        must(keys, "a .py file, or an importable module", name)
    return origin


@lru_cache(maxsize=256)
def _loaded(path: str, digest: str) -> ModuleType:
    """A file, run once for each of its contents: what it holds stays the same object, so that compiled code is shared."""
    del digest
    return user_module(path, "the file")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _name(table: Mapping[str, Any], keys: Keys) -> str:
    known_keys(keys, table, ("file", "array"), "an array from a file")
    name = table["file"]
    if not isinstance(name, str) or not name.endswith((".npy", ".npz")):
        must((*keys, "file"), "the path of a .npy or .npz file", name)
    return name


def _read(path: Path, table: Mapping[str, Any], keys: Keys) -> np.ndarray:
    if not path.is_file():
        must((*keys, "file"), "the path of a file", table["file"])
    try:
        found = np.load(path, allow_pickle=False)
    except Exception as error:  # A damaged file fails in any way.
        raise Fault((*keys, "file"), f"could not be read as arrays: {_first(error)}; got {table['file']!r}") from None
    if isinstance(found, np.ndarray):
        if "array" in table:
            raise Fault((*keys, "array"), f"is for .npz files; got {table['array']!r} of a .npy file")
        return _numbers(found, table, keys)
    with found:
        if table.get("array") not in found.files:
            got = checks.shown(table.get("array"))
            raise Fault((*keys, "array"), f"must be one of {', '.join(found.files)}; got {got}")
        try:
            values = found[table["array"]]
        except Exception as error:  # As above.
            raise Fault((*keys, "array"), f"could not be read: {_first(error)}; got {table['array']!r}") from None
        return _numbers(values, table, keys)


def _numbers(values: np.ndarray, table: Mapping[str, Any], keys: Keys) -> np.ndarray:
    if values.dtype.kind not in "biufc":
        raise Fault((*keys, "file"), f"must hold numbers; got {table['file']!r} of type {values.dtype}")
    return values


def _first(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
