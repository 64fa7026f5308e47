"""A fact has one home: no constant is defined twice, no length is written into a page."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from tests.support.source_tree import ROOT, Module, modules

TWO_FACTS = {
    "BATCH": "transactions that are as large as they may be, each for its own reason",
    "CLOSED": "a figure of the dashboard, and a word in an address of the ticket list",
    "INACTIVE": "a word in the addresses of two lists that know nothing of each other",
    "UP": "a word in the addresses of two pages that know nothing of each other",
    "WORD_LENGTH": "of Huntress's words, and of those that narrow the audit log",
}
"""Names that mean two things which happen to be equal."""

ONLY_HERE = {'"maxlength": 9', 'maxlength="300"'}
"""Limits that one field has and no other: digits of a number, a client's name as it is typed."""


def constants(module: Module) -> Iterator[tuple[str, str]]:
    """Name and value of what a module defines in capitals."""
    for node in module.tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.isupper():
                yield name.lstrip("_"), ast.unparse(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                if name.isupper():
                    yield name.lstrip("_"), ast.unparse(value)


def test_no_constant_is_defined_twice() -> None:
    homes = defaultdict(list)
    for module in modules().values():
        for constant in constants(module):
            homes[constant].append(module.name)
    assert homes["NAME_LENGTH", "200"] == ["webapp.models.columns"]
    twice = {
        f"{name} = {value}": found
        for (name, value), found in homes.items()
        if len(found) > 1 and name not in TWO_FACTS
    }
    assert twice == {}


def test_options_of_statements_are_written_once() -> None:
    broken = {
        module.name
        for module in modules().values()
        for node in ast.walk(module.tree)
        if "synchronize_session"
        in (getattr(node, "value", None), getattr(node, "arg", None))  # in a dict, or by name
    }
    assert broken == {"webapp.services.transactions"}


def test_lengths_of_fields_come_from_the_services() -> None:
    written = {
        found
        for path in (ROOT / "webapp/templates").rglob("*.html")
        for found in re.findall(r'"?maxlength"?[=:] ?"?\d+"?', path.read_text(encoding="utf-8"))
    }
    assert written == ONLY_HERE
