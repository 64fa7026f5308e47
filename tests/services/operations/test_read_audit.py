"""The audit log, read in pages and in whole, on both databases."""

from datetime import timedelta

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from webapp.services.audit import record_event
from webapp.services.operations.audit_names import kind_of
from webapp.services.operations.read_audit import SYSTEM, AuditQuery, export_events, list_events
from webapp.services.people.users import add_user
from webapp.services.transactions import transaction


@pytest.fixture
def ada_id(app: Flask, fake_clock: FakeClock) -> int:
    return add_user(email="a@b.org", name="Ada", password="correct horse", role="admin").id


def add(count: int, **values: object) -> None:
    defaults: dict[str, object] = {"action": "board.created", "subject_type": "board"}
    with transaction() as session:
        for number in range(count):
            record_event(session, **{**defaults, "subject_id": number, **values})


@both_databases
def test_pages_and_filters(ada_id: int, fake_clock: FakeClock) -> None:
    later = fake_clock.advance(hours=1)
    add(5, actor_id=ada_id)
    add(1, action="boards_x.created", subject_type="user", subject_id=ada_id)
    assert len(list_events(AuditQuery()).events.rows) == 7
    first = list_events(AuditQuery(group="board"), page_size=3)
    assert [event.subject_id for event in first.events.rows] == ["4", "3", "2"]
    second = list_events(AuditQuery(group="board", after=first.events.next_mark), page_size=3)
    assert [event.subject_id for event in second.events.rows] == ["1", "0"]
    assert second.events.next_mark is None
    assert first.groups == ["board", "boards_x", "user"]
    for query, count in (
        (AuditQuery(actor=ada_id), 5),
        (AuditQuery(actor=SYSTEM), 2),
        (AuditQuery(since=later), 6),
        (AuditQuery(until=later), 1),
        (AuditQuery(since=later - timedelta(hours=2), until=later), 1),
        (AuditQuery(subject_type="board", subject_id="3"), 1),
        (AuditQuery(group="boar_"), 0),
        (AuditQuery(group="%"), 0),
    ):
        assert len(list_events(query).events.rows) == count, query
        assert len(list(export_events(query))) == count, query
        assert query.is_narrowed
    assert not AuditQuery(after="x").is_narrowed


@both_databases
def test_names_of_what_is_mentioned(ada_id: int) -> None:
    before = {"board_id": 1, "client_id": 99, "assignee_id": ada_id, "count": 1, "huge_id": 2**40}
    add(1, before=before, after={"board_id": True, "client_id": 2**40}, subject_id="7" * 30)
    page = list_events(AuditQuery(group="board"))
    [event] = page.events.rows
    assert page.names.of_value("board_id", 1) == "Security"
    assert page.names.of_value("fallback_board_id", 1) == "Security"
    assert page.names.of_value("assignee_id", ada_id) == "Ada"
    assert page.names.of_value("client_id", 99) is None
    assert page.names.of_value("count", 1) is None
    assert page.names.of_subject(event) is None
    [exported] = export_events(AuditQuery(group="user"))
    assert (exported.subject, exported.actor) == ("Ada", None)


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("board_id", "board"),
        ("fallback_client_id", "client"),
        ("subcategory_id", "category"),
        ("closed_status_id", "status"),
        ("dashboard_id", None),
        ("name", None),
        ("external_id", None),
    ],
)
def test_which_fields_point_where(field: str, kind: str | None) -> None:
    assert kind_of(field) == kind
