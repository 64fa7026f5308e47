"""Watching a ticket, and no longer watching it."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import Ticket, TicketWatcher
from webapp.services.lookups import get_row
from webapp.services.transactions import NO_SYNC, transaction


def watch_ticket(ticket_id: int, user_id: int) -> None:
    """Let a person watch the ticket from now on; doing it twice is fine. Raises NotFoundError."""
    with transaction() as session:
        get_row(session, Ticket, ticket_id, "There is no such ticket.")
        add_watchers(session, ticket_id, [user_id], now=clock.utcnow())


def unwatch_ticket(ticket_id: int, user_id: int) -> None:
    """Let a person no longer watch the ticket; whoever has it is told of its changes anyway."""
    with transaction() as session:
        session.execute(
            delete(TicketWatcher).where(
                TicketWatcher.ticket_id == ticket_id, TicketWatcher.user_id == user_id
            ),
            execution_options=NO_SYNC,
        )


def add_watchers(
    session: Session, ticket_id: int, user_ids: Iterable[int], *, now: datetime
) -> None:
    """Let people watch the ticket, in the caller's transaction; who does so already goes on."""
    rows = [
        {"ticket_id": ticket_id, "user_id": user_id, "created_at": now}
        for user_id in sorted(set(user_ids))
    ]
    if not rows:
        return
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    statement = (sqlite if is_sqlite else postgresql).insert(TicketWatcher)
    session.execute(statement.on_conflict_do_nothing(), rows)
