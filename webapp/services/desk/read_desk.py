"""Boards, categories, priorities and statuses as the desk's settings show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Select, func, select

from webapp.models import Board, Category, Connection, Priority, Status, Ticket
from webapp.models.watch import is_no_drill
from webapp.services.counting import count_by
from webapp.services.desk.delete_guard import Holder, find_holders
from webapp.services.desk.edit_rows import version_of
from webapp.services.lookups import get_row
from webapp.services.transactions import reading

Ordered = TypeVar("Ordered", Priority, Status)


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A board and its numbers; `is_routed` says whether a connection's routing points to it."""

    board: Board
    open_tickets: int
    categories: int
    is_routed: bool


@dataclass(frozen=True, slots=True)
class CategoryNode:
    """A category and its subcategories."""

    category: Category
    children: Sequence[Category]


@dataclass(frozen=True, slots=True)
class BoardView:
    """A board, its categories as a tree, and the rows that point to it."""

    board: Board
    version: str
    holders: Sequence[Holder]
    categories: Sequence[CategoryNode]


@dataclass(frozen=True, slots=True)
class CategoryView:
    """A category, its board and parent, and the rows that point to it."""

    category: Category
    board: Board
    parent: Category | None
    version: str
    holders: Sequence[Holder]


@dataclass(frozen=True, slots=True)
class CountedRow:
    """A priority or status and the number of tickets that have it."""

    row: Priority | Status
    tickets: int


@dataclass(frozen=True, slots=True)
class RowView:
    """A priority or status, and the rows that point to it."""

    row: Priority | Status
    version: str
    holders: Sequence[Holder]


def list_boards() -> list[BoardRow]:
    """Every board, active boards first, then by name."""
    with reading() as session:
        boards = session.scalars(
            select(Board)
            .order_by(Board.is_active.desc(), func.lower(Board.name), Board.id)
            .execution_options(populate_existing=True)
        ).all()
        tickets = count_by(
            session,
            select(Ticket.board_id, func.count())
            .join(Ticket.status)
            .where(Status.is_closed.is_(False), is_no_drill())
            .group_by(Ticket.board_id),
        )
        categories = count_by(
            session, select(Category.board_id, func.count()).group_by(Category.board_id)
        )
        routed: set[int | None] = set()
        for pair in session.execute(select(Connection.board_id, Connection.fallback_board_id)):
            routed.update(pair)
        return [
            BoardRow(row, tickets.get(row.id, 0), categories.get(row.id, 0), row.id in routed)
            for row in boards
        ]


def read_board(board_id: int) -> BoardView:
    """The board and its categories; raises NotFoundError."""
    with reading() as session:
        row = get_row(session, Board, board_id, f"There is no board {board_id}.")
        found = session.scalars(
            select(Category)
            .where(Category.board_id == board_id)
            .order_by(Category.is_active.desc(), func.lower(Category.name), Category.id)
            .execution_options(populate_existing=True)
        ).all()
        return BoardView(
            board=row,
            version=version_of({"name": row.name}),
            holders=find_holders(session, Board, board_id),
            categories=[
                CategoryNode(top, [child for child in found if child.parent_id == top.id])
                for top in found
                if top.parent_id is None
            ],
        )


def read_category(category_id: int) -> CategoryView:
    """The category; raises NotFoundError."""
    with reading() as session:
        sentence = f"There is no category {category_id}."
        row = get_row(session, Category, category_id, sentence)
        return CategoryView(
            category=row,
            board=get_row(session, Board, row.board_id, sentence),
            parent=session.get(Category, row.parent_id) if row.parent_id else None,
            version=version_of({"name": row.name}),
            holders=find_holders(session, Category, category_id),
        )


def list_priorities() -> list[CountedRow]:
    """Every priority, the most urgent first, with the number of its tickets."""
    counted = select(Ticket.priority_id, func.count()).where(is_no_drill())
    return _list(Priority, counted.group_by(Ticket.priority_id))


def list_statuses() -> list[CountedRow]:
    """Every status in order, with the number of its tickets."""
    counted = select(Ticket.status_id, func.count()).where(is_no_drill())
    return _list(Status, counted.group_by(Ticket.status_id))


def read_priority(priority_id: int) -> RowView:
    """The priority; raises NotFoundError."""
    with reading() as session:
        row = get_row(session, Priority, priority_id, f"There is no priority {priority_id}.")
        values = {"name": row.name, "colour": row.colour}
        return RowView(row, version_of(values), find_holders(session, Priority, priority_id))


def read_status(status_id: int) -> RowView:
    """The status; raises NotFoundError."""
    with reading() as session:
        row = get_row(session, Status, status_id, f"There is no status {status_id}.")
        values = {"name": row.name, "is_closed": row.is_closed}
        return RowView(row, version_of(values), find_holders(session, Status, status_id))


def _list(model: type[Ordered], counted: Select[int, int]) -> list[CountedRow]:
    with reading() as session:
        rows = session.scalars(select(model).execution_options(populate_existing=True)).all()
        counts = count_by(session, counted)
        ordered = sorted(rows, key=lambda row: (row.position, row.id))
        return [CountedRow(row, counts.get(row.id, 0)) for row in ordered]
