"""The audit log: who did what, when and from where, with the values before and after.

A secret appears only as "changed". Events are only ever added; a chain of hashes behind them shows
whether one was changed, deleted or slipped in later.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base
from webapp.models.columns import UtcDateTime, reference
from webapp.models.user import ADDRESS_LENGTH, REFERENCE_LENGTH

RECEIVER_LENGTH = 300


class AuditEvent(Base):
    """One thing that happened; without an actor, the system or a command made it.

    `address`, `session_ref` and `device_ref` say where a person was. `redacted_at` is when the
    details were erased together with what they told of.
    """

    __tablename__ = "audit_events"
    __table_args__ = (Index("ix_audit_events_subject", "subject_type", "subject_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    happened_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor_id: Mapped[int | None] = reference("users.id")
    action: Mapped[str] = mapped_column(String(60))
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str | None] = mapped_column(String(100))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    address: Mapped[str | None] = mapped_column(String(ADDRESS_LENGTH))
    session_ref: Mapped[str | None] = mapped_column(String(REFERENCE_LENGTH))
    device_ref: Mapped[str | None] = mapped_column(String(REFERENCE_LENGTH))
    redacted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuditLink(Base):
    """One link of the chain: its hash is made of the link before and of one event.

    The details of the event go into the hash by `details_digest`, which was made with
    `details_salt`. Erasing details takes the salt as well, so that the digest tells nothing of them
    while the chain still holds.
    """

    __tablename__ = "audit_chain"

    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(Integer, unique=True)
    details_salt: Mapped[str | None] = mapped_column(String(32))
    details_digest: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    chained_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AuditPruning(Base):
    """Events up to `through_event_id` were deleted because they are kept no longer.

    The chain begins again after `position`, whose hash was `hash`.
    """

    __tablename__ = "audit_prunings"

    id: Mapped[int] = mapped_column(primary_key=True)
    through_event_id: Mapped[int] = mapped_column(Integer)
    position: Mapped[int] = mapped_column(Integer)
    hash: Mapped[str] = mapped_column(String(64))
    pruned_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AuditSeal(Base):
    """The chain's end as it was when a day (UTC) was over, and whether it has left the machine."""

    __tablename__ = "audit_seals"

    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, unique=True)
    position: Mapped[int] = mapped_column(Integer)
    hash: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Text)


class AuditForward(Base):
    """How far events were sent to a receiver: all up to `position`; that link had this `hash`."""

    __tablename__ = "audit_forwards"

    id: Mapped[int] = mapped_column(primary_key=True)
    receiver: Mapped[str] = mapped_column(String(RECEIVER_LENGTH), unique=True)
    position: Mapped[int] = mapped_column(Integer)
    hash: Mapped[str | None] = mapped_column(String(64))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Text)
