"""Changing many tickets at once, and taking that back, on both databases."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, update

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import add, all_rows, audit_events, fresh
from webapp.models import (
    Alert,
    AuditEvent,
    Board,
    BulkChange,
    Category,
    Comment,
    Status,
    Ticket,
    User,
)
from webapp.services.errors import FieldError, NotFoundError, ServiceError
from webapp.services.tickets.bulk_change_tickets import (
    MOST_TICKETS,
    CriticalsUnconfirmedError,
    bulk_change_tickets,
    undo_bulk_change,
)
from webapp.services.tickets.change_ticket import CHANGE_COMMENT, TicketChange, change_ticket
from webapp.services.tickets.undo_offers import read_undo_offers, undo_offers_of
from webapp.services.transactions import reading, transaction

pytestmark = both_databases
CHOSEN = (1, 2, 3)


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    """Six open, untouched tickets of low priority that nobody has."""
    desk = desk_data.fill_desk(fake_clock.now(), tickets=6)
    with transaction() as session:
        session.execute(delete(Comment).where(Comment.kind == CHANGE_COMMENT))
        session.execute(
            update(Ticket).values(
                status_id=id_of(session, Status, "Open"),
                priority_id=4,
                board_id=id_of(session, Board, "Security"),
                assignee_id=None,
                closed_at=None,
                first_touched_at=None,
                updated_at=fake_clock.now(),
            )
        )
    fake_clock.advance(minutes=5)
    return desk


def id_of(session, model, name: str) -> int:
    return session.query(model).filter_by(name=name).one().id


def named(model, name: str) -> int:
    with reading() as session:
        return id_of(session, model, name)


def bulk(desk: Desk, ids=CHOSEN, **values: object) -> BulkChange:
    record = bulk_change_tickets(ids, TicketChange(**values), actor_id=desk.helpdesk_id)
    assert record is not None
    return record


def timeline(ticket_id: int) -> list[str]:
    rows = all_rows(Comment, Comment.ticket_id == ticket_id, Comment.kind == CHANGE_COMMENT)
    return [row.body for row in rows]


def test_every_ticket_gets_what_a_single_change_gives(desk: Desk, fake_clock: FakeClock) -> None:
    closed = named(Status, "Closed")
    record = bulk(desk, status_id=closed, priority_id=1, sets_assignee=True, assignee_id=1)
    change_ticket(
        4,
        TicketChange(status_id=closed, priority_id=1, sets_assignee=True, assignee_id=1),
        actor_id=desk.helpdesk_id,
        seen_at=None,
    )
    single = fresh(Ticket, 4)
    for ticket_id in CHOSEN:
        ticket = fresh(Ticket, ticket_id)
        for name in ("status_id", "priority_id", "assignee_id", "closed_at", "first_touched_at"):
            assert getattr(ticket, name) == getattr(single, name), name
        assert ticket.updated_at == ticket.priority_set_by_person_at == fake_clock.now()
        assert timeline(ticket_id)[-1] == timeline(4)[-1]
    events = all_rows(AuditEvent, AuditEvent.action == "ticket.changed")
    assert [event.subject_id for event in events] == ["1", "2", "3", "4"]
    assert {event.actor_id for event in events} == {desk.helpdesk_id}
    assert record.summary == "3 tickets changed."
    assert fresh(Ticket, 5).priority_id == 4


def test_only_what_changed_counts(desk: Desk) -> None:
    bulk(desk, ids=[1], priority_id=1)
    record = bulk(desk, ids=[1, 2], priority_id=1)
    assert record.summary == "1 ticket changed."
    assert len(timeline(1)) == 1
    nothing = bulk_change_tickets([1, 2], TicketChange(priority_id=1), actor_id=desk.admin_id)
    assert nothing is None


@pytest.mark.parametrize(
    ("ids", "change", "words"),
    [
        ([], TicketChange(priority_id=1), "Select at least one"),
        ([0, -4, 2**40], TicketChange(priority_id=1), "Select at least one"),
        (range(1, MOST_TICKETS + 2), TicketChange(priority_id=1), "at most 200"),
        ([1], TicketChange(), "Choose what to change"),
    ],
)
def test_what_makes_no_sense_is_refused(desk: Desk, ids, change: TicketChange, words: str) -> None:
    with pytest.raises(ServiceError, match=words):
        bulk_change_tickets(ids, change, actor_id=desk.admin_id)
    assert all_rows(BulkChange) == []


def test_a_choice_that_is_gone_changes_no_ticket(desk: Desk) -> None:
    with pytest.raises(FieldError):
        bulk(desk, priority_id=1, board_id=99)
    assert [fresh(Ticket, one).priority_id for one in CHOSEN] == [4, 4, 4]
    assert timeline(1) == []


def test_tickets_that_do_not_exist_are_left_out(desk: Desk) -> None:
    assert bulk(desk, ids=[1, 999], priority_id=1).summary == "1 ticket changed."


def test_undo_restores_everything(desk: Desk, fake_clock: FakeClock) -> None:
    category = add(Category(name="Malware", board_id=named(Board, "Security")))
    with transaction() as session:
        session.execute(update(Ticket).where(Ticket.id == 1).values(category_id=category.id))
    record = bulk(
        desk,
        status_id=named(Status, "Closed"),
        priority_id=1,
        board_id=named(Board, "Service Desk"),
        sets_assignee=True,
        assignee_id=desk.admin_id,
    )
    assert fresh(Ticket, 1).category_id is None
    fake_clock.advance(minutes=3)
    result = undo_bulk_change(record.id, actor_id=desk.helpdesk_id)
    assert (result.restored, result.left) == (3, ())
    for ticket_id in CHOSEN:
        ticket = fresh(Ticket, ticket_id)
        assert (ticket.status_id, ticket.priority_id) == (named(Status, "Open"), 4)
        assert (ticket.assignee_id, ticket.board_id) == (None, named(Board, "Security"))
        assert ticket.closed_at is ticket.first_touched_at is None
        assert ticket.priority_set_by_person_at is None
        assert len(timeline(ticket_id)) == 2
    assert fresh(Ticket, 1).category_id == category.id
    actions = [event.action for event in audit_events()]
    assert actions.count("ticket.changed") == 6
    assert actions.count("tickets.bulk_undone") == 1


def test_undo_leaves_what_was_changed_since_and_says_so(desk: Desk, fake_clock: FakeClock) -> None:
    record = bulk(desk, priority_id=1)
    fake_clock.advance(minutes=1)
    change_ticket(
        2, TicketChange(sets_assignee=True, assignee_id=1), actor_id=desk.admin_id, seen_at=None
    )
    result = undo_bulk_change(record.id, actor_id=desk.helpdesk_id)
    assert (result.restored, result.left) == (2, ("TKT-000002",))
    assert [fresh(Ticket, one).priority_id for one in CHOSEN] == [4, 1, 4]


def test_undo_leaves_what_cannot_be_chosen_any_more(desk: Desk) -> None:
    leaver = User(
        email="c@example.com",
        name="Cy",
        role="helpdesk",
        password_hash="!",
        created_at=fresh(Ticket, 1).created_at,
    )
    add(leaver)
    with transaction() as session:
        session.execute(update(Ticket).where(Ticket.id == 1).values(assignee_id=leaver.id))
    record = bulk(desk, sets_assignee=True, assignee_id=desk.admin_id, priority_id=1)
    with transaction() as session:
        session.get(User, leaver.id).is_active = False
    result = undo_bulk_change(record.id, actor_id=desk.helpdesk_id)
    assert (result.restored, result.left) == (2, ("TKT-000001",))
    ticket = fresh(Ticket, 1)
    assert (ticket.assignee_id, ticket.priority_id) == (desk.admin_id, 1), "all of it is left"
    assert len(timeline(1)) == 1
    assert fresh(Ticket, 2).priority_id == 4


def test_undo_is_for_who_did_it_and_for_admins(desk: Desk) -> None:
    record = bulk_change_tickets([1], TicketChange(priority_id=1), actor_id=desk.admin_id)
    with pytest.raises(ServiceError, match="Only who changed"):
        undo_bulk_change(record.id, actor_id=desk.helpdesk_id)
    assert fresh(Ticket, 1).priority_id == 1
    other = bulk(desk, ids=[2], priority_id=1)
    assert undo_bulk_change(other.id, actor_id=desk.admin_id).restored == 1


def offers(desk: Desk, ticket_id: int, *, viewer_id: int | None = None, is_admin: bool = False):
    """What the page of a ticket offers to undo."""
    entries = all_rows(Comment, Comment.ticket_id == ticket_id)
    viewer_id = desk.helpdesk_id if viewer_id is None else viewer_id
    found = undo_offers_of(
        fresh(Ticket, ticket_id), entries, viewer_id=viewer_id, is_admin=is_admin
    )
    return [(offer.bulk_id, offer.tickets) for offer in found.values()]


def test_undo_works_once_and_for_ten_minutes(desk: Desk, fake_clock: FakeClock) -> None:
    record = bulk(desk, ids=[1], priority_id=1)
    listed = read_undo_offers([record.id, 999], viewer_id=desk.helpdesk_id)
    assert [offer.bulk_id for offer in listed] == [record.id]
    assert read_undo_offers([record.id], viewer_id=desk.admin_id) == []
    assert offers(desk, 1) == [(record.id, 1)]
    assert offers(desk, 1, viewer_id=desk.admin_id) == []
    assert offers(desk, 1, viewer_id=desk.admin_id, is_admin=True) == [(record.id, 1)]
    undo_bulk_change(record.id, actor_id=desk.helpdesk_id)
    assert read_undo_offers([record.id], viewer_id=desk.helpdesk_id) == []
    with pytest.raises(ServiceError, match="undone already"):
        undo_bulk_change(record.id, actor_id=desk.helpdesk_id)
    late = bulk(desk, ids=[1, 2], priority_id=2)
    fake_clock.advance(minutes=10)
    assert offers(desk, 1) == [(late.id, 2)]
    undo_bulk_change(late.id, actor_id=desk.helpdesk_id, ticket_id=1)
    fake_clock.advance(seconds=1)
    assert offers(desk, 2) == read_undo_offers([late.id], viewer_id=desk.helpdesk_id) == []
    with pytest.raises(ServiceError, match="10 minutes"):
        undo_bulk_change(late.id, actor_id=desk.helpdesk_id)
    with pytest.raises(NotFoundError):
        undo_bulk_change(999, actor_id=desk.helpdesk_id)
    assert late.created_at + timedelta(minutes=10) < fake_clock.now()


def test_undo_in_one_ticket_leaves_the_others(desk: Desk, fake_clock: FakeClock) -> None:
    record = bulk(desk, priority_id=1)
    fake_clock.advance(minutes=1)
    result = undo_bulk_change(record.id, actor_id=desk.helpdesk_id, ticket_id=2)
    assert (result.restored, result.left) == (1, ())
    assert [fresh(Ticket, one).priority_id for one in CHOSEN] == [1, 4, 1]
    assert offers(desk, 2) == []
    assert offers(desk, 1) == [(record.id, 2)]
    with pytest.raises(ServiceError, match="undone already"):
        undo_bulk_change(record.id, actor_id=desk.helpdesk_id, ticket_id=2)
    with pytest.raises(ServiceError, match="undone already"):
        undo_bulk_change(record.id, actor_id=desk.helpdesk_id, ticket_id=6)
    assert undo_bulk_change(record.id, actor_id=desk.helpdesk_id).restored == 2
    assert [fresh(Ticket, one).priority_id for one in CHOSEN] == [4, 4, 4]


def test_a_ticket_that_changed_since_is_not_offered(desk: Desk, fake_clock: FakeClock) -> None:
    record = bulk(desk, ids=[1, 2], priority_id=1)
    fake_clock.advance(minutes=1)
    to_ada = TicketChange(sets_assignee=True, assignee_id=1)
    change_ticket(2, to_ada, actor_id=desk.admin_id, seen_at=None)
    assert offers(desk, 2) == []
    assert offers(desk, 1) == [(record.id, 2)]
    result = undo_bulk_change(record.id, actor_id=desk.helpdesk_id, ticket_id=2)
    assert (result.restored, result.left) == (0, ("TKT-000002",))


def test_closing_criticals_asks_with_their_number(desk: Desk) -> None:
    closed = named(Status, "Closed")
    with transaction() as session:
        session.execute(update(Alert).values(parsed_severity="low"))
        session.execute(update(Ticket).where(Ticket.id == 1).values(priority_id=1))
        of_third = update(Alert).where(Alert.ticket_id == 3)
        session.execute(of_third.values(parsed_severity="critical"))

    def close(ids, confirmed: int | None, **values: object) -> BulkChange | None:
        change = TicketChange(status_id=closed, **values)
        return bulk_change_tickets(
            ids, change, actor_id=desk.helpdesk_id, confirmed_criticals=confirmed
        )

    for confirmed in (0, 1):
        with pytest.raises(CriticalsUnconfirmedError) as asked:
            close([1, 2, 3], confirmed)
        assert asked.value.numbers == ("TKT-000001", "TKT-000003")
        assert asked.value.closing == 3
    assert all_rows(BulkChange) == []
    assert fresh(Ticket, 2).closed_at is None
    assert close([2], 0) is not None, "none is critical"
    assert close([1, 2, 3], 2) is not None
    change = TicketChange(status_id=named(Status, "Open"))
    assert bulk_change_tickets([1], change, actor_id=1, confirmed_criticals=0), "not closing"
    assert close([1], None) is not None, "nobody is asked"
    assert close([1], 0, priority_id=2) is not None, "closed already"
