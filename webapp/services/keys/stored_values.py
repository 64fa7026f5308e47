"""Every encrypted value as it is stored, column by column, row by row."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import Column, literal, select, update
from sqlalchemy.orm import Session

from webapp.crypto import DecryptionError, ValuePlace, cipher
from webapp.extensions import db
from webapp.models.encrypted import TEXT, column_label, encrypted_columns, stored_text
from webapp.services.transactions import reading

BATCH = 100


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A value as the database holds it, and the place that it is bound to."""

    column: Column[str]
    place: ValuePlace
    stored: str = field(repr=False)

    @property
    def row(self) -> int:
        """The id of its row."""
        return self.place.row


def iterate_values() -> Iterator[list[StoredValue]]:
    """Every stored value, in batches that are read one at a time; nothing is held in between."""
    for column in encrypted_columns(db.metadata):
        after = 0
        while batch := _read_batch(column, after):
            yield batch
            after = batch[-1].row


def list_values(session: Session) -> Iterator[StoredValue]:
    """Every stored value, within one transaction."""
    for column in encrypted_columns(db.metadata):
        yield from _select_values(session, column, after=0, limit=None)


def replace_value(session: Session, value: StoredValue, stored: str) -> bool:
    """Store another text in place of `value`; False if somebody has stored another one since."""
    table = value.column.table
    result = session.execute(
        update(table)
        .where(table.c.id == value.row, stored_text(value.column) == literal(value.stored, TEXT))
        .values({value.column.name: literal(stored, TEXT)})
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


def find_origin(value: StoredValue, session: Session) -> ValuePlace | None:
    """The place that a misplaced value was made for, if that still holds a value of its own."""
    for other in list_values(session):
        try:
            cipher.decrypt(value.stored, other.place)
        except DecryptionError:
            continue
        return other.place
    return None


def _read_batch(column: Column[str], after: int) -> list[StoredValue]:
    with reading() as session:
        return list(_select_values(session, column, after=after, limit=BATCH))


def _select_values(
    session: Session, column: Column[str], *, after: int, limit: int | None
) -> Iterator[StoredValue]:
    table = column.table
    rows = session.execute(
        select(table.c.id, stored_text(column))
        .where(table.c.id > after, column.is_not(None))
        .order_by(table.c.id)
        .limit(limit)
    )
    for row, stored in rows:
        yield StoredValue(column, ValuePlace(column_label(column), row), stored)
