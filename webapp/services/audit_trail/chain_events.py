"""Chaining events: each gets its link soon after it was written, in order, and none is missed.

Writers never wait for it. On PostgreSQL an event may be committed after others with higher ids: it
has no link then, and gets one at the chain's end as soon as it is seen.
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.security.chain import (
    ChainEnd,
    LinkedEvent,
    digest_details,
    hash_text,
    link_text,
)
from webapp.models import AuditEvent, AuditLink
from webapp.services.audit_trail.chain_end import read_chain_end, try_chain_lock
from webapp.services.transactions import PAUSE_SECONDS, reading, transaction

BATCH = 100
"""So few events are chained in a transaction, because on SQLite nobody else writes meanwhile."""

LOOKED_BACK = 5_000
"""Quick rounds look for late events among those that the last links belong to."""

MOST_BATCHES = 100
"""A round ends here, and the next one goes on."""

log = logging.getLogger(__name__)


def chain_events(now: datetime, *, is_thorough: bool = False) -> int:
    """Give a link to each committed event that has none; return how many got one.

    A quick round looks at new events and at those that were committed up to 5,000 links late; one
    that `is_thorough` looks at all. Several processes may call this at once: one of them works.
    """
    floor, total = 0, 0
    if not is_thorough:
        with reading() as session:
            floor = read_chain_floor(session)
    for number in range(MOST_BATCHES):
        waiting = _list_waiting(floor)
        if not waiting:
            break
        if number:
            clock.sleep(PAUSE_SECONDS)
        chained = _chain_batch(waiting, now)
        if chained is None:
            break  # another process is at it
        total += chained
        floor = waiting[-1]  # what has a link by now is not looked at again
    return total


def link_of(before: ChainEnd, event: AuditEvent, salt: str, now: datetime) -> AuditLink:
    """Return the link of an event that follows `before`."""
    digest = digest_details(salt, event.before, event.after)
    return AuditLink(
        position=before.position + 1,
        event_id=event.id,
        details_salt=salt,
        details_digest=digest,
        hash=hash_text(link_text(before, linked_event(event), digest, now)),
        chained_at=now,
    )


def linked_event(event: AuditEvent) -> LinkedEvent:
    """Return what a link says of an event."""
    return LinkedEvent(**{one.name: getattr(event, one.name) for one in fields(LinkedEvent)})


def read_chain_floor(session: Session) -> int:
    """Return the id up to which quick rounds look for no event."""
    newest = (
        select(AuditLink.event_id).order_by(AuditLink.position.desc()).limit(LOOKED_BACK).subquery()
    )
    count, lowest = session.execute(select(func.count(), func.min(newest.c.event_id))).one()
    return lowest - 1 if count == LOOKED_BACK else 0


def _list_waiting(floor: int) -> Sequence[int]:
    """The ids of events without a link, found without holding up anybody."""
    statement = (
        select(AuditEvent.id)
        .outerjoin(AuditLink, AuditLink.event_id == AuditEvent.id)
        .where(AuditEvent.id > floor, AuditLink.event_id.is_(None))
        .order_by(AuditEvent.id)
        .limit(BATCH)
    )
    with reading() as session:
        return session.scalars(statement).all()


def _chain_batch(event_ids: Sequence[int], now: datetime) -> int | None:
    """Chain those events that still have no link; None if another process chains just now."""
    with transaction() as session:
        if not try_chain_lock(session):
            return None
        events = _read_unlinked(session, event_ids)
        end = read_chain_end(session)
        for event in events:
            link = link_of(end, event, secrets.token_hex(16), now)
            session.add(link)
            end = ChainEnd(link.position, link.hash)
        return len(events)


def _read_unlinked(session: Session, event_ids: Sequence[int]) -> Sequence[AuditEvent]:
    has_link = select(AuditLink.event_id).where(AuditLink.event_id == AuditEvent.id).exists()
    return session.scalars(
        select(AuditEvent).where(AuditEvent.id.in_(event_ids), ~has_link).order_by(AuditEvent.id)
    ).all()
