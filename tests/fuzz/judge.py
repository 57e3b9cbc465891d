"""Calls a function with a value and says what became of it; run as a program it does so for all of them, case by case."""

import json
import os
import re
import sys
import tempfile
import warnings
from collections import Counter

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from bad_values import BAD_VALUES
from things import FRESH, LEFT_OUT
from valid_calls import CALLS

from plastodyn.protocol import AbstractCircuit, Rule


def cases():
    """All cases: a function, one of its arguments, and the name of a bad value."""
    for function, arguments in CALLS.items():
        for argument in arguments:
            for name in BAD_VALUES:
                yield function, argument, name


def judge(function, argument, name):
    """One of accepted, refused, or what is wrong, as a sentence."""
    kind, value = CALLS[function][argument].kind, BAD_VALUES[name]
    given = {each: entry.value for each, entry in CALLS[function].items() if entry.value is not LEFT_OUT}
    given |= {each: tempfile.mkdtemp() for each, entry in given.items() if entry is FRESH}
    valid = _is_valid(kind, value)
    try:
        _used(function(**given | {argument: value}))
    except ValueError as error:
        return _complaint(str(error), argument)
    except BaseException as error:
        return f"raised {type(error).__name__}: {str(error)[:200]!r}"
    return "accepted" if valid else "accepted without a word"


def _is_valid(kind, value):
    try:
        return bool(kind(value))
    except Exception:  # Whatever the value does to a rule that was not made for it.
        return False


def _complaint(text, argument):
    if len(text.splitlines()) != 1:
        return f"complained in {len(text.splitlines())} lines: {text[:200]!r}"
    if not re.search(rf"\b{argument}\b", text):
        return f"did not name the argument: {text[:200]!r}"
    return "refused"


def _used(result):
    """What the engine makes of a rule's or circuit's numbers when it is simulated."""
    if isinstance(result, Rule | AbstractCircuit):
        for leaf in jax.tree.leaves(eqx.filter(result, lambda leaf: isinstance(leaf, float | int | np.ndarray | jax.Array))):
            jnp.asarray(leaf, None if hasattr(leaf, "dtype") else "float32")


def called(function):
    """The name of a function."""
    return f"{function.__module__}.{function.__qualname__}".removeprefix("plastodyn.")


def main(which):
    """Judge every ``which``-th case and write one line of JSON for each, before and after it."""
    warnings.simplefilter("ignore")
    # Some values are good names of files.
    os.chdir(tempfile.mkdtemp(dir=os.getcwd()))
    for place, (function, argument, name) in enumerate(cases()):
        if place % which:
            continue
        label = f"{called(function)}({argument}: {name})"
        print(json.dumps({"case": label}), flush=True)
        print(json.dumps({"case": label, "found": judge(function, argument, name)}), flush=True)


def tally(lines):
    """Counts of cases that were tried, accepted and refused; what failed; and the case that did not end, if any."""
    judged = [json.loads(line) for line in lines]
    found = Counter(
        each["found"] if each["found"] in ("accepted", "refused") else "failed" for each in judged if "found" in each
    )
    failed = [
        f"{each['case']}: {each['found']}" for each in judged if each.get("found", "accepted") not in ("accepted", "refused")
    ]
    unfinished = None if not judged or "found" in judged[-1] else judged[-1]["case"]
    counts = {"tried": found.total(), **{name: found[name] for name in ("accepted", "refused", "failed")}}
    return counts, failed, unfinished


if __name__ == "__main__":
    main(int(sys.argv[1]))
