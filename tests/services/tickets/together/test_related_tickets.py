"""What belongs together with a ticket, on both databases."""

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.polling import counted_statements
from tests.support.rows import change
from webapp.domain.triage.ticket_link import LinkChoice
from webapp.models import Alert, Client, Ticket
from webapp.services.tickets.links.link_tickets import link_tickets
from webapp.services.tickets.read_ticket import read_ticket
from webapp.services.tickets.related_tickets import SHOWN, Related
from webapp.services.transactions import reading, transaction

pytestmark = both_databases


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    """Sixteen tickets of as many hosts and clients, all open."""
    desk = desk_data.fill_desk(fake_clock.now(), tickets=16)
    with transaction() as session:
        for ticket in session.query(Ticket):
            client = Client(name=f"Client {ticket.id}")
            session.add(client)
            ticket.client, ticket.closed_at, ticket.is_unmapped = client, None, False
            ticket.subject_key = ticket.subject_name = None
        session.query(Alert).update(
            {"agent_external_id": None, "organization_external_id": None, "was_closed": False}
        )
    fake_clock.advance(minutes=30)
    return desk


def related(ticket_id: int) -> Related:
    return read_ticket(ticket_id).related


def subjects(ticket_id: int) -> list[int | None]:
    return [one.ticket_id for one in related(ticket_id).of_subject]


def others(ticket_id: int) -> list[int | None]:
    return [one.ticket_id for one in related(ticket_id).of_organization]


def client_of(ticket_id: int) -> int:
    with reading() as session:
        return session.get_one(Ticket, ticket_id).client_id


def test_the_same_host_in_both_directions_open_ones_first(
    desk: Desk, fake_clock: FakeClock
) -> None:
    for ticket_id in (3, 6, 9, 12):
        change(Ticket, ticket_id, subject_key="host:srv01", client_id=client_of(3))
    change(Ticket, 9, closed_at=fake_clock.now())
    change(Ticket, 2, subject_key="host:srv01")
    assert subjects(6) == [12, 3, 9], "and none of another client's machine of that name"
    assert others(6) == [], "none twice"


def test_the_same_agent_with_and_without_tickets(desk: Desk) -> None:
    with transaction() as session:
        session.query(Alert).filter(Alert.ticket_id.in_([4, 8])).update({"agent_external_id": "7"})
        alert = session.query(Alert).filter_by(ticket_id=15).one()
        alert.agent_external_id, alert.ticket_id, alert.message = "7", None, "Before polling"
        alert.was_closed, alert.kinds = True, None
    found = related(4).of_subject
    assert [(one.ticket_id, one.is_closed) for one in found] == [(8, False), (None, True)]
    assert found[1].what == "Before polling"
    change(Alert, 8, kinds=["footholds", "process_detections"])
    change(Ticket, 8, title="Incident on PC-8")
    change(Alert, 15, kinds=["monitored_files"])
    found = related(4).of_subject
    assert [one.what for one in found] == ["Persistent foothold", "Monitored file changed"], (
        "as in the list"
    )


def test_a_ticket_of_two_incidents_is_told_by_the_first(desk: Desk) -> None:
    for ticket_id in (3, 6):
        change(Ticket, ticket_id, subject_key="host:srv01", client_id=client_of(3))
    change(Alert, 9, ticket_id=6, kinds=["monitored_files"])
    change(Alert, 6, kinds=["footholds"])
    assert [one.what for one in related(3).of_subject] == ["Persistent foothold"]


def test_the_same_client(desk: Desk) -> None:
    for ticket_id in range(1, 10):
        change(Ticket, ticket_id, client_id=client_of(1))
    found = related(5)
    assert [one.ticket_id for one in found.of_organization] == [9, 8, 7, 6, 4]
    assert found.has_more_of_organization
    assert len(found.of_organization) == SHOWN


def test_unmapped_tickets_by_their_organization_and_not_by_the_fallback_client(desk: Desk) -> None:
    for ticket_id in (1, 2, 3, 4):
        change(Ticket, ticket_id, client_id=client_of(1), is_unmapped=True, subject_key="host:pc")
    with transaction() as session:
        session.query(Alert).filter(Alert.ticket_id.in_([1, 3])).update(
            {"organization_external_id": "41"}
        )
        session.query(Alert).filter(Alert.ticket_id == 2).update({"organization_external_id": "42"})
    assert subjects(1) == [3], "another organization's machine may have the same name"
    change(Ticket, 3, subject_key=None)
    assert (subjects(1), others(1)) == ([], [3])
    assert related(1).organization == f"{desk.connection_id}:41"
    assert related(2).of_organization == []


def test_linked_ones_are_named_once_and_in_one_statement(desk: Desk) -> None:
    for ticket_id in (1, 2, 3):
        change(Ticket, ticket_id, client_id=client_of(1), subject_key="host:pc")
    plain = count_of(1)
    link_tickets(2, LinkChoice.DUPLICATE, "1", actor_id=desk.helpdesk_id)
    link_tickets(5, LinkChoice.PART, "1", actor_id=desk.helpdesk_id)
    found = related(1)
    assert [(one.words, one.ticket.ticket_id) for one in found.links] == [
        ("the original of", 2),
        ("the case over", 5),
    ]
    assert [one.ticket.ticket_id for one in found.open_parts] == [5]
    assert [one.ticket_id for one in found.of_subject] == [3]
    assert related(2).original is not None
    assert count_of(1) == plain


def count_of(ticket_id: int) -> int:
    with counted_statements() as statements:
        read_ticket(ticket_id)
    return len(statements)
