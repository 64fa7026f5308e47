"""Telling by the bell whom a ticket concerns."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.domain.triage.bell import Bell
from webapp.models import Ticket
from webapp.services.notices.bell.ring_bell import people_concerned, ring_bell


def ring_concerned(
    session: Session, kind: Bell, tickets: Collection[Ticket], now: datetime
) -> None:
    """Ring the bell of everybody who has one of these tickets, or watches it."""
    if not tickets:
        return
    session.flush()
    people = people_concerned(session, [ticket.id for ticket in tickets])
    for ticket_id in sorted({ticket_id for ticket_id, _ in people}):
        ring_bell(
            session, kind, ticket_id, {who for its, who in people if its == ticket_id}, now=now
        )
