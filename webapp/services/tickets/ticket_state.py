"""The one place that sets a ticket's status, and with it its closed time; that it was touched, and
until when it waits.

The functions assign to a loaded ticket. The caller owns the transaction and passes the time.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnExpressionArgument, event, select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from webapp.domain.triage.close_reasons import CloseReason
from webapp.models import Status, Ticket
from webapp.services.tickets.clocks.keep_clocks import keep_clocks

NO_SUCH_TICKET = "There is no such ticket."

DEFAULT_TRIES = 3
"""While one lookup waits, another status may become the default; then it is looked up again."""


@event.listens_for(Session, "before_flush")
def _set_due_times(session: Session, _context: Any, _instances: Any) -> None:
    """Whatever changes a ticket's state, its clocks follow."""
    keep_clocks(session)


def hold_status(session: Session, condition: ColumnExpressionArgument[bool]) -> Status | None:
    """The status that fits `condition`, read afresh and locked until the transaction ends.

    While it is locked, nobody can turn it from open to closed: `edit_status` locks it too, and only
    then checks whether tickets have it. SQLite allows only one write at a time anyway.
    """
    query = select(Status).where(condition).with_for_update(read=True, key_share=True)
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def hold_default_status(session: Session) -> Status:
    """The status of new tickets, locked until the transaction ends; see `hold_status`.

    Raises NoResultFound if there is none.
    """
    for _ in range(DEFAULT_TRIES):
        status = hold_status(session, Status.is_default)
        if status is not None:
            return status
    raise NoResultFound("No status is the one of new tickets.")


def set_ticket_status(
    ticket: Ticket, status: Status, *, now: datetime, reason: CloseReason | None = None
) -> bool:
    """Set the status of `ticket`; returns whether that changed anything.

    Entering a closed status sets `closed_at` (UTC) and ends waiting, and entering an open one
    clears `closed_at` and the reason. Moving between two closed statuses keeps `closed_at`. A
    `reason` for closing is kept with a closed status. A change sets `updated_at`.
    """
    if ticket.status_id == status.id and (ticket.closed_at is not None) == status.is_closed:
        return False
    ticket.status = status
    ticket.status_id = status.id
    if not status.is_closed:
        if ticket.closed_at is not None:
            ticket.reopened_at = now
        ticket.closed_at = None
        ticket.close_reason = None
    elif ticket.closed_at is None:
        ticket.closed_at = now
        stop_waiting(ticket, at=now)
    if status.is_closed and reason is not None:
        ticket.close_reason = reason.value
    ticket.updated_at = now
    return True


def mark_touched(ticket: Ticket, *, now: datetime) -> None:
    """Note that a person worked on the ticket, which no longer waits for one; set `updated_at`.

    The time (UTC) of the first touch stays.
    """
    if ticket.first_touched_at is None:
        ticket.first_touched_at = now
    ticket.untouched_since = None
    ticket.updated_at = now


def start_waiting(ticket: Ticket, until: datetime, reason: str | None, *, now: datetime) -> None:
    """Let the ticket wait until a moment (UTC); one that waits already goes on to do so."""
    if ticket.waiting_until is None:
        ticket.waits = [*(ticket.waits or ()), [now.isoformat(), None]]
    ticket.waiting_until, ticket.waiting_reason = until, reason
    mark_touched(ticket, now=now)


def stop_waiting(ticket: Ticket, *, at: datetime) -> bool:
    """End the ticket's waiting at a time (UTC); returns False if it does not wait."""
    if ticket.waiting_until is None:
        return False
    ticket.waiting_until = ticket.waiting_reason = None
    *earlier, [begin, _] = ticket.waits or [[at.isoformat(), None]]
    ticket.waits = [*earlier, [begin, max(begin or "", at.isoformat())]]
    return True


def return_from_waiting(ticket: Ticket, *, at: datetime, now: datetime) -> bool:
    """Let the ticket wait for a person from `at` (UTC) on; returns False if it does not wait."""
    if not stop_waiting(ticket, at=at):
        return False
    ticket.untouched_since = at
    ticket.updated_at = now
    return True
