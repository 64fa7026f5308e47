"""Reading the last calls to a Huntress account, with the meaning of their answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select

from webapp import clock
from webapp.extensions import current_config
from webapp.huntress.errors import error_for_status
from webapp.models import ApiExchange
from webapp.services.calls.call_window import ABANDONED_AFTER, recent_exchanges
from webapp.services.connections.connection_figures import Figures, count_figures
from webapp.services.edition import require_enterprise
from webapp.services.polling.read_poll_history import PolledAccount, read_account
from webapp.services.transactions import reading

SHOWN_EXCHANGES = 50


class CallOutcome(StrEnum):
    """How a call ended, or that it is still running."""

    SUCCESS = "success"
    RUNNING = "running"
    FAILED = "failed"
    EXPECTED = "expected"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call; `words` says how it ended. `started_at` is UTC.

    A 404 is not a failure: it answers that Huntress does not have the object.
    """

    id: int
    started_at: datetime
    method: str
    path: str
    status: int | None
    outcome: CallOutcome
    words: str
    milliseconds: int | None
    rows: int | None


@dataclass(frozen=True, slots=True)
class ExchangeLog:
    """The last calls, newest first, and how much of the call window is used now."""

    account: PolledAccount
    exchanges: Sequence[Exchange]
    calls_last_minute: int
    calls_per_minute: int
    has_more: bool


def read_exchanges(connection_id: int) -> ExchangeLog:
    """Return the last 50 calls of a connection; raises NotFoundError, EditionError."""
    require_enterprise()
    now = clock.utcnow()
    with reading() as session:
        account = read_account(session, connection_id)
        figures = count_figures(session, now, connection_id).get(connection_id, Figures())
        total = session.scalar(
            select(func.count()).where(ApiExchange.connection_id == connection_id)
        )
    rows = recent_exchanges(connection_id, SHOWN_EXCHANGES)
    return ExchangeLog(
        account=account,
        exchanges=[_read(row, now) for row in rows],
        calls_last_minute=figures.calls_last_minute,
        calls_per_minute=current_config().huntress_calls_per_minute,
        has_more=(total or 0) > len(rows),
    )


def _read(row: ApiExchange, now: datetime) -> Exchange:
    outcome, words = _outcome(row, now)
    return Exchange(
        id=row.id,
        started_at=row.reserved_at,
        method=row.method,
        path=row.path,
        status=row.status,
        outcome=outcome,
        words=words,
        milliseconds=row.milliseconds,
        rows=row.rows,
    )


def _outcome(row: ApiExchange, now: datetime) -> tuple[CallOutcome, str]:
    if row.status is not None:
        error = error_for_status(row.status)
        if error is None:
            return CallOutcome.SUCCESS, "Answered"
        if row.status == 404:
            return CallOutcome.EXPECTED, "Huntress does not have it (any more)"
        return CallOutcome.FAILED, error.sentence
    if row.finished_at is not None:
        return CallOutcome.FAILED, "No answer: the connection failed, was cut or took too long."
    if now - row.reserved_at > ABANDONED_AFTER:
        return CallOutcome.FAILED, "Never finished: the process that called was stopped."
    return CallOutcome.RUNNING, "Under way"
