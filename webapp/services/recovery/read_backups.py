"""What is known of the schedule of backups: which are due, how old the newest is, what failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock, task_queue
from webapp.config import BackupSettings, Config
from webapp.domain.recovery.due import (
    has_failed_last,
    is_backup_due,
    is_overdue,
    newest_good,
)
from webapp.extensions import current_config
from webapp.models import Backup
from webapp.services.audit import record_event
from webapp.services.errors import RefusedError
from webapp.services.recovery.backup_rows import AT_WORK, NO_PLACE, as_made, recent_backups
from webapp.services.transactions import reading, transaction

JOB = "backup"
SHOWN = 60


@dataclass(frozen=True, slots=True)
class PlaceState:
    """How backups into one place go. `newest` is the newest that is whole, with its bytes."""

    words: str
    newest_at: datetime | None
    newest_size: int | None
    is_overdue: bool
    is_at_work: bool
    failure: str | None


@dataclass(frozen=True, slots=True)
class BackupsPage:
    """What the page of backups shows."""

    settings: BackupSettings
    places: Sequence[PlaceState]
    rows: Sequence[Backup]
    next_at: datetime


def judge_places(session: Session, config: Config, now: datetime) -> list[PlaceState]:
    """Return how backups into each configured place go at `now` (UTC)."""
    return [_judge(session, place, now) for place in config.backups.places]


def _judge(session: Session, words: str, now: datetime) -> PlaceState:
    rows = recent_backups(session, words)
    made = [as_made(row) for row in rows]
    newest_at = newest_good(made)
    newest = next((row for row in rows if row.started_at == newest_at and row.verified_at), None)
    failure = next((row.error for row in rows if row.error), None)
    return PlaceState(
        words=words,
        newest_at=newest_at,
        newest_size=newest.size if newest else None,
        is_overdue=is_overdue(made, now),
        is_at_work=any(one.is_at_work(now) for one in made),
        failure=failure if has_failed_last(made) else None,
    )


def find_due_places(now: datetime) -> list[str]:
    """Return the places into which a backup is due at `now` (UTC)."""
    config = current_config()
    due = []
    with reading() as session:
        for place in config.backups.places:
            made = [as_made(row) for row in recent_backups(session, place)]
            if is_backup_due(made, config.backups.at, now):
                due.append(place)
    return due


def enqueue_due_backup(now: datetime) -> bool:
    """Let a worker make the backup that is due; return whether one was enqueued."""
    if not current_config().backups.are_scheduled or not find_due_places(now):
        return False
    return task_queue.enqueue(JOB, job_id=JOB)


def request_backup(*, actor_id: int | None) -> str:
    """Let a worker make a backup now; return words for the person who asked.

    Raises RefusedError where no place is configured, no worker runs or one is being made.
    """
    if not current_config().backups.are_scheduled:
        raise RefusedError(NO_PLACE)
    if not task_queue.read_queue_status().can_run_jobs:
        raise RefusedError(
            "No worker is running, so nothing was started. On the server, `triagedesk backup now`"
            " makes it without one."
        )
    try:
        is_new = task_queue.enqueue(JOB, job_id=JOB, is_asked_for=True)
    except task_queue.QueueUnavailableError as error:
        raise RefusedError(str(error)) from error
    if not is_new:
        raise RefusedError(AT_WORK)
    with transaction() as session:
        record_event(session, action="backup.requested", subject_type="backup", actor_id=actor_id)
    return "The backup has begun; it is listed here, and checked in a moment."


def read_backups_page() -> BackupsPage:
    """Return the schedule, the state of each place, and the newest backups."""
    config, now = current_config(), clock.utcnow()
    with reading() as session:
        rows = session.scalars(
            select(Backup).order_by(Backup.started_at.desc(), Backup.id.desc()).limit(SHOWN)
        ).all()
        return BackupsPage(
            settings=config.backups,
            places=judge_places(session, config, now),
            rows=rows,
            next_at=config.backups.at.next_after(now),
        )
