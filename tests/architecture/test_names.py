"""One name means one thing: whoever looks for it finds it in one place."""

import ast
from collections import defaultdict

from tests.support.source_tree import modules

FRONTS = {"cli", "web"}
"""Their functions bear the words of commands and addresses: each area has its `show`."""


def defined_in(
    kind: type[ast.ClassDef] | type[ast.FunctionDef], without: set[str]
) -> dict[str, list[str]]:
    """The modules that define each public name at their top level."""
    found: dict[str, list[str]] = defaultdict(list)
    for module in modules().values():
        if module.layer not in without:
            for node in module.tree.body:
                if isinstance(node, kind) and not node.name.startswith("_"):
                    found[node.name].append(module.name)
    return found


def several(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """The names that more than one module defines."""
    return {name: places for name, places in found.items() if len(places) > 1}


def test_no_two_classes_bear_one_name() -> None:
    assert several(defined_in(ast.ClassDef, without=set())) == {}


def test_no_two_functions_behind_the_pages_bear_one_name() -> None:
    assert several(defined_in(ast.FunctionDef, without=FRONTS)) == {}
