"""Editing a note of one's own; what it said before is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp import clock
from webapp.domain.triage.mentions import MentionBook
from webapp.models import Comment, CommentVersion, Ticket
from webapp.services.audit import record_event
from webapp.services.errors import ConflictError, NotFoundError, RefusedError
from webapp.services.tickets.comment_ticket import read_note
from webapp.services.tickets.notes.mention_people import read_mention_book, tell_mentioned
from webapp.services.transactions import FOR_CHANGE, reading, transaction

NO_NOTE = "There is no such note."
NOT_YOURS = "Only notes of your own can be edited."


class NoteConflictError(ConflictError):
    """The note was edited after this person had opened the form, in another window for instance."""

    def __init__(self) -> None:
        super().__init__(
            "This note was edited meanwhile. Nothing was saved: compare it with what it says now, "
            "then save again."
        )


@dataclass(frozen=True, slots=True)
class NoteHistory:
    """A note, its ticket's number, its former texts, the newest first, and who can be mentioned."""

    note: Comment
    ticket_number: str
    versions: Sequence[CommentVersion]
    people: MentionBook


def edit_note(
    ticket_id: int, note_id: int, typed: str, *, actor_id: int, seen_at: datetime | None
) -> bool:
    """Replace the text of a person's own note; returns False where it says the same already.

    `seen_at` is when it had last been edited as the form was shown (None: never). One transaction
    stores the text, the one before, and an audit event; people who are newly mentioned are told.
    Raises FieldError for a text that cannot be taken, RefusedError for a note of somebody else or
    an entry that is no note, NoteConflictError and NotFoundError; nothing is stored then.
    """
    text, now = read_note(typed), clock.utcnow()
    with transaction() as session:
        ticket = session.get(Ticket, ticket_id, with_for_update=FOR_CHANGE)
        note = session.get(Comment, note_id, with_for_update=FOR_CHANGE)
        if ticket is None or note is None or note.ticket_id != ticket_id:
            raise NotFoundError(NO_NOTE)
        if note.author_id != actor_id or not note.is_typed:
            raise RefusedError(NOT_YOURS)
        if note.body == text:
            return False
        if note.edited_at != seen_at:
            raise NoteConflictError()
        before = note.body
        session.add(CommentVersion(comment_id=note.id, body=before, replaced_at=now))
        note.body, note.edited_at, ticket.updated_at = text, now, now
        session.flush()
        record_event(
            session,
            action="ticket.note_edited",
            subject_type="ticket",
            subject_id=ticket.id,
            after={"entry": note.id},
            actor_id=actor_id,
        )
        tell_mentioned(session, note, now=now, before=before)
    return True


def read_own_note(ticket_id: int, note_id: int, viewer_id: int) -> NoteHistory:
    """Return a person's own note for its form; raises NotFoundError and RefusedError."""
    found = read_note_history(ticket_id, note_id)
    if found.note.author_id != viewer_id or not found.note.is_typed:
        raise RefusedError(NOT_YOURS)
    return found


def read_note_history(ticket_id: int, note_id: int) -> NoteHistory:
    """Return a note with what it said before; raises NotFoundError."""
    with reading() as session:
        note = _load(session, ticket_id, note_id)
        number = session.scalars(select(Ticket.number).where(Ticket.id == ticket_id)).one()
        versions = session.scalars(
            select(CommentVersion)
            .where(CommentVersion.comment_id == note_id)
            .order_by(CommentVersion.id.desc())
        ).all()
        return NoteHistory(note, number, versions, read_mention_book(session))


def _load(session: Session, ticket_id: int, note_id: int) -> Comment:
    note = session.scalars(
        select(Comment)
        .where(Comment.id == note_id, Comment.ticket_id == ticket_id)
        .options(joinedload(Comment.author))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if note is None or not note.is_typed:
        raise NotFoundError(NO_NOTE)
    return note
