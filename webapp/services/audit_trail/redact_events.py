"""Erasing the details of events: that something happened stays, what it was goes.

The salt of each event's link goes with the details, so that the digest in the link tells nothing
and the chain still holds.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, null, select, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import AuditEvent, AuditLink
from webapp.services.audit import record_event
from webapp.services.audit_trail.chain_end import take_chain_lock
from webapp.services.audit_trail.prune_events import PRUNED
from webapp.services.transactions import NO_SYNC

REDACTED = "audit.redacted"
BATCH = 500


def redact_events(
    session: Session, conditions: Sequence[ColumnElement[bool]], *, actor_id: int | None = None
) -> int:
    """Erase the details of the events that fulfil all `conditions`; return how many had some.

    It works in the caller's transaction, and the chain waits until that ends. An event is recorded
    that says how many were erased: verifying compares the two. What tells of erasures and of
    deletions holds figures alone, and keeps them.
    """
    take_chain_lock(session)
    session.flush()
    now = clock.utcnow()
    total = 0
    while batch := _list_batch(session, conditions):
        session.execute(
            update(AuditEvent)
            .where(AuditEvent.id.in_(batch))
            .values(before=null(), after=null(), redacted_at=now),
            execution_options=NO_SYNC,
        )
        session.execute(
            update(AuditLink).where(AuditLink.event_id.in_(batch)).values(details_salt=None),
            execution_options=NO_SYNC,
        )
        total += len(batch)
    if total:
        event = record_event(
            session,
            action=REDACTED,
            subject_type="audit_log",
            after={"events": total},
            actor_id=actor_id,
        )
        event.happened_at = now
    return total


def _list_batch(session: Session, conditions: Sequence[ColumnElement[bool]]) -> Sequence[int]:
    return session.scalars(
        select(AuditEvent.id)
        .where(
            AuditEvent.redacted_at.is_(None),
            AuditEvent.action.not_in((REDACTED, PRUNED)),
            *conditions,
        )
        .order_by(AuditEvent.id)
        .limit(BATCH)
    ).all()
