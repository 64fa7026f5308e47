"""Linking two tickets, and removing a link.

Both tickets are locked in the order of their ids, so that two people who link the same ones at the
same time come one after the other, and the second sees what the first did.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session, aliased

from webapp import clock
from webapp.domain.triage.close_reasons import CloseReason
from webapp.domain.triage.ticket_link import (
    LinkChoice,
    LinkKind,
    LinkState,
    link_problem,
    number_candidates,
    relation_words,
)
from webapp.models import Comment, Status, Ticket, TicketCounter, TicketLink
from webapp.services.audit import record_event
from webapp.services.errors import FieldError, NotFoundError
from webapp.services.lookups import LARGEST_ID
from webapp.services.tickets.change_ticket import (
    CHANGE_COMMENT,
    TicketChange,
    apply_change,
    lefts_of,
)
from webapp.services.tickets.closing.ask_reason import CloseAnswer
from webapp.services.tickets.watching.tell_watchers import Changed, tell_watchers
from webapp.services.transactions import NO_SYNC, transaction

KIND_FIELD, NUMBER_FIELD = "link_kind", "link_number"
NOTHING_MORE: Mapping[int, str] = MappingProxyType({})


def link_tickets(ticket_id: int, choice: str, typed: str, *, actor_id: int) -> str:
    """Link the ticket to the one whose number was typed; returns a sentence about it.

    A duplicate is closed, with the reason "duplicate"; its own duplicates become those of the
    original. Both tickets get an entry in their timeline and an audit event. Raises FieldError for
    a number that fits no ticket and for a link that cannot be, and NotFoundError.
    """
    chosen = next((one for one in LinkChoice if one == choice), None)
    if chosen is None:
        raise FieldError({KIND_FIELD: "Choose how the tickets belong together."})
    now = clock.utcnow()
    with transaction() as session:
        other_id = find_number(session, typed)
        this, other = lock_pair(session, ticket_id, other_id)
        refuse_impossible(session, chosen, this, other)
        if chosen is LinkChoice.DUPLICATE:
            _close_duplicate(session, this, actor_id, now)
        return store_link(session, chosen, this, other, actor_id=actor_id, now=now)


def store_link(
    session: Session,
    choice: LinkChoice,
    this: Ticket,
    other: Ticket,
    *,
    actor_id: int,
    now: datetime,
) -> str:
    """Link two locked tickets that may be linked so; returns the sentence of `this`."""
    link = _as_row(choice, this, other)
    link.created_by_id, link.created_at = actor_id, now
    session.add(link)
    if choice is LinkChoice.DUPLICATE:
        _hand_over_duplicates(session, this.id, other.id)
    return _tell(session, link, this, other, "linked", actor_id, now)


def unlink_tickets(ticket_id: int, link_id: int, *, actor_id: int) -> str:
    """Remove a link of the ticket; returns a sentence about it. Raises NotFoundError.

    A duplicate stays closed until somebody reopens it, without the reason "duplicate".
    """
    gone = "This link is gone already: somebody else removed it."
    now = clock.utcnow()
    with transaction() as session:
        found = session.get(TicketLink, link_id) if 0 < link_id <= LARGEST_ID else None
        if found is None or ticket_id not in (found.from_id, found.to_id):
            raise NotFoundError(gone)
        other_id = found.to_id if found.from_id == ticket_id else found.from_id
        this, other = lock_pair(session, ticket_id, other_id)
        link = session.get(TicketLink, link_id, populate_existing=True)
        if link is None:
            raise NotFoundError(gone)
        session.delete(link)
        duplicate = this if link.from_id == this.id else other
        loses_reason = (
            link.kind == LinkKind.DUPLICATE and duplicate.close_reason == CloseReason.DUPLICATE
        )
        if loses_reason:
            _give_reason(session, duplicate, None, actor_id)
        more = {duplicate.id: " It is closed without a reason now."} if loses_reason else {}
        sentence = _tell(session, link, this, other, "unlinked", actor_id, now, more)
        if link.kind == LinkKind.DUPLICATE and link.from_id == ticket_id and this.closed_at:
            sentence += " The ticket stays closed until you reopen it."
    return sentence


def lock_pair(session: Session, ticket_id: int, other_id: int) -> tuple[Ticket, Ticket]:
    """Both tickets, locked in the order of their ids and read afresh; raises NotFoundError."""
    wanted = sorted({ticket_id, other_id})
    rows = session.scalars(
        select(Ticket)
        .where(Ticket.id.in_([one for one in wanted if 0 < one <= LARGEST_ID]))
        .order_by(Ticket.id)
        .with_for_update(of=Ticket, key_share=True)
        .execution_options(populate_existing=True)
    )
    found = {ticket.id: ticket for ticket in rows}
    if ticket_id not in found:
        raise NotFoundError("There is no such ticket.")
    if other_id not in found:
        raise FieldError({NUMBER_FIELD: "That ticket was deleted a moment ago."})
    return found[ticket_id], found[other_id]


def find_number(session: Session, typed: str) -> int:
    """The id of the ticket whose number was typed; raises FieldError where none has it."""
    prefix = session.scalars(select(TicketCounter.prefix)).one()
    candidates = number_candidates(typed, prefix)
    if not candidates:
        raise FieldError({NUMBER_FIELD: f"Enter the number of a ticket, such as {prefix}000012."})
    rows = session.execute(select(Ticket.number, Ticket.id).where(Ticket.number.in_(candidates)))
    ids: dict[str, int] = {row.number: row.id for row in rows}
    for number in candidates:
        if number in ids:
            return ids[number]
    raise FieldError(
        {NUMBER_FIELD: f"There is no ticket {candidates[-1]}. Check the number and try again."}
    )


def refuse_impossible(session: Session, choice: LinkChoice, this: Ticket, other: Ticket) -> None:
    """Raise FieldError with a sentence for a link that cannot be."""
    near, far = aliased(Ticket), aliased(Ticket)
    ids = [this.id, other.id]
    rows = session.execute(
        select(TicketLink, near.number.label("from_number"), far.number.label("to_number"))
        .join(near, near.id == TicketLink.from_id)
        .join(far, far.id == TicketLink.to_id)
        .where(or_(TicketLink.from_id.in_(ids), TicketLink.to_id.in_(ids)))
        .order_by(TicketLink.id)
    ).all()
    states = {}
    for ticket in (this, other):
        leading = {row[0].kind: row.to_number for row in rows if row[0].from_id == ticket.id}
        states[ticket.id] = LinkState(
            ticket.number,
            original=leading.get(LinkKind.DUPLICATE),
            case=leading.get(LinkKind.PART),
            has_parts=any(
                row[0].to_id == ticket.id and row[0].kind == LinkKind.PART for row in rows
            ),
        )
    between = next(
        (
            relation_words(row[0].kind, is_from=row[0].from_id == this.id)
            for row in rows
            if {row[0].from_id, row[0].to_id} == {this.id, other.id}
        ),
        None,
    )
    problem = link_problem(choice, states[this.id], states[other.id], between=between)
    if problem is not None:
        raise FieldError({NUMBER_FIELD: problem})


def _as_row(choice: LinkChoice, this: Ticket, other: Ticket) -> TicketLink:
    if choice is LinkChoice.RELATED:
        low, high = sorted((this.id, other.id))
        return TicketLink(from_id=low, to_id=high, kind=LinkKind.RELATED.value)
    if choice is LinkChoice.DUPLICATE:
        return TicketLink(from_id=this.id, to_id=other.id, kind=LinkKind.DUPLICATE.value)
    part, case = (other, this) if choice is LinkChoice.HAS_PART else (this, other)
    return TicketLink(from_id=part.id, to_id=case.id, kind=LinkKind.PART.value)


def _close_duplicate(session: Session, ticket: Ticket, actor_id: int, now: datetime) -> None:
    """Close the ticket as a duplicate; one that is closed already only gets this reason."""
    if ticket.closed_at is not None:
        _give_reason(session, ticket, CloseReason.DUPLICATE, actor_id)
        return
    status = session.scalars(
        select(Status).where(Status.is_closed).order_by(Status.position, Status.id).limit(1)
    ).first()
    if status is None:
        words = "There is no closed status yet; an admin adds one under Settings."
        raise FieldError({KIND_FIELD: words})
    change = TicketChange(status_id=status.id, close=CloseAnswer(CloseReason.DUPLICATE.value))
    left = lefts_of(session, [ticket], change).get(ticket.id)
    apply_change(session, ticket, change, actor_id=actor_id, now=now, left=left)


def _give_reason(
    session: Session, ticket: Ticket, reason: CloseReason | None, actor_id: int
) -> None:
    """Keep the reason of a closed ticket, or that it has none."""
    before, after = ticket.close_reason, reason.value if reason else None
    if before == after:
        return
    ticket.close_reason = after
    record_event(
        session,
        action="ticket.changed",
        subject_type="ticket",
        subject_id=ticket.id,
        before={"close_reason": before},
        after={"close_reason": after},
        actor_id=actor_id,
    )


def _hand_over_duplicates(session: Session, ticket_id: int, original_id: int) -> None:
    """Make the duplicates of a ticket those of its original, so that there are no chains."""
    session.execute(
        update(TicketLink)
        .where(TicketLink.to_id == ticket_id, TicketLink.kind == LinkKind.DUPLICATE.value)
        .values(to_id=original_id),
        execution_options=NO_SYNC,
    )


def _tell(
    session: Session,
    link: TicketLink,
    this: Ticket,
    other: Ticket,
    what: str,
    actor_id: int,
    now: datetime,
    more: Mapping[int, str] = NOTHING_MORE,
) -> str:
    """Write timeline entries and audit events of both, and tell who watches them.

    `more` has what else is said of a ticket, by its id. Returns the sentence of `this`.
    """
    told: list[str] = []
    changed: list[Changed] = []
    for ticket, far in ((this, other), (other, this)):
        words = relation_words(link.kind, is_from=link.from_id == ticket.id)
        verb = "is now" if what == "linked" else "is no longer"
        sentence = f"This ticket {verb} {words} {far.number}.{more.get(ticket.id, '')}"
        told.append(sentence)
        entry = Comment(
            ticket_id=ticket.id,
            author_id=actor_id,
            kind=CHANGE_COMMENT,
            is_internal=True,
            body=sentence,
            created_at=now,
        )
        session.add(entry)
        changed.append(Changed(ticket.id, entry))
        ticket.updated_at = now
        record_event(
            session,
            action=f"ticket.{what}",
            subject_type="ticket",
            subject_id=ticket.id,
            before={words: far.number} if what != "linked" else None,
            after={words: far.number} if what == "linked" else None,
            actor_id=actor_id,
        )
    tell_watchers(session, changed, actor_id=actor_id, now=now)
    return told[0]
