"""Quarantine gives a report that cannot be processed a ticket, so that somebody sees it."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.markdown_text import escape_line
from webapp.domain.notices.events import QUARANTINED
from webapp.domain.ticket_text import build_quarantine_body, build_quarantine_title
from webapp.models import Alert, Comment, InboxRow, OrganizationMapping, Ticket
from webapp.models.ticket import SOURCE_HUNTRESS
from webapp.services.desk.ticket_numbers import take_ticket_numbers
from webapp.services.notices.poll_notices import PollNotices
from webapp.services.polling.cycle import Cycle
from webapp.services.polling.incident_batch import InboxEntry, portal_url
from webapp.services.tickets.clocks.keep_clocks import with_clocks
from webapp.services.tickets.ticket_state import hold_default_status
from webapp.services.transactions import transaction

UNKNOWN_PROBLEM = "The report could not be processed."


class _TrialOverError(Exception):
    """Rolls the trial ticket back."""


def can_write_tickets(cycle: Cycle) -> Exception | None:
    """Write a trial ticket and roll it back; return the error, or None when it could be written."""
    now = clock.utcnow()
    try:
        with transaction() as session:
            cycle.lease.fence(session)
            _insert_ticket(session, cycle, f"trial-{cycle.lease.token}", "Trial", "Trial", now)
            raise _TrialOverError
    except _TrialOverError:
        return None
    except SQLAlchemyError as error:
        return error


def quarantine_incident(cycle: Cycle, entry: InboxEntry) -> None:
    """Write an incomplete alert and its minimal ticket on the triage board, in one transaction.

    An incident that has a ticket keeps it. An incident gets no ticket if its organization is
    excluded, or if it was recorded as closed and is still closed. The inbox row stays and is tried
    again, except for a report without an id. When the report can be processed, the same ticket is
    completed.
    """
    now = clock.utcnow()
    with transaction() as session:
        cycle.lease.fence(session)
        row = session.get(InboxRow, entry.row_id)
        if row is None or row.quarantined_at is not None or row.dismissed_at is not None:
            return
        alert = session.scalars(
            select(Alert).where(
                Alert.connection_id == cycle.connection.id, Alert.external_alert_id == entry.key
            )
        ).one_or_none()
        if alert is None:
            alert = _new_alert(session, cycle, entry, now)
        if alert.ticket_id is None and not _gets_no_ticket(session, cycle, entry, alert):
            problem = row.error or UNKNOWN_PROBLEM
            alert.ticket_id = _write_minimal_ticket(session, cycle, entry, problem, now)
            alert.reason, alert.is_incomplete = None, True
            alert.was_closed = False  # its ticket is open; it closes when the report can be read
            session.flush()
            notices = PollNotices(is_first_poll=cycle.connection.is_first_poll)
            notices.note(QUARANTINED, alert.ticket_id)
            notices.write(session, now)
            cycle.run.count(created=1)
        row.quarantined_at = now
        row.in_flight_token = None
        if entry.incident.id is None:
            row.next_try_at = None
    cycle.run.count(quarantined=1)


def _gets_no_ticket(session: Session, cycle: Cycle, entry: InboxEntry, alert: Alert) -> bool:
    """Whether the incident was recorded as closed and still is, or its organization is excluded."""
    if not alert.is_incomplete and alert.was_closed and entry.incident.is_closed:
        return True
    creates_tickets = session.scalars(
        select(OrganizationMapping.creates_tickets).where(
            OrganizationMapping.connection_id == cycle.connection.id,
            OrganizationMapping.external_id == entry.incident.organization_id,
        )
    ).one_or_none()
    return creates_tickets is False


def _new_alert(session: Session, cycle: Cycle, entry: InboxEntry, now: datetime) -> Alert:
    incident = entry.incident
    alert = Alert(
        connection_id=cycle.connection.id,
        external_alert_id=entry.key,
        status=incident.raw_status,
        severity=incident.raw_severity,
        was_closed=incident.is_closed,
        is_incomplete=True,
        organization_external_id=incident.organization_id,
        triggered_at=incident.sent_at or incident.updated_at,
        observed_at=entry.fetched_at,
        is_drill=entry.is_drill,
        created_at=now,
    )
    session.add(alert)
    return alert


def _write_minimal_ticket(
    session: Session, cycle: Cycle, entry: InboxEntry, problem: str, now: datetime
) -> int:
    body = build_quarantine_body(
        entry.key, problem=problem, raw=entry.payload, portal_url=portal_url(cycle, entry.incident)
    )
    ticket_id = _insert_ticket(
        session,
        cycle,
        entry.key,
        build_quarantine_title(entry.key),
        body,
        now,
        is_drill=entry.is_drill,
    )
    words = f"The report could not be processed: {escape_line(problem)}"
    note = f"Incident ID: {escape_line(entry.key)}\n{words}"
    session.add(Comment(ticket_id=ticket_id, body=note, created_at=now))
    return ticket_id


def _insert_ticket(
    session: Session,
    cycle: Cycle,
    reference: str,
    title: str,
    body: str,
    now: datetime,
    *,
    is_drill: bool = False,
) -> int:
    """Insert a ticket on the fallback client and board, without regard to its report."""
    [number] = take_ticket_numbers(session, 1)
    status_id = hold_default_status(session).id
    values: dict[str, Any] = {
        "number": number,
        "title": title,
        "description": body,
        "client_id": cycle.connection.fallback_client_id,
        "board_id": cycle.connection.fallback_board_id,
        "status_id": status_id,
        "priority_id": cycle.connection.high_priority_id,
        "source": SOURCE_HUNTRESS,
        "connection_id": cycle.connection.id,
        "source_reference": reference,
        "is_unmapped": True,
        "is_drill": is_drill,
        "created_at": now,
        "updated_at": now,
    }
    [values] = with_clocks(session, [values], cycle.connection.polling_started_at)
    return session.execute(insert(Ticket).values(**values).returning(Ticket.id)).scalar_one()
