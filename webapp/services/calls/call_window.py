"""The call window of a Huntress account, kept in the database.

The table `api_exchanges` is both the window (a row is a reservation) and the log of the last
exchanges: method, path, status, milliseconds, rows; never a query string, credential or body.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    ScalarSelect,
    and_,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from webapp.domain.detail_fetch import reserve_of
from webapp.huntress.budget import AccountCalls, Granted, Wait
from webapp.models import ApiExchange
from webapp.models.connection import PATH_LENGTH
from webapp.services.transactions import NO_SYNC, reading, transaction

ABANDONED_AFTER = timedelta(seconds=150)
"""Connecting may take 30 s and a whole answer 120 s; after that the caller is surely gone."""

CLOCK_SKEW = timedelta(minutes=5)
"""A row further in the future was written by a wrong clock and must not block the window."""

_ATTEMPTS = 50
_WINDOWS_LOOKED_AT = 8
"""A call counts for at most 210 s after its reservation, which is fewer windows than this."""

_calls = aliased(ApiExchange)
_slots = aliased(ApiExchange)


class DatabaseLedger:
    """A `CallLedger` that all processes and machines share through the database.

    At most `limit` calls count at any time. A call counts from its reservation until
    `window_seconds` after it finished. Where its process died, it counts until `window_seconds`
    after ABANDONED_AFTER, when it must have ended. The methods use short transactions of their own
    and must not be called inside another transaction. All times are UTC.
    """

    def __init__(self, connection_id: int, limit: int, window_seconds: float = 60.0) -> None:
        self.connection_id = connection_id
        self.limit = max(1, limit)
        self.window = timedelta(seconds=window_seconds)

    def reserve(self, method: str, path: str, now: datetime) -> Granted | Wait:
        """Take a place in the window, or say when one becomes free.

        One statement decides: it adds the next slot only where fewer than `limit` calls count. If
        several processes see the same window, one of them gets the slot and the others try again.
        """
        for _ in range(_ATTEMPTS):
            with transaction() as session:
                reserved = session.scalar(self._reservation(session, method, path, now))
                if reserved is not None:
                    return Granted(reserved)
                releases = self._releases(self._counted(session, now), now)
            if len(releases) >= self.limit:
                wait = releases[len(releases) - self.limit] - now
                return Wait(min(wait, self.window).total_seconds())
        return Wait(1.0)

    def finish(
        self,
        reservation_id: int,
        now: datetime,
        *,
        status: int | None,
        milliseconds: int,
        rows: int | None,
        account: AccountCalls | None = None,
    ) -> None:
        """Record how a call ended; an unknown reservation is ignored."""
        with transaction() as session:
            session.execute(
                update(ApiExchange)
                .where(ApiExchange.id == reservation_id)
                .values(
                    finished_at=now,
                    status=status,
                    milliseconds=milliseconds,
                    rows=rows,
                    account_limit=account.limit if account else None,
                    account_remaining=account.remaining if account else None,
                )
                .execution_options(**NO_SYNC)
            )

    def record(self, method: str, path: str, now: datetime, *, status: int, rows: int) -> None:
        """Enter a call that was made without a reservation and is over; it counts like any other.

        Where the window is full, the call is not entered.
        """
        answer = self.reserve(method, path, now)
        if isinstance(answer, Granted):
            self.finish(answer.reservation_id, now, status=status, milliseconds=0, rows=rows)

    def free_calls(self, now: datetime) -> int:
        """Return how many calls could be made now without waiting; never negative.

        They are fewer where Huntress said, within the window, that other tools have used so many
        that details would come too close to the account's limit. Walks do not ask.
        """
        with reading() as session:
            rows = self._counted(session, now)
        free = self.limit - len(self._releases(rows, now))
        account, since = _last_seen(rows)
        if account is not None:
            free = min(free, account.spare + reserve_of(self.limit) - since)
        return max(0, free)

    def _reservation(self, session: Session, method: str, path: str, now: datetime) -> Any:
        """Return the statement that takes the next free slot and returns its row's id."""
        taken = select(func.count()).where(*self._counts(now)).scalar_subquery()
        path = path.partition("?")[0][:PATH_LENGTH]
        values = select(
            literal(self.connection_id),
            func.coalesce(self._newest_slot(), 0) + 1,
            literal(now, ApiExchange.reserved_at.type),
            literal(method[:10]),
            literal(path),
        ).where(taken < self.limit)
        dialect = session.get_bind().dialect.name
        insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
        return (
            insert(ApiExchange)
            .from_select(["connection_id", "slot", "reserved_at", "method", "path"], values)
            .on_conflict_do_nothing(index_elements=["connection_id", "slot"])
            .returning(ApiExchange.id)
        )

    def _counted(self, session: Session, now: datetime) -> Sequence[Row[Any]]:
        columns = ("reserved_at", "finished_at", "account_limit", "account_remaining")
        query = select(*(getattr(_calls, name) for name in columns))
        return session.execute(query.where(*self._counts(now))).all()

    def _releases(self, rows: Sequence[Row[Any]], now: datetime) -> list[datetime]:
        """Return when each taken place becomes free at the earliest, soonest first."""
        return sorted(
            (row.finished_at or min(now, row.reserved_at + ABANDONED_AFTER)) + self.window
            for row in rows
        )

    def _newest_slot(self) -> ScalarSelect[int]:
        return (
            select(func.max(_slots.slot))
            .where(_slots.connection_id == self.connection_id)
            .scalar_subquery()
        )

    def _counts(self, now: datetime) -> tuple[ColumnElement[bool], ...]:
        """Return the conditions under which a call counts at `now`.

        Older slots cannot count any more; leaving them out keeps the query fast.
        """
        oldest = func.coalesce(self._newest_slot(), 0) - _WINDOWS_LOOKED_AT * self.limit
        since = now - self.window
        return (
            _calls.connection_id == self.connection_id,
            _calls.slot > oldest,
            _calls.reserved_at <= now + CLOCK_SKEW,
            or_(
                and_(_calls.finished_at > since, _calls.finished_at <= now + CLOCK_SKEW),
                and_(_calls.finished_at.is_(None), _calls.reserved_at > since - ABANDONED_AFTER),
            ),
        )


def _last_seen(rows: Sequence[Row[Any]]) -> tuple[AccountCalls | None, int]:
    """Return what Huntress last said of the account, and how many calls it did not know of."""
    said = [row for row in rows if row.finished_at and row.account_remaining is not None]
    if not said:
        return None, 0
    last = max(said, key=lambda row: row.finished_at)
    since = [row for row in rows if not row.finished_at or row.finished_at > last.finished_at]
    return AccountCalls(last.account_limit, last.account_remaining), len(since)


def recent_exchanges(connection_id: int, limit: int = 50) -> list[ApiExchange]:
    """Return the last calls of a connection, newest first."""
    with reading() as session:
        return list(
            session.scalars(
                select(ApiExchange)
                .where(ApiExchange.connection_id == connection_id)
                .order_by(ApiExchange.slot.desc())
                .limit(limit)
            )
        )
