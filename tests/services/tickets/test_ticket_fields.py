"""What a person may set on a ticket, on both databases: every field, its rules, its traces."""

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from webapp.models import AuditEvent, Board, Category, Client, Comment, Ticket
from webapp.services.errors import FieldError
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.transactions import reading, transaction

pytestmark = both_databases


class Place:
    """Ids of a ticket on a board with categories, and of another board, client, category."""

    def __init__(self, desk: Desk) -> None:
        self.actor_id = desk.helpdesk_id
        with transaction() as session:
            ticket = session.query(Ticket).filter(Ticket.closed_at.is_(None)).first()
            ticket.first_touched_at = None
            ticket.is_unmapped = True
            board = Board(name="Elsewhere")
            client = Client(name="Another *client*")
            gone = Client(name="Gone", is_active=False)
            closed_board = Board(name="Closed", is_active=False)
            parent = Category(name="Endpoint", board_id=ticket.board_id)
            session.add_all([board, client, gone, closed_board, parent])
            session.flush()
            child = Category(name="Malware", board_id=ticket.board_id, parent_id=parent.id)
            foreign = Category(name="Network", board_id=board.id)
            unused = Category(name="Unused", board_id=ticket.board_id, is_active=False)
            session.add_all([child, foreign, unused])
            session.flush()
            self.ticket, self.board, self.client, self.gone = (
                ticket.id,
                board.id,
                client.id,
                gone.id,
            )
            self.closed_board, self.parent, self.child = closed_board.id, parent.id, child.id
            self.foreign, self.unused = foreign.id, unused.id

    def change(self, **values: object) -> tuple[str, ...]:
        return change_ticket(
            self.ticket, TicketChange(**values), actor_id=self.actor_id, seen_at=None
        )

    def stored(self) -> Ticket:
        with reading() as session:
            return session.get(Ticket, self.ticket, populate_existing=True)


@pytest.fixture
def place(app: Flask, fake_clock: FakeClock) -> Place:
    desk = desk_data.fill_desk(fake_clock.now(), tickets=6)
    fake_clock.advance(minutes=30)
    return Place(desk)


def test_another_client_takes_the_ticket_off_triage(place: Place, fake_clock: FakeClock) -> None:
    [sentence] = place.change(client_id=place.client)
    assert sentence.endswith(r"to Another \*client\*.")
    ticket = place.stored()
    assert (ticket.client_id, ticket.is_unmapped) == (place.client, False)
    assert ticket.first_touched_at == fake_clock.now()


def test_a_subcategory_brings_its_category(place: Place) -> None:
    assert place.change(sets_category=True, category_id=place.child) == (
        "Category set to Endpoint › Malware.",
    )
    assert (place.stored().category_id, place.stored().subcategory_id) == (
        place.parent,
        place.child,
    )
    assert place.change(sets_category=True, category_id=place.parent) == (
        "Category changed to Endpoint.",
    )
    assert place.stored().subcategory_id is None
    assert place.change(sets_category=True) == ("Category Endpoint was removed.",)
    assert place.stored().category_id is None
    assert place.change(sets_category=True) == ()


def test_moving_clears_a_category_of_the_old_board(place: Place) -> None:
    place.change(sets_category=True, category_id=place.child)
    [sentence] = place.change(board_id=place.board)
    assert sentence.startswith("Moved from board ")
    assert sentence.endswith(
        "to Elsewhere. Category Endpoint › Malware was cleared: it is not of that board."
    )
    ticket = place.stored()
    assert (ticket.board_id, ticket.category_id, ticket.subcategory_id) == (place.board, None, None)


def test_a_board_and_its_category_can_be_chosen_together(place: Place) -> None:
    place.change(sets_category=True, category_id=place.child)
    place.change(board_id=place.board, sets_category=True, category_id=place.foreign)
    ticket = place.stored()
    assert (ticket.board_id, ticket.category_id) == (place.board, place.foreign)


@pytest.mark.parametrize("which", ["foreign", "unused"])
def test_a_category_must_be_one_of_the_board_and_in_use(place: Place, which: str) -> None:
    with pytest.raises(FieldError) as refusal:
        place.change(sets_category=True, category_id=getattr(place, which))
    assert set(refusal.value.fields) == {"category_id"}


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_stored(place: Place) -> None:
    before = place.stored()
    with pytest.raises(FieldError) as refusal:
        place.change(
            client_id=place.gone,
            board_id=place.closed_board,
            status_id=2,
            priority_id=2**31,
            title=" \u202e ",
            external_url="javascript:alert(1)",
            external_reference="x" * 201,
            description="y" * 50_001,
        )
    assert set(refusal.value.fields) == {
        *("client_id", "board_id", "priority_id", "title"),
        *("external_url", "external_reference", "description"),
    }
    after = place.stored()
    assert (after.status_id, after.updated_at) == (before.status_id, before.updated_at)


def test_words_are_no_work_but_are_kept_from_polls(place: Place, fake_clock: FakeClock) -> None:
    sentences = place.change(title="  New\n\u202ewords ", description="a\r\nb\x00")
    assert sentences[0].endswith("to “New words”.")
    assert sentences[1] == "The description was edited."
    ticket = place.stored()
    assert (ticket.title, ticket.description) == ("New words", "a\nb")
    assert ticket.text_edited_by_person_at == ticket.updated_at == fake_clock.now()
    assert ticket.first_touched_at is None
    assert place.change(title="New words", description="a\nb") == ()


def test_where_the_ticket_is_carried_elsewhere(place: Place) -> None:
    place.change(external_reference=" PSA-1 ", external_url="https://psa.example/t?id=1&x=ü")
    ticket = place.stored()
    assert (ticket.external_reference, ticket.external_url) == (
        "PSA-1",
        "https://psa.example/t?id=1&x=ü",
    )
    assert ticket.text_edited_by_person_at is None
    assert place.change(external_reference="", external_url=" ") == (
        "The PSA reference was removed.",
        "The PSA link was removed.",
    )
    ticket = place.stored()
    assert (ticket.external_reference, ticket.external_url) == (None, None)


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "data:text/html,x", "ftp://a.example", "//a.example", "a.example"),
        *("https://", "https:///x", "https://a b.example", "http://[", "https://a.example/'x"),
        "https://a.example/" + "x" * 2_000,
    ],
)
def test_only_web_addresses_become_links(place: Place, url: str) -> None:
    with pytest.raises(FieldError) as refusal:
        place.change(external_url=url)
    assert set(refusal.value.fields) == {"external_url"}


def test_the_audit_event_holds_what_changed_and_nothing_else(place: Place) -> None:
    old = place.stored()
    place.change(title="Other", board_id=place.board)
    with reading() as session:
        event = session.query(AuditEvent).order_by(AuditEvent.id.desc()).first()
        entry = session.query(Comment).order_by(Comment.id.desc()).first()
    assert set(event.before) == set(event.after) == {"title", "board", "description"}, (
        "the text of the report becomes a person's, without escapes"
    )
    assert (event.before["title"], event.after["title"]) == (old.title, "Other")
    assert (entry.author_id, entry.kind) == (place.actor_id, "change")
