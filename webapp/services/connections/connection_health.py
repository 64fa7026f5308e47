"""The health of connections, as the dashboard and a connection's own page show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session, defer

from webapp import clock
from webapp.domain.integrations import ENTERPRISE_ONLY
from webapp.domain.polling_health import (
    Credentials,
    Judgement,
    PollingFacts,
    State,
    is_timer_driven,
    judge,
)
from webapp.models import Connection, PollRun
from webapp.models.poll_run import RUNNING, SKIPPED
from webapp.services.connections.connection_figures import Figures, count_figures
from webapp.services.errors import NotFoundError
from webapp.services.schedule.judge_polling import facts_of, facts_values, select_facts
from webapp.services.transactions import reading


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

    `name` is what people here call it, `account_name` what Huntress calls the account. `run` is the
    poll in progress, and `last_run` is the last one that ended. `next_poll_at` is None where no
    poll is scheduled. `refusal` says why "Poll now" is not possible; it is None where it is
    possible.
    """

    id: int
    name: str
    account_name: str | None
    judgement: Judgement
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
    def state(self) -> State:
        """The state of its polling."""
        return self.judgement.state

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
    statement = (
        select_facts(Connection)
        .options(defer(Connection.api_key), defer(Connection.api_secret))
        .execution_options(populate_existing=True)
    )
    if connection_id is not None:
        statement = statement.where(Connection.id == connection_id)
    rows = session.execute(statement, facts_values(now)).all()
    facts = {row.Connection.id: facts_of(row.Connection, row, now) for row in rows}
    by_timer = is_timer_driven(facts.values(), now)
    figures = count_figures(session, now, connection_id)
    runs = _runs(session, list(facts))
    return [
        _health(
            row.Connection,
            facts[row.Connection.id],
            judge(facts[row.Connection.id], now, by_timer=by_timer),
            figures.get(row.Connection.id, Figures()),
            runs.get(row.Connection.id, ()),
        )
        for row in rows
    ]


def _health(
    connection: Connection,
    facts: PollingFacts,
    judgement: Judgement,
    figures: Figures,
    runs: Sequence[PollRun],
) -> ConnectionHealth:
    run = _current_run(connection, runs) if facts.is_running else None
    is_queued = run is None and connection.poll_requested_at is not None
    return ConnectionHealth(
        id=connection.id,
        name=connection.name,
        account_name=connection.account_name,
        judgement=judgement,
        error=facts.error if facts.is_available else None,
        error_at=connection.last_error_at,
        missing_routing=facts.missing_routing,
        is_queued=is_queued and judgement.state not in NOT_POLLED,
        run=run,
        last_run=_last_run(runs),
        last_success_at=connection.last_success_at,
        next_poll_at=facts.next_poll_at(judgement.judged_at),
        figures=figures,
        refusal=_refusal(facts),
    )


NOT_POLLED = frozenset(
    {
        State.UNAVAILABLE,
        State.DISCONNECTED,
        State.PAUSED,
        State.INCOMPLETE,
        State.NOT_STARTED,
    }
)


def _refusal(facts: PollingFacts) -> str | None:
    """Return why "Poll now" is not possible, or None.

    It refuses when `manage_polling.poll_refusal` does, in fewer words.
    """
    if not facts.is_available:
        return ENTERPRISE_ONLY
    if facts.disconnected_at is not None:
        return "This connection is disconnected."
    if facts.credentials is not Credentials.READABLE:
        is_missing = facts.credentials is Credentials.MISSING
        return facts.error if is_missing else "Enter the credentials first."
    if facts.missing_routing:
        return "Routing is incomplete."
    if facts.started_at is None:
        return "Polling has not been started yet."
    return "Polling is paused." if facts.paused_at is not None else None


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


def _current_run(connection: Connection, runs: Sequence[PollRun]) -> RunProgress | None:
    """Return the run that holds the lease; None where no run holds it."""
    token = connection.lease_token
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
