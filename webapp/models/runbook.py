"""Runbooks, the checklists that tickets have of them, and canned notes."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    ForeignKey,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.extensions import Base
from webapp.models.columns import NAME_LENGTH, UtcDateTime, reference
from webapp.models.user import User


class Runbook(Base):
    """A checklist in Markdown for new tickets whose incident fits; the lowest `position` wins.

    `kinds` (indicator types), `severities` and `platforms` are words of Huntress in lower case; an
    empty list fits everything. `key` names one that came with the product. `version` is that of the
    present text.
    """

    __tablename__ = "runbooks"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str | None] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    kinds: Mapped[list[Any]] = mapped_column(JSON)
    severities: Mapped[list[Any]] = mapped_column(JSON)
    platforms: Mapped[list[Any]] = mapped_column(JSON)
    position: Mapped[int] = mapped_column(Integer)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=text("true"))
    version: Mapped[int] = mapped_column(Integer, default=1)
    body: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RunbookVersion(Base):
    """A text that a runbook has or had; None as its author means that it came with the product."""

    __tablename__ = "runbook_versions"
    __table_args__ = (UniqueConstraint("runbook_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    runbook_id: Mapped[int] = mapped_column(ForeignKey("runbooks.id", ondelete="CASCADE"))
    version: Mapped[int] = mapped_column(Integer)
    body: Mapped[str] = mapped_column(Text)
    author_id: Mapped[int | None] = reference("users.id")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    author: Mapped[User | None] = relationship()


class TicketRunbook(Base):
    """The runbook of a ticket, as it was when it was attached."""

    __tablename__ = "ticket_runbooks"
    __table_args__ = (UniqueConstraint("ticket_id", "runbook_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    runbook_id: Mapped[int | None] = mapped_column(
        ForeignKey("runbooks.id", ondelete="SET NULL"), index=True
    )
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    version: Mapped[int] = mapped_column(Integer)
    body: Mapped[str] = mapped_column(Text)
    attached_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TicketStep(Base):
    """A step of a ticket's runbook that is done; `position` counts its steps from 0."""

    __tablename__ = "ticket_steps"

    ticket_runbook_id: Mapped[int] = mapped_column(
        ForeignKey("ticket_runbooks.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    done_at: Mapped[datetime] = mapped_column(UtcDateTime)
    done_by_id: Mapped[int] = reference("users.id")

    done_by: Mapped[User] = relationship()


class CannedNote(Base):
    """A note that people start from; it has placeholders such as `{host}`."""

    __tablename__ = "canned_notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    body: Mapped[str] = mapped_column(Text)
    position: Mapped[int] = mapped_column(Integer)
