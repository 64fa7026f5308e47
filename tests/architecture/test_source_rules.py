"""Rules for the source code that hold for every module, whoever writes it."""

import ast
import statistics
from collections.abc import Iterator

import pytest

from tests.support.source_tree import Module, modules

MAX_MODULE_LINES, MEDIAN_MODULE_LINES = 400, 130
MAX_FUNCTION_LINES, MEDIAN_FUNCTION_LINES, MOST_FUNCTION_LINES = 60, 9, 35
DOCUMENTED_LAYERS = ("domain", "services", "huntress", "outbound")
CLOCK = "webapp.clock"
SYSTEM_CLOCKS = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"),
    *("datetime.datetime.now", "datetime.datetime.utcnow"),
}


def is_simulator(module: Module) -> bool:
    """The simulated account is a program of its own, with its own clock."""
    return module.name.startswith("webapp.huntress.simulator")


def attributes(module: Module) -> Iterator[ast.Attribute]:
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.Attribute))


def function_lines() -> dict[str, int]:
    return {
        f"{module.where(function)} {function.name}": (function.end_lineno or 0)
        - function.lineno
        + 1
        for module in modules().values()
        for function in module.functions()
    }


def test_no_module_is_too_long():
    lengths = {module.name: module.lines for module in modules().values()}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_MODULE_LINES} == {}
    assert statistics.median(lengths.values()) <= MEDIAN_MODULE_LINES


def test_no_function_is_too_long():
    lengths = function_lines()
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES} == {}
    assert statistics.median(lengths.values()) <= MEDIAN_FUNCTION_LINES
    assert statistics.quantiles(lengths.values(), n=10)[-1] <= MOST_FUNCTION_LINES


def test_only_one_module_commits():
    broken = [
        module.where(node)
        for module in modules().values()
        for node in attributes(module)
        if node.attr in ("commit", "rollback") and module.name != "webapp.services.transactions"
    ]
    assert not broken


def test_only_one_module_asks_what_time_it_is():
    broken = [
        f"{module.where(node)} {ast.unparse(node)}"
        for module in modules().values()
        for node in attributes(module)
        if ast.unparse(node) in SYSTEM_CLOCKS and module.name != CLOCK and not is_simulator(module)
    ]
    assert not broken


def test_clocks_cannot_be_had_under_another_name():
    """`from time import time` would get past the rule above."""
    names = {"time": {"time", "sleep"}, "datetime": set()}
    broken = [
        module.where(node)
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom)
        and {alias.name for alias in node.names} & names.get(node.module or "", set())
    ]
    assert not broken


@pytest.mark.parametrize("layer", DOCUMENTED_LAYERS)
def test_what_others_call_says_what_it_promises(layer):
    broken = [
        f"{module.where(node)} {node.name}"
        for module in modules().values()
        if module.layer == layer
        for node in public_definitions(module)
        if ast.get_docstring(node) is None
    ]
    assert not broken


def public_definitions(
    module: Module,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public functions and classes, and the public methods of classes that inherit nothing."""
    for node in module.tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if node.name.startswith("_"):
            continue
        yield node
        if isinstance(node, ast.ClassDef) and not node.bases and not is_simulator(module):
            yield from (
                method
                for method in node.body
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_")
            )


def test_every_module_says_what_it_is_for():
    empty = {name for name, module in modules().items() if not module.tree.body}
    broken = [
        name
        for name, module in modules().items()
        if name not in empty and ast.get_docstring(module.tree) is None
    ]
    assert not broken


def test_nothing_swallows_every_error():
    """`except Exception` hides the cause, unless it is raised again or logged with its trace.

    Where neither is right, the reason stands behind the linter's mark.
    """
    broken = [
        module.where(node)
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and not any(map(keeps_the_cause, ast.walk(node)))
        and "noqa: BLE001 - " not in module.source_line(node)
    ]
    assert not broken


def keeps_the_cause(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise) or (
        isinstance(node, ast.Attribute) and node.attr == "exception"
    )


def test_a_ticket_is_closed_and_reopened_in_one_place():
    """Status and closed time belong together: nobody else writes a ticket's closed time."""
    broken = [
        module.where(node)
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Attribute)
        and target.attr == "closed_at"
        and module.name != "webapp.services.tickets.ticket_state"
    ]
    assert not broken
