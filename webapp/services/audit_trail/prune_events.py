"""Deleting events that are kept no longer; the chain begins anew after them, and still holds."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.security.chain import ChainEnd
from webapp.models import AuditEvent, AuditLink, AuditPruning
from webapp.models.columns import UtcDateTime
from webapp.services.audit import record_event
from webapp.services.audit_trail.chain_end import read_pruned_end, take_chain_lock
from webapp.services.transactions import NO_SYNC, PAUSE_SECONDS, reading, transaction

PRUNED = "audit.pruned"
BATCH = 500
LEAST_AGE = timedelta(days=90)
"""No younger event is deleted: a trigger of migration 0014 goes by the database's own clock."""


def prune_events(before: datetime, now: datetime) -> int:
    """Delete the events at the chain's beginning that happened before `before` (both UTC).

    An event goes only if all before it in the chain go as well, once it has a link and is 90 days
    old by the database's clock. Where to is written down first, with an event that verifying looks
    for; whatever ends the process in between, the next call goes on. Returns how many events were
    deleted.
    """
    _mark_pruned(before, now)
    with reading() as session:
        pruned = read_pruned_end(session)
    total = 0
    while deleted := _delete_marked(pruned):
        total += deleted
        clock.sleep(PAUSE_SECONDS)
    return total


def count_prunable(before: datetime) -> int:
    """Return how many events prune_events() would delete."""
    with reading() as session:
        end = _last_before(session, before)
        pruned = read_pruned_end(session)
        statement = select(func.count()).where(AuditLink.position > pruned.position)
        return (
            0
            if end is None
            else session.scalar(statement.where(AuditLink.position <= end.position)) or 0
        )


def _mark_pruned(before: datetime, now: datetime) -> None:
    """Write down up to which link and event everything goes."""
    with transaction() as session:
        take_chain_lock(session)
        end, pruned = _last_before(session, before), read_pruned_end(session)
        if end is None or end.position <= pruned.position:
            return
        covered = AuditLink.position <= end.position
        last_id = session.scalar(select(func.max(AuditLink.event_id)).where(covered))
        count = session.scalar(
            select(func.count()).where(covered, AuditLink.position > pruned.position)
        )
        session.add(
            AuditPruning(
                through_event_id=last_id, position=end.position, hash=end.hash, pruned_at=now
            )
        )
        record_event(
            session,
            action=PRUNED,
            subject_type="audit_log",
            after={
                "events": count,
                "before": before,
                "position": end.position,
                "hash": end.hash,
            },
        )


def _last_before(session: Session, before: datetime) -> ChainEnd | None:
    """The last link before the first one whose event is kept; the newest link always stays."""
    before = min(before, _database_now(session) - LEAST_AGE)
    first_kept = session.scalar(
        select(func.min(AuditLink.position))
        .join(AuditEvent, AuditEvent.id == AuditLink.event_id)
        .where(AuditEvent.happened_at >= before)
    )
    newest = session.scalar(select(func.max(AuditLink.position)))
    stays = first_kept or newest
    if stays is None:
        return None
    row = session.execute(
        select(AuditLink.position, AuditLink.hash).where(AuditLink.position == stays - 1)
    ).one_or_none()
    return None if row is None else ChainEnd(*row)


def _database_now(session: Session) -> datetime:
    """The clock that the trigger goes by; another one may be wrong, or a test's."""
    return session.scalars(select(func.current_timestamp(type_=UtcDateTime))).one()


def _delete_marked(pruned: ChainEnd) -> int:
    """Delete a batch of links up to `pruned`, and their events."""
    with transaction() as session:
        take_chain_lock(session)
        ids = session.scalars(
            select(AuditLink.event_id)
            .where(AuditLink.position <= pruned.position)
            .order_by(AuditLink.position)
            .limit(BATCH)
        ).all()
        if ids:
            for model, column in ((AuditEvent, AuditEvent.id), (AuditLink, AuditLink.event_id)):
                session.execute(delete(model).where(column.in_(ids)), execution_options=NO_SYNC)
        return len(ids)
