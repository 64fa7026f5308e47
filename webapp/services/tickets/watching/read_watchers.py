"""Who watches a ticket, and what of it its viewer has not read yet."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select

from webapp.models import BellItem, TicketWatcher, User
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class Watchers:
    """The names of those who watch a ticket, and how it stands with its viewer.

    `unread` is the number of items about the ticket that are unread in the viewer's bell.
    """

    names: Sequence[str]
    is_mine: bool
    unread: int


def read_watchers(ticket_id: int, viewer_id: int) -> Watchers:
    """Read them in one statement."""
    unread = (
        select(func.count())
        .where(
            BellItem.user_id == viewer_id,
            BellItem.ticket_id == ticket_id,
            BellItem.read_at.is_(None),
        )
        .scalar_subquery()
    )
    is_watching = and_(TicketWatcher.user_id == User.id, TicketWatcher.ticket_id == ticket_id)
    with reading() as session:
        rows = session.execute(
            select(User.id, User.name, TicketWatcher.user_id.label("watches"), unread.label("n"))
            .outerjoin(TicketWatcher, is_watching)
            .where(or_(TicketWatcher.user_id.is_not(None), User.id == viewer_id))
            .order_by(func.lower(User.name), User.id)
        ).all()
    return Watchers(
        names=[row.name for row in rows if row.watches is not None],
        is_mine=any(row.watches == viewer_id for row in rows),
        unread=rows[0].n if rows else 0,
    )
