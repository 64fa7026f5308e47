"""How long each kind of record is kept, and what is erased before that because somebody asked."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Integer, Select, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base
from webapp.models.columns import UtcDateTime, reference


class RetentionAge(Base):
    """The days that a kind of record is kept where people chose so; without days, for ever."""

    __tablename__ = "retention_ages"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), unique=True)
    days: Mapped[int | None] = mapped_column(Integer)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Erasure(Base):
    """A client or a person (`kind`) that is being forgotten, or was.

    Everything that is erased is found by what is still there, so that an interrupted erasure goes
    on where it stopped. `words` are names to look for where no id leads; they are gone once it has
    finished. `counts` says how many rows of what were erased. `wiped_at` is when the database's
    files held nothing of it any more.
    """

    __tablename__ = "erasures"
    __table_args__ = (UniqueConstraint("kind", "subject_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int] = mapped_column(Integer)
    requested_by_id: Mapped[int | None] = reference("users.id")
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    words: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    counts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    wiped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def find_erasure_of(kind: str, subject_id: int) -> Select[int]:
    """SQL for the id of the erasure of a client or person; there is none of most."""
    return select(Erasure.id).where(Erasure.kind == kind, Erasure.subject_id == subject_id)
