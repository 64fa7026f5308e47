"""Routing settings by the names people know, for the command line."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import Board, Category, Client, Priority, Status
from webapp.services.connections.routing_settings import RoutingError
from webapp.services.connections.routing_state import Named
from webapp.services.errors import FieldError
from webapp.services.lookups import get_connection
from webapp.services.transactions import reading

NONE = "none"
"""Stands for "no choice" where a name is expected."""

_MODELS: Mapping[str, tuple[type[Named], str]] = {
    "board_id": (Board, "board"),
    "fallback_board_id": (Board, "board"),
    "fallback_client_id": (Client, "client"),
    "critical_priority_id": (Priority, "priority"),
    "high_priority_id": (Priority, "priority"),
    "low_priority_id": (Priority, "priority"),
    "closed_status_id": (Status, "closed status"),
}
_NAMES_SHOWN = 10


def resolve_routing_names(connection_id: int, names: Mapping[str, str]) -> dict[str, object]:
    """The ids that `names` (field of `save_routing` → name) stand for; "none" clears a field.

    Names are taken exactly, or without regard to case where that is unambiguous; only active
    rows have one. Raises RoutingError with the names there are, NotFoundError.
    """
    errors: dict[str, str] = {}
    found: dict[str, object] = {}
    with reading() as session:
        connection = get_connection(session, connection_id)
        for field in (*_MODELS, "category_id", "subcategory_id"):
            name = names.get(field)
            if name is None:
                continue
            state = {
                "board_id": connection.board_id,
                "category_id": connection.category_id,
                **found,
            }
            kind, choices = _choices(session, field, state)
            try:
                found[field] = None if name == NONE else find_by_name(name, choices, kind)
            except FieldError as error:
                errors[field] = str(error)
    if errors:
        raise RoutingError(errors)
    return found


def find_client_id(name: str) -> int:
    """The active client of a name; raises FieldError with the names there are."""
    with reading() as session:
        _, choices = _choices(session, "fallback_client_id", {})
    return find_by_name(name, choices, "client")


def find_by_name(name: str, choices: Sequence[tuple[int, str]], kind: str) -> int:
    """The id of a name among `(id, name)` pairs; raises FieldError with the names there are."""
    exact = [key for key, known in choices if known == name]
    folded = name.strip().casefold()
    alike = exact or [key for key, known in choices if known.strip().casefold() == folded]
    if len(alike) == 1:
        return alike[0]
    names = ", ".join(known for _, known in choices[:_NAMES_SHOWN]) or "none"
    more = ", …" if len(choices) > _NAMES_SHOWN else ""
    problem = "more than one" if alike else "no"
    raise FieldError({"name": f'There is {problem} {kind} "{name}"; there are: {names}{more}.'})


def _choices(
    session: Session, field: str, state: Mapping[str, object]
) -> tuple[str, list[tuple[int, str]]]:
    if field in _MODELS:
        model, kind = _MODELS[field]
        query = select(model.id, model.name).order_by(model.name)
        if not issubclass(model, Priority | Status):
            query = query.where(model.is_active)
        if model is Status:
            query = query.where(Status.is_closed)
    else:
        is_top = field == "category_id"
        kind = "category of the security board" if is_top else "subcategory of that category"
        query = select(Category.id, Category.name).where(
            Category.is_active,
            Category.board_id == state["board_id"],
            Category.parent_id.is_(None) if is_top else Category.parent_id == state["category_id"],
        )
    return kind, [(key, name) for key, name in session.execute(query)]
