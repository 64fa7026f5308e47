"""The sweep: a complete look at all open incidents, closings of which nobody told us included.

It lists what Huntress has open, then asks by id for each incident that is recorded open but was
not listed. It is remembered in the connection's row, so that a sweep that was cut off goes on.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update

from webapp import clock
from webapp.domain.cursor_walk import ListWalk
from webapp.domain.incident import CLOSED_STATUSES, DELETED
from webapp.domain.untrusted import parse_id
from webapp.huntress.errors import ErrorKind, HuntressError
from webapp.models import Alert, Comment
from webapp.services.collect_incidents import collect_rows
from webapp.services.fetch_details import fetch_details
from webapp.services.poll_cycle import Cycle
from webapp.services.process_inbox import process_inbox
from webapp.services.sync_organizations import sync_organizations
from webapp.services.transactions import reading, transaction

LISTED_STATUSES = ("sent", "auto_remediating")
EVERY = timedelta(days=1)
CHECKED_AT_ONCE = 20
CHECKED_PER_CYCLE = 200
"""By-id look-ups of one cycle; the rest is left to the next one, so that new reports come first."""

FAILURES_IN_A_ROW = 3
"""After so many a list is asked for, to tell an outage from incidents that cannot be had."""

FAILURES_THAT_END_IT = 10

log = logging.getLogger(__name__)


def is_sweep_due(cycle: Cycle, *, walk_was_long: bool) -> bool:
    """In the first cycle, daily, when asked for, and after a walk that could have lost rows."""
    connection = cycle.connection
    last = connection.last_sweep_at
    if last is None or walk_was_long or connection.sweep_started_at is not None:
        return True
    requested = connection.sweep_requested_at
    return clock.utcnow() - last >= EVERY or (requested is not None and requested > last)


def sweep_incidents(cycle: Cycle) -> None:
    """Sweep, or go on with the sweep that an earlier cycle began. Raises HuntressError."""
    cycle.run.values["is_sweep"] = True
    connection = cycle.connection
    started_at = connection.sweep_started_at
    is_stale = started_at is not None and clock.utcnow() - started_at >= EVERY
    if started_at is None or connection.sweep_listed_at is None or is_stale:
        started_at = _list_open(cycle)
        fetch_details(cycle)
        process_inbox(cycle)
    is_complete = _check_unlisted(cycle, started_at)
    process_inbox(cycle)
    if is_complete:
        _note(cycle, last_sweep_at=started_at, sweep_started_at=None, sweep_listed_at=None)


def _list_open(cycle: Cycle) -> datetime:
    """List everything open; returns when the sweep began."""
    started_at = clock.utcnow()
    _note(cycle, sweep_started_at=started_at, sweep_listed_at=None)
    if not cycle.has_synced_organizations:
        sync_organizations(cycle.connection.id, cycle.client, guard=cycle.lease.fence)
    for status in LISTED_STATUSES:
        walk = ListWalk()
        while not walk.is_finished:
            page = cycle.client.list_incident_reports(
                walk.next_token, status=status, sort_field="id", sort_direction="desc"
            )
            collect_rows(cycle, walk.take(page), is_sweep=True)
            cycle.lease.renew()
            cycle.run.show("sweeping", walk.pages)
    _note(cycle, sweep_listed_at=clock.utcnow())
    return started_at


def _note(cycle: Cycle, **values: datetime | None) -> None:
    with transaction() as session:
        cycle.lease.fence(session, **values)


def _check_unlisted(cycle: Cycle, started_at: datetime) -> bool:
    """Ask by id for what is recorded open but was not seen since `started_at`.

    Returns whether all of them were asked for.
    """
    checked = failures = 0  # failures: in a row
    skipped: set[int] = set()
    while checked < CHECKED_PER_CYCLE:
        ids = _unlisted(cycle, started_at, skipped)
        if not ids:
            return True
        for alert_id, incident_id in ids:
            cycle.run.show("checking", checked, checked + len(ids))
            checked += 1
            try:
                _check(cycle, alert_id, incident_id)
                failures = 0
            except HuntressError as error:
                failures += 1
                skipped.add(alert_id)
                _raise_if_general(cycle, error, failures, len(skipped))
    return False


def _raise_if_general(cycle: Cycle, error: HuntressError, in_a_row: int, in_all: int) -> None:
    """Incidents that cannot be had must not keep the others from being looked at."""
    is_general = error.kind in (ErrorKind.UNAUTHORIZED, ErrorKind.RATE_LIMITED)
    if is_general or in_all >= FAILURES_THAT_END_IT:
        raise error
    if in_a_row >= FAILURES_IN_A_ROW:
        cycle.client.list_incident_reports(limit=1)  # raises in an outage
    log.warning("an open incident could not be checked: %s", error.sentence)


def _unlisted(cycle: Cycle, started_at: datetime, skipped: set[int]) -> list[tuple[int, str]]:
    with reading() as session:
        rows = session.execute(
            select(Alert.id, Alert.external_alert_id)
            .where(
                Alert.connection_id == cycle.connection.id,
                or_(Alert.status.is_(None), Alert.status.not_in([*CLOSED_STATUSES, DELETED])),
                Alert.observed_at < started_at,
                Alert.external_alert_id.not_like("sha256:%"),
                Alert.id.not_in(skipped),
            )
            .order_by(Alert.observed_at, Alert.id)
            .limit(CHECKED_AT_ONCE)
        )
        return [(row.id, row.external_alert_id) for row in rows]


def _check(cycle: Cycle, alert_id: int, incident_id: str) -> None:
    report = cycle.client.get_incident_report(incident_id)
    if report is None:
        _record_deleted(cycle, alert_id)
        return
    if parse_id(report.get("id")) != incident_id:
        report = {**report, "id": incident_id}
    collect_rows(cycle, [report], is_sweep=True)
    with transaction() as session:
        cycle.lease.fence(session)
        session.execute(
            update(Alert).where(Alert.id == alert_id).values(observed_at=clock.utcnow()),
            execution_options={"synchronize_session": False},
        )


def _record_deleted(cycle: Cycle, alert_id: int) -> None:
    """Huntress has no such incident any more: noted, the ticket stays as it is."""
    now = clock.utcnow()
    with transaction() as session:
        cycle.lease.fence(session)
        alert = session.get(Alert, alert_id)
        if alert is None:
            return
        previous, alert.status, alert.observed_at = alert.status, DELETED, now
        if alert.ticket_id is not None:
            body = (
                f"Huntress no longer has this incident (its status was {previous or 'unknown'})."
                " The ticket stays open until somebody closes it."
            )
            session.add(Comment(ticket_id=alert.ticket_id, body=body, created_at=now))
            cycle.run.count(noted=1)
        else:
            cycle.run.count(recorded=1)
