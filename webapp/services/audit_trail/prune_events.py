"""Deleting audit events that are kept no longer."""

from datetime import datetime

from sqlalchemy import delete, select

from webapp.models import AuditEvent
from webapp.services.transactions import NO_SYNC, transaction

BATCH = 1_000


def prune_events(before: datetime, now: datetime) -> int:
    """Delete the events that were recorded before `before`; return how many there were."""
    total = 0
    while True:
        with transaction() as session:
            query = select(AuditEvent.id).where(AuditEvent.happened_at < before)
            ids = session.scalars(query.order_by(AuditEvent.id).limit(BATCH)).all()
            if ids:
                session.execute(
                    delete(AuditEvent).where(AuditEvent.id.in_(ids)), execution_options=NO_SYNC
                )
        total += len(ids)
        if len(ids) < BATCH:
            return total
