"""Taking a ticket by the link in a message, without signing in."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp import clock
from webapp.domain.notices.facts import TicketFacts, read_ticket_facts
from webapp.models import TakeLink, Ticket, User
from webapp.services.audit import record_event
from webapp.services.errors import RefusedError
from webapp.services.people.sign_in import hash_token
from webapp.services.tickets.change_ticket import TicketChange, apply_change
from webapp.services.transactions import reading, transaction

UNKNOWN = (
    "This link is unknown here. Look for the newest message about the ticket, or sign in and take"
    " the ticket there."
)
EXPIRED = "This link has expired: it works for 24 hours. Sign in and take the ticket there."
USED = "This link was used already."


@dataclass(frozen=True, slots=True)
class TakeOffer:
    """What a link shows: nothing that its message did not say, and nothing once it has expired.

    `problem` says why it takes nothing any more, None if it does.
    """

    facts: TicketFacts | None
    person: str | None
    problem: str | None


def read_take_link(token: str) -> TakeOffer:
    """Return what the link shows; this changes nothing, because mail scanners follow links."""
    with reading() as session:
        link = _find(session, token)
        if link is None:
            return TakeOffer(None, None, UNKNOWN)
        now = clock.utcnow()
        if now >= link.expires_at:
            return TakeOffer(None, None, EXPIRED)
        ticket = session.get(Ticket, link.ticket_id)
        problem = _problem(link, ticket, now)
        return TakeOffer(read_ticket_facts(link.facts), link.user.name, problem)


def take_ticket(token: str) -> str:
    """Assign the ticket to the person whom the link was sent to; return the ticket's number.

    One transaction stores the ticket, an entry of its timeline, audit events, and that the link was
    used. Raises RefusedError with a sentence where it takes nothing any more.
    """
    now = clock.utcnow()
    with transaction() as session:
        link = _find(session, token, lock=True)
        if link is None:
            raise RefusedError(UNKNOWN)
        ticket = session.get(Ticket, link.ticket_id, with_for_update=True)
        problem = _problem(link, ticket, now)
        if problem is not None or ticket is None:
            raise RefusedError(problem or UNKNOWN)
        link.used_at = now
        change = TicketChange(sets_assignee=True, assignee_id=link.user_id)
        apply_change(session, ticket, change, actor_id=link.user_id, now=now)
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


def _problem(link: TakeLink, ticket: Ticket | None, now: datetime) -> str | None:
    """Why the link takes nothing any more, None if it does."""
    if now >= link.expires_at:
        return EXPIRED
    if ticket is None:
        return "The ticket does not exist any more."
    if ticket.closed_at is not None:
        return "The ticket is closed already."
    if ticket.assignee is not None:
        return _taken(ticket.assignee, link.user)
    if link.used_at is not None:
        return USED
    if not link.user.is_active:
        return "You cannot sign in any more, so this link does nothing. Ask an admin."
    return None


def _taken(assignee: User, person: User) -> str:
    if assignee.id == person.id:
        return "You have taken this ticket already."
    return f"{assignee.name} has taken this ticket already."
