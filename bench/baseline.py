"""The plain processor that Triagedesk is measured against.

One agent call for each incident, 1.1 s between calls, one transaction for each incident, and at
most 20 pages. Parser, plan, texts and database constraints are Triagedesk's own: only fetching
and batching differ.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from webapp import clock
from webapp.domain.cursor_walk import CursorWalk
from webapp.domain.incident import (
    Incident,
    Severity,
    content_hash,
    parse_incident,
    raw_text,
)
from webapp.domain.plan import (
    ActionKind,
    RecordedAlert,
    RecordedMapping,
    TicketSettings,
    plan_incident_action,
    was_closed_after,
)
from webapp.domain.portal_link import build_portal_url
from webapp.domain.ticket_text import (
    TicketContext,
    build_body,
    build_creation_note,
    build_title,
    parse_agent,
)
from webapp.huntress.client import HuntressClient
from webapp.models import Alert, Client, Comment, Connection, OrganizationMapping, Status, Ticket
from webapp.services.desk.ticket_numbers import take_ticket_numbers
from webapp.services.transactions import transaction

PAGE_CAP = 20
SECONDS_BETWEEN_CALLS = 1.1


@dataclass
class PlainProcessor:
    """Fetches a backlog and processes it one incident after the other."""

    connection_id: int
    sleep: Callable[[float], None]
    calls: int = 0
    agents: dict[str, dict[str, Any]] = field(default_factory=dict)

    def fetch(self, client: HuntressClient, walk: CursorWalk) -> list[dict[str, Any]]:
        """The rows of a walk, and one agent call for each incident."""
        rows = self.walk(client, walk)
        for row in rows:
            self._pause()
            self.agents[str(row["agent_id"])] = client.get_agent(row["agent_id"]) or {}
        return rows

    def walk(self, client: HuntressClient, walk: CursorWalk) -> list[dict[str, Any]]:
        """Up to PAGE_CAP pages; what is below them is never seen."""
        rows: list[Any] = []
        while not walk.is_finished and walk.pages < PAGE_CAP:
            self._pause()
            rows += walk.take(client.list_incident_reports(walk.next_token))
        return rows

    def process(self, rows: list[Any]) -> None:
        """One transaction for each row."""
        for row in rows:
            self._process_one(row, parse_incident(row))

    def _pause(self) -> None:
        if self.calls:
            self.sleep(SECONDS_BETWEEN_CALLS)
        self.calls += 1

    def _process_one(self, row: Any, incident: Incident) -> None:
        now = clock.utcnow()
        with transaction() as session:
            connection = session.get_one(Connection, self.connection_id)
            alert = session.scalars(
                select(Alert).where(
                    Alert.connection_id == self.connection_id,
                    Alert.external_alert_id == incident.id,
                )
            ).one_or_none()
            mapping = session.scalars(
                select(OrganizationMapping).where(
                    OrganizationMapping.connection_id == self.connection_id,
                    OrganizationMapping.external_id == incident.organization_id,
                )
            ).one_or_none()
            client = session.get(Client, mapping.client_id) if mapping else None
            action = plan_incident_action(
                incident,
                _recorded(alert),
                RecordedMapping(client.id if client else None) if mapping else None,
                _settings(connection),
                horizon=connection.horizon,
                now=now,
            )
            if action.kind is not ActionKind.CREATE_TICKET or action.route is None:
                return
            status = session.scalars(select(Status).where(Status.is_default)).one()
            raw_agent = self.agents.get(incident.agent_id or "")
            context = TicketContext(
                portal_url=build_portal_url(connection.subdomain, incident.id or ""),
                organization_name=mapping.name if mapping else None,
                agent=parse_agent(raw_agent, incident.agent_id or "") if raw_agent else None,
                is_unmapped=action.route.is_unmapped,
            )
            ticket = Ticket(
                number=take_ticket_numbers(session, 1)[0],
                title=build_title(incident, is_unmapped=action.route.is_unmapped),
                description=build_body(incident, context),
                client_id=action.route.client,
                board_id=action.route.board,
                status_id=status.id,
                priority_id=_priority(connection, incident),
                source="huntress",
                connection_id=connection.id,
                source_reference=incident.id,
                is_unmapped=action.route.is_unmapped,
                created_at=now,
                updated_at=now,
            )
            session.add(ticket)
            session.flush()
            session.add(
                Comment(ticket_id=ticket.id, body=build_creation_note(incident), created_at=now)
            )
            session.add(_alert(connection.id, incident, row, ticket.id, now))


def _recorded(alert: Alert | None) -> RecordedAlert | None:
    if alert is None:
        return None
    return RecordedAlert(
        alert.status, alert.severity, alert.ticket_id is not None, alert.processed_at
    )


def _settings(connection: Connection) -> TicketSettings[Any]:
    return TicketSettings(
        board=connection.board_id,
        fallback_client=connection.fallback_client_id,
        fallback_board=connection.fallback_board_id,
    )


def _priority(connection: Connection, incident: Incident) -> int | None:
    return {
        Severity.CRITICAL: connection.critical_priority_id,
        Severity.LOW: connection.low_priority_id,
    }.get(incident.severity, connection.high_priority_id)


def _alert(connection_id: int, incident: Incident, row: Any, ticket_id: int, now: Any) -> Alert:
    return Alert(
        connection_id=connection_id,
        external_alert_id=incident.id,
        ticket_id=ticket_id,
        status=incident.status,
        severity=incident.severity_word,
        was_closed=was_closed_after(incident, False),
        message=incident.subject,
        organization_external_id=incident.organization_id,
        agent_external_id=incident.agent_id,
        triggered_at=incident.sent_at,
        processed_at=incident.updated_at,
        observed_at=now,
        content_hash=content_hash(row),
        raw_report=raw_text(row),
        created_at=now,
    )
