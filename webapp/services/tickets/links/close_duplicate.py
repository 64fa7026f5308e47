"""Closing a ticket as a duplicate links it to the one whose number was typed with the reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.triage.close_reasons import CloseReason, LeftAtHuntress
from webapp.domain.triage.ticket_link import LinkChoice
from webapp.models import Ticket
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.tickets.change_ticket import TicketChange, change_held, change_ticket
from webapp.services.tickets.closing.ask_reason import (
    ReasonNeededError,
    Unfinished,
    find_unfinished,
)
from webapp.services.tickets.links.link_tickets import (
    NUMBER_FIELD,
    find_number,
    lock_pair,
    refuse_impossible,
    store_link,
)
from webapp.services.tickets.links.note_originals import originals_of
from webapp.services.tickets.ticket_state import NO_SUCH_TICKET
from webapp.services.transactions import FOR_CHANGE, transaction

ORIGINAL = "close_original"
"""The field of an answer that holds the number of the other ticket."""


@dataclass(frozen=True, slots=True)
class _Held:
    """The locked ticket, and the other one that was named or why there is none."""

    ticket: Ticket
    original: Ticket | None
    problem: str = ""


def change_answered(
    ticket_id: int,
    change: TicketChange,
    number: str,
    *,
    actor_id: int,
    seen_at: datetime | None,
    was: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Do what change_ticket does; a ticket that is closed as a duplicate is linked as one as well.

    `number` is that of the ticket it is a duplicate of, as it was typed. It may be left out where
    the two are linked already, and is ignored with every other reason. Both are one transaction.
    Besides what change_ticket raises, ReasonNeededError has a sentence for the field ORIGINAL
    where no ticket has that number, or where this one cannot be its duplicate.
    """
    if change.close is None or change.close.reason != CloseReason.DUPLICATE:
        return change_ticket(ticket_id, change, actor_id=actor_id, seen_at=seen_at, was=was)
    now = clock.utcnow()
    with transaction() as session:
        held = _hold(session, ticket_id, number)
        ticket, was_closed = held.ticket, held.ticket.closed_at is not None
        unfinished = _as_unfinished(session, ticket, change)
        sentences = change_held(
            session, ticket, change, actor_id=actor_id, now=now, seen_at=seen_at, was=was
        )
        if was_closed or ticket.closed_at is None or _is_linked(session, held, number):
            return sentences
        try:
            original = _possible_original(session, held)
        except FieldError as error:
            raise ReasonNeededError([unfinished], {ORIGINAL: error.fields[NUMBER_FIELD]}) from None
        kind = LinkChoice.DUPLICATE
        said = store_link(session, kind, ticket, original, actor_id=actor_id, now=now)
    return (*sentences, said)


def _hold(session: Session, ticket_id: int, number: str) -> _Held:
    """Lock the ticket and the one with that number, or the ticket alone where none has it."""
    try:
        return _Held(*lock_pair(session, ticket_id, find_number(session, number)))
    except FieldError as error:
        problem = error.fields[NUMBER_FIELD]
    ticket = session.get(Ticket, ticket_id, with_for_update=FOR_CHANGE)
    if ticket is None:
        raise NotFoundError(NO_SUCH_TICKET)
    return _Held(ticket, None, problem)


def _as_unfinished(session: Session, ticket: Ticket, change: TicketChange) -> Unfinished:
    """The ticket before it is closed, and what Huntress has left to be done for it, if anything."""
    found = find_unfinished(session, [ticket], change.status_id)
    nothing = Unfinished(ticket.id, ticket.number, ticket.title, LeftAtHuntress())
    return found[0] if found else nothing


def _is_linked(session: Session, held: _Held, number: str) -> bool:
    """Whether it is a duplicate already: of the ticket that was named, or of any if none was."""
    linked_id = session.scalar(originals_of([held.ticket.id]))
    if linked_id is None:
        return False
    return linked_id == held.original.id if held.original else not number.strip()


def _possible_original(session: Session, held: _Held) -> Ticket:
    if held.original is None:
        raise FieldError({NUMBER_FIELD: held.problem})
    refuse_impossible(session, LinkChoice.DUPLICATE, held.ticket, held.original)
    return held.original
