"""Kinds of files that are wrong: each a good one with one thing changed, and where the complaint has to point."""

from typing import NamedTuple

GOOD = """seed = 3
[constants]
size = 0.02
[circuit]
name = "student_teacher"
widths = [4, 3, 2]
hidden = "sigmoid"
inputs = 20
[[rule]]
name = "noisy_gradient"
rate = "= ratio * size * sqrt(number_of_weights)"
precision = 5
[[fluctuation]]
name = "white"
rate = "= size"
[axes]
ratio = { from = 0.1, to = 1.0, by = 0.3 }
network = { seeds = 2 }
[run]
steps = 20
replicas = 2
until = "my_model.py:is_done"
precision = "single"
batch = { ratio = 2 }
[record]
loss = { start = -5, every = 1, keep = "mean" }
error = { function = "my_model.py:error", every = 5 }
[analysis.curvatures]
function = "measure.hessian_eigenvalues"
weights = "@circuit.teacher"
keep = false
[analysis.theory]
function = "theory.ratio.stationary_loss"
eigenvalues = "@curvatures"
plasticity = "= ratio * size"
fluctuation = "= size"
precision = 5
beside = "loss"
"""


class Bad(NamedTuple):
    """What is replaced by what; the new text on whose line the complaint stands, and the key and words that it has."""

    old: str
    new: str
    at: str
    key: str
    words: str


def _rate(text):
    return Bad('rate = "= size"', f'rate = "{text}"', f'rate = "{text}"', "fluctuation[0].rate", "must")


BAD = {
    "no TOML": Bad("seed = 3", "seed = = 3", "seed = = 3", "", "is not TOML"),
    "a text that does not end": Bad('hidden = "sigmoid"', 'hidden = "sigmoid', 'hidden = "sigmoid', "", "is not TOML"),
    "a key twice": Bad("steps = 20", "steps = 20\nsteps = 21", "steps = 21", "", "is not TOML"),
    "NUL": Bad('"sigmoid"', '"sig\0moid"', "hidden", "", "is not TOML"),
    "nested deep": Bad("inputs = 20", "inputs = " + "[" * 1000 + "]" * 1000, "inputs", "", "nested at most"),
    "nested rather deep": Bad("inputs = 20", "inputs = " + "[" * 50 + "]" * 50, "[circuit]", "circuit", "nested at most"),
    "a date": Bad("inputs = 20", "inputs = 2020-01-01", "inputs", "circuit.inputs", "must be a number, a text"),
    "a time": Bad("to = 1.0", "to = 10:00:00", "10:00:00", "axes.ratio.to", "must be a number, a text"),
    "a huge number": Bad("seed = 3", "seed = 9223372036854775807", "seed", "seed", "2**53"),
    "NaN": Bad("precision = 5\n[[f", "precision = nan\n[[f", "precision = nan", "rule[0].precision", "must be finite"),
    "infinity": Bad("precision = 5\n[[f", "precision = inf\n[[f", "precision = inf", "rule[0].precision", '"= inf"'),
    "seed below 0": Bad("seed = 3", "seed = -3", "seed = -3", "seed", "got -3"),
    "seed a text": Bad("seed = 3", 'seed = "3"', 'seed = "3"', "seed", "got '3'"),
    "seed true": Bad("seed = 3", "seed = true", "seed", "seed", "got True"),
    "seed a fraction": Bad("seed = 3", "seed = 3.5", "seed", "seed", "got 3.5"),
    "title a number": Bad("seed = 3", "title = 3", "title = 3", "title", "must be a text; got 3"),
    "an unknown table": Bad("[run]", "[runs]", "[runs]", "runs", "did you mean 'run'?"),
    "an unknown key at the top": Bad("seed = 3", "sede = 3", "sede", "sede", "did you mean 'seed'?"),
    "constant a text": Bad("size = 0.02", 'size = "a"', 'size = "a"', "constants.size", "a finite number; got 'a'"),
    "constant unused": Bad("size = 0.02", "size = 0.02\nextra = 1", "extra", "constants.extra", "must be used"),
    "constant called sqrt": Bad("size = 0.02", "size = 0.02\nsqrt = 1", "sqrt = 1", "constants.sqrt", "another name"),
    "constant called as an axis": Bad(
        "size = 0.02", "size = 0.02\nratio = 1", "ratio = 1", "constants.ratio", "a name of its own"
    ),
    "no circuit": Bad(
        '[circuit]\nname = "student_teacher"\nwidths = [4, 3, 2]\nhidden = "sigmoid"\ninputs = 20\n',
        "",
        "seed",
        "circuit",
        "must be given",
    ),
    "circuit without a name": Bad('name = "student_teacher"\n', "", "[circuit]", "circuit.name", "must be given"),
    "circuit misspelt": Bad(
        '"student_teacher"', '"student_techer"', "student_techer", "circuit.name", "did you mean 'student_teacher'?"
    ),
    "a rule as circuit": Bad('"student_teacher"', '"gradient"', '"gradient"', "circuit.name", "gradient is a rule"),
    "name a number": Bad('name = "white"', "name = 3", "name = 3", "fluctuation[0].name", "must be a text; got 3"),
    "an argument misspelt": Bad("widths =", "widhts =", "widhts", "circuit.widhts", "did you mean 'widths'?"),
    "an argument missing": Bad("widths = [4, 3, 2]\n", "", "[circuit]", "circuit.widths", "must be given"),
    "a width of 0": Bad("[4, 3, 2]", "[4,\n 0, 2]", " 0, 2]", "circuit.widths[1]", "must be a whole number >= 1; got 0"),
    "a width a text": Bad("[4, 3, 2]", '[4, "x", 2]', "widths", "circuit.widths[1]", "got 'x'"),
    "an activation misspelt": Bad('"sigmoid"', '"sigmod"', "sigmod", "circuit.hidden", "got 'sigmod'"),
    "inputs below 1": Bad("inputs = 20", "inputs = -20", "inputs", "circuit.inputs", "got -20"),
    "times on a circuit": Bad("inputs = 20", "inputs = 20\ntimes = 2", "times", "circuit.times", "rules and fluctuations"),
    "a rule misspelt": Bad(
        '"noisy_gradient"', '"noisy_gradeint"', "gradeint", "rule[0].name", "did you mean 'noisy_gradient'?"
    ),
    "a fluctuation as rule": Bad('"noisy_gradient"', '"white"', "white", "rule[0].name", "white is a fluctuation"),
    "a negative rate": Bad("precision = 5\n[[f", "precision = -5\n[[f", "precision = -5", "rule[0].precision", "got -5"),
    "a rule of too many": Bad(
        "precision = 5\n[[f", "precision = 5\nspeed = 1\n[[f", "speed", "rule[0].speed", "takes rate, precision"
    ),
    "a rule that reads what is not there": Bad(
        'name = "noisy_gradient"\nrate = "= ratio * size * sqrt(number_of_weights)"\nprecision = 5',
        'name = "late"\nrate = "= ratio"',
        "[[rule]]",
        "rule[0]",
        "must fit the circuit: rule reads the signal",
    ),
    "a file as rate": Bad(
        'rate = "= size"',
        'rate = { file = "no.npy" }',
        "no.npy",
        "fluctuation[0].rate.file",
        "the path of a file; got 'no.npy'",
    ),
    "a file of another kind": Bad(
        'rate = "= size"', 'rate = { file = "no.csv" }', "no.csv", "fluctuation[0].rate.file", "a .npy or .npz file"
    ),
    "an array that is not there": Bad(
        'rate = "= size"',
        'rate = { file = "my.npz", array = "y" }',
        "my.npz",
        "fluctuation[0].rate.array",
        "must be one of x; got 'y'",
    ),
    "objects in a file": Bad(
        'rate = "= size"', 'rate = { file = "objects.npy" }', "objects", "fluctuation[0].rate.file", "could not be read"
    ),
    "code that is not there": Bad(
        "my_model.py:error", "my_mode.py:error", "my_mode", "record.error.function", "got 'my_mode.py'"
    ),
    "a module that is not there": Bad(
        "my_model.py:error", "no_such.module:error", "no_such", "record.error.function", "importable module"
    ),
    "a name not known": _rate("= sise")._replace(words="did you mean 'size'?"),
    "no expression": _rate("= size +"),
    "a call": _rate("= open(size)")._replace(words="calls only sqrt"),
    "an attribute": _rate("= size.real"),
    "a comparison": _rate("= size < 1"),
    "a subscript": _rate("= size[0]"),
    "a lambda": _rate("= lambda: size"),
    "a bomb": _rate("= size * 2**99999**99")._replace(words="finite value"),
    "another bomb": _rate("= size * 9**9**9**9**9**9")._replace(words="finite value"),
    "a division by 0": _rate("= size / (1 - 1)")._replace(words="finite value"),
    "a root of a negative": _rate("= sqrt(-size)")._replace(words="finite value"),
    "parentheses": Bad(
        'rate = "= size"', f'rate = "= {"(" * 300}size{")" * 300}"', "((((", "fluctuation[0].rate", "must be an expression"
    ),
    "a long expression": Bad(
        'rate = "= size"', f'rate = "= size{" + 1" * 500}"', "+ 1 + 1", "fluctuation[0].rate", "at most 1000"
    ),
    "weights in a circuit": Bad(
        "inputs = 20", 'inputs = "= number_of_weights"', "inputs", "circuit.inputs", "number_of_weights"
    ),
    "a reference to nothing": Bad(
        '"= size"\n[axes]', '"@cirucit.weights"\n[axes]', "@cirucit", "fluctuation[0].rate", "did you mean '@circuit'?"
    ),
    "a private reference": Bad(
        '"@circuit.teacher"', '"@circuit.__class__"', "__class__", "analysis.curvatures.weights", "public"
    ),
    "a reference too far": Bad(
        '"@circuit.teacher"', '"@circuit.techer"', "techer", "analysis.curvatures.weights", "did you mean 'teacher'?"
    ),
    "a later result": Bad('"@circuit.teacher"', '"@theory"', '"@theory"', "analysis.curvatures.weights", ""),
    "a room": Bad('hidden = "sigmoid"', 'hidden = "@circuits"', "@circuits", "circuit.hidden", "a room"),
    "no axes": Bad(
        "ratio = { from = 0.1, to = 1.0, by = 0.3 }\nnetwork = { seeds = 2 }\n", "", "[axes]", "axes", "at least one axis"
    ),
    "an axis unused": Bad("network =", "other = [1, 2]\nnetwork =", "other", "axes.other", "must be used"),
    "an empty axis": Bad("{ from = 0.1, to = 1.0, by = 0.3 }", "[]", "ratio = []", "axes.ratio", "non-empty"),
    "a point twice": Bad("{ from = 0.1, to = 1.0, by = 0.3 }", "[0.1,\n0.2,\n 0.1]", " 0.1]", "axes.ratio[2]", "again"),
    "a point of another kind": Bad("{ from = 0.1, to = 1.0, by = 0.3 }", '[0.1, "a"]', '"a"', "axes.ratio[1]", "got 'a'"),
    "an infinite point": Bad("{ from = 0.1, to = 1.0, by = 0.3 }", "[0.1, inf]", "inf]", "axes.ratio[1]", "must be finite"),
    "a step away": Bad("by = 0.3", "by = -0.3", "-0.3", "axes.ratio.by", "got -0.3"),
    "a step of 0": Bad("by = 0.3", "by = 0", "by = 0", "axes.ratio.by", "got 0"),
    "no step": Bad(", by = 0.3", "", "to = 1.0", "axes.ratio.by", "must be given"),
    "a key of no axis": Bad("by = 0.3", "by = 0.3, step = 2", "step = 2", "axes.ratio.step", "not known"),
    "one point": Bad("by = 0.3", "points = 1", "points", "axes.ratio.points", "got 1"),
    "log through 0": Bad(
        "from = 0.1, to = 1.0, by = 0.3", 'from = -1, to = 1, points = 3, spacing = "log"', "log", "axes.ratio.from", "> 0"
    ),
    "spacing misspelt": Bad("by = 0.3", 'points = 3, spacing = "lin"', "lin", "axes.ratio.spacing", "linear"),
    "too many points": Bad("by = 0.3", "by = 1e-12", "1e-12", "axes.ratio", "at most 10000000"),
    "points beyond count": Bad(
        "by = 0.3", "points = 1000000000", "points", "axes.ratio", "at most 10000000 points; got 1000000000"
    ),
    "too many members": Bad("seeds = 2", "seeds = 5000000", "[axes]", "axes", "at most 10000000 members"),
    "no seeds": Bad("seeds = 2", "seeds = 0", "seeds", "axes.network.seeds", "got 0"),
    "an axis a number": Bad("{ seeds = 2 }", "3", "network = 3", "axes.network", "a list of points"),
    "an axis called lambda": Bad("network =", "lambda =", "lambda", "axes.lambda", "identifier"),
    "an axis called replica": Bad("network =", "replica =", "replica =", "axes.replica", "name"),
    "an axis with a dash": Bad("network =", "net-work =", "net-work", "axes.net-work", "identifier"),
    "columns of two lengths": Bad(
        "network = { seeds = 2 }", "shape = { zip = { a = [1, 2], b = [1] } }", "shape", "axes.shape.zip.b", "as long as"
    ),
    "a column unused": Bad(
        "network = { seeds = 2 }", "shape = { zip = { a = [1, 2] } }", "shape", "axes.shape.zip.a", "must be used"
    ),
    "no columns": Bad("network = { seeds = 2 }", "shape = { zip = {} }", "shape", "axes.shape.zip", "at least one column"),
    "no steps": Bad("steps = 20\n", "", "[run]", "run", "steps, or duration and dt"),
    "steps of 0": Bad("steps = 20", "steps = 0", "steps = 0", "run.steps", "got 0"),
    "steps misspelt": Bad("steps = 20", "stpes = 20", "stpes", "run.stpes", "did you mean 'steps'?"),
    "steps and dt": Bad("steps = 20", "steps = 20\ndt = 0.1", "dt = 0.1", "run.dt", "give one"),
    "dt below 0": Bad("steps = 20", "duration = 1\ndt = -0.1", "dt = -0.1", "run.dt", "got -0.1"),
    "a solver misspelt": Bad(
        "steps = 20", 'duration = 1\ndt = 0.1\nsolver = "rk5"', "rk5", "run.solver", "did you mean 'rk4'?"
    ),
    "replicas of 0": Bad("replicas = 2", "replicas = 0", "replicas", "run.replicas", "got 0"),
    "until no function": Bad('"my_model.py:is_done"', '"is_done"', "until", "run.until", "function of yours"),
    "another precision": Bad('"single"', '"half"', "half", "run.precision", "one of"),
    "a batch of no axis": Bad(
        "batch = { ratio = 2 }", "batch = { raito = 2 }", "raito", "run.batch.raito", "did you mean 'ratio'?"
    ),
    "a batch of 0": Bad("batch = { ratio = 2 }", "batch = { ratio = 0 }", "batch", "run.batch.ratio", "got 0"),
    "a signal misspelt": Bad(
        'beside = "loss"\n', "[record.los]\nevery = 2\n", "record.los]", "record.los", "did you mean 'loss'?"
    ),
    "every 0": Bad("every = 1,", "every = 0,", "every = 0", "record.loss.every", "got 0"),
    "keep misspelt": Bad('keep = "mean"', 'keep = "maen"', "maen", "record.loss.keep", "mean"),
    "a key of no record": Bad('keep = "mean"', 'kept = "mean"', "kept", "record.loss.kept", "did you mean 'keep'?"),
    "never recorded": Bad("start = -5", "start = 50", "start = 50", "record.loss", "at least once in 20 steps"),
    "a function misspelt": Bad(
        "measure.hessian_eigenvalues",
        "measure.hessian_eigenvalue",
        'hessian_eigenvalue"',
        "analysis.curvatures.function",
        "did you mean 'hessian_eigenvalues'?",
    ),
    "a function of no room": Bad(
        "measure.hessian_eigenvalues", "rules.gradient", "rules.gradient", "analysis.curvatures.function", "measure or theory"
    ),
    "a room as function": Bad(
        "theory.ratio.stationary_loss", "theory.ratio", '"theory.ratio"', "analysis.theory.function", "must be a function"
    ),
    "an argument of no function": Bad(
        "precision = 5\nbeside",
        "precision = 5\nprecison = 5\nbeside",
        "precison",
        "analysis.theory.precison",
        "did you mean 'precision'?",
    ),
    "a function without an argument": Bad(
        'plasticity = "= ratio * size"\n', "", "[analysis.theory]", "analysis.theory.plasticity", "must be given"
    ),
    "beside nothing": Bad('beside = "loss"', 'beside = "lost"', "lost", "analysis.theory.beside", "did you mean 'loss'?"),
    "keep a text": Bad("keep = false", 'keep = "no"', 'keep = "no"', "analysis.curvatures.keep", "true or false; got 'no'"),
    "an analysis called run": Bad("[analysis.theory]", "[analysis.run]", "[analysis.run]", "analysis.run", "another name"),
    "an analysis called as a record": Bad(
        "[analysis.theory]", "[analysis.loss]", "[analysis.loss]", "analysis.loss", "another name"
    ),
    "experiment beside circuit": Bad(
        "[run]", '[experiment]\nfunction = "my_model.py:f"\n[run]', "[circuit]", "circuit", "[experiment]"
    ),
}


def text_of(bad: Bad) -> str:
    """The file."""
    assert GOOD.count(bad.old) >= 1, bad.old
    return GOOD.replace(bad.old, bad.new, 1)


def line_of(bad: Bad) -> int:
    """The line that the complaint has to name: the first that has the text."""
    lines = text_of(bad).split("\n")
    start = text_of(bad)[: GOOD.index(bad.old)].count("\n")
    within = [number for number, line in enumerate(lines, 1) if bad.at in line]
    after = [number for number in within if number > start]
    return (after if bad.at in bad.new else within)[0]
