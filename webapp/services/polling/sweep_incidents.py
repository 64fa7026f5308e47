"""The sweep looks at all open incidents and so finds closings that the walk missed.

It lists the incidents that Huntress has open, then asks by id for each incident that is recorded
open but was not listed. The connection's row holds its progress, so that the next cycle continues a
sweep that was cut off.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update

from webapp import clock
from webapp.domain.cursor_walk import ListWalk, WalkError
from webapp.domain.incident import DELETED
from webapp.domain.markdown_text import escape_line
from webapp.domain.untrusted import parse_id
from webapp.huntress.errors import ErrorKind, HuntressError
from webapp.models import Alert, Comment, Ticket
from webapp.models.alert import is_open
from webapp.services.mapping.sync_organizations import sync_organizations
from webapp.services.notices.bell.ring_bell import ring_watchers
from webapp.services.polling.collect_incidents import collect_rows
from webapp.services.polling.cycle import Cycle
from webapp.services.polling.fetch_details import fetch_details
from webapp.services.polling.process_inbox import process_inbox
from webapp.services.transactions import FOR_CHANGE, NO_SYNC, reading, transaction

LISTED_STATUSES = ("sent", "auto_remediating")
EVERY = timedelta(days=1)
CHECKED_AT_ONCE = 20
CHECKED_PER_CYCLE = 200
"""The most look-ups by id in one cycle; the rest waits, so that new reports come first."""

FAILURES_IN_A_ROW = 3
"""After this many a list is asked for, to tell an outage from incidents that cannot be fetched."""

FAILURES_PER_CYCLE = 10
"""Each failure costs several calls; after this many the rest is left to the next cycle."""

log = logging.getLogger(__name__)


def is_sweep_due(cycle: Cycle, *, walk_was_long: bool) -> bool:
    """Whether a sweep is due.

    It is due until a first one has ended, daily, when asked for, and after a walk that may have
    missed rows. A sweep that has begun is due until it has ended.
    """
    connection = cycle.connection
    last = connection.last_sweep_at
    if last is None or walk_was_long or connection.sweep_started_at is not None:
        return True
    requested = connection.sweep_requested_at
    return clock.utcnow() - last >= EVERY or (requested is not None and requested > last)


def sweep_incidents(cycle: Cycle) -> None:
    """Sweep, or continue the sweep that an earlier cycle began.

    Collected reports are processed even if the sweep fails. Raises HuntressError, WalkError,
    LeaseLostError, GlobalProcessingError.
    """
    cycle.run.values["is_sweep"] = True
    connection = cycle.connection
    started_at = connection.sweep_started_at
    is_stale = started_at is not None and clock.utcnow() - started_at >= EVERY
    try:
        if started_at is None or connection.sweep_listed_at is None or is_stale:
            started_at = _list_open(cycle)
            fetch_details(cycle)
            process_inbox(cycle)
        is_complete = _check_unlisted(cycle, started_at)
    except (HuntressError, WalkError):
        process_inbox(cycle)
        raise
    process_inbox(cycle)
    if is_complete:
        _note(cycle, last_sweep_at=started_at, sweep_started_at=None, sweep_listed_at=None)


def _list_open(cycle: Cycle) -> datetime:
    """List all open incidents; return when the sweep began."""
    started_at = clock.utcnow()
    _note(cycle, sweep_started_at=started_at, sweep_listed_at=None)
    _sync_organizations(cycle)
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


def _sync_organizations(cycle: Cycle) -> None:
    """Update the mapping table; of Huntress's errors only refused credentials end the sweep."""
    if cycle.has_synced_organizations:
        return
    try:
        sync_organizations(
            cycle.connection.id,
            cycle.client,
            guard=cycle.lease.fence,
            on_page=cycle.lease.renew,
        )
    except HuntressError as error:
        if error.kind is ErrorKind.UNAUTHORIZED:
            raise
        log.warning(
            "connection %s: the organizations could not be synchronized: %s",
            cycle.connection.id,
            error.sentence,
        )


def _note(cycle: Cycle, **values: datetime | None) -> None:
    with transaction() as session:
        cycle.lease.fence(session, **values)


def _check_unlisted(cycle: Cycle, started_at: datetime) -> bool:
    """Ask by id for incidents that are recorded open but were not seen since `started_at`.

    Returns whether all of them were asked for. The next sweep asks again for incidents that could
    not be fetched. Raises HuntressError in an outage.
    """
    lookups = _Lookups(cycle, started_at)
    while batch := _unlisted(cycle, started_at, lookups.unclear):
        for alert_id, incident_id in batch:
            if lookups.are_used_up:
                lookups.settle()
                return False
            cycle.run.show("checking", lookups.made, lookups.made + len(batch))
            lookups.make(alert_id, incident_id)
    lookups.settle()
    return True


@dataclass
class _Lookups:
    """The look-ups of one cycle.

    `unclear` are the alerts of failed look-ups that may be due to an outage or to the incident
    itself.
    """

    cycle: Cycle
    started_at: datetime
    made: int = 0
    failed: int = 0
    unclear: list[int] = field(default_factory=list)

    @property
    def are_used_up(self) -> bool:
        """Whether the other look-ups must be left to the next cycle."""
        return self.made >= CHECKED_PER_CYCLE or self.failed >= FAILURES_PER_CYCLE

    def make(self, alert_id: int, incident_id: str) -> None:
        """Look one incident up; if only this incident cannot be fetched, the failure is noted.

        Raises HuntressError in an outage, for refused credentials and for a rate limit.
        """
        self.made += 1
        try:
            _check(self.cycle, alert_id, incident_id)
        except HuntressError as error:
            if error.kind in (ErrorKind.UNAUTHORIZED, ErrorKind.RATE_LIMITED):
                raise
            log.warning("an open incident could not be checked: %s", error.sentence)
            self.failed += 1
            self.unclear.append(alert_id)
            if len(self.unclear) >= FAILURES_IN_A_ROW:
                self.cycle.client.list_incident_reports(limit=1)  # raises in an outage
                self.settle()
        else:
            self.settle()

    def settle(self) -> None:
        """Note that the unclear alerts were asked for without success; there is no outage."""
        if not self.unclear:
            return
        checked_at = max(self.started_at, clock.utcnow())
        with transaction() as session:
            self.cycle.lease.fence(session)
            session.execute(
                update(Alert).where(Alert.id.in_(self.unclear)).values(checked_at=checked_at),
                execution_options=NO_SYNC,
            )
        self.unclear.clear()


def _unlisted(cycle: Cycle, started_at: datetime, unclear: Sequence[int]) -> list[tuple[int, str]]:
    """Return the incidents to look up next; those asked for or seen longest ago come first."""
    with reading() as session:
        rows = session.execute(
            select(Alert.id, Alert.external_alert_id)
            .where(
                Alert.connection_id == cycle.connection.id,
                is_open(),
                Alert.is_drill.is_(False),
                Alert.observed_at < started_at,
                or_(Alert.checked_at.is_(None), Alert.checked_at < started_at),
                Alert.external_alert_id.not_like("sha256:%"),
                Alert.id.not_in(unclear),
            )
            .order_by(func.coalesce(Alert.checked_at, Alert.observed_at), Alert.id)
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
            update(Alert)
            .where(Alert.id == alert_id)
            .values(observed_at=clock.utcnow(), checked_at=None),
            execution_options=NO_SYNC,
        )


def _record_deleted(cycle: Cycle, alert_id: int) -> None:
    """Record that Huntress no longer has the incident; its ticket gets only a note."""
    now = clock.utcnow()
    with transaction() as session:
        cycle.lease.fence(session)
        alert = session.get_one(Alert, alert_id)
        previous, alert.status, alert.observed_at = alert.parsed_status, DELETED, now
        if alert.ticket_id is not None:
            body = f"Huntress no longer has this incident (its status was {_word(previous)})."
            ticket = session.get_one(
                Ticket, alert.ticket_id, with_for_update=FOR_CHANGE, populate_existing=True
            )
            ticket.updated_at = now
            if ticket.closed_at is None:
                body += " The ticket stays open until somebody closes it."
            session.add(Comment(ticket_id=alert.ticket_id, body=body, created_at=now))
            ring_watchers(session, {alert.ticket_id: None}, now=now)
            cycle.run.count(noted=1)
        else:
            cycle.run.count_recorded({DELETED: 1})


def _word(status: str | None) -> str:
    return escape_line(status) if status else "unknown"
