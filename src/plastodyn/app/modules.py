"""What the commands that read a user's files share."""

import sys
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path

from plastodyn.runtime.modules import user_module

__all__ = ["check_files", "prints_aside", "user_module"]


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
