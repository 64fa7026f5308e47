"""Lists of an export that are read from the database, a batch at a time."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import InstrumentedAttribute

from webapp.services.list_sizes import EXPORT_BATCH
from webapp.services.retention.archive import ArchiveList, Record
from webapp.services.transactions import reading

Query: TypeAlias = "Select[*tuple[Any, ...]]"


def read_section(
    name: str,
    query: Query,
    key: InstrumentedAttribute[int] | ColumnElement[int],
    *,
    only_json: tuple[str, ...] = (),
    change: Callable[[dict[str, Any]], Record] = dict,
    size: int = EXPORT_BATCH,
    begins_at: int = 0,
) -> ArchiveList:
    """Return a list with the rows of `query`, whose first column is `key`, lowest first.

    Its columns have the query's names, and `change` is applied to each row. Each batch of `size`
    rows is read in a view of its own. No key is `begins_at` or less.
    """
    names = tuple(column.name for column in query.selected_columns)

    def read() -> Iterator[Record]:
        last_id = begins_at
        while True:
            with reading() as session:
                page = query.where(key > last_id).order_by(key).limit(size)
                rows = [dict(row._mapping) for row in session.execute(page)]
            yield from (change(row) for row in rows)
            if len(rows) < size:
                return
            last_id = rows[-1]["id"]

    return ArchiveList(name, tuple(one for one in names if one not in only_json), read, only_json)
