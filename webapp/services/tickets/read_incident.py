"""The record of the incident behind a ticket, as people read it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, case, func, select
from sqlalchemy.orm import Session

from webapp.domain.html_text import html_to_text
from webapp.domain.incident import Incident, parse_incident_text, with_all_remediations
from webapp.domain.ticket_text import Agent
from webapp.domain.triage.remediation_groups import RemediationGroup, group_remediations
from webapp.domain.triage.subjects import is_host
from webapp.domain.untrusted import clean_text
from webapp.models import Alert, Connection, HuntressAgent, OrganizationMapping, Ticket
from webapp.services.errors import NotFoundError
from webapp.services.transactions import reading

LARGEST_PARSED = 500_000
"""The longest raw report, in characters, that a page parses; a longer one is only shown as text."""

RAW_LENGTH = 200_000


@dataclass(frozen=True, slots=True)
class IncidentView:
    """An alert with its parsed report; `report` is None if there is no readable one.

    `is_reduced` says that the report is not kept, as for an excluded organization or since it has
    become too old. `was_closed` says whether it is closed at Huntress, and `closed_status_id` is
    the status that the routing settings give to tickets then. `kinds`, the steps and `is_isolated`
    are what lists show as well; None where that is not known. `named_host` is the host that the
    ticket is said to be about.
    """

    alert_id: int
    connection_id: int
    status: str | None
    severity: str | None
    is_incomplete: bool
    organization_id: str | None
    organization_name: str | None
    agent: Agent | None
    agent_id: str | None
    device_name: str | None
    named_host: str | None
    triggered_at: datetime | None
    resolved_at: datetime | None
    is_reduced: bool
    was_closed: bool
    closed_status_id: int | None
    kinds: Sequence[str] | None
    steps_total: int | None
    steps_left: int | None
    is_isolated: bool | None
    report: Incident | None

    @property
    def host(self) -> str | None:
        """What to call the machine: its hostname or another name, else its agent; or None."""
        if self.agent is not None and self.agent.hostname:
            return self.agent.hostname
        name = self.device_name or self.named_host
        return name or (f"agent {self.agent_id}" if self.agent_id else None)

    @property
    def summary(self) -> str | None:
        """The SOC's summary, or else the report's body as plain text; None without a report."""
        if self.report is None:
            return None
        return self.report.summary or self._body

    @property
    def body(self) -> str | None:
        """The report's body as plain text, where a summary stands beside it."""
        return self._body if self.report is not None and self.report.summary else None

    @property
    def steps(self) -> Sequence[RemediationGroup]:
        """The remediations by action and state, those that people have to do first."""
        return group_remediations(self.report.remediations.items) if self.report else ()

    @property
    def _body(self) -> str | None:
        return clean_text(html_to_text(self.report.body or "")) if self.report else None


@dataclass(frozen=True, slots=True)
class FoundIncident:
    """A ticket's incident and the connection it came by; None for what the ticket does not have."""

    incident: IncidentView | None = None
    connection_name: str | None = None
    subdomain: str | None = None
    portal_template: str | None = None


@dataclass(frozen=True, slots=True)
class RawReport:
    """A raw report as readable text; `is_cut` says that it is longer than RAW_LENGTH."""

    ticket_id: int
    number: str
    title: str
    text: str
    is_cut: bool


def read_incident(session: Session, ticket: Ticket) -> FoundIncident:
    """Read the incident of a ticket in one statement, without the connection's credentials."""
    if ticket.connection_id is None:
        return FoundIncident()
    row = session.execute(_statement(ticket)).one()
    if row.id is None:
        return FoundIncident(None, row.name, row.subdomain, row.portal_template)
    incident = IncidentView(
        alert_id=row.id,
        connection_id=row.connection_id,
        status=row.status,
        severity=row.severity,
        is_incomplete=row.is_incomplete,
        organization_id=row.organization_external_id,
        organization_name=row.organization_name,
        agent=row.HuntressAgent.as_agent() if row.HuntressAgent else None,
        agent_id=row.agent_external_id,
        device_name=row.device_name,
        named_host=ticket.subject_name if is_host(ticket.subject_key) else None,
        triggered_at=row.triggered_at,
        resolved_at=row.resolved_at,
        is_reduced=row.is_reduced,
        was_closed=row.was_closed,
        closed_status_id=row.closed_status_id,
        kinds=row.kinds,
        steps_total=row.steps_total,
        steps_left=row.steps_left,
        is_isolated=row.is_isolated,
        report=_parse(row.raw, row.all_remediations),
    )
    return FoundIncident(incident, row.name, row.subdomain, row.portal_template)


def _statement(ticket: Ticket) -> Select[*tuple[Any, ...]]:
    is_small = func.length(Alert.raw_report) <= LARGEST_PARSED
    return (
        select(
            Connection.name,
            Connection.subdomain,
            Connection.closed_status_id,
            Connection.portal_template,
            Alert.id,
            Alert.connection_id,
            Alert.status,
            Alert.severity,
            Alert.is_incomplete,
            Alert.was_closed,
            Alert.kinds,
            Alert.steps_total,
            Alert.steps_left,
            Alert.is_isolated,
            Alert.organization_external_id,
            Alert.agent_external_id,
            Alert.device_name,
            Alert.triggered_at,
            Alert.resolved_at,
            OrganizationMapping.name.label("organization_name"),
            HuntressAgent,
            Alert.raw_report.is_(None).label("is_reduced"),
            case((is_small, Alert.raw_report)).label("raw"),
            Alert.all_remediations,
        )
        .select_from(Connection)
        .outerjoin(Alert, Alert.ticket_id == ticket.id)
        .outerjoin(
            OrganizationMapping,
            and_(
                OrganizationMapping.connection_id == Alert.connection_id,
                OrganizationMapping.external_id == Alert.organization_external_id,
            ),
        )
        .outerjoin(
            HuntressAgent,
            and_(
                HuntressAgent.connection_id == Alert.connection_id,
                HuntressAgent.external_id == Alert.agent_external_id,
                HuntressAgent.unknown_since.is_(None),
            ),
        )
        .where(Connection.id == ticket.connection_id)
        .order_by(Alert.id)
        .limit(1)
    )


def read_raw_report(ticket_id: int) -> RawReport:
    """The raw report of a ticket's incident, indented; raises NotFoundError if there is none.

    Control and bidirectional-override characters are dropped, because they could hide what the text
    says.
    """
    with reading() as session:
        row = session.execute(
            select(Ticket.number, Ticket.title, Alert.raw_report)
            .join(Alert, Alert.ticket_id == Ticket.id)
            .where(Ticket.id == ticket_id, Alert.raw_report.is_not(None))
            .order_by(Alert.id)
            .limit(1)
        ).one_or_none()
    if row is None:
        raise NotFoundError("No report is kept of this ticket.")
    text = clean_text(_pretty(row.raw_report), RAW_LENGTH * 2) or ""
    return RawReport(ticket_id, row.number, row.title, text[:RAW_LENGTH], len(text) > RAW_LENGTH)


def _pretty(raw: str) -> str:
    if len(raw) > LARGEST_PARSED:
        return raw[: RAW_LENGTH * 2]
    try:
        return json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return raw


def _parse(raw: str | None, remediations: str | None) -> Incident | None:
    """Parse a report; returns None for an unreadable one, so that the page still works."""
    if not raw:
        return None
    try:
        report = with_all_remediations(parse_incident_text(raw), remediations)
    except (ValueError, RecursionError):
        return None
    return report if report.id is not None else None
