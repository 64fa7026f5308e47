"""Routes are written one way: decorated functions, in modules named after them."""

import ast
from collections.abc import Iterator

import pytest

from tests.support.source_tree import Function, Module, modules

VERBS = {"get", "post", "route"}
ACCESS = {"public", "for_oneself", "signed_in", "admin_only"}
BY_HAND = {"add_url_rule", "record", "record_once"}
NUMBERS = "webapp.web.params"


def pages() -> list[Module]:
    return [module for module in modules().values() if module.layer == "web"]


def route_modules() -> list[Module]:
    return [module for module in pages() if module.name.endswith("_routes")]


def is_route(decorator: ast.expr) -> bool:
    """Whether it is `@blueprint.get("/…")` or one of its kind."""
    return (
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in VERBS
    )


def views(module: Module) -> Iterator[Function]:
    """The functions that a decorator makes a route, wherever they stand."""
    for function in module.functions():
        if any(map(is_route, function.decorator_list)):
            yield function


def test_there_are_routes_to_look_at() -> None:
    assert len(route_modules()) > 20
    assert sum(1 for module in pages() for _ in views(module)) > 100


def test_nothing_registers_a_route_by_hand() -> None:
    broken = [
        module.where(node)
        for module in pages()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and (node.attr in BY_HAND or (node.attr in VERBS and is_called_on_a_view(module, node)))
    ]
    assert not broken


def is_called_on_a_view(module: Module, verb: ast.Attribute) -> bool:
    """Whether it is `blueprint.get("/…")(view)`."""
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and node.func.func is verb
        for node in ast.walk(module.tree)
    )


def test_routes_stand_in_modules_named_after_them() -> None:
    elsewhere = [
        f"{module.where(view)} {view.name}"
        for module in pages()
        for view in views(module)
        if module not in route_modules() or view not in module.tree.body
    ]
    assert not elsewhere
    assert not [module.name for module in route_modules() if not list(views(module))]


def test_a_route_says_who_may_open_it_in_the_next_line() -> None:
    broken = [
        f"{module.where(view)} {view.name}"
        for module in route_modules()
        for view in views(module)
        if not is_route(view.decorator_list[0]) or ast.unparse(view.decorator_list[1]) not in ACCESS
    ]
    assert not broken


def test_no_get_writes_but_the_answer_that_a_redirect_brings() -> None:
    """OpenID Connect answers by a redirect, and it ties the answer to a cookie of this browser."""
    writing = {
        view.name
        for module in pages()
        for view in views(module)
        if "writes_on_get" in map(ast.unparse, view.decorator_list)
    }
    assert writing == {"take_provider_answer"}


def test_what_a_module_with_routes_shows_is_decorated() -> None:
    """A public function that Flask is told nothing of is a page nobody can open."""
    broken = [
        f"{module.where(node)} {node.name}"
        for module in route_modules()
        for node in module.tree.body
        if isinstance(node, Function) and not node.name.startswith("_") and not node.decorator_list
    ]
    assert not broken


@pytest.mark.parametrize("module", route_modules(), ids=lambda module: module.name)
def test_a_blueprint_is_made_where_all_its_routes_stand_or_in_a_module_of_its_own(
    module: Module,
) -> None:
    """One that several modules share has `blueprint.py`, as they all see it from there."""
    used = {ast.unparse(view.decorator_list[0].func.value) for view in views(module)}  # type: ignore[attr-defined]
    assert len(used) == 1, "one blueprint a module"
    made = {
        other.name
        for other in pages()
        if other.name.rpartition(".")[0] == module.name.rpartition(".")[0]
        for node in other.tree.body
        if isinstance(node, ast.Assign)
        and ast.unparse(node.targets[0]) in used
        and ast.unparse(node.value).startswith("Blueprint(")
    }
    area = module.name.rpartition(".")[0]
    assert made in ({module.name}, {f"{area}.blueprint"})


def test_every_module_with_routes_is_loaded_by_its_area() -> None:
    broken = []
    for module in route_modules():
        area = modules()[module.name.rpartition(".")[0]]
        if module.name.rpartition(".")[2] not in ast.unparse(area.tree):
            broken.append(module.name)
    assert not broken


def test_digits_are_read_in_one_place() -> None:
    """`isdigit` and `isdecimal` take digits of every script, `int` takes spaces and underscores."""
    broken = [
        module.where(node)
        for module in pages()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("isdigit", "isdecimal", "isnumeric")
        and module.name != NUMBERS
    ]
    assert not broken
