"""Erasing the details of audit events; that they happened, when and by whom, stays."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, null, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import AuditEvent
from webapp.services.transactions import NO_SYNC


def redact_events(session: Session, conditions: Sequence[ColumnElement[bool]]) -> int:
    """Erase the details of the events that meet `conditions`; return how many had any.

    The caller's transaction stores it.
    """
    result = session.execute(
        update(AuditEvent)
        .where(*conditions, AuditEvent.redacted_at.is_(None))
        .values(before=null(), after=null(), redacted_at=clock.utcnow()),
        execution_options=NO_SYNC,
    )
    return int(result.rowcount)  # type: ignore[attr-defined]
