"""One process at a time changes what a database is: migrations and restores."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from webapp.config import ConfigError
from webapp.extensions import db
from webapp.runtime.data_dir import alone_in
from webapp.services.operations.check_health import DATABASE_HINT
from webapp.services.transactions import first_line

MIGRATION_LOCK = 0x74726961
"""The number of PostgreSQL's advisory lock."""


@contextmanager
def database_alone() -> Iterator[None]:
    """Let one process at a time migrate the database; the others wait. Raises ConfigError."""
    if db.engine.dialect.name == "sqlite":
        with alone_in(Path(db.engine.url.database or "").parent):
            yield
        return
    try:
        connection = db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(select(func.pg_advisory_lock(MIGRATION_LOCK)))
    except SQLAlchemyError as error:
        raise ConfigError(
            f"The database cannot be used: {first_line(error)}", DATABASE_HINT
        ) from error
    try:
        yield
    finally:
        connection.invalidate()  # the lock ends with its session, also where that is broken
        connection.close()
