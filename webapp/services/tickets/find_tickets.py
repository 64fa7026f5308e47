"""Finding a ticket while its number, host, client or title is being typed."""

import re
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session, defer, joinedload, raiseload, with_expression

from webapp.domain.search_query import NUMBER_DIGITS, SEARCH_LENGTH
from webapp.domain.ticket_title import title_parts
from webapp.domain.triage.finding import Candidate, best_first
from webapp.models import Alert, Ticket, TicketCounter
from webapp.services.tickets.rows.ticket_rows import what_of
from webapp.services.tickets.search_tickets import find_matches
from webapp.services.transactions import reading

SHOWN = 8
LOOKED_AT = 60
"""Of so many of the newest matches the best ones are shown."""

LEAST_TYPED = 2
_NUMBER = re.compile(r"(?:[a-z]+-)?([0-9]{1,9})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class FoundTicket:
    """A ticket as a line: enough to tell it from others; `what` is what its row says."""

    id: int
    number: str
    title: str
    what: str
    client: str
    host: str | None
    is_closed: bool


def find_tickets(typed: str) -> list[FoundTicket]:
    """The tickets that fit what was typed, the best first, at most SHOWN of them.

    Their number, host, client or title is better than a word in their text. Less than LEAST_TYPED
    characters find nothing, unless they are a number. It takes two statements.
    """
    words = " ".join(typed[:SEARCH_LENGTH].split())
    if len(words) < LEAST_TYPED and not _NUMBER.fullmatch(words):
        return []
    with reading() as session:
        tickets = session.scalars(_candidates(session, words)).all()
        found = {
            ticket.id: FoundTicket(
                id=ticket.id,
                number=ticket.number,
                title=ticket.title,
                what=what_of(ticket).words,
                client=ticket.client.name,
                host=ticket.subject_name,
                is_closed=ticket.closed_at is not None,
            )
            for ticket in tickets
        }
    ranked = best_first(
        words,
        [Candidate(one.id, one.number, _names(one), one.is_closed) for one in found.values()],
    )
    return [found[ticket_id] for ticket_id in ranked[:SHOWN]]


def _candidates(session: Session, words: str) -> Select[Ticket]:
    """SQL for the newest tickets of the search, and for those with that number or host."""
    matches = find_matches(session, words, limit=LOOKED_AT)
    keys = [f"{kind}:{words.lower()}" for kind in ("host", "identity")]
    of_host = (
        select(Ticket.id)
        .where(or_(*[Ticket.subject_key.between(key, f"{key}\U0010ffff") for key in keys]))
        .order_by(Ticket.id.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    meant: list[ColumnElement[bool]] = [
        Ticket.id.in_(matches.ids),
        Ticket.id.in_(select(of_host.c.id)),
    ]
    if number := _NUMBER.fullmatch(words):
        written = TicketCounter.prefix.concat(number[1].zfill(NUMBER_DIGITS))
        meant.append(Ticket.number == select(written).scalar_subquery())
    return (
        select(Ticket)
        .outerjoin(Alert, Alert.ticket_id == Ticket.id)
        .where(or_(*meant))
        .options(
            joinedload(Ticket.client),
            with_expression(Ticket.kinds, Alert.kinds),
            defer(Ticket.description, raiseload=True),
            raiseload("*"),
        )
    )


def _names(ticket: FoundTicket) -> tuple[str, ...]:
    """What a ticket is looked for by, in the order of its weight."""
    return ticket.host or "", ticket.client, title_parts(ticket.title).short
