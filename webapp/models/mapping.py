"""The clients and assets that Huntress organizations and agents belong to, and cached agents."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Integer, String, UniqueConstraint, false, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.domain.ticket_text import Agent
from webapp.domain.untrusted import MAX_ID_LENGTH
from webapp.extensions import Base
from webapp.models.columns import UtcDateTime, reference
from webapp.models.desk import Client

ORGANIZATION_NAME_LENGTH = 255
"""Longer than NAME_LENGTH, because Huntress gives this name."""


class OrganizationMapping(Base):
    """A Huntress organization and the client that it belongs to.

    `decided_by_person_at` is set when a person chooses a client or chooses "none"; after that the
    organization is never matched automatically. `candidate_ids` holds the clients of an ambiguous
    row. `version` grows with every change that a person can make, so that two people cannot
    overwrite each other's edits. `is_listed` says that Huntress has listed the organization; only
    then can it be gone. `changed_by_id` is the person who made the last change (None: the system).
    Since `erased_at` the organization's client is forgotten, and its name is not taken over.
    """

    __tablename__ = "organization_mappings"
    __table_args__ = (UniqueConstraint("connection_id", "external_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = reference("connections.id", index=False)
    external_id: Mapped[str] = mapped_column(String(MAX_ID_LENGTH))
    name: Mapped[str] = mapped_column(String(ORGANIZATION_NAME_LENGTH))
    is_name_known: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    is_listed: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    agents_count: Mapped[int | None] = mapped_column(Integer)
    client_id: Mapped[int | None] = reference("clients.id")
    creates_tickets: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    is_auto_matched: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    candidate_ids: Mapped[list[Any] | None] = mapped_column(JSON)
    decided_by_person_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_incident_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    changed_by_id: Mapped[int | None] = reference("users.id", index=False)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    client: Mapped[Client | None] = relationship()


class HuntressAgent(Base):
    """A cached agent; `unknown_since` is when Huntress last answered that it does not exist."""

    __tablename__ = "huntress_agents"
    __table_args__ = (UniqueConstraint("connection_id", "external_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = reference("connections.id", index=False)
    external_id: Mapped[str] = mapped_column(String(MAX_ID_LENGTH))
    organization_external_id: Mapped[str | None] = mapped_column(String(MAX_ID_LENGTH))
    hostname: Mapped[str | None] = mapped_column(String(255))
    os: Mapped[str | None] = mapped_column(String(255))
    internal_ip: Mapped[str | None] = mapped_column(String(64))
    external_ip: Mapped[str | None] = mapped_column(String(64))
    serial_number: Mapped[str | None] = mapped_column(String(255))
    last_callback_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    unknown_since: Mapped[datetime | None] = mapped_column(UtcDateTime)

    def as_agent(self) -> Agent:
        """The agent as ticket texts need it."""
        return Agent(
            id=self.external_id,
            hostname=self.hostname,
            os=self.os,
            internal_ip=self.internal_ip,
            external_ip=self.external_ip,
            serial_number=self.serial_number,
            last_callback_at=self.last_callback_at,
        )


class ExternalEntityMapping(Base):
    """A Huntress agent and the asset that it runs on.

    Several agents may belong to one asset, because a reinstalled agent gets a new id.
    """

    __tablename__ = "external_entity_mappings"
    __table_args__ = (UniqueConstraint("connection_id", "entity_type", "external_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = reference("connections.id", index=False)
    entity_type: Mapped[str] = mapped_column(String(40))
    external_id: Mapped[str] = mapped_column(String(MAX_ID_LENGTH))
    realm: Mapped[str | None] = mapped_column(String(64))
    hostname: Mapped[str | None] = mapped_column(String(255))
    asset_id: Mapped[int] = reference("assets.id")
    synced_at: Mapped[datetime] = mapped_column(UtcDateTime)
