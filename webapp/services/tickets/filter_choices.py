"""The choices of the ticket list's filters and of its bulk actions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from webapp.models import Board, Client, Priority, Status, Ticket, User
from webapp.services.tickets.ticket_filters import NOBODY, TicketQuery


@dataclass(frozen=True, slots=True)
class ClientChoice:
    """The id and name of a client, which is all that a filter needs."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class FilterChoices:
    """Boards and clients that are active or have tickets, priorities, statuses, active people.

    The rows that the query filters by are included as long as they exist.
    """

    boards: Sequence[Board]
    clients: Sequence[ClientChoice]
    priorities: Sequence[Priority]
    statuses: Sequence[Status]
    users: Sequence[User]


def read_choices(session: Session, query: TicketQuery) -> FilterChoices:
    """Read the choices, each list in the order in which it is shown."""
    has_tickets = select(Ticket.id).where(Ticket.client_id == Client.id).exists()
    on_board = select(Ticket.id).where(Ticket.board_id == Board.id).exists()
    assignee = None if query.assignee == NOBODY else query.assignee
    return FilterChoices(
        boards=session.scalars(
            select(Board)
            .where(or_(Board.is_active, on_board, Board.id == query.board_id))
            .order_by(func.lower(Board.name))
        ).all(),
        clients=[
            ClientChoice(client_id, name)
            for client_id, name in session.execute(
                select(Client.id, Client.name)
                .where(or_(Client.is_active, has_tickets, Client.id == query.client_id))
                .order_by(func.lower(Client.name))
            )
        ],
        priorities=session.scalars(select(Priority).order_by(Priority.position, Priority.id)).all(),
        statuses=session.scalars(select(Status).order_by(Status.position, Status.id)).all(),
        users=session.scalars(
            select(User)
            .where(or_(User.may_work, User.id == assignee))
            .order_by(func.lower(User.name), User.id)
        ).all(),
    )


def drop_unknown(query: TicketQuery, choices: FilterChoices) -> tuple[TicketQuery, tuple[str, ...]]:
    """Drop filters by rows that do not exist.

    Returns the query and the words for what was dropped.
    """
    offered: tuple[tuple[str, str, Sequence[object]], ...] = (
        ("board_id", "board", choices.boards),
        ("client_id", "client", choices.clients),
        ("priority_id", "priority", choices.priorities),
        ("status_id", "status", choices.statuses),
        ("assignee", "assignee", choices.users),
    )
    dropped = [
        (field, word)
        for field, word, rows in offered
        if (value := getattr(query, field)) not in (None, NOBODY)
        and value not in {getattr(row, "id", None) for row in rows}
    ]
    nothing: dict[str, Any] = {field: None for field, _ in dropped}
    kept = replace(query, **nothing)
    return kept, tuple(word for _, word in dropped)
