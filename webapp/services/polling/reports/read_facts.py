"""What lists need of a report, read when it is written; older reports are read again in batches.

FACTS_VERSION goes up with every change of what is read. Reports that an earlier version read are
read again by the hourly upkeep, those of open tickets first. Any batch may be interrupted, and a
report may be read any number of times. The indicators of tickets are found in the same pass.
"""

import time
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from webapp.domain.incident import Incident
from webapp.domain.plan import usable_time
from webapp.domain.searching.report_words import words_of_report
from webapp.domain.triage.incident_kinds import order_kinds
from webapp.domain.triage.steps import count_steps
from webapp.domain.triage.subjects import find_subject
from webapp.models import Alert, Connection, Ticket
from webapp.services.lookups import get_connection
from webapp.services.tickets.indicators.write_indicators import write_indicators
from webapp.services.transactions import reading, transaction

FACTS_VERSION = 1
BATCH = 100
BATCH_SECONDS = 0.12
"""A batch ends after this time, so that it holds SQLite's write lock only for a moment."""

AT_ONCE_SECONDS = 60.0
NO_FACTS: dict[str, Any] = dict.fromkeys(
    ("kinds", "steps_total", "steps_left", "is_isolated", "report_text")
)


def alert_facts(incident: Incident) -> dict[str, Any]:
    """The columns of an alert that hold what lists show and the search finds of its report."""
    steps = count_steps(incident)
    return {
        "kinds": order_kinds(kind for kind, _ in incident.indicators),
        "steps_total": steps.total,
        "steps_left": steps.left,
        "is_isolated": steps.is_isolated,
        "report_text": words_of_report(incident),
        "facts_version": FACTS_VERSION,
    }


def subject_facts(incident: Incident, hostname: str | None) -> dict[str, Any]:
    """The columns of a ticket that say what it is about; `hostname` is that of the agent."""
    subject = find_subject(incident, hostname)
    return {
        "subject_name": subject.name,
        "subject_key": subject.key,
        "subject_user": subject.user,
    }


def reported_time(incident: Incident, now: datetime, *, huntress_now: datetime) -> datetime:
    """When the incident was sent; `now` where that is missing or, by Huntress's clock, to come.

    It is never later than `now` by our own clock.
    """
    return min(usable_time(incident.sent_at, huntress_now) or now, now)


def write_facts(alert: Alert, incident: Incident, ticket: Ticket | None = None) -> None:
    """Write what lists need of the report of `alert`; both rows belong to the caller's transaction.

    `incident` holds all remediations that are known. A ticket keeps the names it has where the
    report names none.
    """
    for name, value in alert_facts(incident).items():
        setattr(alert, name, value)
    if ticket is None:
        alert.report_text = None  # only tickets are searched
    else:
        for name, value in subject_facts(incident, alert.device_name).items():
            if value is not None:
                setattr(ticket, name, value)


def read_older_reports(*, seconds: float = AT_ONCE_SECONDS) -> int:
    """Read reports of earlier versions again for about so many `seconds`; return how many."""
    ends_at = time.monotonic() + seconds
    with reading() as session:
        connections = session.scalars(select(Connection.id).order_by(Connection.id)).all()
    count = 0
    for of_open in (True, False):
        for connection_id in connections:
            while time.monotonic() < ends_at and (
                read := _read_batch(connection_id, of_open=of_open)
            ):
                count += read
    return count


def _read_batch(connection_id: int, *, of_open: bool) -> int:
    """Read the newest reports that are left, while the locked connection keeps polls waiting."""
    ends_at, count = time.monotonic() + BATCH_SECONDS, 0
    with transaction() as session:
        get_connection(session, connection_id, lock=True)
        reports: dict[int, Incident] = {}
        for alert, ticket in _older(session, connection_id, of_open=of_open):
            incident = _read_again(alert, ticket)
            if incident is not None and ticket is not None and not alert.is_drill:
                reports[ticket.id] = incident
            count += 1
            if time.monotonic() > ends_at:
                break
        write_indicators(session, reports)
    return count


def _older(
    session: Session, connection_id: int, *, of_open: bool
) -> list[tuple[Alert, Ticket | None]]:
    statement = (
        select(Alert, Ticket)
        .outerjoin(Ticket, Ticket.id == Alert.ticket_id)
        .where(Alert.connection_id == connection_id, Alert.facts_version < FACTS_VERSION)
        .options(defer(Ticket.description, raiseload=True))
        .order_by(Alert.id.desc())
        .limit(BATCH)
        .execution_options(populate_existing=True)
    )
    if of_open:
        statement = statement.where(Ticket.closed_at.is_(None), Ticket.id.is_not(None))
    found: list[tuple[Alert, Ticket | None]] = [
        (row[0], row[1]) for row in session.execute(statement)
    ]
    _lock(session, [ticket.id for _, ticket in found if ticket is not None])
    return found


def _lock(session: Session, ticket_ids: list[int]) -> None:
    """Lock the tickets in the order of their ids, as bulk changes do."""
    tickets = select(Ticket.id).where(Ticket.id.in_(ticket_ids)).order_by(Ticket.id)
    session.execute(tickets.with_for_update(key_share=True))


def _read_again(alert: Alert, ticket: Ticket | None) -> Incident | None:
    """Write the facts of a report and return it; None where none is kept that can be read."""
    try:
        incident = alert.read_report()
    except (ValueError, RecursionError):
        incident = None
    if incident is None:
        alert.facts_version = FACTS_VERSION
    else:
        write_facts(alert, incident, ticket)
    return incident
