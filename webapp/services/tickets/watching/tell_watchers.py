"""Telling who watches tickets, or has them, what a person did to them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.domain.triage.bell import Bell
from webapp.models import Comment
from webapp.services.notices.bell.ring_bell import ring_bells, ring_watchers


@dataclass(frozen=True, slots=True)
class Changed:
    """A ticket that somebody changed, the entry of its timeline, and whom it was assigned to.

    The entry may be written with the flush that is to come. Who is `mentioned` was told already.
    """

    ticket_id: int
    entry: Comment | None = None
    new_owner_id: int | None = None
    mentioned: frozenset[int] = frozenset()


def tell_watchers(
    session: Session,
    changed: Sequence[Changed],
    *,
    actor_id: int,
    now: datetime,
    besides: Collection[int] = (),
) -> None:
    """Ring the bells of the tickets' watchers and assignees, in the caller's transaction.

    Whom a ticket was assigned to is told that, and not that it changed. Neither `actor_id` nor the
    people `besides` are told. It takes a few statements for each new owner, however many tickets
    there are.
    """
    if not changed:
        return
    session.flush()
    for owner_id in sorted({one.new_owner_id or 0 for one in changed}):
        its = {
            one.ticket_id: one.entry.id if one.entry is not None else None
            for one in changed
            if (one.new_owner_id or 0) == owner_id
        }
        if owner_id:
            ring_bells(session, Bell.ASSIGNED, its, [owner_id], now=now, actor_id=actor_id)
        apart = {*besides, owner_id}.union(*(one.mentioned for one in changed))
        ring_watchers(session, its, now=now, actor_id=actor_id, besides=apart)
