"""Tickets that a person opens, on both databases: complete, numbered, never doubled."""

import threading
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.polling import AppThread
from webapp.models import AuditEvent, Category, Client, Comment, Ticket, User
from webapp.services.errors import FieldError
from webapp.services.tickets.open_ticket import OPENED, NewTicket, open_ticket
from webapp.services.tickets.read_ticket import read_ticket
from webapp.services.transactions import reading, transaction

pytestmark = both_databases
TOKEN = "a-token-of-the-form"


@pytest.fixture
def wanted(app: Flask) -> NewTicket:
    desk_data.add_people()
    with transaction() as session:
        parent = Category(name="Accounts", board_id=1)
        session.add(parent)
        session.flush()
        child = Category(name="Reset", board_id=1, parent_id=parent.id)
        session.add(child)
        session.flush()
        child_id = child.id
    return NewTicket(
        " Printer\non fire ", "It *burns*.", 1, 1, 2, category_id=child_id, assignee_id=2
    )


def count_tickets() -> int:
    with reading() as session:
        return session.scalar(select(func.count(Ticket.id))) or 0


def test_a_ticket_is_complete(wanted: NewTicket, fake_clock: FakeClock) -> None:
    ticket = read_ticket(open_ticket(wanted, actor_id=1, form_token=TOKEN).id).ticket
    assert (ticket.number, ticket.title, ticket.description) == (
        "TKT-000001",
        "Printer on fire",
        "It *burns*.",
    )
    assert ticket.status.is_default
    assert ticket.category is not None
    assert (ticket.category.name, ticket.subcategory.name) == ("Accounts", "Reset")
    assert (ticket.source, ticket.connection_id, ticket.source_reference) == ("manual", None, None)
    assert ticket.created_at == ticket.updated_at == fake_clock.now()
    assert ticket.priority_set_by_person_at == fake_clock.now()
    assert (ticket.closed_at, ticket.reported_at) == (None, fake_clock.now())
    assert (ticket.first_touched_at, ticket.untouched_since) == (fake_clock.now(), None)
    with reading() as session:
        entry = session.scalars(select(Comment)).one()
        event = session.scalars(select(AuditEvent)).one()
    assert (entry.body, entry.author_id, entry.ticket_id) == (OPENED, 1, ticket.id)
    assert (event.action, event.actor_id, event.subject_id) == ("ticket.opened", 1, str(ticket.id))
    assert event.after["assignee"] == "bo@example.com"


def test_a_form_sent_twice_is_one_ticket(wanted: NewTicket) -> None:
    first = open_ticket(wanted, actor_id=1, form_token=TOKEN)
    again = open_ticket(replace(wanted, title="Changed"), actor_id=1, form_token=TOKEN)
    assert (again.id, again.title) == (first.id, "Printer on fire")
    other = open_ticket(wanted, actor_id=1, form_token="another-form-token")
    assert other.number == "TKT-000002", "no number is lost"
    assert count_tickets() == 2


def test_a_form_sent_twice_at_the_same_moment_is_one_ticket(app: Flask, wanted: NewTicket) -> None:
    start = threading.Barrier(4)
    found: list[int] = []

    def send() -> None:
        start.wait(30)
        found.append(open_ticket(wanted, actor_id=1, form_token=TOKEN).id)

    threads = [AppThread(app, send) for _ in range(4)]
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    assert len(set(found)) == count_tickets() == 1


def test_everything_wrong_is_said_at_once(wanted: NewTicket) -> None:
    with transaction() as session:
        session.get(Client, 1).is_active = False
        session.get(User, 2).is_active = False
    bad = replace(wanted, title=" ", description="x" * 50_001, board_id=None, priority_id=4711)
    with pytest.raises(FieldError) as refusal:
        open_ticket(bad, actor_id=1, form_token=TOKEN)
    assert set(refusal.value.fields) == {
        *("title", "description", "client_id", "board_id", "priority_id", "assignee_id"),
    }
    with pytest.raises(FieldError) as refusal:
        open_ticket(replace(wanted, board_id=2), actor_id=1, form_token=TOKEN)
    assert "category_id" in refusal.value.fields, "the category is another board's"
    assert count_tickets() == 0


def test_a_refused_form_can_be_sent_again(wanted: NewTicket) -> None:
    with pytest.raises(FieldError):
        open_ticket(replace(wanted, title=""), actor_id=1, form_token=TOKEN)
    assert open_ticket(wanted, actor_id=1, form_token=TOKEN).number == "TKT-000001"
