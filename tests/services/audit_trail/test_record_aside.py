"""Events that are recorded while a request only reads."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from tests.support.databases import both_databases
from tests.support.desk_data import add_people
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows
from webapp.domain.security.events import Export
from webapp.extensions import ReadOnlyError, read_only, writable
from webapp.models import AuditEvent, Board
from webapp.services.audit_trail import record_aside as module
from webapp.services.audit_trail.record_aside import (
    forget_refusals,
    record_export,
    record_refusal,
)
from webapp.services.transactions import (
    NestedTransactionError,
    adding_only,
    reading,
    transaction,
)

REFUSAL = {"status": 403, "page": "/users", "why": "forbidden"}


@pytest.fixture(autouse=True)
def no_refusals_yet() -> Iterator[None]:
    forget_refusals()
    yield
    forget_refusals()


def refuse(address: str = "192.0.2.1", actor_id: int | None = None) -> bool:
    return record_refusal(**REFUSAL, actor_id=actor_id, address=address)  # type: ignore[arg-type]


@both_databases
def test_an_export_is_on_record_although_only_reading_is_allowed(app: Flask) -> None:
    with read_only():
        record_export(Export.CLIENTS, details={"file": "clients.csv"}, subject_id=4)
    [event] = all_rows(AuditEvent)
    assert (event.action, event.subject_type, event.subject_id) == ("export.clients", "export", "4")
    assert event.after == {"file": "clients.csv"}


@both_databases
def test_it_does_not_wait_for_what_the_page_is_reading(app: Flask) -> None:
    with read_only(), reading() as session:
        session.scalars(select(Board)).all()
    with read_only():
        record_export(Export.ASSETS)
    assert len(all_rows(AuditEvent)) == 1


@both_databases
@pytest.mark.parametrize("what", ["another row", "a change", "a statement"])
def test_nothing_but_events_can_be_written_there(app: Flask, what: str) -> None:
    def write() -> None:
        with read_only(), adding_only(AuditEvent) as session:
            board = session.scalars(select(Board)).first()
            assert board is not None
            if what == "another row":
                session.add(Board(name="slipped in"))
            elif what == "a change":
                board.name = "changed"
            else:
                session.execute(update(Board).values(name="changed"))

    with pytest.raises(ReadOnlyError):
        write()
    assert {board.name for board in all_rows(Board)} == {
        "Security",
        "Security Triage",
        "Service Desk",
    }


def test_no_other_session_is_made_writable(app: Flask) -> None:
    with read_only(), reading() as session, pytest.raises(ReadOnlyError), writable(session):
        pass


def test_it_is_not_opened_inside_a_transaction(app: Flask) -> None:
    """On SQLite it would wait for itself."""
    with transaction(), pytest.raises(NestedTransactionError):
        record_export(Export.ASSETS)


@both_databases
def test_of_a_strangers_address_one_refusal_in_a_minute(
    app: Flask, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(0, 1_000, 20))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(seconds)))

    def refuse_and_wait() -> bool:
        try:
            return refuse()
        finally:
            fake_clock.advance(seconds=20)

    assert [refuse_and_wait() for _ in range(7)] == [
        *(True, False, False),
        *(True, False, False),
        True,
    ]
    events = all_rows(AuditEvent)
    assert [(event.after or {}).get("more_since_the_last") for event in events] == [None, 2, 2]
    assert events[0].action == "access.refused"
    assert (events[0].subject_id, events[0].address) == ("/users", "192.0.2.1")


def test_what_another_process_has_recorded_counts(app: Flask, fake_clock: FakeClock) -> None:
    assert refuse()
    forget_refusals()  # as in a process that knows nothing of it
    assert not refuse()
    fake_clock.advance(minutes=2)
    forget_refusals()
    assert refuse()


def test_people_are_recorded_by_name(app: Flask) -> None:
    admin, _ = add_people()
    assert [refuse(actor_id=admin.id) for _ in range(31)] == [True] * 30 + [False]
    assert {event.actor_id for event in all_rows(AuditEvent)} == {admin.id}


def test_a_refusal_stands_while_the_database_is_away(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("", {}, Exception("disk is full"))

    with monkeypatch.context() as patch:
        patch.setattr(module, "record_event", fail)
        assert not refuse()
    assert "A refusal could not be recorded: disk is full" in caplog.text
    assert all_rows(AuditEvent) == []


def test_an_export_that_cannot_be_recorded_is_refused(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("", {}, Exception("disk is full"))

    monkeypatch.setattr(module, "record_event", fail)
    with pytest.raises(OperationalError):
        record_export(Export.TICKETS)
