"""The line of each key is where its value stands: every value here is a number of its own, and is looked for in the text."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plastodyn.experiments.lines import line_of, lines_of

_BARE = st.text("abcXYZ019_-", min_size=1, max_size=4)
_QUOTED = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=5)
_KEYS = st.one_of(_BARE, _QUOTED)
_SPACE = st.sampled_from(["", " ", "  "])
_BREAK = st.sampled_from(["", " ", "\n", "\n # a comment ] } = [\n", " \n\n\t"])
_TREES = st.recursive(
    st.just(None),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=12,
)


def _key(draw, key):
    plain = key and all(sign in "abcXYZ019_-" for sign in key)
    if plain and draw(st.booleans()):
        return key
    return (
        f"'{key}'"
        if "'" not in key and draw(st.booleans())
        else json.dumps(key, ensure_ascii=max(key, default="") < "\ud800" and draw(st.booleans()))
    )


class _Writer:
    """Writes a tree as TOML in any of its forms, and keeps what number stands at which path."""

    def __init__(self, draw):
        self.draw, self.next, self.found = draw, 777_000, {}

    def value(self, tree, path):
        if isinstance(tree, list):
            parts = [self.gap() + self.value(each, (*path, place)) + self.gap() for place, each in enumerate(tree)]
            return "[" + ",".join(parts) + ("," if parts and self.draw(st.booleans()) else "") + self.gap() + "]"
        if isinstance(tree, dict):
            return "{" + ", ".join(self.entry(key, each, path) for key, each in tree.items()) + "}"
        self.next += 1
        self.found[path] = self.next
        around = self.draw(
            st.sampled_from(["{}", '"{}"', "'{}'", '"""{}"""', "'''{}'''", '"{} # ] \\" }}"', "'''\n{}'''", '"""\\\n  {}"""'])
        )
        return around.format(self.next)

    def gap(self):
        return self.draw(_BREAK)

    def entry(self, key, tree, path):
        return f"{_key(self.draw, key)}{self.draw(_SPACE)}={self.draw(_SPACE)}{self.value(tree, (*path, key))}"

    def table(self, tree, path):
        """Keys first, then tables of their own and arrays of tables."""
        later = {key: each for key, each in tree.items() if _is_table(each) and self.draw(st.booleans())}
        text = "".join(self.entry(key, each, path) + "\n" for key, each in tree.items() if key not in later)
        for key, each in later.items():
            header = ".".join(_key(self.draw, part) for part in (*[p for p in path if isinstance(p, str)], key))
            if isinstance(each, dict):
                text += f"[{header}] # a [comment]\n" + self.table(each, (*path, key))
            else:
                for place, inner in enumerate(each):
                    text += f"\n[[{header}]]\n" + self.table(inner, (*path, key, place))
        return text


def _is_table(tree):
    return isinstance(tree, dict) or (isinstance(tree, list) and bool(tree) and all(isinstance(each, dict) for each in tree))


@given(st.data(), st.dictionaries(_KEYS, _TREES, max_size=5))
def test_each_value_stands_on_the_line_that_is_told(data, tree):
    writer = _Writer(data.draw)
    text = writer.table(tree, ())
    content = tomllib.loads(text)
    lines = lines_of(text)
    for path, number in writer.found.items():
        inner = content
        for part in path:
            inner = inner[part]
        assert str(number) in str(inner)
        assert lines[path] == text.count("\n", 0, _start(text, number)) + 1


def _start(text, number):
    """Where the value begins that holds a number: a text may begin a line before."""
    at = text.index(str(number))
    opening = next((each for each in ("'''\n", '"""\\\n  ') if text[:at].endswith(each)), "")
    return at - len(opening)


@given(st.text(max_size=60))
def test_any_text_ends(text):
    assert all(1 <= line <= text.count("\n") + 1 for line in lines_of(text).values())


@pytest.mark.parametrize("opening", ["[", "{a=", "[[", "{", "'''", '"""', "a.", "a=[{b=["])
def test_much_nesting_ends(opening):
    lines_of("a = " + opening * 100_000)


def test_what_is_not_there_is_where_its_table_is():
    lines = lines_of("a = 1\n[[rule]]\nb = 2\n[[rule]]\nsigns = { c = 3 }\n")
    assert line_of(("rule", 1, "rate"), lines) == (("rule", 1, "rate"), 4)
    assert line_of(("rule", 1, "signs", "d"), lines) == (("rule", 1, "signs", "d"), 5)
    assert line_of(("run",), lines) == (("run",), 1)
