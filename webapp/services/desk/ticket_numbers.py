"""Ticket numbers: one counter row, taken in the ticket's own transaction."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from webapp.models import TicketCounter
from webapp.services.transactions import NO_SYNC

DIGITS = 6


def take_ticket_numbers(session: Session, count: int) -> list[str]:
    """The next `count` numbers, such as `TKT-000042`.

    The counter row stays locked until the transaction ends, so numbers are unique over all
    processes. A rolled-back ticket gives its number back or leaves a gap, never a duplicate.
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
    """A ticket number: the prefix and at least six digits."""
    return f"{prefix}{number:0{DIGITS}d}"
