"""Which bulk changes can still be undone: from the list, and from the timeline of a ticket."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from webapp import clock
from webapp.domain.triage.undo import is_undo_open, may_undo
from webapp.models import BulkChange, Comment, Ticket
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class UndoOffer:
    """A bulk change that can be undone: its words, its time (UTC), how many tickets it changed."""

    bulk_id: int
    summary: str
    created_at: datetime
    tickets: int


def read_undo_offers(bulk_ids: Sequence[int], *, viewer_id: int) -> list[UndoOffer]:
    """Those of the bulk changes that the viewer made and can still undo, the newest first."""
    if not bulk_ids:
        return []
    now = clock.utcnow()
    with reading() as session:
        records = session.scalars(
            select(BulkChange)
            .where(BulkChange.id.in_(bulk_ids), BulkChange.undone_at.is_(None))
            .order_by(BulkChange.id.desc())
            .execution_options(populate_existing=True)
        ).all()
    return [
        _offer(record)
        for record in records
        if record.actor_id == viewer_id and is_undo_open(record.created_at, now)
    ]


def undo_offers_of(
    ticket: Ticket, entries: Sequence[Comment], *, viewer_id: int, is_admin: bool
) -> dict[int, UndoOffer]:
    """What the viewer can undo in a ticket, by the id of the entry of its timeline.

    A bulk change is not offered any more once anything in the ticket has changed since. Where no
    entry comes into question, the database is not asked.
    """
    now = clock.utcnow()
    by_bulk = {
        entry.bulk_change_id: entry.id
        for entry in entries
        if entry.bulk_change_id is not None
        and is_undo_open(entry.created_at, now)
        and may_undo(entry.author_id, viewer_id, is_admin)
    }
    if not by_bulk:
        return {}
    with reading() as session:
        records = session.scalars(
            select(BulkChange).where(BulkChange.id.in_(by_bulk), BulkChange.undone_at.is_(None))
        ).all()
    return {
        by_bulk[record.id]: _offer(record)
        for record in records
        for one in open_entries(record)
        if one["ticket_id"] == ticket.id and one["updated_at"] == ticket.updated_at.isoformat()
    }


def open_entries(record: BulkChange) -> list[dict[str, Any]]:
    """What a bulk change recorded of the tickets in which it was not undone yet."""
    return [one for one in record.changes if not one.get("is_undone")]


def _offer(record: BulkChange) -> UndoOffer:
    return UndoOffer(record.id, record.summary, record.created_at, len(open_entries(record)))
