"""Who is on call: one rotation, and the times in which somebody else is."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.extensions import Base
from webapp.models.columns import NAME_LENGTH, UtcDateTime, reference
from webapp.models.user import User


class OnCallRotation(Base):
    """The single rotation; `starts_at` is when the person at position 0 is on call first.

    Handover is every day or every week at the time of day that `starts_at` has in `time_zone`.
    `feed_hash` is the SHA-256 of the secret in the calendar's address.
    """

    __tablename__ = "on_call_rotation"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    time_zone: Mapped[str] = mapped_column(String(64))
    every: Mapped[str] = mapped_column(String(10))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    feed_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OnCallMember(Base):
    """The place of a person in the rotation."""

    __tablename__ = "on_call_members"

    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)

    user: Mapped[User] = relationship()


class OnCallOverride(Base):
    """A time in which `user_id` is on call instead of whoever the rotation names.

    The newest override of a moment counts. A swap is two of them.
    """

    __tablename__ = "on_call_overrides"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    reason: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    created_by_id: Mapped[int | None] = reference("users.id", index=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(foreign_keys=[user_id])
