"""What every area has to know of a restore: messages are held, and tickets may exist outside."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from webapp.domain.incident import Incident
from webapp.domain.recovery.settle import outside_note
from webapp.models import Restore


def are_messages_free() -> ColumnElement[bool]:
    """SQL for "no restore holds messages back": whoever sends or escalates asks it."""
    return ~select(Restore.id).where(Restore.released_at.is_(None)).exists()


def are_messages_held(session: Session) -> bool:
    """Whether messages are held until a person has looked at what was restored."""
    return find_open_restore(session) is not None


def find_open_restore(session: Session) -> Restore | None:
    """Return the restore that nobody has released yet."""
    return session.scalars(
        select(Restore).where(Restore.released_at.is_(None)).order_by(Restore.id.desc()).limit(1)
    ).one_or_none()


@dataclass(frozen=True, slots=True)
class LastRestore:
    """When this database was restored last, and from a backup of when (UTC)."""

    taken_at: datetime
    restored_at: datetime


class CreatedSince(Protocol):
    """A connection, as far as it matters here."""

    @property
    def created_at(self) -> datetime:
        """Since when there is a row of it (UTC)."""


def read_last_restore(session: Session) -> LastRestore | None:
    """Return the newest restore; None where this database never was in a backup."""
    found = session.execute(
        select(Restore.taken_at, Restore.restored_at).order_by(Restore.id.desc()).limit(1)
    ).one_or_none()
    return None if found is None else LastRestore(*found)


def outside_notes(
    restore: LastRestore | None, incident: Incident, connection: CreatedSince
) -> Iterator[str]:
    """Yield a note if a new ticket's incident may have had one that the restore took away.

    That is so if it was sent before the restore, over a connection that is in the backup: polling
    may have been started since. An incident whose time is not known may have been.
    """
    if restore is None or connection.created_at > restore.taken_at:
        return
    if incident.sent_at is None or incident.sent_at <= restore.restored_at:
        yield outside_note(restore.taken_at, restore.restored_at, incident.id or "unknown")
