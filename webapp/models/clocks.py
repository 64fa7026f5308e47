"""Within what time tickets should be touched and closed, and the desk's opening hours."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, ForeignKey, Integer, String, false
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base
from webapp.models.columns import UtcDateTime


class TimeTarget(Base):
    """The targets of a priority in minutes; None where there is none.

    With `is_around_the_clock` they count at every hour, else in the desk's opening hours.
    """

    __tablename__ = "time_targets"

    priority_id: Mapped[int] = mapped_column(
        ForeignKey("priorities.id", ondelete="CASCADE"), primary_key=True
    )
    touch_minutes: Mapped[int | None] = mapped_column(Integer)
    close_minutes: Mapped[int | None] = mapped_column(Integer)
    is_around_the_clock: Mapped[bool] = mapped_column(
        Boolean, default=False, server_default=false()
    )


class OpeningHours(Base):
    """The single row of the desk's opening hours.

    `days` holds, for each weekday from Monday, the periods of the day as pairs of texts such as
    `08:00`; `holidays` are dates such as `2026-12-25`. After `changed_at` (UTC), when targets or
    hours were last changed, the open tickets get their new times in the order of their ids:
    `recomputed_to` is the last one that has them, None once all have.
    """

    __tablename__ = "opening_hours"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    zone: Mapped[str] = mapped_column(String(64))
    days: Mapped[list[Any]] = mapped_column(JSON)
    holidays: Mapped[list[Any]] = mapped_column(JSON)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recomputed_to: Mapped[int | None] = mapped_column(Integer)
