"""The health of connections, as the dashboard and a connection's own page show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session, defer

from webapp import clock
from webapp.domain.routing import clamp_poll_interval, missing_labels, next_poll_at
from webapp.models import Connection, PollRun
from webapp.models.poll_run import RUNNING, SKIPPED
from webapp.services.connections.connection_figures import Figures, count_figures
from webapp.services.errors import NotFoundError
from webapp.services.transactions import reading

MISSING_CREDENTIALS = "Missing Huntress API credentials."


class State(StrEnum):
    """The state of a connection; an error outweighs every state except "disconnected"."""

    DISCONNECTED = "disconnected"
    ERROR = "error"
    PAUSED = "paused"
    INCOMPLETE = "routing incomplete"
    NOT_STARTED = "not started"
    SYNCING = "syncing"
    PENDING = "pending"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class RunProgress:
    """A poll that runs or has ended. Times are UTC; `total` is None while it is not known."""

    id: int
    state: str
    phase: str | None
    done: int
    total: int | None
    waiting: str | None
    started_at: datetime
    finished_at: datetime | None
    counts: Mapping[str, int]
    api_calls: int
    is_sweep: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class ConnectionHealth:
    """The health of one connection. Times are UTC.

    `run` is the poll in progress, and `last_run` is the last one that ended. `next_poll_at` is None
    where no poll is scheduled. `refusal` says why "Poll now" is not possible; it is None where it
    is possible.
    """

    id: int
    name: str
    state: State
    error: str | None
    error_at: datetime | None
    missing_routing: Sequence[str]
    is_queued: bool
    run: RunProgress | None
    last_run: RunProgress | None
    last_success_at: datetime | None
    next_poll_at: datetime | None
    figures: Figures
    refusal: str | None

    @property
    def is_busy(self) -> bool:
        """Whether a poll runs or was asked for."""
        return self.run is not None or self.is_queued


def read_connection_health(connection_id: int) -> ConnectionHealth:
    """Return one connection's health; raises NotFoundError."""
    with reading() as session:
        found = connections_health(session, clock.utcnow(), connection_id)
    if not found:
        raise NotFoundError("There is no such connection.")
    return found[0]


def read_connections_health() -> list[ConnectionHealth]:
    """Return the health of every connection, sorted by name."""
    with reading() as session:
        return connections_health(session, clock.utcnow())


def connections_health(
    session: Session, now: datetime, connection_id: int | None = None
) -> list[ConnectionHealth]:
    """Return the health of all connections, sorted by name, or of one.

    Credentials are not read.
    """
    has_credentials = Connection.api_key.is_not(None) & Connection.api_secret.is_not(None)
    statement = (
        select(Connection, has_credentials)
        .options(defer(Connection.api_key), defer(Connection.api_secret))
        .order_by(func.lower(Connection.name), Connection.id)
        .execution_options(populate_existing=True)
    )
    if connection_id is not None:
        statement = statement.where(Connection.id == connection_id)
    rows = session.execute(statement).all()
    figures = count_figures(session, now, connection_id)
    runs = _runs(session, [connection.id for connection, _is_able in rows])
    return [
        _health(
            connection,
            bool(is_able),
            figures.get(connection.id, Figures()),
            runs.get(connection.id, ()),
            now,
        )
        for connection, is_able in rows
    ]


def _health(
    connection: Connection, is_able: bool, figures: Figures, runs: Sequence[PollRun], now: datetime
) -> ConnectionHealth:
    run = _current_run(connection, runs, now)
    is_queued = run is None and connection.poll_requested_at is not None
    missing = missing_labels(connection)
    error = _error(connection, is_able)
    state = _state(connection, error, bool(missing), run is not None)
    return ConnectionHealth(
        id=connection.id,
        name=connection.account_name or connection.name,
        state=state,
        error=error,
        error_at=connection.last_error_at,
        missing_routing=missing,
        is_queued=is_queued and state not in NOT_POLLED,
        run=run,
        last_run=_last_run(runs),
        last_success_at=connection.last_success_at,
        next_poll_at=_next_poll_at(connection, bool(missing) or not is_able, now),
        figures=figures,
        refusal=_refusal(connection, is_able, missing),
    )


NOT_POLLED = frozenset({State.DISCONNECTED, State.PAUSED, State.INCOMPLETE, State.NOT_STARTED})


def _error(connection: Connection, is_able: bool) -> str | None:
    if connection.disconnected_at is not None:
        return None
    if not is_able:
        return MISSING_CREDENTIALS
    failed, succeeded = connection.last_error_at, connection.last_success_at
    is_over = failed is not None and succeeded is not None and succeeded > failed
    return None if is_over else connection.last_error


def _state(connection: Connection, error: str | None, is_incomplete: bool, runs: bool) -> State:
    candidates = (
        (State.DISCONNECTED, connection.disconnected_at is not None),
        (State.ERROR, error is not None),
        (State.SYNCING, runs),
        (State.PAUSED, connection.paused_at is not None),
        (State.INCOMPLETE, is_incomplete),
        (State.NOT_STARTED, connection.polling_started_at is None),
        (State.PENDING, connection.last_success_at is None),
    )
    return next((state for state, applies in candidates if applies), State.COMPLETED)


def _refusal(connection: Connection, is_able: bool, missing: Sequence[str]) -> str | None:
    """Return why "Poll now" is not possible, or None.

    It refuses when `manage_polling.poll_refusal` does, in fewer words and without decrypting the
    credentials.
    """
    if connection.disconnected_at is not None:
        return "This connection is disconnected."
    if not is_able:
        return MISSING_CREDENTIALS
    if missing:
        return "Routing is incomplete."
    if connection.polling_started_at is None:
        return "Polling has not been started yet."
    return "Polling is paused." if connection.paused_at is not None else None


def _next_poll_at(connection: Connection, is_stopped: bool, now: datetime) -> datetime | None:
    is_scheduled = (
        connection.polling_started_at is not None
        and connection.paused_at is None
        and connection.disconnected_at is None
    )
    if is_stopped or not is_scheduled:
        return None
    interval = clamp_poll_interval(connection.poll_interval_minutes)
    return next_poll_at(connection.last_poll_started_at, interval, now=now)


def _runs(session: Session, connection_ids: Sequence[int]) -> dict[int, list[PollRun]]:
    """Return by connection the run that holds its lease, in any state, and the last ended run."""
    last = (
        select(PollRun.id)
        .where(PollRun.connection_id == Connection.id, PollRun.state.not_in((RUNNING, SKIPPED)))
        .order_by(PollRun.started_at.desc(), PollRun.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    wanted = union_all(
        select(last).where(Connection.id.in_(connection_ids)),
        select(PollRun.id)
        .join(Connection, PollRun.lease_token == Connection.lease_token)
        .where(Connection.id.in_(connection_ids)),
    )
    found: dict[int, list[PollRun]] = {}
    for run in session.scalars(select(PollRun).where(PollRun.id.in_(wanted))):
        found.setdefault(run.connection_id, []).append(run)
    return found


def _current_run(
    connection: Connection, runs: Sequence[PollRun], now: datetime
) -> RunProgress | None:
    """Return the run that holds the lease; None where the lease ran out or no run holds it."""
    token, expires_at = connection.lease_token, connection.lease_expires_at
    if token is None or expires_at is None or expires_at <= now:
        return None
    held = (run for run in runs if run.lease_token == token and run.state == RUNNING)
    return next((_progress(run) for run in held), None)


def _last_run(runs: Sequence[PollRun]) -> RunProgress | None:
    """Return the latest run that ended; the run of the lease may be among the ended ones."""
    ended = [run for run in runs if run.state not in (RUNNING, SKIPPED)]
    last = max(ended, key=lambda run: (run.started_at, run.id), default=None)
    return None if last is None else _progress(last)


def _progress(run: PollRun) -> RunProgress:
    return RunProgress(
        id=run.id,
        state=run.state,
        phase=run.phase,
        done=run.done,
        total=run.total,
        waiting=run.waiting,
        started_at=run.started_at,
        finished_at=run.finished_at,
        counts=run.counts,
        api_calls=run.api_calls,
        is_sweep=run.is_sweep,
        error=run.error,
    )
