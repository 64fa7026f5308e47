"""What the watcher keeps: alarms, drills, and the daily proof that nothing was missed."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from webapp.domain.watch.drill import DRILL_PREFIX
from webapp.extensions import Base
from webapp.models.columns import UtcDateTime, reference
from webapp.models.inbox import InboxRow
from webapp.models.ticket import Ticket

_ONGOING = text("ended_at IS NULL")


class Alarm(Base):
    """A condition that held from `began_at` to `ended_at`; at most one of a kind and subject does.

    `subject` says of what it holds (`connection:3`), empty where there is only one. `sentence` says
    what is wrong. `clear_since` is when the condition was first seen gone, None while it holds:
    an alarm ends a while after. `last_told_at` is when it was last told, None if it was not yet or
    need not be, because its cause is an alarm itself (`inhibited_by`).
    """

    __tablename__ = "alarms"
    __table_args__ = (
        Index(
            "ix_alarms_ongoing",
            "kind",
            "subject",
            unique=True,
            sqlite_where=_ONGOING,
            postgresql_where=_ONGOING,
        ),
        Index("ix_alarms_began_at", "began_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(100), default="")
    sentence: Mapped[str] = mapped_column(Text)
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    clear_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    told: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    inhibited_by: Mapped[str | None] = mapped_column(String(40))


class WatcherRound(Base):
    """The last round of a watcher, by the machine that it runs on."""

    __tablename__ = "watcher_rounds"

    machine: Mapped[str] = mapped_column(String(200), primary_key=True)
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heartbeat_answer: Mapped[str | None] = mapped_column(Text)


class Drill(Base):
    """A made-up report on its way through the real chain; `stations` holds when each was reached.

    `stations` maps a station's name to its time (ISO 8601, UTC). `failed_at` names the station that
    was not reached in time.
    """

    __tablename__ = "drills"

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = reference("connections.id", index=False)
    external_key: Mapped[str] = mapped_column(String(100), unique=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id", ondelete="SET NULL"))
    started_by_id: Mapped[int | None] = reference("users.id", index=False)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    stations: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed_at: Mapped[str | None] = mapped_column(String(40))
    problem: Mapped[str | None] = mapped_column(Text)


def is_no_drill() -> ColumnElement[bool]:
    """SQL for "this ticket is no drill", for figures.

    It asks the few drills and not the tickets, so that figures can still be read from an index.
    """
    return Ticket.id.not_in(select(Drill.ticket_id).where(Drill.ticket_id.is_not(None)))


def is_no_drill_report() -> ColumnElement[bool]:
    """SQL for "this row of the inbox came from Huntress"; drills have an alarm of their own."""
    return ~InboxRow.external_key.startswith(DRILL_PREFIX)


class Proof(Base):
    """One comparison of everything that Huntress lists with our books.

    The counts add up to `listed`; `healed` counts the unexplained ones that were put into the
    inbox. `unexplained_ids` holds their ids. `calls` is the number of calls that the walk cost.
    """

    __tablename__ = "proofs"
    __table_args__ = (
        UniqueConstraint("connection_id", "started_at"),
        Index("ix_proofs_day", "connection_id", "day"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = reference("connections.id", index=False)
    day: Mapped[date] = mapped_column(Date)
    days: Mapped[int] = mapped_column(Integer)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_by_id: Mapped[int | None] = reference("users.id", index=False)
    calls: Mapped[int] = mapped_column(Integer, default=0)
    listed: Mapped[int] = mapped_column(Integer, default=0)
    ticketed: Mapped[int] = mapped_column(Integer, default=0)
    excluded: Mapped[int] = mapped_column(Integer, default=0)
    closed: Mapped[int] = mapped_column(Integer, default=0)
    recorded: Mapped[int] = mapped_column(Integer, default=0)
    quarantined: Mapped[int] = mapped_column(Integer, default=0)
    unexplained: Mapped[int] = mapped_column(Integer, default=0)
    healed: Mapped[int] = mapped_column(Integer, default=0)
    unexplained_ids: Mapped[list[str]] = mapped_column(JSON, default=list)
    error: Mapped[str | None] = mapped_column(Text)
