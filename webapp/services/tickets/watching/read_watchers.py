"""The people a ticket can be given to: who watches it, and what they have not read of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from webapp.models import BellItem, Ticket, TicketWatcher, User


@dataclass(frozen=True, slots=True)
class TicketPerson:
    """Somebody who can have a ticket; `unread` counts the items about it in their bell."""

    user: User
    is_watching: bool
    unread: int


@dataclass(frozen=True, slots=True)
class Watchers:
    """The names of those who watch a ticket, whether its viewer does, and what they have to read.

    `unread` is the number of items about the ticket that are unread in the viewer's bell.
    """

    names: Sequence[str]
    is_mine: bool
    unread: int


def read_ticket_people(session: Session, ticket: Ticket) -> list[TicketPerson]:
    """Return all active people who may work and the present assignee, by name, in one statement."""
    unread = (
        select(BellItem.user_id, func.count().label("number"))
        .where(BellItem.ticket_id == ticket.id, BellItem.read_at.is_(None))
        .group_by(BellItem.user_id)
        .subquery()
    )
    is_watching = and_(TicketWatcher.user_id == User.id, TicketWatcher.ticket_id == ticket.id)
    rows = session.execute(
        select(User, TicketWatcher.user_id, func.coalesce(unread.c.number, 0))
        .outerjoin(TicketWatcher, is_watching)
        .outerjoin(unread, unread.c.user_id == User.id)
        .where(or_(User.may_work, User.id == ticket.assignee_id))
        .order_by(func.lower(User.name), User.id)
    )
    return [TicketPerson(user, watches is not None, number) for user, watches, number in rows]


def watchers_of(people: Sequence[TicketPerson], viewer_id: int) -> Watchers:
    """Return what the page of a ticket shows of its watchers."""
    mine = next((one for one in people if one.user.id == viewer_id), None)
    return Watchers(
        names=[one.user.name for one in people if one.is_watching],
        is_mine=mine is not None and mine.is_watching,
        unread=mine.unread if mine is not None else 0,
    )
