"""Adding, editing and ordering statuses, which only admins may do.

There is always exactly one default status, which is open, and at least one closed status.
"""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.models import Connection, Status, Ticket
from webapp.services.audit import record_event
from webapp.services.desk.delete_guard import find_holders
from webapp.services.desk.edit_rows import (
    add_named,
    apply_edit,
    check_name_is_free,
    read_name,
)
from webapp.services.desk.move_rows import move_row
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.transactions import transaction

KIND = "status"


def add_status(name: str | None, *, is_closed: bool, actor_id: int | None = None) -> Status:
    """Add a status at the end of the order. Raises FieldError."""
    name = _read(name)
    with transaction() as session:
        last = session.scalar(select(func.max(Status.position))) or 0
        row = Status(name=name, is_closed=is_closed, is_default=False, position=last + 1)
        add_named(session, row, {"name": name, "is_closed": is_closed}, actor_id)
        return row


def edit_status(
    status_id: int,
    name: str | None,
    *,
    is_closed: bool,
    seen: str | None = None,
    actor_id: int | None = None,
) -> bool:
    """Save a status; returns False if nothing changed.

    `is_closed` can only change while no ticket has the status, because a ticket's closed time is
    set or cleared when the ticket enters a status. Raises FieldError, EditConflictError,
    NotFoundError.
    """
    name = _read(name)
    with transaction() as session:
        statuses = lock_statuses(session)
        row = _find(statuses, status_id)
        check_name_is_free(session, Status, name, KIND, row_id=status_id)
        if row.is_closed != is_closed:
            _check_switch(session, row, statuses)
        values = {"name": name, "is_closed": is_closed}
        return apply_edit(session, row, values, seen=seen, actor_id=actor_id)


def make_default(status_id: int, actor_id: int | None = None) -> bool:
    """Make this the status of new tickets; returns False if it is already.

    Raises NotFoundError, and RefusedError for a closed status.
    """
    with transaction() as session:
        statuses = lock_statuses(session)
        row = _find(statuses, status_id)
        if row.is_default:
            return False
        if row.is_closed:
            raise RefusedError(f"{row.name} is a closed status; new tickets have to be open.")
        old = next((status for status in statuses if status.is_default), None)
        if old is not None:
            old.is_default = False
            session.flush()  # a unique index allows only one default at a time
        row.is_default = True
        record_event(
            session,
            action="status.made_default",
            subject_type=KIND,
            subject_id=status_id,
            before={"default": old.name if old else None},
            after={"default": row.name},
            actor_id=actor_id,
        )
        return True


def move_status(status_id: int, *, is_up: bool, actor_id: int | None = None) -> bool:
    """Move a status one place; returns False if it is at that end already. Raises NotFoundError."""
    return move_row(Status, status_id, is_up=is_up, actor_id=actor_id)


def lock_statuses(session: Session) -> Sequence[Status]:
    """Lock every status and return them as they are now.

    Rules about all statuses are checked on the result. The connections are locked first, as in
    delete_guard. This keeps any routing from beginning to point to a status, and it waits for
    running polls, which lock several statuses in any order.
    """
    session.execute(select(Connection.id).order_by(Connection.id).with_for_update())
    query = select(Status).order_by(Status.id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).all()


def _find(statuses: Sequence[Status], status_id: int) -> Status:
    for status in statuses:
        if status.id == status_id:
            return status
    raise NotFoundError(f"There is no status {status_id}.")


def _check_switch(session: Session, row: Status, statuses: Sequence[Status]) -> None:
    """Raise FieldError if the status has to stay open or has to stay closed."""
    word = "closed" if row.is_closed else "open"
    if row.is_default:
        raise FieldError({"is_closed": f"{row.name} is the status of new tickets: it stays open."})
    if sum(status.is_closed == row.is_closed for status in statuses) == 1:
        raise FieldError({"is_closed": f"{row.name} is the last {word} status; add another first."})
    count = session.scalar(
        select(func.count()).select_from(Ticket).where(Ticket.status_id == row.id)
    )
    if count:
        tickets = f"{count:,} ticket has" if count == 1 else f"{count:,} tickets have"
        raise FieldError(
            {
                "is_closed": f"{tickets} this status and would change between open and closed"
                " without anybody having worked on them. Move them to another status first."
            }
        )
    routing = [str(one) for one in find_holders(session, Status, row.id) if one.is_routing]
    if routing:
        raise FieldError({"is_closed": f"{routing[0]} uses it as its closed status."})


def _read(name: str | None) -> str:
    errors: dict[str, str] = {}
    found = read_name(name, errors)
    if errors:
        raise FieldError(errors)
    return found
