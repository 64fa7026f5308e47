"""Priorities: name, colour, order, and always one of them."""

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.rows import audit_actions, audit_events, change, fresh
from webapp.models import Priority
from webapp.services.desk.delete_guard import HeldError, delete_row
from webapp.services.desk.edit_priorities import COLOURS, add_priority, edit_priority, move_priority
from webapp.services.desk.edit_rows import EditConflictError, version_of
from webapp.services.desk.read_desk import list_priorities, read_priority
from webapp.services.errors import FieldError, NotFoundError
from webapp.web.filters import TONES

CRITICAL, HIGH, MEDIUM, LOW = 1, 2, 3, 4


def order() -> list[str]:
    return [row.row.name for row in list_priorities()]


def test_every_colour_that_is_offered_can_be_shown() -> None:
    assert set(COLOURS) <= TONES


def test_a_priority_is_added_as_the_least_urgent(app: Flask) -> None:
    added = add_priority("Whenever", "grey")
    assert order() == ["Critical", "High", "Medium", "Low", "Whenever"]
    assert fresh(Priority, added.id).colour == "grey"
    assert audit_actions() == ["priority.added"]


@both_databases
def test_moving_a_priority(app: Flask) -> None:
    assert move_priority(LOW, is_up=True, actor_id=None)
    assert order() == ["Critical", "High", "Low", "Medium"]
    assert move_priority(CRITICAL, is_up=False)
    assert order() == ["High", "Critical", "Low", "Medium"]
    event = audit_events()[-1]
    assert event.action == "priority.moved"
    assert event.before == {"order": ["Critical", "High", "Low", "Medium"]}
    assert event.after == {"order": ["High", "Critical", "Low", "Medium"]}


def test_the_ends_of_the_order(app: Flask) -> None:
    assert move_priority(CRITICAL, is_up=True) is False
    assert move_priority(LOW, is_up=False) is False
    assert audit_actions() == []
    with pytest.raises(NotFoundError, match="no priority 99"):
        move_priority(99, is_up=True)


def test_ties_and_gaps_do_not_hold_a_priority_in_its_place(app: Flask) -> None:
    for priority_id, position in ((CRITICAL, 5), (HIGH, 5), (MEDIUM, 5), (LOW, 90)):
        change(Priority, priority_id, position=position)
    assert move_priority(LOW, is_up=True)
    assert order() == ["Critical", "High", "Low", "Medium"]
    assert [row.row.position for row in list_priorities()] == [1, 2, 3, 4]


def test_an_edit(app: Flask) -> None:
    seen = version_of({"name": "High", "colour": "orange"})
    assert edit_priority(HIGH, "Urgent", "purple", seen=seen)
    assert edit_priority(HIGH, "Urgent", "purple", seen=seen) is False
    with pytest.raises(EditConflictError) as caught:
        edit_priority(HIGH, "Very high", "purple", seen=seen)
    assert caught.value.current == {"name": "Urgent", "colour": "purple"}
    view = read_priority(HIGH)
    assert (view.row.name, view.version) == (
        "Urgent",
        version_of({"name": "Urgent", "colour": "purple"}),
    )


@pytest.mark.parametrize(
    ("name", "colour", "fields"),
    [
        ("", "red", {"name"}),
        ("x", "pink", {"colour"}),
        ("x", None, {"colour"}),
        ("", "#ff0000", {"name", "colour"}),
        ("low", "red", {"name"}),
    ],
)
def test_what_cannot_be_taken(app: Flask, name: str, colour: str, fields: set[str]) -> None:
    for attempt in (
        lambda: add_priority(name, colour),
        lambda: edit_priority(HIGH, name, colour),
    ):
        with pytest.raises(FieldError) as caught:
            attempt()
        assert set(caught.value.fields) == fields


def test_a_colour_from_before_can_be_kept_but_not_chosen(app: Flask) -> None:
    change(Priority, HIGH, colour="lime")
    assert edit_priority(HIGH, "Urgent", "lime")
    with pytest.raises(FieldError):
        edit_priority(LOW, "Low", "lime")


@both_databases
def test_the_last_priority_stays(app: Flask) -> None:
    for priority_id in (CRITICAL, HIGH, MEDIUM):
        delete_row(Priority, priority_id)
    with pytest.raises(HeldError, match="Low is the last priority"):
        delete_row(Priority, LOW)
