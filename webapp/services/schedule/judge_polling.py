"""The facts from which polling of connections is judged, read in one statement."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Row,
    Select,
    String,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.orm import Session, aliased

from webapp import clock
from webapp.crypto import UnreadableText
from webapp.domain.polling_health import (
    SCHEDULE,
    TIMER,
    Credentials,
    Judgement,
    PollingFacts,
    is_timer_driven,
    judge,
)
from webapp.domain.routing import REQUIRED, missing_labels
from webapp.models import AuditEvent, Connection, PollRun, User
from webapp.models.columns import UtcDateTime
from webapp.services.edition import has_integration
from webapp.services.transactions import reading

LOOKS_BACK = timedelta(days=14)
"""How far back the last scheduled poll is looked for, so that many others cannot make it slow."""

_paused_by, _disconnected_by, _acknowledged_by = (aliased(User) for _ in range(3))

_NAMES = (
    *("id", "name", "provider", "polling_started_at", "connected_at", "poll_interval_minutes"),
    *("lease_token", "lease_expires_at", "last_poll_started_at", "last_success_at"),
    *("last_error", "last_error_at", "paused_at", "pause_reason", "paused_until"),
    *("disconnected_at", "disconnect_acknowledged_at", "huntress_skew_seconds"),
    *(one.column for one in REQUIRED),
)
_COLUMNS = [getattr(Connection, name) for name in _NAMES]
_SINCE: BindParameter[datetime] = bindparam("since", type_=UtcDateTime)


@dataclass(frozen=True, slots=True)
class JudgedConnection:
    """A connection with the judgement of its polling.

    `facts` are what was judged. `skew` is how far the time gone by here was ahead of Huntress's
    clock at the last poll.
    """

    id: int
    name: str
    is_started: bool
    facts: PollingFacts
    judgement: Judgement
    skew: timedelta = timedelta()


def judge_connections() -> list[JudgedConnection]:
    """Judge the polling of every connection as of now, sorted by name, in one statement."""
    now = clock.utcnow()
    with reading() as session:
        return judge_polling(session, now)


def judge_polling(session: Session, now: datetime) -> list[JudgedConnection]:
    """Judge the polling of every connection at `now`, sorted by name, in one statement."""
    rows = session.execute(select_facts(*_COLUMNS), facts_values(now)).all()
    facts = [facts_of(row, row, now) for row in rows]
    by_timer = is_timer_driven(facts, now)
    return [
        JudgedConnection(
            row.id,
            row.name,
            row.polling_started_at is not None,
            one,
            judge(one, now, by_timer=by_timer),
            timedelta(seconds=row.huntress_skew_seconds or 0),
        )
        for row, one in zip(rows, facts, strict=True)
    ]


def facts_values(now: datetime) -> dict[str, datetime]:
    """Return the values to execute a statement of select_facts() with, as of `now`."""
    return {_SINCE.key: now - LOOKS_BACK}


@cache
def select_facts(*entities: Any) -> Select[*tuple[Any, ...]]:
    """Return SQL for connections, sorted by name: `entities`, and what facts_of() needs besides.

    Every page asks it, so it is built once; it is executed with facts_values().
    """
    last_scheduled = (
        select(PollRun.id)
        .where(
            PollRun.connection_id == Connection.id,
            PollRun.started_at > _SINCE,
            PollRun.trigger.in_((SCHEDULE, TIMER)),
        )
        .order_by(PollRun.started_at.desc(), PollRun.id.desc())
        .limit(1)
        .correlate(Connection)
        .scalar_subquery()
    )
    resumed_at = (
        select(func.max(AuditEvent.happened_at))
        .where(
            AuditEvent.subject_type == "connection",
            AuditEvent.subject_id == cast(Connection.id, String),
            AuditEvent.action == "polling.resumed",
        )
        .correlate(Connection)
        .scalar_subquery()
    )
    return (
        select(
            *entities,
            Connection.api_key.label("stored_key"),
            Connection.api_secret.label("stored_secret"),
            _paused_by.name.label("paused_by"),
            _disconnected_by.name.label("disconnected_by"),
            _acknowledged_by.name.label("acknowledged_by"),
            resumed_at.label("resumed_at"),
            PollRun.trigger.label("scheduled_by"),
            PollRun.updated_at.label("scheduled_at"),
        )
        .select_from(Connection)
        .outerjoin(_paused_by, _paused_by.id == Connection.paused_by_id)
        .outerjoin(_disconnected_by, _disconnected_by.id == Connection.disconnected_by_id)
        .outerjoin(
            _acknowledged_by, _acknowledged_by.id == Connection.disconnect_acknowledged_by_id
        )
        .outerjoin(PollRun, PollRun.id == last_scheduled)
        .order_by(func.lower(Connection.name), Connection.id)
    )


def facts_of(connection: Any, row: Row[*tuple[Any, ...]], now: datetime) -> PollingFacts:
    """Return the facts of `connection` (its row, or all its columns) and its row of select_facts().

    Whether a poll holds the connection is told as of `now`. A pause whose end has come is over,
    also while nobody has cleared it yet: silence after it must not stay hidden behind it.
    """
    until = connection.paused_until
    is_over = until is not None and until <= now
    moments = (row.resumed_at, connection.connected_at, until if is_over else None)
    expires_at = connection.lease_expires_at
    return PollingFacts(
        is_available=has_integration(connection.provider),
        credentials=_credentials(row.stored_key, row.stored_secret),
        interval_minutes=connection.poll_interval_minutes,
        missing_routing=missing_labels(connection),
        started_at=connection.polling_started_at,
        resumed_at=max((one for one in moments if one is not None), default=None),
        is_running=connection.lease_token is not None
        and expires_at is not None
        and expires_at > now,
        last_poll_started_at=connection.last_poll_started_at,
        last_success_at=connection.last_success_at,
        last_error=connection.last_error,
        last_error_at=connection.last_error_at,
        timer_at=row.scheduled_at if row.scheduled_by == TIMER else None,
        paused_at=None if is_over else connection.paused_at,
        paused_by=row.paused_by,
        pause_reason=connection.pause_reason,
        paused_until=connection.paused_until,
        disconnected_at=connection.disconnected_at,
        disconnected_by=row.disconnected_by,
        acknowledged_at=connection.disconnect_acknowledged_at,
        acknowledged_by=row.acknowledged_by,
    )


def _credentials(*stored: str | None) -> Credentials:
    if None not in stored and any(isinstance(one, UnreadableText) for one in stored):
        return Credentials.UNREADABLE
    return Credentials.READABLE if all(stored) else Credentials.MISSING
