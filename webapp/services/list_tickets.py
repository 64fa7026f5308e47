"""The ticket list: filtered, sorted, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, raiseload

from webapp.models import Board, Client, Connection, Priority, Status, Ticket, User
from webapp.services.keyset import Keyset, Order, PageOfRows, read_page
from webapp.services.transactions import reading

PAGE_SIZE = 50
SEARCH_LENGTH = 100
NOBODY = "nobody"

_NEWEST = Order(Ticket.created_at, "created_at", descending=True)
_HIGHEST_ID = Order(Ticket.id, "id", descending=True)
SORTS: dict[str, Keyset] = {
    "priority": Keyset(Order(Priority.position, "priority.position"), _NEWEST, _HIGHEST_ID),
    "newest": Keyset(_NEWEST, _HIGHEST_ID),
    "oldest": Keyset(Order(Ticket.created_at, "created_at"), Order(Ticket.id, "id")),
    "updated": Keyset(Order(Ticket.updated_at, "updated_at", descending=True), _HIGHEST_ID),
}
UNTOUCHED = Ticket.first_touched_at.is_(None)
"""SQL for "no person has worked on it yet"."""

DEFAULT_SORTS = {False: "priority", True: "updated"}


@dataclass(frozen=True, slots=True)
class TicketQuery:
    """What of the tickets is asked for; None (or empty) does not narrow it.

    `assignee` is a user's id or NOBODY; `is_triage` and `is_untouched` see in_triage, UNTOUCHED.
    `sort` is a key of SORTS, else the default of the tab.
    `after` and `before` are the marks of a page's last and first row.
    """

    is_closed: bool = False
    board_id: int | None = None
    client_id: int | None = None
    priority_id: int | None = None
    assignee: int | str | None = None
    is_triage: bool = False
    is_untouched: bool = False
    search: str = ""
    sort: str | None = None
    after: str | None = None
    before: str | None = None

    @property
    def sort_name(self) -> str:
        """The sort that applies."""
        return self.sort if self.sort in SORTS else DEFAULT_SORTS[self.is_closed]

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter hides tickets of this tab."""
        return self != TicketQuery(
            is_closed=self.is_closed, sort=self.sort, after=self.after, before=self.before
        )


@dataclass(frozen=True, slots=True)
class FilterChoices:
    """What the filters offer: clients and boards that have tickets, priorities, people."""

    boards: Sequence[Board]
    clients: Sequence[Client]
    priorities: Sequence[Priority]
    users: Sequence[User]


@dataclass(frozen=True, slots=True)
class TicketPage:
    """One page of the list; the counts follow the filters, not the tab."""

    tickets: PageOfRows[Ticket]
    open_count: int
    closed_count: int
    choices: FilterChoices


def list_tickets(query: TicketQuery, *, page_size: int = PAGE_SIZE) -> TicketPage:
    """The tickets `query` asks for, with what their rows show loaded (client, board, …).

    A mark that cannot be read starts from the top.
    """
    with reading() as session:
        tickets = read_page(
            session,
            _rows(query),
            SORTS[query.sort_name],
            page_size,
            after=query.after,
            before=query.before,
        )
        return TicketPage(
            tickets=tickets,
            open_count=_count(session, replace(query, is_closed=False)),
            closed_count=_count(session, replace(query, is_closed=True)),
            choices=_choices(session),
        )


def in_triage() -> ColumnElement[bool]:
    """SQL for the triage queue: what is on a fallback board of a connection, or unmapped."""
    return or_(
        Ticket.board_id.in_(
            select(Connection.fallback_board_id).where(Connection.fallback_board_id.is_not(None))
        ),
        Ticket.is_unmapped,
    )


def ticket_rows() -> Select[Ticket]:
    """Tickets with everything a row shows, joined to Status and Priority for narrowing."""
    return (
        select(Ticket)
        .join(Ticket.status)
        .join(Ticket.priority)
        .options(
            contains_eager(Ticket.status),
            contains_eager(Ticket.priority),
            joinedload(Ticket.client),
            joinedload(Ticket.board),
            joinedload(Ticket.assignee),
            raiseload("*"),
        )
    )


def _rows(query: TicketQuery) -> Select[Ticket]:
    return ticket_rows().where(*_conditions(query))


def _count(session: Session, query: TicketQuery) -> int:
    counted = select(func.count()).select_from(Ticket).join(Ticket.status)
    return session.scalar(counted.where(*_conditions(query))) or 0


def _conditions(query: TicketQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [Status.is_closed.is_(query.is_closed)]
    wanted: tuple[tuple[Any, int | None], ...] = (
        (Ticket.board_id, query.board_id),
        (Ticket.client_id, query.client_id),
        (Ticket.priority_id, query.priority_id),
    )
    conditions += [column == value for column, value in wanted if value is not None]
    if query.assignee == NOBODY:
        conditions.append(Ticket.assignee_id.is_(None))
    elif query.assignee is not None:
        conditions.append(Ticket.assignee_id == query.assignee)
    if query.is_triage:
        conditions.append(in_triage())
    if query.is_untouched:
        conditions.append(UNTOUCHED)
    search = query.search.strip()[:SEARCH_LENGTH]
    if search:
        conditions.append(
            or_(
                Ticket.title.icontains(search, autoescape=True),
                Ticket.number.icontains(search, autoescape=True),
            )
        )
    return conditions


def _choices(session: Session) -> FilterChoices:
    used_boards = select(Ticket.board_id)
    used_clients = select(Ticket.client_id)
    return FilterChoices(
        boards=session.scalars(
            select(Board)
            .where(or_(Board.is_active, Board.id.in_(used_boards)))
            .order_by(func.lower(Board.name))
        ).all(),
        clients=session.scalars(
            select(Client).where(Client.id.in_(used_clients)).order_by(func.lower(Client.name))
        ).all(),
        priorities=session.scalars(select(Priority).order_by(Priority.position)).all(),
        users=session.scalars(
            select(User).where(User.is_active).order_by(func.lower(User.name))
        ).all(),
    )


def next_in_list(query: TicketQuery, ticket: Ticket) -> Ticket | None:
    """The ticket after `ticket` in the list, whether `ticket` (still) is in it or not."""
    keyset = SORTS[query.sort_name]
    with reading() as session:
        page = read_page(session, _rows(query), keyset, 1, after=keyset.mark(ticket))
    return page.rows[0] if page.rows else None
