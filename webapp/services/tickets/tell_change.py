"""Telling that a person worked on a ticket: it is taken, closed or open again."""

from datetime import datetime

from sqlalchemy.orm import Session

from webapp.domain.notices.events import CLOSED, REOPENED
from webapp.models import Ticket, User
from webapp.models.ticket import SOURCE_HUNTRESS
from webapp.services.notices.settle import Settlement, settle_tickets
from webapp.services.notices.tell import Happening, tell


def tell_change(
    session: Session,
    ticket: Ticket,
    *,
    was_closed: bool | None = None,
    actor_id: int,
    now: datetime,
) -> None:
    """Tell what a person did, in the transaction in which it was done.

    Whatever they did, nobody has to take the ticket any more, unless they opened it again.
    `was_closed` says whether it was closed before; None where its status is as it was.
    """
    if ticket.source != SOURCE_HUNTRESS:
        return
    session.flush()
    is_closed = ticket.closed_at is not None
    has_changed = was_closed is not None and was_closed != is_closed
    actor = session.get_one(User, actor_id)
    if has_changed and not is_closed:
        reopened = Happening(event=REOPENED, ticket_id=ticket.id, person=actor.name)
        tell(session, [reopened])
        return
    taker = ticket.assignee or actor
    settlement = Settlement(
        is_closed=is_closed,
        person=actor.name if is_closed else taker.name,
        actor_id=actor_id,
    )
    told = settle_tickets(session, [ticket.id], settlement, now)
    if has_changed:
        closed = Happening(event=CLOSED, ticket_id=ticket.id, person=actor.name)
        tell(session, [closed], told_already=told)
