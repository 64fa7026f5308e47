"""Deleting, deactivating and activating rows; a row that others point to is not deleted.

The references are read from the models' foreign keys, so none can be forgotten.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Column, Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.extensions import Base
from webapp.models import Asset, Board, Category, Client, Connection, Priority, Status
from webapp.models.retention import find_erasure_of
from webapp.services.audit import record_event
from webapp.services.errors import RefusedError
from webapp.services.lookups import get_row
from webapp.services.transactions import reading, transaction

DeskRow = Board | Category | Client | Priority | Status | Asset
Switchable = Asset | Board | Category | Client

_ROUTING = Connection.__tablename__
_GO_WITH_IT = {"client_mutes"}
_WORDS = {
    "tickets": ("ticket", "tickets"),
    "organization_mappings": ("mapped organization", "mapped organizations"),
    "categories": ("category", "categories"),
    "assets": ("asset", "assets"),
    "ticket_assets": ("ticket", "tickets"),
    "external_entity_mappings": ("Huntress agent", "Huntress agents"),
}


class HeldError(RefusedError):
    """The row cannot be deleted or deactivated; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Rows of one kind that point to a row of the desk."""

    table: str
    count: int
    names: tuple[str, ...] = ()

    @property
    def is_routing(self) -> bool:
        """Whether the holder is the routing of connections."""
        return self.table == _ROUTING

    def __str__(self) -> str:
        if self.is_routing:
            return f"the routing of {', '.join(self.names)}"
        one, many = _WORDS.get(self.table, ("other record", "other records"))
        return f"{self.count} {one if self.count == 1 else many}"


def list_holders(model: type[DeskRow], row_id: int) -> list[Holder]:
    """What points to a row, routing first; if the list is empty, the row can be deleted."""
    with reading() as session:
        return find_holders(session, model, row_id)


def find_holders(session: Session, model: type[DeskRow], row_id: int) -> list[Holder]:
    """Do the same as list_holders() within the caller's transaction."""
    found: dict[str, Holder] = {}
    for table_name, columns in _references(model):
        table = Base.metadata.tables[table_name]
        points_here = [column == row_id for column in columns]
        condition = points_here[0]
        for other in points_here[1:]:
            condition = condition | other
        count = session.scalar(select(func.count()).select_from(table).where(condition)) or 0
        if count:
            names = (
                tuple(session.scalars(select(table.c.name).where(condition).order_by(table.c.name)))
                if table_name == _ROUTING
                else ()
            )
            found[table_name] = Holder(table_name, count, names)
    return sorted(found.values(), key=lambda holder: (not holder.is_routing, holder.table))


def delete_row(model: type[DeskRow], row_id: int, actor_id: int | None = None) -> None:
    """Delete a row that nothing points to.

    Raises NotFoundError, and HeldError if something points to the row, if it is the default status,
    if it is the last priority or closed status, or a client that is forgotten.
    """
    with transaction() as session:
        row = _load(session, model, row_id)
        _check_is_not_last(session, row)
        _refuse_forgotten(session, row)
        holders = find_holders(session, model, row_id)
        if holders:
            raise HeldError(_sentence(row.name, "deleted", holders))
        name = row.name
        _record(session, row, "deleted", actor_id)
        session.delete(row)
        try:
            session.flush()
        except IntegrityError as error:
            raise HeldError(f"{name} came into use at this moment; nothing was deleted.") from error


def deactivate_row(model: type[Switchable], row_id: int, actor_id: int | None = None) -> Switchable:
    """Keep a row from being chosen; what points to it stays. Deactivating twice is fine.

    Raises NotFoundError, and HeldError if the routing of a connection points to the row.
    """
    with transaction() as session:
        row = _load(session, model, row_id)
        routing = [one for one in find_holders(session, model, row_id) if one.is_routing]
        if routing:
            raise HeldError(_sentence(row.name, "deactivated", routing))
        return _switch(session, row, False, actor_id)


def activate_row(model: type[Switchable], row_id: int, actor_id: int | None = None) -> Switchable:
    """Let a row be chosen again. Activating twice is fine.

    Raises NotFoundError, and HeldError for a client that is forgotten.
    """
    with transaction() as session:
        row = _load(session, model, row_id)
        _refuse_forgotten(session, row)
        return _switch(session, row, True, actor_id)


def _references(model: type[DeskRow]) -> Iterator[tuple[str, list[Column[int]]]]:
    """Every table with columns that point to the model's table, and these columns.

    Columns that forget a deleted row do not hold it, and neither do mutes, which go with it.
    """
    target = Base.metadata.tables[model.__tablename__].c.id
    for table in Base.metadata.sorted_tables:
        columns = [
            key.parent
            for key in table.foreign_keys
            if key.references(target.table) and key.ondelete != "SET NULL"
        ]
        if columns and table.name not in _GO_WITH_IT:
            yield table.name, columns


def _load(session: Session, model: type[DeskRow], row_id: int) -> DeskRow:
    # Saving a routing locks the connections, so no routing can begin to point here meanwhile.
    session.execute(select(Connection.id).order_by(Connection.id).with_for_update())
    if issubclass(model, Status | Priority):
        # _check_is_not_last counts all of them. Locking them in one order keeps two deletions from
        # waiting for each other.
        session.execute(select(model.id).order_by(model.id).with_for_update())
    name = model.__name__.lower()
    row: DeskRow = get_row(session, model, row_id, f"There is no {name} {row_id}.", lock=True)
    return row


def _check_is_not_last(session: Session, row: DeskRow) -> None:
    """Raise HeldError for the default status and for the last priority or closed status."""
    if isinstance(row, Status) and row.is_default:
        raise HeldError(f"{row.name} is the status of new tickets; choose another one first.")
    if not isinstance(row, Status | Priority):
        return
    query: Select[int] = select(type(row).id)
    if isinstance(row, Status):
        query = query.where(Status.is_closed.is_(row.is_closed))
    if len(session.scalars(query).all()) == 1:
        word = "priority" if isinstance(row, Priority) else "closed status"
        raise HeldError(f"{row.name} is the last {word}; add another one first.")


def _refuse_forgotten(session: Session, row: DeskRow) -> None:
    """Raise HeldError for a client that is forgotten: its number must never mean another one."""
    if isinstance(row, Client) and session.scalar(find_erasure_of("client", row.id)) is not None:
        raise HeldError("This client was forgotten. Only its number is left, which stays.")


def _switch(session: Session, row: DeskRow, is_active: bool, actor_id: int | None) -> Switchable:
    if not isinstance(row, Switchable):
        raise TypeError(f"{type(row).__name__} has no active state")
    if row.is_active != is_active:
        row.is_active = is_active
        _record(session, row, "activated" if is_active else "deactivated", actor_id)
    return row


def _sentence(name: str, participle: str, holders: list[Holder]) -> str:
    held_by = ", ".join(map(str, holders))
    return f"{name} cannot be {participle}: {held_by} {_verb(holders)} it."


def _verb(holders: list[Holder]) -> str:
    is_one = len(holders) == 1 and (holders[0].is_routing or holders[0].count == 1)
    return "uses" if is_one else "use"


def _record(session: Session, row: DeskRow, what: str, actor_id: int | None) -> None:
    kind = type(row).__name__.lower()
    record_event(
        session,
        action=f"{kind}.{what}",
        subject_type=kind,
        subject_id=row.id,
        after={"name": row.name},
        actor_id=actor_id,
    )
