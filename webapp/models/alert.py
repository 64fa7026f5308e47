"""Alert: the record of an incident, with a ticket or without one."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    false,
    literal_column,
    or_,
    text,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, validates

from webapp.domain.incident import (
    CLOSED_STATUSES,
    DELETED,
    WORD_LENGTH,
    Incident,
    parse_incident_text,
    parse_word,
    with_all_remediations,
)
from webapp.domain.untrusted import MAX_ID_LENGTH
from webapp.extensions import Base
from webapp.models.columns import UtcDateTime, reference

_OVER = [f"'{word}'" for word in sorted({*CLOSED_STATUSES, DELETED})]
_OPEN_SQL = text(f"parsed_status IS NULL OR parsed_status NOT IN ({', '.join(_OVER)})")
"""The condition of `is_open` as SQL. A database only uses the index for exactly these words."""


def _parsed(name: str) -> Callable[[DefaultExecutionContext], str | None]:
    """Return a default that parses the word of the column `name`, for rows inserted in bulk."""
    return lambda context: parse_word(
        context.get_current_parameters().get(name)  # type: ignore[no-untyped-call]
    )


class Alert(Base):
    """The record of an incident; `status` and `severity` are the words that Huntress used.

    Whatever decides, filters or counts goes by `parsed_status` and `parsed_severity`: the same
    words in lower case, which follow them by themselves. `asset_id` is the asset that the incident
    was found to be about. `all_remediations` holds (as JSON) the remediations of a report that
    itself has only the first ones; until `remediations_due_at` they are not asked for again, and
    None means that none are missing.
    `was_closed` says whether the last status that was open or closed was a closed one ("deleting"
    and "deleted" are neither). `processed_at` is the newest usable `updated_at` of the report.
    `observed_at` is when the incident was last read. `checked_at` is when it was last requested by
    its id without success. `details_pending` says that host details or an organization name are
    still missing. Huntress knows nothing of an alert that `is_drill`.

    `kinds` are the indicator types of the report, the gravest first. `steps_total` is how many
    remediations there are, `steps_left` how many of them are not done yet, and `is_isolated` says
    whether the host or identity is cut off; all are None where no report is kept. `facts_version`
    says by which version of our reading these and the ticket's indicators were found.
    `report_text` are the words of the report and its remediations that the search finds it by.
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
        Index(
            "ix_alerts_open",
            "connection_id",
            "observed_at",
            "ticket_id",
            "parsed_status",
            "is_drill",
            sqlite_where=_OPEN_SQL,
            postgresql_where=_OPEN_SQL,
        ),
        Index(
            "ix_alerts_remediations_due",
            "connection_id",
            "remediations_due_at",
            sqlite_where=text("remediations_due_at IS NOT NULL"),
            postgresql_where=text("remediations_due_at IS NOT NULL"),
        ),
        Index(
            "ix_alerts_unticketed",  # what no ticket tells of, for the dashboard
            "parsed_status",
            "is_drill",
            "ticket_id",
            sqlite_where=text("ticket_id IS NULL"),
            postgresql_where=text("ticket_id IS NULL"),
        ),
        Index(
            "ix_alerts_ticket_id",
            *("ticket_id", "triggered_at", "connection_id", "parsed_severity", "was_closed"),
        ),
        Index("ix_alerts_triggered_at", "triggered_at", "reason", "parsed_severity"),
        Index("ix_alerts_facts_version", "connection_id", "facts_version", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = reference("connections.id", index=False)
    external_alert_id: Mapped[str] = mapped_column(String(100))
    ticket_id: Mapped[int | None] = reference("tickets.id", index=False)
    status: Mapped[str | None] = mapped_column(String(WORD_LENGTH))
    severity: Mapped[str | None] = mapped_column(String(WORD_LENGTH))
    parsed_status: Mapped[str | None] = mapped_column(
        String(WORD_LENGTH), default=_parsed("status")
    )
    parsed_severity: Mapped[str | None] = mapped_column(
        String(WORD_LENGTH), default=_parsed("severity")
    )
    was_closed: Mapped[bool] = mapped_column(Boolean, default=False)
    reason: Mapped[str | None] = mapped_column(String(30))
    is_incomplete: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    message: Mapped[str | None] = mapped_column(Text)
    organization_external_id: Mapped[str | None] = mapped_column(String(MAX_ID_LENGTH), index=True)
    agent_external_id: Mapped[str | None] = mapped_column(String(MAX_ID_LENGTH), index=True)
    asset_id: Mapped[int | None] = mapped_column(
        ForeignKey("assets.id", ondelete="SET NULL"), index=True
    )
    device_name: Mapped[str | None] = mapped_column(String(255))
    triggered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    processed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    observed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    content_hash: Mapped[str | None] = mapped_column(String(64))
    raw_report: Mapped[str | None] = mapped_column(Text)
    report_text: Mapped[str | None] = mapped_column(Text)
    all_remediations: Mapped[str | None] = mapped_column(Text)
    remediations_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    details_pending: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    is_drill: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    kinds: Mapped[list[str] | None] = mapped_column(JSON)
    steps_total: Mapped[int | None] = mapped_column(Integer)
    steps_left: Mapped[int | None] = mapped_column(Integer)
    is_isolated: Mapped[bool | None] = mapped_column(Boolean)
    facts_version: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))

    @validates("status", "severity")
    def _parse(self, name: str, value: str | None) -> str | None:
        setattr(self, f"parsed_{name}", parse_word(value))
        return value

    def read_report(self) -> Incident | None:
        """Return the kept report with all remediations known of it; None where none is kept."""
        if not self.raw_report:
            return None
        return with_all_remediations(parse_incident_text(self.raw_report), self.all_remediations)


def is_open() -> ColumnElement[bool]:
    """SQL for "recorded in a status that is neither closed nor deleted"."""
    over: list[ColumnElement[str]] = [literal_column(word) for word in _OVER]
    return or_(Alert.parsed_status.is_(None), Alert.parsed_status.not_in(over))
