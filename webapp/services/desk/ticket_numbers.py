"""Ticket numbers, taken from one counter row in the transaction that adds the tickets."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from webapp.models import TicketCounter
from webapp.services.transactions import NO_SYNC

DIGITS = 6


def take_ticket_numbers(session: Session, count: int) -> list[str]:
    """Take the next `count` ticket numbers, such as `TKT-000042`.

    The counter row stays locked until the transaction ends, so numbers are unique over all
    processes. A rollback gives the numbers back or leaves a gap; it never leads to a duplicate.
    """
    if count == 0:
        return []
    prefix, last = session.execute(
        update(TicketCounter)
        .where(TicketCounter.id == 1)
        .values(last_number=TicketCounter.last_number + count)
        .returning(TicketCounter.prefix, TicketCounter.last_number),
        execution_options=NO_SYNC,
    ).one()
    return [format_ticket_number(prefix, number) for number in range(last - count + 1, last + 1)]


def format_ticket_number(prefix: str, number: int) -> str:
    """The ticket number: the prefix and at least six digits."""
    return f"{prefix}{number:0{DIGITS}d}"
