"""The choices of the ticket list's filters and of its bulk actions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from webapp.services.tickets.desk_choices import (
    BOARD,
    CLIENT,
    PERSON,
    PRIORITY,
    STATUS,
    DeskChoices,
    Kept,
    read_desk_choices,
)
from webapp.services.tickets.ticket_filters import NOBODY, TicketQuery


def read_choices(session: Session, query: TicketQuery) -> DeskChoices:
    """Boards and clients that are active or have tickets, priorities, statuses, active people.

    The rows that the query filters by are included as long as they exist.
    """
    kept = Kept(
        user_id=query.assignee if isinstance(query.assignee, int) else None,
        board_id=query.board_id,
        client_id=query.client_id,
        with_tickets=True,
    )
    return read_desk_choices(session, (STATUS, PRIORITY, PERSON, BOARD, CLIENT), kept)


def drop_unknown(query: TicketQuery, choices: DeskChoices) -> tuple[TicketQuery, tuple[str, ...]]:
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
