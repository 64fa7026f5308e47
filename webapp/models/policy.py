"""Who is told what: policies with their steps, and the settings that all messages share."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Integer,
    String,
    Table,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.extensions import Base
from webapp.models.columns import NAME_LENGTH, UtcDateTime, reference
from webapp.models.encrypted import EncryptedText
from webapp.models.target import Target

step_targets = Table(
    "notification_step_targets",
    Base.metadata,
    Column(
        "step_id",
        ForeignKey("notification_policy_steps.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column(
        "target_id",
        ForeignKey("notification_targets.id", ondelete="RESTRICT"),
        primary_key=True,
        index=True,
    ),
)
"""Which targets a step tells; a target that a policy uses cannot be deleted."""


class Policy(Base):
    """Who is told of which events; the first enabled policy that fits an event, by position, is it.

    `conditions` is what `domain.notices.policy.Conditions` reads. Without steps, an incident only
    appears in the daily summary. The last step is repeated `repeats` times.
    """

    __tablename__ = "notification_policies"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    position: Mapped[int] = mapped_column(Integer)
    is_enabled: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    conditions: Mapped[dict[str, Any]] = mapped_column(JSON)
    repeats: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    steps: Mapped[list["PolicyStep"]] = relationship(
        order_by="PolicyStep.position", cascade="all, delete-orphan", passive_deletes=True
    )


class PolicyStep(Base):
    """Whom a policy tells `after_minutes` after the step before (the first: after the event)."""

    __tablename__ = "notification_policy_steps"

    id: Mapped[int] = mapped_column(primary_key=True)
    policy_id: Mapped[int] = mapped_column(
        ForeignKey("notification_policies.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int] = mapped_column(Integer)
    after_minutes: Mapped[int] = mapped_column(Integer, default=0)
    tells_on_call: Mapped[bool] = mapped_column(Boolean, default=False)
    tells_everybody: Mapped[bool] = mapped_column(Boolean, default=False)

    targets: Mapped[list[Target]] = relationship(secondary=step_targets, order_by=Target.id)


class NotificationSettings(Base):
    """The single row of settings that all messages share.

    `quiet_hours` and `holidays` are read by `domain.notices.hours`. Times of day are in
    `time_zone`. `policies_offered_at` is when somebody took or declined the policies that are
    offered.
    """

    __tablename__ = "notification_settings"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC", server_default="UTC")
    quiet_hours: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    holidays: Mapped[list[str]] = mapped_column(JSON, default=list)
    policies_offered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # The mail server
    mail_host: Mapped[str | None] = mapped_column(String(255))
    mail_port: Mapped[int] = mapped_column(Integer, default=587, server_default="587")
    mail_security: Mapped[str] = mapped_column(
        String(10), default="starttls", server_default="starttls"
    )
    mail_user: Mapped[str | None] = mapped_column(String(255))
    mail_password: Mapped[str | None] = mapped_column(
        EncryptedText("notification_settings.mail_password")
    )
    mail_sender: Mapped[str | None] = mapped_column(String(255))
    mail_subject: Mapped[str | None] = mapped_column(String(200))

    # Summaries and drills
    daily_summary_at: Mapped[str | None] = mapped_column(String(5))
    weekly_summary_on: Mapped[int | None] = mapped_column(Integer)
    last_daily_summary_for: Mapped[date | None] = mapped_column(Date)
    last_weekly_summary_for: Mapped[date | None] = mapped_column(Date)
    drill_every_days: Mapped[int | None] = mapped_column(Integer)
    updated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ClientMute(Base):
    """A time in which the tickets of a client are made and marked, and nobody is told of them."""

    __tablename__ = "client_mutes"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"), index=True)
    reason: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    created_by_id: Mapped[int | None] = reference("users.id", index=False)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by_id: Mapped[int | None] = reference("users.id", index=False)
