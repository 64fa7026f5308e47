"""The inbox: fetched incident reports that wait to be processed."""

from datetime import datetime

from sqlalchemy import Boolean, Computed, Index, Integer, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base
from webapp.models.columns import UtcDateTime, reference


class InboxRow(Base):
    """The newest known report of one incident that is not processed yet.

    `external_key` is the incident's id, or `sha256:` and the hash of the content if there is no id.
    `version` grows with every change of the row; the row is only removed in the version that was
    processed. `in_flight_token` is the lease of the run that took the row last. `is_reduced` says
    that only a part of the report is kept because its organization is excluded; `content_hash` is
    the hash of this part then. Rows are processed by `sort_at`, which is `updated_at`, or
    `fetched_at` if that is null.
    """

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("connection_id", "external_key"),
        Index("ix_inbox_order", "connection_id", "attempts", "sort_at", "id"),
        Index(
            "ix_inbox_waiting",
            "connection_id",
            "quarantined_at",
            "dismissed_at",
            "first_fetched_at",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = reference("connections.id", index=False)
    external_key: Mapped[str] = mapped_column(String(100))
    payload: Mapped[str] = mapped_column(Text)
    content_hash: Mapped[str] = mapped_column(String(64))
    is_reduced: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    updated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    first_fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sort_at: Mapped[datetime] = mapped_column(
        UtcDateTime, Computed("coalesce(updated_at, fetched_at)", persisted=True)
    )
    version: Mapped[int] = mapped_column(Integer, default=1)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Text)
    in_flight_token: Mapped[str | None] = mapped_column(String(32))
    quarantined_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    dismissed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    dismissed_by_id: Mapped[int | None] = reference("users.id", index=False)
    dismissed_reason: Mapped[str | None] = mapped_column(Text)
