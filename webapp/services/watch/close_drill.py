"""Closing the ticket of a drill that has ended."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import Alert, Comment, Drill, InboxRow, Status, Ticket
from webapp.services.audit import record_event
from webapp.services.notices.settle import Settlement, settle_tickets
from webapp.services.tickets.ticket_state import hold_status, set_ticket_status
from webapp.services.transactions import FOR_CHANGE


def close_drill(session: Session, drill: Drill, words: str, now: datetime) -> None:
    """Close the ticket, in the caller's transaction; nobody is told to take it any more.

    `words` go into its timeline. A report that still waits in the inbox leaves it.
    """
    row = session.scalars(
        select(InboxRow).where(
            InboxRow.connection_id == drill.connection_id,
            InboxRow.external_key == drill.external_key,
        )
    ).one_or_none()
    if row is not None:
        session.delete(row)
    alert = session.scalars(
        select(Alert).where(
            Alert.connection_id == drill.connection_id,
            Alert.external_alert_id == drill.external_key,
        )
    ).one_or_none()
    if alert is not None:
        alert.status, alert.was_closed, alert.resolved_at = "closed", True, now
    ticket = None
    if drill.ticket_id is not None:
        ticket = session.get(
            Ticket, drill.ticket_id, with_for_update=FOR_CHANGE, populate_existing=True
        )
    if ticket is not None and ticket.closed_at is None:
        _close(session, ticket, words, now)


def _close(session: Session, ticket: Ticket, words: str, now: datetime) -> None:
    closed = select(Status.id).where(Status.is_closed).order_by(Status.position, Status.id)
    status_id = session.scalar(closed.limit(1))
    status = None if status_id is None else hold_status(session, Status.id == status_id)
    if status is None:
        return
    before = ticket.status.name
    set_ticket_status(ticket, status, now=now)
    session.add(Comment(ticket_id=ticket.id, body=words, created_at=now))
    record_event(
        session,
        action="ticket.changed",
        subject_type="ticket",
        subject_id=ticket.id,
        before={"status": before},
        after={"status": status.name},
    )
    session.flush()
    settle_tickets(session, [ticket.id], Settlement(is_closed=True, person="the drill"), now)
