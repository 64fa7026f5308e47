"""The rows of the desk that lists and forms offer, read in one statement, clients in another."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    String,
    cast,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from webapp.models import Board, Category, Client, Priority, Status, Ticket, User

_KINDS = ("status", "priority", "person", "board", "category", "client")
STATUS, PRIORITY, PERSON, BOARD, CATEGORY, CLIENT = _KINDS


@dataclass(frozen=True, slots=True)
class DeskChoice:
    """A row that can be chosen; one that is not `is_active` is so already."""

    id: int
    name: str
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class StatusChoice(DeskChoice):
    """A status; see Status."""

    position: int = 0
    is_closed: bool = False
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class PriorityChoice(DeskChoice):
    """A priority; see Priority."""

    position: int = 0
    colour: str = ""


@dataclass(frozen=True, slots=True)
class BoardChoice(DeskChoice):
    """A board with its categories as (id, words); a subcategory comes after its category."""

    categories: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DeskChoices:
    """Statuses and priorities by position, the others by name."""

    statuses: Sequence[StatusChoice] = ()
    priorities: Sequence[PriorityChoice] = ()
    users: Sequence[DeskChoice] = ()
    boards: Sequence[BoardChoice] = ()
    clients: Sequence[DeskChoice] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows that are offered although they are out of use: they are chosen just now.

    With `with_tickets`, boards and clients that have tickets are offered, too.
    """

    user_id: int | None = None
    board_id: int | None = None
    client_id: int | None = None
    category_ids: tuple[int, ...] = ()
    with_tickets: bool = False


def read_desk_choices(session: Session, kinds: Sequence[str], kept: Kept = Kept()) -> DeskChoices:
    """Read the choices of these `kinds`; the others are empty.

    Offered are the rows in use, and those of `kept` as long as they exist. It takes one statement,
    and one more for clients.
    """
    rows = session.execute(
        _select_choices(tuple(kind for kind in kinds if kind != CLIENT), kept)
    ).all()
    of: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
    for row in rows:
        of[row.kind].append(row)
    return DeskChoices(
        statuses=[
            StatusChoice(row.id, row.name, True, row.position, row.flag, row.other_flag)
            for row in sorted(of[STATUS], key=_by_position)
        ],
        priorities=[
            PriorityChoice(row.id, row.name, True, row.position, row.text)
            for row in sorted(of[PRIORITY], key=_by_position)
        ],
        users=_named(of[PERSON]),
        boards=[
            BoardChoice(row.id, row.name, row.flag, _tree(of[CATEGORY], row.id))
            for row in sorted(of[BOARD], key=_by_name)
        ],
        clients=_read_clients(session, kept) if CLIENT in kinds else (),
    )


def _read_clients(session: Session, kept: Kept) -> Sequence[DeskChoice]:
    """There may be thousands, and a row with no column but these is read in a fifth of the time."""
    return _clients(tuple(map(tuple, session.execute(_select_clients(kept)))))


@lru_cache(maxsize=8)
def _clients(rows: tuple[tuple[int, str, bool], ...]) -> tuple[DeskChoice, ...]:
    """Thousands of clients are the same ones as a moment ago, nearly always."""
    return tuple(sorted((DeskChoice(*row) for row in rows), key=_by_name))


@lru_cache(maxsize=128)
def _select_clients(kept: Kept) -> Select[*tuple[Any, ...]]:
    used = [Client.is_active, Client.id == kept.client_id]
    if kept.with_tickets:
        used.append(select(Ticket.id).where(Ticket.client_id == Client.id).exists())
    return select(Client.id, Client.name, Client.is_active).where(or_(*used))


@lru_cache(maxsize=128)
def _select_choices(kinds: tuple[str, ...], kept: Kept) -> CompoundSelect[*tuple[Any, ...]]:
    """To build it takes longer than to run it, and what is kept is mostly the same."""
    statements = _statements(kept)
    return union_all(*[statements[kind] for kind in kinds])


def _statements(kept: Kept) -> dict[str, Select[*tuple[Any, ...]]]:
    on_board = select(Ticket.id).where(Ticket.board_id == Board.id).exists()
    used_boards = [Board.is_active, Board.id == kept.board_id]
    if kept.with_tickets:
        used_boards.append(on_board)
    return {
        STATUS: _rows(
            STATUS,
            Status,
            position=Status.position,
            flag=Status.is_closed,
            other_flag=Status.is_default,
        ),
        PRIORITY: _rows(PRIORITY, Priority, position=Priority.position, text=Priority.colour),
        PERSON: _rows(PERSON, User, flag=User.is_active).where(
            or_(User.may_work, User.id == kept.user_id)
        ),
        BOARD: _rows(BOARD, Board, flag=Board.is_active).where(or_(*used_boards)),
        CATEGORY: _rows(
            CATEGORY, Category, position=Category.board_id, parent=Category.parent_id
        ).where(or_(Category.is_active, Category.id.in_(kept.category_ids))),
    }


def _rows(
    kind: str,
    model: Any,
    *,
    position: Any = None,
    parent: Any = None,
    flag: Any = None,
    other_flag: Any = None,
    text: Any = None,
) -> Select[*tuple[Any, ...]]:
    return select(
        literal(kind).label("kind"),
        model.id.label("id"),
        model.name.label("name"),
        _or_null(position, Integer).label("position"),
        _or_null(parent, Integer).label("parent"),
        _or_null(flag, Boolean).label("flag"),
        _or_null(other_flag, Boolean).label("other_flag"),
        _or_null(text, String).label("text"),
    )


def _or_null(column: Any, type_: Any) -> ColumnElement[Any]:
    found: ColumnElement[Any] = cast(null(), type_) if column is None else column
    return found


def _by_position(row: Any) -> tuple[int, int]:
    return row.position, row.id


def _by_name(row: Any) -> tuple[str, int]:
    return row.name.lower(), row.id


def _named(rows: Sequence[Any]) -> list[DeskChoice]:
    return [DeskChoice(row.id, row.name, row.flag) for row in sorted(rows, key=_by_name)]


def _tree(categories: Sequence[Any], board_id: int) -> list[tuple[int, str]]:
    """The board's categories as (id, words), each followed by its subcategories."""
    own = sorted((one for one in categories if one.position == board_id), key=_by_name)
    tree = []
    for category in own:
        if category.parent is None:
            tree.append((category.id, category.name))
            tree += [
                (one.id, f"{category.name} › {one.name}")
                for one in own
                if one.parent == category.id
            ]
    return tree
