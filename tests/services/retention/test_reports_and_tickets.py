"""Raw reports and closed tickets become too old; the polls after that change nothing by it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.poller import Desk
from tests.support.polling import report, ticketed_ids
from tests.support.rows import all_rows, change, fresh
from webapp.domain.plan import Reason
from webapp.domain.retention.kinds import RetentionKind
from webapp.models import (
    AuditEvent,
    BulkChange,
    Comment,
    InboxRow,
    OutboxRow,
    TakeLink,
    Ticket,
    User,
)
from webapp.services.audit_trail.chain_events import chain_events
from webapp.services.errors import RefusedError
from webapp.services.people.users import add_user
from webapp.services.polling.ticket_recorded_incidents import (
    count_recorded_incidents,
    ticket_incident,
)
from webapp.services.proof.prove_connection import prove_connection
from webapp.services.retention.ages import set_ages
from webapp.services.retention.delete_old_records import delete_old_records
from webapp.services.retention.preview import preview_retention
from webapp.services.tickets.bulk_change_tickets import bulk_change_tickets
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.transactions import reading


@pytest.fixture
def ada(desk: Desk) -> User:
    return add_user(email="ada@example.com", name="Ada", password="a long password", role="admin")


def add_incident(desk: Desk, incident_id: int, **fields: Any) -> None:
    with desk.account.lock:
        row = report(incident_id, desk.clock.now(), **fields)
        desk.account.incident_rows[incident_id] = row


def close(desk: Desk, incident_id: int, ada: User) -> int:
    ticket = desk.ticket(incident_id)
    assert ticket is not None
    wanted = TicketChange(status_id=desk.closed_status_id())
    change_ticket(ticket.id, wanted, actor_id=ada.id, seen_at=None)
    return ticket.id


@both_databases
def test_a_report_that_is_too_old_is_emptied_and_is_no_news_after_that(
    desk: Desk, ada: User
) -> None:
    add_incident(desk, 1, summary="SECRET words", status="closed")
    add_incident(desk, 2)
    add_incident(desk, 3)
    desk.poll()
    close(desk, 3, ada)
    before = {key: desk.alert(key) for key in (1, 2, 3)}
    desk.clock.advance(days=366)
    assert delete_old_records(desk.clock.now())["raw_reports"] == 2
    assert desk.alert(2).raw_report, "its ticket is open"
    for key in (1, 3):
        alert, was = desk.alert(key), before[key]
        assert (alert.raw_report, alert.all_remediations) == (None, None)
        assert (alert.status, alert.content_hash, alert.message, alert.ticket_id) == (
            *(was.status, was.content_hash, was.message, was.ticket_id),
        )
    notes = {key: desk.notes(key) for key in (2, 3)}
    desk.poll(sweep=True)
    assert {key: desk.notes(key) for key in (2, 3)} == notes
    assert ticketed_ids(desk) == ["2", "3"]
    assert prove_connection(desk.connection_id, days=365).unexplained == 0
    assert desk.alert(1).raw_report is None
    assert delete_old_records(desk.clock.now())["raw_reports"] == 0


@both_databases
def test_a_change_after_that_is_told_with_its_new_report(desk: Desk, ada: User) -> None:
    add_incident(desk, 1)
    desk.poll()
    close(desk, 1, ada)
    desk.clock.advance(days=400)
    delete_old_records(desk.clock.now())
    add_incident(desk, 1, severity="critical", summary="worse")
    desk.poll()
    assert "critical" in desk.notes(1)[-1].lower()
    assert "worse" in (desk.alert(1).raw_report or "")
    assert ticketed_ids(desk) == ["1"]


@both_databases
def test_closed_tickets_stay_for_ever_until_somebody_says_otherwise(desk: Desk, ada: User) -> None:
    for key in (1, 2):
        add_incident(desk, key, status="sent")
    desk.poll()
    gone = close(desk, 1, ada)
    bulk_change_tickets([gone], TicketChange(priority_id=1), actor_id=ada.id)
    desk.clock.advance(days=3000)
    assert "tickets" not in delete_old_records(desk.clock.now())
    set_ages({RetentionKind.CLOSED_TICKETS: "730"}, actor_id=ada.id)
    assert delete_old_records(desk.clock.now())["tickets"] == 1
    assert ticketed_ids(desk) == ["2"], "an open ticket is never too old"
    alert = desk.alert(1)
    assert (alert.external_alert_id, alert.status, alert.reason) == ("1", "sent", "ticket_deleted")
    assert None not in (alert.processed_at, alert.triggered_at, alert.content_hash)
    assert (alert.ticket_id, alert.message, alert.raw_report) == (None, None, None)
    for model in (Comment, OutboxRow, TakeLink):
        assert all_rows(model, model.ticket_id == gone) == []
    assert searchable() == 1


@both_databases
def test_the_incident_of_a_deleted_ticket_never_becomes_a_second_one(desk: Desk, ada: User) -> None:
    add_incident(desk, 1)
    desk.poll()
    close(desk, 1, ada)
    desk.clock.advance(days=800)
    set_ages({RetentionKind.CLOSED_TICKETS: "90"})
    delete_old_records(desk.clock.now())
    desk.poll(sweep=True)
    assert ticketed_ids(desk) == []
    add_incident(desk, 1, severity="critical", summary="changed meanwhile")
    desk.poll(sweep=True)
    assert ticketed_ids(desk) == []
    assert count_recorded_incidents(desk.connection_id) == 0
    with pytest.raises(RefusedError, match="deleted for its age"):
        ticket_incident(desk.alert(1).id, ada.id)
    assert prove_connection(desk.connection_id, days=365).unexplained == 0
    assert desk.alert(1).reason == Reason.TICKET_DELETED
    assert all_rows(InboxRow) == []


def test_one_that_huntress_closes_and_opens_again_is_work_again(desk: Desk, ada: User) -> None:
    add_incident(desk, 1)
    desk.poll()
    close(desk, 1, ada)
    desk.clock.advance(days=800)
    set_ages({RetentionKind.CLOSED_TICKETS: "90"})
    delete_old_records(desk.clock.now())
    add_incident(desk, 1, status="closed")
    desk.poll()
    assert ticketed_ids(desk) == []
    add_incident(desk, 1, status="sent")
    desk.poll()
    assert ticketed_ids(desk) == ["1"]
    assert desk.ticket(1).number != "TD-1"


def test_a_ticket_that_was_changed_lately_is_not_too_old(desk: Desk, ada: User) -> None:
    add_incident(desk, 1)
    desk.poll()
    ticket_id = close(desk, 1, ada)
    set_ages({RetentionKind.CLOSED_TICKETS: "90"})
    desk.clock.advance(days=100)
    change(Ticket, ticket_id, updated_at=desk.clock.now() - timedelta(days=1))
    assert delete_old_records(desk.clock.now())["tickets"] == 0


def test_an_undo_does_not_stumble_over_a_deleted_ticket(desk: Desk, ada: User) -> None:
    for key in (1, 2):
        add_incident(desk, key)
    desk.poll()
    ids = [close(desk, key, ada) for key in (1, 2)]
    record = bulk_change_tickets(ids, TicketChange(priority_id=1), actor_id=ada.id)
    assert record is not None
    change(
        Ticket,
        ids[0],
        **dict.fromkeys(("closed_at", "updated_at"), desk.clock.now() - timedelta(99)),
    )
    set_ages({RetentionKind.CLOSED_TICKETS: "90"})
    assert delete_old_records(desk.clock.now())["tickets"] == 1
    assert [one["ticket_id"] for one in fresh(BulkChange, record.id).changes] == ids[1:]


def test_each_run_that_deletes_something_is_one_event(desk: Desk, ada: User) -> None:
    add_incident(desk, 1, status="closed")
    desk.poll()
    desk.clock.advance(days=366)
    delete_old_records(desk.clock.now(), actor_id=ada.id)
    delete_old_records(desk.clock.now(), actor_id=ada.id)
    [event] = all_rows(AuditEvent, AuditEvent.action == "retention.applied")
    assert event.actor_id == ada.id
    assert event.after["raw_reports"] == 1
    assert event.after["ages"]["raw_reports"] == 365


def test_a_run_that_fails_is_on_record_with_what_it_did(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_incident(desk, 1, status="closed")
    desk.poll()
    desk.clock.advance(days=366)

    def fail(*_: object) -> int:
        raise OSError("the disk is gone")

    monkeypatch.setattr("webapp.services.retention.delete_old_records.prune_events", fail)
    with pytest.raises(OSError, match="disk"):
        delete_old_records(desk.clock.now())
    [event] = all_rows(AuditEvent, AuditEvent.action == "retention.applied")
    assert event.after["raw_reports"] == 1


def searchable() -> int:
    """How many tickets the search index holds."""
    with reading() as session:
        return int(session.execute(text("SELECT count(*) FROM ticket_search")).scalar_one())


@pytest.fixture
def long_ago(fake_clock: FakeClock) -> None:
    """The database deletes only events that are old by its own clock."""
    fake_clock.advance(days=-2_000)


@pytest.mark.usefixtures("long_ago")
def test_audit_events_go_by_their_own_age(desk: Desk, ada: User) -> None:
    add_user(email="bo@example.com", name="Bo", password="a long passwort", role="helpdesk")
    desk.clock.advance(days=731)
    add_user(email="cy@example.com", name="Cy", password="a long passwort", role="helpdesk")
    chain_events(desk.clock.now())
    old = AuditEvent.happened_at < desk.clock.now() - timedelta(days=1)
    count = len(all_rows(AuditEvent, old))
    assert count >= 2
    [preview] = [row for row in preview_retention(desk.clock.now()) if row.age.kind == "audit"]
    assert preview.count == count
    assert delete_old_records(desk.clock.now())["audit_events"] == count
    assert all_rows(AuditEvent, old) == []
    assert "user.added" in {event.action for event in all_rows(AuditEvent)}
