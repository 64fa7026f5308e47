"""Closing open tickets whose incident was closed at Huntress before auto-close was switched on.

A poll closes a ticket only when its incident goes from open to closed, so it never comes back to
these.
"""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session, joinedload

from webapp import clock
from webapp.domain.notices.events import CLOSED
from webapp.models import Alert, AuditEvent, Comment, Connection, Status, Ticket, User
from webapp.services.audit import record_event
from webapp.services.edition import require_enterprise
from webapp.services.errors import RefusedError
from webapp.services.notices.settle import Settlement, settle_tickets
from webapp.services.notices.tell import Happening, tell
from webapp.services.polling.held_connection import lock_connection
from webapp.services.schedule.lease import PolledConnection
from webapp.services.tickets.change_ticket import CHANGE_COMMENT
from webapp.services.tickets.ticket_state import hold_status, set_ticket_status
from webapp.services.tickets.watching.tell_watchers import Changed, tell_watchers
from webapp.services.transactions import reading, transaction

BATCH = 100
"""The most tickets in one transaction; a poll waits for it no longer than for one of its own."""

Selected = TypeVar("Selected")

_NOTE = "The ticket was closed: Huntress had closed the incident before."


def count_closable_tickets(connection_id: int) -> int:
    """Return how many tickets `close_tickets` would close now; none while auto-close is off."""
    with reading() as session:
        ids = session.scalars(_closable(select(Ticket.id), connection_id)).all()
        return len(ids) - len(_reopened(session, ids))


def close_tickets(connection_id: int, *, actor_id: int) -> int:
    """Close the open tickets whose incident is closed, by the poll's rules; return how many.

    They get the closed status of the routing settings, an entry of the timeline and an audit event.
    Tickets that a person has worked on stay open if the settings say so, and those that a person
    reopened always do. Closing does not count as touching. A transaction holds up to BATCH tickets,
    so what was closed stays closed if a later one fails.

    Raises RefusedError where auto-close is off or routing is incomplete, NotFoundError,
    EditionError.
    """
    require_enterprise()
    closed, last_id = 0, 0
    while True:
        with transaction() as session:
            # No poll writes while the connection is held.
            connection = lock_connection(session, connection_id).connection
            status = _closed_status(session, connection)
            tickets = session.scalars(
                _closable(select(Ticket), connection_id)
                .where(Ticket.id > last_id)
                .options(joinedload(Ticket.status))
                .order_by(Ticket.id)
                .limit(BATCH)
                .with_for_update(of=Ticket, key_share=True)
                .execution_options(populate_existing=True)
            ).all()
            closed += _close(session, tickets, status, actor_id)
        if len(tickets) < BATCH:
            return closed
        last_id = tickets[-1].id


def _closed_status(session: Session, connection: PolledConnection) -> Status:
    chosen = and_(Status.id == connection.closed_status_id, Status.is_closed)
    status = hold_status(session, chosen) if connection.auto_close_tickets else None
    if status is None:
        raise RefusedError(
            "Nothing was closed: the routing configuration does not close tickets with their "
            "incident any more."
        )
    return status


def _close(session: Session, tickets: Sequence[Ticket], status: Status, actor_id: int) -> int:
    reopened = _reopened(session, [ticket.id for ticket in tickets])
    now = clock.utcnow()
    wanted = [ticket for ticket in tickets if ticket.id not in reopened]
    for ticket in wanted:
        before = ticket.status.name
        set_ticket_status(ticket, status, now=now)
        session.add(
            Comment(
                ticket_id=ticket.id,
                author_id=actor_id,
                kind=CHANGE_COMMENT,
                body=_NOTE,
                created_at=now,
            )
        )
        record_event(
            session,
            action="ticket.changed",
            subject_type="ticket",
            subject_id=ticket.id,
            before={"status": before},
            after={"status": status.name},
            actor_id=actor_id,
        )
    session.flush()
    person = session.get_one(User, actor_id).name
    settlement = Settlement(is_closed=True, person=person, actor_id=actor_id)
    told = settle_tickets(session, [ticket.id for ticket in wanted], settlement, now)
    closed = [Happening(event=CLOSED, ticket_id=ticket.id, person=person) for ticket in wanted]
    tell(session, closed, told_already=told)
    changed = [Changed(ticket.id) for ticket in wanted]
    tell_watchers(session, changed, actor_id=actor_id, now=now)
    return len(wanted)


def _closable(query: Select[Selected], connection_id: int) -> Select[Selected]:
    """Limit `query` to open tickets of closed incidents that the settings let be closed."""
    is_over = Alert.was_closed & Alert.is_incomplete.is_(False)
    return query.join(Connection, Connection.id == Ticket.connection_id).where(
        Connection.id == connection_id,
        Connection.auto_close_tickets,
        Ticket.closed_at.is_(None),
        or_(Connection.leave_touched_open.is_(False), Ticket.first_touched_at.is_(None)),
        select(Alert.id).where(Alert.ticket_id == Ticket.id, is_over).exists(),
    )


def _reopened(session: Session, ids: Sequence[int]) -> set[int]:
    """Those of the tickets that a person has ever reopened."""
    closed = session.scalars(select(Status.name).where(Status.is_closed)).all()
    events = session.execute(
        select(AuditEvent.subject_id, AuditEvent.before, AuditEvent.after).where(
            AuditEvent.subject_type == "ticket",
            AuditEvent.subject_id.in_([str(ticket_id) for ticket_id in ids]),
            AuditEvent.action == "ticket.changed",
            AuditEvent.actor_id.is_not(None),
        )
    )
    return {
        int(key)
        for key, before, after in events
        if (before or {}).get("status") in closed and (after or {}).get("status") not in closed
    }
