"""The line on which each key of a TOML text stands, inline tables and arrays of tables included."""

import re
from contextlib import suppress

from plastodyn.experiments.faults import Path

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"""(?:"{1,2}(?!"))?', re.DOTALL),
    re.compile(r"'''.*?'''(?:'{1,2}(?!'))?", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)
_PLAIN = re.compile(r"[^,\]}\n#]*")
_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[btnfre"\\]|x[0-9a-fA-F]{2})')
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}


def lines_of(text: str) -> dict[Path, int]:
    """The line of each key and of each element of an array, counted from 1.

    Args:
        text: valid TOML; of any other text the lines up to its fault.

    Returns:
        For each path the line on which its key stands (of an element, on which it begins).

    Source: this project; TOML 1.0. `tomllib` tells no lines.

    >>> text = ["seed = 1", "[[rule]]", "signs = { layer = [1,", "2] }"]
    >>> lines_of(chr(10).join(text))[("rule", 0, "signs", "layer", 1)]
    4
    """
    scan = _Scan(text)
    with suppress(IndexError, _Lost):
        scan.document()
    return scan.found


def line_of(path: Path, lines: dict[Path, int]) -> tuple[Path, int]:
    """The path as the file has it, and its line; of a path that is not there, the line of the nearest table around it.

    ``rule[0]`` stands for ``rule`` where the file has one table of that name instead of an array of them.

    >>> line_of(("rule", 0, "rate"), {("rule",): 3, ("rule", "rate"): 4})
    (('rule', 'rate'), 4)
    >>> line_of(("run", "steps"), {("run",): 5})
    (('run', 'steps'), 5)
    """
    if len(path) > 1 and path[1] == 0 and path[:2] not in lines and path[:1] in lines:
        path = (path[0], *path[2:])
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return path, lines[path[:length]]
    return path, 1


_DEEPEST = 200
"""No document is nested as deep, and paths would take ever longer."""


class _Lost(Exception):  # noqa: N818 - where the scan ends, not an error of anyone's
    """The text is no TOML from here on."""


class _Scan:
    """One pass over a text; nesting is kept in a list, so that no depth of it overflows."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.line, self.counted = text, 0, 1, 0
        self.found: dict[Path, int] = {}
        self.sizes: dict[Path, int] = {}

    def document(self) -> None:
        """Headers and keys, to the end."""
        table: Path = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.entry(table)
            self.skip(_BLANK)

    def header(self) -> Path:
        """``[a.b]`` or ``[[a.b]]``; the path of its table."""
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        keys = self.keys()
        self.expect("]]" if many else "]")
        path: Path = ()
        for place, key in enumerate(keys):
            path = (*path, key)
            last = place == len(keys) - 1
            self.note(path)
            if last and many:
                self.sizes[path] = self.sizes.get(path, 0) + 1
            if path in self.sizes:
                path = (*path, self.sizes[path] - 1)
                self.note(path)
        return path

    def entry(self, table: Path) -> None:
        """``key = value``."""
        path = self.key_of(table)
        stack: list[tuple[Path, str, int]] = []
        self.begin(path, stack)
        while stack:
            self.go_on(stack)

    def key_of(self, table: Path) -> Path:
        """A dotted key within a table, and its sign of equality."""
        path = table
        for key in self.keys():
            path = (*path, key)
            self.note(path)
        self.expect("=")
        self.skip(_SPACE)
        return path

    def begin(self, path: Path, stack: list[tuple[Path, str, int]]) -> None:
        """A value: what is nested goes on the stack."""
        opening = self.text[self.at]
        if opening in "[{":
            self.at += 1
            stack.append((path, "]" if opening == "[" else "}", 0))
        elif opening in "\"'":
            self.string()
        else:
            self.skip(_PLAIN)

    def go_on(self, stack: list[tuple[Path, str, int]]) -> None:
        """The next element of the innermost array or inline table, or its end."""
        path, closing, count = stack[-1]
        self.skip(_BLANK)
        if self.text[self.at] == ",":
            self.at += 1
            self.skip(_BLANK)
        if self.text[self.at] == closing:
            self.at += 1
            stack.pop()
            return
        stack[-1] = (path, closing, count + 1)
        inner = (*path, count) if closing == "]" else self.key_of(path)
        if len(inner) > _DEEPEST:
            raise _Lost
        self.note(inner)
        before = self.at
        self.begin(inner, stack)
        if self.at == before:
            raise _Lost

    def keys(self) -> list[str]:
        """A dotted key."""
        found = []
        while True:
            self.skip(_SPACE)
            found.append(_plain(self.string()) if self.text[self.at] in "\"'" else self.match(_BARE))
            self.skip(_SPACE)
            if self.text[self.at] != ".":
                return found
            if len(found) > _DEEPEST:
                raise _Lost
            self.at += 1

    def string(self) -> str:
        """A text of any of the four kinds, quotation marks included."""
        long = self.text[self.at] * 3
        kinds = _STRINGS[:2] if self.text.startswith(long, self.at) else _STRINGS[2:]
        for kind in kinds:
            found = kind.match(self.text, self.at)
            if found:
                self.at = found.end()
                return found.group()
        raise _Lost

    def match(self, pattern: re.Pattern[str]) -> str:
        """What stands here, which must not be empty."""
        found = pattern.match(self.text, self.at)
        if not found:
            raise _Lost
        self.at = found.end()
        return found.group()

    def skip(self, pattern: re.Pattern[str]) -> None:
        """Go past what may be empty."""
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def expect(self, sign: str) -> None:
        """Go past a sign."""
        if not self.text.startswith(sign, self.at):
            raise _Lost
        self.at += len(sign)

    def note(self, path: Path) -> None:
        """Keep the line of a path, where it is met first."""
        self.line += self.text.count("\n", self.counted, self.at)
        self.counted = self.at
        self.found.setdefault(path, self.line)


def _plain(quoted: str) -> str:
    if quoted[0] == "'":
        return quoted[1:-1]

    def sign(found: re.Match[str]) -> str:
        code = found.group(1)
        return chr(int(code[1:], 16)) if code[0] in "uUx" else _ESCAPED[code]

    return _ESCAPE.sub(sign, quoted[1:-1])
