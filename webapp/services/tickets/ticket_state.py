"""The one place that sets a ticket's status, and with it its closed time.

The functions assign to a loaded ticket. The caller owns the transaction and passes the time.
"""

from datetime import datetime

from sqlalchemy import ColumnExpressionArgument, select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from webapp.models import Status, Ticket

DEFAULT_TRIES = 3
"""While one lookup waits, another status may become the default; then it is looked up again."""


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


def set_ticket_status(ticket: Ticket, status: Status, *, now: datetime) -> bool:
    """Set the status of `ticket`; returns whether that changed anything.

    Entering a closed status sets `closed_at` (UTC), and entering an open one clears it. Moving
    between two closed statuses keeps `closed_at`. A change sets `updated_at`.
    """
    if ticket.status_id == status.id and (ticket.closed_at is not None) == status.is_closed:
        return False
    ticket.status = status
    ticket.status_id = status.id
    if not status.is_closed:
        ticket.closed_at = None
    elif ticket.closed_at is None:
        ticket.closed_at = now
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
