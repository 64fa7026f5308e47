"""One ticket with everything that its page shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.models import (
    Asset,
    Comment,
    Ticket,
    TicketAsset,
)
from webapp.services.errors import NotFoundError
from webapp.services.keyset import Keyset, Order, PageOfRows, read_page
from webapp.services.portal_links import incident_url
from webapp.services.tickets.desk_choices import (
    BoardChoice,
    DeskChoice,
    PriorityChoice,
    StatusChoice,
)
from webapp.services.tickets.read_incident import IncidentView, read_incident
from webapp.services.tickets.related_tickets import Related, find_related
from webapp.services.tickets.ticket_choices import client_choices, ticket_choices
from webapp.services.tickets.watching.read_watchers import TicketPerson, read_ticket_people
from webapp.services.transactions import reading

TIMELINE_SIZE = 50
PRINTED_ENTRIES = 2_000
_TIMELINE = Keyset(
    Order(Comment.created_at, "created_at", descending=True),
    Order(Comment.id, "id", descending=True),
)


@dataclass(frozen=True, slots=True)
class TicketView:
    """A ticket, a page of its timeline, what it is about, and what it can be changed to.

    `comments` are the newest entries (or those next to a mark), oldest first.
    `earlier_mark` and `later_mark` lead to the other entries. `portal_url` is the incident's page
    at Huntress, or None for a ticket without an incident.
    """

    ticket: Ticket
    comments: Sequence[Comment]
    earlier_mark: str | None
    later_mark: str | None
    incident: IncidentView | None
    connection_name: str | None
    portal_url: str | None
    assets: Sequence[Asset]
    related: Related
    statuses: Sequence[StatusChoice]
    priorities: Sequence[PriorityChoice]
    users: Sequence[DeskChoice]
    boards: Sequence[BoardChoice]
    people: Sequence[TicketPerson]


def read_ticket(
    ticket_id: int,
    *,
    before: str | None = None,
    after: str | None = None,
    entries: int = TIMELINE_SIZE,
) -> TicketView:
    """Read a ticket's page in one unit of work; raises NotFoundError.

    `before` and `after` are marks of the timeline, for `entries` entries earlier or later than it.
    """
    with reading() as session:
        ticket = load_ticket(session, ticket_id)
        found = read_incident(session, ticket)
        timeline = _timeline(session, ticket_id, before, after, entries)
        choices = ticket_choices(session, ticket)
        return TicketView(
            ticket=ticket,
            comments=list(reversed(timeline.rows)),
            earlier_mark=timeline.next_mark,
            later_mark=timeline.previous_mark,
            incident=found.incident,
            connection_name=found.connection_name,
            portal_url=incident_url(
                ticket.source_reference if ticket.connection_id else None,
                found.incident.organization_id if found.incident else None,
                subdomain=found.subdomain,
                chosen=found.portal_template,
            ),
            assets=_assets(session, ticket_id),
            related=find_related(session, ticket, found.incident),
            statuses=choices.statuses,
            priorities=choices.priorities,
            users=choices.users,
            boards=choices.boards,
            people=read_ticket_people(session, ticket),
        )


def read_editable(ticket_id: int) -> tuple[Ticket, list[tuple[int, str]]]:
    """A ticket and the clients it can be given to; raises NotFoundError."""
    with reading() as session:
        ticket = load_ticket(session, ticket_id)
        return ticket, client_choices(session, ticket)


def load_ticket(session: Session, ticket_id: int) -> Ticket:
    """The ticket with its related rows, read afresh; raises NotFoundError."""
    ticket = session.scalars(
        select(Ticket)
        .where(Ticket.id == ticket_id)
        .options(joinedload("*"))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if ticket is None:
        raise NotFoundError("There is no such ticket.")
    return ticket


def _timeline(
    session: Session, ticket_id: int, before: str | None, after: str | None, size: int
) -> PageOfRows[Comment]:
    """Read a page of the timeline, newest first; so "after" in the keyset means earlier in time."""
    statement = (
        select(Comment).where(Comment.ticket_id == ticket_id).options(joinedload(Comment.author))
    )
    return read_page(session, statement, _TIMELINE, size, after=before, before=after)


def _assets(session: Session, ticket_id: int) -> Sequence[Asset]:
    return session.scalars(
        select(Asset)
        .join(TicketAsset, TicketAsset.asset_id == Asset.id)
        .where(TicketAsset.ticket_id == ticket_id)
        .order_by(Asset.name)
    ).all()
