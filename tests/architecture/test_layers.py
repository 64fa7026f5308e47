"""Who may import whom. The drawing is in docs/architecture.md; this is what keeps it true."""

import ast
import sys
from graphlib import TopologicalSorter

import pytest

from tests.support.source_tree import Module, all_imports, as_module, imports_when_loaded, modules

SHARED = {
    *("bare_page", "clock", "config", "crypto", "extensions", "log_context"),
    *("outage", "process_identity", "schema", "stop_signals", "task_queue", "version"),
}
"""Modules directly below the package that the layers stand on."""

MAY_IMPORT = {
    "domain": {"domain"},
    "huntress": {"domain", "huntress", "outbound"},
    "outbound": {"domain", "outbound", "clock"},
    "models": {"models", "domain", *SHARED} - {"task_queue"},
    "services": {"domain", "huntress", "models", "outbound", "services", *SHARED},
    "web": {"domain", "models", "services", "web", *SHARED},
    "jobs": {"domain", "jobs", "runtime", "services", *SHARED},
    "runtime": {"app_base", "app_parts", "create_app", "runtime", "services", *SHARED},
}
FORBIDDEN_PACKAGES = {
    "huntress": {"flask", "flask_sqlalchemy", "sqlalchemy", "rq", "redis"},
    "outbound": {"flask", "flask_sqlalchemy", "sqlalchemy", "rq", "redis"},
    "models": {"requests", "rq", "redis"},
    "services": {"flask_login", "flask_wtf", "wtforms", "rq", "click", "requests"},
    "web": {"requests", "rq", "redis"},
}


def layer_of(name: str) -> str:
    return [*name.split("."), ""][1]


def modules_of(layer: str) -> list[Module]:
    return [module for module in modules().values() if module.layer == layer]


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_only_what_it_may(layer):
    assert modules_of(layer), "the layer has gone: this test checks nothing"
    broken = [
        f"{module.where(node)} imports {name}"
        for module in modules_of(layer)
        for node, name in all_imports(module)
        if name.startswith("webapp.") and layer_of(name) not in MAY_IMPORT[layer]
    ]
    assert not broken


def test_the_domain_is_standard_library_only():
    broken = [
        f"{module.where(node)} imports {name}"
        for module in modules_of("domain")
        for node, name in all_imports(module)
        if name.split(".")[0] not in {*sys.stdlib_module_names, "webapp"}
    ]
    assert not broken


@pytest.mark.parametrize("layer", FORBIDDEN_PACKAGES)
def test_a_layer_does_not_know_other_layers_tools(layer):
    broken = [
        f"{module.where(node)} imports {name}"
        for module in modules_of(layer)
        for node, name in all_imports(module)
        if name.split(".")[0] in FORBIDDEN_PACKAGES[layer]
    ]
    assert not broken


def test_only_services_talk_to_huntress():
    broken = [
        f"{module.where(node)} imports {name}"
        for module in modules().values()
        for node, name in all_imports(module)
        if module.layer not in ("services", "huntress")
        and as_module(name) in ("webapp.huntress.client", "webapp.huntress.transport")
    ]
    assert not broken


def test_the_simulated_account_stays_out_of_the_product():
    """Only the demo's commands may start it."""
    broken = [
        f"{module.where(node)} imports {name}"
        for module in modules().values()
        for node, name in all_imports(module)
        if as_module(name).startswith("webapp.huntress.simulator")
        and not module.name.startswith("webapp.huntress.simulator")
        and module.layer != "cli"
    ]
    assert not broken


def test_nothing_imports_in_circles():
    graph = {name: imports_when_loaded(module) for name, module in modules().items()}
    TopologicalSorter(graph).prepare()


def test_imports_stand_at_the_top():
    """Except where starting fast matters: in create_app and in the command."""
    broken = []
    for module in modules().values():
        for function in module.functions():
            is_exempt = module.layer == "cli" or (module.name, function.name) == (
                "webapp",
                "create_app",
            )
            broken += [
                f"{module.where(node)} in {function.name}"
                for node in ast.walk(function)
                if isinstance(node, ast.Import | ast.ImportFrom) and not is_exempt
            ]
    assert not broken
