"""Closing the open parts of a closed case."""

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import select

from webapp import clock
from webapp.domain.triage.close_reasons import CloseReason
from webapp.domain.triage.ticket_link import LinkKind
from webapp.models import Ticket, TicketLink
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.lookups import LARGEST_ID
from webapp.services.tickets.change_ticket import TicketChange, apply_change, lefts_of
from webapp.services.tickets.closing.ask_reason import NO_ANSWER, CloseAnswer
from webapp.services.tickets.tell_change import Worked, tell_changes
from webapp.services.transactions import transaction

_OF_ALL_PARTS = (
    CloseReason.DONE_IN_PORTAL.value,
    CloseReason.ACCEPTED_RISK.value,
    CloseReason.FALSE_POSITIVE.value,
)
"""The reasons for closing a case that its parts get as well; the others say something of itself."""


def close_parts(
    case_id: int, part_ids: Collection[int], *, actor_id: int, answer: CloseAnswer = NO_ANSWER
) -> int:
    """Close those parts of the case that a person saw open; return how many were closed.

    They get the status of the case, and the reason in `answer`, or else that of the case. A ticket
    that is no part any more, or was closed meanwhile, stays as it is. Raises RefusedError if the
    case is open again, ReasonNeededError where Huntress still has something to be done for a part
    and `answer` gives no reason, and NotFoundError; nothing is stored then.
    """
    now = clock.utcnow()
    wanted = [one for one in part_ids if 0 < one <= LARGEST_ID]
    is_part = (TicketLink.to_id == case_id) & (TicketLink.kind == LinkKind.PART.value)
    with transaction() as session:
        tickets = session.scalars(
            select(Ticket)
            .where(Ticket.id.in_([case_id, *wanted]))
            .order_by(Ticket.id)
            .with_for_update(of=Ticket, key_share=True)
            .execution_options(populate_existing=True)
        ).all()
        case = next((one for one in tickets if one.id == case_id), None)
        if case is None:
            raise NotFoundError("There is no such ticket.")
        if case.closed_at is None:
            raise RefusedError("The case was reopened meanwhile, so none of its parts was closed.")
        parts = set(session.scalars(select(TicketLink.from_id).where(is_part)))
        open_parts = [one for one in tickets if one.id in parts and one.closed_at is None]
        change = TicketChange(status_id=case.status_id, close=answer)
        lefts = lefts_of(session, open_parts, change)
        if answer.read()[0] is None and case.close_reason in _OF_ALL_PARTS:
            change = replace(change, close=CloseAnswer(case.close_reason))
        worked: list[Worked] = []
        for ticket in open_parts:
            apply_change(
                session,
                ticket,
                change,
                actor_id=actor_id,
                now=now,
                tells_later=worked,
                left=lefts.get(ticket.id),
            )
        tell_changes(session, worked, actor_id=actor_id, now=now)
    return len(worked)
