"""Everything the dashboard shows, read in one consistent view."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import Priority, Ticket
from webapp.models.watch import is_no_drill
from webapp.services.connections.connection_health import ConnectionHealth, connections_health
from webapp.services.notices.reach import ReachView, read_reach
from webapp.services.on_call.who_is_on_call import OnCallView, on_call_view
from webapp.services.operations.dashboard_figures import DeskFigures, read_figures
from webapp.services.tickets.list_tickets import UNTOUCHED, in_triage, ticket_rows
from webapp.services.transactions import reading
from webapp.services.watch.list_alarms import AlarmView, ongoing_alarms

SHOWN_TICKETS = 6
IS_OPEN = Ticket.closed_at.is_(None)
"""True for exactly the tickets in an open status; see ticket_state. An index covers them."""


@dataclass(frozen=True, slots=True)
class PriorityCount:
    """The open tickets of a priority; the other numbers count some of them."""

    priority: Priority
    open_count: int = 0
    untouched_count: int = 0
    unassigned_count: int = 0
    triage_count: int = 0


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What the dashboard shows.

    `triage` and `untouched` hold only the oldest open tickets of these queues; the counts count all
    of them. `figures` is None while there is no ticket.
    """

    alarms: Sequence[AlarmView]
    connections: Sequence[ConnectionHealth]
    triage: Sequence[Ticket]
    untouched: Sequence[Ticket]
    open_by_priority: Sequence[PriorityCount]
    figures: DeskFigures | None
    reach: ReachView
    on_call: OnCallView

    @property
    def open_count(self) -> int:
        """The number of open tickets."""
        return sum(row.open_count for row in self.open_by_priority)

    @property
    def untouched_count(self) -> int:
        """The number of open tickets that no person has worked on."""
        return sum(row.untouched_count for row in self.open_by_priority)

    @property
    def unassigned_count(self) -> int:
        """The number of open tickets without an assignee."""
        return sum(row.unassigned_count for row in self.open_by_priority)

    @property
    def triage_count(self) -> int:
        """The number of open tickets in the triage queue; see list_tickets.in_triage."""
        return sum(row.triage_count for row in self.open_by_priority)


def read_dashboard(zone: tzinfo) -> Dashboard:
    """Read the dashboard; days are days of `zone`."""
    now = clock.utcnow()
    with reading() as session:
        has_tickets = session.scalar(select(Ticket.id).limit(1)) is not None
        return Dashboard(
            alarms=ongoing_alarms(session),
            connections=connections_health(session, now),
            triage=_oldest(session, in_triage()),
            untouched=_oldest(session, UNTOUCHED),
            open_by_priority=_by_priority(session),
            figures=read_figures(session, now, zone) if has_tickets else None,
            reach=read_reach(session, now),
            on_call=on_call_view(session, now),
        )


def _oldest(session: Session, condition: ColumnElement[bool]) -> Sequence[Ticket]:
    """The oldest tickets; they are found in the index of open tickets before anything is joined."""
    found = oldest_open(condition).subquery()
    statement = (
        ticket_rows()
        .where(Ticket.id.in_(select(found.c.id)))
        .order_by(Ticket.reported_at, Ticket.id)
    )
    return session.scalars(statement).unique().all()


def oldest_open(condition: ColumnElement[bool]) -> Select[int]:
    """SQL for the ids of the open tickets that have waited longest."""
    return (
        select(Ticket.id)
        .where(IS_OPEN, is_no_drill(), condition)
        .order_by(Ticket.reported_at, Ticket.id)
        .limit(SHOWN_TICKETS)
    )


def _by_priority(session: Session) -> list[PriorityCount]:
    """Every priority with its numbers, even if it has no open tickets."""
    return [PriorityCount(*row) for row in session.execute(open_by_priority())]


def open_by_priority() -> Select[*tuple[Any, ...]]:
    """SQL for each priority with its numbers of open, untouched, unassigned and triage tickets."""
    # With the plain column, SQLite reads all tickets by priority.
    priority_id = Ticket.priority_id + 0
    counts = (
        select(
            priority_id.label("priority_id"),
            func.count().label("open"),
            func.count().filter(UNTOUCHED).label("untouched"),
            func.count().filter(Ticket.assignee_id.is_(None)).label("unassigned"),
            func.count().filter(in_triage()).label("triage"),
        )
        .where(IS_OPEN, is_no_drill())
        .group_by(priority_id)
        .subquery()
    )
    figures = [func.coalesce(column, 0) for column in list(counts.c)[1:]]
    return (
        select(Priority, *figures)
        .outerjoin(counts, and_(counts.c.priority_id == Priority.id))
        .order_by(Priority.position, Priority.id)
    )
