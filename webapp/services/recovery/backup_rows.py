"""The record of backups: who makes one, how far it has come, what became of it.

One process at a time makes a backup into a place: the one whose row says that it is at work. A row
whose process has ended, or has not been heard of for a while, is taken for interrupted.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.recovery.due import BackupState, DailyTime, MadeBackup, is_backup_due
from webapp.domain.recovery.manifest import Manifest
from webapp.models import Backup
from webapp.process_identity import is_gone, own_identity
from webapp.services.recovery.scratch import BackupError
from webapp.services.transactions import DATABASE_AWAY, NO_SYNC, first_line, transaction

RECENT = 100
"""So many of a place's newest backups tell whether one is due."""

NO_PLACE = (
    "No place for backups is configured: set TRIAGEDESK_BACKUP_DIR or TRIAGEDESK_BACKUP_S3_URL."
)
TAKEN_OVER = "Another process makes this backup now."
AT_WORK = "A backup is being made already."
MOST_ERROR = 2_000
log = logging.getLogger(__name__)

_LOCK = text("LOCK TABLE backups IN SHARE ROW EXCLUSIVE MODE")


@dataclass(frozen=True, slots=True)
class Claim:
    """A backup that this process makes into one place."""

    id: int
    place: str
    file_name: str


def claim_backup(
    place: str, file_name: str, *, trigger: str, due: DailyTime | None, now: datetime
) -> Claim | None:
    """Begin a backup into a place, unless another process is making one.

    With `due` it is begun only if one is due by that time of day. Returns None where it is not.
    """
    with transaction() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(_LOCK)  # SQLite lets one write at a time anyway
        rows = recent_backups(session, place)
        _note_interrupted(rows, now)
        made = [as_made(row) for row in rows]
        is_wanted = due is None or is_backup_due(made, due, now)
        if not is_wanted or any(one.is_at_work(now) for one in made):
            return None
        row = Backup(
            trigger=trigger,
            state=BackupState.RUNNING,
            place=place,
            file_name=file_name,
            started_at=now,
            holder=str(own_identity()),
            beat_at=now,
        )
        session.add(row)
        session.flush()
        return Claim(row.id, place, file_name)


def recent_backups(session: Session, place: str) -> Sequence[Backup]:
    """Return the newest backups into a place, the newest first."""
    return session.scalars(
        select(Backup)
        .where(Backup.place == place)
        .order_by(Backup.started_at.desc(), Backup.id.desc())
        .limit(RECENT)
    ).all()


def as_made(row: Backup) -> MadeBackup:
    """Return a row as the rules see it; one whose process has ended is interrupted."""
    is_over = row.state == BackupState.RUNNING and is_gone(row.holder)
    return MadeBackup(
        state=BackupState.INTERRUPTED if is_over else row.state,
        started_at=row.started_at,
        ended_at=row.finished_at or row.beat_at,
        beat_at=row.beat_at,
        is_verified=row.verified_at is not None,
    )


def _note_interrupted(rows: Sequence[Backup], now: datetime) -> None:
    for row in rows:
        if row.state == BackupState.RUNNING and not as_made(row).is_at_work(now):
            row.state, row.finished_at = BackupState.INTERRUPTED, row.beat_at or now
            row.error = "It was interrupted; another one is made in its place."


class ClaimBeat:
    """Says every ten seconds that backups are being made; raises BackupError once none is ours.

    A database that cannot be used for a moment is asked again next time: a backup may take hours,
    and the others wait for minutes before they take it over.
    """

    EVERY_SECONDS = 10.0

    def __init__(self, claims: Sequence[Claim]) -> None:
        self._ids = {one.id for one in claims}
        self._holder = str(own_identity())
        self._last = clock.utcnow()

    def __call__(self) -> None:
        """Write it down, if it is time to."""
        now = clock.utcnow()
        if abs((now - self._last).total_seconds()) >= self.EVERY_SECONDS:
            self._last = now
            try:
                self._ids = self._write(now)
            except DATABASE_AWAY as error:
                log.warning("A backup cannot say that it goes on: %s", first_line(error))
        if not self._ids:
            raise BackupError(TAKEN_OVER)

    def of(self, claim: Claim) -> Callable[[], None]:
        """Return the same for one of the backups: it raises BackupError once that one is lost."""

        def beat() -> None:
            self()
            if claim.id not in self._ids:
                raise BackupError(TAKEN_OVER)

        return beat

    def end(self, claim: Claim) -> None:
        """Leave out a backup that has ended."""
        self._ids.discard(claim.id)

    def _write(self, now: datetime) -> set[int]:
        """Write that the backups are being made; return those that are still ours."""
        with transaction() as session:
            ours = session.scalars(
                update(Backup)
                .where(
                    Backup.id.in_(self._ids),
                    Backup.state == BackupState.RUNNING,
                    Backup.holder == self._holder,
                )
                .values(beat_at=now)
                .returning(Backup.id),
                execution_options=NO_SYNC,
            )
            return set(ours)


def note_completed(claim: Claim, manifest: Manifest, size: int) -> None:
    """Record that a backup is there and was really opened and compared."""
    now = clock.utcnow()
    described = {
        "product_version": manifest.product_version,
        "schema": manifest.schema,
        "rows": manifest.rows,
        "taken_at": manifest.taken_at.isoformat(),
    }
    _end(
        claim,
        state=BackupState.COMPLETED,
        verified_at=now,
        size=size,
        manifest=described,
        finished_at=now,
    )


def note_failed(claim: Claim, error: str, *, is_stored: bool) -> None:
    """Record that a backup failed, and why; `is_stored` says whether its file may be there."""
    _end_without(claim, BackupState.FAILED, error[:MOST_ERROR], is_stored)


def note_stopped(claim: Claim, *, is_stored: bool) -> None:
    """Record that the process that made a backup was told to stop; another one makes it."""
    words = "Its process was told to stop; another one is made in its place."
    _end_without(claim, BackupState.INTERRUPTED, words, is_stored)


def _end_without(claim: Claim, state: BackupState, error: str, is_stored: bool) -> None:
    now = clock.utcnow()
    gone = {} if is_stored else {"removed_at": now}
    _end(claim, state=state, error=error, finished_at=now, **gone)


def _end(claim: Claim, **values: object) -> None:
    with transaction() as session:
        session.execute(
            update(Backup)
            .where(Backup.id == claim.id, Backup.state == BackupState.RUNNING)
            .values(holder=None, **values),
            execution_options=NO_SYNC,
        )
