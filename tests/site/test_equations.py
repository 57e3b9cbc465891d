"""Every equation of the site has the structure that its TeX says."""

import ast
import re
from pathlib import Path

import pytest
from site_parts.tex import mathml
from tex_tree import flat, from_mathml, from_tex

ROOT = Path(__file__).parents[2]
PAGES = [path for path in sorted((ROOT / "docs").rglob("*.md")) if not {"_build", "gallery_data"} & set(path.parts)]
_CODE = re.compile(r"^(`{3,}|:::+).*?^\1\s*$|(`+).+?\2", re.DOTALL | re.MULTILINE)
_MATH = re.compile(r"\$\$(.+?)\$\$|(?<!\\)\$([^$\n]+?)\$", re.DOTALL)
_ROLE = re.compile(r":math:`([^`]+)`|\.\. math:: *(.+?)(?:\n\s*\n|$)", re.DOTALL)


def _of_page(path):
    return [displayed or inline for displayed, inline in _MATH.findall(_CODE.sub("", path.read_text()))]


def _of_docstrings(path):
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)]
    return [inline or displayed for text in texts for inline, displayed in _ROLE.findall(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_equations_of_pages(page):
    for tex in _of_page(page):
        assert from_mathml(mathml(tex, displayed=True)) == flat(from_tex(tex)), tex


def test_equations_of_docstrings():
    for path in (ROOT / "src").rglob("*.py"):
        for tex in _of_docstrings(path):
            assert from_mathml(mathml(tex, displayed=False)) == flat(from_tex(tex)), (path, tex)


def test_equations_are_found():
    found = {page.stem: len(_of_page(page)) for page in PAGES}
    assert min(found[name] for name in ("raman2021", "theory_curl", "theory_consolidation")) > 20
    assert _ROLE.findall(":math:`x`\n\n.. math:: y\n\nz") == [("x", ""), ("", "y")]


@pytest.mark.parametrize(
    ("tex", "structure"),
    [
        (r"F = \tfrac12 w'Hw", ["F", "=", ("frac", ["1"], ["2"]), ("script", ["w"], [], ["′"]), "H", "w"]),
        (r"\frac23 x", [("frac", ["2"], ["3"]), "x"]),
        (r"\tfrac14", [("frac", ["1"], ["4"])]),
        (r"\frac\alpha{12}", [("frac", ["α"], ["1", "2"])]),
        (r"\dot w_1", [("script", [("script", ["w"], [], ["˙"])], ["1"], [])]),
        (r"x_1^2", [("script", ["x"], ["1"], ["2"])]),
        (r"10^{-12}", ["1", ("script", ["0"], [], ["−", "1", "2"])]),
        (r"\sqrt{\frac{a}{b}}", [("root", [("frac", ["a"], ["b"])])]),
        (r"\left(x\right)^2", [("script", ["(", "x", ")"], [], ["2"])]),
        (r"\operatorname{var} w_i", ["v", "a", "r", ("script", ["w"], ["i"], [])]),
        (r"\sum_{i=1}^n i", [("script", ["∑"], ["i", "=", "1"], ["n"]), "i"]),
        (r"\begin{pmatrix} a & -b \\ 1 & 0 \end{pmatrix}", ["(", ("table", [[["a"], ["−", "b"]], [["1"], ["0"]]]), ")"]),
    ],
)
def test_structure(tex, structure):
    assert from_mathml(mathml(tex, displayed=False)) == structure
    assert flat(from_tex(tex)) == structure


def test_letters_stand_as_tex_sets_them():
    assert mathml(r"\mathbf{1}", displayed=False) == "<math><mi>𝟏</mi></math>"
    assert "normal" in mathml(r"\mathrm{d}", displayed=False)
    assert "stretchy" not in mathml(r"\left(\frac{a}{b}\right)", displayed=True)


@pytest.mark.parametrize(
    ("tex", "room"),
    [(r"|F|", 1), (r"|F|^2", 1), (r"E[F]", 1), (r"|v|", 0), (r"F_i)", 0), (r"F + 1", 0), (r"I)", 1), ("H", 1), ("w", 0)],
)
def test_slanted_letters_keep_clear_of_what_closes_behind_them(tex, room):
    assert mathml(tex, displayed=False).count('<mspace width="0.12em"/>') == room


def test_each_character_is_in_the_font_of_the_site():
    from fontTools.ttLib import TTFont

    known = set(TTFont(ROOT / "docs/_static/plastodyn-math.woff").getBestCmap())
    drawn = {
        ord(c)
        for page in PAGES
        for tex in _of_page(page)
        for c in re.sub("<[^>]*>|&[A-Za-z]+;", "", mathml(tex, displayed=True))
    }
    assert {chr(code) for code in drawn - known} <= set("\n")
