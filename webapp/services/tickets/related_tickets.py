"""Earlier incidents of the same host and earlier tickets of the same client, a few of each.

Drills are none of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Subquery, literal, select, union_all
from sqlalchemy.orm import Session

from webapp.models import Alert, Status, Ticket
from webapp.models.watch import is_no_drill
from webapp.services.tickets.read_incident import IncidentView

SHOWN = 5
SAME_HOST, SAME_CLIENT = "host", "client"


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier ticket, or an earlier incident without a ticket (`ticket_id` is None)."""

    ticket_id: int | None
    number: str | None
    title: str
    is_closed: bool
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class Related:
    """Earlier tickets and incidents, newest first, at most SHOWN in each list, and none twice."""

    of_host: Sequence[Earlier]
    of_client: Sequence[Earlier]


def find_related(session: Session, ticket: Ticket, incident: IncidentView | None) -> Related:
    """Find earlier incidents of the ticket's host and earlier tickets of its client."""
    parts = [_of_client(ticket)]
    if incident is not None and incident.agent_id is not None:
        parts.append(_of_host(incident))
    rows = session.execute(union_all(*[select(part) for part in parts])).all()
    found = {
        kind: [
            Earlier(
                ticket_id=row.ticket_id,
                number=row.number,
                title=row.title or "Incident without a subject",
                is_closed=bool(row.is_closed),
                happened_at=row.happened_at,
            )
            for row in rows
            if row.kind == kind
        ]
        for kind in (SAME_HOST, SAME_CLIENT)
    }
    of_host = found[SAME_HOST]
    shown = {row.ticket_id for row in of_host}
    others = [row for row in found[SAME_CLIENT] if row.ticket_id not in shown]
    return Related(of_host=of_host, of_client=others[:SHOWN])


def _of_host(incident: IncidentView) -> Subquery:
    return (
        select(
            literal(SAME_HOST).label("kind"),
            Alert.ticket_id.label("ticket_id"),
            Ticket.number.label("number"),
            Alert.message.label("title"),
            Alert.was_closed.label("is_closed"),
            Alert.created_at.label("happened_at"),
        )
        .outerjoin(Ticket, Ticket.id == Alert.ticket_id)
        .where(
            Alert.agent_external_id == incident.agent_id,
            Alert.connection_id == incident.connection_id,
            Alert.id < incident.alert_id,
            Alert.is_drill.is_(False),
        )
        .order_by(Alert.id.desc())
        .limit(SHOWN)
        .subquery()
    )


def _of_client(ticket: Ticket) -> Subquery:
    return (
        select(
            literal(SAME_CLIENT).label("kind"),
            Ticket.id.label("ticket_id"),
            Ticket.number.label("number"),
            Ticket.title.label("title"),
            Status.is_closed.label("is_closed"),
            Ticket.created_at.label("happened_at"),
        )
        .join(Status, Status.id == Ticket.status_id)
        .where(Ticket.client_id == ticket.client_id, Ticket.id < ticket.id, is_no_drill())
        .order_by(Ticket.id.desc())
        .limit(2 * SHOWN)  # as many of them may be those of the host
        .subquery()
    )
