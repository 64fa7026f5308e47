"""Open fallback tickets go to the client that their organization has got, and nothing else does."""

from dataclasses import replace

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.polling import AppThread
from tests.support.rows import add, all_rows, change, fresh
from webapp.models import (
    Asset,
    AuditEvent,
    Board,
    Category,
    Client,
    Comment,
    Ticket,
    TicketAsset,
    User,
)
from webapp.services.errors import NotFoundError, ServiceError
from webapp.services.mapping.map_organizations import set_mapping
from webapp.services.people.users import add_user
from webapp.services.polling import write_incidents
from webapp.services.polling.move_tickets import (
    count_movable_tickets,
    decline_move,
    list_move_offers,
    move_tickets,
    read_move_offer,
)
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.transactions import reading

pytestmark = pytest.mark.slow

ACME, OTHER = 7, 8


@pytest.fixture
def admin(app: Flask) -> User:
    return add_user(email="a@b.org", name="Ada", password="correct horse", role="admin")


@pytest.fixture
def triage(desk: Desk) -> Desk:
    """Two tickets of an unmapped organization on triage, and one of another."""
    desk.account.add_organization("Acme *Ltd*", id=ACME)
    desk.account.add_organization("Other", id=OTHER)
    agent = desk.account.add_agent(ACME, "HOST-1")["id"]
    desk.account.add_incident(ACME, now=desk.clock.now(), id=1, subject="One", agent_id=agent)
    desk.account.add_incident(ACME, now=desk.clock.now(), id=2, subject="Two")
    desk.account.add_incident(OTHER, now=desk.clock.now(), id=3)
    desk.poll()
    assert desk.ticket(1).title == "[Huntress] [Unmapped Org] One"
    return desk


def map_acme(desk: Desk, name: str = "Acme *Ltd* client") -> int:
    client_id = desk.add_client(name)
    set_mapping(desk.connection_id, str(ACME), client_id=client_id)
    return client_id


@both_databases
def test_tickets_move_with_everything_that_belongs_to_it(triage: Desk, admin: User) -> None:
    board_id = triage.connection().board_id
    category = add(Category(name="Malware", board_id=board_id)).id
    subcategory = add(Category(name="Host", board_id=board_id, parent_id=category)).id
    triage.set(category_id=category, subcategory_id=subcategory)
    assert count_movable_tickets(triage.connection_id) == 0
    client_id = map_acme(triage)
    asset = add(Asset(client_id=client_id, name="host-1", hostname_key="host-1")).id
    assert count_movable_tickets(triage.connection_id) == 2
    triage.clock.advance(minutes=1)
    assert move_tickets(triage.connection_id, actor_id=admin.id) == 2
    ticket = triage.ticket(1)
    assert (ticket.client_id, ticket.board_id) == (client_id, board_id)
    assert (ticket.category_id, ticket.subcategory_id) == (category, subcategory)
    assert ticket.title == "[Huntress] One"
    assert "Unmapped organization" not in ticket.description
    assert "## Affected Host" in ticket.description
    assert ticket.is_unmapped is False
    assert ticket.first_touched_at is None, "moving is not touching"
    assert ticket.updated_at == triage.clock.now()
    [link] = _links(ticket.id)
    assert link.asset_id == triage.alert(1).asset_id == asset
    assert triage.ticket(3).is_unmapped is True, "another organization's"
    assert count_movable_tickets(triage.connection_id) == 0
    assert move_tickets(triage.connection_id, actor_id=admin.id) == 0, "twice is fine"


def _links(ticket_id: int) -> list[TicketAsset]:
    with reading() as session:
        return session.query(TicketAsset).filter_by(ticket_id=ticket_id).all()


def test_a_note_and_an_audit_event_say_who_moved_it(triage: Desk, admin: User) -> None:
    client_id = map_acme(triage)
    move_tickets(triage.connection_id, actor_id=admin.id)
    ticket = triage.ticket(1)
    note = all_rows(Comment, Comment.ticket_id == ticket.id)[-1]
    assert (note.author_id, note.kind, note.is_internal) == (admin.id, "internal_note", True)
    assert note.body == (
        r"Moved off triage: the Huntress organization Acme \*Ltd\* is mapped to "
        r"Acme \*Ltd\* client now."
    )
    events = all_rows(AuditEvent, AuditEvent.action == "ticket.moved")
    assert {event.subject_id for event in events} == {str(triage.ticket(n).id) for n in (1, 2)}
    assert events[0].actor_id == admin.id
    assert events[0].before["client_id"] == triage.connection().fallback_client_id
    assert events[0].after["client_id"] == client_id
    assert (events[0].before["is_unmapped"], events[0].after["is_unmapped"]) == (True, False)


def test_what_a_person_changed_stays_where_it_is(triage: Desk, admin: User) -> None:
    client_id = map_acme(triage)
    other_board = add(Board(name="Elsewhere")).id
    change(Ticket, triage.ticket(1).id, board_id=other_board)
    change(Ticket, triage.ticket(2).id, client_id=client_id)
    assert move_tickets(triage.connection_id, actor_id=admin.id) == 0
    assert triage.ticket(1).board_id == other_board


def test_texts_that_a_person_edited_are_kept(triage: Desk, admin: User) -> None:
    map_acme(triage)
    change(
        Ticket,
        triage.ticket(1).id,
        title="Mine",
        description="my words",
        text_edited_by_person_at=triage.clock.now(),
    )
    move_tickets(triage.connection_id, actor_id=admin.id)
    ticket = triage.ticket(1)
    assert (ticket.title, ticket.description) == ("Mine", "my words")
    assert ticket.is_unmapped is False


def test_without_a_report_only_the_warning_goes(triage: Desk, admin: User) -> None:
    map_acme(triage)
    before = triage.ticket(1)
    change(type(triage.alert(1)), triage.alert(1).id, raw_report="{}")
    move_tickets(triage.connection_id, actor_id=admin.id)
    ticket = triage.ticket(1)
    assert ticket.title == "[Huntress] One"
    assert "> **Unmapped organization.**" in before.description
    assert ticket.description == before.description.partition("\n\n")[2]


def test_closed_unreadable_and_wrongly_mapped_ones_stay(triage: Desk, admin: User) -> None:
    client_id = map_acme(triage)
    change(Ticket, triage.ticket(1).id, closed_at=triage.clock.now())
    change(type(triage.alert(2)), triage.alert(2).id, is_incomplete=True)
    assert count_movable_tickets(triage.connection_id) == 0
    change(type(triage.alert(2)), triage.alert(2).id, is_incomplete=False)
    change(Client, client_id, is_active=False)
    assert move_tickets(triage.connection_id, actor_id=admin.id) == 0, "routes like an unmapped one"


def test_only_the_organizations_that_were_asked_for(triage: Desk, admin: User) -> None:
    client_id = map_acme(triage)
    set_mapping(triage.connection_id, str(OTHER), client_id=client_id)
    assert move_tickets(triage.connection_id, organization_ids=["8"], actor_id=admin.id) == 1
    assert triage.ticket(3).client_id == client_id
    assert triage.ticket(1).is_unmapped is True


def test_a_later_note_does_not_bring_it_back(triage: Desk, admin: User) -> None:
    client_id = map_acme(triage)
    move_tickets(triage.connection_id, actor_id=admin.id)
    triage.account.update_incident(1, now=triage.clock.advance(minutes=1), severity="critical")
    triage.poll()
    ticket = triage.ticket(1)
    assert (ticket.client_id, ticket.title) == (client_id, "[Huntress] One")


def test_refusals(desk: Desk, admin: User) -> None:
    desk.set(critical_priority_id=None)
    with pytest.raises(ServiceError, match="routing configuration is incomplete"):
        move_tickets(desk.connection_id, actor_id=admin.id)
    with pytest.raises(NotFoundError):
        move_tickets(99, actor_id=admin.id)


@both_databases
def test_a_poll_that_runs_meanwhile_waits_and_both_are_done(
    app: Flask, triage: Desk, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poll is held inside its transaction: moving waits for it and loses nothing of it."""
    client_id = map_acme(triage)
    triage.account.update_incident(1, now=triage.clock.advance(minutes=6), severity="critical")
    started: list[AppThread] = []
    build = write_incidents.build_update_note

    def build_and_let_move(*args: object, **options: object) -> str:
        if not started:
            started.append(
                AppThread(app, lambda: move_tickets(triage.connection_id, actor_id=admin.id))
            )
            started[0].join(0.3)
            assert started[0].is_alive(), "it did not wait for the poll"
        return build(*args, **options)

    monkeypatch.setattr(write_incidents, "build_update_note", build_and_let_move)
    assert poll_connection(triage.connection_id, trigger="command").is_success
    assert started[0].outcome() == 2
    ticket = fresh(Ticket, triage.ticket(1).id)
    assert (ticket.client_id, ticket.title) == (client_id, "[Huntress] One")
    assert any("Severity" in note for note in triage.notes(1))
    assert triage.notes(1)[-1].startswith("Moved off triage")


@both_databases
def test_not_now_holds_until_there_is_another_ticket_to_move(triage: Desk, admin: User) -> None:
    assert list_move_offers() == []
    client_id = map_acme(triage)
    [offer] = list_move_offers(client_id=client_id)
    assert (offer.connection_id, offer.tickets, offer.is_declined) == (1, 2, False)
    assert list_move_offers(client_id=triage.connection().fallback_client_id) == []
    decline_move(1, actor_id=admin.id)
    assert read_move_offer(1) == replace(offer, is_declined=True)
    [event] = all_rows(AuditEvent, AuditEvent.action == "ticket_move.declined")
    assert (event.subject_id, event.after, event.actor_id) == ("1", {"tickets": 2}, admin.id)
    set_mapping(1, str(OTHER), client_id=client_id)
    assert read_move_offer(1) == replace(offer, tickets=3), "another ticket, so it comes back"
    decline_move(1, actor_id=admin.id)
    assert move_tickets(1, actor_id=admin.id) == 3, "declined ones can still be moved"
    assert read_move_offer(1) is None
    decline_move(1, actor_id=admin.id)
    assert len(all_rows(AuditEvent, AuditEvent.action == "ticket_move.declined")) == 2
