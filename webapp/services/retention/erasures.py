"""Erasures: that somebody is forgotten, how far it has come, and that it goes on after a crash.

Whoever is to be forgotten is marked first. What is still there is what is still to be erased, so an
erasure can be interrupted at any moment and begun again by any process: while one works on a batch,
others wait for the erasure's row.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp import clock
from webapp.models import Erasure
from webapp.services.errors import RefusedError
from webapp.services.retention.batches import work_through
from webapp.services.retention.wipe import empty_write_ahead_log, overwrite_deleted
from webapp.services.transactions import NO_SYNC, reading, transaction

CLIENT = "client"
PERSON = "user"

WriteBatch = Callable[[Session, Sequence[int]], Mapping[str, int]]


def begin_erasure(
    session: Session, kind: str, subject_id: int, words: Sequence[str], actor_id: int | None
) -> Erasure:
    """Mark a client or person as being forgotten, in the caller's transaction.

    Raises RefusedError where that was begun already.
    """
    if _find(session, kind, subject_id) is not None:
        raise RefusedError("This is being forgotten already, or was.")
    erasure = Erasure(
        kind=kind,
        subject_id=subject_id,
        requested_by_id=actor_id,
        requested_at=clock.utcnow(),
        words=list(words),
        counts={},
    )
    session.add(erasure)
    session.flush()
    return erasure


def find_erasure(kind: str, subject_id: int) -> Erasure | None:
    """Return the erasure of a client or person, None where nobody asked for one."""
    with reading() as session:
        return _find(session, kind, subject_id)


def list_erasures(*, are_running: bool = False) -> list[Erasure]:
    """Return the erasures, oldest first; with `are_running` only those that are not finished."""
    query = select(Erasure).order_by(Erasure.id).execution_options(populate_existing=True)
    with reading() as session:
        wanted = query.where(Erasure.finished_at.is_(None)) if are_running else query
        return list(session.scalars(wanted))


def hold_erasure(session: Session, erasure_id: int) -> Erasure | None:
    """Lock an erasure for the caller's transaction; None where it has finished meanwhile."""
    erasure = session.get(Erasure, erasure_id, populate_existing=True, with_for_update=True)
    return None if erasure is None or erasure.finished_at is not None else erasure


def erase_batches(
    erasure: Erasure,
    query: Select[Any],
    key: InstrumentedAttribute[int],
    write: WriteBatch,
    size: int,
) -> None:
    """Let `write` erase what `query` finds, `size` ids in a transaction, and count it."""

    def write_counted(session: Session, ids: Sequence[int]) -> int:
        held = hold_erasure(session, erasure.id)
        if held is None:
            return 0
        overwrite_deleted(session)
        erased = write(session, ids)
        add_counts(held, erased)
        return sum(erased.values())

    work_through(query, key, write_counted, size)


def add_counts(erasure: Erasure, erased: Mapping[str, int]) -> None:
    """Add to what an erasure has erased so far."""
    names = {**erasure.counts, **erased}
    erasure.counts = {name: erasure.counts.get(name, 0) + erased.get(name, 0) for name in names}


def finish_erasure(erasure: Erasure, now: datetime) -> None:
    """Note that nothing is left, and forget the words that were looked for."""
    erasure.finished_at = now
    erasure.words = None


def wipe_finished() -> bool:
    """Take what finished erasures erased out of the database's files as well, where it still is.

    Returns False while that has to wait for somebody who reads what was before.
    """
    with reading() as session:
        ids = session.scalars(
            select(Erasure.id).where(Erasure.finished_at.is_not(None), Erasure.wiped_at.is_(None))
        ).all()
    if not ids:
        return True
    if not empty_write_ahead_log():
        return False
    with transaction() as session:
        session.execute(
            update(Erasure).where(Erasure.id.in_(ids)).values(wiped_at=clock.utcnow()),
            execution_options=NO_SYNC,
        )
    return True


def _find(session: Session, kind: str, subject_id: int) -> Erasure | None:
    return session.scalar(
        select(Erasure)
        .where(Erasure.kind == kind, Erasure.subject_id == subject_id)
        .execution_options(populate_existing=True)
    )
