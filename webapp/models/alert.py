"""Alert: our record of an incident, with a ticket or without one."""

from datetime import datetime

from sqlalchemy import Boolean, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base
from webapp.models.columns import UtcDateTime, reference


class Alert(Base):
    """What is recorded of an incident; `status` and `severity` are Huntress's words.

    `was_closed` is its last state that was open or closed ("deleting" and "deleted" are neither).
    `processed_at` is the newest usable `updated_at`; `observed_at` is when it was last read,
    `checked_at` when it was last asked for by its id without success.
    `details_pending` says that host details or an organization name are still to be filled in.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("connection_id", "external_alert_id"),
        Index(
            "ix_alerts_details_pending",
            "connection_id",
            sqlite_where=text("details_pending"),
            postgresql_where=text("details_pending"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = reference("connections.id", index=False)
    external_alert_id: Mapped[str] = mapped_column(String(100))
    ticket_id: Mapped[int | None] = reference("tickets.id")
    status: Mapped[str | None] = mapped_column(String(60))
    severity: Mapped[str | None] = mapped_column(String(60))
    was_closed: Mapped[bool] = mapped_column(Boolean, default=False)
    reason: Mapped[str | None] = mapped_column(String(30))
    is_incomplete: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    message: Mapped[str | None] = mapped_column(Text)
    organization_external_id: Mapped[str | None] = mapped_column(String(64), index=True)
    agent_external_id: Mapped[str | None] = mapped_column(String(64), index=True)
    device_name: Mapped[str | None] = mapped_column(String(255))
    triggered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    processed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    observed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    content_hash: Mapped[str | None] = mapped_column(String(64))
    raw_report: Mapped[str | None] = mapped_column(Text)
    details_pending: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
