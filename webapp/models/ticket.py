"""Tickets, their numbers and timeline, and the machines they are about."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
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
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, query_expression, relationship

from webapp.domain.ticket_text import TITLE_LENGTH
from webapp.extensions import Base
from webapp.models.columns import NAME_LENGTH, UtcDateTime, reference
from webapp.models.desk import Board, Category, Client, Priority, Status
from webapp.models.user import User

SOURCE_HUNTRESS = "huntress"
SOURCE_MANUAL = "manual"
INTERNAL_NOTE = "internal_note"
DUPLICATE_NOTE = "duplicate_note"
"""The kind of an entry that tells an original what happened to a duplicate's incident; its
`details` name the duplicate's `ticket_id`."""
MACHINE_WRITTEN = "is_machine_written"
"""In the details of a note that was written for a person, who did what it tells."""

URL_LENGTH = 2_000
WAITING_REASON_LENGTH = 200
_LIST_FILTERS = (
    *("closed_at", "board_id", "client_id", "assignee_id", "status_id", "source"),
    *("is_unmapped", "untouched_since"),
)
"""The columns that the ticket list filters by; as the index holds them, counts read no tickets."""


class TicketCounter(Base):
    """The single row that ticket numbers are taken from."""

    __tablename__ = "ticket_counters"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    prefix: Mapped[str] = mapped_column(String(20))
    last_number: Mapped[int] = mapped_column(Integer)


def _created_at(context: DefaultExecutionContext) -> datetime | None:
    """The default of what a new ticket takes from its creation."""
    time: datetime | None = context.get_current_parameters().get("created_at")  # type: ignore[no-untyped-call]
    return time


def _untouched_since(context: DefaultExecutionContext) -> datetime | None:
    """A new ticket waits from its creation on, unless it is made as a touched one."""
    values = context.get_current_parameters()  # type: ignore[no-untyped-call]
    return _created_at(context) if values.get("first_touched_at") is None else None


class Ticket(Base):
    """A piece of work.

    One that `is_muted` was made while its client was muted, so nobody was told of it. One that
    `is_drill` is made up, and counts in no figure.

    `reported_at` is when Huntress sent the incident, else when the ticket was made; its age counts
    from then. `untouched_since` is None while somebody has it in hand; else the time from which it
    waits for a person: its creation, or the end of `waiting_until`. `raised_severity` is the word
    of the severity that the incident rose to above the priority that a person chose.

    `subject_name` is the host or identity that it is about, `subject_key` the same as it is
    compared: `host:` or `identity:` and the name in lower case. `subject_user` is the account that
    the report names. `close_reason` is a word of domain.triage.close_reasons.

    `touch_due_at` and `close_due_at` are the times within which it should be touched and closed,
    `due_at` the next of them that is still open; all are None where no target is set. At
    `clock_tells_at` people are told that it is due soon, or overdue; None once they were. `waits`
    are the times that it has waited, as pairs of texts; the end of the present one is None.
    `reopened_at` is when it was last reopened.

    `kinds` and what follows are read only where a query asks for them (see rows/ticket_rows.py):
    what the record of the incident says, and how many tickets of the same host or identity of the
    same client are open.
    """

    __tablename__ = "tickets"
    __table_args__ = (
        UniqueConstraint("connection_id", "source_reference"),
        Index("ix_tickets_status_id_created_at", "status_id", "created_at"),
        Index("ix_tickets_updated_at", "updated_at", "id"),
        Index("ix_tickets_created_at", "created_at", "id", "untouched_since", "closed_at"),
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
                ("priority", ("priority_id", "reported_at", "id", *_LIST_FILTERS)),
                ("updated", ("updated_at", "id")),
            )
        ),
        Index(
            "ix_tickets_closed_reported",
            "reported_at",
            "id",
            sqlite_where=text("closed_at IS NOT NULL"),
            postgresql_where=text("closed_at IS NOT NULL"),
        ),
        Index(
            "ix_tickets_open_client",
            "client_id",
            "id",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("uq_tickets_form_token", "form_token", unique=True),  # one ticket per form
        Index(
            "ix_tickets_open",  # ordered by age, with all columns that the dashboard reads
            "reported_at",
            "id",
            "priority_id",
            "untouched_since",
            "assignee_id",
            "board_id",
            "is_unmapped",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(
            "ix_tickets_untouched",  # asked for by every open page, every few seconds
            "priority_id",
            "reported_at",
            "id",
            "raised_severity",
            "untouched_since",
            "closed_at",
            sqlite_where=text("untouched_since IS NOT NULL AND closed_at IS NULL"),
            postgresql_where=text("untouched_since IS NOT NULL AND closed_at IS NULL"),
        ),
        Index(
            "ix_tickets_waiting_until",
            "waiting_until",
            sqlite_where=text("waiting_until IS NOT NULL"),
            postgresql_where=text("waiting_until IS NOT NULL"),
        ),
        Index(
            "ix_tickets_due_at",
            "due_at",
            "id",
            "closed_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "ix_tickets_clock_tells_at",
            "clock_tells_at",
            sqlite_where=text("clock_tells_at IS NOT NULL"),
            postgresql_where=text("clock_tells_at IS NOT NULL"),
        ),
        Index(
            "ix_tickets_subject_key",
            "subject_key",
            "client_id",
            "closed_at",
            "is_unmapped",
            "is_drill",
            "id",
            sqlite_where=text("subject_key IS NOT NULL"),
            postgresql_where=text("subject_key IS NOT NULL"),
        ),
        Index(
            "ix_tickets_without_reference",
            "priority_id",
            "reported_at",
            "id",
            "closed_at",
            sqlite_where=text("external_reference IS NULL"),
            postgresql_where=text("external_reference IS NULL"),
        ),
        Index(
            "ix_tickets_close_reason",
            "close_reason",
            "updated_at",
            "id",
            sqlite_where=text("close_reason IS NOT NULL"),
            postgresql_where=text("close_reason IS NOT NULL"),
        ),
        Index(
            "ix_tickets_external_reference",
            "external_reference",
            "id",
            sqlite_where=text("external_reference IS NOT NULL"),
            postgresql_where=text("external_reference IS NOT NULL"),
        ),
        Index(
            "ix_tickets_raised_severity",
            "raised_severity",
            "id",
            "closed_at",
            sqlite_where=text("raised_severity IS NOT NULL"),
            postgresql_where=text("raised_severity IS NOT NULL"),
        ),
        Index(
            "ix_tickets_first_touched_at",
            "first_touched_at",
            "created_at",
            "reported_at",
            "connection_id",
            "source",
            "id",
            sqlite_where=text("first_touched_at IS NOT NULL"),
            postgresql_where=text("first_touched_at IS NOT NULL"),
        ),
        Index(
            "ix_tickets_closed_at",
            "closed_at",
            "created_at",
            "reported_at",
            "connection_id",
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
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_touched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    priority_set_by_person_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    text_edited_by_person_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    form_token: Mapped[str | None] = mapped_column(String(64))
    is_muted: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    is_drill: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    reported_at: Mapped[datetime] = mapped_column(UtcDateTime, default=_created_at, nullable=True)
    untouched_since: Mapped[datetime | None] = mapped_column(UtcDateTime, default=_untouched_since)
    waiting_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    waiting_reason: Mapped[str | None] = mapped_column(String(WAITING_REASON_LENGTH))
    waits: Mapped[list[list[str | None]] | None] = mapped_column(JSON)
    reopened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    raised_severity: Mapped[str | None] = mapped_column(String(60))
    subject_name: Mapped[str | None] = mapped_column(String(255))
    subject_key: Mapped[str | None] = mapped_column(String(270))
    subject_user: Mapped[str | None] = mapped_column(String(255))
    close_reason: Mapped[str | None] = mapped_column(String(30))
    touch_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    close_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    clock_tells_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    client: Mapped[Client] = relationship()
    board: Mapped[Board] = relationship()
    status: Mapped[Status] = relationship()
    priority: Mapped[Priority] = relationship()
    assignee: Mapped[User | None] = relationship()
    category: Mapped[Category | None] = relationship(foreign_keys=[category_id])
    subcategory: Mapped[Category | None] = relationship(foreign_keys=[subcategory_id])

    kinds: Mapped[list[str] | None] = query_expression()
    incident_status: Mapped[str | None] = query_expression()
    incident_severity: Mapped[str | None] = query_expression()
    steps_total: Mapped[int | None] = query_expression()
    steps_left: Mapped[int | None] = query_expression()
    is_isolated: Mapped[bool | None] = query_expression()
    organization_name: Mapped[str | None] = query_expression()
    open_of_subject: Mapped[int | None] = query_expression()


class Comment(Base):
    """An entry of a ticket's timeline; without an author, the system wrote it.

    Where `is_machine_written` stands in its details, a person did it and the system wrote it.
    `bulk_change_id` is the bulk change that wrote it. `edited_at` is when its author last changed
    it; the texts before are CommentVersions. `details` holds what a change of another kind than
    text needs to be shown.
    """

    __tablename__ = "comments"
    __table_args__ = (
        Index(
            "ix_comments_duplicate_note",
            "ticket_id",
            sqlite_where=text(f"kind = '{DUPLICATE_NOTE}'"),
            postgresql_where=text(f"kind = '{DUPLICATE_NOTE}'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    author_id: Mapped[int | None] = reference("users.id")
    kind: Mapped[str] = mapped_column(String(30), default=INTERNAL_NOTE)
    is_internal: Mapped[bool] = mapped_column(Boolean, default=True)
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    bulk_change_id: Mapped[int | None] = mapped_column(Integer)
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON)

    author: Mapped[User | None] = relationship()

    @property
    def is_typed(self) -> bool:
        """Whether a person wrote the text, so that it is read as they typed it."""
        is_note = self.author_id is not None and self.kind == INTERNAL_NOTE
        return is_note and not (self.details or {}).get(MACHINE_WRITTEN)


class CommentVersion(Base):
    """What a note said before its author changed it at `replaced_at`."""

    __tablename__ = "comment_versions"

    id: Mapped[int] = mapped_column(primary_key=True)
    comment_id: Mapped[int] = mapped_column(
        ForeignKey("comments.id", ondelete="CASCADE"), index=True
    )
    body: Mapped[str] = mapped_column(Text)
    replaced_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TicketAsset(Base):
    """The link between a ticket and a machine that it is about."""

    __tablename__ = "ticket_assets"

    ticket_id: Mapped[int] = mapped_column(
        ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True
    )
    asset_id: Mapped[int] = reference("assets.id", primary_key=True)
