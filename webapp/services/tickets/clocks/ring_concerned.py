"""Telling by the bell whom a ticket concerns."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.triage.bell import Bell
from webapp.models import Ticket, TicketWatcher
from webapp.services.notices.bell.ring_bell import ring_bell


def ring_concerned(
    session: Session, kind: Bell, tickets: Collection[Ticket], now: datetime
) -> None:
    """Ring the bell of everybody who works on one of these tickets, or watches it."""
    if not tickets:
        return
    people: dict[int, set[int]] = defaultdict(set)
    rows = session.execute(
        select(TicketWatcher.ticket_id, TicketWatcher.user_id).where(
            TicketWatcher.ticket_id.in_([ticket.id for ticket in tickets])
        )
    )
    for ticket_id, user_id in rows:
        people[ticket_id].add(user_id)
    for ticket in tickets:
        if ticket.assignee_id is not None:
            people[ticket.id].add(ticket.assignee_id)
        ring_bell(session, kind, ticket.id, people[ticket.id], now=now)
