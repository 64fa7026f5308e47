"""Everything the dashboard shows, in one consistent view."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import Priority, Status, Ticket
from webapp.services.connection_health import ConnectionHealth, connections_health
from webapp.services.list_tickets import UNTOUCHED, in_triage, ticket_rows
from webapp.services.transactions import reading

SHOWN_TICKETS = 8


@dataclass(frozen=True, slots=True)
class PriorityCount:
    """How many open tickets have a priority, and how many of them nobody has touched."""

    priority: Priority
    open_count: int
    untouched_count: int


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`triage_count` counts all tickets of the triage queue, `triage` holds its oldest ones.

    The same goes for `untouched`; all are open ones. `has_tickets`: ever, in any state.
    """

    connections: Sequence[ConnectionHealth]
    triage: Sequence[Ticket]
    triage_count: int
    untouched: Sequence[Ticket]
    untouched_count: int
    open_by_priority: Sequence[PriorityCount]
    has_tickets: bool

    @property
    def open_count(self) -> int:
        """All open tickets."""
        return sum(row.open_count for row in self.open_by_priority)


def read_dashboard() -> Dashboard:
    """Read the dashboard; see list_tickets.in_triage for what the triage queue is."""
    now = clock.utcnow()
    with reading() as session:
        return Dashboard(
            connections=connections_health(session, now),
            triage=_oldest(session, in_triage()),
            triage_count=_count(session, in_triage()),
            untouched=_oldest(session, UNTOUCHED),
            untouched_count=_count(session, UNTOUCHED),
            open_by_priority=_by_priority(session),
            has_tickets=session.scalar(select(Ticket.id).limit(1)) is not None,
        )


def _oldest(session: Session, condition: ColumnElement[bool]) -> Sequence[Ticket]:
    statement = (
        ticket_rows()
        .where(Status.is_closed.is_(False), condition)
        .order_by(Ticket.created_at, Ticket.id)
        .limit(SHOWN_TICKETS)
    )
    return session.scalars(statement).unique().all()


def _count(session: Session, condition: ColumnElement[bool]) -> int:
    statement = (
        select(func.count())
        .select_from(Ticket)
        .join(Ticket.status)
        .where(Status.is_closed.is_(False), condition)
    )
    return session.scalar(statement) or 0


def _by_priority(session: Session) -> list[PriorityCount]:
    untouched = func.count(Ticket.id).filter(Ticket.first_touched_at.is_(None))
    counted = {
        row[0]: (row[1], row[2])
        for row in session.execute(
            select(Ticket.priority_id, func.count(Ticket.id), untouched)
            .join(Ticket.status)
            .where(Status.is_closed.is_(False))
            .group_by(Ticket.priority_id)
        )
    }
    priorities = session.scalars(select(Priority).order_by(Priority.position, Priority.id))
    return [PriorityCount(row, *counted.get(row.id, (0, 0))) for row in priorities]
