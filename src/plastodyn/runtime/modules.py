"""A user's own Python file or module, loaded by name."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def user_module(model: str, argument: str = "MODEL") -> ModuleType:
    """Run a Python file, or import a module, by name. A file may import what lies next to it.

    Args:
        model: path of a ``.py`` file, or name of an importable module.
        argument: what complaints call it.

    Raises:
        ValueError: if it is not there, or fails when it is run.

    Source: this project.

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
            raise ValueError(f"{argument} must be a .py file or an importable module; got {model!r} ({error})") from error
        except (Exception, SystemExit) as error:
            raise ValueError(f"{argument} {model!r} could not be run: {type(error).__name__}: {error}") from error
    if not path.is_file():
        raise ValueError(f"{argument} must be an existing .py file; got {model!r}")
    # Under a name of its own: a file called numpy.py is not to take the place of NumPy, nor its neighbours of anything.
    name = f"_user_{path.stem}"
    if str(path.resolve().parent) not in sys.path:
        sys.path.append(str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{argument} must be an existing .py file; got {model!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # What a model raises need not be an Exception.
        raise ValueError(f"{argument} {model!r} could not be run: {type(error).__name__}: {error}") from error
    return module
