"""Reads the imports of a package and tells what is wrong with them. Nothing is imported to find out."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple


class Import(NamedTuple):
    """One name that a module takes: from which module, and which name of it (none where it is the module itself)."""

    module: str
    name: str | None
    line: int


class Package:
    """The modules of a package, by their dotted names, and what each imports when it runs."""

    def __init__(self, root: Path) -> None:
        self.name = root.name
        self.files = {_dotted(path, root): path for path in root.rglob("*.py")}
        self.trees = {module: ast.parse(path.read_text()) for module, path in self.files.items()}
        self.imports = {module: list(self._imports(module)) for module in self.files}

    def is_front(self, module: str) -> bool:
        return self.files[module].name == "__init__.py"

    def room(self, module: str) -> str:
        """The part of the package that a module lies in; the package itself for its front door."""
        return [*module.split("."), ""][1]

    def _imports(self, module):
        for node in _running(self.trees[module]):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name in self.files:
                        yield Import(alias.name, None, node.lineno)
            elif isinstance(node, ast.ImportFrom):
                source = self._absolute(module, node)
                for alias in node.names:
                    if f"{source}.{alias.name}" in self.files and not self._shadowed(source, alias.name):
                        yield Import(f"{source}.{alias.name}", None, node.lineno)
                    elif source in self.files:
                        yield Import(source, alias.name, node.lineno)

    def _absolute(self, module, node):
        if not node.level:
            return node.module or ""
        parts = module.split(".")
        parts = parts[: len(parts) - node.level + self.is_front(module)]
        return ".".join([*parts, *filter(None, [node.module])])

    def _shadowed(self, package, name):
        """Whether a front door offers something of the name of one of its modules, as `certify.consolidation` is."""
        for node in self.trees[package].body:
            if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
                return (node.module or "").split(".")[-1] == name
        return False


def _dotted(path, root):
    parts = path.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _running(tree):
    """All nodes but those that only a type checker reads."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting.extend(node.orelse)
            continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))


def upward(package: Package, may: dict[str, set[str]]) -> list[str]:
    """Imports from a room that is not below; ``may`` names, for each room, those that it may import."""
    return [
        f"{module} imports {found.module}"
        for module, imports in package.imports.items()
        for found in imports
        if package.room(module)
        and package.room(found.module) != package.room(module)
        and package.room(found.module) not in may[package.room(module)]
    ]


def front_doors(package: Package) -> list[str]:
    """Modules that import names through the front door of a room that they lie in; that of the house is for `upward`."""
    return [
        f"{module} imports {found.name} from {found.module}, in which it lies"
        for module, imports in package.imports.items()
        for found in imports
        if package.room(found.module) and (module == found.module or module.startswith(found.module + "."))
    ]


def private_names(package: Package) -> list[str]:
    """Names with a leading underscore taken from another module, by import or as an attribute of an imported module."""
    wrong = []
    for module, imports in package.imports.items():
        room = package.room(module)
        for found in imports:
            parts = [*found.module.split("."), found.name or ""]
            if package.room(found.module) != room and any(map(_private, parts)):
                wrong.append(f"{module} takes {found.module}.{found.name}")
        elsewhere = set(_bound_modules(package, module, room))
        taken = [node for node in ast.walk(package.trees[module]) if isinstance(node, ast.Attribute) and _private(node.attr)]
        wrong += [f"{module} takes {ast.unparse(node)}" for node in taken if ast.unparse(node.value) in elsewhere]
    return wrong


def _bound_modules(package, module, room):
    """The names under which a module knows modules, and things that they hold, of other rooms."""
    for node in _running(package.trees[module]):
        if isinstance(node, ast.Import | ast.ImportFrom):
            source = node.module if isinstance(node, ast.ImportFrom) else None
            for alias in node.names:
                whole = f"{source}.{alias.name}" if source else alias.name
                if whole.split(".")[0] == package.name and package.room(whole) != room:
                    yield alias.asname or alias.name


def _private(name):
    return name.startswith("_") and not name.startswith("__")


def cycles(package: Package) -> list[str]:
    """A ring of modules that import one another, if there is any."""
    graph = {module: {found.module for found in imports} - {module} for module, imports in package.imports.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" -> ".join(reversed(error.args[1]))]
    return []


def not_public(package: Package, room: str, public: set[str]) -> list[str]:
    """Imports of one room that reach behind the front doors of others, or into rooms that are not public."""
    wrong = []
    for module, imports in package.imports.items():
        if package.room(module) != room:
            continue
        for found in imports:
            other = package.room(found.module)
            doors = {package.name, *(f"{package.name}.{name}" for name in public)}
            named = found.module in doors or _listed(package, found.module)
            if other != room and (other not in {"", *public} or not named):
                wrong.append(f"{module} imports {found.module}")
    return wrong


def _listed(package, module):
    """Whether every package on the way to a module lists the next one in its ``__all__``."""
    parts = module.split(".")
    return all(parts[i] in _all(package.trees[".".join(parts[:i])]) for i in range(1, len(parts)))


def _all(tree):
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return []
