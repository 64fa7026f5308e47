"""The choices of the forms of a ticket."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from webapp.models import Board, Category, Client, Priority, Ticket, User
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class BoardChoice:
    """A board with its categories as (id, words); a subcategory comes after its category."""

    id: int
    name: str
    categories: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OpeningChoices:
    """The choices for a new ticket."""

    clients: Sequence[tuple[int, str]]
    boards: Sequence[BoardChoice]
    priorities: Sequence[Priority]
    users: Sequence[User]


def board_choices(session: Session, ticket: Ticket | None = None) -> list[BoardChoice]:
    """The active boards with their active categories, by name, read in one statement.

    The board and categories of `ticket` are included even if they are not active.
    """
    board_id = ticket.board_id if ticket else None
    kept = [ticket.category_id, ticket.subcategory_id] if ticket else []
    rows = session.execute(
        select(Board.id, Board.name, Category)
        .outerjoin(
            Category,
            and_(
                Category.board_id == Board.id,
                or_(Category.is_active, Category.id.in_([one for one in kept if one])),
            ),
        )
        .where(or_(Board.is_active, Board.id == board_id))
        .order_by(func.lower(Board.name), Board.id, func.lower(Category.name), Category.id)
    ).all()
    boards = {row.id: BoardChoice(row.id, row.name) for row in rows}
    for board in boards.values():
        categories = [row.Category for row in rows if row.id == board.id and row.Category]
        board.categories.extend(_as_tree(categories))
    return list(boards.values())


def opening_choices() -> OpeningChoices:
    """The choices of the form for a new ticket; only active rows are offered."""
    with reading() as session:
        return OpeningChoices(
            clients=client_choices(session),
            boards=board_choices(session),
            priorities=session.scalars(select(Priority).order_by(Priority.position)).all(),
            users=session.scalars(
                select(User).where(User.may_work).order_by(func.lower(User.name), User.id)
            ).all(),
        )


def client_choices(session: Session, ticket: Ticket | None = None) -> list[tuple[int, str]]:
    """The active clients as (id, name), by name; the client of `ticket` is always included."""
    client_id = ticket.client_id if ticket else None
    rows = session.execute(
        select(Client.id, Client.name)
        .where(or_(Client.is_active, Client.id == client_id))
        .order_by(func.lower(Client.name), Client.id)
    )
    return [(row.id, row.name) for row in rows]


def _as_tree(categories: Sequence[Category]) -> list[tuple[int, str]]:
    """The categories as (id, words), each followed by its subcategories."""
    tree = []
    for category in categories:
        if category.parent_id is None:
            tree.append((category.id, category.name))
            tree += [
                (one.id, f"{category.name} › {one.name}")
                for one in categories
                if one.parent_id == category.id
            ]
    return tree
