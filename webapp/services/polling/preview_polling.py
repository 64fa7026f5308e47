"""A preview of what the first poll would create, without writing anything but the calls.

It walks and sweeps as the poll does and plans each report by the same rules. The calls are recorded
because they count in the account's call window. A person waits for the preview, so it looks at a
bounded number of pages and says whether it stopped early.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp import clock
from webapp.domain.cursor_walk import CursorWalk, ListWalk, Page, WalkError, low_boundary
from webapp.domain.detail_fetch import plan_detail_fetch, reserve_of
from webapp.domain.plan import Reason
from webapp.domain.routing import missing_labels
from webapp.extensions import current_config
from webapp.huntress.client import HuntressClient
from webapp.huntress.errors import HuntressError
from webapp.models import Board, Client, OrganizationMapping, Priority
from webapp.services.calls.explain_error import explain
from webapp.services.calls.open_client import (
    INTERACTIVE_TIMEOUT_SECONDS,
    open_client,
    refuse_long_waits,
)
from webapp.services.edition import require_enterprise
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.mapping.sync_organizations import (
    Organization,
    client_index,
    list_all_organizations,
)
from webapp.services.polling.collect_incidents import Collected, newest_by_key, read_report
from webapp.services.polling.cycle import CLOCK_TOLERANCE
from webapp.services.polling.outcome import reason_words
from webapp.services.polling.preview_counts import PreviewCounts, PreviewedMappings, count_reports
from webapp.services.polling.sweep_incidents import LISTED_STATUSES
from webapp.services.schedule.lease import PolledConnection, read_polled
from webapp.services.transactions import reading

MAX_PAGES = 10
MAX_SWEEP_PAGES = 2 * MAX_PAGES + 2
"""The most pages of open incidents: those that the walk has seen come first and are not new."""

MAX_TIME = timedelta(seconds=25)
"""After this time no further page is asked for."""


class PreviewError(RefusedError):
    """The preview is not possible; nothing was changed. The sentence says why and what helps."""


@dataclass(frozen=True, slots=True)
class ClientCount:
    """The tickets that a client would get on a board.

    `by_priority` is in the order of `Preview.priorities`.
    """

    name: str
    board: str
    total: int
    by_priority: Sequence[int]


@dataclass(frozen=True, slots=True)
class Preview:
    """What the first poll would do. `window_from` (UTC) is where the backfill begins.

    `boards` and `unmapped` are pairs of name and number of tickets, the largest number first.
    `priorities` are those that occur. `is_cut_short` says that there are more incidents than were
    looked at, `is_unsure` that the look ended before that was known.
    """

    window_from: datetime
    looked_at: int
    tickets: int
    boards: Sequence[tuple[str, int]]
    priorities: Sequence[tuple[Priority, int]]
    clients: Sequence[ClientCount]
    unmapped: Sequence[tuple[str, int]]
    without_ticket: Sequence[tuple[Reason, int]]
    unreadable: int
    is_cut_short: bool
    is_unsure: bool
    api_calls: int

    @property
    def words(self) -> str:
        """What was seen, such as "900 seen: 806 tickets, 75 closed before, 19 excluded"."""
        tickets = f"{self.tickets:,} {'ticket' if self.tickets == 1 else 'tickets'}"
        parts = [tickets, *reason_words(dict(self.without_ticket))]
        return f"{self.looked_at:,} seen: {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class _Desk:
    """The connection and what its tickets point to."""

    connection: PolledConnection
    mappings: PreviewedMappings
    boards: dict[int, str]
    clients: dict[int, str]
    priorities: list[Priority]


def preview_polling(connection_id: int) -> Preview:
    """Return what the first poll of a connection would create with its present settings.

    Raises PreviewError where routing is incomplete, polling was started already, the connection is
    disconnected or Huntress does not answer usably; MissingCredentialsError, NotFoundError,
    EditionError.
    """
    require_enterprise()
    with reading() as session:
        desk = _load(session, connection_id)
    look = _Look(desk)
    try:
        client = open_client(
            desk.connection,
            current_config(),
            on_wait=refuse_long_waits,
            timeout=INTERACTIVE_TIMEOUT_SECONDS,
        )
        with closing(client):
            counts = look.count(client)
            return _as_preview(desk, look, counts, client.budget.calls)
    except HuntressError as error:
        raise PreviewError(f"There is no preview. {explain(error)}") from error
    except WalkError as error:
        raise PreviewError(f"There is no preview. {error} Try again in a few minutes.") from error


def _load(session: Session, connection_id: int) -> _Desk:
    connection = read_polled(session, connection_id)
    if connection is None:
        raise NotFoundError("There is no such connection (any more).")
    _refuse(connection)
    rows = session.scalars(
        select(OrganizationMapping)
        .where(OrganizationMapping.connection_id == connection_id)
        .options(joinedload(OrganizationMapping.client))
        .execution_options(populate_existing=True)
    ).all()
    desk = _Desk(
        connection=connection,
        mappings=PreviewedMappings(
            connection_id, {row.external_id: row for row in rows}, client_index(session)
        ),
        boards={one.id: one.name for one in session.scalars(select(Board))},
        clients={one.id: one.name for one in session.execute(select(Client.id, Client.name))},
        priorities=list(session.scalars(select(Priority).order_by(Priority.position, Priority.id))),
    )
    session.expunge_all()  # the preview changes these rows; that is not to be stored
    return desk


def _refuse(connection: PolledConnection) -> None:
    if connection.disconnected_at is not None:
        raise PreviewError("This connection is disconnected; connect the account again first.")
    if connection.polling_started_at is not None:
        raise PreviewError("Polling has been started already; there is nothing to preview.")
    if missing := missing_labels(connection):
        raise PreviewError(f"Routing is incomplete; still missing: {', '.join(missing)}.")


class _Look:
    """One look at Huntress, of about MAX_PAGES pages and MAX_TIME."""

    def __init__(self, desk: _Desk) -> None:
        self.connection = desk.connection
        self.mappings = desk.mappings
        self.horizon = desk.connection.horizon
        self.is_cut_short = self.is_unsure = False
        self._ends_at = clock.utcnow() + MAX_TIME
        self._now = clock.utcnow() + CLOCK_TOLERANCE

    def count(self, client: HuntressClient) -> PreviewCounts:
        """Count the reports of the walk, then the reports that only the sweep finds."""
        counts = PreviewCounts()
        walked = newest_by_key(self._walk(client))
        listed = self._list_organizations(client)
        self._bring_up_to_date(client, walked.values(), listed)
        self._count(counts, walked)
        self.mappings.sync(listed)
        if not self.is_cut_short and not self.is_unsure:
            swept = newest_by_key(self._sweep(client, walked))
            self._count(counts, {key: row for key, row in swept.items() if key not in walked})
        return counts

    def _count(self, counts: PreviewCounts, rows: dict[str, Collected]) -> None:
        if self.horizon is not None:  # pragma: no branch - the first page of the walk sets it
            count_reports(
                counts,
                rows.values(),
                self.connection,
                self.mappings,
                horizon=self.horizon,
                now=self._now,
            )

    def _walk(self, client: HuntressClient) -> Iterator[Collected]:
        walk = CursorWalk(low=self.horizon or self._now, cursor=self.connection.cursor)
        while not walk.is_finished:
            if self._is_time_over():
                return
            page = client.list_incident_reports(walk.next_token)
            if self.horizon is None:
                walk.low = self.horizon = low_boundary(
                    None, now=page.answered_at, backfill_days=self.connection.backfill_days
                )
            rows = self._read(page, walk.take(page))
            if walk.pages > MAX_PAGES:  # this page is only to see whether there is more
                self.is_cut_short = bool(rows)
                return
            yield from rows

    def _sweep(
        self, client: HuntressClient, walked: Mapping[str, Collected]
    ) -> Iterator[Collected]:
        """Yield what Huntress lists as open, until all is listed or more is known to be unseen.

        `walked` are the reports that the walk has seen already. They do not use up the pages.
        """
        pages = new = 0
        for status in LISTED_STATUSES:
            walk = ListWalk()
            while not walk.is_finished:
                if pages == MAX_SWEEP_PAGES:
                    self.is_unsure = True
                if self.is_unsure or self._is_time_over():
                    return
                page = client.list_incident_reports(
                    walk.next_token, status=status, sort_field="id", sort_direction="desc"
                )
                pages += 1
                rows = self._read(page, walk.take(page))
                unseen = [row for row in rows if row.key not in walked]
                if unseen and new == MAX_PAGES:
                    self.is_cut_short = True
                    return
                new += bool(unseen)
                yield from rows

    def _read(self, page: Page, rows: list[object]) -> list[Collected]:
        self._now = page.answered_at + CLOCK_TOLERANCE
        return [read_report(row, self._now) for row in rows]

    def _list_organizations(self, client: HuntressClient) -> list[Organization]:
        if self._is_time_over():
            return []
        return list_all_organizations(client, lambda: None)

    def _bring_up_to_date(
        self, client: HuntressClient, rows: Collection[Collected], listed: list[Organization]
    ) -> None:
        """Update the mapping rows as a poll does for organizations without a known name.

        See fetch_details.
        """
        missing = self.mappings.missing(row.organization_id for row in rows)
        plan = plan_detail_fetch(
            len(missing),
            total=None,
            free_calls=client.budget.free_calls(),
            reserve=reserve_of(current_config().huntress_calls_per_minute),
        )
        if plan.pages:
            self.mappings.sync(listed)
        elif missing:
            self.mappings.add(one for one in listed if one.external_id in missing)

    def _is_time_over(self) -> bool:
        """Whether no further page is asked for; what was not asked for by then is not known."""
        if clock.utcnow() < self._ends_at:
            return False
        self.is_unsure = True
        return True


def _as_preview(desk: _Desk, look: _Look, counts: PreviewCounts, api_calls: int) -> Preview:
    by_board = {board: 0 for board, _client, _priority in counts.tickets}
    by_priority = dict.fromkeys((one.id for one in desk.priorities), 0)
    for (board, _client, priority), number in counts.tickets.items():
        by_board[board] += number
        by_priority[priority] += number
    used = [(one, by_priority[one.id]) for one in desk.priorities if by_priority[one.id]]
    return Preview(
        window_from=look.horizon or clock.utcnow(),
        looked_at=counts.looked_at,
        tickets=counts.ticket_count,
        boards=_most_first((desk.boards[key], number) for key, number in by_board.items()),
        priorities=used,
        clients=_by_client(desk, counts, [one.id for one, _ in used]),
        unmapped=_most_first(counts.unmapped.items()),
        without_ticket=counts.without_ticket.most_common(),
        unreadable=counts.unreadable,
        is_cut_short=look.is_cut_short,
        is_unsure=look.is_unsure,
        api_calls=api_calls,
    )


def _by_client(desk: _Desk, counts: PreviewCounts, priorities: list[int]) -> list[ClientCount]:
    places = {(client, board) for board, client, _priority in counts.tickets}
    rows = []
    for client, board in places:
        by_priority = [counts.tickets[(board, client, one)] for one in priorities]
        rows.append(
            ClientCount(
                desk.clients[client], desk.boards[board], sum(by_priority), tuple(by_priority)
            )
        )
    return sorted(rows, key=lambda row: (-row.total, row.name.casefold(), row.board))


def _most_first(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(counts, key=lambda pair: (-pair[1], pair[0].casefold()))
