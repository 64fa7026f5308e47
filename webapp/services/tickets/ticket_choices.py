"""The choices of the forms of a ticket."""

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from webapp.models import Client, Ticket
from webapp.services.tickets.desk_choices import (
    BOARD,
    CATEGORY,
    CLIENT,
    PERSON,
    PRIORITY,
    STATUS,
    DeskChoices,
    Kept,
    read_desk_choices,
)
from webapp.services.transactions import reading


def ticket_choices(session: Session, ticket: Ticket) -> DeskChoices:
    """What a ticket can be changed to, but for its client; what it has is always included."""
    kept = Kept(
        user_id=ticket.assignee_id,
        board_id=ticket.board_id,
        category_ids=tuple(
            one for one in (ticket.category_id, ticket.subcategory_id) if one is not None
        ),
    )
    return read_desk_choices(session, (STATUS, PRIORITY, PERSON, BOARD, CATEGORY), kept)


def opening_choices() -> DeskChoices:
    """The choices of the form for a new ticket; only active rows are offered."""
    with reading() as session:
        return read_desk_choices(session, (PRIORITY, PERSON, BOARD, CATEGORY, CLIENT))


def client_choices(session: Session, ticket: Ticket | None = None) -> list[tuple[int, str]]:
    """The active clients as (id, name), by name; the client of `ticket` is always included."""
    client_id = ticket.client_id if ticket else None
    rows = session.execute(
        select(Client.id, Client.name)
        .where(or_(Client.is_active, Client.id == client_id))
        .order_by(func.lower(Client.name), Client.id)
    )
    return [(row.id, row.name) for row in rows]
