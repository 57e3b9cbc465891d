"""Expressions are what Python makes of them, as far as they are allowed; nothing else is."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plastodyn as pd
from plastodyn.experiments.expressions import evaluate, names_in

_NUMBERS = st.floats(0.1, 10).map(lambda x: round(x, 3)) | st.integers(1, 9)
_NAMES = {"a": 2.5, "b": 3, "c": 0.25}
_LEAVES = _NUMBERS.map(str) | st.sampled_from(list(_NAMES))


def _grown(inner):
    both = st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**"]), inner).map(lambda x: f"({x[0]} {x[1]} {x[2]})")
    called = st.tuples(st.sampled_from(["sqrt", "exp", "log", "log10", "abs"]), inner).map(lambda x: f"{x[0]}({x[1]})")
    return both | called | inner.map(lambda x: f"-{x}")


@given(st.recursive(_LEAVES, _grown, max_leaves=8))
def test_they_are_what_python_makes_of_them(text):
    functions = {"sqrt": np.sqrt, "exp": np.exp, "log": np.log, "log10": np.log10, "abs": np.abs}
    try:
        with np.errstate(all="ignore"):
            expected = eval(text, functions, {name: float(value) for name, value in _NAMES.items()})
    except (OverflowError, ZeroDivisionError):
        expected = math.nan
    if isinstance(expected, complex) or not np.isfinite(expected):
        with pytest.raises(ValueError, match="must have a finite value"):
            evaluate(f"= {text}", _NAMES)
    else:
        # Whole numbers of Python are exact where floats are not.
        assert evaluate(f"= {text}", _NAMES) == pytest.approx(expected, rel=1e-12)


@given(st.text(max_size=40))
def test_any_text_is_an_expression_or_refused(text):
    try:
        found = evaluate(f"={text}", _NAMES)
    except ValueError as error:
        found = str(error)
    assert isinstance(found, int | float) or found.startswith("must ")


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "a.real", "a[0]", "[a]", "{a}", "a if b else c", "a and b", "not a", "f'{a}'", "'a'", "1j", "True",
     "None", "...", "a := 3", "lambda: a", "sqrt(a, b)", "sqrt(x=a)", "sqrt", "a @ b", "a // b", "a % b", "a << b", "a | b",
     "~b", "a < b", "(a, b)", "*a", "await a", "sum(a)", "sqrt(*a)", "", "a b", "a; b", "a\nb", "print(a)", "a.__class__"],
)  # fmt: skip
def test_what_is_not_on_the_list_is_refused(text):
    with pytest.raises(ValueError, match=r"^must .*; got "):
        evaluate(f"= {text}", _NAMES)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("n", int), ("2 * n", int), ("n / 2", int), ("n / 3", float), ("x", float), ("n * x", float), ("sqrt(n)", float)],
)
def test_whole_numbers_stay_whole(text, kind):
    assert type(evaluate(f"= {text}", {"n": 4, "x": 2.0})) is kind


def test_axes_stay_axes():
    ratio, size = pd.axis("ratio", [1.0, 2.0]), pd.axis("size", [1.0, 4.0, 9.0])
    found = evaluate("= 3 * ratio * sqrt(size)", {"ratio": ratio, "size": size})
    assert found.dims == ("ratio", "size")
    assert found.values.tolist() == [[3.0, 6.0, 9.0], [6.0, 12.0, 18.0]]
    assert pd.rules.gradient(found).rate is found
    with pytest.raises(ValueError, match="finite"):
        evaluate("= log(ratio - 1)", {"ratio": ratio})


def test_names_in_order():
    assert names_in("= b * (a + c * b) ** pi") == ["b", "a", "c"]
