"""One poll cycle: its results and, while it runs, its progress."""

from datetime import datetime

from sqlalchemy import JSON, Float, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base
from webapp.models.columns import UtcDateTime, reference

RUNNING = "running"
COMPLETED = "completed"
ERROR = "error"
INTERRUPTED = "interrupted"
SKIPPED = "skipped"

COUNTS = (
    "collected",
    "created",
    "noted",
    "closed",
    "reopened",
    "recorded",
    "skipped",
    "failed",
    "quarantined",
    "missed_open",
)
"""The counters of a run, in the order in which people see them."""


class PollRun(Base):
    """One cycle of a connection; `state` is RUNNING, COMPLETED, ERROR, INTERRUPTED or SKIPPED.

    `recorded_reasons` says how many of the `recorded` incidents got no ticket for which reason
    (`domain.plan.Reason`). Consecutive skips for the same reason update one row (`repeats`,
    `finished_at`).
    """

    __tablename__ = "poll_runs"
    __table_args__ = (
        Index("ix_poll_runs_connection_id_started_at", "connection_id", "started_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = reference("connections.id", index=False)
    lease_token: Mapped[str | None] = mapped_column(String(32), unique=True)
    trigger: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[int | None] = reference("users.id", index=False)
    state: Mapped[str] = mapped_column(String(20))
    phase: Mapped[str | None] = mapped_column(String(20))
    done: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    total: Mapped[int | None] = mapped_column(Integer)
    waiting: Mapped[str | None] = mapped_column(String(200))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    collected: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    created: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    noted: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    closed: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    reopened: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    recorded: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    skipped: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    failed: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    quarantined: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    missed_open: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    recorded_reasons: Mapped[dict[str, int] | None] = mapped_column(JSON)
    api_calls: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    waited_seconds: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    is_sweep: Mapped[bool] = mapped_column(default=False, server_default="false")
    cursor_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cursor_after: Mapped[datetime | None] = mapped_column(UtcDateTime)
    skip_reason: Mapped[str | None] = mapped_column(String(40))
    repeats: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    error: Mapped[str | None] = mapped_column(Text)

    @property
    def counts(self) -> dict[str, int]:
        """The counters by name, and what was recorded without a ticket by its reason."""
        counted = {name: getattr(self, name) for name in COUNTS}
        return {**counted, **(self.recorded_reasons or {})}
