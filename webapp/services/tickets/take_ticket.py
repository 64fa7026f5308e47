"""Taking a ticket by the link in a message, without signing in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp import clock
from webapp.domain.notices.compose import TITLE_LENGTH, ticket_details
from webapp.domain.notices.defang import defang_line
from webapp.domain.notices.facts import TicketFacts, read_ticket_facts
from webapp.models import Escalation, TakeLink, Ticket, User
from webapp.services.audit import record_event
from webapp.services.errors import ConflictError, NotFoundError, RefusedError, ServiceError
from webapp.services.people.tokens import hash_token
from webapp.services.tickets.change_ticket import TicketChange, apply_change
from webapp.services.tickets.tell_change import Worked, tell_changes
from webapp.services.transactions import FOR_CHANGE, reading, transaction

UNKNOWN = (
    "This link is unknown here. Look for the newest message about the ticket, or sign in and take"
    " the ticket there."
)
EXPIRED = "This link has expired: it works for 24 hours. Sign in and take the ticket there."
USED = "This link was used already, and nobody has the ticket any more. Sign in and take it there."
CALLED_AGAIN = (
    "This link was used already, and the ticket is called for again since then. Use the newest"
    " message's link, or sign in and take it there."
)
NO_TICKET = "The ticket does not exist any more."
NO_PERSON = "You cannot sign in any more, so this link does nothing. Ask an admin."
CLOSED = "The ticket is closed already."
YOURS = "You have taken this ticket already."


@dataclass(frozen=True, slots=True)
class TakeOffer:
    """What a link shows: nothing that its message did not say, and nothing once it has expired.

    `problem` says why it takes nothing any more, None if it does. `was_taken` says that this person
    has taken the ticket by this link, which is good news.
    """

    facts: TicketFacts
    person: str
    problem: str | None
    was_taken: bool

    @property
    def title(self) -> str:
        """The title as the message had it."""
        return defang_line(self.facts.subject, TITLE_LENGTH)

    @property
    def details(self) -> Sequence[tuple[str, str]]:
        """Names and values as the message had them."""
        return ticket_details(self.facts)


def read_take_link(token: str) -> TakeOffer:
    """Return what the link shows; this changes nothing, because mail scanners follow links.

    Raises NotFoundError for one that is unknown, or has expired.
    """
    with reading() as session:
        link = _find(session, token)
        if link is None:
            raise NotFoundError(UNKNOWN)
        now = clock.utcnow()
        if now >= link.expires_at:
            raise NotFoundError(EXPIRED)
        ticket = session.get(Ticket, link.ticket_id)
        refusal = _refusal(session, link, ticket, now)
        is_theirs = (
            ticket is not None
            and ticket.assignee_id == link.user_id
            and not _is_called_for(session, ticket)
        )
        return TakeOffer(
            facts=read_ticket_facts(link.facts),
            person=link.user.name,
            problem=None if refusal is None else str(refusal),
            was_taken=is_theirs and link.used_at is not None,
        )


def take_ticket(token: str) -> str:
    """Assign the ticket to the person whom the link was sent to; return the ticket's number.

    One transaction stores the ticket, an entry of its timeline, audit events, and that the link was
    used. Where the link takes nothing any more, raises NotFoundError (it is unknown, or has
    expired), ConflictError (the ticket was taken or closed meanwhile) or RefusedError, with a
    sentence.
    """
    now = clock.utcnow()
    with transaction() as session:
        link = _find(session, token, lock=True)
        if link is None:
            raise NotFoundError(UNKNOWN)
        ticket = session.get(Ticket, link.ticket_id, with_for_update=FOR_CHANGE)
        refusal = _refusal(session, link, ticket, now)
        if ticket is None or refusal is not None:
            raise refusal or NotFoundError(UNKNOWN)
        link.used_at = now
        change = TicketChange(sets_assignee=True, assignee_id=link.user_id)
        if not apply_change(session, ticket, change, actor_id=link.user_id, now=now):
            # it was theirs before
            tell_changes(session, [Worked(ticket)], actor_id=link.user_id, now=now)
        record_event(
            session,
            action="ticket.taken_by_link",
            subject_type="ticket",
            subject_id=ticket.id,
            after={"assignee": link.user.email},
            actor_id=link.user_id,
        )
        return ticket.number


def _find(session: Session, token: str, *, lock: bool = False) -> TakeLink | None:
    query = (
        select(TakeLink)
        .where(TakeLink.token_hash == hash_token(token))
        .options(joinedload(TakeLink.user, innerjoin=True))
    )
    if lock:
        query = query.with_for_update(of=TakeLink)
    return session.scalars(query).one_or_none()


def _refusal(
    session: Session, link: TakeLink, ticket: Ticket | None, now: datetime
) -> ServiceError | None:
    """Why the link takes nothing any more, None if it does.

    A ticket that somebody has can be taken while people are called for it again.
    """
    if now >= link.expires_at:
        return NotFoundError(EXPIRED)
    if ticket is None:
        return RefusedError(NO_TICKET)
    if ticket.closed_at is not None:
        return ConflictError(CLOSED)
    is_called_for = _is_called_for(session, ticket)
    if ticket.assignee is not None and not is_called_for:
        return ConflictError(_taken(ticket.assignee, link.user))
    if link.used_at is not None:
        return RefusedError(CALLED_AGAIN if is_called_for else USED)
    if not link.user.may_work:
        return RefusedError(NO_PERSON)
    return None


def _is_called_for(session: Session, ticket: Ticket) -> bool:
    """Whether an escalation waits for somebody to take the ticket."""
    running = select(Escalation.id).where(
        Escalation.ticket_id == ticket.id, Escalation.ended_at.is_(None)
    )
    return session.scalar(running.limit(1)) is not None


def _taken(assignee: User, person: User) -> str:
    if assignee.id == person.id:
        return YOURS
    return f"{assignee.name} has taken this ticket already."
