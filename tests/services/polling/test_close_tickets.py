"""Tickets of incidents that were closed before auto-close was switched on, closed at once."""

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.rows import all_rows
from webapp.models import AuditEvent, User
from webapp.services.errors import RefusedError
from webapp.services.people.users import add_user
from webapp.services.polling import close_tickets as closing
from webapp.services.polling.close_tickets import close_tickets, count_closable_tickets
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.comment_ticket import add_internal_note

pytestmark = both_databases


@pytest.fixture
def admin(app: Flask) -> User:
    return add_user(email="a@b.org", name="Ada", password="correct horse", role="admin")


@pytest.fixture
def left(desk: Desk, admin: User) -> Desk:
    """Four closed incidents with open tickets: 2 is worked on, 3 was reopened; 5 is open."""
    desk.account.add_organization("Acme", id=7)
    for number in range(1, 6):
        desk.account.add_incident(7, now=desk.clock.now(), id=number)
    desk.poll()
    for number in range(1, 5):
        desk.account.update_incident(number, now=desk.clock.now(), status="closed")
    desk.poll()
    add_internal_note(desk.ticket(2).id, "Looking.", author_id=admin.id)
    for status_id in (desk.closed_status_id(), desk.ticket(5).status_id):
        change_ticket(
            desk.ticket(3).id, TicketChange(status_id=status_id), actor_id=admin.id, seen_at=None
        )
    desk.clock.advance(minutes=1)
    return desk


def open_ones(desk: Desk) -> list[int]:
    return [number for number in range(1, 6) if desk.ticket(number).closed_at is None]


def switch_on(desk: Desk, **values: object) -> None:
    desk.set(auto_close_tickets=True, closed_status_id=desk.closed_status_id(), **values)


def test_they_are_closed_by_the_rules_of_the_poll(
    left: Desk, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "BATCH", 1)
    switch_on(left)
    assert count_closable_tickets(left.connection_id) == 3
    assert close_tickets(left.connection_id, actor_id=admin.id) == 3
    assert open_ones(left) == [3, 5], "a person reopened 3, and 5 is open at Huntress"
    ticket = left.ticket(1)
    assert (ticket.closed_at, ticket.first_touched_at) == (left.clock.now(), None)
    assert left.notes(1)[-1] == "The ticket was closed: Huntress had closed the incident before."
    event = all_rows(AuditEvent, AuditEvent.subject_id == str(ticket.id))[-1]
    assert (event.action, event.actor_id) == ("ticket.changed", admin.id)
    assert (event.before, event.after) == ({"status": "Open"}, {"status": "Closed"})
    assert count_closable_tickets(left.connection_id) == 0
    assert close_tickets(left.connection_id, actor_id=admin.id) == 0


def test_what_a_person_worked_on_stays_open_if_so_set(left: Desk, admin: User) -> None:
    switch_on(left, leave_touched_open=True)
    assert count_closable_tickets(left.connection_id) == 2
    close_tickets(left.connection_id, actor_id=admin.id)
    assert open_ones(left) == [2, 3, 5]


def test_nothing_is_closed_while_auto_close_is_off(left: Desk, admin: User) -> None:
    assert count_closable_tickets(left.connection_id) == 0
    with pytest.raises(RefusedError, match="Nothing was closed"):
        close_tickets(left.connection_id, actor_id=admin.id)
    assert open_ones(left) == [1, 2, 3, 4, 5]
