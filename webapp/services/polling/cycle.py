"""The state that the steps of one poll cycle share."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.incident import is_closed_status, status_of_report
from webapp.domain.untrusted import parse_id
from webapp.huntress.client import HuntressClient
from webapp.services.schedule.lease import Lease, PolledConnection
from webapp.services.schedule.run_log import RunLog

CLOCK_TOLERANCE = timedelta(seconds=5)
"""How far a report's time may lie after Huntress's clock and still be usable.

Huntress's `Date` header counts whole seconds and its answer takes a while to arrive. Without a
tolerance an incident that changed a moment ago would count as one without a usable time and would
be noted twice.
"""

log = logging.getLogger(__name__)


class NoWaitError(Exception):
    """A step that must not wait could not go on without waiting."""


@dataclass
class Cycle:
    """A running poll with its connection as it was claimed, its lease, its record and its client.

    `wanted_agents` and `wanted_organizations` are the ids that collected reports mention and whose
    details are needed. `cursor` is set once the walk has reached its boundary. `seconds_ahead` is
    how far our clock is surely ahead of Huntress's, None before an answer of the walk.
    """

    connection: PolledConnection
    lease: Lease
    run: RunLog
    portal_url: str
    clock_skew: timedelta = timedelta()
    seconds_ahead: int | None = None
    may_wait: bool = True
    wanted_agents: set[str] = field(default_factory=set)
    wanted_organizations: set[str] = field(default_factory=set)
    cursor: datetime | None = None
    is_walk_cut_off: bool = False
    has_pending_details: bool = False
    has_synced_organizations: bool = False
    _client: HuntressClient | None = None

    def __post_init__(self) -> None:
        self.has_pending_details = self.connection.has_pending_details
        self.is_walk_cut_off = self.connection.is_walk_cut_off or self.connection.was_interrupted

    @property
    def has_client(self) -> bool:
        """Whether `use` was called, so that `client` is available."""
        return self._client is not None

    @property
    def client(self) -> HuntressClient:
        """The client that `use` set. Raises RuntimeError before that."""
        if self._client is None:
            raise RuntimeError("the cycle has no client yet")
        return self._client

    def use(self, client: HuntressClient) -> None:
        """Set the client with which the cycle calls Huntress."""
        self._client = client

    def set_horizon(self, horizon: datetime) -> None:
        """Set the horizon that the first page of the connection's first poll has fixed."""
        self.connection = replace(self.connection, horizon=horizon)

    def note_time(self, answered_at: datetime, *, asked_at: datetime) -> None:
        """Measure Huntress's clock by an answer that was asked for at `asked_at`, our time (UTC).

        A difference that may come from waiting for the answer is none; a new one is logged once.
        """
        now = clock.utcnow()
        self.clock_skew = answered_at - now
        nothing = timedelta()
        skew = max(asked_at - answered_at, nothing) - max(answered_at - now, nothing)
        before = self.connection.huntress_skew_seconds or 0
        known = timedelta(seconds=before if self.seconds_ahead is None else self.seconds_ahead)
        self.seconds_ahead = round(skew.total_seconds())
        if clock.does_matter(skew) and not clock.does_matter(known):
            log.warning(
                "The clock that Triagedesk goes by is %s Huntress's (connection %s). %s",
                clock.skew_words(skew),
                self.connection.id,
                clock.SKEW_HINT,
            )

    def huntress_now(self) -> datetime:
        """Return the latest time (UTC) that Huntress's clock can show.

        It is our time, corrected by Huntress's `Date` header, plus CLOCK_TOLERANCE.
        """
        return clock.utcnow() + self.clock_skew + CLOCK_TOLERANCE

    def note_pending_details(self, session: Session) -> None:
        """Remember that some tickets still lack details; this poll or the next fills them in."""
        if not self.has_pending_details:
            self.lease.fence(session, has_pending_details=True)

    def on_wait(self, seconds: float, reason: str) -> None:
        """Renew the lease and show the wait; called before each slice of a wait.

        Raises NoWaitError where the current step must not wait.
        """
        if not self.may_wait:
            raise NoWaitError(reason)
        self.lease.renew()
        self.run.show_wait(seconds, reason)

    def note_wanted(self, reports: Iterable[Any]) -> None:
        """Remember the organizations, and the agents of open reports, whose details are needed.

        They are fetched together later.
        """
        for report in reports:
            if not isinstance(report, dict):
                continue
            organization = parse_id(report.get("organization_id"))
            agent = parse_id(report.get("agent_id"))
            if organization:
                self.wanted_organizations.add(organization)
            if agent and not is_closed_status(status_of_report(report)):
                self.wanted_agents.add(agent)
