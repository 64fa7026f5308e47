"""A stored secret in another's place: somebody wrote to the database past the product."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.crypto import Why
from webapp.models import AuditEvent
from webapp.services.audit import record_event
from webapp.services.keys.verify_values import UnreadableValue, verify_values
from webapp.services.transactions import transaction

NOTED_EVERY = timedelta(days=1)
ACTION = "key.misplaced"
SUBJECT = "stored_secret"


def note_misplaced() -> None:
    """Record an event for each value that is not its place's own, once a day while that lasts."""
    for value in verify_values().unreadable:
        if value.why is Why.NOT_ITS_OWN:
            with transaction() as session:
                _note(session, value)


def _note(session: Session, value: UnreadableValue) -> None:
    subject = f"{value.place.label}:{value.place.row}"
    now = clock.utcnow()
    noted = select(AuditEvent.id).where(
        AuditEvent.action == ACTION,
        AuditEvent.subject_type == SUBJECT,
        AuditEvent.subject_id == subject,
        AuditEvent.happened_at > now - NOTED_EVERY,
        AuditEvent.happened_at <= now,  # one of a clock that was ahead does not count
    )
    if session.scalar(noted.limit(1)) is None:
        after = {"made_for": None if value.origin is None else str(value.origin)}
        record_event(session, action=ACTION, subject_type=SUBJECT, subject_id=subject, after=after)
