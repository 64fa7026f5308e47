"""One statement for all that an open page asks for: parts of different kinds as rows of one shape.

Every part is a SELECT of these columns: its kind, an id, a number, three texts and two times, each
of which may be missing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    String,
    cast,
    literal,
    literal_column,
    null,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from webapp.models.columns import UtcDateTime

_TYPES: dict[str, Any] = {
    "id": Integer,
    "number": Integer,
    "name": String,
    "words": String,
    "more": String,
    "at": UtcDateTime,
    "changed": UtcDateTime,
}


def news_part(kind: str, found: Select[Any] | None = None, **columns: Any) -> Select[Any]:
    """One part: rows of `kind` with `columns`, read from what `found` selects from."""
    values = [literal(kind).label("kind"), *(_column(name, columns) for name in _TYPES)]
    return select(*values) if found is None else found.with_only_columns(*values)


def news_statement(parts: Sequence[Select[Any]]) -> CompoundSelect[Any]:
    """SQL for the rows of all parts."""
    # SQLite takes a LIMIT in a part only where that is a subquery.
    return union_all(*(select(part.subquery()) for part in parts))


def at_most(number: int) -> ColumnElement[int]:
    """SQL for a LIMIT in a part, written into the statement.

    Of one that it is told later, PostgreSQL expects the worst and plans anew each time.
    """
    return literal_column(str(number), Integer)


def read_news_rows(
    session: Session, statement: CompoundSelect[Any], values: Mapping[str, Any] | None = None
) -> dict[str, list[Any]]:
    """The rows of a `news_statement` by their kind; `values` are those of its parameters."""
    found: dict[str, list[Any]] = {}
    for row in session.execute(statement, values):
        found.setdefault(row.kind, []).append(row)
    return found


def _column(name: str, columns: dict[str, Any]) -> ColumnElement[Any]:
    value = columns.get(name)
    return (cast(null(), _TYPES[name]) if value is None else value).label(name)
