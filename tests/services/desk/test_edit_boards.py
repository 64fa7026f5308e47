"""Boards and categories: names are unique where they are looked for."""

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.rows import add, all_rows, audit_actions, audit_events, fresh
from webapp.models import Board, Category
from webapp.services.desk.delete_guard import deactivate_row
from webapp.services.desk.edit_boards import add_board, add_category, rename_board, rename_category
from webapp.services.desk.edit_rows import EditConflictError, version_of
from webapp.services.desk.read_desk import list_boards, read_board, read_category
from webapp.services.errors import FieldError, NotFoundError

SECURITY, TRIAGE = 1, 2


@both_databases
def test_a_board_is_added_and_renamed(app: Flask) -> None:
    board = add_board(" Projects ")
    assert fresh(Board, board.id).is_active
    assert rename_board(board.id, "Project work", seen=version_of({"name": "Projects"}))
    assert fresh(Board, board.id).name == "Project work"
    assert audit_actions() == ["board.added", "board.changed"]
    event = audit_events()[-1]
    assert (event.before, event.after) == ({"name": "Projects"}, {"name": "Project work"})


@pytest.mark.parametrize("name", ["", "  ", "SECURITY", "x" * 201])
def test_names_that_no_board_can_have(app: Flask, name: str) -> None:
    for attempt in (lambda: add_board(name), lambda: rename_board(TRIAGE, name)):
        with pytest.raises(FieldError) as caught:
            attempt()
        assert set(caught.value.fields) == {"name"}
    assert len(all_rows(Board)) == 3


def test_a_board_renamed_by_two(app: Flask) -> None:
    seen = version_of({"name": "Security"})
    rename_board(SECURITY, "SOC", seen=seen)
    with pytest.raises(EditConflictError, match="Somebody else changed this") as caught:
        rename_board(SECURITY, "Incidents", seen=seen)
    assert caught.value.current == {"name": "SOC"}
    assert rename_board(SECURITY, "SOC", seen=seen) is False


def test_categories_have_one_level_below_them(app: Flask) -> None:
    phishing = add_category(SECURITY, "Phishing")
    spear = add_category(SECURITY, "Spear", phishing.id)
    assert (spear.board_id, spear.parent_id) == (SECURITY, phishing.id)
    other = add_category(TRIAGE, "Other")
    for parent_id in (spear.id, other.id, 999):
        with pytest.raises(FieldError) as caught:
            add_category(SECURITY, "Deep", parent_id)
        assert set(caught.value.fields) == {"parent_id"}


@both_databases
def test_a_category_is_there_once_in_its_place(app: Flask) -> None:
    phishing = add_category(SECURITY, "Phishing")
    add_category(SECURITY, "Spear", phishing.id)
    add_category(TRIAGE, "Phishing")
    add_category(SECURITY, "Spear")
    for parent_id, name in ((None, "PHISHING"), (phishing.id, "spear")):
        with pytest.raises(FieldError, match="There is a category named"):
            add_category(SECURITY, name, parent_id)
    with pytest.raises(FieldError, match="named Spear already"):
        rename_category(phishing.id, "spear")
    assert rename_category(phishing.id, "PHISHING")


def test_what_does_not_exist(app: Flask) -> None:
    with pytest.raises(NotFoundError, match="no board 99"):
        add_category(99, "x")
    with pytest.raises(NotFoundError, match="no board 99"):
        rename_board(99, "x")
    with pytest.raises(NotFoundError, match="no category 99"):
        rename_category(99, "x")
    with pytest.raises(NotFoundError):
        read_category(99)


@both_databases
def test_boards_are_read_with_their_tree(app: Flask) -> None:
    phishing = add_category(SECURITY, "Phishing")
    add_category(SECURITY, "spear", phishing.id)
    add_category(SECURITY, "Credential theft", phishing.id)
    add_category(SECURITY, "Archive")
    view = read_board(SECURITY)
    assert [
        (node.category.name, [child.name for child in node.children]) for node in view.categories
    ] == [("Archive", []), ("Phishing", ["Credential theft", "spear"])]
    assert [str(holder) for holder in view.holders] == ["4 categories"]
    category = read_category(phishing.id)
    assert (category.board.id, category.parent) == (SECURITY, None)
    deactivate_row(Board, SECURITY)
    add(Category(name="x", board_id=TRIAGE))
    rows = list_boards()
    assert [(row.board.name, row.categories) for row in rows] == [
        ("Security Triage", 1),
        ("Service Desk", 0),
        ("Security", 4),
    ]
    assert not any(row.is_routed for row in rows)
