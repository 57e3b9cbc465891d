"""The ``plastodyn`` command: parse and display; the science is in the library."""

import os
import sys
import traceback
from importlib.metadata import version
from typing import Annotated

import typer

from plastodyn.app.console import app, errors

# A command is added to the application where its module is imported, in the order of --help.
# isort: off
from plastodyn.app.commands import papers, experiments, stores, cluster, models, synapses, proofs, machine  # noqa: F401

# isort: on
__all__ = ["app", "main", "run"]
_INTERRUPTED = 130


def run() -> None:
    """What the shell calls: after Ctrl-C it ends at once, for threads may still compute while Python takes itself apart."""
    try:
        main()
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(_INTERRUPTED)
        raise


def main() -> None:
    """Run the command line; a failure is one line on standard error and exit code 2, with ``--debug`` its traceback too."""
    try:
        # The exit code, of Ctrl-C too, is returned; whatever else ends the program from within is somebody else's.
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False) or 0
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except SystemExit as end:
        # Typer ends so where a pipe is closed, and once it has told a shell how to complete commands.
        asked = "_PLASTODYN_COMPLETE" in os.environ or any(
            word in sys.argv for word in ("--show-completion", "--install-completion")
        )
        code = (
            end.code
            if asked or isinstance(end.__context__, BrokenPipeError)
            else _failed("sys.exit was called where no model is loaded")
        )
    except Exception as error:
        code = _failed(_said(error))
    except BaseException as error:  # A model may raise what is no Exception: 1 would mean "refuted".
        code = _failed(f"{type(error).__name__}: {error}")
    if code == _INTERRUPTED:
        errors.print("plastodyn: interrupted", style="red")
    sys.exit(code)


def _failed(complaint: str) -> int:
    if "--debug" in sys.argv:
        traceback.print_exc()
    errors.print(f"plastodyn: {' '.join(complaint.split())}", style="red", highlight=False, soft_wrap=True)
    return 2


def _said(error: Exception) -> str:
    """What is wrong, in words: with usage, with input, or, of any other fault, its name."""
    if isinstance(error, typer.BadParameter) or hasattr(error, "format_message"):
        where = getattr(getattr(error, "ctx", None), "command_path", None) or "plastodyn"
        return f"{error.format_message().rstrip('.')}; see {where} --help"  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(error, ValueError | OSError):
        return str(error) or type(error).__name__
    return f"{type(error).__name__}: {_first_line(error)}; --debug says where"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or "no message").splitlines()[0]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"plastodyn {version('plastodyn')}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure, before the command.")] = False,
) -> None:
    """Theory and simulation of learning dynamics in neural circuits whose plasticity is imperfect."""
