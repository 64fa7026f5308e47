"""The lease on a connection: a token and an expiry in its row, so that one process polls it.

Claiming is one conditional UPDATE. Every write transaction of a cycle begins with `Lease.fence`. If
a process hung or was cut off and another one took the lease over, the first one cannot write any
more.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, or_, select, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.incident import Severity
from webapp.domain.plan import TicketSettings
from webapp.domain.polling_health import SCHEDULE
from webapp.domain.routing import DUE_EARLY, POLL_INTERVAL, PRIORITY_COLUMNS, clamp_backfill_days
from webapp.models import Connection, InboxRow, PollRun
from webapp.process_identity import is_gone, own_identity
from webapp.services.transactions import NO_SYNC, reading, transaction
from webapp.task_queue import processes_of_silent_workers

LEFT_OVER_AFTER = timedelta(minutes=POLL_INTERVAL[0])
"""How long after the last poll's start reports that it left in the inbox make a poll due."""

WORKER_TRIGGERS = (SCHEDULE, "manual")
"""What makes a worker poll, and not a command."""


class LeaseLostError(Exception):
    """Another process polls this connection now; this one must stop without writing."""


@dataclass(frozen=True)
class PolledConnection:
    """A connection as it was when its poll began; secrets are left out of its repr."""

    id: int
    name: str
    base_url: str
    account_id: str
    subdomain: str | None
    api_key: str | None = field(repr=False)
    api_secret: str | None = field(repr=False)
    board_id: int | None
    category_id: int | None
    subcategory_id: int | None
    fallback_client_id: int | None
    fallback_board_id: int | None
    critical_priority_id: int | None
    high_priority_id: int | None
    low_priority_id: int | None
    backfill_days: int
    auto_close_tickets: bool
    closed_status_id: int | None
    leave_touched_open: bool
    reopen_tickets: bool
    portal_template: str | None
    relink_after_id: int | None
    created_at: datetime
    polling_started_at: datetime | None
    last_success_at: datetime | None
    paused_at: datetime | None
    paused_until: datetime | None
    disconnected_at: datetime | None
    horizon: datetime | None
    cursor: datetime | None
    is_walk_cut_off: bool
    sweep_requested_at: datetime | None
    sweep_started_at: datetime | None
    sweep_listed_at: datetime | None
    last_sweep_at: datetime | None
    has_pending_details: bool
    huntress_skew_seconds: int | None
    previous_lease_token: str | None

    @property
    def is_first_poll(self) -> bool:
        """Whether no poll of this connection has succeeded yet."""
        return self.last_success_at is None

    @property
    def was_interrupted(self) -> bool:
        """Whether the run before this one ended without giving its lease back."""
        return self.previous_lease_token is not None

    @property
    def ticket_settings(self) -> TicketSettings[int]:
        """The settings that decide about tickets. Raises ValueError if routing is incomplete."""
        return TicketSettings(
            board=_required(self.board_id),
            fallback_client=_required(self.fallback_client_id),
            fallback_board=_required(self.fallback_board_id),
            auto_close_tickets=self.auto_close_tickets,
            closed_status=self.closed_status_id,
            reopen_tickets=self.reopen_tickets,
            leave_touched_open=self.leave_touched_open,
        )

    def priority_id(self, severity: Severity) -> int:
        """Return the priority for a severity; an unknown severity gets the one for high.

        Raises ValueError if routing is incomplete.
        """
        column = PRIORITY_COLUMNS.get(severity, PRIORITY_COLUMNS[Severity.HIGH])
        return _required(getattr(self, column))


def _required(chosen: int | None) -> int:
    if chosen is None:
        raise ValueError("routing is incomplete")
    return chosen


_COLUMNS = [
    getattr(Connection, name)
    for name in PolledConnection.__dataclass_fields__  # the columns bear the same names
]


class Lease:
    """The right to poll one connection, while it lasts."""

    def __init__(self, connection_id: int, token: str, seconds: int) -> None:
        self.connection_id = connection_id
        self.token = token
        self._length = timedelta(seconds=seconds)
        self._renewed_at = clock.utcnow()

    def fence(self, session: Session, **values: object) -> None:
        """Begin a write transaction: renew the lease and write `values` to the connection.

        Raises LeaseLostError if the lease was taken over or cleared.
        """
        now = clock.utcnow()
        renewed = session.execute(
            update(Connection)
            .where(Connection.id == self.connection_id, Connection.lease_token == self.token)
            .values(lease_expires_at=now + self._length, **values),
            execution_options=NO_SYNC,
        )
        if renewed.rowcount == 0:  # type: ignore[attr-defined]
            raise LeaseLostError("the lease was taken over")
        self._renewed_at = now

    def renew(self) -> None:
        """Renew the lease after progress that wrote nothing.

        It writes only if a tenth of the lease's length has passed since the last renewal. Raises
        LeaseLostError.
        """
        if clock.utcnow() - self._renewed_at >= self._length / 10:
            with transaction() as session:
                self.fence(session)

    def release(self, session: Session, **values: object) -> None:
        """Give the lease back and write `values` to the connection, in one statement.

        Raises LeaseLostError if the lease was taken over or cleared.
        """
        self.fence(session, lease_token=None, **values)


def claim(
    session: Session, connection_id: int, *, seconds: int, only_if_due: bool
) -> tuple[Lease, PolledConnection] | None:
    """Take the lease of a connection if it is free or ran out.

    With `only_if_due` it is taken only if a poll is due or was asked for; after an interrupted poll
    the next one is due at once. Clears the request for a poll, because this poll answers it.
    Returns None when the lease is held, no poll is due or there is no such connection.
    """
    now = clock.utcnow()
    token = secrets.token_hex(16)
    conditions = [
        Connection.id == connection_id,
        or_(Connection.lease_token.is_(None), Connection.lease_expires_at <= now),
    ]
    if only_if_due:
        conditions.append(or_(Connection.lease_token.is_not(None), is_due(now)))
    row = session.execute(
        update(Connection)
        .where(*conditions)
        .values(
            previous_lease_token=Connection.lease_token,
            lease_token=token,
            lease_holder=str(own_identity()),
            lease_expires_at=now + timedelta(seconds=seconds),
            last_poll_started_at=now,
            poll_requested_at=None,
        )
        .returning(*_COLUMNS),
        execution_options=NO_SYNC,
    ).one_or_none()
    if row is None:
        return None
    values = {**row._mapping, "backfill_days": clamp_backfill_days(row.backfill_days)}
    return Lease(connection_id, token, seconds), PolledConnection(**values)


def claim_idle(
    session: Session, connection_id: int, *, seconds: int
) -> tuple[Lease, PolledConnection] | None:
    """Take the lease for work that is no poll; return None where somebody holds it.

    When the next poll is due, and what was asked of it, stays as it is.
    """
    now = clock.utcnow()
    token = secrets.token_hex(16)
    row = session.execute(
        update(Connection)
        .where(Connection.id == connection_id, Connection.lease_token.is_(None))
        .values(
            previous_lease_token=None,
            lease_token=token,
            lease_holder=str(own_identity()),
            lease_expires_at=now + timedelta(seconds=seconds),
        )
        .returning(*_COLUMNS),
        execution_options=NO_SYNC,
    ).one_or_none()
    if row is None:
        return None
    return Lease(connection_id, token, seconds), PolledConnection(**row._mapping)


def read_polled(session: Session, connection_id: int) -> PolledConnection | None:
    """Return the connection as a poll would find it, without claiming it; None if it is missing."""
    row = session.execute(select(*_COLUMNS).where(Connection.id == connection_id)).one_or_none()
    return None if row is None else PolledConnection(**row._mapping)


def give_back_leases_of_the_dead(now: datetime) -> list[int]:
    """End the leases whose process has ended, as of `now`; return the connections' ids.

    The token stays, so that the next claim finds the interrupted run, but need not wait until the
    lease has run out. This machine's processes can be asked about. A worker's poll on another
    machine counts as ended once that machine's worker has fallen silent: if it does live, the fence
    stops it. Where Redis cannot tell, the lease runs out by itself.
    """
    held = Connection.lease_token.is_not(None) & Connection.lease_holder.is_not(None)
    query = (
        select(Connection.id, Connection.lease_token, Connection.lease_holder, PollRun.trigger)
        .join(PollRun, PollRun.lease_token == Connection.lease_token, isouter=True)
        .where(held)
    )
    with reading() as session:
        rows = session.execute(query.where(Connection.lease_expires_at > now)).all()
    silent = processes_of_silent_workers(
        {row.lease_holder for row in rows if row.trigger in WORKER_TRIGGERS}
    )
    dead = [
        (key, token)
        for key, token, holder, trigger in rows
        if is_gone(holder) or (trigger in WORKER_TRIGGERS and holder in silent)
    ]
    if dead:
        with transaction() as session:
            for key, token in dead:
                session.execute(
                    update(Connection)
                    .where(Connection.id == key, Connection.lease_token == token)
                    .values(lease_expires_at=now),
                    execution_options=NO_SYNC,
                )
    return [key for key, _token in dead]


def has_live_lease(connection: Connection, now: datetime) -> bool:
    """Whether some process is polling `connection` at `now`."""
    expires_at = connection.lease_expires_at
    return connection.lease_token is not None and expires_at is not None and expires_at > now


def is_not_paused(now: datetime) -> ColumnElement[bool]:
    """SQL for "polling is not paused at `now`"; the rule of `domain.pause.is_paused`."""
    return or_(Connection.paused_at.is_(None), Connection.paused_until <= now)


def is_due(now: datetime) -> ColumnElement[bool]:
    """SQL for "a poll is due or was asked for"; the rule of `domain.routing.is_poll_due`.

    It counts as due from half a tick before, so that polls come every interval. A poll is due as
    well where reports that could be tried now wait in the inbox: they never wait
    for the next interval, only for a minute after the last poll began.
    """
    least, most, _ = POLL_INTERVAL
    intervals = {minutes: timedelta(minutes=minutes) for minutes in range(least, most + 1)}
    started = Connection.last_poll_started_at

    def threshold(direction: int, early: timedelta = timedelta(0)) -> ColumnElement[datetime]:
        at = now + early
        return case(
            {minutes: at + direction * length for minutes, length in intervals.items()},
            value=Connection.poll_interval_minutes,
            else_=case(  # a stored value out of range is clamped
                (Connection.poll_interval_minutes < least, at + direction * intervals[least]),
                else_=at + direction * intervals[most],
            ),
        )

    return or_(
        started.is_(None),
        started <= threshold(-1, DUE_EARLY),
        started > threshold(+1),
        Connection.poll_requested_at.is_not(None),
        and_(started <= now - LEFT_OVER_AFTER, _has_reports_to_try(now)),
    )


def _has_reports_to_try(now: datetime) -> ColumnElement[bool]:
    return (
        select(InboxRow.id)
        .where(
            InboxRow.connection_id == Connection.id,
            InboxRow.dismissed_at.is_(None),
            InboxRow.next_try_at <= now,
        )
        .exists()
    )
