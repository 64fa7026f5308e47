"""Telling that a person worked on tickets: they are taken, closed or open again."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.domain.notices.events import CLOSED, REOPENED
from webapp.models import Ticket, User
from webapp.models.ticket import SOURCE_HUNTRESS
from webapp.services.notices.settle import Settlement, settle_tickets
from webapp.services.notices.tell import Happening, tell


@dataclass(frozen=True, slots=True)
class Worked:
    """A ticket that a person worked on.

    `was_closed` says whether it was closed before; None where its status is as it was.
    """

    ticket: Ticket
    was_closed: bool | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it is closed now."""
        return self.ticket.closed_at is not None

    @property
    def has_changed(self) -> bool:
        """Whether it was closed or opened again."""
        return self.was_closed is not None and self.was_closed != self.is_closed


def tell_changes(
    session: Session, worked: Sequence[Worked], *, actor_id: int, now: datetime
) -> None:
    """Tell what a person did, in the transaction in which it was done.

    Whatever they did, nobody has to take the tickets any more, unless they opened them again. It
    takes a few statements, however many tickets there are.
    """
    of_huntress = [one for one in worked if one.ticket.source == SOURCE_HUNTRESS]
    if not of_huntress:
        return
    session.flush()
    actor = session.get_one(User, actor_id)
    settled: defaultdict[Settlement, list[int]] = defaultdict(list)
    happenings = []
    for one in of_huntress:
        event = CLOSED if one.is_closed else REOPENED
        if one.has_changed:
            happenings.append(Happening(event=event, ticket_id=one.ticket.id, person=actor.name))
        if one.is_closed or not one.has_changed:
            settled[_settlement(one, actor)].append(one.ticket.id)
    told: set[tuple[int, int]] = set()
    for settlement, ticket_ids in settled.items():
        told |= settle_tickets(session, ticket_ids, settlement, now)
    tell(session, happenings, told_already=told)


def _settlement(one: Worked, actor: User) -> Settlement:
    taker = one.ticket.assignee or actor
    return Settlement(
        is_closed=one.is_closed and one.has_changed,
        person=actor.name if one.is_closed else taker.name,
        actor_id=actor.id,
    )
