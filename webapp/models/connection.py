"""A Huntress account that is polled: its credentials, routing settings and polling state."""

from datetime import datetime

from sqlalchemy import Boolean, Index, Integer, String, Text, UniqueConstraint, false, true
from sqlalchemy.orm import Mapped, mapped_column

from webapp.domain.portal_link import PORTAL_TEMPLATE_LENGTH
from webapp.domain.untrusted import MAX_ID_LENGTH
from webapp.extensions import Base
from webapp.models.columns import NAME_LENGTH, UtcDateTime, reference
from webapp.models.encrypted import EncryptedText

BASE_URL_LENGTH = 500
PATH_LENGTH = 200
LEASE_HOLDER_LENGTH = 300


class Connection(Base):
    """One Huntress account; no two connections have the same account id.

    `portal_template` is the form of links to Huntress's portal, None for the install's. Tickets
    with ids above `relink_after_id` still have links of the form before; None means that no ticket
    has. `portal_checked_at` is when a person last chose the form. `huntress_skew_seconds` is how
    far the time gone by here was ahead of Huntress's clock at the last poll that asked it.

    A poll writes single columns by name, never the whole row. Settings that are edited during a
    poll are therefore not overwritten by it.
    """

    __tablename__ = "connections"

    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(40), default="huntress")
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    base_url: Mapped[str] = mapped_column(String(BASE_URL_LENGTH))
    api_key: Mapped[str | None] = mapped_column(EncryptedText("connections.api_key"))
    api_secret: Mapped[str | None] = mapped_column(EncryptedText("connections.api_secret"))
    account_id: Mapped[str] = mapped_column(String(MAX_ID_LENGTH), unique=True)
    account_name: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    subdomain: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    connected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disconnected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disconnected_by_id: Mapped[int | None] = reference("users.id", index=False)
    disconnect_acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disconnect_acknowledged_by_id: Mapped[int | None] = reference("users.id", index=False)

    # Routing settings
    board_id: Mapped[int | None] = reference("boards.id")
    category_id: Mapped[int | None] = reference("categories.id")
    subcategory_id: Mapped[int | None] = reference("categories.id")
    fallback_client_id: Mapped[int | None] = reference("clients.id")
    fallback_board_id: Mapped[int | None] = reference("boards.id")
    critical_priority_id: Mapped[int | None] = reference("priorities.id")
    high_priority_id: Mapped[int | None] = reference("priorities.id")
    low_priority_id: Mapped[int | None] = reference("priorities.id")
    poll_interval_minutes: Mapped[int] = mapped_column(Integer, default=5, server_default="5")
    backfill_days: Mapped[int] = mapped_column(Integer, default=7, server_default="7")
    auto_close_tickets: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    closed_status_id: Mapped[int | None] = reference("statuses.id")
    leave_touched_open: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    reopen_tickets: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    portal_template: Mapped[str | None] = mapped_column(String(PORTAL_TEMPLATE_LENGTH))
    relink_after_id: Mapped[int | None] = mapped_column(Integer)
    portal_checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # Polling state
    polling_started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_by_id: Mapped[int | None] = reference("users.id", index=False)
    pause_reason: Mapped[str | None] = mapped_column(Text)
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    horizon: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cursor: Mapped[datetime | None] = mapped_column(UtcDateTime)
    is_walk_cut_off: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    lease_token: Mapped[str | None] = mapped_column(String(32))
    lease_holder: Mapped[str | None] = mapped_column(String(LEASE_HOLDER_LENGTH))
    previous_lease_token: Mapped[str | None] = mapped_column(String(32))
    lease_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    poll_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sweep_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_poll_started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_success_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(Text)
    last_error_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sweep_started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sweep_listed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_sweep_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    organizations_synced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    has_pending_details: Mapped[bool] = mapped_column(
        Boolean, default=False, server_default=false()
    )
    huntress_skew_seconds: Mapped[int | None] = mapped_column(Integer)


class ApiExchange(Base):
    """One call to Huntress: its reservation in the call window and its entry in the log.

    A call counts in the window until 60 s after it finished. `slot` numbers a connection's calls
    without gaps. It is unique, so two processes cannot take the same slot. `account_limit` and
    `account_remaining` are what the answer said of the calls of all the account's tools.
    """

    __tablename__ = "api_exchanges"
    __table_args__ = (
        UniqueConstraint("connection_id", "slot"),
        Index("ix_api_exchanges_reserved_at", "connection_id", "reserved_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = reference("connections.id", index=False)
    slot: Mapped[int] = mapped_column(Integer)
    reserved_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    method: Mapped[str] = mapped_column(String(10))
    path: Mapped[str] = mapped_column(String(PATH_LENGTH))
    status: Mapped[int | None] = mapped_column(Integer)
    milliseconds: Mapped[int | None] = mapped_column(Integer)
    rows: Mapped[int | None] = mapped_column(Integer)
    account_limit: Mapped[int | None] = mapped_column(Integer)
    account_remaining: Mapped[int | None] = mapped_column(Integer)
