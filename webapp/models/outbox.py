"""What is to be told: escalations, the outbox of messages, and links that take a ticket."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.domain.incident import WORD_LENGTH
from webapp.extensions import Base
from webapp.models.columns import NAME_LENGTH, UtcDateTime
from webapp.models.target import Target
from webapp.models.user import User

EVENT_LENGTH = 40
KEY_LENGTH = 120


class OutboxState(StrEnum):
    """How far a row of the outbox has come; DROPPED is one that was not needed any more."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


_RUNNING = text("ended_at IS NULL")
_WAITING = text("state = 'pending'")
_SENT = text("sent_at IS NOT NULL")
_TRIED = text("message_key IS NOT NULL")
_PERSONAL = text("person_id IS NOT NULL")


class Escalation(Base):
    """A ticket that a policy tells of, step by step, until somebody takes it.

    `step` is the next step's place among the policy's steps, repetitions counted on; `due_at` is
    when it is due, None once no step is left. `person` is who did it, `previous_severity` what it
    was before it rose. `ended_at` and `end_reason` (`taken`, `closed`,
    `replaced`) say that nobody has to take it any more. `taken_by` is the person's name.
    """

    __tablename__ = "escalations"
    __table_args__ = (
        Index("ix_escalations_due", "due_at", sqlite_where=_RUNNING, postgresql_where=_RUNNING),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    policy_id: Mapped[int | None] = mapped_column(
        ForeignKey("notification_policies.id", ondelete="SET NULL"), index=True
    )
    event: Mapped[str] = mapped_column(String(EVENT_LENGTH))
    person: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    previous_severity: Mapped[str | None] = mapped_column(String(WORD_LENGTH))
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    step: Mapped[int] = mapped_column(Integer, default=0)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_reason: Mapped[str | None] = mapped_column(String(20))
    taken_by: Mapped[str | None] = mapped_column(String(NAME_LENGTH))


class OutboxRow(Base):
    """One thing that one target is told; rows with the same `message_key` are one message.

    `key` says what it is, so that the same is never told twice. `facts` are what is told, as they
    were when it happened. `bundle` names the rows of a target that become one message if they are
    due together. `person_id` is whom a take-it link is for. A row that is `pending` is sent when
    `due_at` and `next_try_at` have come; it ends as `sent`, `failed` or `dropped` (not needed any
    more), and `answer` says in words how.
    """

    __tablename__ = "notification_outbox"
    __table_args__ = (
        Index(
            "ix_notification_outbox_waiting",
            "target_id",
            "next_try_at",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index(
            "ix_notification_outbox_order",
            "target_id",
            "attempts",
            "id",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index("ix_notification_outbox_ticket", "ticket_id", "target_id"),
        Index("ix_notification_outbox_created", "created_at"),
        Index(
            "ix_notification_outbox_sent",
            "target_id",
            "sent_at",
            sqlite_where=_SENT,
            postgresql_where=_SENT,
        ),
        Index(
            "ix_notification_outbox_message_key",
            "message_key",
            sqlite_where=_TRIED,
            postgresql_where=_TRIED,
        ),
        Index(
            "ix_notification_outbox_person_id",
            "person_id",
            sqlite_where=_PERSONAL,
            postgresql_where=_PERSONAL,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(KEY_LENGTH), unique=True)
    message_key: Mapped[str | None] = mapped_column(String(40))
    target_id: Mapped[int | None] = mapped_column(
        ForeignKey("notification_targets.id", ondelete="SET NULL")
    )
    target_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    event: Mapped[str] = mapped_column(String(EVENT_LENGTH))
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id", ondelete="SET NULL"))
    escalation_id: Mapped[int | None] = mapped_column(
        ForeignKey("escalations.id", ondelete="SET NULL"), index=True
    )
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    is_urgent: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    bundle: Mapped[str | None] = mapped_column(String(KEY_LENGTH))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(10), default=OutboxState.PENDING)
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    next_try_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[str | None] = mapped_column(Text)

    target: Mapped[Target | None] = relationship()


class TakeLink(Base):
    """A link with which one person takes one ticket; only the token's SHA-256 is stored."""

    __tablename__ = "take_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship()
