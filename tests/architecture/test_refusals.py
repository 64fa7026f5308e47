"""Refusals: four kinds, each class for people is of one, and one place knows their statuses."""

import ast
import inspect
from importlib import import_module
from itertools import combinations

import pytest

from tests.support.source_tree import ROOT, modules
from webapp.services.errors import (
    ConflictError,
    FieldError,
    NotFoundError,
    RefusedError,
    ServiceError,
)

KINDS = (NotFoundError, RefusedError, ConflictError, FieldError)
NOT_FOR_PEOPLE = {
    "GlobalProcessingError": "ends a poll, which says why in its result",
    "LeaseLostError": "stops a poll that another one took over",
    "NestedTransactionError": "is a mistake in our code",
    "NoFreeCallsError": "ends a proof, which says why in its result",
    "NoWaitError": "makes a step of a poll give up its call",
    "UnusableReportError": "sends a report to quarantine, which keeps the sentence",
    "_TrialOverError": "rolls a trial back",
}
"""Exceptions of the services that never reach the person who asked, and what each does instead."""

CONFLICTS = {
    "EditConflictError": (
        "tests/web/clients/test_clients_pages.py",
        "test_edits_that_collide_are_shown_and_not_lost",
    ),
    "ImportChangedError": (
        "tests/web/clients/test_csv_import_pages.py",
        "test_what_changed_since_the_preview_is_shown_again",
    ),
    "NoteConflictError": (
        "tests/web/tickets/test_notes.py",
        "test_an_edit_from_another_window_is_not_overwritten",
    ),
    "StaleMappingError": (
        "tests/web/mapping/test_mapping_saving.py",
        "test_what_somebody_else_saved_is_never_overwritten",
    ),
    "StaleRoutingError": (
        "tests/web/connections/test_routing_form.py",
        "test_what_somebody_else_saved_is_not_overwritten",
    ),
    "TicketConflictError": (
        "tests/web/tickets/test_ticket_page.py",
        "test_two_people_cannot_overwrite_each_other",
    ),
    "UserConflictError": (
        "tests/web/people/test_users_pages.py",
        "test_two_admins_on_one_person",
    ),
}
"""By conflict: the test that collides with somebody on a page, and gets 409."""


def exceptions_of_the_services() -> list[type[Exception]]:
    """Every exception class that a module of the services defines."""
    return [
        found
        for name, module in modules().items()
        if module.layer == "services"
        for found in vars(import_module(name)).values()
        if inspect.isclass(found) and issubclass(found, Exception) and found.__module__ == name
    ]


def test_every_exception_for_people_is_of_one_kind() -> None:
    found = exceptions_of_the_services()
    assert {one.__name__ for one in found} >= {*NOT_FOR_PEOPLE, *CONFLICTS}
    broken = [
        one.__name__
        for one in found
        if one is not ServiceError
        and one.__name__ not in NOT_FOR_PEOPLE
        and sum(issubclass(one, kind) for kind in KINDS) != 1
    ]
    assert not broken
    assert {kind for kind in found if kind.__base__ is ServiceError} == set(KINDS)


def test_no_kind_is_another() -> None:
    assert not any(issubclass(a, b) or issubclass(b, a) for a, b in combinations(KINDS, 2))


def test_nobody_raises_a_refusal_of_no_kind() -> None:
    broken = [
        module.where(node)
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Raise)
        and node.exc is not None
        and ast.unparse(node.exc).partition("(")[0] == "ServiceError"
    ]
    assert not broken


def test_nothing_is_caught_only_to_be_raised_again_past_another_except() -> None:
    """Kinds are siblings: `except NotFoundError: raise` says that somebody catches too much."""
    broken = [
        module.where(node)
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        and ast.unparse(node.type or node) == "NotFoundError"
        and [ast.unparse(one) for one in node.body] == ["raise"]
    ]
    assert not broken


def test_the_status_of_a_conflict_is_written_once() -> None:
    found = {
        module.name
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and node.value == 409
    }
    assert found == {"webapp.web.errors"}


def test_every_conflict_has_its_test_on_a_page() -> None:
    found = exceptions_of_the_services()
    conflicts = {one.__name__ for one in found if issubclass(one, ConflictError)}
    assert conflicts - {"ConflictError"} == set(CONFLICTS)


@pytest.mark.parametrize("conflict", CONFLICTS)
def test_a_conflict_answers_409(conflict: str) -> None:
    path, name = CONFLICTS[conflict]
    source = (ROOT / path).read_text(encoding="utf-8")
    bodies = [
        ast.get_source_segment(source, node)
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    assert len(bodies) == 1
    assert "status=409" in (bodies[0] or "")
