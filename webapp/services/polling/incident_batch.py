"""Everything a batch of inbox rows needs to be planned, read in a handful of statements."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.incident import Incident, parse_incident_text
from webapp.domain.plan import MappingState, RecordedAlert
from webapp.domain.ticket_text import TicketContext, build_portal_url
from webapp.models import (
    Alert,
    HuntressAgent,
    InboxRow,
    OrganizationMapping,
    Ticket,
)
from webapp.services.mapping.sync_organizations import add_organization, client_index
from webapp.services.polling.cycle import Cycle


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """An inbox row as it was read, with its report parsed."""

    row_id: int
    version: int
    key: str
    payload: str
    content_hash: str
    is_reduced: bool
    fetched_at: datetime
    attempts: int
    next_try_at: datetime | None
    error: str | None
    in_flight_token: str | None
    quarantined_at: datetime | None
    incident: Incident


ENTRY_COLUMNS = (
    InboxRow.id,
    InboxRow.version,
    InboxRow.external_key,
    InboxRow.payload,
    InboxRow.content_hash,
    InboxRow.is_reduced,
    InboxRow.fetched_at,
    InboxRow.attempts,
    InboxRow.next_try_at,
    InboxRow.error,
    InboxRow.in_flight_token,
    InboxRow.quarantined_at,
)


def read_entry(row: Any) -> InboxEntry:
    """An entry from a row of ENTRY_COLUMNS; never fails, whatever the report says."""
    return InboxEntry(
        row_id=row.id,
        version=row.version,
        key=row.external_key,
        payload=row.payload,
        content_hash=row.content_hash,
        is_reduced=row.is_reduced,
        fetched_at=row.fetched_at,
        attempts=row.attempts,
        next_try_at=row.next_try_at,
        error=row.error,
        in_flight_token=row.in_flight_token,
        quarantined_at=row.quarantined_at,
        incident=parse_incident_text(row.payload),
    )


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """An alert and what its ticket's state decides."""

    alert: Alert
    ticket: Ticket | None

    def as_recorded(self) -> RecordedAlert:
        """For the plan."""
        alert, ticket = self.alert, self.ticket
        return RecordedAlert(
            status=alert.status,
            severity=alert.severity,
            has_ticket=ticket is not None,
            processed_at=alert.processed_at,
            reason=alert.reason,
            is_incomplete=alert.is_incomplete,
            was_closed=alert.was_closed,
            is_ticket_closed=ticket is not None and ticket.closed_at is not None,
            is_ticket_touched=ticket is not None and ticket.first_touched_at is not None,
        )


class BatchContext:
    """What is recorded about the incidents, organizations and agents of a batch.

    Organizations that nobody has seen before get their row here, auto-matched.
    """

    def __init__(self, session: Session, cycle: Cycle, incidents: Iterable[Incident]) -> None:
        self._session = session
        self._cycle = cycle
        incidents = list(incidents)
        self._mappings = self._load_mappings(_ids(i.organization_id for i in incidents))
        self._agents = self._load_agents(_ids(i.agent_id for i in incidents))

    def mapping(self, incident: Incident) -> OrganizationMapping | None:
        """The row of the incident's organization; None where it names no organization."""
        return self._mappings.get(incident.organization_id or "")

    def mapping_state(self, incident: Incident) -> MappingState[int] | None:
        """The same, for the plan."""
        row = self.mapping(incident)
        return None if row is None else as_mapping_state(row)

    def agent(self, incident: Incident) -> HuntressAgent | None:
        """The cached agent, also when Huntress does not know it."""
        return self._agents.get(incident.agent_id or "")

    def ticket_context(self, incident: Incident, *, is_unmapped: bool) -> TicketContext:
        """What the ticket's text is made of besides the incident."""
        row, cached = self.mapping(incident), self.agent(incident)
        is_unknown = cached is not None and cached.unknown_since is not None
        return TicketContext(
            portal_url=portal_url(self._cycle, incident),
            organization_name=row.name if row else None,
            agent=None if cached is None or is_unknown else cached.as_agent(),
            is_agent_unknown=is_unknown,
            is_unmapped=is_unmapped,
        )

    def is_pending(self, incident: Incident) -> bool:
        """Whether host details or the organization's name are still missing."""
        row = self.mapping(incident)
        is_nameless = row is not None and not row.is_name_known
        return is_nameless or (incident.agent_id is not None and self.agent(incident) is None)

    def _load_mappings(self, ids: set[str]) -> dict[str, OrganizationMapping]:
        if not ids:
            return {}
        rows = self._session.scalars(
            select(OrganizationMapping).where(
                OrganizationMapping.connection_id == self._cycle.connection.id,
                OrganizationMapping.external_id.in_(ids),
            )
        )
        found = {row.external_id: row for row in rows}
        missing = sorted(ids - set(found))
        return {**found, **self._create_mappings(missing)} if missing else found

    def _create_mappings(self, ids: list[str]) -> dict[str, OrganizationMapping]:
        index = client_index(self._session)
        return {
            external_id: add_organization(
                self._session, self._cycle.connection.id, external_id, None, index=index
            )
            for external_id in ids
        }

    def _load_agents(self, ids: set[str]) -> dict[str, HuntressAgent]:
        if not ids:
            return {}
        rows = self._session.scalars(
            select(HuntressAgent).where(
                HuntressAgent.connection_id == self._cycle.connection.id,
                HuntressAgent.external_id.in_(ids),
            )
        )
        return {row.external_id: row for row in rows}


def as_mapping_state(row: OrganizationMapping) -> MappingState[int]:
    """An organization's row for the plan; its client must be loaded."""
    is_active = row.client is None or row.client.is_active
    return MappingState(row.client_id, row.creates_tickets, is_active)


def load_known(session: Session, cycle: Cycle, keys: list[str]) -> dict[str, KnownAlert]:
    """The alerts of `keys` with their tickets, by key; the tickets stay locked until the commit."""
    alerts = session.scalars(
        select(Alert).where(
            Alert.connection_id == cycle.connection.id, Alert.external_alert_id.in_(keys)
        )
    )
    known = {alert.external_alert_id: alert for alert in alerts}
    ticket_ids = [alert.ticket_id for alert in known.values() if alert.ticket_id is not None]
    tickets: dict[int | None, Ticket] = {}
    if ticket_ids:
        rows = session.scalars(
            select(Ticket)
            .where(Ticket.id.in_(ticket_ids))
            .order_by(Ticket.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        tickets = {ticket.id: ticket for ticket in rows}
    return {key: KnownAlert(alert, tickets.get(alert.ticket_id)) for key, alert in known.items()}


def portal_url(cycle: Cycle, incident: Incident) -> str | None:
    """The incident's page in the portal; None where the report has no id."""
    if incident.id is None:
        return None
    return build_portal_url(
        cycle.connection.subdomain,
        incident.id,
        organization_id=incident.organization_id,
        template=cycle.portal_url,
    )


def _ids(values: Iterable[str | None]) -> set[str]:
    return {value for value in values if value is not None}
