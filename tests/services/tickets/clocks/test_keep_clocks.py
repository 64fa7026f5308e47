"""Whatever happens to a ticket, its due times follow."""

from datetime import datetime, timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.desk_data import add_people
from tests.support.interruptions import kill_at_every_statement
from tests.support.poller import Desk
from tests.support.polling import add_bulk, counted_statements
from tests.support.rows import add, all_rows, change, fresh
from tests.support.triage.clocks_data import set_targets, settle_seconds
from webapp.models import OpeningHours, Priority, Status, Ticket
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.clocks.recompute_clocks import BATCH, recompute_clocks
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.tickets.open_ticket import NewTicket, open_ticket

ID = 1_780_001
HALF_HOUR, FOUR_HOURS = timedelta(minutes=30), timedelta(hours=4)


@pytest.fixture
def admin_id(desk: Desk) -> int:
    desk.poll()
    return add_people()[0].id


def sent(desk: Desk, **fields: object) -> Ticket:
    """The ticket of an incident that is sent now and polled five minutes later."""
    desk.account.add_incident(None, now=desk.clock.now(), id=ID, **fields)
    assert desk.poll().is_success
    ticket = desk.ticket(ID)
    assert ticket is not None
    return ticket


def set_status(ticket: Ticket, name: str, admin_id: int) -> Ticket:
    [status] = all_rows(Status, Status.name == name)
    change_ticket(ticket.id, TicketChange(status_id=status.id), actor_id=admin_id, seen_at=None)
    return fresh(Ticket, ticket.id)


@both_databases
def test_from_the_report_to_the_closing(desk: Desk, admin_id: int) -> None:
    set_targets(actor_id=admin_id)
    began = desk.clock.now()
    ticket = sent(desk)
    start = ticket.reported_at
    assert start >= began
    assert (ticket.touch_due_at, ticket.due_at) == (start + HALF_HOUR, start + HALF_HOUR)
    assert ticket.clock_tells_at == start + timedelta(minutes=22.5)

    add_internal_note(ticket.id, "Looking.", author_id=admin_id)
    ticket = fresh(Ticket, ticket.id)
    assert ticket.due_at == ticket.close_due_at == start + FOUR_HOURS

    ticket = set_status(ticket, "Closed", admin_id)
    assert (ticket.due_at, ticket.clock_tells_at) == (None, None)
    assert ticket.close_due_at == start + FOUR_HOURS
    desk.clock.advance(hours=9)
    ticket = set_status(ticket, "Open", admin_id)
    assert ticket.due_at == desk.clock.now() + FOUR_HOURS


def test_a_backlog_counts_from_when_its_tickets_were_made(desk: Desk, admin_id: int) -> None:
    set_targets(actor_id=admin_id)
    change_at = desk.clock.now()
    desk.set(polling_started_at=change_at + timedelta(minutes=1))
    ticket = sent(desk)
    assert ticket.due_at == ticket.created_at + HALF_HOUR


def test_a_ticket_opened_by_hand_counts_from_then(desk: Desk, admin_id: int) -> None:
    set_targets(actor_id=admin_id)
    wanted = NewTicket("t", "", client_id=1, board_id=1, priority_id=1)
    key = open_ticket(wanted, actor_id=admin_id, form_token="t" * 20).id
    ticket = fresh(Ticket, key)
    assert ticket.touch_due_at == ticket.created_at + HALF_HOUR
    assert ticket.close_due_at == ticket.created_at + FOUR_HOURS


def test_another_priority_has_other_targets(desk: Desk, admin_id: int) -> None:
    set_targets(actor_id=admin_id)
    ticket = sent(desk)
    other = add(Priority(name="Whenever", position=99, colour="grey"))
    change_ticket(ticket.id, TicketChange(priority_id=other.id), actor_id=admin_id, seen_at=None)
    ticket = fresh(Ticket, ticket.id)
    assert (ticket.touch_due_at, ticket.close_due_at, ticket.due_at) == (None, None, None)


def test_a_backlog_of_a_batch_costs_two_statements_more(desk: Desk, admin_id: int) -> None:
    counts = []
    for is_on in (False, True):
        if is_on:
            set_targets(actor_id=admin_id)
        add_bulk(desk.account, 40, desk.clock.now(), first_id=5_000 * (is_on + 1))
        with counted_statements() as statements:
            assert desk.poll().is_success
        counts.append(len(statements))
    assert 0 <= counts[1] - counts[0] <= 4  # for each of two batches


def add_tickets(desk: Desk, count: int) -> list[Ticket]:
    add_bulk(desk.account, count, desk.clock.now())
    assert desk.poll().is_success
    return all_rows(Ticket)


@both_databases
def test_new_targets_reach_every_open_ticket_whatever_kills_the_tick(
    desk: Desk, admin_id: int
) -> None:
    tickets = add_tickets(desk, BATCH + 20)
    closed = set_status(tickets[0], "Closed", admin_id)
    set_targets(actor_id=admin_id)
    assert recompute_clocks(desk.clock.now()) == 0, "whoever read the old rules may still write"
    desk.clock.advance(seconds=settle_seconds())
    died = kill_at_every_statement(lambda: recompute_clocks(desk.clock.now()), first=2)
    assert died > 6
    for ticket in all_rows(Ticket):
        if ticket.id == closed.id:
            assert ticket.close_due_at is None
        else:
            assert ticket.due_at == ticket.reported_at + HALF_HOUR
    assert fresh(OpeningHours, 1).recomputed_to is None
    assert recompute_clocks(desk.clock.now()) == 0


def test_nobody_is_told_of_what_was_over_before_targets_were_set(desk: Desk, admin_id: int) -> None:
    ticket = sent(desk)
    desk.clock.advance(hours=1)
    set_targets(actor_id=admin_id)
    desk.clock.advance(seconds=settle_seconds())
    recompute_clocks(desk.clock.now())
    ticket = fresh(Ticket, ticket.id)
    assert ticket.due_at == ticket.reported_at + HALF_HOUR
    assert ticket.clock_tells_at is None
    add_internal_note(ticket.id, "Looking.", author_id=admin_id)
    assert fresh(Ticket, ticket.id).clock_tells_at is not None  # what comes next is told


def test_targets_that_are_removed_leave_nothing_due(desk: Desk, admin_id: int) -> None:
    set_targets(actor_id=admin_id)
    ticket, other = sent(desk), desk.clock.now()
    set_targets("", "", actor_id=admin_id)
    add_internal_note(ticket.id, "Looking.", author_id=admin_id)  # before the tick came by
    assert fresh(Ticket, ticket.id).close_due_at is None
    change(Ticket, ticket.id, due_at=other)
    desk.clock.advance(seconds=settle_seconds())
    recompute_clocks(desk.clock.now())
    assert fresh(Ticket, ticket.id).due_at is None


def test_hours_of_the_desk_count(desk: Desk, admin_id: int) -> None:
    days = ("08:00-11:00", *("",) * 5, "")
    set_targets(actor_id=admin_id, days=days, zone="UTC")
    ticket = sent(desk)  # a Tuesday
    assert ticket.due_at == datetime.fromisoformat("2026-06-15T08:30:00+00:00")
