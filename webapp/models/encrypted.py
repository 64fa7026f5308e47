"""The type of encrypted columns, and how a value comes to know its row.

A value is bound to its row, which a type never sees: it is handed single values. On the way out,
the database puts the row's id before each value (`column_expression`), wherever it is selected. On
the way in, the flush puts it there; a new row gets its id before that.
"""

import logging
from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Dialect,
    MetaData,
    String,
    Text,
    cast,
    event,
    func,
    inspect,
    select,
    type_coerce,
)
from sqlalchemy.orm import Mapper, Session, object_mapper
from sqlalchemy.sql.elements import Label
from sqlalchemy.types import TypeDecorator

from webapp.crypto import DecryptionError, UnreadableText, ValuePlace, Why, cipher

logger = logging.getLogger(__name__)

TEXT = Text()
"""The type of an encrypted column's content as the database has it."""

_warned_of: set[ValuePlace] = set()
"""The misplaced values that this process has logged."""


class TextOfRow(str):
    """A plain text on its way into the row with the id `row`."""

    __slots__ = ("row",)
    row: int

    def __new__(cls, text: str, row: int) -> "TextOfRow":
        value = super().__new__(cls, text)
        value.row = row
        return value


class EncryptedText(TypeDecorator[str]):
    """A text column that is stored encrypted; the plain text exists only in memory.

    `label` is the name of table and column. Values are written by the ORM's flush alone: a
    statement that writes one by itself is refused, because it does not say for which row.
    """

    impl = Text
    cache_ok = True

    def __init__(self, label: str) -> None:
        super().__init__()
        self.label = label

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Let the database put the row's id and a space before each value that is selected."""
        inner: Any = column.element if isinstance(column, Label) else column
        [declared] = inner.base_columns
        [key] = declared.table.primary_key
        row = inner.table.corresponding_column(key)
        return type_coerce(cast(row, String) + " " + type_coerce(inner, TEXT), self)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Encrypt a value that the flush has given its row; raises TypeError for any other."""
        if value is None:
            return None
        if not isinstance(value, TextOfRow):
            raise TypeError(f"{self.label} is written through objects alone: its row is not known")
        return cipher.encrypt(value, ValuePlace(self.label, value.row))

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Decrypt a value; one that cannot be read becomes an UnreadableText."""
        if value is None:
            return None
        row, _, stored = value.partition(" ")
        place = ValuePlace(self.label, int(row))
        try:
            return cipher.decrypt(stored, place)
        except DecryptionError as error:
            _warn_once(place, error.why)
            return UnreadableText(error.why)

    def compare_values(self, x: str | None, y: str | None) -> bool:
        """Whether setting `x` where `y` is stored changes nothing.

        The same text is written again, because it may be stored with an older key.
        """
        return x is None and y is None


def encrypted_columns(metadata: MetaData) -> Iterator[Column[str]]:
    """Every encrypted column, in an order that stays the same."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, EncryptedText):
                yield column


def column_label(column: Column[str]) -> str:
    """The label of an encrypted column."""
    kind: Any = column.type
    label: str = kind.label
    return label


def stored_text(column: Column[str]) -> ColumnElement[str]:
    """The column as it is stored, neither decrypted nor encrypted."""
    return type_coerce(column, TEXT)


def _warn_once(place: ValuePlace, why: Why) -> None:
    """A missing key is told by who needs the value; a value in a wrong place is told at once."""
    if why is Why.NOT_ITS_OWN and place not in _warned_of:
        _warned_of.add(place)
        logger.warning("The value stored as %s is not used: %s.", place, why)


@event.listens_for(Session, "before_flush")
def _give_rows(session: Session, _context: Any, _instances: Any) -> None:
    """Give each new row with an encrypted column its id, and each changed value its row."""
    new = [one for one in session.new if _encrypted_attributes(object_mapper(one))]
    for one in new:
        _give_id(session, one, new)
    for one in (*new, *session.dirty):
        for name in _encrypted_attributes(object_mapper(one)):
            changed = inspect(one).attrs[name].history.added
            if changed and changed[0] is not None:
                setattr(one, name, TextOfRow(changed[0], one.id))


@cache
def _encrypted_attributes(mapper: Mapper[Any]) -> tuple[str, ...]:
    return tuple(
        attribute.key
        for attribute in mapper.column_attrs
        if isinstance(attribute.columns[0].type, EncryptedText)
    )


def _give_id(session: Session, one: Any, new: list[Any]) -> None:
    """Take the id that the database would give the row.

    PostgreSQL's sequence gives each number once. In SQLite the transaction that writes is alone, so
    that the next number is its own.
    """
    if one.id is not None:
        return
    mapper = object_mapper(one)
    table = mapper.local_table
    connection = session.connection(bind_arguments={"mapper": mapper})
    if connection.dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(str(table), "id")
        one.id = connection.scalar(select(func.nextval(sequence)))
        return
    stored = connection.scalar(select(func.max(table.c.id))) or 0
    given = (other.id or 0 for other in new if type(other) is type(one))
    one.id = max(stored, *given) + 1
