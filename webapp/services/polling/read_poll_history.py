"""Reading a page of a connection's polls, or one poll with everything that is recorded of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import Connection, PollRun, User
from webapp.models.poll_run import ERROR, INTERRUPTED, RUNNING, SKIPPED
from webapp.services.edition import require_enterprise
from webapp.services.errors import NotFoundError
from webapp.services.keyset import Keyset, Order, PageOfRows, read_page
from webapp.services.lookups import LARGEST_ID
from webapp.services.polling.outcome import SKIPS_THAT_FAIL
from webapp.services.transactions import reading

PAGE_SIZE = 30
FAILED = "failed"
KINDS = (FAILED, SKIPPED)

_NEWEST_FIRST = Keyset(
    Order(PollRun.started_at, "started_at", descending=True),
    Order(PollRun.id, "id", descending=True),
)


@dataclass(frozen=True, slots=True)
class PolledAccount:
    """The part of a connection that its history needs.

    `live_token` is the token of a lease that has not run out, None where there is none.
    """

    id: int
    name: str
    live_token: str | None = field(repr=False)

    def is_running(self, run: PollRun) -> bool:
        """Whether a poll recorded as running still holds the connection."""
        return run.state == RUNNING and run.lease_token == self.live_token

    def is_lost(self, run: PollRun) -> bool:
        """Whether a poll recorded as running no longer has a lease that is valid."""
        return run.state == RUNNING and not self.is_running(run)


@dataclass(frozen=True, slots=True)
class PollHistory:
    """A page of polls, newest first; `people` holds the names of those who asked, by id."""

    account: PolledAccount
    runs: PageOfRows[PollRun]
    people: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class PollDetail:
    """One poll; `person` is who asked for it.

    `earlier_id` and `later_id` are the ids of the polls before and after it.
    """

    account: PolledAccount
    run: PollRun
    person: str | None
    earlier_id: int | None
    later_id: int | None


def read_poll_history(
    connection_id: int,
    *,
    kind: str | None = None,
    after: str | None = None,
    before: str | None = None,
    page_size: int = PAGE_SIZE,
) -> PollHistory:
    """Return a page of a connection's polls; a `kind` outside KINDS shows all of them.

    "failed" polls ended in an error, were interrupted, were skipped for a reason that is a failure,
    or had reports that failed. Raises NotFoundError, EditionError.
    """
    require_enterprise()
    with reading() as session:
        account = read_account(session, connection_id)
        statement = _runs(connection_id).where(*_conditions(kind))
        runs = read_page(session, statement, _NEWEST_FIRST, page_size, after=after, before=before)
        return PollHistory(account, runs, names_of(session, (run.actor_id for run in runs.rows)))


def read_poll_run(connection_id: int, run_id: int) -> PollDetail:
    """Return one poll of a connection; raises NotFoundError, EditionError."""
    require_enterprise()
    with reading() as session:
        account = read_account(session, connection_id)
        run = session.scalar(_runs(connection_id).where(PollRun.id == run_id))
        if run is None:
            raise NotFoundError("There is no such poll; old ones are deleted after 90 days.")
        return PollDetail(
            account=account,
            run=run,
            person=names_of(session, [run.actor_id]).get(run.actor_id or 0),
            earlier_id=_neighbour(session, run, is_later=False),
            later_id=_neighbour(session, run, is_later=True),
        )


def read_account(session: Session, connection_id: int) -> PolledAccount:
    """Return the connection's name and live lease; credentials are not read.

    Raises NotFoundError.
    """
    row = None
    if 0 < connection_id <= LARGEST_ID:
        columns = (
            Connection.name,
            Connection.lease_token,
            Connection.lease_expires_at,
        )
        row = session.execute(select(*columns).where(Connection.id == connection_id)).one_or_none()
    if row is None:
        raise NotFoundError("There is no such connection.")
    name, token, expires_at = row
    return PolledAccount(connection_id, name, token if _is_live(token, expires_at) else None)


def names_of(session: Session, user_ids: Iterable[int | None]) -> dict[int, str]:
    """Return the names of these users, by id."""
    wanted = {user_id for user_id in user_ids if user_id is not None}
    if not wanted:
        return {}
    rows = session.execute(select(User.id, User.name).where(User.id.in_(wanted)))
    return {row[0]: row[1] for row in rows}


def _runs(connection_id: int) -> Select[PollRun]:
    return (
        select(PollRun)
        .where(PollRun.connection_id == connection_id)
        .execution_options(populate_existing=True)
    )


def _conditions(kind: str | None) -> list[ColumnElement[bool]]:
    if kind == SKIPPED:
        return [PollRun.state == SKIPPED]
    if kind == FAILED:
        return [
            or_(
                PollRun.state.in_((ERROR, INTERRUPTED)),
                PollRun.skip_reason.in_(SKIPS_THAT_FAIL),
                PollRun.failed > 0,
            )
        ]
    return []


def _neighbour(session: Session, run: PollRun, *, is_later: bool) -> int | None:
    place = [run.started_at, run.id]
    statement = (
        select(PollRun.id)
        .where(
            PollRun.connection_id == run.connection_id,
            _NEWEST_FIRST.beyond(place, reverse=is_later),
        )
        .order_by(*_NEWEST_FIRST.clauses(reverse=is_later))
        .limit(1)
    )
    return session.scalar(statement)


def _is_live(token: str | None, expires_at: datetime | None) -> bool:
    return token is not None and expires_at is not None and expires_at > clock.utcnow()
