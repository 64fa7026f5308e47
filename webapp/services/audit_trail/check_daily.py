"""The daily verification of the audit log, by the product itself, and on record in it."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.security.events import TRAIL_BROKEN, TRAIL_VERIFIED
from webapp.models import AuditEvent
from webapp.services.audit import record_event
from webapp.services.audit_trail.verify_chain import verify_chain
from webapp.services.transactions import reading, transaction

CHECKED_EVERY = timedelta(days=1)

log = logging.getLogger(__name__)


def verify_daily(now: datetime) -> bool:
    """Verify the whole log once a day; return whether it was done now. The outcome is an event."""
    with reading() as session:
        is_due = is_verification_due(session, now)
    if is_due:
        _verify()
    return is_due


def is_verification_due(session: Session, now: datetime) -> bool:
    """Whether a day has passed since the last verification, or a clock set that in the future."""
    last = read_last_verification(session)
    return last is None or abs(now - last.happened_at) >= CHECKED_EVERY


def _verify() -> None:
    report = verify_chain()
    details: dict[str, object] = {"links": report.links, "position": report.end.position}
    if not report.is_whole:
        details |= {"problems": report.problem_count, "first_problem": report.problems[0]}
        log.error("The audit log was tampered with: %s", report.problems[0])
    with transaction() as session:
        record_event(
            session,
            action=TRAIL_VERIFIED if report.is_whole else TRAIL_BROKEN,
            subject_type="audit_log",
            after=details,
        )


def read_last_verification(session: Session) -> AuditEvent | None:
    """Return the event of the last daily verification, or None."""
    return session.scalars(
        select(AuditEvent)
        .where(AuditEvent.action.in_((TRAIL_VERIFIED, TRAIL_BROKEN)))
        .order_by(AuditEvent.id.desc())
        .limit(1)
    ).one_or_none()
