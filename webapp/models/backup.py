"""Backups that were made, and restores that people have to look at."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base
from webapp.models.columns import UtcDateTime, reference
from webapp.models.connection import LEASE_HOLDER_LENGTH


class Backup(Base):
    """A backup into one place; `verified_at` says when its file was really opened and compared.

    While it is made, `holder` names the process that makes it, and `beat_at` is when that last said
    so. `removed_at` is when the file was deleted because it is kept no longer or not whole, or when
    it was known that there is none; without it the file may be there. A backup that was being made
    when a database was copied that was restored later is completed and not verified.
    """

    __tablename__ = "backups"

    id: Mapped[int] = mapped_column(primary_key=True)
    trigger: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    place: Mapped[str] = mapped_column(String(500))
    file_name: Mapped[str] = mapped_column(String(255))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    size: Mapped[int | None] = mapped_column(BigInteger)
    holder: Mapped[str | None] = mapped_column(String(LEASE_HOLDER_LENGTH))
    beat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Text)
    manifest: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class Restore(Base):
    """This database came from a backup; until somebody releases it, no message is sent."""

    __tablename__ = "restores"

    id: Mapped[int] = mapped_column(primary_key=True)
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)
    restored_at: Mapped[datetime] = mapped_column(UtcDateTime)
    file_name: Mapped[str] = mapped_column(String(255))
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    released_by_id: Mapped[int | None] = reference("users.id")
