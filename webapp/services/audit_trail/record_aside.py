"""Events that are recorded although the request only reads: refusals, and files taken along.

It can add events and nothing else. Beside it, only the time when a session was last used is written
while a page is read.
"""

import logging
import threading
import time
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.caller import caller_of
from webapp.domain.security.events import ACCESS_REFUSED, Export
from webapp.domain.security.refusal_counts import SECONDS, RefusalCounts
from webapp.models import AuditEvent
from webapp.services.audit import record_event
from webapp.services.transactions import adding_only, first_line

log = logging.getLogger(__name__)

_counts = RefusalCounts()
_lock = threading.Lock()


def record_export(
    export: Export,
    *,
    actor_id: int | None = None,
    details: Mapping[str, object] | None = None,
    subject_id: object = None,
) -> None:
    """Record that a person, or a command, takes a file along, before its first byte is sent.

    `details` say which rows: the filters. Raises a database's error if it cannot be recorded, and
    then nothing must be sent.
    """
    with adding_only(AuditEvent) as session:
        record_event(
            session,
            action=export.action,
            subject_type="export",
            subject_id=subject_id,
            after=details,
            actor_id=actor_id,
        )


def record_refusal(
    *, status: int, page: str, why: str, actor_id: int | None, address: str | None
) -> bool:
    """Record that a request was refused; return False if it was only counted.

    `page` is the page's rule, never its address, which may hold a secret. Of a stranger's address
    one refusal in a minute is recorded, with the number of those since the last. A database that
    cannot be used is logged: the refusal stands all the same.
    """
    caller = caller_of(address or "")
    key = f"person:{actor_id}" if actor_id is not None else f"address:{caller}"
    with _lock:
        skipped = _counts.admit(key, time.monotonic(), is_person=actor_id is not None)
    if skipped is None:
        return False
    details: dict[str, object] = {"status": status, "why": why}
    if skipped:
        details["more_since_the_last"] = skipped
    try:
        with adding_only(AuditEvent) as session:
            if actor_id is None and _was_recorded_just_now(session, address):
                _put_back(key, skipped + 1)  # by another process
                return False
            event = record_event(
                session,
                action=ACCESS_REFUSED,
                subject_type="page",
                subject_id=page,
                after=details,
                actor_id=actor_id,
            )
            event.address = event.address or address
    except SQLAlchemyError as error:
        _put_back(key, skipped + 1)
        log.warning("A refusal could not be recorded: %s", first_line(error))
        return False
    return True


def forget_refusals() -> None:
    """Begin to count anew."""
    global _counts
    with _lock:
        _counts = RefusalCounts()


def _put_back(key: str, skipped: int) -> None:
    with _lock:
        _counts.put_back(key, time.monotonic(), skipped)


def _was_recorded_just_now(session: Session, address: str | None) -> bool:
    found = session.scalar(
        select(AuditEvent.id)
        .where(
            AuditEvent.happened_at > clock.utcnow() - timedelta(seconds=SECONDS),
            AuditEvent.action == ACCESS_REFUSED,
            AuditEvent.actor_id.is_(None),
            AuditEvent.address == address,
        )
        .limit(1)
    )
    return found is not None
