"""Tickets that come back from waiting: their moment has come, or their incident changed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.triage.bell import Bell
from webapp.models import Comment, Ticket
from webapp.services.audit import record_event
from webapp.services.tickets.clocks.ring_concerned import ring_concerned
from webapp.services.tickets.ticket_state import return_from_waiting
from webapp.services.transactions import reading, transaction

BATCH = 50
"""The most tickets in one transaction, so that a poll need not wait for it for long."""

TIME_HAS_COME = "The ticket is back from waiting: its time has come."
INCIDENT_CHANGED = "The ticket is back from waiting: its incident changed."


def end_waits(now: datetime) -> int:
    """Let every ticket come back whose moment has come by `now` (UTC); return how many did.

    From that moment on it waits untouched for a person, however much later this runs. Each comes
    back once, whoever calls this at the same time: its row is locked and read afresh.
    """
    count, last_id = 0, 0
    while True:
        with reading() as session:
            ids = session.scalars(
                select(Ticket.id)
                .where(Ticket.waiting_until <= now, Ticket.id > last_id)
                .order_by(Ticket.id)
                .limit(BATCH)
            ).all()
        if ids:
            with transaction() as session:
                count += _bring_back(session, ids, now)
            last_id = ids[-1]
        if len(ids) < BATCH:
            return count


def return_as_changed(session: Session, ticket: Ticket, now: datetime) -> str:
    """Bring a ticket back whose incident changed at `now` (UTC), in the caller's transaction.

    Returns a sentence for its timeline; an empty text, if it does not wait.
    """
    if not return_from_waiting(ticket, at=now, now=now):
        return ""
    _tell(session, [ticket], INCIDENT_CHANGED, now)
    return INCIDENT_CHANGED


def _bring_back(session: Session, ids: Sequence[int], now: datetime) -> int:
    tickets = session.scalars(
        select(Ticket)
        .where(Ticket.id.in_(ids), Ticket.waiting_until <= now)
        .order_by(Ticket.id)
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    for ticket in tickets:
        return_from_waiting(ticket, at=ticket.waiting_until or now, now=now)
        session.add(Comment(ticket_id=ticket.id, body=TIME_HAS_COME, created_at=now))
    _tell(session, tickets, TIME_HAS_COME, now)
    return len(tickets)


def _tell(session: Session, tickets: Sequence[Ticket], why: str, now: datetime) -> None:
    """Record that tickets came back, and ring the bells of who works on them or watches them."""
    ring_concerned(session, Bell.RETURNED, tickets, now)
    for ticket in tickets:
        record_event(
            session,
            action="ticket.returned",
            subject_type="ticket",
            subject_id=ticket.id,
            after={"reason": why},
        )
