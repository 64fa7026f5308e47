"""People's work on tickets, on both databases: notes, changes, the list, the dashboard."""

import threading
from datetime import UTC, timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from webapp.domain.polling_health import State
from webapp.extensions import db
from webapp.models import AuditEvent, Comment, Priority, Status, Ticket
from webapp.services.connections.connection_health import read_connection_health
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.operations.desk_cards import Reader
from webapp.services.operations.read_dashboard import read_dashboard
from webapp.services.tickets.change_ticket import (
    CHANGE_COMMENT,
    TicketChange,
    TicketConflictError,
    change_ticket,
)
from webapp.services.tickets.comment_ticket import NOTE_LENGTH, add_internal_note
from webapp.services.tickets.list_tickets import NOBODY, SORTS, TicketQuery, list_tickets
from webapp.services.tickets.read_ticket import read_ticket
from webapp.services.tickets.ticket_state import mark_touched, set_ticket_status
from webapp.services.transactions import reading, transaction

pytestmark = both_databases


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    desk = desk_data.fill_desk(fake_clock.now(), tickets=15)
    fake_clock.advance(minutes=30)
    return desk


@pytest.fixture
def ticket_id(desk: Desk) -> int:
    """An open ticket nobody has touched."""
    with transaction() as session:
        ticket = session.query(Ticket).filter(Ticket.closed_at.is_(None)).first()
        ticket.first_touched_at = ticket.assignee_id = None
        ticket.untouched_since = ticket.created_at
        ticket.status = status("Open")
        return ticket.id


def status(name: str) -> Status:
    """A status, within the transaction that is open."""
    return db.session.query(Status).filter_by(name=name).one()


def stored(ticket_id: int) -> Ticket:
    with reading() as session:
        return session.get(Ticket, ticket_id, populate_existing=True)


def status_id(name: str) -> int:
    with reading() as session:
        return session.query(Status).filter_by(name=name).one().id


def change(ticket_id: int, desk: Desk, **values: object) -> tuple[str, ...]:
    return change_ticket(ticket_id, TicketChange(**values), actor_id=desk.helpdesk_id, seen_at=None)


def test_a_note_touches_the_ticket_once(desk: Desk, ticket_id: int, fake_clock: FakeClock) -> None:
    first = fake_clock.now()
    note = add_internal_note(ticket_id, " a\r\nb\x00\u202e ", author_id=desk.admin_id)
    assert (note.body, note.author_id, note.is_internal) == ("a\nb", desk.admin_id, True)
    later = fake_clock.advance(minutes=5)
    add_internal_note(ticket_id, "again", author_id=desk.admin_id)
    ticket = stored(ticket_id)
    assert (ticket.first_touched_at, ticket.updated_at) == (first, later)


@pytest.mark.parametrize("body", ["", " \n\t ", "\x00\x07", "x" * (NOTE_LENGTH + 1)])
def test_a_note_that_cannot_be_taken_stores_nothing(desk: Desk, ticket_id: int, body: str) -> None:
    with pytest.raises(FieldError) as refusal:
        add_internal_note(ticket_id, body, author_id=desk.admin_id)
    assert set(refusal.value.fields) == {"body"}
    assert stored(ticket_id).first_touched_at is None


def test_what_is_not_there(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        add_internal_note(999, "hello", author_id=desk.admin_id)
    with pytest.raises(NotFoundError):
        change(999, desk, status_id=1)
    with pytest.raises(NotFoundError):
        read_ticket(999)
    with pytest.raises(NotFoundError):
        read_connection_health(999)


def test_closing_sets_and_reopening_clears_the_time(
    desk: Desk, ticket_id: int, fake_clock: FakeClock
) -> None:
    closed = fake_clock.now()
    assert change(ticket_id, desk, status_id=status_id("Closed")) == (
        "Status changed from Open to Closed.",
    )
    assert stored(ticket_id).closed_at == closed
    fake_clock.advance(minutes=1)
    change(ticket_id, desk, status_id=status_id("Waiting"))
    assert stored(ticket_id).closed_at is None


def test_moving_between_closed_statuses_keeps_the_time(
    ticket_id: int, fake_clock: FakeClock
) -> None:
    with transaction() as session:
        session.add(Status(name="Solved", is_closed=True, position=9))
        ticket = session.get(Ticket, ticket_id)
        first = fake_clock.now()
        assert set_ticket_status(ticket, status("Closed"), now=first)
        later = fake_clock.advance(hours=1)
        assert set_ticket_status(ticket, status("Solved"), now=later)
        assert (ticket.closed_at, ticket.updated_at) == (first, later)
        assert not set_ticket_status(ticket, status("Solved"), now=fake_clock.advance(hours=1))
        assert ticket.updated_at == later


def test_a_closed_time_that_got_lost_is_mended(ticket_id: int, fake_clock: FakeClock) -> None:
    with transaction() as session:
        ticket = session.get(Ticket, ticket_id)
        set_ticket_status(ticket, status("Closed"), now=fake_clock.now())
        ticket.closed_at = None
        assert set_ticket_status(ticket, status("Closed"), now=fake_clock.now())
        assert ticket.closed_at == fake_clock.now()


def test_touching_keeps_the_first_time(ticket_id: int, fake_clock: FakeClock) -> None:
    first = fake_clock.now()
    with transaction() as session:
        ticket = session.get(Ticket, ticket_id)
        mark_touched(ticket, now=first)
        mark_touched(ticket, now=first + timedelta(hours=1))
        assert ticket.first_touched_at == first


def test_a_change_is_one_comment_and_one_audit_event(
    desk: Desk, ticket_id: int, fake_clock: FakeClock
) -> None:
    with reading() as session:
        medium = session.query(Priority).filter_by(name="Medium").one().id
        before = session.get(Ticket, ticket_id).priority.name
    sentences = change(
        ticket_id,
        desk,
        status_id=status_id("In progress"),
        priority_id=medium,
        sets_assignee=True,
        assignee_id=desk.admin_id,
    )
    assert sentences == (
        "Status changed from Open to In progress.",
        f"Priority changed from {before} to Medium.",
        "Assigned to Ada Okafor.",
    )
    with reading() as session:
        comment = session.query(Comment).order_by(Comment.id.desc()).first()
        event = session.query(AuditEvent).filter_by(action="ticket.changed").one()
    assert (comment.kind, comment.author_id) == (CHANGE_COMMENT, desk.helpdesk_id)
    assert comment.body == " ".join(sentences)
    assert event.before == {"status": "Open", "priority": before, "assignee": None}
    assert event.after == {
        "status": "In progress",
        "priority": "Medium",
        "assignee": "ada@example.com",
    }
    ticket = stored(ticket_id)
    assert ticket.priority_set_by_person_at == ticket.first_touched_at == fake_clock.now()


def test_taking_a_ticket_from_somebody(desk: Desk, ticket_id: int) -> None:
    change(ticket_id, desk, sets_assignee=True, assignee_id=desk.admin_id)
    sentences = change(ticket_id, desk, sets_assignee=True)
    assert sentences == ("The ticket is no longer assigned to anybody.",)
    assert stored(ticket_id).assignee_id is None


def test_names_in_the_timeline_are_plain_text(desk: Desk, ticket_id: int) -> None:
    with transaction() as session:
        session.add(Status(name="*odd* [x](http://a.example)", position=8))
    sentences = change(ticket_id, desk, status_id=status_id("*odd* [x](http://a.example)"))
    assert sentences[0].endswith(r"to \*odd\* \[x\](http://a.example).")


def test_only_what_differs_is_a_change(desk: Desk, ticket_id: int) -> None:
    ticket = stored(ticket_id)
    assert change(ticket_id, desk, status_id=ticket.status_id, sets_assignee=True) == ()
    assert change(ticket_id, desk) == ()
    assert stored(ticket_id).first_touched_at is None


def test_a_conflict_saves_nothing(desk: Desk, ticket_id: int) -> None:
    seen = stored(ticket_id).updated_at
    add_internal_note(ticket_id, "meanwhile", author_id=desk.admin_id)
    chosen = TicketChange(status_id=status_id("Closed"))
    with pytest.raises(TicketConflictError):
        change_ticket(ticket_id, chosen, actor_id=desk.helpdesk_id, seen_at=seen)
    assert stored(ticket_id).closed_at is None
    fresh = stored(ticket_id).updated_at
    assert change_ticket(ticket_id, chosen, actor_id=desk.helpdesk_id, seen_at=fresh)


def test_of_two_people_at_the_same_moment_one_wins(
    app: Flask, desk: Desk, ticket_id: int, fake_clock: FakeClock
) -> None:
    seen = stored(ticket_id).updated_at
    names = ["Closed", "Waiting", "In progress"]
    outcomes: list[str] = []
    start = threading.Barrier(len(names))
    chosen = [TicketChange(status_id=status_id(name)) for name in names]

    def save(one: TicketChange) -> None:
        with app.app_context():
            start.wait(10)
            try:
                change_ticket(ticket_id, one, actor_id=desk.admin_id, seen_at=seen)
                outcomes.append("saved")
            except TicketConflictError:
                outcomes.append("conflict")

    threads = [threading.Thread(target=save, args=(one,)) for one in chosen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["conflict", "conflict", "saved"]


@pytest.mark.parametrize("sort", list(SORTS))
def test_pages_together_are_the_list(desk: Desk, sort: str) -> None:
    with transaction() as session:  # only what is due has a place in the order "due"
        session.execute(update(Ticket).values(due_at=Ticket.reported_at))
    whole = list_tickets(TicketQuery(sort=sort), page_size=100)
    found, mark = [], None
    for _ in range(30):
        page = list_tickets(TicketQuery(sort=sort, after=mark), page_size=4).tickets
        found += [ticket.id for ticket in page.rows]
        mark = page.next_mark
        if mark is None:
            break
    assert found == [ticket.id for ticket in whole.tickets.rows]
    assert len(found) == whole.open_count > 4


def test_filters_on_both_databases(desk: Desk, ticket_id: int) -> None:
    number = stored(ticket_id).number
    query = TicketQuery(
        search=number.lower(), assignee=NOBODY, is_untouched=True, board_id=None, sort="oldest"
    )
    page = list_tickets(query)
    assert [ticket.id for ticket in page.tickets.rows] == [ticket_id]
    assert list_tickets(TicketQuery(search="%")).tickets.rows == []
    triage = list_tickets(TicketQuery(is_triage=True))
    assert all(ticket.is_unmapped for ticket in triage.tickets.rows)
    assert triage.open_count == read_dashboard(UTC, Reader(0)).desk.triage_count


def test_the_dashboard_adds_up(desk: Desk) -> None:
    whole = read_dashboard(UTC, Reader(0))
    dashboard = whole.desk
    page = list_tickets(TicketQuery(), page_size=100)
    assert dashboard.open_count == page.open_count
    untouched = [ticket for ticket in page.tickets.rows if ticket.untouched_since]
    assert dashboard.untouched_count == len(untouched)
    assert [row.priority.name for row in dashboard.counts.by_priority] == [
        "Critical",
        "High",
        "Medium",
        "Low",
    ]
    health = whole.connections[0]
    assert health.state is State.OVERDUE
    assert health.figures.organizations == 12
    assert health.figures.unmapped == 2
    assert health.figures.calls_last_minute == 0, "half an hour has passed"
    assert health == read_connection_health(desk.connection_id)


def test_a_ticket_comes_with_everything_its_page_shows(desk: Desk, ticket_id: int) -> None:
    view = read_ticket(ticket_id)
    assert view.connection_name == "Tallow & Reed Managed IT"
    assert view.portal_url == (
        f"https://tallowreed.huntress.io/incident_reports/{view.ticket.source_reference}"
    )
    assert view.comments[0].author is None
    assert [person.name for person in view.users] == ["Ada Okafor", "Bo Lindqvist"]
