"""Delivering without a worker: every target that is due, each in a thread of its own."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime

from flask import Flask, current_app
from sqlalchemy import select

from webapp.extensions import db
from webapp.models import OutboxRow
from webapp.models.outbox import OutboxState
from webapp.services.notices.deliver import deliver_target
from webapp.services.notices.escalate import find_due_targets
from webapp.services.transactions import reading

ALARM_EVENTS = "alarm."
MOST_THREADS = 8


def deliver_due(now: datetime, *, only_alarms: bool = False, wait_seconds: float = 20.0) -> int:
    """Deliver everything that is due at `now` (UTC), or only alarms; return how many targets it is.

    Waits at most `wait_seconds` for slow receivers; what they were sent goes on meanwhile, and the
    lease on a target keeps others away from it.
    """
    targets = _targets_of_alarms(now) if only_alarms else find_due_targets(now)
    if not targets:
        return 0
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    events = ALARM_EVENTS if only_alarms else None
    pool = ThreadPoolExecutor(max_workers=MOST_THREADS, thread_name_prefix="deliver")
    wait([pool.submit(_deliver, app, key, events) for key in targets], timeout=wait_seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    return len(targets)


def _targets_of_alarms(now: datetime) -> list[int]:
    due = find_due_targets(now)
    with reading() as session:
        waiting = session.scalars(
            select(OutboxRow.target_id)
            .where(
                OutboxRow.target_id.in_(due),
                OutboxRow.state == OutboxState.PENDING,
                OutboxRow.event.startswith(ALARM_EVENTS),
            )
            .distinct()
        ).all()
    return [key for key in waiting if key is not None]


def _deliver(app: Flask, target_id: int, only_events: str | None) -> None:
    with app.app_context():
        try:
            deliver_target(target_id, only_events=only_events)
        finally:
            db.session.remove()
