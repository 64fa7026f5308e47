"""One migration of a database at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from webapp.extensions import db

LOCK_KEY = 0x7472_6961_6765
"""Any number that no other program uses for a lock in this database."""


@contextmanager
def migration_lock() -> Iterator[None]:
    """Hold a PostgreSQL database for one migration; another one waits until this one is over.

    The lock is the session's and ends with its connection. A SQLite database is held by a file
    in its data directory (`runtime.data_dir.migrating`).
    """
    if db.engine.dialect.name != "postgresql":
        yield
        return
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK_KEY})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK_KEY})
