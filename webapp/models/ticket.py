"""Tickets, their numbers and timeline, and the machines they are about."""

from datetime import datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.domain.ticket_text import TITLE_LENGTH
from webapp.extensions import Base
from webapp.models.columns import NAME_LENGTH, UtcDateTime, reference
from webapp.models.desk import Board, Category, Client, Priority, Status
from webapp.models.user import User

SOURCE_HUNTRESS = "huntress"
SOURCE_MANUAL = "manual"
INTERNAL_NOTE = "internal_note"
URL_LENGTH = 2_000
_LIST_FILTERS = (
    *("closed_at", "board_id", "client_id", "assignee_id", "status_id", "source"),
    *("is_unmapped", "first_touched_at"),
)
"""The columns that the ticket list filters by; as the index holds them, counts read no tickets."""


class TicketCounter(Base):
    """The single row that ticket numbers are taken from."""

    __tablename__ = "ticket_counters"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    prefix: Mapped[str] = mapped_column(String(20))
    last_number: Mapped[int] = mapped_column(Integer)


class Ticket(Base):
    """A piece of work.

    One that `is_muted` was made while its client was muted, so nobody was told of it. One that
    `is_drill` is made up, and counts in no figure.
    """

    __tablename__ = "tickets"
    __table_args__ = (
        UniqueConstraint("connection_id", "source_reference"),
        Index("ix_tickets_status_id_created_at", "status_id", "created_at"),
        Index("ix_tickets_updated_at", "updated_at", "id"),
        *(
            Index(
                f"ix_tickets_{state}_{name}",
                *columns,
                sqlite_where=text(condition),
                postgresql_where=text(condition),
            )
            for state, condition in (
                ("open", "closed_at IS NULL"),
                ("closed", "closed_at IS NOT NULL"),
            )
            for name, columns in (
                ("priority", ("priority_id", "created_at", "id", *_LIST_FILTERS)),
                ("updated", ("updated_at", "id")),
            )
        ),
        Index(
            "ix_tickets_closed_created",
            "created_at",
            "id",
            sqlite_where=text("closed_at IS NOT NULL"),
            postgresql_where=text("closed_at IS NOT NULL"),
        ),
        Index("uq_tickets_form_token", "form_token", unique=True),  # one ticket per form
        Index(
            "ix_tickets_open",  # ordered by age, with all columns that the dashboard reads
            "created_at",
            "id",
            "priority_id",
            "first_touched_at",
            "assignee_id",
            "board_id",
            "is_unmapped",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(
            "ix_tickets_first_touched_at",
            "first_touched_at",
            "created_at",
            "source",
            "id",
            sqlite_where=text("first_touched_at IS NOT NULL"),
            postgresql_where=text("first_touched_at IS NOT NULL"),
        ),
        Index(
            "ix_tickets_closed_at",
            "closed_at",
            "created_at",
            "source",
            "id",
            sqlite_where=text("closed_at IS NOT NULL"),
            postgresql_where=text("closed_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    title: Mapped[str] = mapped_column(String(TITLE_LENGTH))
    description: Mapped[str] = mapped_column(Text)
    client_id: Mapped[int] = reference("clients.id")
    board_id: Mapped[int] = reference("boards.id")
    status_id: Mapped[int] = reference("statuses.id", index=False)
    priority_id: Mapped[int] = reference("priorities.id")
    category_id: Mapped[int | None] = reference("categories.id")
    subcategory_id: Mapped[int | None] = reference("categories.id")
    assignee_id: Mapped[int | None] = reference("users.id")
    source: Mapped[str] = mapped_column(String(20))
    connection_id: Mapped[int | None] = reference("connections.id", index=False)
    source_reference: Mapped[str | None] = mapped_column(String(100))
    external_reference: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    external_url: Mapped[str | None] = mapped_column(String(URL_LENGTH))
    is_unmapped: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    is_move_declined: Mapped[bool] = mapped_column(
        Boolean, default=False, server_default=text("false")
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_touched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    priority_set_by_person_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    text_edited_by_person_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    form_token: Mapped[str | None] = mapped_column(String(64))
    is_muted: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    is_drill: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))

    client: Mapped[Client] = relationship()
    board: Mapped[Board] = relationship()
    status: Mapped[Status] = relationship()
    priority: Mapped[Priority] = relationship()
    assignee: Mapped[User | None] = relationship()
    category: Mapped[Category | None] = relationship(foreign_keys=[category_id])
    subcategory: Mapped[Category | None] = relationship(foreign_keys=[subcategory_id])


class Comment(Base):
    """An entry of a ticket's timeline; without an author, the system wrote it."""

    __tablename__ = "comments"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    author_id: Mapped[int | None] = reference("users.id")
    kind: Mapped[str] = mapped_column(String(30), default=INTERNAL_NOTE)
    is_internal: Mapped[bool] = mapped_column(Boolean, default=True)
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    author: Mapped[User | None] = relationship()


class TicketAsset(Base):
    """The link between a ticket and a machine that it is about."""

    __tablename__ = "ticket_assets"

    ticket_id: Mapped[int] = mapped_column(
        ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True
    )
    asset_id: Mapped[int] = reference("assets.id", primary_key=True)
