"""Healing: what is unexplained goes into the inbox, so that the next poll processes it.

Where something happened to an alert or its ticket behind the product's back, the alert is put right
first. The poll would otherwise find nothing new in the report, or write a second ticket.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.domain.incident import Incident
from webapp.domain.plan import Reason
from webapp.domain.proof import Problem
from webapp.models import Alert, Ticket
from webapp.services.lookups import get_connection
from webapp.services.polling.collect_incidents import Collected, find_reduced, store_rows
from webapp.services.proof.books import Books
from webapp.services.transactions import FOR_CHANGE


@dataclass(frozen=True, slots=True)
class Unexplained:
    """An incident as Huntress lists it, and what is wrong with our books about it."""

    row: Collected
    incident: Incident
    problem: Problem


def heal(
    session: Session,
    connection_id: int,
    found: Sequence[Unexplained],
    books: Books,
    now: datetime,
) -> int:
    """Put the incidents into the inbox and ask for a poll; return how many there are.

    The caller's transaction holds the connection, and read the `books` since it does. The poll then
    writes or changes tickets by its own rules. An incident keeps its ticket where there is one.
    """
    if not found:
        return 0
    for one in found:
        _put_right(session, connection_id, one, books, now)
    session.flush()
    rows = [one.row for one in found]
    keys = [row.key for row in rows]
    alerts: Mapping[str, Any] = dict(
        session.execute(
            select(Alert.external_alert_id, Alert.ticket_id).where(
                Alert.connection_id == connection_id, Alert.external_alert_id.in_(keys)
            )
        ).all()
    )
    ticketed = {key for key, ticket_id in alerts.items() if ticket_id is not None}
    reduced = find_reduced(session, connection_id, rows, ticketed)
    store_rows(session, connection_id, rows, reduced, now, recorded=set(alerts))
    get_connection(session, connection_id).poll_requested_at = now
    return len(found)


def _put_right(
    session: Session, connection_id: int, one: Unexplained, books: Books, now: datetime
) -> None:
    key, own_ticket = one.row.key, books.ticket_ids.get(one.row.key)
    if one.problem is Problem.ALERT_GONE and own_ticket is not None:
        _bring_alert_back(session, connection_id, one, own_ticket, now)
        return
    if one.problem not in (Problem.TICKET_GONE, Problem.OTHER_TICKET, Problem.NO_REASON):
        return
    alert = session.get_one(Alert, books.alert_ids[key], populate_existing=True)
    if own_ticket is None and one.problem is Problem.OTHER_TICKET:
        own_ticket = _claim_ticket(session, connection_id, alert)
    alert.ticket_id = own_ticket
    if own_ticket is None:
        _ask_for_ticket(alert, one.incident)


def _ask_for_ticket(alert: Alert, incident: Incident) -> None:
    """Let the next poll write a ticket, if the incident still needs one."""
    wanted = Reason.TICKET_REQUESTED if incident.needs_work else Reason.NO_LINKED_TICKET
    alert.reason = wanted
    alert.content_hash = None  # so that the report counts as news
    alert.processed_at = None


def _claim_ticket(session: Session, connection_id: int, alert: Alert) -> int | None:
    """Give the alert's ticket its reference back if no other incident has to do with it."""
    others = session.scalar(
        select(func.count())
        .select_from(Alert)
        .where(Alert.ticket_id == alert.ticket_id, Alert.id != alert.id)
    )
    ticket = session.get(
        Ticket, alert.ticket_id, populate_existing=True, with_for_update=FOR_CHANGE
    )
    if others or ticket is None:
        return None
    owner = select(Alert.id).where(
        Alert.connection_id == ticket.connection_id,
        Alert.external_alert_id == ticket.source_reference,
        Alert.id != alert.id,
    )
    if session.scalar(owner.limit(1)) is not None:
        return None
    ticket.connection_id = connection_id
    ticket.source_reference = alert.external_alert_id
    return ticket.id


def _bring_alert_back(
    session: Session, connection_id: int, one: Unexplained, ticket_id: int, now: datetime
) -> None:
    """Link the ticket to an alert again: to its own one, which was moved, or to a new one."""
    moved = session.scalars(
        select(Alert).where(Alert.ticket_id == ticket_id, Alert.external_alert_id == one.row.key)
    ).first()
    if moved is not None:
        moved.connection_id = connection_id
        return
    incident = one.incident
    session.add(
        Alert(
            connection_id=connection_id,
            external_alert_id=one.row.key,
            ticket_id=ticket_id,
            status=incident.raw_status,
            severity=incident.raw_severity,
            organization_external_id=incident.organization_id,
            triggered_at=incident.sent_at or incident.updated_at,
            observed_at=now,
            created_at=now,
        )
    )
