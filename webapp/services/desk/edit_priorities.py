"""Adding, editing and ordering priorities, which only admins may do."""

from sqlalchemy import func, select

from webapp.models import Priority
from webapp.services.desk.edit_rows import (
    add_named,
    apply_edit,
    check_name_is_free,
    read_name,
)
from webapp.services.desk.move_rows import move_row
from webapp.services.errors import FieldError
from webapp.services.lookups import get_row
from webapp.services.transactions import transaction

COLOURS = ("red", "orange", "yellow", "green", "azure", "blue", "purple", "grey")
"""The colours to choose from; they are easy to tell apart."""

KIND = "priority"


def add_priority(name: str | None, colour: str | None, actor_id: int | None = None) -> Priority:
    """Add a priority as the least urgent one. Raises FieldError."""
    name, colour = _read(name, colour, COLOURS)
    with transaction() as session:
        last = session.scalar(select(func.max(Priority.position))) or 0
        row = Priority(name=name, colour=colour, position=last + 1)
        add_named(session, row, {"name": name, "colour": colour}, actor_id)
        return row


def edit_priority(
    priority_id: int,
    name: str | None,
    colour: str | None,
    *,
    seen: str | None = None,
    actor_id: int | None = None,
) -> bool:
    """Save name and colour; returns False if nothing changed.

    The stored colour can be kept even if it is not one of COLOURS. Raises FieldError,
    EditConflictError, NotFoundError.
    """
    sentence = f"There is no priority {priority_id}."
    with transaction() as session:
        row = get_row(session, Priority, priority_id, sentence, lock=True)
        name, colour = _read(name, colour, (*COLOURS, row.colour))
        check_name_is_free(session, Priority, name, KIND, row_id=priority_id)
        values = {"name": name, "colour": colour}
        return apply_edit(session, row, values, seen=seen, actor_id=actor_id)


def move_priority(priority_id: int, *, is_up: bool, actor_id: int | None = None) -> bool:
    """Move a priority one place towards the most urgent (up) or away from it.

    Returns False if it is at that end already. Raises NotFoundError.
    """
    return move_row(Priority, priority_id, is_up=is_up, actor_id=actor_id)


def _read(name: str | None, colour: str | None, colours: tuple[str, ...]) -> tuple[str, str]:
    errors: dict[str, str] = {}
    found = read_name(name, errors)
    if colour not in colours:
        errors["colour"] = "Choose one of the colours."
    if errors:
        raise FieldError(errors)
    return found, str(colour)
