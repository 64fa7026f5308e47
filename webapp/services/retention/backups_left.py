"""Backups that were made before somebody was forgotten, and still hold what was erased."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.recovery.due import BackupState
from webapp.models import AuditEvent, Backup, Erasure
from webapp.services.transactions import reading

WRITTEN_BY_COMMAND = "backup.written"
"""The event of a backup that somebody wrote to a file; it alone tells of that file."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A backup that somebody wrote by command; nobody here knows whether it is still there."""

    name: str
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class BackupsLeft:
    """The backups of before: when those in the configured places were begun, and other files.

    `doubtful` are those that are being made, and those that failed or were interrupted and whose
    files may be there. All are in the order in which they were made; times are UTC.
    """

    stored: tuple[datetime, ...]
    doubtful: tuple[datetime, ...]
    written: tuple[WrittenFile, ...]

    @property
    def words(self) -> str:
        """What to know about backups, in two or three sentences."""
        parts = [
            _stored_words(self.stored),
            _doubtful_words(self.doubtful),
            _written_words(self.written),
        ]
        if not any(parts):
            parts = ["No backup that was made here holds it."]
        parts.append(
            "Copies of the database that something else made (snapshots, dumps, a file taken to "
            "another place) are not known here. Whoever restores one has to forget again."
        )
        return " ".join(part for part in parts if part)


def find_backups_left(erasure: Erasure | None) -> BackupsLeft:
    """Return the backups that were begun before an erasure was finished, or so far.

    Backups that were removed hold nothing. Of those that were written by command, the audit log
    tells as long as it keeps its events.
    """
    until = (erasure and erasure.finished_at) or clock.utcnow()
    query = (
        select(Backup.started_at, Backup.state)
        .where(Backup.started_at < until, Backup.removed_at.is_(None))
        .order_by(Backup.started_at)
    )
    with reading() as session:
        rows = session.execute(query).all()
        written = _find_written(session, until)
    return BackupsLeft(
        stored=tuple(at for at, state in rows if state == BackupState.COMPLETED),
        doubtful=tuple(at for at, state in rows if state != BackupState.COMPLETED),
        written=written,
    )


def _find_written(session: Session, until: datetime) -> tuple[WrittenFile, ...]:
    rows = session.execute(
        select(AuditEvent.happened_at, AuditEvent.after)
        .where(AuditEvent.subject_type == "backup", AuditEvent.action == WRITTEN_BY_COMMAND)
        .order_by(AuditEvent.id)
    )
    files = [_read_event(happened_at, after or {}) for happened_at, after in rows]
    return tuple(file for file in files if file.taken_at < until)


def _read_event(happened_at: datetime, after: Mapping[str, Any]) -> WrittenFile:
    """Return what an event says; without its details, that there was a file by then."""
    taken_at = datetime.fromisoformat(after["taken_at"]) if "taken_at" in after else happened_at
    return WrittenFile(str(after.get("file", "name unknown,")), taken_at)


def _stored_words(times: tuple[datetime, ...]) -> str:
    if not times:
        return ""
    backups = "1 backup" if len(times) == 1 else f"{len(times)} backups"
    verb = "holds" if len(times) == 1 else "hold"
    return (
        f"{backups} made here still {verb} it, the oldest of {_day(times[0])}, the newest of "
        f"{_day(times[-1])}: it is gone from them once newer ones have taken their places."
    )


def _doubtful_words(times: tuple[datetime, ...]) -> str:
    if not times:
        return ""
    backups = "1 backup" if len(times) == 1 else f"{len(times)} backups"
    verb = "is" if len(times) == 1 else "are"
    return (
        f"{backups} that {verb} being made or came to no good end may hold it, the newest of "
        f"{_day(times[-1])}: what they left is deleted once a later one is whole."
    )


def _written_words(files: tuple[WrittenFile, ...]) -> str:
    if not files:
        return ""
    newest = f"{files[-1].name} of {_day(files[-1].taken_at)}"
    if len(files) == 1:
        return f"Somebody wrote a backup to a file, {newest}, which holds it until you delete it."
    return (
        f"Somebody wrote {len(files)} backups to files, the newest {newest}, which hold it until "
        "you delete them."
    )


def _day(time: datetime) -> str:
    return f"{time.day} {time:%B %Y}"
