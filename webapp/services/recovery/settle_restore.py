"""What has to change in a restored database before anything works on it again.

Everything happens in the caller's transaction, so that nobody ever sees the one without the other.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from webapp.domain.recovery.due import BackupState, MadeBackup
from webapp.domain.recovery.settle import RATE_DAYS, pause_words, raise_number
from webapp.models import (
    Backup,
    Connection,
    PasswordLink,
    PendingSignIn,
    PollRun,
    Restore,
    SecurityNote,
    SetupToken,
    Target,
    Ticket,
    TicketCounter,
    UserSession,
    WatcherRound,
)
from webapp.models import poll_run as run_states
from webapp.services.audit import record_event
from webapp.services.polling.process_inbox import take_back_attempts
from webapp.services.schedule.run_log import mark_interrupted
from webapp.services.transactions import NO_SYNC


def settle_restore(session: Session, taken_at: datetime, now: datetime, file_name: str) -> None:
    """Make the database of a backup of `taken_at` (UTC) one that can be worked on at `now`.

    Sessions and what waits for a step of signing in end. Messages are held until somebody releases
    them, and polling is paused. What was at work when the backup was made is at work no more.
    Ticket numbers go on far beyond those that may have been given out meanwhile.
    """
    session.execute(
        update(Restore).where(Restore.released_at.is_(None)).values(released_at=now),
        execution_options=NO_SYNC,
    )
    restore = Restore(taken_at=taken_at, restored_at=now, file_name=file_name[:255])
    session.add(restore)
    session.flush()
    _end_sessions(session, now)
    for connection in session.scalars(select(Connection).order_by(Connection.id)):
        _calm_connection(session, connection, taken_at, now)
    _end_work(session, now)
    _end_backups(session, taken_at, now)
    numbers = _raise_numbers(session, taken_at, now)
    record_event(
        session,
        action="backup.restored",
        subject_type="restore",
        subject_id=restore.id,
        before={"last_number": numbers[0]},
        after={"taken_at": taken_at, "file": restore.file_name, "last_number": numbers[1]},
    )
    session.flush()


def _end_sessions(session: Session, now: datetime) -> None:
    """End sessions, and links and steps that somebody may have used after the backup."""
    session.execute(
        update(UserSession).where(UserSession.revoked_at.is_(None)).values(revoked_at=now),
        execution_options=NO_SYNC,
    )
    session.execute(
        update(PasswordLink).where(PasswordLink.expires_at > now).values(expires_at=now),
        execution_options=NO_SYNC,
    )
    session.execute(  # they stand on the pages, and were most likely mailed
        update(SecurityNote).values(next_mail_at=None), execution_options=NO_SYNC
    )
    for model in (PendingSignIn, SetupToken):
        session.execute(delete(model), execution_options=NO_SYNC)


def _calm_connection(
    session: Session, connection: Connection, taken_at: datetime, now: datetime
) -> None:
    """Give the lease back, ask for a sweep, and pause the polls until a person resumes them.

    The cursor stays: the next poll walks through everything since the backup.
    """
    if connection.lease_token is not None:
        mark_interrupted(session, connection.lease_token)
        take_back_attempts(session, connection.id, connection.lease_token)
        connection.is_walk_cut_off = True
    values: dict[str, Any] = {
        **dict.fromkeys(("lease_token", "lease_holder", "lease_expires_at")),
        **dict.fromkeys(("previous_lease_token", "poll_requested_at")),
        **dict.fromkeys(("sweep_started_at", "sweep_listed_at")),
        "sweep_requested_at": now,
    }
    if connection.disconnected_at is None and connection.polling_started_at is not None:
        values |= _pause(connection, taken_at, now)
    for name, value in values.items():
        setattr(connection, name, value)


def _pause(connection: Connection, taken_at: datetime, now: datetime) -> Mapping[str, Any]:
    is_over = connection.paused_until is not None and connection.paused_until <= now
    before = None if connection.paused_at is None or is_over else connection.pause_reason
    return {
        "paused_at": now,
        "paused_by_id": None,
        "paused_until": None,
        "pause_reason": pause_words(taken_at, before),
    }


def _end_work(session: Session, now: datetime) -> None:
    """Whatever was at work when the backup was made has ended with it."""
    for run in session.scalars(select(PollRun).where(PollRun.state == run_states.RUNNING)):
        run.state, run.finished_at = run_states.INTERRUPTED, now
        run.error = "The poll was at work when the backup was made that was restored."
    session.execute(
        update(Target).values(lease_token=None, lease_until=None, rests_until=None),
        execution_options=NO_SYNC,
    )
    session.execute(delete(WatcherRound), execution_options=NO_SYNC)


def _end_backups(session: Session, taken_at: datetime, now: datetime) -> None:
    """Let no backup be at work, and none count as failed that was most likely completed.

    What is restored was still being made when its database was copied. Were it interrupted, the
    next backup would delete its file; nobody has checked it where it is stored, so the next one is
    due at once.
    """
    for row in session.scalars(select(Backup).where(Backup.state == BackupState.RUNNING)):
        made = MadeBackup(row.state, row.started_at, beat_at=row.beat_at)
        if made.is_at_work(taken_at):  # its process may have ended since
            row.state = BackupState.COMPLETED
        else:
            row.state = BackupState.INTERRUPTED
            row.error = "It was interrupted before the backup was made that was restored."
        row.holder, row.finished_at = None, now


def _raise_numbers(session: Session, taken_at: datetime, now: datetime) -> tuple[int, int]:
    """Leave numbers free that may have been given out; return the last number before and after."""
    counter = session.get_one(TicketCounter, 1, with_for_update=True)
    since = taken_at - timedelta(days=RATE_DAYS)
    lately = session.scalar(select(func.count()).where(Ticket.created_at > since)) or 0
    before = counter.last_number
    counter.last_number = raise_number(
        before, created_lately=lately, taken_at=taken_at, restored_at=now
    )
    return before, counter.last_number
