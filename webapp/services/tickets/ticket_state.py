"""The one place where a ticket's status, and with it its closed time, is set.

Plain assignments on a loaded ticket: the caller owns the transaction and says what time it is.
"""

from datetime import datetime

from sqlalchemy import ColumnExpressionArgument, select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from webapp.models import Status, Ticket

DEFAULT_TRIES = 3
"""While the old default is waited for another status may become it: then it is looked up again."""


def hold_status(session: Session, condition: ColumnExpressionArgument[bool]) -> Status | None:
    """The status of `condition` as it is stored now, held until the transaction ends.

    Meanwhile nobody turns it from an open into a closed one: `edit_status` locks what it turns,
    and looks for tickets only then. (SQLite lets one write at a time anyway.)
    """
    query = select(Status).where(condition).with_for_update(read=True, key_share=True)
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def hold_default_status(session: Session) -> Status:
    """The status that new tickets get, held until the transaction ends; see `hold_status`.

    Raises NoResultFound where there is none.
    """
    for _ in range(DEFAULT_TRIES):
        status = hold_status(session, Status.is_default)
        if status is not None:
            return status
    raise NoResultFound("No status is the one of new tickets.")


def set_ticket_status(ticket: Ticket, status: Status, *, now: datetime) -> bool:
    """Give `ticket` the `status`; returns whether that changed anything.

    Entering a closed status sets `closed_at` (UTC), leaving for an open one clears it, and moving
    between two closed statuses keeps when it was closed. `updated_at` follows a change.
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
    """A person worked on the ticket: keeps the first time (UTC) and moves `updated_at`."""
    if ticket.first_touched_at is None:
        ticket.first_touched_at = now
    ticket.updated_at = now
