"""Bad values for every argument of every public function, and for every option of every command.

Whatever is given, it is accepted because it is valid, or refused by a ValueError (exit code 2) of one line that names the
argument: no other error, no silent acceptance, no end that does not come. The children judge case by case and say so as
they go, so that a call that does not return is named.
"""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import judge
import pytest
from commands import BASE, cases, commands
from things import LEFT_OUT
from valid_calls import CALLS, ROOMS

HERE = Path(__file__).parent
_PATIENCE = 1800
"""Seconds: no call of these takes more than some; a child that is still there then hangs."""


def _public():
    """Every public function: those that a room lists, or, where it lists none, those that it defines."""
    for room in ROOMS:
        defined = [n for n, found in vars(room).items() if getattr(found, "__module__", "") == room.__name__ and n[0] != "_"]
        for name in getattr(room, "__all__", defined):
            if inspect.isfunction(getattr(room, name)):
                yield getattr(room, name)


def test_every_public_function_has_a_valid_call():
    missing = {judge.called(function) for function in _public()} - {judge.called(function) for function in CALLS}
    assert missing == set(), "a row in tests/fuzz/valid_calls.py"


@pytest.mark.parametrize("function", CALLS, ids=judge.called)
def test_every_argument_has_a_rule(function):
    names = {name for name, parameter in inspect.signature(function).parameters.items() if name not in ("args", "kwargs")}
    assert names == set(CALLS[function])
    required = {
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is inspect.Parameter.empty and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }
    assert required <= {name for name, argument in CALLS[function].items() if argument.value is not LEFT_OUT}


def test_every_command_has_a_valid_call():
    assert set(commands()) == set(BASE)


def _judged(program, which, tmp_path):
    """Counts, and what failed, of every ``which``-th case."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])}
    with (tmp_path / "found").open("w") as found, (tmp_path / "errors").open("w") as errors:
        child = subprocess.Popen(
            [sys.executable, str(HERE / program), str(which)], cwd=tmp_path, stdout=found, stderr=errors, env=environment
        )
        try:
            child.wait(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            pass
        finally:
            child.kill()
            child.wait()
    counts, failed, unfinished = judge.tally((tmp_path / "found").read_text().splitlines())
    if child.returncode != 0:
        failed.append(f"{unfinished} did not return: {(tmp_path / 'errors').read_text()[-500:]}")
    print(f"{program}: {counts}")
    return counts, failed


# A prime number apart, so that a sample has other values for each argument.
@pytest.mark.parametrize("which", [127, pytest.param(1, marks=pytest.mark.slow)])
def test_functions(which, tmp_path):
    counts, failed = _judged("judge.py", which, tmp_path)
    assert failed == []
    assert counts["tried"] == len(range(0, len(list(judge.cases())), which)) > (20_000 if which == 1 else 300)


@pytest.mark.parametrize("which", [23, pytest.param(1, marks=pytest.mark.slow)])
def test_commands(which, tmp_path):
    counts, failed = _judged("commands.py", which, tmp_path)
    assert failed == []
    assert counts["tried"] == len(range(0, len(list(cases())), which)) > (400 if which == 1 else 30)
