"""Writing tickets for open incidents that were only recorded.

Their organization was excluded, or they are older than the backfill.

A ticket needs the incident's report, and only a reduced part is kept of an excluded organization's
incidents. These incidents are marked and a sweep is requested, which fetches the reports and writes
the tickets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.incident import DELETING, DRAFT, parse_incident_text
from webapp.domain.plan import Reason
from webapp.models import Alert, Connection, OrganizationMapping
from webapp.models.alert import is_open
from webapp.services.audit import record_event
from webapp.services.calls.open_client import require_credentials
from webapp.services.edition import require_enterprise
from webapp.services.errors import RefusedError
from webapp.services.lookups import get_row
from webapp.services.polling.held_connection import HeldConnection, lock_connection
from webapp.services.polling.incident_batch import InboxEntry
from webapp.services.polling.write_incidents import write_tickets
from webapp.services.transactions import reading, transaction

BATCH = 100
"""The most incidents in one transaction.

A poll then waits for it no longer than for a transaction of its own.
"""

Selected = TypeVar("Selected")

_NO_MORE = (Reason.TICKET_REQUESTED, Reason.TICKET_DELETED)
_NO_ROW = 0
_NO_INCIDENT = "There is no such incident."


@dataclass(frozen=True, slots=True)
class TicketedIncidents:
    """How many tickets were written and requested.

    The `created` tickets were written. The `requested` ones come with the next poll, which has to
    fetch their reports first.
    """

    created: int = 0
    requested: int = 0

    def __add__(self, other: "TicketedIncidents") -> "TicketedIncidents":
        return TicketedIncidents(self.created + other.created, self.requested + other.requested)


def count_recorded_incidents(connection_id: int) -> int:
    """Return how many open incidents have no ticket although their organization is not excluded.

    Incidents whose ticket was asked for already are left out.
    """
    with reading() as session:
        return session.scalar(count_recorded(connection_id)) or 0


def count_recorded(connection_id: int) -> Select[int]:
    """Return the query of `count_recorded_incidents`."""
    return _recorded(select(func.count(Alert.id)), connection_id)


def ticket_recorded_incidents(connection_id: int, *, actor_id: int) -> TicketedIncidents:
    """Write a ticket for each incident that `count_recorded_incidents` counts.

    Each incident gets exactly one ticket, with the texts and routing of a poll. A transaction holds
    up to 100 incidents and has one audit event. A poll at the same time waits for the transaction
    and then finds the tickets. Raises RefusedError where routing is incomplete,
    MissingCredentialsError where reports would have to be fetched and the connection is
    disconnected, NotFoundError, EditionError.
    """
    require_enterprise()
    total, last_id = TicketedIncidents(), 0
    while True:
        with transaction() as session:
            held = lock_connection(session, connection_id)
            alerts = session.scalars(
                _recorded(select(Alert), connection_id)
                .where(Alert.id > last_id)
                .order_by(Alert.id)
                .limit(BATCH)
            ).all()
            total += _ticket(session, held, alerts, actor_id)
        if len(alerts) < BATCH:
            return total
        last_id = alerts[-1].id


def ticket_incident(alert_id: int, actor_id: int) -> TicketedIncidents:
    """Write a ticket for one open incident.

    `requested` is 1 where its report has to be fetched first.

    Raises RefusedError where the incident has a ticket, its ticket was asked for already, it is
    over, or its organization is excluded. Other errors are those of `ticket_recorded_incidents`.
    """
    require_enterprise()
    with reading() as session:
        connection_id = get_row(session, Alert, alert_id, _NO_INCIDENT).connection_id
    with transaction() as session:
        held = lock_connection(session, connection_id)
        alert = session.get_one(Alert, alert_id, populate_existing=True)
        if alert.ticket_id is not None:
            raise RefusedError("This incident has a ticket already.")
        if alert.reason == Reason.TICKET_REQUESTED:
            raise RefusedError("The ticket was asked for already; it comes with the next poll.")
        query = _recorded(select(Alert.id), connection_id).where(Alert.id == alert_id)
        if session.scalar(query) is None:
            raise RefusedError(
                "This incident gets no ticket: it is over, Huntress has not sent it yet, its "
                "ticket was deleted for its age, or its organization is excluded. Include the "
                "organization first."
            )
        return _ticket(session, held, [alert], actor_id)


def _ticket(
    session: Session, held: HeldConnection, alerts: Sequence[Alert], actor_id: int
) -> TicketedIncidents:
    """Write or ask for the tickets, in the caller's transaction, which holds the connection."""
    entries = [entry for alert in alerts if (entry := _entry(alert)) is not None]
    readable = {entry.key for entry in entries}
    lacking = [alert for alert in alerts if alert.external_alert_id not in readable]
    if entries:
        write_tickets(session, held, entries)
    if lacking:
        _request(session, held, lacking)
    if alerts:
        record_event(
            session,
            action="incidents.ticketed",
            subject_type="connection",
            subject_id=held.connection.id,
            after={
                "created": sorted(readable),
                "requested": sorted(alert.external_alert_id for alert in lacking),
            },
            actor_id=actor_id,
        )
    return TicketedIncidents(len(entries), len(lacking))


def _request(session: Session, held: HeldConnection, alerts: Sequence[Alert]) -> None:
    """Request a sweep, with which the next poll fetches the reports."""
    connection = session.get_one(Connection, held.connection.id)
    require_credentials(connection)
    connection.sweep_requested_at = clock.utcnow()
    for alert in alerts:
        alert.reason = Reason.TICKET_REQUESTED
        alert.content_hash = None  # so that the report that Huntress lists counts as news


def _entry(alert: Alert) -> InboxEntry | None:
    """Return the recorded report as an inbox entry; None where it is not kept whole."""
    if not alert.raw_report or not alert.content_hash:
        return None
    incident = parse_incident_text(alert.raw_report)
    if incident.id != alert.external_alert_id:
        return None
    return InboxEntry(
        row_id=_NO_ROW,
        version=_NO_ROW,
        key=alert.external_alert_id,
        payload=alert.raw_report,
        content_hash=alert.content_hash,
        is_reduced=False,
        fetched_at=alert.observed_at,
        attempts=0,
        next_try_at=None,
        error=None,
        in_flight_token=None,
        quarantined_at=None,
        incident=incident,
    )


def _recorded(query: Select[Selected], connection_id: int) -> Select[Selected]:
    """Limit `query` to open incidents that have no ticket but could have one; no drill is one."""
    its_organization = and_(
        OrganizationMapping.connection_id == Alert.connection_id,
        OrganizationMapping.external_id == Alert.organization_external_id,
    )
    conditions: list[ColumnElement[bool]] = [
        Alert.connection_id == connection_id,
        is_open(),
        Alert.ticket_id.is_(None),
        Alert.is_drill.is_(False),
        Alert.is_incomplete.is_(False),
        or_(Alert.parsed_status.is_(None), Alert.parsed_status.not_in((DELETING, DRAFT))),
        or_(Alert.reason.is_(None), Alert.reason.not_in(_NO_MORE)),
        or_(OrganizationMapping.id.is_(None), OrganizationMapping.creates_tickets),
    ]
    return query.outerjoin(OrganizationMapping, its_organization).where(*conditions)
