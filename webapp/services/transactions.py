"""Units of work: the one way services read and write the database.

Neither block may contain a call to Huntress: a transaction is never held across HTTP.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from webapp.extensions import db, read_only

NO_SYNC = {"synchronize_session": False}
"""Execution options of a statement that writes rows: objects loaded before are left as they are."""

_OPEN = "triagedesk_unit_of_work"


class NestedTransactionError(RuntimeError):
    """A unit of work was opened inside another: its commit would tear the outer one apart."""


@contextmanager
def transaction() -> Iterator[Session]:
    """A write transaction: committed at the end, rolled back when anything raises.

    It decides on what is in the database, not on what was loaded earlier: objects from before are
    detached (their values stay readable) and have to be loaded again to be changed.
    """
    with _unit_of_work() as session:
        session.expunge_all()
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    """A read transaction: one consistent view, no write lock. Loaded objects stay usable."""
    with read_only(), _unit_of_work() as session:
        yield session


@contextmanager
def _unit_of_work() -> Iterator[Session]:
    session = db.session()
    if session.info.get(_OPEN):
        raise NestedTransactionError("a transaction is already open")
    if session.in_transaction():
        session.commit()  # ends a view that a page opened; there is nothing to write in it
    session.info[_OPEN] = True
    try:
        yield session
        session.commit()
    except BaseException:
        session.expunge_all()  # a rollback would expire what was loaded, and pages still show it
        session.rollback()
        raise
    finally:
        session.info[_OPEN] = False
