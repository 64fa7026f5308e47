"""The facts of tickets that messages tell, as they are in the database now."""

import json
from collections.abc import Collection

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from webapp.domain.notices.facts import TicketFacts
from webapp.domain.untrusted import clean_line
from webapp.models import Alert, Client, OrganizationMapping, Ticket
from webapp.models.ticket import SOURCE_HUNTRESS

WHAT_LENGTH = 400
_FACTS = (
    select(
        Ticket.id,
        Ticket.number,
        Ticket.title,
        Ticket.client_id,
        Ticket.board_id,
        Ticket.connection_id,
        Ticket.is_unmapped,
        Ticket.is_drill,
        Client.name.label("client"),
        Client.external_reference.label("client_reference"),
        Ticket.source_reference.label("incident_id"),
        Alert.severity,
        Alert.raw_report,
        Alert.device_name,
        Alert.organization_external_id,
        OrganizationMapping.name.label("organization"),
    )
    .join(Client, Client.id == Ticket.client_id)
    .outerjoin(
        Alert,
        and_(
            Alert.connection_id == Ticket.connection_id,
            Alert.external_alert_id == Ticket.source_reference,
        ),
    )
    .outerjoin(
        OrganizationMapping,
        and_(
            OrganizationMapping.connection_id == Alert.connection_id,
            OrganizationMapping.external_id == Alert.organization_external_id,
        ),
    )
)


def read_facts(
    session: Session, ticket_ids: Collection[int], *, of_every_source: bool = False
) -> dict[int, TicketFacts]:
    """Return the facts of those of the tickets that came from Huntress, or of all, by ticket id."""
    if not ticket_ids:
        return {}
    wanted = _FACTS.where(Ticket.id.in_(ticket_ids))
    if not of_every_source:
        wanted = wanted.where(Ticket.source == SOURCE_HUNTRESS)
    rows = session.execute(wanted)
    return {
        row.id: TicketFacts(
            ticket_id=row.id,
            number=row.number,
            title=row.title,
            client=row.client,
            client_id=row.client_id,
            board_id=row.board_id,
            severity=row.severity,
            client_reference=row.client_reference,
            organization=row.organization,
            organization_key=row.organization_external_id,
            host=row.device_name,
            what=_what_happened(row.raw_report),
            incident_id=row.incident_id,
            connection_id=row.connection_id,
            is_unmapped=row.is_unmapped,
            is_drill=row.is_drill,
        )
        for row in rows
    }


def _what_happened(report: str | None) -> str | None:
    """Return the beginning of the report's summary; None where it cannot be read."""
    try:
        values = json.loads(report) if report else None
    except ValueError:
        return None
    return clean_line(values.get("summary"), WHAT_LENGTH) if isinstance(values, dict) else None
