"""Adding an internal note to a ticket."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.untrusted import clean_text
from webapp.models import Comment, Ticket
from webapp.models.ticket import INTERNAL_NOTE
from webapp.services.audit import record_event
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.tickets.notes.mention_people import tell_mentioned
from webapp.services.tickets.tell_change import Worked, tell_changes
from webapp.services.tickets.ticket_state import mark_touched
from webapp.services.tickets.watching.tell_watchers import Changed, tell_watchers
from webapp.services.transactions import FOR_CHANGE, transaction

NOTE_LENGTH = 20_000

Attach = Callable[[Session, Comment], None]
"""What is done with the entry in its transaction, before the ticket is unlocked."""

LAST_NOTES = 20
"""A note that is sent a second time is looked for among this many of its author's last ones."""


def add_internal_note(
    ticket_id: int,
    body: str,
    *,
    author_id: int,
    attach: Attach | None = None,
    draft: str | None = None,
) -> Comment:
    """Add `body` (Markdown) to the ticket's timeline with an audit event, and touch the ticket.

    `draft` is the id of the draft that it was typed as. A note that is sent again with the same id
    and text, because no answer came the first time, is not added again: the first one is returned.

    People who are mentioned, who watch the ticket or have it are told. Raises FieldError if `body`
    is empty or longer than NOTE_LENGTH characters (it is never cut), and NotFoundError if the
    ticket does not exist; nothing is stored then.
    """
    text, now = read_note(body), clock.utcnow()
    with transaction() as session:
        ticket = session.get(Ticket, ticket_id, with_for_update=FOR_CHANGE)
        if ticket is None:
            raise NotFoundError("There is no such ticket.")
        known = _sent_before(session, ticket_id, text, author_id, draft)
        if known is not None:
            return known
        comment = _note(ticket_id, text, author_id, draft, now)
        session.add(comment)
        mark_touched(ticket, now=now)
        session.flush()
        if attach is not None:
            attach(session, comment)
        record_event(
            session,
            action="ticket.noted",
            subject_type="ticket",
            subject_id=ticket.id,
            after={"entry": comment.id},
            actor_id=author_id,
        )
        tell_changes(session, [Worked(ticket)], actor_id=author_id, now=now)
        mentioned = tell_mentioned(session, comment, now=now)
        changed = [Changed(ticket.id, comment)]
        tell_watchers(session, changed, actor_id=author_id, now=now, besides=mentioned)
    return comment


def _note(ticket_id: int, text: str, author_id: int, draft: str | None, now: datetime) -> Comment:
    return Comment(
        ticket_id=ticket_id,
        author_id=author_id,
        kind=INTERNAL_NOTE,
        is_internal=True,
        body=text,
        created_at=now,
        details={"draft": draft} if draft else None,
    )


def _sent_before(
    session: Session, ticket_id: int, text: str, author_id: int, draft: str | None
) -> Comment | None:
    """The note that was made of the same draft already."""
    if draft is None:
        return None
    last = session.scalars(
        select(Comment)
        .where(Comment.ticket_id == ticket_id, Comment.author_id == author_id)
        .order_by(Comment.id.desc())
        .limit(LAST_NOTES)
    )
    return next(
        (one for one in last if one.body == text and (one.details or {}).get("draft") == draft),
        None,
    )


def read_note(typed: str) -> str:
    """Return the text of a note as it is stored; raises FieldError."""
    if len(typed) > NOTE_LENGTH:
        raise FieldError({"body": f"A note has at most {NOTE_LENGTH:,} characters."})
    text = clean_text(typed, NOTE_LENGTH)
    if text is None:
        raise FieldError({"body": "Write the note first."})
    return text
