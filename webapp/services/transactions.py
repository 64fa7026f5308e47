"""Units of work: services read and write the database only through these two blocks.

Neither block may contain a call to Huntress, because no transaction is held during HTTP. A request
to stop this process waits for the block's end.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from webapp.extensions import ADDS_ONLY, Base, db, read_only, writable
from webapp.stop_signals import stops_held_back

DATABASE_AWAY = (OperationalError, InterfaceError, InternalError)
"""How a database says that it cannot be used just now: gone, locked, full, or taking no writes."""

FOR_CHANGE = {"key_share": True}
"""How a row is locked that is going to change: others may go on referring to it meanwhile."""

NO_SYNC = {"synchronize_session": False}
"""Execution options for a statement that writes rows without updating objects loaded before."""

PAUSE_SECONDS = 0.02
"""Between two transactions of long work others get SQLite's write lock: whoever waits for it asks
again and again, and would find it taken each time."""

_OPEN = "triagedesk_unit_of_work"


class NestedTransactionError(RuntimeError):
    """A unit of work was opened inside another; the inner commit would end the outer one early."""


@contextmanager
def transaction() -> Iterator[Session]:
    """A write transaction that commits at the end and rolls back when anything raises.

    It works on what is in the database, not on what was loaded earlier: objects loaded before are
    detached. Their values stay readable, but they have to be loaded again to be changed.
    """
    with stops_held_back(), _unit_of_work() as session:
        session.expunge_all()
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    """Reads without a write lock. Loaded objects stay usable.

    On SQLite all of it sees one view. On PostgreSQL each statement sees what is committed when it
    begins, as in a transaction there; beginning and ending one are two more ways to the server.
    """
    with stops_held_back(), read_only(), _unit_of_work() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        yield session


@contextmanager
def adding_only(kind: type[Base]) -> Iterator[Session]:
    """A transaction of its own, on a connection of its own, that may add rows of `kind` alone.

    A request that only reads can be put on record with it; the row stays if the request fails
    afterwards. It must not be opened inside transaction(): SQLite has one writer at a time.
    """
    if db.session.registry.has() and db.session().info.get(_OPEN):
        raise NestedTransactionError("a transaction is already open")
    own = Session(db.engine, info={ADDS_ONLY: kind})
    with stops_held_back(), own as session, writable(session):
        yield session
        session.commit()


@contextmanager
def _unit_of_work() -> Iterator[Session]:
    session = db.session()
    if session.info.get(_OPEN):
        raise NestedTransactionError("a transaction is already open")
    if session.in_transaction():
        session.commit()  # ends a view that a page opened; it holds nothing to write
    session.info[_OPEN] = True
    try:
        yield session
        session.commit()
    except BaseException:
        session.expunge_all()  # a rollback would expire loaded objects, and pages still show them
        session.rollback()
        raise
    finally:
        session.info[_OPEN] = False


def was_database_asked() -> bool:
    """Whether this request, job or command has used the database so far."""
    return bool(db.session.registry.has())


def first_line(error: SQLAlchemyError) -> str:
    """The first line of the database driver's message, without the statement and its values."""
    cause = getattr(error, "orig", None) or error
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__
