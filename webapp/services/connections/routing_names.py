"""Routing settings by the names that people know, for the command line."""

from collections.abc import Mapping, Sequence
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.routing import (
    PRIORITY_COLUMNS,
    clamp_backfill_days,
    clamp_poll_interval,
    missing_keys,
)
from webapp.models import Board, Category, Client, Connection, Priority, Status
from webapp.services.connections.routing_settings import ROUTING_REFERENCES, Named, RoutingError
from webapp.services.edition import require_enterprise
from webapp.services.errors import FieldError
from webapp.services.lookups import get_connection
from webapp.services.transactions import reading

NONE = "none"
"""Stands for "no choice" where a name is expected."""

_KINDS: Mapping[type[Named], str] = {
    Board: "board",
    Client: "client",
    Priority: "priority",
    Status: "closed status",
}
_NAMES_SHOWN = 10


def show_routing(connection_id: int) -> dict[str, object]:
    """Return the routing settings by name, as `routing show` prints them.

    Raises NotFoundError, EditionError.
    """
    require_enterprise()
    with reading() as session:
        return _as_words(session, get_connection(session, connection_id))


def resolve_routing_names(connection_id: int, names: Mapping[str, str]) -> dict[str, object]:
    """Return the ids for `names` (field of `save_routing` → name); "none" clears a field.

    A name must match exactly, or be the only match when case is ignored. Inactive rows are not
    found. Raises RoutingError with the names that exist, NotFoundError.
    """
    errors: dict[str, str] = {}
    found: dict[str, object] = {}
    with reading() as session:
        connection = get_connection(session, connection_id)
        for field in ROUTING_REFERENCES:  # a board comes before its categories
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
    """Return the id of the active client with this name.

    Raises FieldError with the names that exist.
    """
    with reading() as session:
        _, choices = _choices(session, "fallback_client_id", {})
    return find_by_name(name, choices, "client")


def find_by_name(name: str, choices: Sequence[tuple[int, str]], kind: str) -> int:
    """Return the id of a name among `(id, name)` pairs; see `resolve_routing_names`.

    Raises FieldError with the first ten names.
    """
    exact = [key for key, known in choices if known == name]
    folded = name.strip().casefold()
    alike = exact or [key for key, known in choices if known.strip().casefold() == folded]
    if len(alike) == 1:
        return alike[0]
    names = ", ".join(known for _, known in choices[:_NAMES_SHOWN]) or "none"
    more = ", …" if len(choices) > _NAMES_SHOWN else ""
    problem = "more than one" if alike else "no"
    raise FieldError({"name": f'There is {problem} {kind} "{name}"; there are: {names}{more}.'})


def _as_words(session: Session, connection: Connection) -> dict[str, object]:
    missing = missing_keys(connection)

    def name(column: str) -> str | None:
        key = getattr(connection, column)
        found = None if key is None else session.get(ROUTING_REFERENCES[column], key)
        return None if found is None else cast("Named", found).name

    return {
        "id": connection.id,
        "board": name("board_id"),
        "category": name("category_id"),
        "subcategory": name("subcategory_id"),
        "fallback_client": name("fallback_client_id"),
        "fallback_board": name("fallback_board_id"),
        "priorities": {severity: name(column) for severity, column in PRIORITY_COLUMNS.items()},
        "poll_interval_minutes": clamp_poll_interval(connection.poll_interval_minutes),
        "backfill_days": clamp_backfill_days(connection.backfill_days),
        "auto_close_tickets": connection.auto_close_tickets,
        "closed_status": name("closed_status_id"),
        "leave_touched_open": connection.leave_touched_open,
        "reopen_tickets": connection.reopen_tickets,
        "is_complete": not missing,
        "missing": list(missing),
    }


def _choices(
    session: Session, field: str, state: Mapping[str, object]
) -> tuple[str, list[tuple[int, str]]]:
    model = ROUTING_REFERENCES[field]
    if model is not Category:
        kind = _KINDS[model]
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
