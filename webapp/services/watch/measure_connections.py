"""Metrics of each connection: how it is polled, what waits, what it costs, what proofs said."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from webapp.domain.polling_health import State
from webapp.models import ApiExchange, InboxRow, PollRun, Proof
from webapp.models.poll_run import COMPLETED, ERROR, INTERRUPTED, RUNNING, SKIPPED
from webapp.models.watch import is_no_drill_report
from webapp.services.schedule.judge_polling import JudgedConnection
from webapp.services.watch.measured import Measured

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RESULTS = (COMPLETED, ERROR, INTERRUPTED, RUNNING, SKIPPED)
ANSWERS = ("2xx", "3xx", "4xx", "429", "5xx", "none")
PROVEN = (
    *("listed", "ticketed", "excluded", "closed"),
    *("recorded", "quarantined", "unexplained", "healed"),
)
ONE = ("connection",)


def measure_connections(
    session: Session, connections: Sequence[JudgedConnection], now: datetime
) -> Iterator[Measured]:
    """Yield the metrics of all connections at `now` (UTC)."""
    yield from _states(connections)
    yield from _waiting(session, connections, now)
    yield from _runs(session, connections, now)
    yield _calls(session, connections, now)
    yield from _proofs(session, connections)


def _states(connections: Sequence[JudgedConnection]) -> Iterator[Measured]:
    yield Measured(
        "connection_info",
        "The name of a connection.",
        ("connection", "name"),
        [((one.id, one.name), 1) for one in connections],
    )
    yield Measured(
        "connection_state",
        "1 for the state that a connection is in.",
        ("connection", "state"),
        [
            ((one.id, state.value), int(one.judgement.state is state))
            for one in connections
            for state in State
        ],
    )
    yield from _schedules(connections)
    yield Measured(
        "connection_clock_skew_seconds",
        "How far the time here was ahead of Huntress's at the last poll.",
        ONE,
        [((one.id,), one.skew.total_seconds()) for one in connections],
    )


def _schedules(connections: Sequence[JudgedConnection]) -> Iterator[Measured]:
    yield Measured(
        "connection_polling_scheduled",
        "Whether polls of a connection are to come by themselves.",
        ONE,
        [((one.id,), int(one.judgement.is_scheduled)) for one in connections],
    )
    yield Measured(
        "connection_poll_interval_seconds",
        "The time from one poll to the next.",
        ONE,
        [((one.id,), one.facts.interval.total_seconds()) for one in connections],
    )
    yield Measured(
        "connection_last_success_timestamp_seconds",
        "When a connection was last polled with success.",
        ONE,
        [
            ((one.id,), one.facts.last_success_at.timestamp())
            for one in connections
            if one.facts.last_success_at is not None
        ],
    )
    yield Measured(
        "connection_polling_since_timestamp_seconds",
        "When polling of a connection began, or went on again after a pause or a disconnection.",
        ONE,
        [
            ((one.id,), max(since).timestamp())
            for one in connections
            if (since := [at for at in (one.facts.started_at, one.facts.resumed_at) if at])
        ],
    )


def _waiting(
    session: Session, connections: Sequence[JudgedConnection], now: datetime
) -> Iterator[Measured]:
    is_quarantined = InboxRow.quarantined_at.is_not(None)
    rows = session.execute(
        select(
            InboxRow.connection_id,
            func.count().filter(~is_quarantined),
            func.count().filter(is_quarantined),
            func.min(InboxRow.first_fetched_at).filter(~is_quarantined),
        )
        .where(InboxRow.dismissed_at.is_(None), is_no_drill_report())
        .group_by(InboxRow.connection_id)
    )
    found = {key: (inbox, quarantine, oldest) for key, inbox, quarantine, oldest in rows}
    counts = [(one.id, *found.get(one.id, (0, 0, None))) for one in connections]
    yield Measured(
        "inbox_reports",
        "Reports that wait to become tickets.",
        ONE,
        [((key,), inbox) for key, inbox, _, _ in counts],
    )
    yield Measured(
        "inbox_oldest_seconds",
        "For how long the oldest report has waited to become a ticket.",
        ONE,
        [((key,), (now - (oldest or now)).total_seconds()) for key, _, _, oldest in counts],
    )
    yield Measured(
        "quarantined_reports",
        "Reports that cannot be processed and wait for a person.",
        ONE,
        [((key,), quarantine) for key, _, quarantine, _ in counts],
    )


def _runs(
    session: Session, connections: Sequence[JudgedConnection], now: datetime
) -> Iterator[Measured]:
    rows = session.execute(
        select(
            PollRun.connection_id,
            PollRun.state,
            func.count(),
            func.sum(PollRun.waited_seconds),
        )
        .where(_of(PollRun.connection_id, connections), PollRun.started_at > now - DAY)
        .group_by(PollRun.connection_id, PollRun.state)
    ).all()
    counts = {(key, state): count for key, state, count, _ in rows}
    yield Measured(
        "poll_runs",
        "Polls of the last 24 hours, by their result.",
        ("connection", "result"),
        [
            ((one.id, result), counts.get((one.id, result), 0))
            for one in connections
            for result in RESULTS
        ],
    )
    waits = {one.id: 0.0 for one in connections}
    for key, _, _, seconds in rows:
        waits[key] += float(seconds or 0)
    yield Measured(
        "poll_waits_seconds",
        "For how long polls of the last 24 hours waited for the call budget.",
        ONE,
        [((key,), seconds) for key, seconds in waits.items()],
    )


def _calls(session: Session, connections: Sequence[JudgedConnection], now: datetime) -> Measured:
    status = ApiExchange.status
    answer = case(
        (status.is_(None), "none"),
        (status == 429, "429"),
        (status < 300, "2xx"),
        (status < 400, "3xx"),
        (status < 500, "4xx"),
        else_="5xx",
    ).label("answer")
    rows = session.execute(
        select(ApiExchange.connection_id, answer, func.count())
        .where(_of(ApiExchange.connection_id, connections), ApiExchange.reserved_at > now - HOUR)
        .group_by(ApiExchange.connection_id, "answer")
    )
    counts = {(key, word): count for key, word, count in rows}
    return Measured(
        "api_calls",
        "Calls to Huntress of the last hour, by the status of the answer.",
        ("connection", "answer"),
        [
            ((one.id, word), counts.get((one.id, word), 0))
            for one in connections
            for word in ANSWERS
        ],
    )


def _proofs(session: Session, connections: Sequence[JudgedConnection]) -> Iterator[Measured]:
    newest = (
        select(func.max(Proof.id))
        .where(Proof.finished_at.is_not(None), Proof.error.is_(None))
        .group_by(Proof.connection_id)
    )
    known = {one.id for one in connections}
    proofs = [
        proof
        for proof in session.scalars(select(Proof).where(Proof.id.in_(newest)))
        if proof.connection_id in known
    ]
    yield Measured(
        "proof_last_timestamp_seconds",
        "When everything that Huntress lists was last laid beside the books.",
        ONE,
        [((one.connection_id,), one.finished_at.timestamp()) for one in proofs if one.finished_at],
    )
    yield Measured(
        "proof_incidents",
        "What became of the incidents of the last proof.",
        ("connection", "outcome"),
        [((one.connection_id, name), getattr(one, name)) for one in proofs for name in PROVEN],
    )


def _of(column: Any, connections: Iterable[JudgedConnection]) -> ColumnElement[bool]:
    """SQL that lets an index that begins with the connection be used."""
    found: ColumnElement[bool] = column.in_([one.id for one in connections])
    return found
