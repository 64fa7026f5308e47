"""No database transaction is held across a call to Huntress."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.support.source_tree import Function, Module, all_imports, as_module, modules

UNITS_OF_WORK = {"transaction", "reading"}


@dataclass(frozen=True, slots=True)
class Callee:
    """A function that a call could mean: its module and its name."""

    module: str
    name: str


def calls(node: ast.AST) -> Iterator[ast.Call]:
    return (inner for inner in ast.walk(node) if isinstance(inner, ast.Call))


def is_huntress_call(call: ast.Call) -> bool:
    """`client.get_agent(…)`, `cycle.client.list_agents(…)`, `HuntressClient(…).get_account()`."""
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr == "close":
        return False
    owner = function.value
    if isinstance(owner, ast.Call):
        owner = owner.func
    name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
    return name in ("client", "HuntressClient", "_client")


@cache
def imported_from(module_name: str) -> dict[str, str]:
    """The imported names of a module and where they come from."""
    imports = all_imports(modules()[module_name])
    return {name.rpartition(".")[2]: as_module(name) for _, name in imports}


def callees(module: Module, call: ast.Call) -> Iterator[Callee]:
    """What a call leads to: a function by its name, a method of its own, one that it hands on."""
    imported = imported_from(module.name)
    for node in (call.func, *call.args):
        if isinstance(node, ast.Name):
            yield Callee(imported.get(node.id, module.name), node.id)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self":
            yield Callee(module.name, node.attr)


def service_functions() -> list[tuple[Module, Function]]:
    return [
        (module, function)
        for module in modules().values()
        if module.layer == "services"
        for function in module.functions()
    ]


@cache
def functions_that_call_huntress() -> frozenset[Callee]:
    """Directly, or through another service."""
    found: set[Callee] = set()
    callers: dict[Callee, set[Callee]] = {}
    for module, function in service_functions():
        caller = Callee(module.name, function.name)
        for call in calls(function):
            if is_huntress_call(call):
                found.add(caller)
            for callee in callees(module, call):
                callers.setdefault(callee, set()).add(caller)
    new = set(found)
    while new:
        new = {caller for callee in new for caller in callers.get(callee, ())} - found
        found |= new
    return frozenset(found)


def units_of_work(function: ast.AST) -> Iterator[ast.With]:
    for node in ast.walk(function):
        if isinstance(node, ast.With) and any(
            isinstance(item.context_expr, ast.Call)
            and getattr(item.context_expr.func, "id", "") in UNITS_OF_WORK
            for item in node.items
        ):
            yield node


def test_the_check_sees_who_calls_huntress():
    """Were the client renamed, the test below would pass without looking at anything."""
    names = {callee.name for callee in functions_that_call_huntress()}
    assert {"poll_connection", "sync_organizations", "connect_account"} <= names
    assert any(True for _, function in service_functions() for _ in units_of_work(function))


def test_no_transaction_is_held_across_a_call_to_huntress():
    callers = functions_that_call_huntress()
    broken = {
        module.where(call)
        for module, function in service_functions()
        for block in units_of_work(function)
        for statement in block.body
        for call in calls(statement)
        if is_huntress_call(call) or not callers.isdisjoint(callees(module, call))
    }
    assert not broken


def test_units_of_work_are_not_nested():
    """A commit inside would tear the outer one apart."""
    broken = {
        module.where(inner)
        for module, function in service_functions()
        for block in units_of_work(function)
        for statement in block.body
        for inner in units_of_work(statement)
    }
    assert not broken
