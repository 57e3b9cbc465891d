"""What is written is read again as the same; the schema takes what the reader takes."""

import json

import pytest
from bad_documents import GOOD
from descriptions import SWEET_SPOT
from hypothesis import given
from hypothesis import strategies as st

from plastodyn import experiments

_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
_NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(
    _NUMBERS | _TEXTS | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=6,
)
_ARGUMENTS = st.dictionaries(_TEXTS.filter(lambda key: key not in ("name", "times", "function")), _VALUES, max_size=3)
_AXES = st.one_of(
    st.lists(_NUMBERS, min_size=1, max_size=4, unique_by=float),
    st.lists(_TEXTS, min_size=1, max_size=4, unique=True),
    st.builds(lambda n: {"seeds": n}, st.integers(1, 9)),
    st.builds(lambda a, n: {"from": a, "to": a + n, "by": 1}, st.integers(-9, 9), st.integers(0, 9)),
    st.just({"from": 0.1, "to": 10, "points": 3, "spacing": "log"}),
    st.just({"zip": {"p": [1, 2], "q": ["x", "y"]}}),
)


@given(_ARGUMENTS, st.lists(_ARGUMENTS, min_size=1, max_size=3), _AXES, _TEXTS, st.integers(0, 2**32 - 1))
def test_what_is_written_is_read_again(circuit, rules, axis, title, seed):
    content = {
        "title": title,
        "seed": seed,
        "circuit": {**circuit, "name": "c"},
        "rule": [{**each, "name": "r"} for each in rules],
        "axes": {"other": [1], "mine": axis},
        "run": {"steps": 3, "batch": {"mine": 2}},
        "record": {"loss": {}, "b": {"every": 3}, "a": {"start": -4, "keep": "last"}},
        "analysis": {"late": {"function": "theory.f", "x": 1}, "early": {"function": "measure.g"}},
    }
    document = experiments.from_json(content)
    text = experiments.dump(document)
    again = experiments.parse(text)
    assert again == document
    assert [list(part) for part in (again.axes, again.record, again.analysis)] == [
        ["other", "mine"],
        ["loss", "b", "a"],
        ["late", "early"],
    ]
    assert experiments.dump(again) == text
    shuffled = json.loads(json.dumps(experiments.to_json(document), sort_keys=True))
    back = experiments.from_json(shuffled)
    assert back == document
    assert list(back.record) == list(document.record)


@pytest.mark.parametrize("text", [GOOD, SWEET_SPOT])
def test_the_examples_too(text):
    document = experiments.parse(text)
    comments = {"": "An example.\nOf two lines.", "circuit": "What learns:", "circuit.widths": "inputs first", "rule.name": "x"}
    written = experiments.dump(document, comments)
    assert experiments.parse(written) == document
    assert written.startswith("# An example.\n# Of two lines.\n")
    assert "\n# What learns:\n[circuit]\n" in written
    assert "widths = [4, 3, 2] # inputs first\n" in written


def test_a_comment_for_nothing_is_refused():
    with pytest.raises(ValueError, match=r"comments must be for keys of the document; got 'circuit.lost'"):
        experiments.dump(experiments.parse(GOOD), {"circuit.lost": "x"})


def _valid(text):
    jsonschema = pytest.importorskip("jsonschema")
    import tomllib

    found = experiments.schema()
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found).is_valid(tomllib.loads(text))


@pytest.mark.parametrize("text", [GOOD, SWEET_SPOT])
def test_the_schema_takes_what_the_reader_takes(text):
    assert _valid(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("widths", "widhts"),
        ("steps = 20", "steps = 0"),
        ("steps = 20", "stpes = 20"),
        ('"white"', '"whit"'),
        ("seeds = 2", "seeds = 0"),
        ("by = 0.3", "bye = 0.3"),
        ("seed = 3", 'seed = "3"'),
        ('"mean"', '"maen"'),
        ("inputs = 20", "inputs = true"),
        ('rate = "= size"', 'rat = "= size"'),
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(old, new):
    assert not _valid(GOOD.replace(old, new, 1))
