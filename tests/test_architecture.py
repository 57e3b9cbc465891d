"""Imports flow one way: circuit -> rule -> simulation -> measure / theory -> figures -> papers -> command line."""

import ast
from pathlib import Path

import plastodyn

ROOT = Path(plastodyn.__file__).parent
# Each room may import from those named; the foundations may be imported by all.
FOUNDATIONS = {"checks", "tree", "devices", "provenance", "modules"}
MAY = {
    "perturbations": set(),
    "circuits": {"perturbations"},
    "protocol": {"circuits"},
    "fluctuations": {"protocol"},
    "rules": {"protocol", "circuits", "fluctuations"},
    "simulation": {"protocol", "circuits", "rules"},
    "sweeps": {"simulation"},
    "theory": set(),
    "certify": {"theory"},
    "measure": {"protocol", "circuits", "rules", "fluctuations", "theory"},
    "figures": set(),
}


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "plastodyn":
            parts = node.module.split(".")
            yield from ([parts[1]] if len(parts) > 1 else [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("plastodyn."))


def test_imports_flow_one_way():
    wrong = [
        f"{path.relative_to(ROOT)} imports {found}"
        for room, allowed in MAY.items()
        for path in ([ROOT / f"{room}.py"] if (ROOT / f"{room}.py").exists() else (ROOT / room).rglob("*.py"))
        for found in _imports(path)
        if found not in allowed | FOUNDATIONS | {room}
    ]
    assert not wrong


def test_papers_use_the_public_interface_only():
    public = {"papers", "figures", "theory", "rules", "circuits", "measure", "certify"}
    wrong = [
        f"{path.name} imports {found}"
        for path in (ROOT / "papers").rglob("*.py")
        for found in _imports(path)
        if found not in public
    ]
    assert not wrong


def test_no_file_is_longer_than_400_lines():
    assert not [path for path in ROOT.rglob("*.py") if len(path.read_text().splitlines()) > 400]
