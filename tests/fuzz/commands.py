"""Every option of every command with bad values, in this process; run as a program it judges them case by case."""

import contextlib
import inspect
import io
import json
import os
import sys
import tempfile
import types
import warnings
from pathlib import Path
from typing import NamedTuple, get_args

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from safetensors.numpy import save_file

from plastodyn import experiments, papers
from plastodyn.app.cli import app, main
from plastodyn.papers import Claim, Reproduction
from plastodyn.papers.raman2021 import demo
from plastodyn.sweeps import sweep
from plastodyn.sweeps.example import noisy_bowl

MODEL = """
import jax.numpy as jnp
weights = {"w": jnp.ones((2, 2)), "b": jnp.ones(2)}
signs = {"w": jnp.array([[1.0, -1.0], [1.0, -1.0]]), "b": jnp.ones(2)}
text, number, nothing = "text", 3, None
def loss(w):
    return 0.5 * (jnp.sum((w["w"] @ w["w"] - 1.0) ** 2) + jnp.sum((w["b"] - 1.0) ** 2))
def field(z):
    return -z
"""
EXPERIMENT = """
[circuit]
name = "tracking"
[rule]
name = "early"
rate = "= rate"
[axes]
rate = [0.1, 0.5]
[run]
steps = 3
"""
SPEC = "[consolidation]\nalpha = 0.5\nmu = 0.1\n"

BASE = {
    "list": [],
    "demo": [],
    "reproduce": ["alemi2024"],
    "measure": ["model.py", "--samples", "2"],
    "stability": ["model.py", "--rate", "0.1", "--flip", "0.5", "--steps", "100"],
    "estimate": ["synapses.csv", "--draws", "100"],
    "status": ["store.zarr"],
    "show": ["store.zarr"],
    "export": ["store.zarr", "--out", "new.csv", "--force"],
    "certify": ["spec.toml"],
    "submit": ["store.zarr", "--tasks", "2", "--time", "2:00:00", "--dry-run"],
    "doctor": [],
    "run": ["experiment.toml", "--out", "done.zarr"],
    "prepare": ["experiment.toml", "--out", "done.zarr"],
    "work": ["done.zarr"],
    "verify": ["done.zarr", "--members", "0"],
    "new": ["raman2021", "fig1"],
    "schema": [],
}
"""A valid call of every command."""

TEXTS = ["", "[/]", "[red]", "é ü\u2028", "no.such", "-", "../..", "nothing.py", "folder", "empty.py", "binary.py", "x" * 300]
WORDS = {
    int: ["abc", "", "-1", "1.5", "nan", str(2**70), "[/]", "0x10"],
    float: ["abc", "", "nan", "-inf", "-1", "1e999", "[/]", "1j"],
}
FILES = [
    "",
    "[/]",
    "nothing.npz",
    "folder",
    "empty.npz",
    "binary.npz",
    "text.npz",
    "binary.safetensors",
    "wrong.npz",
    "model.py",
]
TABLES = [
    "synapses.csv",
    "",
    "[/]",
    "nothing.csv",
    "folder",
    "empty.csv",
    "binary.csv",
    "binary.xls",
    "binary.xlsx",
    "text.csv",
    "model.py",
    "x" * 300,
]
STORES = ["", "[/]", "nothing.zarr", "folder", "empty.py", "text.csv", "other.zarr", "damaged.zarr", "é\u2028", "x" * 300]
SPEC_FILES = [*FILES, "bad.toml", "empty.toml", "two.toml"]
VALUES = {"store": STORES, "file": TABLES, "checkpoint": FILES, "recheck": FILES, "spec": SPEC_FILES}

VALID = {
    # Any text is a good name of a directory or file to write to, but for one that is there as something else.
    ("demo", "out"): {*TEXTS} - {"empty.py", "binary.py", "x" * 300},
    ("reproduce", "out"): {*TEXTS} - {"empty.py", "binary.py", "x" * 300},
    **{(name, "out"): {*TEXTS} - {"", "../..", "empty.py", "binary.py", "x" * 300} for name in ("run", "prepare")},
    ("certify", "out"): {*TEXTS} - {"", "folder", "../..", "x" * 300},
    ("estimate", "file"): {"synapses.csv"},
    # Names that a cluster may know; and a shell runs any text.
    **{
        ("submit", name): {"no.such", "nothing.py", "folder", "empty.py", "binary.py", "x" * 300}
        for name in ("partition", "account")
    },
    ("submit", "setup"): {*TEXTS},
    # A text for infinity.
    ("measure", "precision"): {"1e999"},
}

MODELS = {
    "text that is no Python": "this is no python",
    "a fault": "1 / 0",
    "ends the program": "import sys; sys.exit(0)",
    "no loss": "weights = 1.0",
    "weights of text": MODEL + "weights = {'w': 'text'}",
    "weights of none": MODEL + "weights = None",
    "no weights": MODEL + "weights = {}",
    "weights of nothing": MODEL + "weights = {'w': jnp.zeros((0, 2)), 'b': jnp.ones(2)}",
    "whole weights": MODEL + "weights = {'w': jnp.ones((2, 2), int), 'b': jnp.ones(2)}",
    "half precision": MODEL + "weights = {'w': jnp.ones((2, 2), 'float16'), 'b': jnp.ones(2)}",
    "brain floats": MODEL + "weights = {'w': jnp.ones((2, 2), 'bfloat16'), 'b': jnp.ones(2)}",
    "complex weights": MODEL + "weights = {'w': jnp.ones((2, 2)) * 1j, 'b': jnp.ones(2)}",
    "nan in the weights": MODEL + "weights = {'w': jnp.full((2, 2), jnp.nan), 'b': jnp.ones(2)}",
    "weights of objects": MODEL + "weights = {'w': object(), 'b': jnp.ones(2)}",
    "mixed keys": MODEL + "weights = {'w': jnp.ones(2), 3: jnp.ones(2)}",
    "a loss that is no function": MODEL + "loss = 3",
    "a loss of two arguments": MODEL + "loss = lambda w, x: 0.0",
    "a loss of a vector": MODEL + "loss = lambda w: w['b']",
    "a loss of text": MODEL + "loss = lambda w: 'text'",
    "a loss of none": MODEL + "loss = lambda w: None",
    "a whole loss": MODEL + "loss = lambda w: 3",
    "a complex loss": MODEL + "loss = lambda w: 1j * w['b'][0]",
    "a loss of nan": MODEL + "loss = lambda w: jnp.log(-w['b'][0] ** 2)",
    "an infinite loss": MODEL + "loss = lambda w: 1 / (w['b'][0] - 1)",
    "a slope of nan": MODEL + "loss = lambda w: jnp.sqrt(w['b'][0] - 1)",
    "a loss that fails": MODEL + "def loss(w):\n    raise RuntimeError('[/] a fault\\nover lines')",
    "a loss that ends the program": MODEL + "def loss(w):\n    import sys\n    sys.exit(0)",
    "a loss that looks": MODEL + "loss = lambda w: 1.0 if w['b'][0] > 0 else 0.0",
}
SPECS = {
    "nothing": "",
    "no table": "alpha = 1",
    "two tables": SPEC + "[linear]\nvertices = [[[-1]]]",
    "unknown": "['[/]']\nalpha = 1",
    "text for a number": "[consolidation]\nalpha = 'abc'\nmu = 0.1",
    "a list for a number": "[consolidation]\nalpha = [1]\nmu = 0.1",
    "true for a number": "[consolidation]\nalpha = true\nmu = 0.1",
    "beyond the range": "[consolidation]\nalpha = -1\nmu = 0.1",
    "nan": "[consolidation]\nalpha = nan\nmu = 0.1",
    "no matrix": "[linear]\nvertices = 'abc'",
    "no square": "[linear]\nvertices = [[[1, 2]]]",
    "no number": "[linear]\nvertices = [[['[/]']]]",
    "no function": "[field]\nfunction = 'model.py:nothing'\nbox = [[-1, 1]]",
    "not a function": "[field]\nfunction = 'model.py:number'\nbox = [[-1, 1]]",
    "a function as a number": "[field]\nfunction = 3\nbox = [[-1, 1]]",
    "no file": "[field]\nfunction = 'nothing.py:f'\nbox = [[-1, 1]]",
    "no box": "[field]\nfunction = 'model.py:field'\nbox = 'abc'",
    "an empty box": "[field]\nfunction = 'model.py:field'\nbox = []",
    "largest as text": "[field]\nfunction = 'model.py:field'\nbox = [[-1, 1]]\nlargest = 'no'",
    "level as text": "[field]\nfunction = 'model.py:field'\nbox = [[-1, 1]]\nlevel = 'no'",
    "boxes beyond": "[field]\nfunction = 'model.py:field'\nbox = [[-1, 1]]\nboxes = 99999999999",
    "a time": "[field]\nfunction = 'model.py:field'\nbox = [[-1, 1]]\ntime = 'now'",
    "a date": "[field]\nfunction = 'model.py:field'\nbox = [[-1, 1]]\nlevel = 2026-01-01",
}
SYNAPSES = {
    "no rows": "axon,dendrite,size\n",
    "no headings": "1,1,0.1\n1,1,0.2\n",
    "one column": "axon\n1\n",
    "rows of other lengths": "axon,dendrite,size\n1,1,0.1,5\n1\n",
    "no pairs": "axon,dendrite,size\n1,1,1\n2,2,1\n",
    "two pairs": "axon,dendrite,size\n1,1,1\n1,1,2\n2,2,1\n2,2,3\n",
    "pairs all alike": "axon,dendrite,size\n" + "1,1,1\n1,1,1\n2,2,1\n2,2,1\n3,3,1\n3,3,1\n",
    "no sizes above 0": "axon,dendrite,size\n1,1,0\n1,1,-1\n1,1,nan\n1,1,abc\n1,1,inf\n",
    "ids as floats": "axon,dendrite,size\n6.48e17,1,1\n6.48e17,1,1\n",
    "headings twice": "axon,axon,dendrite,size\n1,1,1,1\n",
    "markup": "[/],[red],size\n1,1,1\n",
    "an open quote": 'axon,dendrite,size\n"1,1,1\n',
    "changes without a condition": "condition,change\non,1\n,2\n",
    "changes of text": "condition,change\non,abc\nblocked,2\n",
    "one condition": "condition,change\non,1\non,2\non,3\n",
    "changes all alike": "condition,change\non,1\non,1\non,1\nblocked,1\nblocked,1\nblocked,1\n",
}
PROOFS = {
    "nothing": "",
    "a number": "3",
    "a list": "[[]]",
    "no certificate": '{"verdict": "certified"}',
    "markup": '{"kind": "[/]", "verdict": "certified", "statement": "", "time": "", "system": {}}',
    "nan": '{"kind": NaN}',
    "deep": "[" * 100_000,
    "a false one": (
        '{"kind": "consolidation", "verdict": "certified", "statement": "memory_stable", "time": "continuous",'
        ' "system": {"alpha": "1", "mu": "99/100"}, "format": 3}'
    ),
}


class Option(NamedTuple):
    """An option or argument of a command: its name in Python, on the command line, its type, its place."""

    name: str
    flag: str | None
    kind: type
    place: int


def commands():
    """The options of every command, from the signatures of the functions behind them."""
    found = {}
    for each in app.registered_commands:
        signature = inspect.signature(each.callback, eval_str=True)
        options = []
        for place, (name, parameter) in enumerate(signature.parameters.items()):
            kind, info = get_args(parameter.annotation)[:2]
            flag = next((word for word in (info.default, *(info.param_decls or ())) if str(word).startswith("--")), None)
            options.append(Option(name, flag, next((t for t in (bool, int, float) if kind in (t, t | None)), str), place))
        found[each.name or each.callback.__name__] = options
    return found


def cases():
    """All cases: what is tried, in words; the arguments; a file to write before; and whether it is valid."""
    for command, options in commands().items():
        for option in options:
            words = VALUES.get(option.name) or WORDS.get(option.kind, TEXTS)
            for word in words if option.kind is not bool else ():
                valid = word in VALID.get((command, option.name), ())
                yield f"{command} {option.name}={word[:20]!r}", _call(command, option, word), None, valid
        yield f"{command} with an unknown option", [command, *BASE[command], "--no-such-option"], None, False
        yield f"{command} with an argument too many", [command, *BASE[command], "a", "b", "c"], None, False
    for command in ("measure", "stability"):
        for name, text in MODELS.items():
            yield f"{command}: {name}", [command, "bad.py", *BASE[command][1:]], ("bad.py", text), False
    for name, text in SPECS.items():
        yield f"certify: {name}", ["certify", "bad_spec.toml"], ("bad_spec.toml", text), False
    for name, text in SYNAPSES.items():
        yield f"estimate: {name}", ["estimate", "bad.csv"], ("bad.csv", text), False
    for name, text in PROOFS.items():
        yield f"recheck: {name}", ["certify", "--recheck", "proof.json"], ("proof.json", text), False


def _call(command, option, word):
    """The valid call with one option replaced or added."""
    base = list(BASE[command])
    if option.flag is None:
        # As a shell would have it: what begins with a dash is a text here, not an option.
        return [command, *base[: option.place], *base[option.place + 1 :], "--", word]
    others = {"signs": ["--flip", "0.5"], "recheck": ["spec.toml"]}
    for gone in others.get(option.name, _given(base, option.flag)):
        base.remove(gone)
    return [command, *base, option.flag, word]


def _given(base, flag):
    return base[base.index(flag) : base.index(flag) + 2] if flag in base else []


def prepare():
    """Files to stumble over, in an empty directory; and quick stand-ins for what the long commands compute."""
    # Deep enough for a path that goes up.
    place = Path(tempfile.mkdtemp(dir=os.getcwd())) / "a" / "b"
    place.mkdir(parents=True)
    os.chdir(place)
    Path("model.py").write_text(MODEL)
    Path("spec.toml").write_text(SPEC)
    Path("experiment.toml").write_text(EXPERIMENT)
    experiments.run("experiment.toml", "done.zarr", workers=1)
    Path("synapses.csv").write_text("axon,dendrite,size\n" + "".join(f"{i},{i},{i}\n{i},{i},{i + 1}\n" for i in range(1, 6)))
    Path("folder").mkdir()
    for name in ("empty.py", "empty.npz", "empty.toml", "empty.csv"):
        Path(name).touch()
    for name in ("binary.py", "binary.npz", "binary.safetensors", "bad.toml", "binary.csv", "binary.xls", "binary.xlsx"):
        Path(name).write_bytes(bytes(range(256)))
    Path("text.npz").write_text("text")
    Path("text.csv").write_text("text")
    Path("two.toml").write_text(SPEC + "[linear]\n")
    np.savez("wrong.npz", a=np.array(["text"]))
    save_file({"w": np.ones(3, np.float32)}, "wrong.safetensors")
    sweep(noisy_bowl, {"rate": [0.1, 0.2], "noise": [0.0]}, store="store.zarr", seed=0, workers=1)
    xr.Dataset({"x": ("y", [1.0])}).to_zarr("other.zarr")
    Path("damaged.zarr").mkdir()
    Path("damaged.zarr", "zarr.json").write_bytes(bytes(range(256)))
    claim = Claim("alemi2024", "fig1", "[/] a claim", "a test", 1.0, 0.1, 1.0, True)
    made = Reproduction(xr.Dataset({"x": 1.0}), plt.figure(), (claim,))
    select = papers.select

    def quick(*asked):
        select(*asked)
        seconds = dict.fromkeys(("smoke", "standard", "full"), 1)
        return [
            types.SimpleNamespace(
                name="fig1", title="[/]", seconds=seconds, runs_of=None, make=lambda *_: made, documents=lambda *_: {}
            )
        ]

    papers.select = quick
    demo.demo = lambda key: (xr.DataTree(xr.Dataset({"x": 1.0})), plt.figure(), [])


def judge(arguments, file, valid):
    """One of accepted, refused, or what is wrong, as a sentence."""
    if file is not None:
        Path(file[0]).write_text(file[1])
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["plastodyn", *arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
        return "returned without an exit code"
    except SystemExit as end:
        code = end.code
    except BaseException as error:
        return f"raised {type(error).__name__}: {str(error)[:200]!r}"
    said = err.getvalue()
    if code == 2:
        lines = [line for line in said.splitlines() if line.strip()]
        good = len(lines) == 1 and lines[0].startswith("plastodyn: ")
        return "refused" if good else f"exit code 2 with {out.getvalue()[:200]!r}, {said[:300]!r}"
    if code == 0 and valid:
        return "accepted"
    return f"exit code {code}: {out.getvalue()[-200:]!r}, {said[:200]!r}"


def main_of_child(which):
    """Judge every ``which``-th case and write one line of JSON for each, before and after it."""
    warnings.simplefilter("ignore")
    report = sys.stdout
    prepare()
    for place, (label, arguments, file, valid) in enumerate(cases()):
        if place % which == 0:
            print(json.dumps({"case": label}), file=report, flush=True)
            print(json.dumps({"case": label, "found": judge(arguments, file, valid)}), file=report, flush=True)


if __name__ == "__main__":
    main_of_child(int(sys.argv[1]))
