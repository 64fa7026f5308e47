"""Tickets as the command line prints them."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from webapp.models import Alert, Connection, Ticket
from webapp.services.list_sizes import EXPORT_BATCH
from webapp.services.portal_links import incident_url
from webapp.services.transactions import reading


def export_tickets(*, only_open: bool = False) -> Iterator[dict[str, object]]:
    """Every ticket by age, the oldest first, read in batches; times are ISO texts in UTC."""
    last_id = 0
    while batch := _read_batch(last_id, only_open=only_open):
        for ticket, alert, subdomain, template in batch:
            reference = ticket.source_reference if ticket.connection_id else None
            organization_id = alert.organization_external_id if alert else None
            url = incident_url(reference, organization_id, subdomain=subdomain, chosen=template)
            yield {**_as_dict(ticket, alert), "portal_url": url}
        last_id = batch[-1][0].id


def _read_batch(
    last_id: int, *, only_open: bool
) -> list[tuple[Ticket, Alert | None, str | None, str | None]]:
    query = (
        select(Ticket, Alert, Connection.subdomain, Connection.portal_template)
        .outerjoin(Connection, Connection.id == Ticket.connection_id)
        .outerjoin(
            Alert,
            (Alert.connection_id == Ticket.connection_id)
            & (Alert.external_alert_id == Ticket.source_reference),
        )
        .where(Ticket.id > last_id)
        .options(
            *(
                joinedload(getattr(Ticket, name))
                for name in (
                    "client",
                    "board",
                    "status",
                    "priority",
                    "assignee",
                    "category",
                    "subcategory",
                )
            )
        )
        .order_by(Ticket.id)
        .limit(EXPORT_BATCH)
        .execution_options(populate_existing=True)
    )
    if only_open:
        query = query.where(Ticket.closed_at.is_(None))
    with reading() as session:
        return [(*row,) for row in session.execute(query)]


def _as_dict(ticket: Ticket, alert: Alert | None) -> dict[str, object]:
    return {
        "number": ticket.number,
        "title": ticket.title,
        "client": ticket.client.name,
        "board": ticket.board.name,
        "status": ticket.status.name,
        "is_closed": ticket.closed_at is not None,
        "priority": ticket.priority.name,
        "category": ticket.category.name if ticket.category else None,
        "subcategory": ticket.subcategory.name if ticket.subcategory else None,
        "assignee": ticket.assignee.email if ticket.assignee else None,
        "source": ticket.source,
        "connection_id": ticket.connection_id,
        "source_reference": ticket.source_reference,
        "incident_status": alert.status if alert else None,
        "incident_severity": alert.severity if alert else None,
        "kinds": alert.kinds if alert else None,
        "is_isolated": alert.is_isolated if alert else None,
        "steps_total": alert.steps_total if alert else None,
        "steps_left": alert.steps_left if alert else None,
        "host": ticket.subject_name,
        "user": ticket.subject_user,
        "raised_severity": ticket.raised_severity,
        "external_reference": ticket.external_reference,
        "reported_at": ticket.reported_at.isoformat(),
        "created_at": ticket.created_at.isoformat(),
        "updated_at": ticket.updated_at.isoformat(),
        "closed_at": ticket.closed_at.isoformat() if ticket.closed_at else None,
    }
