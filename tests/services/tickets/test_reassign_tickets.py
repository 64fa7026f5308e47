"""Somebody leaves: their open tickets move on in the same transaction."""

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_events, change, fresh
from webapp.models import Comment, Ticket, User
from webapp.services.errors import NotFoundError
from webapp.services.people.users import LastAdminError, UserError
from webapp.services.tickets.reassign_tickets import (
    ConfirmationError,
    deactivate_and_reassign,
)


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    """Tickets 1 and 2 are Bo's and open, 3 is Bo's and closed, 4 is Ada's."""
    filled = desk_data.fill_desk(fake_clock.now(), tickets=4)
    for ticket_id in (1, 2, 3):
        change(
            Ticket,
            ticket_id,
            assignee_id=filled.helpdesk_id,
            closed_at=fake_clock.now() if ticket_id == 3 else None,
            first_touched_at=None,
        )
    change(Ticket, 4, assignee_id=filled.admin_id, closed_at=None)
    return filled


@both_databases
def test_open_tickets_go_to_a_colleague(desk: Desk, fake_clock: FakeClock) -> None:
    before = {ticket.id: ticket.updated_at for ticket in all_rows(Ticket)}
    now = fake_clock.advance(minutes=5)
    moved = deactivate_and_reassign(
        desk.helpdesk_id, successor_id=desk.admin_id, actor_id=desk.admin_id
    )
    assert moved == 2
    assert not fresh(User, desk.helpdesk_id).is_active
    for ticket_id in (1, 2):
        ticket = fresh(Ticket, ticket_id)
        assert (ticket.assignee_id, ticket.updated_at) == (desk.admin_id, now)
        assert ticket.first_touched_at is None
        entry = all_rows(Comment, Comment.ticket_id == ticket_id)[-1]
        assert (entry.kind, entry.author_id, entry.created_at) == ("change", desk.admin_id, now)
        assert entry.body == "Bo Lindqvist was deactivated: assigned to Ada Okafor."
    closed = fresh(Ticket, 3)
    assert (closed.assignee_id, closed.updated_at) == (desk.helpdesk_id, before[3])
    assert fresh(Ticket, 4).updated_at == before[4]
    events = audit_events()
    assert [(event.action, event.subject_id) for event in events] == [
        ("user.deactivated", str(desk.helpdesk_id)),
        ("ticket.changed", "1"),
        ("ticket.changed", "2"),
    ]
    assert events[1].before == {"assignee": "bo@example.com"}
    assert events[1].after == {"assignee": "ada@example.com"}


@both_databases
def test_open_tickets_go_to_nobody(desk: Desk) -> None:
    deactivate_and_reassign(desk.helpdesk_id, successor_id=None, actor_id=desk.admin_id)
    assert fresh(Ticket, 1).assignee_id is None
    assert all_rows(Comment, Comment.ticket_id == 1)[-1].body == (
        "Bo Lindqvist was deactivated: assigned to nobody now."
    )
    assert audit_events()[-1].after == {"assignee": None}


@pytest.mark.parametrize("successor", [99, "inactive", "self"])
def test_nothing_moves_to_somebody_who_cannot_work(desk: Desk, successor: object) -> None:
    if successor == "inactive":
        change(User, desk.admin_id, is_active=False)
    target = {"inactive": desk.admin_id, "self": desk.helpdesk_id}.get(str(successor), 99)
    with pytest.raises(UserError) as caught:
        deactivate_and_reassign(desk.helpdesk_id, successor_id=target, actor_id=desk.admin_id)
    assert set(caught.value.fields) == {"successor"}
    assert fresh(User, desk.helpdesk_id).is_active
    assert fresh(Ticket, 1).assignee_id == desk.helpdesk_id
    assert audit_events() == []


def test_oneself_only_when_meant(desk: Desk) -> None:
    change(User, desk.helpdesk_id, role="admin")
    options = {"successor_id": desk.admin_id, "actor_id": desk.helpdesk_id}
    with pytest.raises(ConfirmationError):
        deactivate_and_reassign(desk.helpdesk_id, **options)
    assert fresh(User, desk.helpdesk_id).is_active
    assert deactivate_and_reassign(desk.helpdesk_id, is_confirmed=True, **options) == 2


def test_the_last_admin_keeps_everything(desk: Desk) -> None:
    options = {"actor_id": desk.admin_id, "is_confirmed": True}
    with pytest.raises(LastAdminError):
        deactivate_and_reassign(desk.admin_id, successor_id=None, **options)
    assert fresh(Ticket, 4).assignee_id == desk.admin_id


def test_somebody_without_tickets_and_nobody_at_all(desk: Desk) -> None:
    leave = {"successor_id": None, "actor_id": desk.admin_id}
    deactivate_and_reassign(desk.helpdesk_id, **leave)
    assert deactivate_and_reassign(desk.helpdesk_id, **leave) == 0
    with pytest.raises(NotFoundError):
        deactivate_and_reassign(99, **leave)


def test_names_cannot_write_markdown(desk: Desk) -> None:
    change(User, desk.helpdesk_id, name="[x](javascript:alert(1))")
    deactivate_and_reassign(desk.helpdesk_id, successor_id=None, actor_id=desk.admin_id)
    body = all_rows(Comment, Comment.ticket_id == 1)[-1].body
    assert body.startswith("\\[x\\]")
