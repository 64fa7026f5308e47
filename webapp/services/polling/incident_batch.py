"""Reading everything that is needed to plan a batch of inbox rows, in a handful of statements."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, tuple_
from sqlalchemy.orm import Session

from webapp.domain.incident import Incident, Severity, parse_incident_text
from webapp.domain.plan import RecordedAlert, RecordedMapping
from webapp.domain.portal_link import build_portal_url
from webapp.domain.ticket_text import TicketContext
from webapp.domain.watch.drill import DRILL_PREFIX
from webapp.models import (
    Alert,
    Drill,
    HuntressAgent,
    InboxRow,
    OrganizationMapping,
    Priority,
    Ticket,
)
from webapp.services.mapping.sync_organizations import add_organization, client_index
from webapp.services.polling.held_connection import HeldConnection
from webapp.services.restored import outside_notes, read_last_restore
from webapp.services.tickets.links.note_originals import originals_of
from webapp.services.transactions import NO_SYNC


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
    is_drill: bool = False


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
    select(Drill.id).where(Drill.external_key == InboxRow.external_key).exists().label("is_drill"),
)


def read_entry(row: Any) -> InboxEntry:
    """Return an entry for a row of ENTRY_COLUMNS; an unreadable report does not raise."""
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
        is_drill=bool(row.is_drill),
    )


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """An alert and its ticket, where it has one."""

    alert: Alert
    ticket: Ticket | None

    def as_recorded(self) -> RecordedAlert:
        """Return what the plan needs to know about the alert and its ticket."""
        alert, ticket = self.alert, self.ticket
        return RecordedAlert(
            status=alert.parsed_status,
            severity=alert.parsed_severity,
            has_ticket=ticket is not None,
            processed_at=alert.processed_at,
            reason=alert.reason,
            is_incomplete=alert.is_incomplete,
            was_closed=alert.was_closed,
            is_ticket_closed=ticket is not None and ticket.closed_at is not None,
            is_ticket_touched=ticket is not None and ticket.first_touched_at is not None,
        )


@dataclass
class BatchResult:
    """What became of the incidents of a batch, counted by the names of the run's counters.

    `reasons` counts those that were recorded without a ticket.
    """

    counts: dict[str, int] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)

    def count(self, name: str) -> None:
        """Add one to the counter `name`."""
        self.counts[name] = self.counts.get(name, 0) + 1


class BatchContext:
    """What is recorded about the incidents, organizations and agents of a batch.

    Organizations without a mapping row get one here, matched to a client by name where possible.
    """

    def __init__(
        self, session: Session, held: HeldConnection, incidents: Iterable[Incident]
    ) -> None:
        self._session = session
        self._held = held
        incidents = list(incidents)
        self._mappings = self._load_mappings(_ids(i.organization_id for i in incidents))
        self._agents = self._load_agents(_ids(i.agent_id for i in incidents))
        self._restore = read_last_restore(session)

    def outside_notes(self, incident: Incident) -> Iterator[str]:
        """Yield a note where the incident may have had a ticket that a restore took away."""
        return outside_notes(self._restore, incident, self._held.connection)

    def mapping(self, incident: Incident) -> OrganizationMapping | None:
        """The row of the incident's organization; None where it names no organization."""
        return self._mappings.get(incident.organization_id or "")

    def recorded_mapping(self, incident: Incident) -> RecordedMapping[int] | None:
        """Return the organization's row in the form that the plan takes, or None."""
        row = self.mapping(incident)
        return None if row is None else as_recorded_mapping(row)

    def agent(self, incident: Incident) -> HuntressAgent | None:
        """The incident's cached agent; it may be one that Huntress does not know.

        None if not cached.
        """
        return self._agents.get(incident.agent_id or "")

    def ticket_context(self, incident: Incident, *, is_unmapped: bool) -> TicketContext:
        """Return the facts besides the incident that the ticket's text is made of."""
        row, cached = self.mapping(incident), self.agent(incident)
        is_unknown = cached is not None and cached.unknown_since is not None
        return TicketContext(
            portal_url=portal_url(self._held, incident),
            organization_name=row.name if row else None,
            agent=None if cached is None or is_unknown else cached.as_agent(),
            is_agent_unknown=is_unknown,
            is_unmapped=is_unmapped,
            **self._unknown_severity(incident),
        )

    def _unknown_severity(self, incident: Incident) -> dict[str, str]:
        if incident.severity is not Severity.UNKNOWN:
            return {}
        return {"priority": self.priority_name(incident)}

    def priority_name(self, incident: Incident) -> str:
        """Return the name of the priority that the incident's severity gets."""
        key = self._held.connection.priority_id(incident.severity)
        return self._session.get_one(Priority, key).name

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
                OrganizationMapping.connection_id == self._held.connection.id,
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
                self._session, self._held.connection.id, external_id, None, index=index
            )
            for external_id in ids
        }

    def _load_agents(self, ids: set[str]) -> dict[str, HuntressAgent]:
        if not ids:
            return {}
        rows = self._session.scalars(
            select(HuntressAgent).where(
                HuntressAgent.connection_id == self._held.connection.id,
                HuntressAgent.external_id.in_(ids),
            )
        )
        return {row.external_id: row for row in rows}


def as_recorded_mapping(row: OrganizationMapping) -> RecordedMapping[int]:
    """Return an organization's row in the form that the plan takes; its client must be loaded."""
    is_active = row.client is None or row.client.is_active
    return RecordedMapping(row.client_id, row.creates_tickets, is_active)


def load_known(session: Session, held: HeldConnection, keys: list[str]) -> dict[str, KnownAlert]:
    """Return the alerts of `keys` with their tickets, by key.

    The tickets stay locked until the commit, and the originals of those that are duplicates.
    """
    alerts = session.scalars(
        select(Alert).where(
            Alert.connection_id == held.connection.id, Alert.external_alert_id.in_(keys)
        )
    )
    known = {alert.external_alert_id: alert for alert in alerts}
    ticket_ids = [alert.ticket_id for alert in known.values() if alert.ticket_id is not None]
    tickets: dict[int | None, Ticket] = {}
    if ticket_ids:
        rows = session.scalars(
            select(Ticket)
            .where(or_(Ticket.id.in_(ticket_ids), Ticket.id.in_(originals_of(ticket_ids))))
            .order_by(Ticket.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        tickets = {ticket.id: ticket for ticket in rows}
    return {key: KnownAlert(alert, tickets.get(alert.ticket_id)) for key, alert in known.items()}


def remove_from_inbox(session: Session, entries: Sequence[InboxEntry]) -> None:
    """Remove the processed rows in the version that was processed; newer payloads stay."""
    pairs = [(entry.row_id, entry.version) for entry in entries]
    session.execute(
        delete(InboxRow).where(tuple_(InboxRow.id, InboxRow.version).in_(pairs)),
        execution_options=NO_SYNC,
    )


def portal_url(held: HeldConnection, incident: Incident) -> str | None:
    """Return the address of the incident's page in the portal.

    None where the report has no id, and for a drill.
    """
    if incident.id is None or incident.id.startswith(DRILL_PREFIX):
        return None
    return build_portal_url(
        held.connection.subdomain,
        incident.id,
        organization_id=incident.organization_id,
        template=held.portal_url,
    )


def _ids(values: Iterable[str | None]) -> set[str]:
    return {value for value in values if value is not None}
