"""The structure of an equation, read from its TeX by a reader of its own, and from MathML: the two must agree.

Either becomes a list of single characters and of tuples: ("frac", above, below), ("root", inside), ("script", base, below,
above) and ("table", rows). Numbers and words are taken apart into characters, and spaces are dropped.
"""

import re
import unicodedata
from xml.etree import ElementTree

Node = str | tuple
_GREEK = "alpha beta gamma delta zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon chi psi omega"
_CAPITAL = "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"


def _named(case: str, name: str) -> str:
    # Unicode spells one of them in another way.
    return unicodedata.lookup(f"GREEK {case} LETTER {name.upper().replace('LAMBDA', 'LAMDA')}")


SYMBOLS = {
    **{name: _named("SMALL", name) for name in _GREEK.split()},
    **{name: _named("CAPITAL", name) for name in _CAPITAL.split()},
    **{"epsilon": "ϵ", "varepsilon": "ε", "phi": "ϕ", "varphi": "φ", "nabla": "∇", "partial": "∂", "infty": "∞", "top": "⊤"},
    **{"ast": "∗", "cdot": "⋅", "times": "×", "pm": "±", "le": "≤", "ge": "≥", "approx": "≈", "to": "→", "leftarrow": "←"},
    **{"langle": "⟨", "rangle": "⟩", "lvert": "|", "rvert": "|", "cdots": "⋯", "sum": "∑", "int": "∫", "in": "∈", "neq": "≠"},
    **{"{": "{", "}": "}", "%": "%", "rightarrow": "→", "mapsto": "↦", "propto": "∝", "sim": "∼", "ll": "≪", "gg": "≫"},
}
_PLAIN = {"-": "−", "*": "∗", "'": "′"}
_WORDS = {"sin", "cos", "tan", "log", "ln", "exp", "det", "max", "min", "arctan", "cosh", "sinh", "tanh", "tr"}
_ACCENTS = {"dot": "˙", "ddot": "¨", "hat": "^", "bar": "¯", "tilde": "~", "vec": "→"}
_SPACES = {",", ";", "!", ":", " ", "quad", "qquad"}
_SIZES = {"Bigl", "Bigr", "bigl", "bigr", "displaystyle"}
_FONTS = {"mathbf", "mathrm", "mathit", "mathcal", "mathbb", "operatorname", "text"}
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)


def from_tex(tex: str) -> list[Node]:
    """The structure that TeX itself would give an equation."""
    reader = _Reader(list(_TOKEN.findall(tex)))
    found = reader.row(until=None)
    assert not reader.tokens, f"not read: {reader.tokens}"
    return found


class _Reader:
    """Reads tokens from the front; each method takes what it has read."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def row(self, until: str | None) -> list[Node]:
        found: list[Node] = []
        while self.next() != until:
            if self.next() in ("^", "_", "'"):
                found[-1:] = [self.script(found[-1:])]
            else:
                found += self.atom()
        return found

    def next(self) -> str | None:
        while self.tokens and (self.tokens[0].isspace() or (self.tokens[0][1:] in _SPACES and self.tokens[0][0] == "\\")):
            self.tokens.pop(0)
        return self.tokens[0] if self.tokens else None

    def take(self) -> str:
        token = self.next()
        assert token is not None, "the equation ends too soon"
        return self.tokens.pop(0)

    def script(self, base: list[Node]) -> Node:
        parts: dict[str, list[Node]] = {"_": [], "^": []}
        while self.next() in ("^", "_", "'"):
            mark = self.take()
            parts["^" if mark == "'" else mark] += ["′"] if mark == "'" else self.argument()
        return ("script", _opened(base), parts["_"], parts["^"])

    def argument(self) -> list[Node]:
        """A group in braces, or the next single thing: one digit of a number."""
        if self.next() != "{":
            return self.atom()
        self.take()
        found = self.row(until="}")
        self.take()
        return found

    def atom(self) -> list[Node]:
        token = self.next()
        if token == "{":
            return self.argument()
        token = self.take()
        return self.command(token[1:]) if token.startswith("\\") else [_PLAIN.get(token, token)]

    def command(self, name: str) -> list[Node]:
        if name in SYMBOLS:
            return [SYMBOLS[name]]
        if name == "ldots":
            return list("...")
        if name in _WORDS:
            return [("word", list(name))]
        if name in ("frac", "tfrac", "dfrac"):
            return [("frac", self.argument(), self.argument())]
        if name == "sqrt":
            return [("root", self.argument())]
        if name in _ACCENTS:
            return [("script", self.argument(), [], [_ACCENTS[name]])]
        if name in _FONTS:
            return [("word", self.argument())]
        if name in _SIZES:
            return []
        if name == "left":
            return [("group", self.delimiter() + self.row(until="\\right") + self.closing())]
        assert name == "begin", f"a command that the test does not know: \\{name}"
        return [self.table()]

    def closing(self) -> list[Node]:
        self.take()
        return self.delimiter()

    def delimiter(self) -> list[Node]:
        return [] if self.next() == "." and self.take() else self.atom()

    def table(self) -> Node:
        kind = "".join(self.argument())  # type: ignore[arg-type]
        rows: list[list[list[Node]]] = [[[]]]
        while self.next() != "\\end":
            if self.next() == "&":
                self.take()
                rows[-1].append([])
            elif self.next() == "\\\\":
                self.take()
                rows.append([[]])
            elif self.next() in ("^", "_", "'"):
                rows[-1][-1][-1:] = [self.script(rows[-1][-1][-1:])]
            else:
                rows[-1][-1] += self.atom()
        self.take()
        assert "".join(self.argument()) == kind  # type: ignore[arg-type]
        found = ("table", rows)
        return ("group", ["(", found, ")"]) if kind == "pmatrix" else found


def _opened(nodes: list[Node]) -> list[Node]:
    """What groups and words hold, in their place."""
    return [part for node in nodes for part in (_opened(node[1]) if node[0] in ("group", "word") else [node])]


def flat(nodes: list[Node]) -> list[Node]:
    """The structure without groups and words, which change only what a script belongs to."""
    return [_flat_inside(node) if isinstance(node, tuple) else node for node in _opened(nodes)]


def _flat_inside(node: tuple) -> tuple:
    if node[0] == "table":
        return ("table", [[flat(cell) for cell in row] for row in node[1]])
    return (node[0], *(flat(part) for part in node[1:]))


_SCRIPTS = {"msub": (0, 1, None), "msup": (0, None, 1), "msubsup": (0, 1, 2)}
_SCRIPTS |= {"munder": (0, 1, None), "mover": (0, None, 1), "munderover": (0, 1, 2)}
_INVISIBLE = "\u2061\u2062\u2063\u2064\u200b"
_SAME = {"ˆ": "^", "*": "∗", "-": "−", "·": "⋅", "̇": "˙", "ˉ": "¯", "∣": "|", "ε": "ε"}


def from_mathml(source: str) -> list[Node]:
    """The structure that a browser draws."""
    # Names of characters that XML does not know.
    source = (
        source.replace("&ApplyFunction;", "").replace("&nbsp;", " ").replace('xmlns="http://www.w3.org/1998/Math/MathML"', "")
    )
    return flat(_read(ElementTree.fromstring(source)))


def _read(element: ElementTree.Element) -> list[Node]:
    name, children = element.tag, list(element)
    if name in ("mi", "mn", "mo", "mtext"):
        return _characters(element.text or "")
    if name == "mspace":
        return []
    if name == "mfrac":
        return [("frac", _read(children[0]), _read(children[1]))]
    if name == "msqrt":
        return [("root", _row(children))]
    if name in _SCRIPTS:
        base, below, above = ([] if place is None else _read(children[place]) for place in _SCRIPTS[name])
        # In 10^2 TeX gives the exponent to the last digit, MathML to the number: the same to the eye.
        earlier = base[:-1] if children[0].tag == "mn" else []
        return [*earlier, ("script", base[len(earlier) :], below, above)]
    if name == "mtable":
        return [("table", [[_row(list(cell)) for cell in row] for row in children])]
    assert name in ("math", "mrow", "mstyle", "mpadded"), f"an element that no equation should have: {name}"
    return _row(children)


def _row(elements: list[ElementTree.Element]) -> list[Node]:
    return [part for element in elements for part in _read(element)]


def _characters(text: str) -> list[Node]:
    plain = (unicodedata.normalize("NFKC", c) if 0x1D400 <= ord(c) <= 0x1D7FF or c in "ℎ‴" else c for c in text)
    return [
        _SAME.get(c, c)
        for c in "".join(plain).replace("…", "...").replace("″", "′′")
        if not c.isspace() and c not in _INVISIBLE
    ]
