"""Taking what was deleted out of the database's files, where the database leaves it in them.

SQLite keeps deleted rows in free pages until something else is written there, and deleted words in
the search index until its parts are merged. PostgreSQL's vacuum frees what was deleted by itself,
and files of its write-ahead log are reused.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from webapp.extensions import SQLITE_BUSY_MILLISECONDS, db
from webapp.models.ticket_search import SEARCH_TABLE
from webapp.services.errors import RefusedError
from webapp.services.transactions import transaction

PAGES_AT_ONCE = 500
_MERGED = 2
"""A merge that changed fewer rows than that found nothing to do (SQLite's FTS5, "merge")."""

CHECKPOINT_WAITS_MILLISECONDS = 250
"""So long emptying the write-ahead log waits for readers: nobody can write meanwhile."""


def overwrite_deleted(session: Session) -> None:
    """Let SQLite overwrite with zeros whatever this transaction deletes.

    The connection goes on doing so for whoever uses it afterwards.
    """
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA secure_delete=ON"))


def merge_search_index() -> None:
    """Take deleted words out of SQLite's search index, a part in each transaction."""
    pages = -PAGES_AT_ONCE  # the first call says that everything is to be merged
    while _merge(pages):
        pages = PAGES_AT_ONCE


def _merge(pages: int) -> bool:
    with transaction() as session:
        if session.get_bind().dialect.name != "sqlite":
            return False
        overwrite_deleted(session)
        before = _changes(session)
        session.execute(
            text(f"INSERT INTO {SEARCH_TABLE} ({SEARCH_TABLE}, rank) VALUES ('merge', :pages)"),  # noqa: S608
            {"pages": pages},
        )
        return _changes(session) - before >= _MERGED


def _changes(session: Session) -> int:
    return int(session.execute(text("SELECT total_changes()")).scalar_one())


def empty_write_ahead_log() -> bool:
    """Take SQLite's write-ahead log into the file, and empty it; does nothing for PostgreSQL.

    Returns False while somebody reads what was before, as a backup does, or writes: then it still
    holds what was erased, and has to be emptied later.
    """
    if db.engine.dialect.name != "sqlite":
        return True
    [(is_busy, *_)] = _run("PRAGMA wal_checkpoint(TRUNCATE)", CHECKPOINT_WAITS_MILLISECONDS)
    return not is_busy


def compact_database() -> None:
    """Rewrite the database without what was deleted; nobody can write meanwhile on SQLite.

    Raises RefusedError where somebody reads what was before, so that a file still holds it.
    """
    if db.engine.dialect.name == "sqlite":
        _run("VACUUM")
        if not empty_write_ahead_log():
            raise RefusedError(
                "The database was rewritten, but somebody still reads what was before (a backup, "
                "say), so that its write-ahead log holds that. Run this again once they are done."
            )
        return
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM"))


def _run(statement: str, waits: int = SQLITE_BUSY_MILLISECONDS) -> list[tuple[Any, ...]]:
    """Run a statement that SQLite takes outside of transactions only; it `waits` milliseconds."""
    connection: Any = db.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={waits:d}")
        try:
            rows: list[tuple[Any, ...]] = cursor.execute(statement).fetchall()
        finally:
            cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MILLISECONDS}")
        return rows
    finally:
        connection.close()
