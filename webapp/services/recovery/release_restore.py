"""Releasing a restore: somebody has looked, and messages go out again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import OutboxRow, Restore
from webapp.models.outbox import OutboxState
from webapp.services.audit import record_event
from webapp.services.errors import RefusedError
from webapp.services.notices.write_rows import lock_rows
from webapp.services.restored import find_open_restore
from webapp.services.transactions import FOR_CHANGE, NO_SYNC, reading, transaction

NOT_HELD = "No restore holds messages; there is nothing to release."
DROPPED_WORDS = (
    "Not sent: it waited in the backup that was restored, and was most likely sent before."
)


@dataclass(frozen=True, slots=True)
class OpenRestore:
    """A restore that holds messages; `waiting` counts those that waited in the backup already."""

    taken_at: datetime
    restored_at: datetime
    file_name: str
    waiting: int

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "taken_at": self.taken_at.isoformat(),
            "restored_at": self.restored_at.isoformat(),
            "file": self.file_name,
            "waiting": self.waiting,
        }


def read_open_restore() -> OpenRestore | None:
    """Return the restore that holds messages, None where none does."""
    with reading() as session:
        found = find_open_restore(session)
        if found is None:
            return None
        waiting = session.scalar(select(func.count()).where(*_waited(found)))
        return OpenRestore(found.taken_at, found.restored_at, found.file_name, waiting or 0)


def release_restore(*, drops_waiting: bool, actor_id: int | None = None) -> int:
    """Let messages go out again; return how many of the backup were dropped.

    With `drops_waiting` what waited when the backup was made is not sent. What came since the
    restore is sent in any case, and escalations go on. Raises RefusedError where nothing is held.
    """
    now = clock.utcnow()
    with transaction() as session:
        found = find_open_restore(session)
        if found is None:
            raise RefusedError(NOT_HELD)
        restore = session.get_one(
            Restore, found.id, with_for_update=FOR_CHANGE, populate_existing=True
        )
        if restore.released_at is not None:
            raise RefusedError(NOT_HELD)
        dropped = _drop_waiting(session, restore) if drops_waiting else 0
        restore.released_at, restore.released_by_id = now, actor_id
        record_event(
            session,
            action="restore.released",
            subject_type="restore",
            subject_id=restore.id,
            after={"dropped_messages": dropped},
            actor_id=actor_id,
        )
    return dropped


def _drop_waiting(session: Session, restore: Restore) -> int:
    lock_rows(session, *_waited(restore))
    dropped = session.execute(
        update(OutboxRow)
        .where(*_waited(restore))
        .values(state=OutboxState.DROPPED, answer=DROPPED_WORDS),
        execution_options=NO_SYNC,
    )
    return int(dropped.rowcount)  # type: ignore[attr-defined]


def _waited(restore: Restore) -> tuple[ColumnElement[bool], ...]:
    """SQL for what waited to be sent when the backup was made."""
    return OutboxRow.state == OutboxState.PENDING, OutboxRow.created_at < restore.restored_at
