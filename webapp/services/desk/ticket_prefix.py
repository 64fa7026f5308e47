"""The prefix of ticket numbers."""

import re
from dataclasses import dataclass

from sqlalchemy import select

from webapp.models import TicketCounter
from webapp.services.audit import record_event
from webapp.services.desk.edit_rows import EditConflictError
from webapp.services.desk.ticket_numbers import format_ticket_number
from webapp.services.errors import FieldError
from webapp.services.transactions import reading, transaction

LONGEST_PREFIX = 10
_PREFIX = re.compile(r"[A-Za-z](?:[A-Za-z0-9_.#/-]*[A-Za-z_.#/-])?")


@dataclass(frozen=True, slots=True)
class TicketNumbering:
    """The prefix, and the number that the next ticket gets if no other takes it first."""

    prefix: str
    next_number: str


def read_numbering() -> TicketNumbering:
    """The present prefix and next number."""
    with reading() as session:
        counter = session.scalars(
            select(TicketCounter).execution_options(populate_existing=True)
        ).one()
        number = format_ticket_number(counter.prefix, counter.last_number + 1)
        return TicketNumbering(counter.prefix, number)


def set_prefix(prefix: str | None, *, seen: str | None = None, actor_id: int | None = None) -> bool:
    """Set the prefix of new tickets; returns False if it is the prefix already.

    Existing tickets keep their numbers. A prefix cannot end with a digit, because `T1` and `000001`
    would read like `T` and `1000001`. Raises FieldError, and EditConflictError if the stored prefix
    is not `seen`.
    """
    wanted = (prefix or "").strip()
    if len(wanted) > LONGEST_PREFIX:
        raise FieldError({"prefix": f"The prefix is longer than {LONGEST_PREFIX} characters."})
    if not _PREFIX.fullmatch(wanted):
        raise FieldError(
            {
                "prefix": "Begin with a letter and end with anything but a digit; letters, digits"
                " and - _ . # / can be used, such as TKT- or SEC/."
            }
        )
    with transaction() as session:
        query = select(TicketCounter).with_for_update()
        counter = session.scalars(query.execution_options(populate_existing=True)).one()
        before = counter.prefix
        if before == wanted:
            return False
        if seen is not None and seen != before:
            raise EditConflictError({"prefix": before})
        counter.prefix = wanted
        record_event(
            session,
            action="ticket_prefix.changed",
            subject_type="setting",
            subject_id="ticket_prefix",
            before={"prefix": before},
            after={"prefix": wanted},
            actor_id=actor_id,
        )
        return True
