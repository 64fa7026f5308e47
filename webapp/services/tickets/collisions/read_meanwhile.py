"""What others did to a ticket since a person looked at it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.domain.triage.collisions import Deed, meanwhile_words
from webapp.models import Comment, Ticket
from webapp.models.ticket import INTERNAL_NOTE
from webapp.services.tickets.collisions.seen_values import present_words
from webapp.services.transactions import reading

SHOWN_MEANWHILE = 10


def read_meanwhile(ticket_id: int, seen_at: datetime) -> Sequence[Comment]:
    """The last SHOWN_MEANWHILE entries of the timeline after `seen_at` (UTC), oldest first."""
    with reading() as session:
        return _entries(session, ticket_id, seen_at)


def tell_meanwhile(
    ticket_id: int, seen_at: datetime, *, viewer_id: int
) -> tuple[str, int] | tuple[None, None]:
    """A sentence about what others did since `seen_at`, and the id of the first entry of it.

    Both are None if nobody but the viewer did anything.
    """
    with reading() as session:
        entries = _entries(session, ticket_id, seen_at, without=viewer_id)
        ticket = session.get(Ticket, ticket_id) if entries else None
        if ticket is None:
            return None, None
        words = meanwhile_words([_deed(one) for one in entries], present_words(ticket))
        return (words, entries[0].id) if words else (None, None)


def _entries(
    session: Session, ticket_id: int, seen_at: datetime, without: int | None = None
) -> Sequence[Comment]:
    statement = select(Comment).where(Comment.ticket_id == ticket_id, Comment.created_at > seen_at)
    if without is not None:
        statement = statement.where(or_(Comment.author_id.is_(None), Comment.author_id != without))
    newest = session.scalars(
        statement.options(joinedload(Comment.author))
        .order_by(Comment.created_at.desc(), Comment.id.desc())
        .limit(SHOWN_MEANWHILE)
    ).all()
    return list(reversed(newest))


def _deed(entry: Comment) -> Deed:
    fields = (entry.details or {}).get("fields", ())
    return Deed(
        author=entry.author.name if entry.author else None,
        is_note=entry.kind == INTERNAL_NOTE and entry.author is not None,
        fields=tuple(fields),
    )
