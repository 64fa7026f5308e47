"""Notes are edited by their authors, and what they said before is kept."""

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_events, fresh
from webapp.domain.markdown_text import escape_line
from webapp.models import BellItem, Comment, CommentVersion, Ticket
from webapp.models.ticket import MACHINE_WRITTEN
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.comment_ticket import NOTE_LENGTH, add_internal_note
from webapp.services.tickets.list_tickets import TicketQuery, list_tickets
from webapp.services.tickets.notes.edit_note import (
    NoteConflictError,
    edit_note,
    read_note_history,
    read_own_note,
)
from webapp.services.transactions import transaction

ADA, BO = 1, 2


@pytest.fixture
def ticket_id(app: Flask, fake_clock: FakeClock) -> int:
    desk_data.fill_desk(fake_clock.now(), tickets=5)
    return 1


def found(words: str) -> list[int]:
    return [one.id for one in list_tickets(TicketQuery(search=words)).tickets.rows]


@both_databases
def test_an_edit_keeps_what_was_said_and_search_follows(
    ticket_id: int, fake_clock: FakeClock
) -> None:
    note = add_internal_note(ticket_id, "The quokka called.", author_id=ADA)
    fake_clock.advance(minutes=1)
    assert edit_note(ticket_id, note.id, "The wombat called.", actor_id=ADA, seen_at=None)
    stored = fresh(Comment, note.id)
    assert (stored.body, stored.edited_at) == ("The wombat called.", fake_clock.now())
    assert (found("wombat"), found("quokka")) == ([ticket_id], [])
    fake_clock.advance(minutes=1)
    assert edit_note(ticket_id, note.id, "Nobody called.", actor_id=ADA, seen_at=stored.edited_at)
    history = read_note_history(ticket_id, note.id)
    assert [one.body for one in history.versions] == ["The wombat called.", "The quokka called."]
    event = audit_events()[-1]
    assert (event.action, event.after, event.actor_id) == (
        "ticket.note_edited",
        {"entry": note.id},
        ADA,
    )
    assert fresh(Ticket, ticket_id).updated_at == fake_clock.now()


def test_an_edit_tells_only_who_is_newly_mentioned(ticket_id: int) -> None:
    note = add_internal_note(ticket_id, "@bo look", author_id=ADA)
    edit_note(ticket_id, note.id, "@bo look here", actor_id=ADA, seen_at=None)
    assert len(all_rows(BellItem)) == 1
    other = add_internal_note(ticket_id, "nobody", author_id=ADA)
    edit_note(ticket_id, other.id, "@Bo Lindqvist", actor_id=ADA, seen_at=None)
    assert [one.comment_id for one in all_rows(BellItem) if one.kind == "mentioned"] == [
        note.id,
        other.id,
    ]


def test_what_cannot_be_edited_is_refused_and_stays(ticket_id: int, fake_clock: FakeClock) -> None:
    note = add_internal_note(ticket_id, "Mine.", author_id=ADA)
    change_ticket(ticket_id, TicketChange(external_reference="7"), actor_id=ADA, seen_at=None)
    with transaction() as session:
        session.add(
            Comment(
                ticket_id=ticket_id,
                author_id=ADA,
                body="Moved.",
                created_at=fake_clock.now(),
                details={MACHINE_WRITTEN: True},
            )
        )
    moved, changed = [one.id for one in all_rows(Comment)][-1:-3:-1]
    for key, actor in ((note.id, BO), (changed, ADA), (moved, ADA)):
        with pytest.raises(RefusedError):
            edit_note(ticket_id, key, "Not so.", actor_id=actor, seen_at=None)
    with pytest.raises(RefusedError):
        read_own_note(ticket_id, note.id, BO)
    for ticket, key in ((2, note.id), (ticket_id, 999), (999, note.id)):
        with pytest.raises(NotFoundError):
            edit_note(ticket, key, "Not so.", actor_id=ADA, seen_at=None)
    for text in ("", " \n", "a" * (NOTE_LENGTH + 1)):
        with pytest.raises(FieldError):
            edit_note(ticket_id, note.id, text, actor_id=ADA, seen_at=None)
    assert not edit_note(ticket_id, note.id, "Mine. ", actor_id=ADA, seen_at=None)
    with pytest.raises(NoteConflictError):
        edit_note(ticket_id, note.id, "Late.", actor_id=ADA, seen_at=fake_clock.now())
    assert fresh(Comment, note.id).body == "Mine."
    assert all_rows(CommentVersion) == []


def test_a_title_alone_turns_the_description_into_a_persons(ticket_id: int) -> None:
    path = r"C:\Users\Public\!README"
    with transaction() as session:
        ticket = session.get_one(Ticket, ticket_id)
        ticket.description, ticket.text_edited_by_person_at = f"At {escape_line(path)}", None
    change_ticket(ticket_id, TicketChange(title="New"), actor_id=ADA, seen_at=None)
    assert fresh(Ticket, ticket_id).description == rf"At {path}"
    change_ticket(ticket_id, TicketChange(title="Newer"), actor_id=ADA, seen_at=None)
    assert fresh(Ticket, ticket_id).description == rf"At {path}"
