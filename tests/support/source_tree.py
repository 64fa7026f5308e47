"""The app's source code as data: modules, what they import, their functions and calls."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "webapp"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the package."""

    name: str
    path: Path
    tree: ast.Module
    lines: int

    @property
    def layer(self) -> str:
        """The folder below the package, or the module's own name."""
        return [*self.name.split("."), ""][1]

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones included."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def source_line(self, node: ast.AST) -> str:
        """The line a node begins on."""
        return self.path.read_text(encoding="utf-8").splitlines()[getattr(node, "lineno", 1) - 1]

    def where(self, node: ast.AST) -> str:
        """`path:line` of a node."""
        return f"{self.path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


@cache
def modules() -> dict[str, Module]:
    """Every module of the package by dotted name."""
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        source = path.read_text(encoding="utf-8")
        found[name] = Module(name, path, ast.parse(source), len(source.splitlines()))
    return found


def imported_names(node: ast.stmt) -> Iterator[str]:
    """What an import statement brings in, fully dotted: a module, or a name in one."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute here"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def all_imports(module: Module) -> Iterator[tuple[ast.stmt, str]]:
    """Every import in a module, also those inside functions."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((node, name) for name in imported_names(node))


def imports_when_loaded(module: Module) -> set[str]:
    """The modules of the package that loading `module` loads."""
    names: set[str] = set()
    for node in _loaded_statements(module.tree.body):
        names.update(as_module(name) for name in imported_names(node))
    return {name for name in names if name in modules() and name != module.name}


def as_module(name: str) -> str:
    """The module that a dotted name is, or that holds it."""
    return name if name in modules() else name.rpartition(".")[0]


def _loaded_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _loaded_statements(node.orelse)
        elif isinstance(node, ast.If | ast.Try):
            yield from _loaded_statements(node.body)
