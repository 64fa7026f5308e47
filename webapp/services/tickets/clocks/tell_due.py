"""Telling that tickets are due soon, or overdue."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.notices.events import DUE_SOON, OVERDUE
from webapp.domain.triage.bell import Bell
from webapp.models import Ticket
from webapp.services.notices.tell import Happening, tell
from webapp.services.restored import are_messages_free
from webapp.services.tickets.clocks.ring_concerned import ring_concerned
from webapp.services.transactions import DATABASE_AWAY, reading, transaction

BATCH = 50
"""The most tickets in one transaction, so that a poll need not wait for it for long."""

DUE_LOOKS_BACK = timedelta(days=1)
"""What became overdue longer ago, while nobody ran this, is not told."""

_BELLS = {DUE_SOON: Bell.DUE_SOON, OVERDUE: Bell.OVERDUE}

log = logging.getLogger(__name__)


def tell_due(now: datetime) -> int:
    """Tell of each ticket that it is due soon, and that it is overdue; return how many were told.

    Each is told once for each due time, whoever calls this at the same time: what is to be told
    next stands in the ticket's own row, and is moved on in the transaction that tells it. A ticket
    that cannot be told of is logged, keeps no other, and is tried again with the next call. Nothing
    is told while a restore holds messages.
    """
    count, last_id = 0, 0
    while True:
        with reading() as session:
            ids = session.scalars(
                select(Ticket.id)
                .where(Ticket.clock_tells_at <= now, Ticket.id > last_id, are_messages_free())
                .order_by(Ticket.id)
                .limit(BATCH)
            ).all()
        told = _tell(ids, now)
        if told is None:
            told = sum(_tell([key], now) or 0 for key in ids)
        count += told
        if len(ids) < BATCH:
            return count
        last_id = ids[-1]


def _tell(ids: Sequence[int], now: datetime) -> int | None:
    """Tell of those of the tickets of which nobody else has told meanwhile; None if it failed."""
    if not ids:
        return 0
    try:
        with transaction() as session:
            return _tell_locked(session, ids, now)
    except DATABASE_AWAY:
        raise
    except Exception:  # one faulty ticket keeps no other from being told
        log.exception("Telling of due tickets failed: %s", ", ".join(map(str, ids)))
        return None


def _tell_locked(session: Session, ids: Sequence[int], now: datetime) -> int:
    tickets = session.scalars(
        select(Ticket)
        .where(Ticket.id.in_(ids), Ticket.clock_tells_at <= now)
        .order_by(Ticket.id)
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    by_event: dict[str, list[Ticket]] = {DUE_SOON: [], OVERDUE: []}
    for ticket in tickets:
        due_at = ticket.due_at
        is_over = due_at is None or due_at <= now
        if due_at is not None and due_at > now - DUE_LOOKS_BACK and not ticket.is_drill:
            by_event[OVERDUE if is_over else DUE_SOON].append(ticket)
        ticket.clock_tells_at = None if is_over else due_at
    session.flush()
    tell(
        session,
        [
            Happening(event=event, ticket_id=ticket.id)
            for event, of_event in by_event.items()
            for ticket in of_event
        ],
    )
    # After the policies: what they tell a contact method is not told there twice.
    for event, of_event in by_event.items():
        ring_concerned(session, _BELLS[event], of_event, now)
    return sum(map(len, by_event.values()))
