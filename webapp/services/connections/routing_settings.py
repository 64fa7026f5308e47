"""Saving a connection's routing settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.routing import BACKFILL, POLL_INTERVAL, missing_keys
from webapp.models import Board, Category, Client, Connection, Priority, Status
from webapp.services.audit import changes_between, record_event
from webapp.services.edition import require_enterprise
from webapp.services.errors import ConflictError, FieldError
from webapp.services.lookups import get_connection
from webapp.services.transactions import reading, transaction

Named = Board | Category | Client | Priority | Status

SAVED_COMPLETE = "Routing configuration saved — incident polling is active."
SAVED_NOT_STARTED = "Routing configuration saved — start polling when you are ready."
SAVED_PAUSED = "Routing configuration saved — incident polling is paused."
SAVED_INCOMPLETE = (
    "Saved, but routing is still incomplete; polling stays paused until every required field is "
    "set."
)

ROUTING_REFERENCES: Mapping[str, type[Named]] = {
    "board_id": Board,
    "category_id": Category,
    "subcategory_id": Category,
    "fallback_client_id": Client,
    "fallback_board_id": Board,
    "critical_priority_id": Priority,
    "high_priority_id": Priority,
    "low_priority_id": Priority,
    "closed_status_id": Status,
}
NUMBER_FIELDS = {"poll_interval_minutes": POLL_INTERVAL, "backfill_days": BACKFILL}
SWITCH_FIELDS = ("auto_close_tickets", "leave_touched_open", "reopen_tickets")
ROUTING_FIELDS = (*ROUTING_REFERENCES, *NUMBER_FIELDS, *SWITCH_FIELDS)
"""The attributes of Connection that `save_routing` takes."""


class RoutingError(FieldError):
    """Some settings are not valid; nothing was saved. `fields` maps attribute to message."""


class StaleRoutingError(ConflictError):
    """Somebody else saved other settings meanwhile; nothing was saved.

    `stored` are the settings as they are now.
    """

    def __init__(self, stored: Mapping[str, object]) -> None:
        super().__init__(
            "Somebody else changed the routing meanwhile, so nothing was saved. Look at what "
            "changed, then save again."
        )
        self.stored = dict(stored)


@dataclass(frozen=True, slots=True)
class SavedRouting:
    """The connection as it was saved, the keys of settings still missing, and a message."""

    connection: Connection
    missing: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class RoutingChoices:
    """The active rows that the form offers, with priorities and statuses in their order."""

    boards: list[Board]
    categories: list[Category]
    subcategories: list[Category]
    clients: list[Client]
    priorities: list[Priority]
    closed_statuses: list[Status]


def routing_choices() -> RoutingChoices:
    """Return the choices of the routing form; categories are those of all boards."""
    with reading() as session:
        categories = session.scalars(
            select(Category).where(Category.is_active).order_by(Category.name, Category.id)
        ).all()
        return RoutingChoices(
            boards=list(session.scalars(select(Board).where(Board.is_active).order_by(Board.name))),
            categories=[category for category in categories if category.parent_id is None],
            subcategories=[category for category in categories if category.parent_id is not None],
            clients=list(
                session.scalars(select(Client).where(Client.is_active).order_by(Client.name))
            ),
            priorities=list(
                session.scalars(select(Priority).order_by(Priority.position, Priority.id))
            ),
            closed_statuses=list(
                session.scalars(
                    select(Status).where(Status.is_closed).order_by(Status.position, Status.id)
                )
            ),
        )


def routing_values(connection: Connection) -> dict[str, object]:
    """Return the settings of a connection by attribute (ROUTING_FIELDS)."""
    return {field: getattr(connection, field) for field in ROUTING_FIELDS}


def save_routing(
    connection_id: int,
    changes: Mapping[str, object],
    actor_id: int | None = None,
    *,
    seen: Mapping[str, object] | None = None,
) -> SavedRouting:
    """Save `changes`, by attribute of ROUTING_FIELDS; the other settings stay as they are.

    Only the columns that changed are written. Incomplete routing is saved too; it pauses polling. A
    new board clears a category that does not belong to it. `seen` are the settings that a form
    showed when it was loaded. With `seen`, a setting that somebody changed meanwhile is never
    overwritten, and a category is cleared only if the form left it unchanged. Raises
    StaleRoutingError, RoutingError, NotFoundError, EditionError; nothing is saved then.
    """
    require_enterprise()
    with transaction() as session:
        connection = get_connection(session, connection_id, lock=True)
        before = routing_values(connection)
        if seen is None:
            wanted = _clear_foreign_categories(session, before, changes)
        else:
            wanted = _clear_kept_categories(session, seen, changes)
            _refuse_stale(before, seen, wanted)
        errors = _check(session, before, wanted)
        if errors:
            raise RoutingError(errors)
        old, new = changes_between(before, wanted)
        for field, value in new.items():
            setattr(connection, field, value)
        if new:
            record_event(
                session,
                action="routing.saved",
                subject_type="connection",
                subject_id=connection.id,
                before=old,
                after=new,
                actor_id=actor_id,
            )
    missing = missing_keys(connection)
    return SavedRouting(connection, missing, _message(connection, missing))


def _message(connection: Connection, missing: tuple[str, ...]) -> str:
    if missing:
        return SAVED_INCOMPLETE
    if connection.polling_started_at is None:
        return SAVED_NOT_STARTED
    return SAVED_COMPLETE if connection.paused_at is None else SAVED_PAUSED


def _clear_foreign_categories(
    session: Session, before: Mapping[str, object], changes: Mapping[str, object]
) -> dict[str, object]:
    """Return `changes` with the categories cleared that do not belong to the new board."""
    wanted = dict(changes)
    state = {**before, **changes}
    if state["board_id"] != before["board_id"]:
        category = _category(session, state["category_id"])
        if category is None or category.board_id != state["board_id"]:
            wanted["category_id"] = state["category_id"] = None
    if state["category_id"] != before["category_id"]:
        subcategory = _category(session, state["subcategory_id"])
        if subcategory is None or subcategory.parent_id != state["category_id"]:
            wanted["subcategory_id"] = None
    return wanted


def _clear_kept_categories(
    session: Session, seen: Mapping[str, object], changes: Mapping[str, object]
) -> dict[str, object]:
    """Return `changes` with the kept categories cleared that do not belong to the board.

    A category that was chosen just now stays, so that the check refuses it.
    """
    wanted = dict(changes)
    for field, above, attribute in (
        ("category_id", "board_id", "board_id"),
        ("subcategory_id", "category_id", "parent_id"),
    ):
        row = _category(session, wanted.get(field))
        is_foreign = row is not None and getattr(row, attribute) != wanted.get(above)
        if is_foreign and wanted[field] == seen.get(field):
            wanted[field] = None
    return wanted


def _refuse_stale(
    before: Mapping[str, object], seen: Mapping[str, object], wanted: Mapping[str, object]
) -> None:
    """Raise StaleRoutingError where a stored setting is neither the seen nor the wanted one.

    A form that is sent twice is no conflict, because the second time the stored settings are the
    wanted ones.
    """
    for field in ROUTING_FIELDS:
        if before[field] not in (seen.get(field), wanted.get(field, before[field])):
            raise StaleRoutingError(before)


def _check(
    session: Session, before: Mapping[str, object], wanted: Mapping[str, object]
) -> dict[str, str]:
    """Return what is wrong with `wanted`, by field; a value that is already stored passes."""
    errors: dict[str, str] = {}
    for field, value in wanted.items():
        if field not in ROUTING_FIELDS:
            errors[field] = f"There is no routing setting {field}."
        elif value != before[field] or type(value) is not type(before[field]):
            problem = _problem(session, field, value)
            if problem:
                errors[field] = problem
    if not errors:
        errors = _check_together(session, before, wanted)
    return errors


def _problem(session: Session, field: str, value: object) -> str | None:
    if field in SWITCH_FIELDS:
        return None if isinstance(value, bool) else "Say yes or no."
    if field in NUMBER_FIELDS:
        least, most, _ = NUMBER_FIELDS[field]
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if is_number and least <= value <= most:  # type: ignore[operator]
            return None
        return f"Enter a whole number from {least} to {most}."
    if value is None:
        return None
    found = session.get(ROUTING_REFERENCES[field], value) if type(value) is int else None
    row = cast("Named | None", found)
    if row is None:
        return "This choice does not exist any more."
    if not getattr(row, "is_active", True):
        return f"{row.name} is not active any more; choose another."
    if isinstance(row, Status) and not row.is_closed:
        return f"{row.name} is not a closed status."
    return None


def _check_together(
    session: Session, before: Mapping[str, object], wanted: Mapping[str, object]
) -> dict[str, str]:
    """Return what is wrong with the combination of settings, by field."""
    state = {**before, **wanted}
    category = _category(session, state["category_id"])
    subcategory = _category(session, state["subcategory_id"])
    if category is not None and (
        category.parent_id is not None or category.board_id != state["board_id"]
    ):
        return {"category_id": f"{category.name} is not a category of the security board."}
    if subcategory is not None and (category is None or subcategory.parent_id != category.id):
        return {"subcategory_id": f"{subcategory.name} is not a subcategory of that category."}
    if state["auto_close_tickets"] and state["closed_status_id"] is None:
        return {"closed_status_id": "Choose the status that closed tickets get."}
    return {}


def _category(session: Session, category_id: object) -> Category | None:
    return session.get(Category, category_id) if type(category_id) is int else None
