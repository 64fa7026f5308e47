"""Everything the dashboard shows, in one consistent view."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import Board, Connection, Priority, Status, Ticket
from webapp.services.connection_health import ConnectionHealth, connections_health
from webapp.services.list_tickets import ticket_rows
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

    `triage_boards` are the fallback boards of the connections. `has_tickets`: ever, in any state.
    """

    connections: Sequence[ConnectionHealth]
    triage: Sequence[Ticket]
    triage_count: int
    triage_boards: Sequence[Board]
    untouched: Sequence[Ticket]
    untouched_count: int
    open_by_priority: Sequence[PriorityCount]
    has_tickets: bool

    @property
    def open_count(self) -> int:
        """All open tickets."""
        return sum(row.open_count for row in self.open_by_priority)


def read_dashboard() -> Dashboard:
    """Read the dashboard. The triage queue is what is open on a fallback board, or unmapped."""
    now = clock.utcnow()
    with reading() as session:
        boards = _triage_boards(session)
        is_triage = or_(Ticket.board_id.in_([board.id for board in boards]), Ticket.is_unmapped)
        is_untouched = Ticket.first_touched_at.is_(None)
        return Dashboard(
            connections=connections_health(session, now),
            triage=_oldest(session, is_triage),
            triage_count=_count(session, is_triage),
            triage_boards=boards,
            untouched=_oldest(session, is_untouched),
            untouched_count=_count(session, is_untouched),
            open_by_priority=_by_priority(session),
            has_tickets=session.scalar(select(Ticket.id).limit(1)) is not None,
        )


def _triage_boards(session: Session) -> Sequence[Board]:
    fallback = select(Connection.fallback_board_id)
    return session.scalars(
        select(Board).where(Board.id.in_(fallback)).order_by(func.lower(Board.name))
    ).all()


def _oldest(session: Session, condition: object) -> Sequence[Ticket]:
    statement = (
        ticket_rows()
        .where(Status.is_closed.is_(False), condition)  # type: ignore[arg-type]
        .order_by(Ticket.created_at, Ticket.id)
        .limit(SHOWN_TICKETS)
    )
    return session.scalars(statement).unique().all()


def _count(session: Session, condition: object) -> int:
    statement = (
        select(func.count())
        .select_from(Ticket)
        .join(Ticket.status)
        .where(Status.is_closed.is_(False), condition)  # type: ignore[arg-type]
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
