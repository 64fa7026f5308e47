"""Adding and renaming boards and their categories, which only admins may do.

See delete_guard for deactivating and deleting them.
"""

from sqlalchemy import ColumnElement

from webapp.models import Board, Category
from webapp.services.desk.edit_rows import (
    add_named,
    apply_edit,
    check_name_is_free,
    read_name,
)
from webapp.services.errors import FieldError
from webapp.services.lookups import get_row
from webapp.services.transactions import transaction


def add_board(name: str | None, actor_id: int | None = None) -> Board:
    """Add an active board. Raises FieldError."""
    name = _read(name)
    with transaction() as session:
        row = Board(name=name)
        add_named(session, row, {"name": name}, actor_id)
        return row


def rename_board(
    board_id: int, name: str | None, *, seen: str | None = None, actor_id: int | None = None
) -> bool:
    """Rename a board; returns False if it has the name already.

    Raises FieldError, EditConflictError, NotFoundError.
    """
    name = _read(name)
    with transaction() as session:
        row = get_row(session, Board, board_id, f"There is no board {board_id}.", lock=True)
        check_name_is_free(session, Board, name, "board", row_id=board_id)
        return apply_edit(session, row, {"name": name}, seen=seen, actor_id=actor_id)


def add_category(
    board_id: int, name: str | None, parent_id: int | None = None, actor_id: int | None = None
) -> Category:
    """Add a category to a board, or a subcategory if `parent_id` is given.

    A subcategory has no subcategories. Raises FieldError, NotFoundError.
    """
    name = _read(name)
    with transaction() as session:
        get_row(session, Board, board_id, f"There is no board {board_id}.", lock=True)
        if parent_id is not None:
            parent = session.get(Category, parent_id, populate_existing=True)
            if parent is None or parent.board_id != board_id or parent.parent_id is not None:
                raise FieldError({"parent_id": "Choose a category of this board."})
        row = Category(name=name, board_id=board_id, parent_id=parent_id)
        values = {"name": name, "board_id": board_id, "parent_id": parent_id}
        add_named(session, row, values, actor_id, within=_beside(board_id, parent_id))
        return row


def rename_category(
    category_id: int, name: str | None, *, seen: str | None = None, actor_id: int | None = None
) -> bool:
    """Rename a category; returns False if it has the name already.

    Raises FieldError, EditConflictError, NotFoundError.
    """
    name = _read(name)
    sentence = f"There is no category {category_id}."
    with transaction() as session:
        row = get_row(session, Category, category_id, sentence, lock=True)
        within = _beside(row.board_id, row.parent_id)
        check_name_is_free(session, Category, name, "category", row_id=category_id, within=within)
        return apply_edit(session, row, {"name": name}, seen=seen, actor_id=actor_id)


def _beside(board_id: int, parent_id: int | None) -> tuple[ColumnElement[bool], ...]:
    """SQL conditions for the categories among which a name has to be unique."""
    is_sibling = Category.parent_id == parent_id if parent_id else Category.parent_id.is_(None)
    return (Category.board_id == board_id, is_sibling)


def _read(name: str | None) -> str:
    errors: dict[str, str] = {}
    found = read_name(name, errors)
    if errors:
        raise FieldError(errors)
    return found
