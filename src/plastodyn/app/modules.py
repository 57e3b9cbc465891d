"""A user's own Python file or module, loaded by name."""

import importlib
import importlib.util
import sys
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path
from types import ModuleType


def user_module(model: str) -> ModuleType:
    """Run a Python file, or import a module, by name. A file may import what lies next to it.

    Args:
        model: path of a ``.py`` file, or name of an importable module.

    Raises:
        ValueError: if it is not there, or fails when it is run.

    >>> user_module("math").sqrt(4.0)
    2.0
    """
    path = Path(model)
    if path.suffix != ".py":
        # As for a file: what lies beside the user is found too.
        if "" not in sys.path and str(Path.cwd()) not in sys.path:
            sys.path.append(str(Path.cwd()))
        try:
            return importlib.import_module(model)
        except ImportError as error:
            raise ValueError(f"MODEL must be a .py file or an importable module; got {model!r} ({error})") from error
        except (Exception, SystemExit) as error:
            raise ValueError(f"MODEL {model!r} could not be run: {type(error).__name__}: {error}") from error
    if not path.is_file():
        raise ValueError(f"MODEL must be an existing .py file; got {model!r}")
    # Under a name of its own: a file called numpy.py is not to take the place of NumPy, nor its neighbours of anything.
    name = f"_user_{path.stem}"
    if str(path.resolve().parent) not in sys.path:
        sys.path.append(str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"MODEL must be an existing .py file; got {model!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # What a model raises need not be an Exception.
        raise ValueError(f"MODEL {model!r} could not be run: {type(error).__name__}: {error}") from error
    return module


def prints_aside(as_json: bool) -> AbstractContextManager[object]:
    """Where standard output is JSON, what a model prints goes to standard error.

    >>> with prints_aside(True):
    ...     print("a model")
    """
    return redirect_stdout(sys.stderr) if as_json else nullcontext()


def check_files(read: Path | None, written: Path | None) -> None:
    """Refuse to read what is no file, such as a pipe that never ends, and to write a directory or what is read.

    Args:
        read: a path, or None.
        written: what ``--out`` names, or None.

    Raises:
        ValueError: naming it.

    >>> check_files(Path("memory.toml"), Path("proof.json"))
    """
    if read is not None and read.exists() and not read.is_file():
        raise ValueError(f"what is read must be a file; got {str(read)!r}")
    if written is not None and written.is_dir():
        raise ValueError(f"--out must be a file; got the directory {str(written)!r}")
    if read is not None and written is not None and read.exists() and written.exists() and written.samefile(read):
        raise ValueError(f"--out must be another file than the one that is read; got {str(written)!r}")
