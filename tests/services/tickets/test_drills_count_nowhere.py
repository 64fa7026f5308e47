"""Drills are listed, and counted nowhere: lists, clients, people, settings, files."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import add, all_rows, change, fresh
from webapp.models import Drill, Ticket
from webapp.services.desk.list_clients import ClientQuery, list_clients
from webapp.services.desk.read_client import read_client
from webapp.services.desk.read_desk import list_boards, list_priorities, list_statuses
from webapp.services.people.read_users import read_user
from webapp.services.tickets.export_tickets_csv import export_ticket_list
from webapp.services.tickets.list_tickets import TicketQuery, list_tickets
from webapp.services.tickets.related_tickets import find_related
from webapp.services.transactions import reading

pytestmark = both_databases


@pytest.fixture
def ticket(app: Flask, fake_clock: FakeClock) -> Ticket:
    """One of twelve open tickets, which will be taken for a drill."""
    desk: Desk = desk_data.fill_desk(fake_clock.now(), tickets=12)
    for one in all_rows(Ticket):
        change(Ticket, one.id, closed_at=None, assignee_id=desk.helpdesk_id, client_id=1)
    [first, *_] = all_rows(Ticket)
    status = next(one.status_id for one in all_rows(Ticket) if not one.status.is_closed)
    for one in all_rows(Ticket):
        change(Ticket, one.id, status_id=status)
    return fresh(Ticket, first.id)


def make_drill(ticket: Ticket, fake_clock: FakeClock) -> None:
    change(Ticket, ticket.id, is_drill=True)
    add(
        Drill(
            connection_id=ticket.connection_id,
            external_key="drill-1",
            ticket_id=ticket.id,
            started_at=fake_clock.now(),
        )
    )


def open_of_list(_ticket: Ticket) -> int:
    return list_tickets(TicketQuery()).open_count


def open_of_search(ticket: Ticket) -> int:
    return list_tickets(TicketQuery(search=ticket.number)).open_count


def open_of_search_seen_from_the_closed(ticket: Ticket) -> int:
    return list_tickets(TicketQuery(search=ticket.number, is_closed=True)).open_count


def exported(_ticket: Ticket) -> int:
    return len("".join(export_ticket_list(TicketQuery())).splitlines())


def exported_of_search(ticket: Ticket) -> int:
    return len("".join(export_ticket_list(TicketQuery(search=ticket.number))).splitlines())


def of_client(ticket: Ticket) -> int:
    return read_client(ticket.client_id).open_tickets


def of_list_of_clients(ticket: Ticket) -> int:
    rows = list_clients(ClientQuery()).page.rows
    return next(row.open_tickets for row in rows if row.id == ticket.client_id)


def of_person(ticket: Ticket) -> int:
    assert ticket.assignee_id is not None
    return read_user(ticket.assignee_id).open_tickets


def of_board(ticket: Ticket) -> int:
    return next(row.open_tickets for row in list_boards() if row.board.id == ticket.board_id)


def of_priority(ticket: Ticket) -> int:
    return next(one.tickets for one in list_priorities() if one.row.id == ticket.priority_id)


def of_status(ticket: Ticket) -> int:
    return next(one.tickets for one in list_statuses() if one.row.id == ticket.status_id)


def related(ticket: Ticket) -> int:
    change(Ticket, ticket.id, reported_at=ticket.created_at + timedelta(days=99))  # the newest
    with reading() as session:
        newer = session.get_one(Ticket, ticket.id + 1)
        found = find_related(session, newer, None).of_organization
    return sum(one.ticket_id == ticket.id for one in found)


@pytest.mark.parametrize(
    "count",
    [
        open_of_list,
        open_of_search,
        open_of_search_seen_from_the_closed,
        exported,
        exported_of_search,
        of_client,
        of_list_of_clients,
        of_person,
        of_board,
        of_priority,
        of_status,
        related,
    ],
)
def test_a_drill_is_counted_nowhere(
    ticket: Ticket, fake_clock: FakeClock, count: Callable[[Ticket], int]
) -> None:
    before = count(ticket)
    assert before > 0
    make_drill(ticket, fake_clock)
    assert count(ticket) == before - 1


def test_a_drill_is_still_listed(ticket: Ticket, fake_clock: FakeClock) -> None:
    make_drill(ticket, fake_clock)
    assert ticket.id in [row.id for row in list_tickets(TicketQuery()).tickets.rows]
