"""The desk: tickets and what is needed around them."""

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

from webapp.extensions import Base
from webapp.models.columns import UtcDateTime, reference
from webapp.models.user import User

TITLE_LENGTH = 255
NAME_LENGTH = 200
SOURCE_HUNTRESS = "huntress"
SOURCE_MANUAL = "manual"
INTERNAL_NOTE = "internal_note"
_LIST_FILTERS = (
    *("closed_at", "board_id", "client_id", "assignee_id", "status_id", "source"),
    *("is_unmapped", "first_touched_at"),
)
"""What the ticket list is filtered by: with it in the index, counting reads no tickets."""


class Client(Base):
    """A customer of the MSP."""

    __tablename__ = "clients"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=text("true"))
    notes: Mapped[str] = mapped_column(Text, default="", server_default="")
    external_reference: Mapped[str | None] = mapped_column(String(NAME_LENGTH))


class Board(Base):
    """A queue of tickets."""

    __tablename__ = "boards"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=text("true"))


class Category(Base):
    """A category of one board; a subcategory has a parent."""

    __tablename__ = "categories"
    __table_args__ = (
        UniqueConstraint("board_id", "parent_id", "name"),
        Index(
            "uq_categories_top_level",  # to a constraint, one "no parent" differs from another
            "board_id",
            "name",
            unique=True,
            sqlite_where=text("parent_id IS NULL"),
            postgresql_where=text("parent_id IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    board_id: Mapped[int] = reference("boards.id")
    parent_id: Mapped[int | None] = reference("categories.id")
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=text("true"))


class Priority(Base):
    """How urgent a ticket is; the lowest `position` is the most urgent."""

    __tablename__ = "priorities"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    position: Mapped[int] = mapped_column(Integer)
    colour: Mapped[str] = mapped_column(String(20))


class Status(Base):
    """A state of a ticket; exactly one is the default, and it is an open one."""

    __tablename__ = "statuses"
    __table_args__ = (
        CheckConstraint("not (is_default and is_closed)", name="default_is_open"),
        Index(
            "uq_statuses_one_default",
            "is_default",
            unique=True,
            sqlite_where=text("is_default"),
            postgresql_where=text("is_default"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    is_closed: Mapped[bool] = mapped_column(Boolean, default=False)
    is_default: Mapped[bool] = mapped_column(Boolean, default=False)
    position: Mapped[int] = mapped_column(Integer)


class Asset(Base):
    """A machine of a client."""

    __tablename__ = "assets"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = reference("clients.id")
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    hostname_key: Mapped[str] = mapped_column(String(NAME_LENGTH), index=True)
    serial_number: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    type: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    asset_tag: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=text("true"))

    client: Mapped[Client] = relationship()


class TicketCounter(Base):
    """The one row that ticket numbers come from."""

    __tablename__ = "ticket_counters"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    prefix: Mapped[str] = mapped_column(String(20))
    last_number: Mapped[int] = mapped_column(Integer)


class Ticket(Base):
    """A piece of work."""

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
        Index("uq_tickets_form_token", "form_token", unique=True),  # one form, one ticket
        Index(
            "ix_tickets_open",  # by age; and all that the dashboard asks of open tickets
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
    external_url: Mapped[str | None] = mapped_column(String(2000))
    is_unmapped: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_touched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    priority_set_by_person_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    text_edited_by_person_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    form_token: Mapped[str | None] = mapped_column(String(64))

    client: Mapped[Client] = relationship()
    board: Mapped[Board] = relationship()
    status: Mapped[Status] = relationship()
    priority: Mapped[Priority] = relationship()
    assignee: Mapped[User | None] = relationship()
    category: Mapped[Category | None] = relationship(foreign_keys=[category_id])
    subcategory: Mapped[Category | None] = relationship(foreign_keys=[subcategory_id])


class Comment(Base):
    """An entry of a ticket's timeline; without an author the system wrote it."""

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
    """A machine that a ticket is about."""

    __tablename__ = "ticket_assets"

    ticket_id: Mapped[int] = mapped_column(
        ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True
    )
    asset_id: Mapped[int] = reference("assets.id", primary_key=True)
