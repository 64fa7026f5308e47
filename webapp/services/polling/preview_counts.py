"""Counting what a first poll would do with reports, by the same rules as the poll."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from webapp.domain.incident import Incident, Severity, parse_incident
from webapp.domain.name_match import NameIndex
from webapp.domain.plan import (
    ActionKind,
    Reason,
    RecordedMapping,
    Route,
    plan_incident_action,
)
from webapp.models import OrganizationMapping
from webapp.services.mapping.sync_organizations import (
    Organization,
    auto_match_row,
    new_organization,
    refresh_row,
)
from webapp.services.polling.collect_incidents import Collected
from webapp.services.polling.incident_batch import as_recorded_mapping
from webapp.services.schedule.lease import PolledConnection


class PreviewedMappings:
    """The mapping rows of a connection as a poll would update them; nothing is stored.

    `rows` must not belong to a session.
    """

    def __init__(
        self, connection_id: int, rows: Mapping[str, OrganizationMapping], index: NameIndex[int]
    ) -> None:
        self._connection_id = connection_id
        self._rows = dict(rows)
        self._index = index

    def missing(self, wanted: Iterable[str | None]) -> list[str]:
        """Return the organizations among `wanted` whose names a poll would ask for."""
        named = {key for key, row in self._rows.items() if row.is_name_known}
        return sorted({key for key in wanted if key} - named)

    def add(self, organizations: Iterable[Organization]) -> None:
        """Add or update these organizations' rows as if a poll had asked for them one by one."""
        for one in organizations:
            auto_match_row(self._entered(one), self._index)

    def sync(self, organizations: Iterable[Organization]) -> None:
        """Update every row as a sync of the organizations does."""
        for one in organizations:
            self._entered(one)
        for row in self._rows.values():
            auto_match_row(row, self._index)

    def state(self, incident: Incident) -> RecordedMapping[int] | None:
        """Return the organization's row in the form that the plan takes.

        An organization without a row has no client. None where the report names no organization.
        """
        key = incident.organization_id
        if key is None:
            return None
        row = self._rows.get(key)
        return RecordedMapping(None) if row is None else as_recorded_mapping(row)

    def name(self, key: str | None) -> str:
        """Return the name to show for an organization."""
        if key is None:
            return "No organization named"
        row = self._rows.get(key)
        return f"Huntress org {key}" if row is None else row.name

    def _entered(self, one: Organization) -> OrganizationMapping:
        row = self._rows.get(one.external_id)
        if row is None:
            row = new_organization(self._connection_id, one.external_id, one.name)
            self._rows[one.external_id] = row
        refresh_row(row, one)
        return row


@dataclass
class PreviewCounts:
    """What the reports become. `tickets` counts by the ids of (board, client, priority).

    `unmapped` counts the tickets of organizations without a client by the organization's name.
    `unreadable` counts the tickets for reports that cannot be processed.
    """

    looked_at: int = 0
    tickets: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)
    without_ticket: Counter[Reason] = field(default_factory=Counter)
    unreadable: int = 0

    @property
    def ticket_count(self) -> int:
        """The number of all tickets."""
        return self.tickets.total()


def count_reports(
    counts: PreviewCounts,
    reports: Iterable[Collected],
    connection: PolledConnection,
    mappings: PreviewedMappings,
    *,
    horizon: datetime,
    now: datetime,
) -> None:
    """Count in `counts` what a poll of `connection` would do with `reports`.

    `now` is Huntress's time.
    """
    settings = connection.ticket_settings
    for report in reports:
        counts.looked_at += 1
        incident = parse_incident(report.raw)
        mapping = mappings.state(incident)
        action = plan_incident_action(incident, None, mapping, settings, horizon=horizon, now=now)
        if incident.id is None and not incident.is_deleting:
            _count_unreadable(counts, connection, mapping)
        elif action.kind is ActionKind.CREATE_TICKET and action.route is not None:
            _count_ticket(counts, action.route, connection.priority_id(incident.severity))
            if action.route.is_unmapped:
                counts.unmapped[mappings.name(incident.organization_id)] += 1
        elif action.reason is not None:  # pragma: no branch - without a ticket there is a reason
            counts.without_ticket[action.reason] += 1


def _count_ticket(counts: PreviewCounts, route: Route[int], priority_id: int) -> None:
    counts.tickets[(route.board, route.client, priority_id)] += 1


def _count_unreadable(
    counts: PreviewCounts, connection: PolledConnection, mapping: RecordedMapping[int] | None
) -> None:
    """Count a report without an id.

    It gets a minimal ticket unless its organization is excluded.
    """
    if mapping is not None and not mapping.creates_tickets:
        counts.without_ticket[Reason.ORG_OPTED_OUT] += 1
        return
    settings = connection.ticket_settings
    route = Route(settings.fallback_client, settings.fallback_board, is_unmapped=True)
    _count_ticket(counts, route, connection.priority_id(Severity.HIGH))
    counts.unreadable += 1
