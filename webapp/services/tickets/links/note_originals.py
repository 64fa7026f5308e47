"""Telling the original what happens to its duplicates' incidents."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, insert, select
from sqlalchemy.orm import Session

from webapp.domain.triage.ticket_link import LinkKind
from webapp.models import Comment, Ticket, TicketLink
from webapp.models.ticket import DUPLICATE_NOTE
from webapp.services.notices.bell.ring_bell import ring_watchers
from webapp.services.transactions import NO_SYNC


def originals_of(ticket_ids: list[int]) -> Select[int]:
    """SQL for the ids of the originals of these tickets."""
    return select(TicketLink.to_id).where(
        TicketLink.from_id.in_(ticket_ids), TicketLink.kind == LinkKind.DUPLICATE.value
    )


def add_entries(session: Session, entries: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Insert these values of timeline entries, and tell the originals of duplicates of them."""
    if entries:
        session.execute(insert(Comment), [dict(entry) for entry in entries])
        note_originals(session, {entry["ticket_id"]: entry["body"] for entry in entries}, now)


def note_originals(session: Session, notes: Mapping[int, str], now: datetime) -> None:
    """Write what was noted on tickets to the originals of those that are duplicates.

    `notes` are in Markdown, by the ids of the tickets. It takes one statement, where none is a
    duplicate. The tickets, and their originals as far as they are known, are locked by the caller.
    """
    if not notes:
        return
    rows = session.execute(
        select(TicketLink.from_id, TicketLink.to_id, Ticket.number)
        .join(Ticket, Ticket.id == TicketLink.from_id)
        .where(TicketLink.from_id.in_(sorted(notes)), TicketLink.kind == LinkKind.DUPLICATE.value)
        .order_by(TicketLink.to_id, TicketLink.from_id)
    ).all()
    if not rows:
        return
    session.execute(
        insert(Comment),
        [_as_comment(row.to_id, row.from_id, row.number, notes[row.from_id], now) for row in rows],
    )
    originals = session.scalars(
        select(Ticket)
        .where(Ticket.id.in_(sorted({row.to_id for row in rows})))
        .order_by(Ticket.id)
        .with_for_update(of=Ticket, key_share=True)
    )
    for ticket in originals:
        ticket.updated_at = now
    ring_watchers(session, {row.to_id: None for row in rows}, now=now)


def drop_duplicate_notes(session: Session, ticket_ids: Collection[int]) -> None:
    """Delete what other tickets were told of these, which are going to be deleted."""
    told_of = Comment.details["ticket_id"].as_integer()
    session.execute(
        delete(Comment).where(Comment.kind == DUPLICATE_NOTE, told_of.in_(ticket_ids)),
        execution_options=NO_SYNC,
    )


def _as_comment(
    original_id: int, ticket_id: int, number: str, note: str, now: datetime
) -> dict[str, Any]:
    return {
        "ticket_id": original_id,
        "author_id": None,
        "kind": DUPLICATE_NOTE,
        "is_internal": True,
        "body": f"{number}, a duplicate of this ticket:\n\n{note}",
        "created_at": now,
        "details": {"ticket_id": ticket_id},
    }
