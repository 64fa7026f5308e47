"""Deleting tickets with everything about them, in the caller's transaction.

Notes, links, indicators, escalations and take-it links go with their ticket by foreign keys, and
its words in the search index by triggers.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from webapp.domain.plan import Reason
from webapp.models import Alert, BulkChange, Connection, OutboxRow, Ticket
from webapp.services.retention.batches import delete_rows
from webapp.services.tickets.links.note_originals import drop_duplicate_notes
from webapp.services.transactions import NO_SYNC

TICKETS_AT_ONCE = 50

NO_CONTENT: dict[str, Any] = {
    "message": None,
    "agent_external_id": None,
    "asset_id": None,
    "device_name": None,
    "raw_report": None,
    "report_text": None,
    "all_remediations": None,
    "remediations_due_at": None,
    "details_pending": False,
    "kinds": None,
    "steps_total": None,
    "steps_left": None,
    "is_isolated": None,
}
NO_REPORT: dict[str, Any] = {
    name: NO_CONTENT[name]
    for name in ("raw_report", "report_text", "all_remediations", "remediations_due_at")
}
"""The columns of an alert without its report. Its hash stays, so that a poll that reads the same
report again finds nothing new in it."""


def hold_polls(session: Session) -> None:
    """Lock all connections, so that no poll writes tickets or alerts in this transaction.

    What bulk changes have to undo is locked as well: undoing locks it before tickets, too.
    """
    session.execute(select(Connection.id).order_by(Connection.id).with_for_update())
    session.execute(select(BulkChange.id).order_by(BulkChange.id).with_for_update())


def drop_tickets(session: Session, ticket_ids: Collection[int]) -> int:
    """Delete the tickets, and what was told of them; return how many there were.

    Their alerts must not point to them any more (see `part_alerts`).
    """
    delete_rows(session, OutboxRow, OutboxRow.ticket_id.in_(ticket_ids))
    drop_duplicate_notes(session, ticket_ids)
    _drop_from_bulk_changes(session, set(ticket_ids))
    result = session.execute(
        delete(Ticket).where(Ticket.id.in_(ticket_ids)), execution_options=NO_SYNC
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def part_alerts(session: Session, ticket_ids: Sequence[int]) -> None:
    """Keep id, times and status of the tickets' incidents, so that they are never ticketed anew."""
    session.execute(
        update(Alert)
        .where(Alert.ticket_id.in_(ticket_ids), Alert.is_drill.is_(False))
        .values(ticket_id=None, reason=Reason.TICKET_DELETED.value, **NO_CONTENT),
        execution_options=NO_SYNC,
    )
    session.execute(
        update(Alert)
        .where(Alert.ticket_id.in_(ticket_ids), Alert.is_drill)
        .values(ticket_id=None, **NO_CONTENT),
        execution_options=NO_SYNC,
    )


def _drop_from_bulk_changes(session: Session, ticket_ids: set[int]) -> None:
    """Leave the tickets out of what can be undone; these records are kept for a week."""
    for record in session.scalars(select(BulkChange).order_by(BulkChange.id)):
        left = [entry for entry in record.changes if entry["ticket_id"] not in ticket_ids]
        if len(left) < len(record.changes):
            record.changes = left
