"""Working through many rows in short transactions, so that a poll never waits for long.

What is picked is read without the write lock; each transaction asks again whether its rows are
still what was wanted. Killed at any moment, the work is done again for what is left.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp import clock
from webapp.services.transactions import NO_SYNC, PAUSE_SECONDS, reading, transaction

BATCH = 1_000

Write = Callable[[Session, Sequence[int]], int]


def work_through(
    query: Select[Any], key: InstrumentedAttribute[int], write: Write, size: int
) -> int:
    """Give the ids that `query` selects to `write`, `size` in a transaction, lowest first.

    `write` returns how many rows it dealt with; their sum is returned.
    """
    total, last_id = 0, 0
    while True:
        with reading() as session:
            ids = session.scalars(query.where(key > last_id).order_by(key).limit(size)).all()
        if not ids:
            return total
        if last_id:
            clock.sleep(PAUSE_SECONDS)
        with transaction() as session:
            total += write(session, ids)
        if len(ids) < size:
            return total
        last_id = ids[-1]


def delete_where(model: type[Any], *conditions: ColumnElement[bool]) -> int:
    """Delete the rows of a model that meet the conditions; return how many there were."""

    def write(session: Session, ids: Sequence[int]) -> int:
        return delete_rows(session, model, model.id.in_(ids), *conditions)

    return work_through(select(model.id).where(*conditions), model.id, write, BATCH)


def delete_rows(session: Session, model: type[Any], *conditions: ColumnElement[bool]) -> int:
    """Do the same in the caller's transaction, in one statement."""
    result = session.execute(delete(model).where(*conditions), execution_options=NO_SYNC)
    return int(result.rowcount)  # type: ignore[attr-defined]
